"""Check 9: SIGTERM and SIGINT end a run within 5 s, wherever they meet it, and leave nothing of it behind.

Here a small share; `python -m tests.soak --check 9` does it at length.
"""

from __future__ import annotations

import pytest

from tests.engines import postgres
from tests.engines.db import ENGINES
from tests.kit.tally import Tally
from tests.reliability.processes import signals

SEED = 1


@pytest.fixture(params=ENGINES)
def server(request: pytest.FixtureRequest) -> postgres.Server | None:
    """None for DuckDB, else the Postgres server."""
    found: postgres.Server | None = None
    if request.param == "postgres":
        found = request.getfixturevalue("postgres_server")
    return found


def nothing_found(tally: Tally, size: int) -> None:
    """As many signals as asked for, and nothing wrong after any."""
    assert tally.size == size
    assert not tally.failed, "\n\n".join(tally.notes)


def test_in_slow_queries_and_waits(server: postgres.Server | None) -> None:
    """Queries of 60 s before, in and after the publish, parallel ones, waits for a lease and for a silent server."""
    size = len(signals.SCENES) - (server is None)
    nothing_found(signals.scenes(server, size, SEED), size)


def test_at_any_instant(server: postgres.Server | None) -> None:
    """At statements and at random instants of an ordinary run, once or twice in a row."""
    nothing_found(signals.instants(server, 3, SEED), 3)
