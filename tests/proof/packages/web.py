"""Web analytics: the kinds of models in the packages for Segment, RudderStack, Snowplow and Google Analytics."""

from __future__ import annotations

from tests.proof.keywise_query import MAYBE, ORDER, Good, No
from tests.proof.packages.world import (
    BY_DAY,
    BY_HASH,
    BY_MONTH,
    BY_PAGE_AND_DAY,
    BY_SESSION,
    BY_USER,
    BY_VIEW,
    USERS_BESIDE_SESSIONS,
)

SESSION, USER, VIEW, DAY, MONTH = ("session_id",), ("user_id",), ("view_id",), ("day",), ("month",)

SESSIONISED = """
with numbered as (select *, row_number() over (partition by user_id order by tstamp{tie}) as view_number from web.events
                  where name = 'page_view'),
  lagged as (select *, lag(tstamp) over (partition by user_id order by view_number) as previous from numbered),
  marked as (select *, case when date_diff('second', previous, tstamp) <= 1800 then 0 else 1 end as is_new from lagged),
  counted as (select *, sum(is_new) over (partition by user_id order by view_number
                                          rows between unbounded preceding and current row) as session_number from marked)
select event_id, user_id, tstamp, page, view_number, md5(user_id || '-' || session_number) as session_key from counted
"""

