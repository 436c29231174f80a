"""Errors are told apart by their SQLSTATE, or by the driver's own class, never by the words that a server speaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.names import TableName
from runner.warehouse.base import Warehouse
from runner.warehouse.duckdb import DuckDB
from runner.warehouse.values import Trouble, WarehouseError
from tests.kit.sessions import session

EXCUSE = "do $$ begin raise exception 'geht leider nicht' using errcode = '{}'; end $$"
ABSENT = TableName(("nowhere", "t"))


@pytest.fixture(name="warehouse", params=["duckdb", "postgres", "redshift", "snowflake"])
def warehouse_fixture(request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    """An open session of each engine."""
    opened = session(request.getfixturevalue(f"{request.param}_url"), "test")
    yield opened
    opened.close()


@pytest.fixture(name="postgres")
def postgres_fixture(postgres_url: str) -> Iterator[Warehouse]:
    """An open session of Postgres."""
    opened = session(postgres_url, "test")
    yield opened
    opened.close()


def error_of(warehouse: Warehouse, sql: str) -> WarehouseError:
    """What a statement fails with."""
    with pytest.raises(WarehouseError) as caught:
        warehouse.execute("test", sql)
    return caught.value


@pytest.mark.parametrize(
    ("state", "trouble"),
    [
        ("2BP01", Trouble.DEPENDED_ON),
        ("40001", Trouble.RETRY),
        ("53100", Trouble.FULL),
        ("42P01", Trouble.REFUSED),
        ("57P01", Trouble.LOST),
    ],
)
def test_a_server_that_speaks_another_language(postgres: Warehouse, state: str, trouble: Trouble) -> None:
    """The SQLSTATE says what kind of error it is; it is shown, and a value of the error."""
    error = error_of(postgres, EXCUSE.format(state))
    assert (error.trouble, error.state) == (trouble, state)
    assert error.what == f"geht leider nicht (SQLSTATE {state})"


def test_what_others_depend_on(postgres: Warehouse) -> None:
    """A view that another reads is not dropped; the message names the other."""
    ours = session("duckdb:///:memory:", "test")
    ours.execute("test", "set enable_view_dependencies = true")
    for warehouse in (postgres, ours):
        warehouse.execute("test", "create view v as select 1 as x")
        warehouse.execute("test", "create view w as select x from v")
        error = error_of(warehouse, "drop view v")
        assert error.trouble is Trouble.DEPENDED_ON
        assert "view" in error.what and "w" in error.what
    ours.close()


def test_what_is_not_there(warehouse: Warehouse) -> None:
    """Tables of schemas that are there, and of others, are left out; another error is one."""
    warehouse.execute("test", "create table here (x integer)")
    here, gone = (TableName((warehouse.engine.default_schema, name)) for name in ("here", "gone"))
    assert list(warehouse.describe([ABSENT, here, gone])) == [here]
    assert error_of(warehouse, "select * from gone").trouble is Trouble.REFUSED


def test_what_another_has_made_meanwhile(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is to be there is; what else goes wrong is said."""
    if warehouse.engine.name == "redshift":  # looks first: here another session is quicker
        monkeypatch.setattr(warehouse, "columns_of", lambda table: ())
    place = warehouse.engine.table(TableName((warehouse.engine.default_schema, "once")))
    for _ in range(2):
        warehouse.create_once("test", place, "select 1 as x")
    with pytest.raises(WarehouseError):
        warehouse.create_once("test", place.replace("once", "twice"), "select x from nowhere.t")


def test_an_aborted_transaction_is_open(duckdb_url: str) -> None:
    """DuckDB answers nothing in it but an error; a session without one is in none."""
    warehouse = session(duckdb_url, "test")
    assert isinstance(warehouse, DuckDB)
    assert not warehouse.left_open()
    warehouse.execute("test", "begin")
    assert warehouse.left_open()
    error_of(warehouse, "select * from nowhere.t")
    assert warehouse.left_open()
    warehouse.roll_back()
    assert not warehouse.left_open()
    warehouse.close()
