"""Runners that meet, on every engine: the lease, the fence, a locked file."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runner.cli.app import main
from tests.engines.db import Db
from tests.kit.project import SESSIONS, Project, project_fixture  # noqa: F401
from tests.kit.sessions import session

HELD = """update runner.lease set run_id = 'other', session = {session}, started_tstamp = timestamp '2024-03-01',
    lease_until = timestamp '2124-03-01'"""
ALIVE = "(select pid::text || ' ' || backend_start::text from pg_stat_activity where pid = pg_backend_pid())"
FREE = "update runner.lease set run_id = null"


@pytest.fixture
def postgres(postgres_url: str, tmp_path: Path) -> Iterator[Project]:
    """A project on Postgres with one published run."""
    project = Project(postgres_url, tmp_path / "project")
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    project.run()
    project.add(1, "s2 u1 1")
    yield project
    project.close()


def test_a_held_lease(postgres: Project) -> None:
    """Exit 3, with who holds it since when; what it holds is not touched."""
    postgres.db.execute(HELD.format(session=ALIVE))
    said = postgres.run(code=3)
    assert "run other since 2024-03-01 00:00:00" in said.err
    assert "runner unlock" in said.err
    assert "being run by run other" in postgres.command("status").out
    assert postgres.manifest() == {0: 1}
    assert "lease of other broken" in postgres.command("unlock").out
    postgres.checked()


def test_a_held_lease_is_held_for_the_same_run_id_too(postgres: Project) -> None:
    """A retry that gives the same --run-id while the first process lives is another run, and waits."""
    postgres.db.execute(HELD.format(session=ALIVE))
    assert "is being run by run other" in postgres.run("--run-id", "other", code=3).err
    postgres.db.execute(FREE)


def test_a_second_run_while_one_works(postgres: Project) -> None:
    """The first goes on undisturbed."""
    codes: list[int] = []

    def meet(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "freeze:begin"):
            postgres.watch = None
            codes.append(main(["run", str(postgres.folder / "web.yml")]))

    postgres.watch = meet
    postgres.checked()
    assert codes == [3]


def test_wait_for_a_lease(postgres: Project) -> None:
    """`--wait S` tries again until the lease is free."""
    postgres.db.execute(HELD.format(session=ALIVE))
    waiting, codes = threading.Event(), []
    path = str(postgres.write())

    def watch(when: str, label: str, sql: str) -> None:
        if (when, label) == ("after", "lease:look"):
            waiting.set()

    thread = threading.Thread(target=lambda: codes.append(main(["run", path, "--wait", "30"], watch=watch)))
    thread.start()
    assert waiting.wait(20)
    postgres.db.execute(FREE)
    thread.join(30)
    assert codes == [0]
    postgres.check()


def test_the_lease_of_a_dead_run_is_taken_over(postgres: Project) -> None:
    """At once where its session is gone; the old holder is outlawed."""
    postgres.db.execute(HELD.format(session=ALIVE))
    postgres.db.execute("update runner.lease set session = '1 2000-01-01'")
    before = postgres.one(f"select version from {postgres.fence}")
    postgres.checked()
    assert postgres.one(f"select version from {postgres.fence}") > before + 1


def test_an_overdue_lease_is_taken_over(postgres: Project) -> None:
    """After its time where the holder stopped renewing; its session is ended, with the locks that it may hold."""
    with Db(postgres.url) as holder:
        holder.execute(HELD.format(session=ALIVE))
        holder.execute("update runner.lease set lease_until = timestamp '2024-03-02'")
        holder.execute(f"begin; update {postgres.fence} set version = version")
        before = postgres.one(f"select version from {postgres.fence}")
        postgres.checked()
        assert postgres.one(f"select version from {postgres.fence}") > before + 1
        with pytest.raises(psycopg.OperationalError):
            holder.rows("select 1")


def test_a_run_that_is_overtaken_by_one_of_its_own_name(postgres: Project) -> None:
    """What it goes on making and dropping is its own: scratch, key indexes and lease of the other stay as they are."""
    postgres.standard("users")  # the key index is made anew, by both
    postgres.db.execute("delete from runner.key_index")
    codes: list[int] = []

    def overtake(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "ddl:index") and not codes:
            postgres.db.execute(FREE)
            codes.append(main(["run", str(postgres.folder / "web.yml"), "--run-id", "night"]))
            postgres.db.execute(HELD.format(session=ALIVE).replace("'other'", "'night'"))

    postgres.watch = overtake
    postgres.run("--run-id", "night", code=3)
    postgres.watch = None
    assert codes == [0]
    assert postgres.one("select run_id from runner.lease") == "night"
    postgres.db.execute(FREE)
    postgres.add(2, "s1 u2 0")
    postgres.checked("--run-id", "night")


@pytest.mark.parametrize("label", ["stage:affected", "publish:commit"])
def test_a_run_whose_session_is_ended_by_who_overtakes_it(postgres: Project, label: str) -> None:
    """Its connection is lost, and that another run has published is what it says, not that it should be run again."""
    codes: list[int] = []

    def overtake(when: str, now: str, sql: str) -> None:
        if (when, now) == ("before", label):
            postgres.watch = None
            postgres.db.execute(
                f"{FREE}; select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            codes.append(main(["run", str(postgres.folder / "web.yml")]))

    postgres.watch = overtake
    assert "another run published while this one worked, and this one's session is gone" in postgres.run(code=3).err
    assert codes == [0]
    postgres.check()


def test_a_look_while_another_run_publishes(postgres: Project) -> None:
    """What a command reads before and after a publish contradicts itself: it reads once more, and cries for no repair."""
    codes: list[int] = []

    def meet(when: str, label: str, sql: str) -> None:
        if (when, label) == ("after", "state:fence-look") and not codes:
            codes.append(main(["run", str(postgres.folder / "web.yml")]))

    postgres.watch = meet
    assert "nothing to do" in postgres.command("plan").out
    assert codes == [0]


def test_a_long_stage_keeps_its_lease(postgres: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is renewed by its holder for as long as he works: a second command finds it held long after its first end."""
    monkeypatch.setenv("RUNNER_LEASE_S", "1")
    codes: list[int] = []

    def dawdle(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "freeze:commit"):
            postgres.watch = None
            time.sleep(3)
            codes.append(main(["run", str(postgres.folder / "web.yml")]))

    postgres.watch = dawdle
    postgres.checked()
    assert codes == [3]
    assert postgres.one("select count(*) from runner.runs where status = 'published'") == 2


