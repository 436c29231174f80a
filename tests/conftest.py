"""Fixtures shared by all tests: a warehouse of either engine, empty, for one test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import interleave, postgres
from tests.arena import counts, first_seed
from tests.engines import ENGINES

_numbers = itertools.count(1)


def pytest_report_header() -> str:
    """How many random schedules and simulations there are, and where their seeds begin."""
    plain, wild = counts(), interleave.counts()
    numbers = f"schedules {plain['duckdb']}/{plain['postgres']}, simulations {wild['duckdb']}/{wild['postgres']}"
    return f"{numbers} (DuckDB/Postgres), all from seed {first_seed()}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """One Postgres for the session (with pytest-xdist: one for each worker).

    Where there is none the test is skipped, unless RUNNER_TEST_REQUIRE names `postgres`, as CI does: then it fails.
    """
    try:
        with postgres.server() as server:
            yield server
    except postgres.NoPostgres as missing:
        if "postgres" in os.environ.get("RUNNER_TEST_REQUIRE", ""):
            pytest.fail(f"RUNNER_TEST_REQUIRE asks for Postgres: {missing}", pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """A new, empty Postgres database; dropped after the test."""
    with postgres.database(postgres_server, f"runner_{os.getpid()}_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def duckdb_url(tmp_path: Path) -> str:
    """A DuckDB file that does not exist yet."""
    return f"duckdb:///{tmp_path / 'warehouse.duckdb'}"


@pytest.fixture(params=ENGINES)
def warehouse_url(request: pytest.FixtureRequest) -> str:
    """An empty warehouse, once for each engine."""
    return str(request.getfixturevalue(f"{request.param}_url"))
