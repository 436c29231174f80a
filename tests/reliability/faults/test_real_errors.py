"""Errors that a warehouse really gives, made by another session: each ends as `test_errors` says for its kind.

A real 40001 is not here: no statement of a run can get one, since the publish is READ COMMITTED.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runner.cli.app import main
from runner.clock import Clock
from runner.warehouse import postgres as engine
from tests.engines.db import Db
from tests.kit.driver import Outcome
from tests.kit.project import Project, project_fixture, start  # noqa: F401

WAITING_S = 10.0
Watch = Callable[[str, str, str], None]


@pytest.fixture
def postgres(postgres_url: str, tmp_path: Path) -> Iterator[Project]:
    """A published project on Postgres, and a change upstream that concerns all its sessions."""
    with closing(Project(postgres_url, tmp_path / "project")) as project:
        changed(project)
        yield project


def changed(project: Project) -> None:
    """One run, then more events of the same sessions."""
    start(project, "sessions", "users")
    project.add(2, "s1 u1 9", "s2 u1 9", "s3 u2 99")


def run(
    project: Project, watch: Watch | None = None, meanwhile: Callable[[], None] = lambda: None
) -> tuple[Outcome, list[float]]:
    """`runner run` without real pauses: how it ended, and the pauses it asked for. `meanwhile` is done in each."""
    pauses: list[float] = []
    out = io.StringIO()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        meanwhile()

    code = main(["run", str(project.write())], watch=watch, out=out, err=out, clock=Clock(time.monotonic, sleep))
    return Outcome(code, out.getvalue()), pauses


def unpublished(project: Project) -> None:
    """What was there before the run is there; the next run is right."""
    assert project.manifest() == {0: 3, 1: 1}
    assert project.one("select events from derived.sessions where domain_sessionid = 's1'") == 2
    project.checked()


class Attempts:
    """Counts the attempts to publish, and does something before one of them."""

    def __init__(self, number: int = 0, act: Callable[[], None] = lambda: None) -> None:
        self.count, self._number, self._act = 0, number, act

    def __call__(self, when: str, label: str, sql: str) -> None:
        """Called around every statement."""
        if (when, label) == ("before", "publish:begin"):
            self.count += 1
            if self.count == self._number:
                self._act()


def test_deadlock(postgres: Project) -> None:
    """Of two sessions that wait for each other the runner is the one that is ended: it publishes at its second attempt."""
    name = postgres.url.rsplit("/", 1)[1]
    postgres.db.execute(f"alter database {name} set deadlock_timeout = '50ms'")
    attempts = Attempts()
    with closing(Db(postgres.url)) as other:
        other.execute("set deadlock_timeout = '60s'; begin; select * from derived.sessions for update")

        def want() -> None:
            other.execute(f"update {postgres.fence} set version = version; rollback")

        thread = threading.Thread(target=want)

        def watch(when: str, label: str, sql: str) -> None:
            attempts(when, label, sql)
            if (when, label) == ("after", "publish:fence-raise") and attempts.count == 1:
                thread.start()
                until_waiting(postgres.db)

        ended, pauses = run(postgres, watch, lambda: thread.join(WAITING_S))
    assert (ended.code, attempts.count, len(pauses)) == (0, 2, 1), ended.text
    postgres.check()


def until_waiting(db: Db) -> None:
    """Wait until a session waits for a lock."""
    until = time.monotonic() + WAITING_S
    while not db.rows("select 1 from pg_locks where not granted"):
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("free_at", [0, 3])
def test_lock_timeout(postgres: Project, monkeypatch: pytest.MonkeyPatch, free_at: int) -> None:
    """Rows that another session keeps locked: five attempts and exit 3; freed before the third, it publishes."""
    monkeypatch.setattr(engine.Postgres, "patience", lambda *_: "set lock_timeout = '50ms'")
    with closing(Db(postgres.url)) as other:
        other.execute("begin; select * from derived.sessions for update")
        attempts = Attempts(free_at, lambda: other.execute("rollback"))
        ended, pauses = run(postgres, attempts)
        other.execute("rollback")
    assert sum(pauses) <= 60
    assert attempts.count == len(pauses) + 1 == (free_at or 5)
    if free_at:
        assert ended.code == 0, ended.text
        postgres.check()
        return
    assert ended.code == 3, ended.text
    assert "55P03" in ended.text
    assert "nothing was published" in ended.text
    unpublished(postgres)


@pytest.mark.parametrize("free_at", [0, 3])
def test_write_conflict_on_duckdb(duckdb_url: str, tmp_path: Path, free_at: int) -> None:
    """DuckDB ends the second of two writers of a row at once: the same."""
    with closing(Project(duckdb_url, tmp_path / "project")) as project, closing(Db(duckdb_url)) as other:
        changed(project)
        other.execute(f"begin; update {project.fence} set version = version")
        attempts = Attempts(free_at, lambda: other.execute("rollback"))
        ended, pauses = run(project, attempts)
        if not free_at:
            other.execute("rollback")
        assert attempts.count == len(pauses) + 1 == (free_at or 5), ended.text
        assert ended.code == (0 if free_at else 3), ended.text
        if not free_at:
            assert "nothing was published" in ended.text
            unpublished(project)
        project.check()


def test_statement_timeout(postgres: Project) -> None:
    """`statement_timeout_s`: the statement is cancelled at the server; exit 6 with its name, one attempt."""
    postgres.top["statement_timeout_s"] = 0.3
    attempts = Attempts()
    with closing(Db(postgres.url)) as other:
        other.execute("begin; select * from derived.sessions for update")
        ended, pauses = run(postgres, attempts)
        other.execute("rollback")
    assert (ended.code, attempts.count, pauses) == (6, 1, []), ended.text
    assert "publish:delete:derived.sessions: took longer than 0.3 s" in ended.text
    assert "nothing was published" in ended.text
    unpublished(postgres)


def test_cancelled_by_an_administrator(postgres: Project) -> None:
    """pg_cancel_backend (57014): exit 6 with the statement's name, one attempt."""
    attempts = Attempts()
    with closing(Db(postgres.url)) as other:
        other.execute("begin; select * from derived.sessions for update")

        def cancel() -> None:
            until_waiting(postgres.db)
            postgres.db.rows("select pg_cancel_backend(pid) from pg_locks where not granted")

        thread = threading.Thread(target=cancel)

        def watch(when: str, label: str, sql: str) -> None:
            attempts(when, label, sql)
            if (when, label) == ("before", "publish:delete:derived.sessions"):
                thread.start()

        ended, pauses = run(postgres, watch)
        thread.join(WAITING_S)
        other.execute("rollback")
    assert (ended.code, attempts.count, pauses) == (6, 1, []), ended.text
    assert "publish:delete:derived.sessions" in ended.text
    assert "57014" in ended.text
    unpublished(postgres)


def test_unique_violation(project: Project) -> None:
    """An index of the user's own that the new rows violate: exit 6 with the statement's name, one attempt."""
    start(project, "sessions", "users")
    project.db.execute("create unique index once on derived.users (sessions)")
    project.add(2, "s4 u3 9", "s5 u3 9", "s6 u4 9", "s7 u4 9")
    attempts = Attempts()
    ended, pauses = run(project, attempts)
    assert (ended.code, attempts.count, pauses) == (6, 1, []), ended.text
    assert "publish:insert:derived.users" in ended.text
    assert "nothing was published" in ended.text
    assert project.manifest() == {0: 3, 1: 1}
    project.db.execute("drop index derived.once")
    project.checked()
