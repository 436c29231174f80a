"""The conditions of `merge:` models, by example; and that folding stored and new rows is the same as recomputing."""

# ruff: noqa: E501 (one query is one line)

from __future__ import annotations

import random
from collections.abc import Iterator

import duckdb
import pytest
import sqlglot

from runner.keywise import Refusal
from runner.merging import check_merge, stored_order
from runner.names import TableName
from runner.playbook import Expression, Fold, KeyColumn, MergeColumn, Model, Query

SOURCE = TableName(("s", "events"))
FIRST, LAST, MIN, MAX = Fold.FIRST, Fold.LAST, Fold.MIN, Fold.MAX
SEEN = (MergeColumn("first_seen", MIN), MergeColumn("last_seen", MAX))
LANDING = (
    MergeColumn("first_seen", MIN),
    MergeColumn("first_id", FIRST, "event_id", ("t",)),
    MergeColumn("landing", FIRST, "page", ("t", "event_id")),
)
EXIT = (
    MergeColumn("last_seen", MAX),
    MergeColumn("last_id", LAST, "event_id", ("t", "event_id")),
    MergeColumn("exit", LAST, "page", ("t", "event_id")),
)
LANDING_SQL = """select k, min(t) as first_seen, first(event_id order by t, event_id) as first_id,
  first(page order by t, event_id, page) as landing
from s.events group by k"""
EXIT_SQL = """select k, max(t) as last_seen, last(event_id order by t nulls first, event_id nulls first) as last_id,
  first(page order by t desc, event_id desc nulls last, page desc nulls last) as exit
from s.events group by k"""
SEEN_SQL = "select k, min(t) as first_seen, max(t) as last_seen from s.events group by k"
KEY = (KeyColumn("k"),)
DAY = (KeyColumn("d", Expression("cast(t as date)")),)


def model(merge: tuple[MergeColumn, ...], key: tuple[KeyColumn, ...] = KEY) -> Model:
    return Model(TableName(("d", "m")), Query("m.sql"), key, merge=merge)


def refusals(
    sql: str, merge: tuple[MergeColumn, ...], key: tuple[KeyColumn, ...] = KEY, dialect: str = "duckdb"
) -> tuple[Refusal, ...]:
    return check_merge(sqlglot.parse_one(sql, read=dialect), model(merge, key), SOURCE, dialect)  # type: ignore[arg-type]