def test_a_run_waits_for_nobody_for_ever(postgres: Project) -> None:
    """Its session gives up a lock that never comes, from the first statement to the publish, and the server gives up
    a session that stands still in a transaction.
    """
    told = "select current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')"
    warehouse = session(postgres.url)
    assert warehouse.execute("t", told).one() == ("1min", "1min")
    warehouse.close()
    last = [""]

    def listen(when: str, label: str, sql: str) -> None:
        if when == "after" and "lock_timeout" in sql:
            last[0] = sql
        if (when, label) in (("before", "freeze:begin"), ("before", "publish:begin")):
            assert last[0] == "set lock_timeout = '60s'"

    postgres.watch = listen
    postgres.checked()
    assert last[0]


@pytest.mark.parametrize("command", ["rewind", "rewind a model", "unlock"])
def test_a_fenced_run_publishes_nothing(project: Project, command: str) -> None:
    """Whatever raised the version while it worked: exit 3, and the next run does it right."""
    project.standard("sessions", "users")
    project.add(0, "s1 u1 1")
    project.run()
    project.add(1, "s2 u1 1")

    def overtake(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "publish:begin"):
            project.watch = None
            args = ["--since", "2024-03-01"] if command != "unlock" else []
            args += ["--model", "sessions"] if "model" in command else []
            assert main([command.split(maxsplit=1)[0], str(project.folder / "web.yml"), *args]) == 0

    seen = project.watch = overtake
    assert "nothing was published" in project.run(code=3).err
    assert seen is not project.watch
    assert project.manifest() == {0: 1}
    project.checked()


def test_runners_that_start_at_once_on_an_empty_warehouse(postgres: Project) -> None:
    """They make the state tables together, and take their turns: one version row, one lease."""
    for number in range(3):
        postgres.top = {"state_schema": f"state{number}", "schemas": {"derived": f"derived{number}"}}
        path = str(postgres.write())
        codes: list[int] = []
        start = threading.Barrier(4)

        def run(path: str = path, codes: list[int] = codes, start: threading.Barrier = start) -> None:
            start.wait()
            codes.append(main(["run", path, "--wait", "60"]))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert codes == [0] * 4
        assert postgres.one(f"select count(*) from {postgres.fence}") == 1
        assert postgres.one(f"select count(*) from state{number}.lease") == 1
        assert postgres.one(f"select count(*) from derived{number}.sessions") == 2


def test_another_environments_scratch_is_left_alone(postgres: Project) -> None:
    """A run sweeps what dead runs of its own left, not what works under another state schema in the same database."""
    prod = str(postgres.write())
    postgres.name, postgres.top = "web", {"state_schema": "dev", "schemas": {"derived": "dev"}}
    dev = Path(postgres.write()).read_text()
    other = postgres.folder / "dev.yml"
    other.write_text(dev)
    postgres.top, codes = {}, []

    def meet(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "publish:begin"):
            postgres.watch = None
            codes.append(main(["run", str(other)]))

    postgres.watch = meet
    postgres.checked()
    assert codes == [0]
    assert postgres.one("select count(*) from dev.sessions") == 2
    assert postgres.one("select count(*) from pg_namespace where nspname like 'runner_scratch%'") == 0
    assert prod


def test_a_file_that_another_process_has_open(duckdb_url: str, tmp_path: Path) -> None:
    """On DuckDB the file lock is the lease: exit 3 with the PID."""
    project = Project(duckdb_url, tmp_path / "project")
    project.standard("sessions")
    project.close()
    file = duckdb_url.removeprefix("duckdb:///")
    text = f"import duckdb, sys; c = duckdb.connect({file!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        said = project.run(code=3)
        assert f"PID {holder.pid}" in said.err
        waiter = threading.Timer(0.3, holder.stdin.close)
        waiter.start()
        project.run("--wait", "30")
        waiter.join()
