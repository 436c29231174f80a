"""Check 3: every naive design is caught by the simulation; the same seed without the mistake passes.

The seeds are the first that catch each one, counted from 0; `python -m tests.soak --check 3` looks for them again.
A statement more or less in the engine moves what comes between its statements: then one of the next seeds catches it.
"""

from __future__ import annotations

import pytest

from tests.kit.arena import on_duckdb
from tests.oracles.play import Difference
from tests.reliability.simulation.interleave import simulated
from tests.reliability.simulation.mutants import MUTANTS, NAIVE, WARNED, Mutant

NEAR = 40


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_caught(mutant: Mutant) -> None:
    """A Difference, not an accident of the wrapper; and none without the mistake."""
    for seed in range(mutant.seed, mutant.seed + NEAR):
        schedule = mutant.schedule(seed)
        try:
            with mutant.apply():
                simulated(schedule, on_duckdb)
        except Difference as caught:
            assert "internal error" not in str(caught)
            simulated(schedule, on_duckdb)
            return
    pytest.fail(f"not caught by {NEAR} simulations from seed {mutant.seed}")


def test_all_are_there() -> None:
    """The 22 of the table and the one about DDL, and the five that the design warns of; no two alike."""
    assert (len(NAIVE), len(WARNED)) == (23, 5)
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
