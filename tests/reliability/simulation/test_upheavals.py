"""The promise among upheavals: see `tests.reliability.simulation.upheavals`; the long version is `python -m tests.soak --check 2`."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.engines import postgres
from tests.engines.db import Db
from tests.kit.arena import Arena, first_seed, on_duckdb, on_postgres
from tests.oracles.play import Difference
from tests.oracles.schedules import make
from tests.reliability.simulation.interleave import simulated
from tests.reliability.simulation.upheavals import HARSH, Reader, Upheavals

NEW = {"reload", "swap", "alter", "neighbour", "snapshot", "look"}


def everything_happens(arena: Arena) -> None:
    """Some simulations, and more where something has not come about in them."""
    happened: Counter[str] = Counter()
    for number in range(20):
        happened += simulated(make(first_seed() + number, 4), arena, HARSH, Upheavals).happened
        if number >= 4 and happened.keys() >= NEW:
            return
    pytest.fail(f"only {happened}")


def test_duckdb() -> None:
    """Whatever happens to the tables, each reader sees one published version, and all that may happen does."""
    everything_happens(on_duckdb)


def test_postgres(postgres_server: postgres.Server) -> None:
    """The same with TRUNCATE, and snapshots of REPEATABLE READ."""
    everything_happens(on_postgres(postgres_server))


def test_a_reader_without_a_snapshot_is_found() -> None:
    """Who reads the version first and the tables later, without a snapshot, sees what no version was: it is told."""

    class Careless(Upheavals):
        def _snapshot(self, rng: Random) -> None:
            db = Db(self.url)
            self.reader = Reader(db, self._version(db))

    profile = HARSH.only("upstream", "run", "snapshot", "look", rate=0.1)

    def many() -> None:
        for seed in range(50):
            simulated(make(seed, 4), on_duckdb, profile, Careless)

    with pytest.raises(Difference, match="too many"):
        many()
