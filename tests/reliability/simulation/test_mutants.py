"""Check 3: every naive design is caught by the simulation; the same seed without the mistake passes.

The seeds are ones that catch each in seconds; `python -m tests.soak --check 3` looks for the first ones from 0 on.
A statement more or less in the engine moves what comes between its statements: then one of the next seeds catches it.
"""

from __future__ import annotations

import pytest

from tests.kit.arena import on_duckdb
from tests.oracles.play import Difference
from tests.reliability.simulation.interleave import simulated
from tests.reliability.simulation.mutants import COPIED, MUTANTS, NAIVE, WARNED, Mutant

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
    """The 22 of the table and the one about DDL, the five that the design warns of, four about copies; no two alike."""
    assert (len(NAIVE), len(WARNED), len(COPIED)) == (23, 5, 4)
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
