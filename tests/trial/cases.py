"""Definitions to be tried: right ones, and wrong ones of every kind that the key-wise rule refuses or that once slipped by."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from runner.clock import Clock
from runner.increment.catalogue.bind import bind
from runner.names import TableName
from runner.playbook.load import load as read
from runner.playbook.variables import for_engine
from runner.program.load import load
from runner.program.values import Program
from runner.state.manifest import State
from runner.trial.trial import Budget, Held, attack
from runner.trial.values import Kind
from runner.trial.verdict import inputs_of
from runner.warehouse.base import Warehouse
from runner.warehouse.duckdb import DuckDB
from tests.kit.sessions import session

CLOCK = Clock(time.monotonic, time.sleep)
EVENTS = "create table atomic.events (event_id int not null, k varchar, t timestamp, page varchar, x int, etl_tstamp timestamp)"
DAY = {"d": "cast(t as date)"}
MANY_S = 600.0  # never used up: how many rounds are played hangs on nothing but their number


@dataclass(frozen=True)
class Case:
    """A playbook's models by table, over tables that the DDL makes; `kind` is what a trial shows, if it is wrong."""

    name: str
    sql: dict[str, str]
    kind: Kind | None = None
    key: Any = "k"
    ddl: tuple[str, ...] = (EVENTS,)
    source: dict[str, Any] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)

    def program(self, folder: Path, *, unproven: bool, engine: str = "duckdb") -> Program:
        """The loaded playbook; `unproven`: the key-wise rule is switched off."""
        models = []
        for table, text in self.sql.items():
            (folder / f"{table}.sql").write_text(text)
            own = {"key": self.key, **self.models.get(table, {})}
            off = {"unproven": True} if unproven and own["key"] and "merge" not in own else {}
            models.append({"table": table, "sql": f"{table}.sql", **{n: v for n, v in own.items() if v}, **off})
        source = {"table": "atomic.events", "batch": "etl_tstamp", **self.source}
        read_from = {} if "sources" in self.top else {"source": source}
        book = {"name": "tried", "target": "duckdb:///:memory:", **read_from, "models": models, **self.top}
        path = folder / "tried.yml"
        path.write_text(yaml.safe_dump(book, sort_keys=False))
        return load(for_engine(read(path, {}, {}, None), engine), engine, engine)


@contextmanager
def home(ddl: tuple[str, ...], url: str = "") -> Iterator[Warehouse]:
    """A user's database with these tables, and no rows."""
    warehouse = session(url, "trial") if url else DuckDB(":memory:")
    try:
        if ddl:
            warehouse.execute("ddl", "create schema atomic; create schema derived; " + "; ".join(ddl))
        yield warehouse
    finally:
        warehouse.close()


def held(
    case: Case, folder: Path, *, url: str = "", unproven: bool = True, rounds: int = 5, shrink_s: float = 0.2
) -> Held:
    """The trial of all the case's models, in the empty database of a URL, or in memory."""
    with home(case.ddl, url) as warehouse:
        program = case.program(folder, unproven=unproven, engine=warehouse.engine.name)
        bound = bind(program, warehouse, State())
        tables = [model.table for model in program.models]
        inputs, budget = inputs_of(program, warehouse, bound, tables), Budget(MANY_S, rounds, shrink_s)
        return attack(program, tables, warehouse, inputs, budget, CLOCK)


def one(name: str, sql: str, kind: Kind | None = None, key: Any = "k", ddl: str = EVENTS, **more: Any) -> Case:
    """A case of one model."""
    extra = more.pop("also", ())
    return Case(name, {"derived.m": sql}, kind, key, (ddl, *extra), **more)


M = TableName(("derived", "m"))
STRUCT = "create table atomic.events (user_id varchar, payload struct(user_id varchar, page varchar), x int, etl_tstamp timestamp)"
RATE = "create macro rate(p) as (select max(rate) from atomic.rates r where r.page = p)"
ORDERED: dict[str, Any] = {"dedupe": ["event_id", "k"], "order_by": ["etl_tstamp desc", "t", "page", "x"]}
DAYS = "with d as (select distinct ts::date as day from derived.ev) select d.day, count(distinct e.k) as wau from d join derived.ev e on e.ts::date > d.day - 7 and e.ts::date <= d.day group by d.day"
PAGES = ("create table atomic.pages (page varchar, name varchar)",)
NAMED = (
    "select e.k, p.name, row_number() over (partition by e.k order by e.t, e.event_id) as n"
    " from atomic.events e join atomic.pages p on p.page = e.page"
)