ACCEPTED = [
    (SEEN_SQL, SEEN, KEY),
    (LANDING_SQL, LANDING, KEY),
    (EXIT_SQL, EXIT, KEY),
    (
        "select K, min(T) as First_Seen from S.Events e where e.page = 'p' and x > 1 group by 1 order by 1",
        SEEN[:1],
        KEY,
    ),
    (
        "select k, (min(t + interval 1 hour) filter (where x > 1)) as first_seen from s.events group by all",
        SEEN[:1],
        KEY,
    ),
    ("select t::date as d, max(t) as last_seen from s.events group by d", SEEN[1:], DAY),
    ("select e.t::date as d, max(t) as last_seen from s.events as e group by cast(e.t as date)", SEEN[1:], DAY),
    (
        "select k, first(t order by t) as first_seen from s.events group by k",
        (MergeColumn("first_seen", FIRST, "t", ("t",)),),
        KEY,
    ),
    (
        "select k, first(t order by t) as f, first(page order by t, page) as landing from s.events group by k",
        (MergeColumn("f", FIRST, "t", ("t",)), MergeColumn("landing", FIRST, "page", ("t",))),
        KEY,
    ),
    (
        "select k, min(t) as f, first(page order by t, page) as landing from s.events group by k",
        (MergeColumn("f", MIN), MergeColumn("landing", FIRST, "page", ("t", "page", "event_id"))),
        KEY,
    ),
    (
        "select k, min(t) as f, first(x order by t, x) as x, first(page order by t, x, page) as landing from s.events group by k",
        (
            MergeColumn("f", MIN),
            MergeColumn("x", FIRST, "x", ("t",)),
            MergeColumn("landing", FIRST, "page", ("t", "x")),
        ),
        KEY,
    ),
    (
        "select k, min(t) as f, (array_agg(x order by t, x))[1] as x from s.events group by k",
        (MergeColumn("f", MIN), MergeColumn("x", FIRST, "x", ("t",))),
        KEY,
    ),
]
X_BY_T = (MergeColumn("f", MIN), MergeColumn("x", FIRST, "x", ("t",)))
LAST_X = (MergeColumn("f", MAX), MergeColumn("x", LAST, "x", ("t",)))
REFUSED = [
    ("with a as (select * from s.events) select k, min(t) as first_seen from a group by k", SEEN[:1], "no CTEs"),
    ("select k, min(t) as first_seen from s.events join s.l using (k) group by k", SEEN[:1], "no joins"),
    ("select k, min(t) as first_seen from s.other group by k", SEEN[:1], "reads its source"),
    ("select k, min(t) as first_seen from (select * from s.events) group by k", SEEN[:1], "reads its source"),
    ("select k, t as first_seen from s.events union select k, t from s.events", SEEN[:1], "one plain select"),
    ("select k, min(t) as first_seen from s.events group by k having count(*) > 1", SEEN[:1], "no having"),
    ("select distinct k, min(t) as first_seen from s.events group by k", SEEN[:1], "no distinct"),
    ("select k, min(t) as first_seen from s.events group by k limit 3", SEEN[:1], "no limit"),
    (
        "select k, min(t) as first_seen from s.events where x in (select id from s.l) group by k",
        SEEN[:1],
        "no subqueries",
    ),
    (
        "select k, min(t) as first_seen from s.events group by k qualify row_number() over () = 1",
        SEEN[:1],
        "no qualify",
    ),
    ("select k, min(min(t)) over () as first_seen from s.events group by k", SEEN[:1], "no window functions"),
    (
        "select k, min(t) as first_seen from s.events where t < now() group by k",
        SEEN[:1],
        "another answer on every run",
    ),
    ("select k, min(t) as first_seen from s.events group by k, page", SEEN[:1], "is not exactly the key k"),
    ("select page as k, min(t) as first_seen from s.events group by page", SEEN[:1], "is not exactly the key k"),
    ("select k, min(t) as first_seen from s.events group by rollup (k)", SEEN[:1], "adds totals"),
    ("select min(k) as k, min(t) as first_seen from s.events", SEEN[:1], "is not exactly the key k"),
    ("select lower(k) as k, min(t) as first_seen from s.events group by k", SEEN[:1], "output column k is not the key"),
    ("select min(t) as first_seen from s.events group by k", SEEN[:1], "no output column is called k"),
    (
        "select k, min(t) as first_seen, count(*) as n from s.events group by k",
        SEEN[:1],
        "neither in key: nor in merge:",
    ),
    ("select k, min(t) as first_seen from s.events group by k", SEEN, "no output column is called last_seen"),
    ("select k, min(t) from s.events group by k", SEEN[:1], "no name of its own"),
    ("select k, max(t) as first_seen from s.events group by k", SEEN[:1], "is min in merge:"),
    ("select k, min(t)::date as first_seen from s.events group by k", SEEN[:1], "not a bare aggregate"),
    ("select k, coalesce(min(t), max(t)) as first_seen from s.events group by k", SEEN[:1], "not a bare aggregate"),
    ("select k, sum(x) as first_seen from s.events group by k", SEEN[:1], "cannot be folded"),
    ("select k, count(*) as first_seen from s.events group by k", SEEN[:1], "cannot be folded"),
    (
        "select k, min(t) as f, arg_min(x, t) as x from s.events group by k",
        X_BY_T,
        "skips rows where the value is null",
    ),
    ("select k, min(t) as f, any_value(x) as x from s.events group by k", X_BY_T, "skips rows where the value is null"),
    ("select k, min(t) as f, first(x) as x from s.events group by k", X_BY_T, "has no order"),
    (
        "select k, min(t) as f, first(x order by t) as x from s.events group by k",
        X_BY_T,
        "followed by the value itself",
    ),
    (
        "select k, min(t) as f, first(x order by event_id, x) as x from s.events group by k",
        X_BY_T,
        "followed by the value itself",
    ),
    (
        "select k, min(t) as f, first(page order by t, page) as x from s.events group by k",
        X_BY_T,
        "takes another value",
    ),
    ("select k, min(t) as f, first(x order by t, x desc) as x from s.events group by k", X_BY_T, "goes up and down"),
    (
        "select k, min(t) as f, first(x order by t nulls first, x) as x from s.events group by k",
        X_BY_T,
        "lets null win",
    ),
    (
        "select k, min(t) as f, first(x order by t, x) filter (where x > 1) as x from s.events group by k",
        X_BY_T,
        "has a filter",
    ),
    (
        "select k, min(t) as f, last(x order by t nulls first, x nulls first) as x from s.events group by k",
        X_BY_T,
        "is first in merge:",
    ),
    (
        "select k, max(t) as f, first(x order by t, x) as x from s.events group by k",
        (MergeColumn("f", MAX), X_BY_T[1]),
        "ranked by t, which is not stored",
    ),
    (
        "select k, min(t) filter (where x > 1) as f, first(x order by t, x) as x from s.events group by k",
        X_BY_T,
        "ranked by t, which is not stored",
    ),
    ("select k, first(x order by t, x) as x from s.events group by k", X_BY_T[1:], "ranked by t, which is not stored"),
    ("select k, max(t) as f, last(x order by t, x) as x from s.events group by k", LAST_X, "lets null win"),
    (
        "select k, min(t) as first_seen, first(page order by t, event_id, page) as landing from s.events group by k",
        (LANDING[0], LANDING[2]),
        "ranked by event_id",
    ),
    (
        "select k, min(t) as first_seen, min(event_id) as i, first(page order by t, event_id, page) as landing from s.events group by k",
        (LANDING[0], MergeColumn("i", MIN), LANDING[2]),
        "ranked by event_id",
    ),
]


