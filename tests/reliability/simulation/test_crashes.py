"""A crash before and after every statement of a run, then a rerun: the old state or the new one, then the right one.

DuckDB: every point of one schedule and every other one of a second. Postgres: every sixth of three, from another
offset in each.
RUNNER_TEST_CRASHES=all takes every point of all six schedules on both engines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.engines import postgres
from tests.kit.arena import FOLDER, on_duckdb
from tests.reliability.simulation.crash import ORDINARY, SCHEDULES, Crashes, copy_of_database, copy_of_file

ALL = os.environ.get("RUNNER_TEST_CRASHES") == "all"
NAMES = list(SCHEDULES) if ALL else list(ORDINARY)
POSTGRES_NAMES = list(SCHEDULES) if ALL else [*ORDINARY, "chunks"]
PARTS = 4
STEP = 1 if ALL else 6


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder where files cost no disk writes."""
    with TemporaryDirectory(prefix="runner_crash_", dir=FOLDER) as name:
        yield Path(name)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", NAMES)
def test_duckdb(name: str, part: int, folder: Path) -> None:
    """Every point, or every other one, a quarter of them in each test."""
    step = PARTS if ALL or name == NAMES[0] else 2 * PARTS
    with on_duckdb(folder) as url:
        crashes = Crashes(SCHEDULES[name], url, folder, copy_of_file)
        for point in range(part, len(crashes.points()), step):
            crashes.crash(point)


@pytest.mark.parametrize("name", POSTGRES_NAMES)
def test_postgres(name: str, postgres_url: str, postgres_server: postgres.Server, folder: Path) -> None:
    """Every sixth point, beginning with another one in each schedule."""
    crashes = Crashes(SCHEDULES[name], postgres_url, folder, copy_of_database(postgres_server))
    for point in range(POSTGRES_NAMES.index(name) % STEP, len(crashes.points()), STEP):
        crashes.crash(point)


def test_every_kind_of_statement_is_a_point(folder: Path) -> None:
    """The seam sees transactions, state, scratch and the publish: each statement before and after."""
    with on_duckdb(folder) as url:
        points = Crashes(SCHEDULES[ORDINARY[0]], url, folder, copy_of_file).points()
    assert points[::2] == [point.replace("after", "before") for point in points[1::2]]
    labels = {point.split()[1].split(":")[0] for point in points}
    assert labels >= {"scratch", "state", "freeze", "stage", "publish"}
    assert {"after publish:begin", "before publish:commit", "after publish:commit"} <= set(points)
