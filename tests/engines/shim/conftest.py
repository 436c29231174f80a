"""A shim for its own tests, and databases behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines import postgres, redshift
from tests.engines.shim.client import Client, fresh


@pytest.fixture(scope="package")
def shim(postgres_server: postgres.Server) -> Iterator[redshift.Shim]:
    """A Redshift with SNAPSHOT isolation."""
    with redshift.server(postgres_server) as running:
        yield running


@pytest.fixture
def url(shim: redshift.Shim) -> Iterator[str]:
    """A new database of it; nothing is seen and nothing fails any more."""
    shim.forget()
    with fresh(shim) as made:
        yield made


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A connection."""
    with Client(url) as made:
        yield made
