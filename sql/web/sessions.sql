-- derived.sessions: one row per session (domain_sessionid).
--
-- Definitions (Snowplow's standard web model):
--   * start_tstamp and end_tstamp: first and last derived_tstamp of its events of any kind; absolute_time_s: whole seconds of
--     the clock between them.
--   * User, app and platform are those of its first event; referrer, marketing, geo and device those of its first page_view
--     or page_ping; first and last page those of its first and last page_view or page_ping.
--   * First and last are by derived_tstamp, dvce_created_tstamp, event_id (and page view id, should one event id have two);
--     only the events of the first or last instant are sorted.
--   * page_views, engaged_time_s: from derived.page_views. Views without a page view id are in page_view_events only.
--   * Events without a session are left out.
{%- set policies %}
    {%- if app_ids %}
        and app_id in ({{ app_ids | lit }})
    {%- endif %}
    {%- if bot_filter %}
        and coalesce(lower(br_type), '') not like '%robot%'
        {%- for word in bot_words %}
        and coalesce(lower(useragent), '') not like '%{{ word }}%'
        {%- endfor %}
    {%- endif %}
    {%- if max_days_late %}
        and coalesce(
            extract(epoch from date_trunc('second', dvce_sent_tstamp))
            - extract(epoch from date_trunc('second', dvce_created_tstamp)), 0
        ) <= 86400 * {{ max_days_late }}
    {%- endif %}
{%- endset %}

with {% if max_session_days -%}
starts as (
    select
        domain_sessionid,
        min(derived_tstamp) as start_tstamp
    from atomic.events
    where domain_sessionid is not null
        {{- policies }}
    group by domain_sessionid
),

{% endif -%}
sessions as (
    select
        e.domain_sessionid,
        min(e.derived_tstamp) as start_tstamp,
        max(e.derived_tstamp) as end_tstamp,
        min(case when e.event_name in ('page_view', 'page_ping') then e.derived_tstamp end) as first_page_tstamp,
        max(case when e.event_name in ('page_view', 'page_ping') then e.derived_tstamp end) as last_page_tstamp,
        count(*) as total_events,
        count(case when e.event_name = 'page_view' then 1 end) as page_view_events,
        count(case when e.event_name = 'page_ping' then 1 end) as page_ping_events,
        count(case when e.event_name = 'link_click' then 1 end) as link_click_events,
        count(case when e.event_name = 'submit_form' then 1 end) as submit_form_events,
        count(case
            when e.event_name in ('page_view', 'page_ping', 'link_click', 'submit_form') then null
            else 1
        end) as other_events
    from atomic.events as e
    {%- if max_session_days %}
    inner join starts as b
        on b.domain_sessionid = e.domain_sessionid
        and coalesce(
            extract(epoch from date_trunc('second', e.derived_tstamp))
            - extract(epoch from date_trunc('second', b.start_tstamp)), 0
        ) <= 86400 * {{ max_session_days }}
    {%- endif %}
    where e.domain_sessionid is not null
        {{- policies }}
    group by e.domain_sessionid
),

first_events as (
    select
        e.domain_sessionid,
        e.app_id,
        e.platform,
        e.domain_sessionidx,
        e.domain_userid,
        e.network_userid,
        e.user_id,
        row_number() over (
            partition by e.domain_sessionid
            order by
                e.dvce_created_tstamp nulls last,
                e.event_id nulls last,
                {{ page_view_id }} nulls last
        ) as event_number
    from atomic.events as e
    inner join sessions as s
        on s.domain_sessionid = e.domain_sessionid
        and (e.derived_tstamp = s.start_tstamp or (e.derived_tstamp is null and s.start_tstamp is null))
    where e.domain_sessionid is not null
        {{- policies }}
),

first_pages as (
    select
        e.domain_sessionid,
        e.page_title,
        e.page_url,
        e.page_urlscheme,
        e.page_urlhost,
        e.page_urlpath,
        e.page_urlquery,
        e.page_urlfragment,
        e.page_referrer,
        e.refr_urlscheme,
        e.refr_urlhost,
        e.refr_urlpath,
        e.refr_urlquery,
        e.refr_urlfragment,
        e.refr_medium,
        e.refr_source,
        e.refr_term,
        e.mkt_medium,
        e.mkt_source,
        e.mkt_term,
        e.mkt_content,
        e.mkt_campaign,
        e.mkt_clickid,
        e.mkt_network,
        e.geo_country,
        e.geo_region,
        e.geo_region_name,
        e.geo_city,
        e.geo_zipcode,
        e.geo_latitude,
        e.geo_longitude,
        e.geo_timezone,
        e.user_ipaddress,
        e.useragent,
        e.br_name,
        e.br_family,
        e.br_version,
        e.br_type,
        e.br_lang,
        e.br_viewwidth,
        e.br_viewheight,
        e.br_renderengine,
        e.os_name,
        e.os_family,
        e.os_manufacturer,
        e.os_timezone,
        e.dvce_type,
        e.dvce_ismobile,
        e.dvce_screenwidth,
        e.dvce_screenheight,
        row_number() over (
            partition by e.domain_sessionid
            order by
                e.dvce_created_tstamp nulls last,
                e.event_id nulls last,
                {{ page_view_id }} nulls last
        ) as page_number
    from atomic.events as e
    inner join sessions as s
        on s.domain_sessionid = e.domain_sessionid
        and (e.derived_tstamp = s.first_page_tstamp or (e.derived_tstamp is null and s.first_page_tstamp is null))
    where e.event_name in ('page_view', 'page_ping')
        {{- policies }}
),

last_pages as (
    select
        e.domain_sessionid,
        e.page_title,
        e.page_url,
        e.page_urlscheme,
        e.page_urlhost,
        e.page_urlpath,
        e.page_urlquery,
        e.page_urlfragment,
        row_number() over (
            partition by e.domain_sessionid
            order by
                e.dvce_created_tstamp desc nulls last,
                e.event_id desc nulls last,
                {{ page_view_id }} desc nulls last
        ) as page_number
    from atomic.events as e
    inner join sessions as s
        on s.domain_sessionid = e.domain_sessionid
        and (e.derived_tstamp = s.last_page_tstamp or (e.derived_tstamp is null and s.last_page_tstamp is null))
    where e.event_name in ('page_view', 'page_ping')
        {{- policies }}
),

page_views as (
    select
        v.domain_sessionid,
        count(*) as page_views,
        sum(v.engaged_time_s) as engaged_time_s
    from derived.page_views as v
    group by v.domain_sessionid
)

select
    s.domain_sessionid,
    u.app_id,
    u.platform,
    u.domain_sessionidx,
    u.domain_userid,
    u.network_userid,
    u.user_id,
    s.start_tstamp,
    s.end_tstamp,
    cast(
        extract(epoch from date_trunc('second', s.end_tstamp)) - extract(epoch from date_trunc('second', s.start_tstamp))
        as bigint
    ) as absolute_time_s,
    cast(coalesce(p.engaged_time_s, 0) as bigint) as engaged_time_s,
    coalesce(p.page_views, 0) as page_views,
    s.total_events,
    s.page_view_events,
    s.page_ping_events,
    s.link_click_events,
    s.submit_form_events,
    s.other_events,
    f.page_title as first_page_title,
    f.page_url as first_page_url,
    f.page_urlscheme as first_page_urlscheme,
    f.page_urlhost as first_page_urlhost,
    f.page_urlpath as first_page_urlpath,
    f.page_urlquery as first_page_urlquery,
    f.page_urlfragment as first_page_urlfragment,
    l.page_title as last_page_title,
    l.page_url as last_page_url,
    l.page_urlscheme as last_page_urlscheme,
    l.page_urlhost as last_page_urlhost,
    l.page_urlpath as last_page_urlpath,
    l.page_urlquery as last_page_urlquery,
    l.page_urlfragment as last_page_urlfragment,
    f.page_referrer,
    f.refr_urlscheme,
    f.refr_urlhost,
    f.refr_urlpath,
    f.refr_urlquery,
    f.refr_urlfragment,
    f.refr_medium,
    f.refr_source,
    f.refr_term,
    f.mkt_medium,
    f.mkt_source,
    f.mkt_term,
    f.mkt_content,
    f.mkt_campaign,
    f.mkt_clickid,
    f.mkt_network,
    f.geo_country,
    f.geo_region,
    f.geo_region_name,
    f.geo_city,
    f.geo_zipcode,
    f.geo_latitude,
    f.geo_longitude,
    f.geo_timezone,
    f.user_ipaddress,
    f.useragent,
    f.br_name,
    f.br_family,
    f.br_version,
    f.br_type,
    f.br_lang,
    f.br_viewwidth,
    f.br_viewheight,
    f.br_renderengine,
    f.os_name,
    f.os_family,
    f.os_manufacturer,
    f.os_timezone,
    f.dvce_type,
    f.dvce_ismobile,
    f.dvce_screenwidth,
    f.dvce_screenheight
from sessions as s
left join first_events as u
    on u.domain_sessionid = s.domain_sessionid
    and u.event_number = 1
left join first_pages as f
    on f.domain_sessionid = s.domain_sessionid
    and f.page_number = 1
left join last_pages as l
    on l.domain_sessionid = s.domain_sessionid
    and l.page_number = 1
left join page_views as p
    on p.domain_sessionid = s.domain_sessionid