@pytest.mark.parametrize(("sql", "merge", "key"), ACCEPTED)
def test_accepted(sql: str, merge: tuple[MergeColumn, ...], key: tuple[KeyColumn, ...]) -> None:
    """Accepted: one source, GROUP BY exactly the key, bare aggregates, orders that are stored."""
    assert refusals(sql, merge, key) == ()


@pytest.mark.parametrize(("sql", "merge", "reason"), REFUSED)
def test_refused(sql: str, merge: tuple[MergeColumn, ...], reason: str) -> None:
    """Everything else is refused by reason, line and hint."""
    found = refusals(sql, merge)
    assert any(reason in refusal.reason for refusal in found), found
    assert all(refusal.hint and refusal.line >= 1 for refusal in found)


def test_postgres() -> None:
    """Postgres has no first(): the first element of an ordered array is the same, nulls last written out."""
    merge = (MergeColumn("f", MAX), MergeColumn("x", LAST, "x", ("t",)))
    sql = "select k, max(t) as f, (array_agg(x order by t desc{0}, x desc{0}))[1] as x from s.events group by k"
    assert refusals(sql.format(" nulls last"), merge, dialect="postgres") == ()
    (refusal,) = refusals(sql.format(""), merge, dialect="postgres")
    assert "lets null win" in refusal.reason
    assert refusal.hint == "write nulls last after it"
    (refusal,) = refusals(sql.replace("[1]", "[2]").format(" nulls last"), merge, dialect="postgres")
    assert "not a bare aggregate" in refusal.reason


def test_line() -> None:
    """A refusal names the line of its column."""
    (refusal,) = refusals("select k,\n  min(t)::date as first_seen\nfrom s.events\ngroup by k", SEEN[:1])
    assert refusal.line == 2


def test_stored_order() -> None:
    """The stored columns that rank FIRST and LAST, the value itself at the end."""
    tree = sqlglot.parse_one(LANDING_SQL, read="duckdb")
    assert stored_order(model(LANDING), tree, "duckdb") == {  # type: ignore[arg-type]
        "first_id": (("first_seen", False), ("first_id", False)),
        "landing": (("first_seen", False), ("first_id", False), ("landing", False)),
    }
    tree = sqlglot.parse_one(EXIT_SQL, read="duckdb")
    assert stored_order(model(EXIT), tree, "duckdb")["exit"] == (("last_seen", True), ("last_id", True), ("exit", True))  # type: ignore[arg-type]


def rows(seed: int) -> Iterator[tuple[object, ...]]:
    """Events with many ties and nulls."""
    pick = random.Random(seed)
    times = ["2024-01-01", "2024-01-01 10:00", "2024-01-02", None]
    for _ in range(24):
        yield (
            pick.choice([1, 2, 3, None]),
            pick.choice("ab"),
            pick.choice(times),
            pick.choice(["p", "q", None]),
            pick.choice([1, 2, None]),
        )


def folded(merged: Model, sql: str, names: list[str]) -> str:
    """The merge as the runner writes it: aggregates of both batches, folded by their stored order."""
    order = stored_order(merged, sqlglot.parse_one(sql, read="duckdb"), "duckdb")  # type: ignore[arg-type]
    key = ", ".join(column.name for column in merged.key)
    parts = []
    for column in merged.merge:
        if column.fold in (MIN, MAX):
            parts.append(f"{column.fold.value}({column.name}) as {column.name}")
        else:
            by = ", ".join(f"{name} {'desc' if down else 'asc'} nulls last" for name, down in order[column.name])
            parts.append(f"first({column.name} order by {by}) as {column.name}")
    both = " union all ".join(
        f"select * from ({sql.replace('s.events', f's.events_{n}').replace('S.Events', f's.events_{n}')})"
        for n in (1, 2)
    )
    return f"select {', '.join(names)} from (select {key}, {', '.join(parts)} from ({both}) group by {key})"


@pytest.mark.parametrize(("sql", "merge", "key"), ACCEPTED)
def test_folding_is_recomputing(sql: str, merge: tuple[MergeColumn, ...], key: tuple[KeyColumn, ...]) -> None:
    """What an accepted model folds from two batches is what it computes over all events."""
    names = [key[0].name, *(column.name for column in merge)]
    with duckdb.connect(config={"threads": 1}) as warehouse:
        warehouse.execute(
            "create schema s; create table s.events (event_id int, k varchar, t timestamp, page varchar, x int)"
        )
        warehouse.execute("create view s.events_1 as select * from s.events where rowid % 2 = 0")
        warehouse.execute("create view s.events_2 as select * from s.events where rowid % 2 = 1")
        for seed in range(6):
            warehouse.execute("delete from s.events")
            warehouse.executemany("insert into s.events values (?, ?, ?, ?, ?)", list(rows(seed)))
            full = warehouse.execute(f"select {', '.join(names)} from ({sql}) order by all").fetchall()
            assert warehouse.execute(folded(model(merge, key), sql, names) + " order by all").fetchall() == full, seed
