"""Definitions to be tried on Postgres: what the cases of DuckDB show, in its own spelling, and what only Postgres has.

Those over the same tables are tried together: most of what a trial costs is to make the databases.
"""

from __future__ import annotations

from runner.trial.values import Kind
from tests.trial.cases import Case

EVENTS = (
    "create table atomic.events (event_id int not null, k text, t timestamp, page text, x int, etl_tstamp timestamp)"
)
LATEST = "create function atomic.latest() returns timestamp language sql stable as 'select max(t) from atomic.events'"
RATE = "create function atomic.rate(p text) returns int language sql stable as 'select max(rate) from atomic.rates r where r.page = p'"

WRONG = Case(
    "wrong",
    {
        "derived.renamed": "with a as (select k, t + interval '2 hours' as t from atomic.events) select cast(t as date) as d, count(*) as n from a group by 1",
        "derived.listed": "with a(k, page, u) as (select page, k, t from atomic.events) select k, count(*) as n from a group by 1",
        "derived.half_ordered": "select k, (array_agg(page order by date_trunc('day', t)))[1] as f from atomic.events group by k",
        "derived.latest": "select k, count(*) as n, atomic.latest() as l from atomic.events group by k",
        "derived.rated": "select k, max(atomic.rate(page)) as r from atomic.events group by k",
        "derived.timed": "select k, clock_timestamp() as at from atomic.events",
    },
    ddl=(EVENTS, LATEST, "create table atomic.rates (page text, rate int)", RATE),
    models={"derived.renamed": {"key": {"d": "cast(t as date)"}}},
)
BY_KEY = frozenset({Kind.KEY, Kind.WRITES})
KINDS = {"half_ordered": {Kind.ORDER, Kind.KEY}, "timed": {Kind.CLOCK}}
"""What the trial may show of a model of WRONG; of all others that it is wrong by key."""

RICH = (
    "create extension citext with schema public",
    "create type atomic.mood as enum ('sad', 'it''s ok')",
    "create domain atomic.email as text not null check (value <> 'b')",
    "create type atomic.place as (city text, mood atomic.mood)",
    "create table atomic.pages (page citext primary key, rank int check (rank > 0))",
    "create view atomic.ranks as select page as path, rank * 2 as rank from atomic.pages where rank > 1",
    """create table atomic.events (event_id int not null, k text collate "C", page citext, mood atomic.mood, moods atomic.mood[],
    mail atomic.email, at atomic.place, doc jsonb, "Odd Name" varchar(3), x numeric, i interval day to second, etl_tstamp timestamp)""",
)
RIGHT = Case(
    "right",
    {
        "derived.sums": "select k, count(*) as n, sum(x) as s, max(mail::text) as mail, count(distinct mood) as m from atomic.events group by k",
        "derived.equals": "select page, x, i, count(*) as n from atomic.events group by page, x, i",
        "derived.types": """select "Odd Name" as o, mood, max(at::text) as at, max(moods) as moods, max(doc ->> 'a') as doc
            from atomic.events group by 1, 2""",
        "derived.pages": "select page, max(k) as k, count(*) as n from atomic.events group by page",
        "derived.users": "select p.k, sum(n) as n, max(l.rank) as r from derived.pages p left join atomic.ranks l on l.path = p.page group by p.k",
    },
    ddl=RICH,
    models={
        "derived.equals": {"key": ["page", "x", "i"]},
        "derived.types": {"key": {"o": '"Odd Name"', "mood": "mood"}},
        "derived.pages": {"key": "page"},
    },
)
