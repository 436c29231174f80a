"""A sliding window property: an aggregate over some days around each day."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.kinds.base import Known, Window
from runner.doors.semantic.kinds.days import IN_ORDER, Laid, Level
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

    def level(self, laid: Laid) -> Level:
        frame = f"{IN_ORDER} rows between {_bound(self.first)} and {_bound(self.last)}"
        return laid.over(self.function, frame, frame)


def _bound(days: int) -> str:
    if days == 0:
        return "current row"
    return f"{-days} preceding" if days < 0 else f"{days} following"