WRONG = [
    one("a look-up that has two rows of a page", NAMED, Kind.ORDER, source=ORDERED, also=PAGES),
    one(
        "the key's column is replaced",
        "with a as (select * exclude (t), t + interval 2 hour as t from atomic.events) select cast(t as date) as d, count(*) as n from a group by 1",
        Kind.KEY,
        DAY,
    ),
    one(
        "a name before the star",
        "with a as (select date_trunc('month', t) as t, * exclude (t) from atomic.events) select cast(t as date) as d, count(*) as n from a group by 1",
        Kind.KEY,
        DAY,
    ),
    one(
        "a list of columns",
        "with a(k, page, u) as (select page, k, t from atomic.events) select k, count(*) as n from a group by 1",
        Kind.KEY,
    ),
    one(
        "another expression of the key",
        "with a as (select lower(k) as k, * exclude (k) from atomic.events) select coalesce(k, '-') as k, count(*) as n from a group by 1",
        Kind.KEY,
        {"k": "coalesce(k, '-')"},
    ),
    one(
        "a field of a struct",
        "select user_id, sum(x) as s from atomic.events group by user_id",
        Kind.KEY,
        {"user_id": "payload.user_id"},
        STRUCT,
    ),
    one(
        "a macro that reads the source",
        "select k, count(*) as n, latest() as l from atomic.events group by k",
        Kind.KEY,
        also=("create macro latest() as (select max(t) from atomic.events)",),
    ),
    one(
        "a macro that reads a look-up",
        "select k, max(rate(page)) as r from atomic.events group by k",
        Kind.KEY,
        also=("create table atomic.rates (page varchar, rate int)", RATE),
    ),
    one(
        "an order that is not total",
        "select k, first(page order by date_trunc('day', t)) as f from atomic.events group by k",
        Kind.ORDER,
    ),
    one(
        "a day for an id",
        "with a as (select date_trunc('day', t) as event_id, * exclude (event_id) from atomic.events) select k, x, row_number() over (partition by k order by event_id) as n from a",
        Kind.ORDER,
        source=ORDERED,
    ),
    one(
        "totals over all keys",
        "select k, count(*) as n, (select count(*) from atomic.events) as every from atomic.events group by k",
        Kind.KEY,
    ),
    one(
        "a rank over all keys",
        "select k, count(*) as n, rank() over (order by count(*) desc) as r from atomic.events group by k",
        Kind.KEY,
    ),
    one(
        "a running total",
        "select k, t::date as d, sum(count(*)) over (order by k, t::date) as s from atomic.events group by 1, 2",
        Kind.KEY,
    ),
    one(
        "a limit",
        "select k, count(*) as n from atomic.events group by k order by n desc, k nulls last limit 2",
        Kind.KEY,
    ),
    one("chance", "select k, random() as r from atomic.events", Kind.CLOCK),
    Case(
        "seven days that roll, by hand",
        {
            "derived.ev": "select event_id, max(t) as ts, max(k) as k from atomic.events group by event_id",
            "derived.days": DAYS,
        },
        Kind.KEY,
        models={
            "derived.ev": {"key": "event_id"},
            "derived.days": {
                "key": "day",
                "affected": [{"input": "derived.ev", "keys": "select distinct ts::date as day from changed"}],
            },
        },
    ),
]

RIGHT = [
    one(
        "a look-up that has one row of a page",
        NAMED,
        source=ORDERED,
        also=PAGES,
        top={"lookups": {"atomic.pages": {"key": "page"}}},
    ),
    one(
        "sums",
        "select k, count(*) as n, sum(x) as s, max(t) as t, count(distinct page) as p from atomic.events group by k",
    ),
    one("rows", "select k, x, page from atomic.events"),
    one("copies", "select k, count(*) as n, max(page) as p from atomic.events group by k", source=ORDERED),
    one(
        "an order that ends in ids",
        "select k, first(page order by t, event_id) as p from atomic.events group by k",
        ddl=EVENTS.replace(" not null", ""),
        source=ORDERED,
    ),
    one("days", "select cast(t as date) as d, count(*) as n from atomic.events group by 1", key=DAY),
    one("no key", "select count(*) as n, count(distinct k) as k from atomic.events", key=None),
    one("numbers in texts", "select k, sum(cast(page as int)) as n from atomic.events group by k"),
    one("parts of dates in texts", "select k, min(date_trunc(page, t)) as n from atomic.events group by k"),
    one("JSON in texts", "select k, count(json(page)) as n from atomic.events group by k"),
    one("the clock", "select k, now() as at, current_date as d, count(*) as n from atomic.events group by k", key=None),
    one(
        "merged",
        "select k, min(t) as first_t, max(t) as last_t from atomic.events group by k",
        models={"derived.m": {"merge": {"first_t": "min", "last_t": "max"}}},
    ),
    one(
        "a struct",
        "select payload.user_id as u, max(payload) as p, sum(x) as s from atomic.events group by 1",
        key={"u": "payload.user_id"},
        ddl=STRUCT,
    ),
    one(
        "a look-up",
        "select e.k, max(l.rank) as r from atomic.events e left join atomic.pages l on l.page = e.page group by e.k",
        also=("create table atomic.pages (page varchar primary key, rank int check (rank > 0))",),
    ),
    one("floats", "select k, avg(x * 0.1) as a, stddev(x) as d, sum(sqrt(abs(x))) as s from atomic.events group by k"),
    Case(
        "a model on a model",
        {
            "derived.s": "select page, max(k) as k, count(*) as n from atomic.events group by page",
            "derived.u": "select k, sum(n) as n, count(*) as pages from derived.s group by k",
        },
        models={"derived.s": {"key": "page"}},
    ),
]
