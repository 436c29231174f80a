-- derived.users: one row per user (domain_userid), from derived.sessions.
--
-- Definitions (Snowplow's standard web model):
--   * A session belongs to the user of its first event.
--   * first_seen_tstamp and last_seen_tstamp: start of the first and end of the last of the user's sessions; page views,
--     events and times are sums over them.
--   * user_id: the newest one known, by start_tstamp and domain_sessionid.
--   * First page, referrer, marketing and country are those of the first session (by start_tstamp, domain_sessionid) with a
--     page_view or page_ping, the last page that of the last such session; of all sessions where none has any.
--   * Sessions without a user are left out.

with totals as (
    select
        s.domain_userid,
        min(s.start_tstamp) as first_seen_tstamp,
        max(s.end_tstamp) as last_seen_tstamp,
        count(*) as sessions,
        cast(sum(s.page_views) as bigint) as page_views,
        cast(sum(s.total_events) as bigint) as total_events,
        cast(sum(s.engaged_time_s) as bigint) as engaged_time_s,
        cast(sum(s.absolute_time_s) as bigint) as absolute_time_s
    from derived.sessions as s
    where s.domain_userid is not null
    group by s.domain_userid
),

numbered as (
    select
        domain_userid,
        user_id,
        first_page_title,
        first_page_url,
        first_page_urlhost,
        first_page_urlpath,
        last_page_title,
        last_page_url,
        last_page_urlhost,
        last_page_urlpath,
        page_referrer,
        refr_urlhost,
        refr_medium,
        refr_source,
        refr_term,
        mkt_medium,
        mkt_source,
        mkt_term,
        mkt_content,
        mkt_campaign,
        geo_country,
        row_number() over (
            partition by domain_userid
            order by
                case when page_view_events + page_ping_events > 0 then 0 else 1 end,
                start_tstamp nulls last,
                domain_sessionid
        ) as number_up,
        row_number() over (
            partition by domain_userid
            order by
                case when page_view_events + page_ping_events > 0 then 0 else 1 end,
                start_tstamp desc nulls last,
                domain_sessionid desc
        ) as number_down,
        row_number() over (
            partition by domain_userid
            order by
                case when user_id is not null then 0 else 1 end,
                start_tstamp desc nulls last,
                domain_sessionid desc
        ) as id_number
    from derived.sessions
    where domain_userid is not null
)

select
    t.domain_userid,
    i.user_id,
    t.first_seen_tstamp,
    t.last_seen_tstamp,
    t.sessions,
    t.page_views,
    t.total_events,
    t.engaged_time_s,
    t.absolute_time_s,
    f.first_page_title,
    f.first_page_url,
    f.first_page_urlhost,
    f.first_page_urlpath,
    l.last_page_title,
    l.last_page_url,
    l.last_page_urlhost,
    l.last_page_urlpath,
    f.page_referrer,
    f.refr_urlhost,
    f.refr_medium,
    f.refr_source,
    f.refr_term,
    f.mkt_medium,
    f.mkt_source,
    f.mkt_term,
    f.mkt_content,
    f.mkt_campaign,
    f.geo_country
from totals as t
left join numbered as f
    on f.domain_userid = t.domain_userid
    and f.number_up = 1
left join numbered as l
    on l.domain_userid = t.domain_userid
    and l.number_down = 1
left join numbered as i
    on i.domain_userid = t.domain_userid
    and i.id_number = 1
