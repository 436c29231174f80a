-- derived.daily: one row per day on which sessions began (session_date, the UTC day of start_tstamp), from derived.sessions.
--
-- Definitions (Snowplow's standard web model's sessions and users, counted by day):
--   * A session counts whole on the day on which it began, also what it did after midnight.
--   * users: distinct domain_userid; new_users: those whose first session (domain_sessionidx = 1) began on this day.
--   * engaged_sessions: sessions with engaged time; single_page_sessions: sessions with exactly one page view.
--   * Sessions without a start_tstamp are left out.

select
    cast(s.start_tstamp as date) as session_date,
    count(*) as sessions,
    count(distinct s.domain_userid) as users,
    count(distinct case when s.domain_sessionidx = 1 then s.domain_userid end) as new_users,
    count(case when s.engaged_time_s > 0 then 1 end) as engaged_sessions,
    count(case when s.page_views = 1 then 1 end) as single_page_sessions,
    cast(sum(s.page_views) as bigint) as page_views,
    cast(sum(s.total_events) as bigint) as total_events,
    cast(sum(s.engaged_time_s) as bigint) as engaged_time_s,
    cast(sum(s.absolute_time_s) as bigint) as absolute_time_s
from derived.sessions as s
where s.start_tstamp is not null
group by cast(s.start_tstamp as date)
