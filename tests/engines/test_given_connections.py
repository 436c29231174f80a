"""Warehouses that the caller has opened himself: an Engine of SQLAlchemy, a connection of DuckDB."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import make_url

from runner.errors import BadInput, CannotConnect
from runner.events import Event, Published
from runner.increment.run import run
from runner.increment.work import Request
from runner.playbook.load import load
from runner.program.load import load as load_program
from runner.session.session import Session
from runner.warehouse import from_duckdb, from_engine
from runner.warehouse.base import Warehouse
from runner.warehouse.target import Target
from runner.warehouse.values import WarehouseError
from tests.engines.db import DUCKDB_CONFIG, duckdb_path
from tests.engines.snowflake import PASSWORD
from tests.kit.project import Project

DIALECTS = {"postgres": "postgresql+psycopg", "redshift": "redshift+redshift_connector", "snowflake": "snowflake"}


@contextmanager
def engine_at(url: str) -> Iterator[sqlalchemy.Engine]:
    """An Engine as its owner would make it, with a pool, and the driver's own options beside the URL."""
    target = Target.parse(url.replace(f"${{{PASSWORD}}}", os.environ.get(PASSWORD, "")), Path())
    address = make_url(target.url).set(drivername=DIALECTS[target.engine], query={})
    made = sqlalchemy.create_engine(address, connect_args=dict(target.options), pool_size=2)
    yield made
    made.dispose()


def runs(project: Project, warehouse: Warehouse) -> None:
    """One run of the project's playbook in the given warehouse, which publishes; what it made is what it should be."""
    session, playbook = Session(os.environ), load(project.write(), os.environ)
    program = load_program(playbook, playbook.target.engine, playbook.target.engine)
    seen: list[Event] = []
    run(program, warehouse, Request(session.new_run_id(), session.now_utc()), session.clock, seen.append)
    assert any(isinstance(one, Published) for one in seen)
    project.check()


@pytest.fixture(params=["postgres", "redshift", "snowflake"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty warehouse of every engine that has servers."""
    return str(request.getfixturevalue(f"{request.param}_url"))


def test_runs_by_an_engine(url: str, tmp_path: Path) -> None:
    """A run, and one that finds more; the Engine's own connections are what they were, and as many."""
    project = Project(url, tmp_path)
    project.standard("sessions", "users", "totals")
    with engine_at(url) as engine:
        warehouse = from_engine(engine, "runner web")
        try:
            for batch in (0, 1):
                project.add(batch, f"s{batch} u1 1", "s9 u2 2")
                runs(project, warehouse)
        finally:
            warehouse.close()
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        with engine.connect() as own:
            assert own.exec_driver_sql("select 1").scalar() == 1
    project.close()


def test_sessions_of_an_engine_are_the_runners(url: str) -> None:
    """Autocommit and UTC, whatever the Engine says; a second one, and one in place of a lost one, are opened by it too."""
    with engine_at(url) as engine:
        opened: list[object] = []
        event.listen(engine, "connect", lambda connection, record: opened.append(connection))
        warehouse = from_engine(engine, "runner web")
        try:
            warehouse.execute("t", "create table t (n integer)")
            warehouse.execute("t", "insert into t values (1)")
            second = warehouse.another()
            assert [int(n) for (n,) in second.execute("t", "select n from t").rows] == [1]
            second.close()
            third = warehouse.reopened()
            third.close()
            assert int(warehouse.execute("t", "select count(*) from t").one()[0]) == 1
        finally:
            warehouse.close()
        assert len(opened) == 4
        assert not engine.pool.checkedout()  # type: ignore[attr-defined]


def test_a_snowflake_session_of_an_engine_is_told_what_ours_are(snowflake_url: str) -> None:
    """The account's settings do not matter to a run: time zone, locks, errors."""
    with engine_at(snowflake_url) as engine:
        warehouse = from_engine(engine, "runner web 01J9")
        try:
            rows = warehouse.execute("t", "show parameters").rows
        finally:
            warehouse.close()
        kept = {str(row[0]): str(row[1]) for row in rows}
    assert (kept["TIMEZONE"], kept["LOCK_TIMEOUT"], kept["QUERY_TAG"]) == ("UTC", "60", "runner web 01J9")


def test_what_a_listener_has_set_is_kept(postgres_url: str) -> None:
    """An Engine's own settings of a session: here the place of names without a schema, and a role would be alike."""
    with engine_at(postgres_url) as engine:

        def connected(connection: Any, record: object) -> None:
            connection.execute("create schema if not exists mine")
            connection.execute("set search_path = mine")

        event.listen(engine, "connect", connected)
        warehouse = from_engine(engine, "runner web")
        try:
            assert warehouse.execute("t", "show search_path").one() == ("mine",)
            assert warehouse.execute("t", "show time zone").one() == ("UTC",)
        finally:
            warehouse.close()


def test_an_engine_that_leads_nowhere() -> None:
    """Exit 5, with the place and without its password; another try makes sense."""
    engine = sqlalchemy.create_engine("postgresql+psycopg://u:hunter22@127.0.0.1:1/d")
    with pytest.raises(CannotConnect, match=r"cannot connect to postgresql\+psycopg://u@127.0.0.1:1/d: ") as caught:
        from_engine(engine, "t")
    assert caught.value.passing
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("driver", ["sqlite", "postgresql+psycopg_async"])
def test_an_engine_of_another_driver(driver: str) -> None:
    """It is refused, with what to make it with."""
    with pytest.raises(BadInput, match=r"an Engine of .* is not one .*\n.*postgresql\+psycopg://"):
        from_engine(sqlalchemy.create_engine(f"{driver}://"), "t")


def test_runs_in_an_open_duckdb(duckdb_url: str, tmp_path: Path) -> None:
    """The caller's connection stays open, and in the transaction that it is in."""
    project = Project(duckdb_url, tmp_path)
    project.standard("sessions", "users", "totals")
    project.add(0, "s1 u1 1", "s2 u1 2")
    with duckdb.connect(duckdb_path(duckdb_url), config=DUCKDB_CONFIG) as own:
        own.execute("create table mine (n integer)")
        own.execute("begin")
        own.execute("insert into mine values (1)")
        warehouse = from_duckdb(own)
        try:
            runs(project, warehouse)
            project.add(1, "s1 u1 3")
            runs(project, warehouse)
            assert warehouse.execute("t", "select count(*) from mine").one() == (0,)
        finally:
            warehouse.close()
        own.execute("commit")
        assert own.execute("select n from mine").fetchall() == [(1,)]
        assert own.execute("select count(*) from derived.sessions").fetchone() == (2,)
    project.close()


def test_sessions_in_an_open_duckdb_are_the_runners() -> None:
    """UTC, whatever the caller's are; who has opened the database opens it anew."""
    own = duckdb.connect()
    own.execute("set timezone = 'America/New_York'")
    asked = "select current_setting('TimeZone')"
    warehouse = from_duckdb(own)
    for session in (warehouse, warehouse.another()):
        assert session.execute("t", asked).one() == ("UTC",)
    assert own.execute(asked).fetchone() == ("America/New_York",)
    with pytest.raises(CannotConnect, match="by who opened it"):
        warehouse.reopened()
    with pytest.raises(WarehouseError):
        warehouse.execute("t", "select nothing")
    warehouse.close()
    assert own.execute("select 1").fetchone() == (1,)
    own.close()
