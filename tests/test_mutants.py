"""Check 3: every naive design is caught by the simulation; the same seed without the mistake passes.

The seeds are the first that catch each one, counted from 0; `python -m tests.soak --check 3` looks for them again.
"""

from __future__ import annotations

import pytest

from tests.arena import on_duckdb
from tests.interleave import simulated
from tests.mutants import MUTANTS, NAIVE, WARNED, Mutant
from tests.play import Difference


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_caught(mutant: Mutant) -> None:
    """A Difference, not an accident of the wrapper; and none without the mistake."""
    schedule = mutant.schedule(mutant.seed)
    with mutant.apply(), pytest.raises(Difference) as caught:
        simulated(schedule, on_duckdb)
    assert "internal error" not in str(caught.value)
    simulated(schedule, on_duckdb)


def test_all_are_there() -> None:
    """The 22 of the table and the one about DDL, and the five that the design warns of; no two alike."""
    assert (len(NAIVE), len(WARNED)) == (23, 5)
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
