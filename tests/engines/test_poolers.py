"""Behind a pooler: a real PgBouncer that resets nothing, in session and in transaction mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runner.errors import CannotConnect
from tests.conftest import absent
from tests.engines.pgbouncer import NoPgbouncer, pooler
from tests.kit.project import Project
from tests.kit.sessions import session

SETTINGS = "select name, setting from pg_settings where source = 'session' order by name"


@pytest.fixture
def in_mode(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    """The URL of an empty database behind a pooler in the mode of the parameter."""
    try:
        with pooler(postgres_url, request.param) as url:
            yield url
    except NoPgbouncer as missing:
        absent("pgbouncer", missing)


def settings(url: str) -> set[tuple[tuple[str, str], ...]]:
    """What the pooler's server sessions are set to, of as many as are idle."""
    clients = [psycopg.connect(url, autocommit=True, prepare_threshold=None) for _ in range(4)]
    for client in clients:
        client.execute("begin")
    found = {tuple(client.execute(SETTINGS).fetchall()) for client in clients}
    for client in clients:
        client.close()
    return found


@pytest.mark.parametrize("in_mode", ["session"], indirect=True)
def test_session_mode(in_mode: str, tmp_path: Path) -> None:
    """All commands work, whether the URL tells of the pooler or not, and leave the pool's sessions as they were."""
    project = Project(in_mode, tmp_path / "project", top={"trial": 0.2})
    project.standard("sessions")
    for hour in range(7):  # more often than a statement is sent before a driver prepares it
        project.add(hour, f"s{hour} u{hour} 1")
    before = settings(in_mode)
    project.url = f"{in_mode}?pooler=session"
    project.run("--chunk", "1")
    for args in (
        ("plan",),
        ("verify",),
        ("status",),
        ("check", "--live"),
        ("rewind", "--since", "2024-03-01T05:00:00"),
    ):
        project.command(*args)
    project.url = in_mode
    project.checked()
    assert settings(in_mode) <= before
    project.close()


@pytest.mark.parametrize("in_mode", ["session"], indirect=True)
def test_a_pools_session_outlives_a_run(in_mode: str, tmp_path: Path) -> None:
    """It is a dead run's no more once another client has it: the lease is taken over, and that client left in peace."""
    project = Project(in_mode, tmp_path / "project")
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    project.run()
    dead = session(in_mode, "runner web dead")
    name = dead.session
    dead.close()
    with psycopg.connect(in_mode, autocommit=True) as innocent:
        held = "update runner.lease set run_id = 'dead', session = {}, lease_until = timestamp '{}-03-01'"
        for until in ("2124", "2024"):
            project.db.execute(held.format(name, until))
            project.checked()
        assert innocent.execute("select 1").fetchone() == (1,)
    project.close()


@pytest.mark.parametrize("in_mode", ["transaction"], indirect=True)
def test_transaction_mode(in_mode: str, postgres_url: str, tmp_path: Path) -> None:
    """Refused at once, by every command, whatever the URL says of it; no session of the pool is changed."""
    project = Project(postgres_url, tmp_path / "project")
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    project.run()
    before = settings(in_mode)
    for url in (in_mode, f"{in_mode}?pooler=session"):
        project.url = url
        for args in (("run",), ("plan",), ("verify",), ("status",), ("rewind", "--since", "2024-03-01"), ("unlock",)):
            said = project.command(*args, code=5).err
            assert "gives its server's sessions to others between two statements" in said
            assert "?pooler=session" in said
    assert settings(in_mode) <= before
    project.url = postgres_url
    project.checked()
    project.close()


def test_another_mode_is_refused() -> None:
    """Of a pooler only one mode can be said, whatever is connected to."""
    with pytest.raises(CannotConnect, match="pooler=transaction"):
        session("postgresql://u@127.0.0.1:1/x?pooler=transaction")
