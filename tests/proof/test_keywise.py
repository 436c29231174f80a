"""The key-wise rule, by example.

Each accepted query is run in full and restricted on awkward data, each refused one comes with its reason, and with
data on which it would go wrong.
"""

from __future__ import annotations

import time

import duckdb
import pytest
import sqlglot

from runner.names import TableName
from runner.proof.keywise import Refusal, Tracked, check
from tests.kit.least import least_s
from tests.proof.keywise_accepted import ACCEPTED
from tests.proof.keywise_query import CLOCK, DRY, KEYS, MAYBE, ORDER, Good, No
from tests.proof.keywise_refused import REFUSED
from tests.proof.keywise_world import BY_K, EVENTS, differences, fetch, world

SEEDS = (7, 11, 23)


@pytest.fixture(scope="module")
def worlds() -> list[duckdb.DuckDBPyConnection]:
    return [world(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def backwards() -> list[duckdb.DuckDBPyConnection]:
    return [world(seed, backwards=True) for seed in SEEDS]


def refusals(
    sql: str, key: tuple[str, ...], tracked: dict[TableName, Tracked], dialect: str = "duckdb"
) -> tuple[Refusal, ...]:
    return check(sqlglot.parse_one(sql, read=dialect), key, tracked, dialect).refusals  # type: ignore[arg-type]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: " ".join(case.sql.split())[:70])
def test_accepted(
    case: Good, worlds: list[duckdb.DuckDBPyConnection], backwards: list[duckdb.DuckDBPyConnection]
) -> None:
    """An accepted query gives the same rows per key, restricted or not, however the rows were inserted."""
    assert refusals(case.sql, case.key, case.tracked) == ()
    assert differences(case.sql, case.key, case.tracked, worlds[:2]) == "", f"seeds {SEEDS}"
    for one, other in zip(worlds[1:], backwards[1:], strict=True):
        assert fetch(one, case.sql, case.key) == fetch(other, case.sql, case.key), (
            f"depends on the order of rows, seeds {SEEDS}"
        )


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: " ".join(case.sql.split())[:70])
def test_refused(case: No, worlds: list[duckdb.DuckDBPyConnection], backwards: list[duckdb.DuckDBPyConnection]) -> None:
    """A refused query is refused for the right reason, and there are data on which it would have gone wrong."""
    found = refusals(case.sql, case.key, case.tracked, case.dialect)
    assert any(case.reason in refusal.reason for refusal in found), found
    assert all(refusal.reason and refusal.hint and refusal.line >= 1 for refusal in found)
    if case.shows == KEYS:
        assert differences(case.sql, case.key, case.tracked, worlds), f"no data set shows it, seeds {SEEDS}"
    elif case.shows == ORDER:
        pairs = zip(worlds, backwards, strict=True)
        assert any(fetch(a, case.sql, case.key) != fetch(b, case.sql, case.key) for a, b in pairs), "no order shows it"
    elif case.shows == CLOCK:
        first = [fetch(one, case.sql, case.key) for one in worlds]
        time.sleep(0.002)
        assert first != [fetch(one, case.sql, case.key) for one in worlds]
    else:
        assert case.shows in (DRY, MAYBE)
        assert case.why, "say why there is no data"


def test_line_of_a_refusal() -> None:
    """A refusal names the line of the offending SQL, counted from 1."""
    sql = "select k,\n  count(*) as n\nfrom s.events\ngroup by\n  page"
    assert [refusal.line for refusal in refusals(sql, ("k",), BY_K)] == [5]
    sql = "with a as (\n  select k, page from s.events\n)\nselect k,\n  now() as at\nfrom a"
    assert [refusal.line for refusal in refusals(sql, ("k",), BY_K)] == [5]


def test_message_names_the_sql_and_the_key() -> None:
    """The reason shows the SQL and the key; the hint says what to write."""
    (refusal,) = refusals("select page, count(*) from s.events group by page", ("k",), BY_K)
    assert refusal.reason == "group by page does not contain the key k"
    assert refusal.hint.startswith(
        "if every page belongs to one k, add k to the group by, which changes no row; if not,"
    )


def test_unique_may_be_an_expression() -> None:
    """`dedupe` may list expressions: an order is total if it has the same expression."""
    tracked = {EVENTS: Tracked(("k",), (("event_id", "k", "lower(page)"),))}
    number = "select k, row_number() over (partition by k order by t, event_id{0}) as n from {1} e"
    nested = "(select k, t, event_id, lower(page) as p from s.events)"
    assert refusals(number.format(", LOWER(e.page)", "s.events"), ("k",), tracked) == ()
    assert refusals(number.format(", p", nested), ("k",), tracked) == ()
    assert "leaves rows" in refusals(number.format("", "s.events"), ("k",), tracked)[0].reason


def test_other_dialects() -> None:
    """The same rule reads Postgres, Redshift and Snowflake."""
    postgres = (
        "select distinct on (k) k, (page is null)::int as n from s.events order by k, t desc nulls last, event_id"
    )
    assert refusals(postgres, ("k",), BY_K, "postgres") == ()
    first = "select k, (array_agg(page order by t, event_id))[1] as page from s.events group by k"
    assert refusals(first, ("k",), BY_K, "postgres") == ()
    redshift = "select k, listagg(page, ',') within group (order by t, event_id) as pages from s.events group by k"
    assert refusals(redshift, ("k",), BY_K, "redshift") == ()
    snowflake = (
        "select k, f.value::varchar as item from s.events e, lateral flatten(input => e.items) f "
        "qualify row_number() over (partition by k order by event_id, f.index) < 10"
    )
    assert "leaves rows" in refusals(snowflake, ("k",), BY_K, "snowflake")[0].reason
    assert refusals(snowflake.partition("qualify")[0], ("k",), BY_K, "snowflake") == ()


def test_cheap() -> None:
    """Checking a model costs milliseconds: it is done for each model at each start."""
    trees = [sqlglot.parse_one(case.sql, read="duckdb") for case in ACCEPTED]

    def checked() -> None:
        for case, tree in zip(ACCEPTED, trees, strict=True):
            check(tree, case.key, case.tracked, "duckdb")  # type: ignore[arg-type]

    limit_s = 0.004 * len(trees)
    assert least_s(checked, limit_s) < limit_s


NUMBERED = "select k, row_number() over (partition by k order by t, event_id) as n from s.events"
LEFT_OUT = "(select * from s.events where {0}) e"


@pytest.mark.parametrize(
    ("sql", "needed"),
    [
        (NUMBERED, True),
        (f"{NUMBERED} where event_id is not null", False),
        (f"{NUMBERED} where x > 1 and event_id >= 7", False),
        (f"{NUMBERED} where event_id not in (select id from s.lookup)", True),
        (f"{NUMBERED} where event_id >= all (select id from s.lookup)", True),
        (f"{NUMBERED} where event_id is not null or x > 1", True),
        (NUMBERED.replace("s.events", LEFT_OUT.format("not event_id is null")), False),
        (NUMBERED.replace("s.events", LEFT_OUT.format("event_id between 1 and 9")), False),
        (NUMBERED.replace("s.events", "(select k, t, event_id from s.events group by 1, 2, 3) e"), False),
        ("select k, string_agg(page, ',' order by t, event_id) as p from s.events group by k", True),
        ("select distinct on (k) k, page from s.events order by k, t desc, event_id", True),
        ("select k, arg_max(page, (t, event_id)) as p from s.events where event_id is not null group by k", False),
        ("select e.k, row_number() over (partition by e.k order by e.event_id) as n from s.events e join s.lookup l on l.id = e.event_id and l.id = 1", True),
        ("select k, sum(x) as x, rank() over (partition by k order by max(t)) as n from s.events group by k", False),
        ("select event_id as k, row_number() over (partition by event_id order by t) as n from s.events", True),
    ],
)  # fmt: skip
def test_ids_that_may_be_null(sql: str, needed: bool) -> None:
    """A row without an id is never a copy: an order that ends in ids is total only where they are known to be there."""
    key = ("event_id",) if sql.startswith("select event_id") else ("k",)
    tracked = {EVENTS: Tracked(key, (("event_id",),), frozenset({"event_id"}))}
    verdict = check(sqlglot.parse_one(sql, read="duckdb"), ("k",), tracked, "duckdb")  # type: ignore[arg-type]
    assert verdict.needs_ids == needed


RANKED = "select e.k, l.name, row_number() over (partition by e.k order by e.t, e.event_id{0}) as n from s.events e {1}"


@pytest.mark.parametrize(
    ("sql", "accepted"),
    [
        (RANKED.format("", "left join s.lookup l on l.id = e.x"), True),
        (RANKED.format("", "join s.lookup l on e.x + 1 = l.id"), True),
        (RANKED.format("", "left join s.lookup l using (id)").replace("s.events e", "(select *, x as id from s.events) e"), True),
        (RANKED.format(", l.id", "join s.lookup l on l.id > e.x"), True),
        (RANKED.format("", "left join s.lookup l on l.page = e.page"), False),
        (RANKED.format(", l.id", "join s.lookup l on l.page = e.page"), False),
        (RANKED.format(", l.id", "join s.lookup l on l.page = e.page and l.id is not null"), True),
        (RANKED.format("", "join s.lookup l on l.id is not distinct from e.x"), False),
        ("select l.k from s.lookup l", False),
    ],
)  # fmt: skip
def test_a_lookup_is_unique_by_its_key(sql: str, accepted: bool) -> None:
    """A look-up with a key has one row for each value of it, but any number without one; it gives no key to a model."""
    lookup = {TableName(("s", "lookup")): Tracked((), (("id",),), frozenset({"id"}), is_lookup=True)}
    for tracked in ({**lookup, **BY_K}, {**BY_K, **lookup}):
        assert (not refusals(sql, ("k",), tracked)) == accepted
    assert refusals(sql, ("k",), BY_K), "without the key it may have two"
