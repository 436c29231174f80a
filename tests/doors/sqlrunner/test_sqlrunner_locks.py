"""Lock files of SQL Runner, and signals, which leave or take them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runner.doors.sqlrunner.lock import LockFile
from tests.doors.sqlrunner.oldbooks import Book, command
from tests.engines.db import Db


@pytest.mark.parametrize(
    ("flag", "sql", "code", "stays"),
    [("-lock", "select 1", 0, False), ("-lock", "select 1/0", 6, True), ("-softLock", "select 1/0", 6, False)],
)
def test_lock_files(book: Book, flag: str, sql: str, code: int, stays: bool) -> None:
    """A hard lock goes with success only, a soft one with any end; both are made with mode 0600."""
    lock = book.folder / "lock"
    book.steps(("s", {"q": sql}))
    seen: list[str] = []

    def watch(when: str, label: str, text: str) -> None:
        if label.startswith("query:") and when == "before":
            seen.append(f"{lock.stat().st_mode & 0o777:o} {lock.read_text()}")

    assert book.run(flag, str(lock), watch=watch).code == code
    assert lock.exists() is stays
    assert re.match(r"600 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000\nsql-runner pid \d+ on ", seen[0])


def test_a_lock_is_looked_at_before_the_playbook(book: Book) -> None:
    """Exit code 3, whoever made it, and whatever the playbook is."""
    lock = book.folder / "lock"
    lock.write_text("2026-11-21T23:32:35+0000")  # as SQL Runner writes it
    done = command("-playbook", "absent.yml", "-softLock", str(lock))
    assert done.code == 3
    assert f"Error: {lock} found on start, previous run failed or is ongoing. Cannot start" in done.err
    assert "2026-11-21T23:32:35+0000" in done.err
    assert lock.exists()


def test_check_lock_and_delete_lock(book: Book) -> None:
    """3 or 0, and 0 or 1."""
    lock = book.folder / "lock"
    assert command("-checkLock", str(lock)).code == 0
    assert command("-checkLock", str(lock), "-dryRun").code == 0  # SQL Runner panics
    assert command("-deleteLock", str(lock)).code == 1
    lock.write_text("")
    assert command("-checkLock", str(lock)).code == 3
    assert command("-deleteLock", str(lock)).code == 0
    assert not lock.exists()


def test_a_lock_that_cannot_be_made(book: Book) -> None:
    """Without its folder: exit code 1, and nothing runs."""
    book.steps(("s", {"q": "create table t as select 1 as a"}))
    done = book.run("-lock", str(book.folder / "absent" / "lock"))
    assert done.code == 1
    assert "Error making lock: " in done.err
    assert book.rows("select to_regclass('t')") == [(None,)]


def test_a_run_deletes_its_own_lock_only(tmp_path: Path) -> None:
    """Once; and not that of another run, which may lie there by now."""
    lock = LockFile(str(tmp_path / "lock"), soft=True)
    release = lock.make("2026-11-22T10:00:00+0000", "one")
    lock.delete()
    other = lock.make("2026-11-22T10:00:01+0000", "two")
    release()
    assert lock.exists()
    other()
    assert not lock.exists()
    other()


def test_one_of_many_starts_gets_the_lock(book: Book) -> None:
    """The file is made in one step: of six starts at once one runs. With SQL Runner all six did."""
    book.execute("create table log (n int)")
    book.steps(("s", {"q": "insert into log values (1); select pg_sleep(0.5)"}))
    lock = str(book.folder / "lock")
    codes: list[int] = []
    starts = [threading.Thread(target=lambda: codes.append(book.run("-lock", lock).code)) for _ in range(6)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert sorted(codes) == [0, 3, 3, 3, 3, 3]
    assert book.rows("select count(*) from log") == [(1,)]


def test_if_both_locks_are_given_the_hard_one_wins(book: Book) -> None:
    """As in SQL Runner."""
    book.steps(("s", {"q": "select 1/0"}))
    hard, soft = book.folder / "hard", book.folder / "soft"
    assert book.run("-softLock", str(soft), "-lock", str(hard)).code == 6
    assert hard.exists()
    assert not soft.exists()


@pytest.mark.parametrize(("flag", "stays"), [("-softLock", False), ("-lock", True)])
def test_a_signal_cancels_the_queries(book: Book, flag: str, stays: bool) -> None:
    """SIGTERM: exit code 143, the server works on nothing, the soft lock goes and the hard one stays."""
    lock = book.folder / "lock"
    sleep = "create table if not exists t (n int); select pg_sleep(60); insert into t values (1)"
    book.steps(("s", {"a": sleep, "b": "select pg_sleep(60)"}))
    process = subprocess.Popen(
        [sys.executable, "-m", "runner.doors.sqlrunner", "-playbook", str(book.path), flag, str(lock)],
        stderr=subprocess.PIPE,
        text=True,
    )
    busy = "select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
    with Db(book.url) as db:
        deadline = time.monotonic() + 20
        while db.rows(busy) != [(2,)]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
        assert process.returncode == 143, said
        assert db.rows(f"{busy} and state = 'active'") == [(0,)]
    assert "stopped by SIGTERM; what had ended before is done, what ran was cancelled" in said
    assert lock.exists() is stays
