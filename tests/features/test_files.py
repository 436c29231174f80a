"""`files:` sources on DuckDB: read in place, under the table's name, and never half."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import duckdb
import pytest

from runner.cli.app import main

PLAYBOOK = """
name: web
source: {table: atomic.events, files: "events/*.KIND", batch: etl_tstamp}
models:
  - {table: derived.sessions, sql: sessions.sql, key: domain_sessionid}
"""
SESSIONS = "select domain_sessionid, count(*) as events from atomic.events group by domain_sessionid"


def write(folder: Path, name: str, sessions: list[str], hour: int) -> None:
    """A file of events of one batch."""
    (folder / "events").mkdir(exist_ok=True)
    path = folder / "events" / name
    rows = ", ".join(f"('{session}', timestamp '2024-03-01 {hour:02}:00:00')" for session in sessions)
    with duckdb.connect() as connection:
        connection.execute(f"copy (from (values {rows}) t(domain_sessionid, etl_tstamp)) to '{path}'")


def run(folder: Path, code: int = 0, **options: object) -> str:
    """`runner run`, and what it said."""
    out = StringIO()
    assert main(["run", str(folder / "web.yml")], out=out, err=out, **options) == code, out.getvalue()  # type: ignore[arg-type]
    return out.getvalue()


def stored(folder: Path) -> dict[str, int]:
    """derived.sessions."""
    with duckdb.connect(str(folder / "web.duckdb"), read_only=True) as connection:
        return dict(connection.execute("from derived.sessions").fetchall())


@pytest.fixture(params=["parquet", "csv"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A project with one batch, published, and the kind of its files."""
    kind: str = request.param
    (tmp_path / "web.yml").write_text(PLAYBOOK.replace("KIND", kind))
    (tmp_path / "sessions.sql").write_text(SESSIONS)
    write(tmp_path, f"1.{kind}", ["a", "a", "b"], 1)
    run(tmp_path)
    return tmp_path, kind


def test_new_grown_and_vanished_files(project: tuple[Path, str]) -> None:
    """Batches are found by what the files hold now, whatever file they stand in."""
    folder, kind = project
    assert stored(folder) == {"a": 2, "b": 1}
    write(folder, f"2.{kind}", ["b", "c"], 2)
    write(folder, f"3.{kind}", ["c"], 1)
    assert "1 grew 3→4" in run(folder)
    assert stored(folder) == {"a": 2, "b": 2, "c": 2}
    (folder / "events" / f"2.{kind}").unlink()
    assert "gone from the source" in run(folder, code=6)
    assert stored(folder) == {"a": 2, "b": 2, "c": 2}


@pytest.mark.parametrize("label", ["freeze:batches", "stage:derived.sessions"])
def test_a_file_that_changes_while_it_is_read(project: tuple[Path, str], label: str) -> None:
    """Files take part in no transaction: what was counted and what was read could differ, so nothing is published."""
    folder, kind = project
    write(folder, f"2.{kind}", ["b"], 2)

    def change(when: str, at: str, _sql: str) -> None:
        if (when, at) == ("after", label):
            write(folder, f"2.{kind}", ["b", "c", "c"], 2)

    assert "changed while they were read" in run(folder, code=6, watch=change)
    assert stored(folder) == {"a": 2, "b": 1}
    run(folder)
    assert stored(folder) == {"a": 2, "b": 2, "c": 2}


def test_a_file_that_arrives_while_others_are_read(project: tuple[Path, str]) -> None:
    """A run reads the files that it found at its start; a new one is the next run's."""
    folder, kind = project
    write(folder, f"2.{kind}", ["b"], 2)

    def arrive(when: str, at: str, _sql: str) -> None:
        if (when, at) == ("after", "freeze:batches"):
            write(folder, f"3.{kind}", ["c"], 2)

    run(folder, watch=arrive)
    assert stored(folder) == {"a": 2, "b": 2}
    assert "1 grew 1→2" in run(folder)
    assert stored(folder) == {"a": 2, "b": 2, "c": 1}
