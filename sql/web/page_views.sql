-- derived.page_views: one row per page view of a session (domain_sessionid, page_view_id), from derived.page_views_base.
--
-- Definitions (Snowplow's standard web model):
--   * page_view_in_session_index numbers a session's page views from 1 by derived_tstamp, dvce_created_tstamp, event_id (and
--     page view id, should one event id have two); page_views_in_session counts them.
--   * Everything else is that of derived.page_views_base.
--   * Page views without a session are left out.
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

{% if max_session_days -%}
with starts as (
    select
        domain_sessionid,
        min(derived_tstamp) as start_tstamp
    from atomic.events
    where domain_sessionid is not null
        {{- policies }}
    group by domain_sessionid
)

{% endif -%}
select
    p.page_view_id,
    p.event_id,
    p.domain_sessionid,
    row_number() over (
        partition by p.domain_sessionid
        order by
            p.derived_tstamp nulls last,
            p.dvce_created_tstamp nulls last,
            p.event_id nulls last,
            p.page_view_id nulls last
    ) as page_view_in_session_index,
    count(*) over (partition by p.domain_sessionid) as page_views_in_session,
    p.app_id,
    p.platform,
    p.domain_sessionidx,
    p.domain_userid,
    p.network_userid,
    p.user_id,
    p.collector_tstamp,
    p.dvce_created_tstamp,
    p.derived_tstamp,
    p.start_tstamp,
    p.end_tstamp,
    p.page_pings,
    p.engaged_time_s,
    p.absolute_time_s,
    p.doc_width,
    p.doc_height,
    p.horizontal_pixels_scrolled,
    p.vertical_pixels_scrolled,
    p.horizontal_percentage_scrolled,
    p.vertical_percentage_scrolled,
    p.page_title,
    p.page_url,
    p.page_urlscheme,
    p.page_urlhost,
    p.page_urlpath,
    p.page_urlquery,
    p.page_urlfragment,
    p.page_referrer,
    p.refr_urlscheme,
    p.refr_urlhost,
    p.refr_urlpath,
    p.refr_urlquery,
    p.refr_urlfragment,
    p.refr_medium,
    p.refr_source,
    p.refr_term,
    p.mkt_medium,
    p.mkt_source,
    p.mkt_term,
    p.mkt_content,
    p.mkt_campaign,
    p.mkt_clickid,
    p.mkt_network,
    p.geo_country,
    p.geo_region,
    p.geo_region_name,
    p.geo_city,
    p.geo_zipcode,
    p.geo_latitude,
    p.geo_longitude,
    p.geo_timezone,
    p.user_ipaddress,
    p.useragent,
    p.br_name,
    p.br_family,
    p.br_version,
    p.br_type,
    p.br_lang,
    p.br_viewwidth,
    p.br_viewheight,
    p.br_renderengine,
    p.os_name,
    p.os_family,
    p.os_manufacturer,
    p.os_timezone,
    p.dvce_type,
    p.dvce_ismobile,
    p.dvce_screenwidth,
    p.dvce_screenheight
from derived.page_views_base as p
{%- if max_session_days %}
inner join starts as b
    on b.domain_sessionid = p.domain_sessionid
    and coalesce(
        extract(epoch from date_trunc('second', p.derived_tstamp))
        - extract(epoch from date_trunc('second', b.start_tstamp)), 0
    ) <= 86400 * {{ max_session_days }}
{%- endif %}
where p.domain_sessionid is not null
