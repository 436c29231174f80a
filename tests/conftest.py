"""Fixtures shared by all tests: a warehouse of any engine, empty, for one test.

An engine that is not there skips its tests, unless RUNNER_TEST_REQUIRE names it, as CI does: then they fail.
"""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from zlib import crc32

import pytest

from runner.increment import stage
from tests.engines import conformance, postgres, redshift, snowflake
from tests.engines.db import ALL, ENGINES, fresh_database
from tests.kit import ROOT
from tests.kit.arena import DATABASE, counts, first_seed
from tests.reliability.simulation import interleave

_numbers = itertools.count(1)
os.environ.setdefault(
    "RUNNER_TRIAL", "off"
)  # tests of trials turn them on: of thousands of new models they would take hours


def pytest_report_header() -> str:
    """How many random schedules and simulations there are, and where their seeds begin."""
    plain, wild = counts(), interleave.counts()
    numbers = f"schedules {plain['duckdb']}/{plain['postgres']}, simulations {wild['duckdb']}/{wild['postgres']}"
    return f"{numbers} (DuckDB/Postgres), all from seed {first_seed()}"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin at once with what takes long: Snowflake's emulator has an environment of its own, built at its first use."""
    if not hasattr(session.config, "workerinput") and "RUNNER_TEST_SNOWFLAKE_URL" not in os.environ:
        build = "from tests.engines import snowflake; snowflake.environment()"
        aside = '"$0" -c "$1" >/dev/null 2>&1 &'
        subprocess.run(["sh", "-c", aside, sys.executable, build], cwd=ROOT, check=False)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """An empty warehouse, once for each engine; the conformance suite has more of them."""
    if "warehouse_url" in metafunc.fixturenames:
        name = metafunc.module.__name__.rpartition(".")[2]
        metafunc.parametrize("warehouse_url", ALL if name in conformance.MODULES else ENGINES, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What an engine truly lacks is expected to fail."""
    for item in items:
        conformance.mark(item)


def absent(engine: str, why: Exception) -> NoReturn:
    """Skip the test, or fail it where the engine is required."""
    if engine in os.environ.get("RUNNER_TEST_REQUIRE", "").split(","):
        pytest.fail(f"RUNNER_TEST_REQUIRE asks for {engine}: {why}", pytrace=False)
    pytest.skip(str(why))


@pytest.fixture(autouse=True)
def as_if_large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other test reads its small sources as large ones are read: in the batches that hold the keys alone."""
    if crc32(request.node.nodeid.encode()) % 2:
        monkeypatch.setattr(stage, "MANY_EVENTS", 0)
        monkeypatch.setattr(stage, "MOST_BATCHES", 1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """One Postgres for the session (with pytest-xdist: one for each worker)."""
    try:
        with postgres.server() as server:
            yield server
    except postgres.NoPostgres as missing:
        absent("postgres", missing)


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """A new, empty Postgres database; dropped after the test."""
    with postgres.database(postgres_server, f"runner_{os.getpid()}_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def duckdb_url(tmp_path: Path) -> str:
    """A DuckDB file that does not exist yet."""
    return f"duckdb:///{tmp_path / 'warehouse.duckdb'}"


@pytest.fixture(scope="session")
def redshift_server(postgres_server: postgres.Server) -> Iterator[redshift.Shim]:
    """The shim before the session's Postgres."""
    with redshift.server(postgres_server) as shim:
        yield shim


@pytest.fixture
def redshift_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A new, empty database: of the cluster at RUNNER_TEST_REDSHIFT_URL, else behind the shim."""
    yield from emulated("redshift", request)


@pytest.fixture(scope="session")
def snowflake_server() -> Iterator[snowflake.Server]:
    """The emulator, one for the session (with pytest-xdist: one for each worker).

    The garbage collector runs seldom from here on: connector 5.2 was seen to crash the interpreter within a collection
    (once in some 400,000 statements).
    """
    gc.set_threshold(100_000, 50, 100)
    try:
        with snowflake.server() as server:
            yield server
    except snowflake.NoSnowflake as missing:
        absent("snowflake", missing)


@pytest.fixture
def snowflake_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A new, empty database: of the account at RUNNER_TEST_SNOWFLAKE_URL, else in the emulator."""
    yield from emulated("snowflake", request)


def emulated(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new, empty database: of the real engine at RUNNER_TEST_…_URL, else of its emulator; dropped after the test."""
    name = f"runner_{os.getpid()}_{next(_numbers)}"
    if given := os.environ.get(f"RUNNER_TEST_{engine.upper()}_URL"):
        with fresh_database(given, name) as url:
            yield url
        return
    with DATABASE[engine](request.getfixturevalue(f"{engine}_server"), name) as url:
        yield url


@pytest.fixture
def warehouse_url(request: pytest.FixtureRequest) -> str:
    """An empty warehouse of the engine that the parameter names."""
    return str(request.getfixturevalue(f"{request.param}_url"))
