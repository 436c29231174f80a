"""An emulator for its own tests, a database on it, and two sessions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.engines import snowflake as emulator
from tests.engines.emulator.client import Connection

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def server() -> Iterator[emulator.Server]:
    """One emulator for its tests."""
    try:
        with emulator.server() as running:
            yield running
    except emulator.NoSnowflake as missing:
        pytest.skip(str(missing))


@pytest.fixture
def url(server: emulator.Server) -> Iterator[str]:
    """A new database."""
    with emulator.database(server, f"EMULATED_{next(_numbers)}") as found:
        yield found


@pytest.fixture
def a(url: str) -> Iterator[Connection]:
    """A session."""
    with emulator.closing(url) as session:
        yield session


@pytest.fixture
def b(url: str) -> Iterator[Connection]:
    """Another one."""
    with emulator.closing(url) as session:
        yield session
