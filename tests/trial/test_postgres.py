"""The trial on Postgres: it finds and passes what it does on DuckDB, in databases of its own of which nothing stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from runner.warehouse.grounds.base import Wanted
from tests.engines.db import libpq_url
from tests.kit.project import Project
from tests.kit.sessions import session
from tests.trial.cases import held
from tests.trial.postgres_cases import BY_KEY, KINDS, RIGHT, WRONG

LEFT = "runner_trial_1_1_runner"
"""A database as a run that died has left it: no session of the server is called so."""
LEFT_SCHEMA = "runner_trial_1_1_r_atomic"
FOREIGN = "runner_trial_runner"


def _there(url: str) -> set[str]:
    """Databases of the server, and schemas of this one, apart from what tests make themselves."""
    sql = (
        "select datname from pg_database union all select nspname from pg_namespace where nspname like 'runner_trial%'"
    )
    with psycopg.connect(libpq_url(url)) as connection:
        return {str(name) for (name,) in connection.execute(sql).fetchall()}


@pytest.fixture(autouse=True)
def nothing_stays(postgres_url: str) -> Iterator[None]:
    """Whatever a test does, the server has the databases afterwards that it had before, and no schema of a trial."""
    before = _there(postgres_url)
    yield
    assert _there(postgres_url) == before


@pytest.fixture(name="plain_url", params=[True, False], ids=["may create schemas", "may create nothing"])
def plain_url_fixture(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    """The same database for a role that may not create any."""
    role, name = f"plain_{os.getpid()}", libpq_url(postgres_url).rpartition("/")[2].partition("?")[0]
    sign = "&" if "?" in postgres_url else "?"
    with psycopg.connect(libpq_url(postgres_url), autocommit=True) as admin:
        admin.execute(f'create role {role}; grant create on database "{name}" to {role}; set role {role}'.encode())
        admin.execute(f"create schema atomic; create schema derived; {'; '.join(WRONG.ddl)}".encode())
        admin.execute(f"insert into atomic.events values (1); create schema {LEFT_SCHEMA}; reset role".encode())
        if not request.param:
            admin.execute(f'revoke create on database "{name}" from {role}'.encode())
        yield f"{postgres_url}{sign}options=-crole%3D{role}"
        admin.execute(f"drop owned by {role} cascade; drop role {role}".encode())


def test_what_is_wrong_is_found(postgres_url: str, tmp_path: Path) -> None:
    """Functions of the user's own come along with the tables that they read; each model's mistake shows as what it is."""
    found = {one.difference.table.table: one.difference.kind for one in held(WRONG, tmp_path, url=postgres_url).found}
    assert {f"derived.{name}" for name in found} == set(WRONG.sql)
    assert not {name: kind for name, kind in found.items() if kind not in KINDS.get(name, BY_KEY)}


def test_what_is_right_passes(postgres_url: str, tmp_path: Path) -> None:
    """No false alarm, with the user's own types, extensions, views and collations, and rows that obey his constraints."""
    verdict = held(RIGHT, tmp_path, url=postgres_url, unproven=False, rounds=2)
    assert not verdict.found
    assert not verdict.untried
    assert set(verdict.rounds.values()) == {2}


def test_what_dead_runs_left_goes_and_what_is_not_ours_stays(postgres_url: str) -> None:
    """A database of a session that is over is dropped by the next trial; one that only looks alike is not."""
    with psycopg.connect(libpq_url(postgres_url), autocommit=True) as admin, closing(session(postgres_url)) as home:
        for name in (LEFT, FOREIGN):
            admin.execute(f"create database {name}".encode())
        ground = home.ground(Wanted(()))
        assert ground is not None
        ours = {name for name in _there(postgres_url) if name.startswith("runner_trial_")}
        ground.close()
        assert len(ours - {FOREIGN}) == 2
        assert LEFT not in ours
        assert FOREIGN in ours
        admin.execute(f"drop database {FOREIGN}".encode())


@pytest.mark.parametrize("label", ["before trial:settings", "after trial:settings"])
def test_nothing_stays_after_an_error(label: str, postgres_url: str) -> None:
    """A trial that ends half way drops what it has made."""
    seen = []

    def fail(*said: str) -> None:
        seen.append(" ".join(said[:2]))
        if seen.count(label) == 1 and seen[-1] == label:
            raise KeyboardInterrupt

    with closing(session(postgres_url)) as home:
        home.watch = fail
        with pytest.raises(KeyboardInterrupt):
            home.ground(Wanted(()))


def test_a_run_refuses_what_fails_and_keeps_what_has_passed(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on DuckDB: exit 2 with the rows; what has passed is not tried again."""
    monkeypatch.setenv("RUNNER_TRIAL", "30")
    project = Project(postgres_url, tmp_path / "project")
    tried: list[str] = []
    project.watch = lambda when, label, text: tried.append(label) if when == "before" else None
    project.add(0, "s1 u1 1", "s1 u1 2", "s2 u1 3")
    ranked = "select domain_sessionid, rank() over (order by domain_sessionid) as n from atomic.events"
    project.model("m", ranked, key="domain_sessionid", unproven=True)
    assert "tried with made-up rows, derived.m fails" in project.run().text
    project.model("m", "select domain_sessionid, count(*) as n from atomic.events group by 1", key="domain_sessionid")
    for databases in (2, 0):
        tried.clear()
        project.checked()
        assert tried.count("trial:database") == databases
        project.add(1, "s1 u1 3")
    project.close()


def test_without_the_right_to_create_databases_schemas_do(plain_url: str, postgres_url: str, tmp_path: Path) -> None:
    """What needs functions or views of the user's own is not tried then, and a word says what it needs.

    The user's own tables stay as they are, and what a dead run left is dropped by who may.
    """
    verdict = held(replace(WRONG, ddl=()), tmp_path, url=plain_url)
    found = {one.difference.table.table: one.difference.kind for one in verdict.found}
    untried = {table.table: reason for table, reason in verdict.untried.items()}
    assert all("createdb" in reason for reason in untried.values()), untried
    if found:
        assert "it needs function atomic.latest()" in untried["latest"]
        assert set(untried) == {"latest", "rated"}
        assert not {name: kind for name, kind in found.items() if kind not in KINDS.get(name, BY_KEY)}
    assert {f"derived.{name}" for name in (*found, *untried)} == set(WRONG.sql)
    with psycopg.connect(libpq_url(postgres_url)) as connection:
        assert connection.execute("select event_id from atomic.events").fetchall() == [(1,)]
        left = "select relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname in ('derived', 'runner')"
        assert not connection.execute(left).fetchall()
    assert bool(found) is (LEFT_SCHEMA not in _there(postgres_url))
