"""The conditions of `merge:` models, by example; and that folding stored and new rows is the same as recomputing."""

from __future__ import annotations

import random
from collections.abc import Iterator

import duckdb
import pytest
import sqlglot

from runner.names import TableName
from runner.playbook.values import Expression, Fold, KeyColumn, MergeColumn, Model, Query
from runner.proof.keywise import Refusal
from runner.proof.merging.merge import check_merge, stored_order

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
    (
        "select k, page as p, min(t) as first_seen from s.events group by k, p",
        SEEN[:1],
        (KeyColumn("k"), KeyColumn("p", Expression("page"))),
    ),
]
X_BY_T = (MergeColumn("f", MIN), MergeColumn("x", FIRST, "x", ("t",)))
LAST_X = (MergeColumn("f", MAX), MergeColumn("x", LAST, "x", ("t",)))
REFUSED = [
    (
        "with a as (select k from s.l), b as (select k, t from s.events) select k, min(t) as first_seen from b group by k",
        SEEN[:1],
        "no CTEs",
    ),
    ("select k, min(t) as first_seen from s.events join s.l using (k) group by k", SEEN[:1], "no joins"),
    ("select k, min(t) as first_seen from s.other group by k", SEEN[:1], "reads its source"),
    ("select k, min(t) as first_seen from (select k, t from s.other) group by k", SEEN[:1], "reads its source"),
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


DIALECTS = ("duckdb", "postgres", "redshift", "snowflake")
NUMBERED = """with e as (
    select k, t, event_id, page,
        row_number() over (partition by k order by t nulls last, event_id nulls last, page nulls last) as first_n,
        row_number() over (
            partition by k order by t desc nulls last, event_id desc nulls last, page desc nulls last
        ) as last_n
    from s.events
    where page <> 'x' or page is null
)
select k, min(t) as first_seen, max(case when first_n = 1 then event_id end) as first_id,
    max(case when first_n = 1 then page end) as landing, max(t) as last_seen,
    min(case when 1 = (e.last_n) then e.event_id else null end) as last_id, max(case when last_n = 1 then page end) as exit
from e group by k"""
SUBQUERY = """select x.k, max(x.last) as last_seen, max(case when n = 1 then id end) as last_id,
    max(case when n = 1 then p end) as exit
from (
    select k, t as last, event_id as id, page as p,
        row_number() over (partition by k order by t desc nulls last, event_id desc nulls last, page desc nulls last) as n
    from s.events as o
) as x group by x.k"""
PORTABLE = [
    (NUMBERED, (*LANDING, *EXIT), KEY),
    (SUBQUERY, EXIT, KEY),
    (SUBQUERY.replace("group by x.k", "group by 1 order by 1").replace("page as p", "o.page as p"), EXIT, KEY),
    (
        """select d, max(t) as last_seen, max(case when n = 1 then page end) as exit from (
            select cast(t as date) as d, t, page,
                row_number() over (partition by cast(t as date) order by t desc nulls last, page desc nulls last) as n
            from s.events
        ) as e group by d""",
        (MergeColumn("last_seen", MAX), MergeColumn("exit", LAST, "page", ("t",))),
        DAY,
    ),
    (
        "with e as (select k, t from s.events) select k, min(t) as first_seen, max(t) as last_seen from e group by k",
        SEEN,
        KEY,
    ),
]
ROW = "row_number() over (partition by k order by t nulls last, x nulls last) as n"
FIRST_X = "select k, min(t) as f, max(case when n = 1 then x end) as x from ({0}) as e {1} group by k"
ROWS = f"select k, t, x, {ROW} from s.events"
NOT_PORTABLE = [
    (FIRST_X.format(ROWS, "where x > 1"), "left out after they were numbered"),
    (FIRST_X.format(ROWS, "where n = 1"), "left out after they were numbered"),
    (FIRST_X.format(ROWS + " where n = 1", ""), "uses its row number n"),
    (FIRST_X.format(ROWS + " limit 5", ""), "no limit"),
    (FIRST_X.format(ROWS.replace("select", "select distinct", 1), ""), "no distinct"),
    (FIRST_X.format(ROWS + " where x in (select id from s.l)", ""), "no more subqueries"),
    (FIRST_X.format(f"select *, {ROW} from s.events", ""), "without naming each"),
    (FIRST_X.format(ROWS.replace("s.events", "(select k, t, x from s.events) as q"), ""), "reads its source"),
    (FIRST_X.format(ROWS.replace("s.events", "s.events join s.l using (k)"), ""), "no joins"),
    (FIRST_X.format(ROWS.replace("t, x,", "t, x, t as x,"), ""), "a second column x"),
    (FIRST_X.format(ROWS.replace("t, x,", "max(t) as t, x,"), ""), "neither an expression of one row"),
    (FIRST_X.format(ROWS.replace("partition by k", "partition by k, page"), ""), "not partitioned by exactly the key"),
    (FIRST_X.format(ROWS.replace("partition by k ", ""), ""), "not partitioned by exactly the key"),
    (FIRST_X.format(ROWS.replace("row_number()", "rank()"), ""), "no row_number() with an order"),
    (FIRST_X.format(ROWS.replace(" order by t nulls last, x nulls last", ""), ""), "no row_number() with an order"),
    (FIRST_X.format(ROWS.replace("x nulls last", "x nulls first"), ""), "lets null win"),
    (FIRST_X.format(ROWS.replace("x nulls last", "x desc nulls last"), ""), "goes up and down"),
    (FIRST_X.format(ROWS.replace(", x nulls last", ""), ""), "followed by the value itself"),
    (FIRST_X.format(ROWS.replace("t nulls last, x", "event_id nulls last, x"), ""), "followed by the value itself"),
    (FIRST_X.format(ROWS.replace("t nulls last, x", "t desc nulls last, x desc"), ""), "is first in merge:"),
    (FIRST_X.format(ROWS.replace("k, t, x", "k, event_id as t, x"), ""), "ranked by t, which is not stored"),
    (FIRST_X.format(ROWS.replace("k, t, x", "k, t, page as x"), ""), "takes another value"),
    (FIRST_X.format(ROWS.replace("k, t, x", "page as k, t, x"), ""), "is not exactly the key k"),
    (FIRST_X.format(ROWS, "").replace("n = 1", "n = 2"), "otherwise than to pick row 1"),
    (FIRST_X.format(ROWS, "").replace("n = 1", "n <= 1"), "otherwise than to pick row 1"),
    (FIRST_X.format(ROWS, "").replace("x end)", "n end)"), "otherwise than to pick row 1"),
    (FIRST_X.format(ROWS, "").replace("x end)", "x else t end)"), "otherwise than to pick row 1"),
    (FIRST_X.format(ROWS, "").replace("max(case", "sum(case"), "otherwise than to pick row 1"),
    (FIRST_X.format(ROWS, "").replace("min(t)", "min(case when n < 3 then t end)"), "otherwise than to pick row 1"),
    (FIRST_X.format(ROWS, "").replace("min(t)", "min(row_number() over (order by t))"), "no window functions"),
    (FIRST_X.format(ROWS, "").replace("group by k", "group by k, n"), "is not exactly the key k"),
    (FIRST_X.format(ROWS, "").replace("as e", "as e (k, t, x, n)"), "reads its source"),
    (
        FIRST_X.format(ROWS.replace("s.events", "s.events where t < current_timestamp"), ""),
        "another answer on every run",
    ),
]


@pytest.mark.parametrize(("sql", "merge", "key"), [*ACCEPTED, *PORTABLE])
def test_accepted(sql: str, merge: tuple[MergeColumn, ...], key: tuple[KeyColumn, ...]) -> None:
    """Accepted: one source, GROUP BY exactly the key, bare aggregates, orders that are stored."""
    assert refusals(sql, merge, key) == ()


@pytest.mark.parametrize(("sql", "merge", "reason"), REFUSED)
def test_refused(sql: str, merge: tuple[MergeColumn, ...], reason: str) -> None:
    """Everything else is refused by reason, line and hint."""
    found = refusals(sql, merge)
    assert any(reason in refusal.reason for refusal in found), found
    assert all(refusal.hint and refusal.line >= 1 for refusal in found)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("sql", "merge", "key"), PORTABLE)
