"""Names under the key-wise rule: a column is followed by its position, whatever it is called on the way.

Each query is asked with and without the catalogue. What is accepted is run in full and per key; what is refused comes
with data on which it would go wrong. Without the catalogue nothing is accepted that it refuses, and what is refused for
certain stays refused.
"""

from __future__ import annotations

import duckdb
import pytest
import sqlglot

from runner.proof.keywise import Tracked, check
from tests.proof.keywise_chains import COLUMNS, KEYS, ROWS, ChainAuthor, chain_world, tracked
from tests.proof.keywise_soak import asked, wrong

SEEDS = (1, 2, 3)
QUERIES = 40  # for more certainty: 20,000 take some minutes
NO_KEY, OTHER_KEY, LOOSE = "is known to be the key", "does not contain the key", "leaves rows of a key alike"

RIGHT = [
    # key, query
    ("k", "select k as key, unnest(string_split(page, ',')) as item from c.rows"),
    ("k", "with w as (select k, unnest(payload) from c.rows) select k as key, count(*) as n from w group by k"),
    ("k", "with w as (select k as key, unnest(payload) from c.rows) select key, count(*) as n from w group by key"),
    ("k", "with w as (select * exclude (k), k as k from c.rows) select k as key, count(*) as n from w group by k"),
    ("k", "with w(a, b) as (select k, x from c.rows) select a as key, sum(b) as n from w group by 1"),
    ("k", "with w(id, u) as (select * from c.rows) select u as key, count(*) as n from w group by 1"),
    (
        "k",
        "with w as (select * rename (k as u, page as k) from c.rows) select u as key, count(k) as n from w group by u",
    ),
    ("k", "with w as (select lower(page) as page, * from c.rows) select k as key, page from w"),
    ("k", 'select ROWS.K as key, count(*) as n from c.Rows group by "k"'),
    (
        "d",
        "with w as (select *, t + interval 2 hour as u from c.rows) select cast(t as date) as key, max(u) as u from w group by 1",
    ),
    (
        "d",
        "with w as (select * replace (lower(k) as k) from c.rows) select t::date as key, count(distinct k) as n from w group by all",
    ),
    ("d", "with w(a, u) as (select k, t from c.rows) select cast(u as date) as key, count(*) as n from w group by 1"),
    (
        "d",
        "with w as (select t as k, * exclude (k, t) from c.rows) select k::date as key, sum(x) as x from w group by 1",
    ),
    (
        "l",
        "with w as (select page as k, k as page from c.rows) select lower(page) as key, max(k) as k from w group by lower(page)",
    ),
    ("c", "with w as (select r.* from c.rows r) select coalesce(k, '-') as key, count(*) as n from w group by 1"),
    ("p", "select payload.k as key, sum(x) as x from c.rows group by payload.k"),
    ("p", "select r.payload.k as key, sum(x) as x from c.rows r group by r.payload.k"),
    ("p", "with w as (select payload as p, x from c.rows) select p.k as key, sum(x) as x from w group by 1"),
    (
        "k",
        "with w as (select *, row_number() over (partition by k order by t, event_id) as n from c.rows) select k as key, lag(t) over (partition by k order by n) as before, n from w",
    ),
    (
        "k",
        "with w as (select * rename (event_id as i) from c.rows) select k as key, string_agg(page, ',' order by t, i) as path from w group by k",
    ),
    (
        "k",
        "with w as (select *, row_number() over (partition by k order by t, event_id) as n from c.rows qualify n = 1) select k as key, first(page order by t) as page from w group by k",
    ),
    (
        "k",
        "with w as (select * exclude (page), k as page from c.rows join (select k, count(*) as n from c.rows group by k) using (k)) select page as key, sum(x) as x, max(n) as n from w group by 1",
    ),
    ("k", "select k as key, x from c.rows where x > 2 union all select k, x from c.rows where x <= 2"),
    (
        "k",
        "with w as (select * from c.rows where x > 2 union all select * from c.rows where x <= 2) select k as key, x from w",
    ),
    ("k", "select r.k as key, x from c.rows r where exists (select 1 from c.look where name = page)"),
]