WEB = [
    # Segment, RudderStack: sessions of page views, users behind cookies, tracks within sessions
    Good(SESSIONISED.format(tie=", event_id"), USER, BY_USER),
    No(SESSIONISED.format(tie=""), USER, BY_USER, "leaves rows of a key alike", ORDER),
    Good(
        """
        with agg as (
          select distinct session_id, min(tstamp) over (partition by session_id) as started,
            max(tstamp) over (partition by session_id) as ended, count(*) over (partition by session_id) as views,
            first_value(page) over (w rows between unbounded preceding and unbounded following) as landing,
            last_value(page) over (w rows between unbounded preceding and unbounded following) as exit
          from web.events window w as (partition by session_id order by tstamp, event_id)),
        diffs as (select *, date_diff('second', started, ended) as duration_s from agg)
        select *, case when duration_s < 10 then 'short' when duration_s < 60 then 'middle' else 'long' end as tier
        from diffs""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        with landed as (
          select session_id, referrer, row_number() over (partition by session_id order by tstamp, event_id) as n
          from web.events)
        select landed.session_id, landed.referrer, m.medium as referrer_medium
        from landed left join ref.referrers as m on m.host = landed.referrer where landed.n = 1""",
        SESSION, BY_SESSION,
    ),
    No(
        """
        with sessions as (select * from mart.sessions), stitching as (select * from mart.users)
        select sessions.*, coalesce(stitching.known_as, sessions.user_id) as blended_user_id
        from sessions left join stitching using (user_id)""",
        SESSION, USERS_BESIDE_SESSIONS, "not joined by equality", why="a side input: users", shows=MAYBE,
    ),
    Good(
        """
        with named as (
          select distinct user_id, last_value(page) over (
            partition by user_id order by tstamp, event_id rows between unbounded preceding and unbounded following) as last_page
          from web.events where user_id is not null)
        select user_id, last_page from named""",
        USER, BY_USER,
    ),
    Good(
        """
        with tracks as (select * from web.events),
        starts as (select user_id, session_id, start_tstamp,
          lead(start_tstamp) over (partition by user_id order by start_tstamp, session_id) as next_start from mart.sessions)
        select t.event_id, t.user_id, s.session_id,
          row_number() over (partition by t.user_id, s.session_id order by t.tstamp, t.event_id) as track_number
        from tracks t join starts s on t.user_id = s.user_id and t.tstamp >= s.start_tstamp
          and (t.tstamp < s.next_start or s.next_start is null)""",
        USER, BY_USER,
    ),
    No(
        """
        select t.event_id, t.user_id, row_number() over (partition by s.session_id order by t.tstamp, t.event_id) as n
        from web.events t join mart.sessions s on t.user_id = s.user_id""",
        USER, BY_USER, "partition by s.session_id does not contain the key",
        MAYBE, "a session has one user here, which nobody has declared",
    ),
    Good("select cast(tstamp as date) as day, name, count(distinct event_id) as events from web.events group by day, name", DAY, BY_DAY),
    Good(
        "select cast(tstamp as date) as day, page, count(distinct coalesce(user_id, session_id)) as visitors from web.events group by 1, 2",
        DAY, BY_DAY,
    ),
    Good(
        """
        with sessions as (select *, date_diff('second', start_tstamp, end_tstamp) as duration_s from mart.sessions)
        select date_trunc('month', start_tstamp) as month, avg(duration_s) as average_s, count(*) as sessions from sessions group by 1""",
        MONTH, BY_MONTH,
    ),
    # Snowplow: page views, sessions, users, consent, vitals
    Good(
        """
        with pings as (select view_id, count(distinct floor(epoch(tstamp) / 10)) * 10 as engaged_s from web.events
                       where name = 'page_ping' and view_id is not null group by 1),
        views as (select * from web.events where name = 'page_view' and view_id is not null
                  qualify row_number() over (partition by view_id order by tstamp, event_id) = 1)
        select v.view_id, v.session_id, v.page, v.tstamp as start_tstamp, coalesce(p.engaged_s, 0) as engaged_s
        from views v left join pings p on p.view_id = v.view_id""",
        VIEW, BY_VIEW,
    ),
    Good(
        """
        with prep as (select ev.view_id, max(ev.seconds) as height, least(greatest(min(coalesce(ev.scroll, 0)), 0), max(ev.seconds)) as vmin,
          least(greatest(max(coalesce(ev.scroll, 0)), 0), max(ev.seconds)) as vmax
          from web.events as ev where ev.name in ('page_view', 'page_ping') and ev.seconds > 0 group by 1)
        select view_id, height, vmin, vmax, round(100 * (vmax / height::float)) as relative_vmax from prep""",
        VIEW, BY_VIEW,
    ),
    Good(
        """
        select session_id, max(user_id) as user_id, min(tstamp) as start_tstamp, max(tstamp) as end_tstamp from web.events
        where session_id is not null group by session_id having max(tstamp) <= min(tstamp) + interval 3 day""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        with firsts as (select * from (select *, row_number() over (partition by session_id order by tstamp, event_id) as rn from web.events) where rn = 1),
        lasts as (select session_id, page as exit_page from (
          select session_id, page, row_number() over (partition by session_id order by tstamp desc, event_id desc) as rn from web.events) where rn = 1),
        aggs as (select session_id, count(distinct case when name = 'page_view' then view_id end) as views, sum(seconds) as engaged_s from web.events group by session_id)
        select a.session_id, f.user_id, f.tstamp, f.page as landing_page, l.exit_page, a.views, a.engaged_s, a.views = 1 as bounced
        from firsts f join lasts l on f.session_id = l.session_id join aggs a on f.session_id = a.session_id""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        with prep as (select user_id, min(start_tstamp) as first_seen, max(end_tstamp) as last_seen, count(*) as sessions,
          sum(page_views) as views, sum(case when converted then 1 else 0 end) as conversions from mart.sessions group by 1),
        firsts as (select user_id, session_id from mart.sessions
          qualify row_number() over (partition by user_id order by start_tstamp, session_id) = 1)
        select prep.*, f.session_id as first_session from prep left join firsts f on f.user_id is not distinct from prep.user_id""",
        USER, BY_USER,
    ),
    No(
        """
        with stitched as (select s.*, coalesce(s.user_id, s.session_id) as inferred_user_id from mart.sessions s)
        select *, row_number() over (partition by inferred_user_id order by start_tstamp, session_id) as session_index from stitched""",
        SESSION, BY_SESSION, "partition by inferred_user_id does not contain the key",
    ),
    Good(
        """
        select page, cast(tstamp as date) as day, count(*) as shown,
          count(*) filter (where name = 'purchase') as accepted, percentile_cont(0.75) within group (order by seconds) as p75_s
        from web.events where name <> 'page_ping' group by page, 2""",
        ("page", "day"), BY_PAGE_AND_DAY,
    ),
    Good(
        """
        select page, tstamp::date as day, referrer, quantile_cont(seconds, 0.75) as p75
        from web.events group by page, tstamp::date, referrer""",
        ("page", "day"), BY_PAGE_AND_DAY,
    ),
    No(
        "select page, cast(tstamp as date) as day, quantile_cont(seconds, 0.75) as p75 from web.events group by rollup (page, cast(tstamp as date))",
        ("page", "day"), BY_PAGE_AND_DAY, "adds totals over all keys",
    ),
    Good(
        """
        select session_id, count(*) as conversions, min(tstamp) as first_at, array_agg(event_id order by tstamp, event_id) as ids,
          string_agg(distinct page, ',' order by page) as pages from web.events where name = 'purchase' group by session_id""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        with steps as (select session_id, min(case when page = '/' then tstamp end) as seen, min(case when page = '/cart' then tstamp end) as carted
          from web.events group by session_id)
        select session_id, seen is not null as step_1, seen < carted as step_2 from steps""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        select a.session_id, a.event_id, min(b.tstamp) as next_purchase from web.events a
        left join web.events b on b.session_id = a.session_id and b.name = 'purchase' and b.tstamp > a.tstamp
        where a.name = 'page_view' group by a.session_id, a.event_id""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        with bots as (select host from ref.referrers where medium = 'search')
        select session_id, count(*) as n from web.events where referrer not in (select host from bots) and referrer <> '' group by 1""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        select e.session_id, e.event_id, e.page from web.events e left join mart.sessions s on s.session_id = e.session_id
        where s.session_id is null and e.name = 'page_view'""",
        SESSION, BY_SESSION,
    ),
    No(
        "select session_id, count(*) as n from web.events where tstamp >= (select max(tstamp) - interval 1 day from web.events) group by 1",
        SESSION, BY_SESSION, "an aggregate without group by takes rows of all keys",
    ),
    # Google Analytics 4: sessions a day, pages, parameters, sources
    Good(
        """
        with metrics as (select session_id, user_id, min(tstamp::date) as day, count(*) filter (where name = 'page_view') as views,
          coalesce(max(scroll), 0) as engaged from web.events where session_id is not null group by 1, 2),
        conversions as (select session_id, count(*) as purchases from web.events where name = 'purchase' group by session_id)
        select metrics.*, conversions.* exclude (session_id) from metrics left join conversions using (session_id)""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        with views as (select cast(tstamp as date) as day, page, count(*) as views from web.events where name = 'page_view' group by 1, 2),
        pings as (select cast(tstamp as date) as day, page, sum(seconds) as engaged_s from web.events where name = 'page_ping' group by 1, 2),
        scrolls as (select cast(tstamp as date) as day, page, count(name) as scrolls from web.events where scroll > 30 group by 1, 2),
        engaged as (select views.*, sum(engaged_s) as engaged_s from pings right join views using (day, page)
          group by day, page, views)
        select engaged.*, ifnull(scrolls.scrolls, 0) as scrolls from engaged left join scrolls on scrolls.day = engaged.day and scrolls.page = engaged.page""",
        DAY, BY_DAY,
    ),
    No(
        """
        with views as (select cast(tstamp as date) as day, page, count(*) as views from web.events group by 1, 2),
        titles as (select page, max(referrer) as title from web.events group by page)
        select views.*, titles.title from views left join titles on titles.page = views.page""",
        DAY, BY_DAY, "group by page does not contain the key",
    ),
    Good(
        """
        select e.session_id, e.event_id, (select max(p.value) from (select unnest(e.params) as p) where p.key = 'id') as id_param
        from web.events e""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        with keyed as (select e.session_id, e.event_id, p.key, p.value from web.events e, unnest(e.params) as u(p))
        select session_id, key, count(distinct value) as n, max(value) as last_value from keyed group by all""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        select user_id, session_id, event_id, last_value(nullif(referrer, '') ignore nulls) over (
          partition by user_id order by tstamp, event_id rows between unbounded preceding and current row) as last_source
        from web.events where user_id is not null""",
        USER, BY_USER,
    ),
    Good(
        """
        with events as (select *, coalesce(referrer, '') as source from web.events)
        select session_id, source, case when source = '' then 'direct' when regexp_matches(source, '^a\\.') then 'search'
          when source in (select host from ref.referrers) then 'referral' else 'other' end as channel, count(*) as n
        from events group by 1, 2, 3""",
        SESSION, BY_SESSION,
    ),
    # dbt_utils: the most recent row, keys made of several columns, gaps, pivots, unions
    Good("select * from web.events qualify row_number() over (partition by user_id order by tstamp desc, event_id) = 1", USER, BY_USER),
    Good(
        """
        select md5(coalesce(user_id, '') || '-' || page) as sid, count(*) as n, max(tstamp) as last_at from web.events
        group by md5(coalesce(user_id, '') || '-' || page)""",
        ("sid",), BY_HASH,
    ),
    Good(
        """
        select e.* from web.events e where e.tstamp = (select max(l.tstamp) from web.events l where l.session_id = e.session_id)""",
        SESSION, BY_SESSION,
    ),
    Good(
        """
        with days as (select distinct user_id, tstamp::date as day from web.events where tstamp is not null),
        islands as (select user_id, day, day - cast(row_number() over (partition by user_id order by day) as int) as island from days)
        select user_id, island, min(day) as first_day, count(*) as days from islands group by user_id, island""",
        USER, BY_USER,
    ),
]  # fmt: skip
