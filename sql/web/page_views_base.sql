-- derived.page_views_base: one row per page view id (the id in the web_page entity); page_views.sql gives it its place in
-- its session.
--
-- Definitions (Snowplow's standard web model):
--   * The row of a page view id is its first page_view event by derived_tstamp, dvce_created_tstamp, event_id (and session,
--     should one event id have two); only the events of the first instant are sorted.
--   * page_pings, end_tstamp, times and scrolling come from the events with this page view id in the session of that first
--     page_view only: a stray ping of another session counts nowhere, and a view without a session has no pings.
--   * engaged_time_s: heartbeat_s for each distinct heartbeat of the clock with a ping, less the first, plus min_visit_s;
--     0 without pings.
--   * absolute_time_s: whole seconds of the clock from the view to its last ping; 0 without a later ping.
--   * Pixels scrolled: the furthest offset, never less than 0 nor more than the document's size. Percentage scrolled: that
--     offset plus the window's size in the document's size, rounded half up, at most 100; null for a document of no size.
--   * Events without a page view id are left out.
--
-- Whole seconds are cut before they are counted, and what is divided is a double: engines differ in what extract keeps of a
-- fraction, and in what / makes of two whole numbers. The quotients are of numbers below 2^53, so that their floor is exact.
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

with starts as (
    select
        {{ page_view_id }} as page_view_id,
        min(case when e.event_name = 'page_view' then e.derived_tstamp end) as start_tstamp
    from atomic.events as e
    where {{ page_view_id }} is not null
        {{- policies }}
    group by {{ page_view_id }}
    having count(case when e.event_name = 'page_view' then 1 end) > 0
),

first_views as (
    select
        s.page_view_id,
        e.event_id,
        e.domain_sessionid,
        e.collector_tstamp,
        e.dvce_created_tstamp,
        e.derived_tstamp,
        e.app_id,
        e.platform,
        e.domain_sessionidx,
        e.domain_userid,
        e.network_userid,
        e.user_id,
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
        e.doc_width,
        e.doc_height,
        row_number() over (
            partition by s.page_view_id
            order by
                e.dvce_created_tstamp nulls last,
                e.event_id nulls last,
                e.domain_sessionid nulls last
        ) as view_number
    from atomic.events as e
    inner join starts as s
        on s.page_view_id = {{ page_view_id }}
        and (e.derived_tstamp = s.start_tstamp or (e.derived_tstamp is null and s.start_tstamp is null))
    where e.event_name = 'page_view'
        {{- policies }}
),

activity as (
    select
        {{ page_view_id }} as page_view_id,
        e.domain_sessionid,
        count(case when e.event_name = 'page_ping' then 1 end) as page_pings,
        count(distinct case
            when e.event_name = 'page_ping'
                then floor(
                    cast(extract(epoch from date_trunc('second', e.derived_tstamp)) as double precision) / {{ heartbeat_s }}
                )
        end) as heartbeats,
        max(case when e.event_name = 'page_ping' then e.derived_tstamp end) as last_ping_tstamp,
        max(e.doc_width) as doc_width,
        max(e.doc_height) as doc_height,
        cast(coalesce(max(e.br_viewwidth), 0) as bigint) as view_width,
        cast(coalesce(max(e.br_viewheight), 0) as bigint) as view_height,
        max(case when e.pp_xoffset_max > 0 then e.pp_xoffset_max else 0 end) as x_offset,
        max(case when e.pp_yoffset_max > 0 then e.pp_yoffset_max else 0 end) as y_offset
    from atomic.events as e
    where e.event_name in ('page_view', 'page_ping')
        and {{ page_view_id }} is not null
        and e.domain_sessionid is not null
        {{- policies }}
    group by {{ page_view_id }}, e.domain_sessionid
)

select
    s.page_view_id,
    v.event_id,
    v.domain_sessionid,
    v.app_id,
    v.platform,
    v.domain_sessionidx,
    v.domain_userid,
    v.network_userid,
    v.user_id,
    v.collector_tstamp,
    v.dvce_created_tstamp,
    v.derived_tstamp,
    v.derived_tstamp as start_tstamp,
    case when a.last_ping_tstamp > v.derived_tstamp then a.last_ping_tstamp else v.derived_tstamp end as end_tstamp,
    coalesce(a.page_pings, 0) as page_pings,
    cast(
        case when a.heartbeats > 0 then {{ heartbeat_s }} * (a.heartbeats - 1) + {{ min_visit_s }} else 0 end
        as bigint
    ) as engaged_time_s,
    cast(
        case
            when a.last_ping_tstamp > v.derived_tstamp
                then extract(epoch from date_trunc('second', a.last_ping_tstamp))
                    - extract(epoch from date_trunc('second', v.derived_tstamp))
            else 0
        end
        as bigint
    ) as absolute_time_s,
    coalesce(a.doc_width, v.doc_width) as doc_width,
    coalesce(a.doc_height, v.doc_height) as doc_height,
    case when a.x_offset > a.doc_width then a.doc_width else a.x_offset end as horizontal_pixels_scrolled,
    case when a.y_offset > a.doc_height then a.doc_height else a.y_offset end as vertical_pixels_scrolled,
    cast(
        case
            when a.doc_width <= 0 then null
            when a.x_offset + a.view_width >= a.doc_width then 100
            else floor(
                (200 * cast(a.x_offset + a.view_width as double precision) + a.doc_width)
                / (2 * cast(a.doc_width as double precision))
            )
        end
        as integer
    ) as horizontal_percentage_scrolled,
    cast(
        case
            when a.doc_height <= 0 then null
            when a.y_offset + a.view_height >= a.doc_height then 100
            else floor(
                (200 * cast(a.y_offset + a.view_height as double precision) + a.doc_height)
                / (2 * cast(a.doc_height as double precision))
            )
        end
        as integer
    ) as vertical_percentage_scrolled,
    v.page_title,
    v.page_url,
    v.page_urlscheme,
    v.page_urlhost,
    v.page_urlpath,
    v.page_urlquery,
    v.page_urlfragment,
    v.page_referrer,
    v.refr_urlscheme,
    v.refr_urlhost,
    v.refr_urlpath,
    v.refr_urlquery,
    v.refr_urlfragment,
    v.refr_medium,
    v.refr_source,
    v.refr_term,
    v.mkt_medium,
    v.mkt_source,
    v.mkt_term,
    v.mkt_content,
    v.mkt_campaign,
    v.mkt_clickid,
    v.mkt_network,
    v.geo_country,
    v.geo_region,
    v.geo_region_name,
    v.geo_city,
    v.geo_zipcode,
    v.geo_latitude,
    v.geo_longitude,
    v.geo_timezone,
    v.user_ipaddress,
    v.useragent,
    v.br_name,
    v.br_family,
    v.br_version,
    v.br_type,
    v.br_lang,
    v.br_viewwidth,
    v.br_viewheight,
    v.br_renderengine,
    v.os_name,
    v.os_family,
    v.os_manufacturer,
    v.os_timezone,
    v.dvce_type,
    v.dvce_ismobile,
    v.dvce_screenwidth,
    v.dvce_screenheight
from starts as s
left join first_views as v
    on v.page_view_id = s.page_view_id
    and v.view_number = 1
left join activity as a
    on a.page_view_id = s.page_view_id
    and a.domain_sessionid = v.domain_sessionid
