"""A full disk and too little memory, for real: the run says what readers see, and the next one is right.

Check 12 of the reliability suite. The file lies in a small space that is filled before a chosen statement, all but a
few pages, so that the failure comes where a page is wanted next: a commit, the checkpoint after it, a spill.
On Postgres the database's files lie there; `test_errors` has 53100 and 53200 at every statement.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psycopg
import pytest

from runner.warehouse.duckdb import DuckDB
from runner.warehouse.values import Trouble
from tests.engines import postgres
from tests.engines.db import duckdb_path
from tests.kit.arena import first_seed
from tests.kit.tally import Tally
from tests.reliability.faults.filled import CHECK, Filled, Round
from tests.reliability.faults.prepared import Prepared
from tests.reliability.faults.space import Space, little
from tests.reliability.simulation.crash import SCHEDULES, Copy

SIZE = 100
SUITE = (8, 3)  # DuckDB, Postgres
REAL = 30  # of 100 rounds at least so many must fail for want of room
SPACE_MIB = (24, 40)  # DuckDB, Postgres
PAGE = 4096
WHEN = (
    "", "freeze:begin", "stage:derived.sessions", "freeze:commit", "ddl:schema", "publish:begin", "publish:run-insert",
    "publish:commit", "publish:commit", "publish:commit", "scratch:drop",
)  # fmt: skip
USED = tuple(
    SCHEDULES[name] for name in ("first run", "changed batches, models on models, merge", "changed and new models")
)
THRESHOLDS = ("16MB", "16KB")  # the second makes every commit end with a checkpoint


def make(seed: int, number: int) -> Round:
    """The round of a seed; its number decides the statement."""
    rng = Random(seed)
    leave = rng.choice((0, 0, rng.randrange(4) * PAGE, rng.randrange(100) * PAGE))
    return Round(seed, USED[number % 3], WHEN[number % len(WHEN)], leave, rng.choice(THRESHOLDS))


def file_in(space: Space) -> Copy:
    """Copies of a prepared file go into the space."""

    @contextmanager
    def copy(url: str, folder: Path) -> Iterator[str]:
        path = space.folder / "copy.duckdb"
        shutil.copy(duckdb_path(url), path)
        try:
            yield f"duckdb:///{path}"
        finally:
            space.clear()

    return copy


def database_in(space: Space, server: postgres.Server) -> Copy:
    """Copies of a prepared database have their files in the space; the server's log of changes is elsewhere."""

    @contextmanager
    def copy(url: str, folder: Path) -> Iterator[str]:
        template = url.rsplit("/", 1)[1]
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute(f'create database full_copy template "{template}" tablespace little'.encode())
            try:
                yield server.database("full_copy")
            finally:
                space.free()
                admin.execute("drop database full_copy with (force)")

    return copy


@contextmanager
def tablespace(server: postgres.Server) -> Iterator[Space]:
    """A space for the server's files. Skips where it is not a server of our own, or no space can be mounted."""
    with little(SPACE_MIB[1]) as space:
        if not space.mounted or not server.origin.startswith("/"):
            pytest.skip("needs root, to mount a small disk for a Postgres server of our own")
        place = space.folder / "data"
        place.mkdir()
        user = postgres.server_user()
        for path in (space.folder, place):
            os.chown(path, user["user"], user["group"])
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute(f"create tablespace little location '{place}'".encode())
            try:
                yield space
            finally:
                space.free()
                admin.execute("drop tablespace little")


def on_duckdb(size: int, seed: int) -> Filled:
    """So many rounds; every fourth with little memory."""
    with little(SPACE_MIB[0]) as space, Prepared(copy=file_in(space)) as prepared:
        filled = Filled(prepared, space, f"{seed}-{seed + size - 1}")
        for number in range(size):
            if number % 4 == 3:
                filled.pinch(seed + number)
            else:
                filled.play(make(seed + number, number - number // 4))
        return filled


def on_postgres(server: postgres.Server, size: int, seed: int) -> Filled:
    """So many rounds."""
    with tablespace(server) as space, Prepared(server, database_in(space, server)) as prepared:
        filled = Filled(prepared, space, f"{seed}-{seed + size - 1}")
        for number in range(size):
            filled.play(make(seed + number, number))
        return filled


def soak(size: int = SIZE, seed: int = 1) -> list[Tally]:
    """Check 12 in full; a fourth as many on Postgres."""
    with postgres.server() as server:
        found = [on_duckdb(size, seed), on_postgres(server, size // 4, seed)]
    for filled in found:
        sys.stderr.write(f"check {CHECK} {filled.prepared.engine}: {dict(filled.failed)}\n")
    return [filled.tally for filled in found]


def test_disk_full() -> None:
    """Exit 0 if and only if the run is published; the old state or the new one; the next run with room is right."""
    filled = on_duckdb(SUITE[0], first_seed())
    assert not filled.tally.failed, "\n".join(filled.tally.notes)
    assert filled.tally.faults >= SUITE[0] * REAL // 100, filled.failed


def test_disk_full_postgres(postgres_server: postgres.Server) -> None:
    """The same where the server's disk is full: SQLSTATE 53100, or room enough."""
    filled = on_postgres(postgres_server, SUITE[1], first_seed())
    assert not filled.tally.failed, "\n".join(filled.tally.notes)
    assert filled.tally.faults, filled.failed


def test_a_durable_commit_taken_for_undone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check sees the bug it is for: DuckDB's fatal error after a COMMIT that is durable, believed to be a rollback."""
    monkeypatch.setattr(DuckDB, "_trouble", lambda self, error: Trouble.REFUSED)
    with little(SPACE_MIB[0]) as space, Prepared(copy=file_in(space)) as prepared:
        filled = Filled(prepared, space, "")
        for pages in range(40):  # the commit has room, the checkpoint after it has not: how many depends on the rows
            filled.play(Round(1, USED[0], "publish:commit", pages * PAGE, THRESHOLDS[1]))
            if filled.tally.wrong_reports:
                break
    assert filled.tally.wrong_reports, filled.tally