WRONG = [
    # key, query, reason
    (
        "k",
        "with w as (select unnest(payload), k, x from c.rows) select k as key, sum(x) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "k",
        "with w as (select unnest(payload) as p, k, x from c.rows) select k as key, sum(x) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "k",
        "with w(a, b, c) as (select unnest({'p': page, 'q': page}), k from c.rows) select b as key, count(*) as n from w group by 1",
        "renames columns that are not listed",
    ),
    (
        "k",
        "select a as key, count(*) as n from (select unnest([{'p': page, 'q': k}], recursive := true), x from c.rows) v(a, b, x) group by 1",
        "renames columns that are not listed",
    ),
    (
        "k",
        "with w as (select * ilike '%page%', page as k from c.rows) select k as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "d",
        "with w as (select * exclude (t), t + interval 2 hour as t from c.rows) select cast(t as date) as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "d",
        "with w as (select date_trunc('month', t) as t, * exclude (t) from c.rows) select cast(t as date) as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "d",
        "with w as (select date_trunc('month', t) as t, * from c.rows) select cast(t as date) as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "d",
        "with w as (select * replace (t + interval 2 hour as t) from c.rows) select cast(t as date) as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "d",
        "with w(k, t, u) as (select k, payload.t, t from c.rows) select cast(t as date) as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "d",
        "with w(t) as (select date_trunc('month', t) from c.rows), v as (select * from w) select t::date as key, count(*) as n from v group by 1",
        OTHER_KEY,
    ),
    (
        "c",
        "with w as (select lower(k) as k, * exclude (k) from c.rows) select coalesce(k, '-') as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "l",
        "with w as (select * rename (k as page, page as k) from c.rows) select lower(k) as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "l",
        "with w as (select r.* exclude (k), r.page as k from c.rows r) select lower(k) as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "k",
        "with w(k, page) as (select page, k from c.rows) select k as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    ("k", "select v.k as key, count(*) as n from (select page, k, x from c.rows) v(k, page) group by v.k", OTHER_KEY),
    (
        "k",
        "with w as (select page as k, * exclude (k) from c.rows) select k as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "k",
        "with w as (select r.page as k, r.* from c.rows r join c.rows s using (k)) select k as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    (
        "k",
        "with w as (select x, k, page as k, k as k_1 from c.rows) select k_1 as key, count(*) as n from w group by 1",
        OTHER_KEY,
    ),
    ("k", "select payload.k as key, count(*) as n from c.rows group by payload.k", OTHER_KEY),
    ("k", "select r.payload.k as key, x from c.rows r", "is not the key"),
    ("p", "select k as key, sum(x) as x from c.rows group by k", OTHER_KEY),
    (
        "p",
        "with w as (select {'k': page} as payload, x from c.rows) select payload.k as key, sum(x) as x from w group by 1",
        OTHER_KEY,
    ),
    (
        "p",
        "with w as (select * replace ({'k': page} as payload) from c.rows) select payload.k as key, sum(x) as x from w group by 1",
        OTHER_KEY,
    ),
    (
        "k",
        "with w as (select k as a, * exclude (k) from c.rows), v as (select a as k, page, * exclude (a, page) from w) select page as key, x from v",
        "is not the key",
    ),
    (
        "k",
        "with w as (select date_trunc('day', t) as event_id, * exclude (event_id) from c.rows) select k as key, x, row_number() over (partition by k order by event_id) as n from w",
        LOOSE,
    ),
    (
        "k",
        "with w as (select * replace (x as event_id) from c.rows) select k as key, string_agg(page, ',' order by event_id) as path from w group by k",
        LOOSE,
    ),
    (
        "k",
        "with w(event_id, k, t, page) as (select x, k, t, page from c.rows) select k as key, first(page order by event_id) as page from w group by k",
        LOOSE,
    ),
    (
        "k",
        "select k as key, first(date_trunc(unit, t) order by t) as f from (select *, case when x > 1 then 'day' else 'hour' end as unit from c.rows) group by k",
        LOOSE,
    ),
    (
        "k",
        "with w as (select k, t, page, row_number() over (partition by k order by t, event_id) as x from c.rows qualify x = 1) select k as key, first(page order by t) as page from w group by k",
        LOOSE,
    ),
    (
        "k",
        "select distinct on (k) k as key, * replace (lower(page) as page) from c.rows order by k, page",
        "takes any of the rows",
    ),
]


@pytest.fixture(scope="module")
def worlds() -> list[duckdb.DuckDBPyConnection]:
    return [chain_world(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def backwards() -> list[duckdb.DuckDBPyConnection]:
    return [chain_world(seed, backwards=True) for seed in SEEDS]


@pytest.mark.parametrize(("key", "sql"), RIGHT)
def test_right(
    key: str, sql: str, worlds: list[duckdb.DuckDBPyConnection], backwards: list[duckdb.DuckDBPyConnection]
) -> None:
    """With all columns known it is accepted; without, accepted or left open."""
    offline, known = asked(sql, tracked(key))
    assert known.refusals == ()
    assert not offline.refusals or offline.is_open
    assert wrong(sql, tracked(key), worlds, backwards) == "", f"seeds {SEEDS}"


@pytest.mark.parametrize(("key", "sql", "reason"), WRONG)
def test_wrong(
    key: str,
    sql: str,
    reason: str,
    worlds: list[duckdb.DuckDBPyConnection],
    backwards: list[duckdb.DuckDBPyConnection],
) -> None:
    """It is refused for its reason, and without the catalogue it is not accepted."""
    offline, known = asked(sql, tracked(key))
    assert any(reason in refusal.reason for refusal in known.refusals), known
    assert offline.refusals
    assert wrong(sql, tracked(key), worlds, backwards), f"no data set shows it, seeds {SEEDS}"


def test_a_path_begins_with_a_table_where_there_are_no_struct_paths() -> None:
    """Postgres reads `page.k` in a subquery as column k of the outer `page`, though the subquery has a column page."""
    sql = "select page.k as key, (select max(r.x) from c.rows r where r.k = page.k) as x from c.others page"
    tree = sqlglot.parse_one(sql, read="postgres")
    assert check(tree, ("key",), tracked("k"), "postgres", COLUMNS).refusals == ()  # type: ignore[arg-type]


def test_a_field_is_not_a_column_of_the_same_name() -> None:
    """`payload.k` is a field and `c.rows.k` the column, in a key as in a query."""
    by_field = {ROWS: Tracked(("payload.k",), ())}
    by_column = {ROWS: Tracked(("c.rows.k",), ())}
    field, column = "select payload.k as key, x from c.rows", "select k as key, x from c.rows"
    long = "select c.rows.k as key, count(*) as n from c.rows group by c.rows.k"
    assert asked(field, by_field)[1].refusals == ()
    assert asked(column, by_column)[1].refusals == asked(long, by_column)[1].refusals == ()
    assert asked(column, by_field)[1].refusals
    assert asked(field, by_column)[1].refusals


@pytest.mark.parametrize("key", KEYS)
def test_accepted_chains_are_right(
    key: str, worlds: list[duckdb.DuckDBPyConnection], backwards: list[duckdb.DuckDBPyConnection]
) -> None:
    """No random chain is accepted that gives other rows per key, or when rows come in another order."""
    accepted = 0
    for number in range(QUERIES):
        sql, inputs = ChainAuthor(number, key).query(), tracked(key)
        offline, known = asked(sql, inputs)
        assert offline.is_open or bool(offline.refusals) == bool(known.refusals), sql
        if offline.refusals and known.refusals:
            continue
        try:
            assert wrong(sql, inputs, worlds, backwards) == "", sql
        except duckdb.Error:
            continue  # types that do not fit: no query of the rule's
        accepted += 1
    assert accepted > QUERIES / 10, accepted
