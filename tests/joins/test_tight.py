"""How far the derived keys reach, beside plain SQL that is written by hand for each shape.

By hand: distinct keys of old and new key rows that changed, or that join an old or a new changed row. `ever.x` has the rows
of a table before and after a round, `diff.x` those that differ. What is derived nets rows that are the same in all columns
that the SELECT reads, so it is never more than that.
"""

from __future__ import annotations

import pytest

from runner.joins.values import Moves
from tests.joins.play import Play
from tests.joins.shapes import SHAPES

OWN = "select id from diff.d_ev"
BY_SKU = "select e.id from ever.d_ev e join diff.{} d on d.sku = e.sku"
BY_USER = "select e.id from ever.d_ev e join diff.d_us u on u.uid = e.uid"
WEEK = "cast(e.ts as date) >= c.day - 6 and cast(e.ts as date) <= c.day"
MONTH = "date_trunc('month', e.ts) = date_trunc('month', cast(c.day as timestamp)) and cast(e.ts as date) <= c.day"
COHORTS = "select u.cohort from ever.d_us u join ever.d_ev e on e.uid = u.uid where {}"
CHANGED_USER = "(u.uid, u.n, u.cohort) in (select uid, n, cohort from diff.d_us)"
CHANGED_EVENT = "e.id in (select id from diff.d_ev)"
BY_HAND = {
    "star": " union ".join([OWN, BY_SKU.format("d_dim"), BY_SKU.format("raw_products"), BY_USER]),
    "inner dimension": f"{OWN} union {BY_SKU.format('d_dim')}",
    "dimension of a source": f"{OWN} union {BY_SKU.format('d_dim')}".replace("d_ev", "raw_events"),
    "other source": "select uid from diff.raw_events union select customer from diff.raw_orders",
    "since first visit": f"{OWN} union {BY_USER}",
    "rolling seven days": f"select c.day from raw.days c join diff.d_ev e on {WEEK}",
    "month to date": f"select c.day from raw.days c join diff.d_ev e on {MONTH}",
    "calendar with empty days": "select cast(ts as date) from diff.d_ev",
    "retention by cohort": f"{COHORTS.format(CHANGED_EVENT)} union select cohort from diff.d_us",
    "semi join": f"{OWN} union {BY_USER}",
    "condition on the left": f"{OWN} union {BY_SKU.format('d_dim')}",
    "first touch over a source": "select uid from diff.d_us union select customer from diff.raw_orders",
    "self join by range": f"{OWN} union select a.id from ever.d_ev a join diff.d_ev b on b.sku = a.sku and b.ts < a.ts",
    "key of a side alone": "select d.name from ever.d_dim d join diff.d_ev e on e.sku = d.sku union select name from diff.d_dim",
    "price of the day, scalar": f"{OWN} union select e.id from ever.d_ev e join diff.d_orders p on p.customer = e.uid and p.ordered <= e.ts",
    "numbered by user": "select a.id from ever.d_ev a join diff.d_ev b on b.uid is not distinct from a.uid",
    "funnel by day": "select cast(ts as date) from diff.d_ev"
    " union select cast(e.ts as date) from ever.d_ev e join diff.d_dim d on d.sku = e.sku"
    " union select cast(e.ts as date) from ever.d_ev e join diff.d_orders o on o.customer = e.uid",
}


@pytest.mark.parametrize("moves", [Moves.SIGNED, Moves.VALUES], ids=lambda moves: str(moves.name).lower())
def test_no_key_is_found_that_joins_nothing_changed(moves: Moves) -> None:
    """With old rows known, and with the values of batches alone."""
    shapes = {shape.name: shape for shape in SHAPES}
    for name, by_hand in BY_HAND.items():
        play = Play(shapes[name], moves, "8", by_hand=by_hand)
        tally = play.rounds(4)
        assert not tally.wrong
        assert tally.found, f"{name}: nothing changed in any round"
        assert not tally.beyond, f"{name}: {tally.beyond} keys of {tally.found} are further than by hand"
