"""The test warehouses themselves: `Db` does the same on both engines, a database is fresh, a server is gone after."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from tests.engines import postgres
from tests.engines.db import FEW, Db, libpq_url
from tests.kit import ROOT

ROWS = [(1, "a,b", datetime(2024, 3, 1, 12)), (2, 'say "x"\n\\n', None), (3, "", None), (4, None, None)]


@pytest.mark.parametrize("copies", [1, FEW])
def test_loaded_rows_come_back_as_they_were(warehouse_url: str, copies: int) -> None:
    """Commas, quotes, line ends, empty texts and nulls survive `load`, in few rows and in many."""
    with Db(warehouse_url) as db:
        db.execute("create schema s; create table s.t (id bigint, name text, seen timestamp)")
        db.load("s.t", ("id", "name", "seen"), ROWS * copies)
        assert Counter(db.rows("select id, name, seen from s.t")) == Counter(ROWS * copies)
        assert db.has_table("s.t")
        assert not db.has_table("s.u")


def fail_after(db: Db, sql: str) -> None:
    """Run a statement, then raise."""
    db.execute(sql)
    raise KeyError


def test_a_transaction_is_all_or_nothing(warehouse_url: str) -> None:
    """What is done in a block that raises is undone."""
    with Db(warehouse_url) as db:
        db.execute("create table t (id bigint)")
        with pytest.raises(KeyError), db.transaction():
            fail_after(db, "insert into t values (1)")
        with db.transaction():
            db.execute("insert into t values (2)")
        assert db.rows("select id from t") == [(2,)]


def test_each_test_has_its_own_database(warehouse_url: str) -> None:
    """No table of another test is there (the tests above made some)."""
    with Db(warehouse_url) as db:
        assert not db.has_table("main.t")
        assert not db.has_table("public.t")


def test_the_server_is_gone_with_its_files() -> None:
    """A server of our own leaves neither a process nor a folder behind."""
    folder = postgres.binaries()
    if folder is None:
        pytest.skip("no Postgres binaries here")
    with postgres.local_server(folder) as server:
        with psycopg.connect(server.url) as connection:
            row = connection.execute("select current_setting('data_directory'), pg_backend_pid()").fetchone()
        assert row is not None
        assert Path(row[0]).exists()
    assert not Path(row[0]).parent.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url, connect_timeout=2)


def test_the_server_ends_with_a_killed_test_run(tmp_path: Path) -> None:
    """A run that is killed leaves no server behind either."""
    folder = postgres.binaries()
    if folder is None:
        pytest.skip("no Postgres binaries here")
    text = f"""
import os
from pathlib import Path
from tests.engines import postgres
with postgres.local_server(Path({str(folder)!r})) as server:
    print(server.url, flush=True)
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=ROOT)
    url = killed.stdout.strip()
    assert url, killed.stderr
    for _ in range(100):
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return
        time.sleep(0.05)
    pytest.fail(f"{url} still answers")


@pytest.mark.skipif(os.getuid() != 0, reason="only root has folders that `nobody` cannot enter")
def test_binaries_that_nobody_cannot_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual environment below /root still gives a server."""
    folder = postgres.binaries()
    if folder is None:
        pytest.skip("no Postgres binaries here")
    monkeypatch.setattr(postgres, "open_to_all", lambda path: path != folder)
    with postgres.local_server(folder) as server:
        assert "install" in server.origin
        psycopg.connect(server.url).close()


def test_urls_of_sqlalchemy_are_understood() -> None:
    """The driver in a URL's scheme is no matter of libpq; the old scheme `postgres` is the new one."""
    assert libpq_url("postgresql+psycopg://u@h/d") == "postgresql://u@h/d"
    assert libpq_url("postgres://u@h/d") == "postgresql://u@h/d"
    server = postgres.Server("postgresql://u:p@h:1/postgres?sslmode=disable", "")
    assert server.database("x") == "postgresql://u:p@h:1/x?sslmode=disable"
    assert postgres.Server("postgresql://u@h:1", "").database("x") == "postgresql://u@h:1/x"
