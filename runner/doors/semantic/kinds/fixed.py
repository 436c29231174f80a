"""A fixed window property: an aggregate over a range of dates, one value a user."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.kinds.base import Known, Window, made_of_days
from runner.doors.semantic.kinds.days import EVERY, IN_ORDER, WHOLE, Laid, Level
from runner.doors.semantic.types import COUNTS, LISTED, Aggregate, AtRest


@dataclass(frozen=True)
class Fixed(Window):
    """An aggregate over a range of dates, both included: one value a user."""

    word = "fixed_window_property"
    since: str
    until: str

    @property
    def is_daily(self) -> bool:
        return False

    def is_always_there(self, known: Known) -> bool:
        return self.function in COUNTS

    def is_sum_of_parts(self, known: Known) -> bool:
        if not made_of_days(self.source, known):
            return False
        rest = known.kind(self.source).at_rest(known)
        if rest is AtRest.NULL:
            return self.function not in LISTED
        return rest is AtRest.ZERO and self.function is Aggregate.SUM

    def level(self, laid: Laid) -> Level:
        within = f"case when l.date between date '{self.since}' and date '{self.until}' then {laid.value} end"
        return laid.over(self.function, WHOLE, f"{IN_ORDER} {EVERY}", within)
