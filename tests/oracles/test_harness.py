"""The harness of the schedules is right: it passes a naive full recompute and fails every mistake of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.arena import every_nth
from tests.oracles.naive import MISTAKES, NaivePlay
from tests.oracles.play import Difference
from tests.oracles.schedules import make

SEEDS = 6
SEEDS_POSTGRES = 2
MOST = 60  # a mistake that survives so many schedules is not seen by this harness


def naive(seed: int, url: str, folder: Path, mistake: str = "") -> int:
    """Play one schedule with the naive runner; the number of runs."""
    play = NaivePlay(make(seed), url, folder, every_nth())
    play.mistake = mistake
    try:
        play.start()
        play.play(play.schedule.ops)
    finally:
        play.close()
    return play.runs


def test_full_recompute_passes(tmp_path: Path) -> None:
    """No false alarm, on DuckDB."""
    assert all(naive(seed, "duckdb:///:memory:", tmp_path) >= 10 for seed in range(SEEDS))


@pytest.mark.parametrize("seed", range(SEEDS_POSTGRES))
def test_full_recompute_passes_on_postgres(seed: int, postgres_url: str, tmp_path: Path) -> None:
    """No false alarm, on Postgres."""
    assert naive(seed, postgres_url, tmp_path) >= 10


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str, tmp_path: Path) -> None:
    """Every mistake makes some schedule fail, and the failure shows how to see it again."""
    with pytest.raises(Difference, match=r"(?s)at operation \d+ Op.*seed \d+: Design.*new_batches"):
        all(naive(seed, "duckdb:///:memory:", tmp_path, mistake) for seed in range(MOST))
