"""The promise among upheavals: see `tests.reliability.simulation.upheavals`; the long version is `python -m tests.soak --check 2`."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.engines import postgres
from tests.engines.db import Db
from tests.kit.arena import first_seed, on_duckdb, on_postgres
from tests.oracles.play import Difference
from tests.oracles.schedules import make
from tests.reliability.simulation.interleave import simulated
from tests.reliability.simulation.upheavals import HARSH, Reader, Upheavals

NEW = {"reload", "swap", "alter", "neighbour", "snapshot", "look"}


def test_duckdb() -> None:
    """Whatever happens to the tables, each reader sees one published version, and all that may happen does."""
    happened: Counter[str] = Counter()
    for seed in range(first_seed(), first_seed() + 6):
        happened += simulated(make(seed, 4), on_duckdb, HARSH, Upheavals).happened
    assert happened.keys() >= NEW


def test_postgres(postgres_server: postgres.Server) -> None:
    """The same with TRUNCATE, and snapshots of REPEATABLE READ."""
    happened: Counter[str] = Counter()
    for seed in range(first_seed(), first_seed() + 6):
        happened += simulated(make(seed, 4), on_postgres(postgres_server), HARSH, Upheavals).happened
    assert happened.keys() >= NEW


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
