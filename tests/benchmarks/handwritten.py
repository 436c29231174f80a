"""The job of increment.py as a careful engineer would write it by hand for one playbook: one process, one transaction.

It keeps a manifest of event counts and the batches of every session, recomputes the sessions that a pending batch touches
or touched from all their events, and the users of their old and new rows. No checks, no lock, no crash recovery beyond
the transaction, no report.
"""

from __future__ import annotations

import sys

import duckdb

FIRST = """
create schema if not exists derived;
create schema if not exists own;
create table if not exists own.manifest (etl_tstamp timestamp, event_count bigint);
create table if not exists own.session_batches (domain_sessionid varchar, etl_tstamp timestamp);
create table if not exists derived.sessions (domain_sessionid varchar, domain_userid varchar, start_tstamp timestamp,
    end_tstamp timestamp, events bigint, page_views bigint, pages bigint);
create table if not exists derived.users (domain_userid varchar, first_seen timestamp, last_seen timestamp,
    sessions bigint, events hugeint);
"""

PENDING = """
create temp table pending as
select coalesce(c.etl_tstamp, m.etl_tstamp) as etl_tstamp, c.event_count
from (select etl_tstamp, count(*) as event_count from atomic.events group by 1) c
full outer join own.manifest m on m.etl_tstamp = c.etl_tstamp
where m.etl_tstamp is null or c.etl_tstamp is null or m.event_count <> c.event_count
"""

INCREMENT = """
create temp table pairs as
    select distinct domain_sessionid, etl_tstamp from atomic.events where etl_tstamp in (select etl_tstamp from pending);
create temp table touched as
    select domain_sessionid from pairs
    union
    select domain_sessionid from own.session_batches where etl_tstamp in (select etl_tstamp from pending);
create temp table new_sessions as
    select domain_sessionid, min(domain_userid) as domain_userid, min(derived_tstamp) as start_tstamp,
        max(derived_tstamp) as end_tstamp, count(*) as events,
        count(case when event_name = 'page_view' then 1 end) as page_views, count(distinct page_url) as pages
    from (
        select *, row_number() over (
            partition by event_id, domain_sessionid
            order by collector_tstamp, derived_tstamp, domain_userid, event_name, page_url
        ) as copy
        from atomic.events
        where domain_sessionid in (select domain_sessionid from touched)
    )
    where copy = 1
    group by domain_sessionid;
create temp table touched_users as
    select domain_userid from derived.sessions where domain_sessionid in (select domain_sessionid from touched)
    union
    select domain_userid from new_sessions;
delete from derived.sessions where domain_sessionid in (select domain_sessionid from touched);
insert into derived.sessions select * from new_sessions;
delete from derived.users where domain_userid in (select domain_userid from touched_users);
insert into derived.users
    select domain_userid, min(start_tstamp), max(end_tstamp), count(*), sum(events)
    from derived.sessions where domain_userid in (select domain_userid from touched_users) group by domain_userid;
delete from own.session_batches where etl_tstamp in (select etl_tstamp from pending);
insert into own.session_batches select * from pairs;
delete from own.manifest where etl_tstamp in (select etl_tstamp from pending);
insert into own.manifest select etl_tstamp, event_count from pending where event_count > 0;
"""


def main(path: str) -> None:
    """Bring the database at `path` up to date."""
    connection = duckdb.connect(path)
    connection.execute(FIRST)
    connection.execute("begin transaction")
    connection.execute(PENDING)
    found = connection.execute("select count(*), sum(event_count) from pending").fetchone()
    if found and found[0]:
        connection.execute(INCREMENT)
    connection.execute("commit")
    print(f"{found[0] if found else 0} batches")
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
