"""Random schedules over a semantic model, compared with an oracle in plain Python after every step.

Two schedules of 15 steps in the suite on DuckDB; `python -m tests.doors.semantic.play` is the soak.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.semantic.play import play
from tests.kit.arena import first_seed

STEPS = {"duckdb": 15, "postgres": 5}


@pytest.mark.parametrize("number", range(2))
def test_every_value_is_that_of_a_full_recompute(duckdb_url: str, tmp_path: Path, number: int) -> None:
    """Whatever arrives, is corrected, goes, is rewound, left out or changed in the configuration: properties, KPIs and
    groups are what the events that are there say.
    """
    play(duckdb_url, tmp_path / "model", first_seed() + number, STEPS["duckdb"])


def test_on_postgres(postgres_url: str, tmp_path: Path) -> None:
    """The same on Postgres."""
    play(postgres_url, tmp_path / "model", first_seed() + 50, STEPS["postgres"])