def test_portable_form(sql: str, merge: tuple[MergeColumn, ...], key: tuple[KeyColumn, ...], dialect: str) -> None:
    """Row numbers within the key, in a subquery or CTE over the source, say FIRST and LAST on every engine."""
    assert refusals(sql, merge, key, dialect) == ()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("sql", "reason"), NOT_PORTABLE)
def test_portable_form_refused(sql: str, reason: str, dialect: str) -> None:
    """A subquery that does anything else, or a row number used otherwise, is refused by reason, line and hint."""
    found = refusals(sql, X_BY_T, dialect=dialect)
    assert any(reason in refusal.reason for refusal in found), found
    assert all(refusal.hint and refusal.line >= 1 for refusal in found)


@pytest.mark.parametrize("dialect", ["redshift", "snowflake"])
def test_engines_without_first(dialect: str) -> None:
    """Where there is no aggregate with an order the hint spells the portable form, which is then accepted."""
    for call in ("first(x order by t, x)", "any_value(x)"):
        (refusal,) = refusals(f"select k, min(t) as f, {call} as x from s.events group by k", X_BY_T, dialect=dialect)
        assert refusal.hint == (
            "write max(case when first_n = 1 then x end), and in a subquery over the source "
            "row_number() over (partition by k order by t nulls last, x nulls last) as first_n"
        )
    (refusal,) = refusals(
        FIRST_X.format(ROWS.replace("t nulls last", "t desc nulls last"), ""), X_BY_T, dialect=dialect
    )
    assert "goes up and down" in refusal.reason


def test_nulls_have_to_be_placed_where_the_engine_puts_them_first() -> None:
    """Descending, nulls come first on all engines but DuckDB: LAST then needs them written out."""
    text = SUBQUERY.replace("desc nulls last", "desc")
    assert refusals(text, EXIT) == ()
    for dialect in DIALECTS[1:]:
        found = refusals(text, EXIT, dialect=dialect)
        assert found
        assert all(
            "lets null win" in refusal.reason
            and refusal.hint.startswith("write nulls last after it if it is never null")
            for refusal in found
        )


def test_postgres() -> None:
    """Postgres has no first(): the first element of an ordered array is the same, nulls last written out."""
    merge = (MergeColumn("f", MAX), MergeColumn("x", LAST, "x", ("t",)))
    sql = "select k, max(t) as f, (array_agg(x order by t desc{0}, x desc{0}))[1] as x from s.events group by k"
    assert refusals(sql.format(" nulls last"), merge, dialect="postgres") == ()
    (refusal,) = refusals(sql.format(""), merge, dialect="postgres")
    assert "lets null win" in refusal.reason
    assert refusal.hint.startswith("write nulls last after it if it is never null")
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
    for dialect in DIALECTS:
        tree = sqlglot.parse_one(NUMBERED, read=dialect)
        found = stored_order(model((*LANDING, *EXIT)), tree, dialect)  # type: ignore[arg-type]
        assert found["landing"] == (("first_seen", False), ("first_id", False), ("landing", False))
        assert found["exit"] == (("last_seen", True), ("last_id", True), ("exit", True))
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


@pytest.mark.parametrize(("sql", "merge", "key"), [*ACCEPTED, *PORTABLE])
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
