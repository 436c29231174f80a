"""A lifetime property: an aggregate over all days up to each day."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.kinds.base import Known, Window, made_of_days
from runner.doors.semantic.types import LISTED, MERGED, AtRest


@dataclass(frozen=True)
class Lifetime(Window):
    """An aggregate over all days up to each day."""

    word = "lifetime_property"

    def is_always_there(self, known: Known) -> bool:
        return known.kind(self.source).is_always_there(known)

    def is_sum_of_parts(self, known: Known) -> bool:
        if not made_of_days(self.source, known):
            return False
        quiet = known.kind(self.source).at_rest(known) is AtRest.NULL
        return self.function not in LISTED if quiet else self.function in MERGED
