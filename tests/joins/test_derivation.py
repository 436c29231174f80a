"""The derivation alone: every shape, random queries, and mistakes planted in it."""

from __future__ import annotations

import pytest

from runner.joins.values import Moves
from tests.joins.mistakes import MISTAKES, Mistake
from tests.joins.play import Play
from tests.joins.queries import shape_of
from tests.joins.shapes import SHAPES, Shape

ROUNDS = 4
SEED = "4"


@pytest.mark.parametrize("moves", [Moves.SIGNED, Moves.VALUES], ids=lambda moves: str(moves.name).lower())
def test_shapes(moves: Moves) -> None:
    """With old rows known and with values of batches alone: what is recomputed is all that changed."""
    found = changed = 0
    for shape in SHAPES:
        tally = Play(shape, moves, SEED).rounds(ROUNDS)
        assert not tally.wrong, f"{shape.name}, seed {SEED}: rounds {tally.wrong}"
        assert not shape.everywhere or tally.whole, f"{shape.name} is about all keys"
        found, changed = found + tally.found, changed + tally.changed
    assert found < changed * 3, f"{found:,} keys are found where {changed:,} changed: what is derived reaches too far"


@pytest.mark.parametrize("moves", [Moves.SIGNED, Moves.VALUES], ids=lambda moves: str(moves.name).lower())
def test_random_queries(moves: Moves) -> None:
    """Joins of all kinds, derived sides, subqueries, grouped and numbered on top."""
    for number in range(12):
        shape = shape_of(f"{SEED}-{moves.name}-{number}")
        tally = Play(shape, moves, SEED).rounds(5)
        assert not tally.wrong, f"seed {SEED}-{moves.name}-{number}: {shape.select}"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistakes_are_found(mistake: Mistake) -> None:
    """Each is seen by one of its shapes."""
    assert mistake.found()


def test_too_many_ways_end_at_once() -> None:
    """A key of many outer-joined dimensions has ways without number: all keys, told, and not a derivation of minutes."""
    joins = "".join(f" left join d.dim d{n} on d{n}.sku = e.sku" for n in range(14))
    listed = ", ".join(f"d{n}.name as n{n}" for n in range(14))
    shape = Shape("many", "n0, n9, n13", f"select e.id, {listed} from d.ev e{joins}")
    derived = Play(shape, Moves.SIGNED, SEED).derived
    assert {reason for reason, _ in derived.everywhere.values()} == {"more than 64 ways from a change to a key"}
