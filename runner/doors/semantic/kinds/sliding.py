"""A sliding window property: an aggregate over some days around each day."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.kinds.base import Known, Window
from runner.doors.semantic.types import COUNTS, AtRest


@dataclass(frozen=True)
class Sliding(Window):
    """An aggregate over the days from `first` to `last`, relative to each day."""

    word = "sliding_window_property"
    first: int
    last: int

    @property
    def behind(self) -> int:
        return max(0, -self.first)

    @property
    def ahead(self) -> int:
        return max(0, self.last)

    def at_rest(self, known: Known) -> AtRest:
        source = known.kind(self.source).at_rest(known)
        if self.function in COUNTS:
            return AtRest.ZERO if source is AtRest.NULL else AtRest.VALUE
        return source

    def is_always_there(self, known: Known) -> bool:
        if self.function in COUNTS:
            return True
        return self.first <= 0 <= self.last and known.kind(self.source).is_always_there(known)
