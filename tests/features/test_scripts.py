"""What a user's script gives and leaves behind: a result for each statement, and no open transaction unnoticed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.warehouse.base import Warehouse
from runner.warehouse.values import WarehouseError
from tests.engines.db import ALL
from tests.kit.sessions import session


@pytest.fixture(params=ALL)
def warehouse(request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    """A session of each engine, with an empty table t."""
    found = session(request.getfixturevalue(f"{request.param}_url"), "scripts")
    found.execute("t", "create table t (n integer)")
    yield found
    found.close()


def count(warehouse: Warehouse) -> int:
    return int(warehouse.execute("t", "select count(*) as c from t").one()[0])


def test_every_statement_has_its_result(warehouse: Warehouse) -> None:
    """In order: columns and rows of queries, how many rows DML changed, -1 for DDL; `execute` gives the last one."""
    text = """insert into t values (1), (2), (3); -- a ; in a comment
        select n from t order by n; create table u (n integer); update t set n = n + 1 where n > 1;
        select 'a;b' as a, 0 as b from t where n > 9;"""
    results = warehouse.script("t", text)
    assert [(r.columns, [tuple(map(int, row)) for row in r.rows], r.row_count) for r in results[:-1]] == [
        ((), [], 3),
        (("n",), [(1,), (2,), (3,)], 3),
        ((), [], -1),
        ((), [], 2),
    ]
    assert (results[-1].columns, list(results[-1].rows), results[-1].row_count) == (("a", "b"), [], 0)
    assert not warehouse.left_open()
    (one,) = warehouse.script("t", "select count(*) as c from t")
    assert (one.columns, int(one.one()[0])) == (("c",), 3)


def test_a_column_called_count_is_no_count_of_rows(warehouse: Warehouse) -> None:
    """DuckDB answers to DML with a row of that name."""
    found = warehouse.execute("t", 'select 7 as "Count" from t')
    assert (found.columns, found.row_count) == (("Count",), 0)


def test_a_script_of_comments_gives_nothing(warehouse: Warehouse) -> None:
    """It is no error either."""
    assert not any(result.rows for result in warehouse.script("t", "-- nothing\n/* at all */"))


def test_a_transaction_that_is_left_open(warehouse: Warehouse) -> None:
    """`begin` without an end is seen, and `roll_back` undoes what was done."""
    assert not warehouse.left_open()
    warehouse.script("t", "begin; insert into t values (1)")
    assert warehouse.left_open()
    assert warehouse.left_open()  # looking changes nothing
    assert count(warehouse) == 1
    warehouse.roll_back()
    assert not warehouse.left_open()
    assert count(warehouse) == 0


def test_ddl_in_a_transaction_that_is_left_open(warehouse: Warehouse) -> None:
    """It takes part in it, but on Snowflake, where it commits."""
    warehouse.script("t", "begin; create table u (n integer)")
    assert warehouse.left_open() is warehouse.engine.transactional_ddl
    if warehouse.left_open():
        warehouse.roll_back()
        warehouse.execute("t", "create table u (n integer)")


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_transaction_that_is_ended(warehouse: Warehouse, end: str) -> None:
    """By the script itself: nothing is left open."""
    warehouse.script("t", f"begin; insert into t values (1); {end}; select 1 as x")
    assert not warehouse.left_open()
    assert count(warehouse) == (end == "commit")


def test_a_script_that_fails_within_its_transaction(warehouse: Warehouse) -> None:
    """The transaction is left aborted, or open: `roll_back` ends it."""
    with pytest.raises(WarehouseError):
        warehouse.script("t", "begin; insert into t values (1); insert into nowhere values (1); commit")
    assert warehouse.left_open()
    assert warehouse.left_open()
    warehouse.roll_back()
    assert not warehouse.left_open()
    assert count(warehouse) == 0


def test_the_runners_own_transaction_is_not_left_open(warehouse: Warehouse) -> None:
    """Nor is there anything of it afterwards."""
    with warehouse.transaction("t"):
        warehouse.script("t", "insert into t values (1); insert into t values (2)")
        assert not warehouse.left_open()
    assert not warehouse.left_open()
    assert count(warehouse) == 2
