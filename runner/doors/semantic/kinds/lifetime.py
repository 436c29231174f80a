"""A lifetime property: an aggregate over all days up to each day."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.kinds.base import Known, Window, made_of_days
from runner.doors.semantic.kinds.days import IN_ORDER, SO_FAR, WHOLE, Laid, Level
from runner.doors.semantic.types import LISTED, MERGED, Aggregate, AtRest


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

    def level(self, laid: Laid) -> Level:
        """Over the days that are laid out, and on top of what is carried from those before."""
        dialect, before, over = laid.dialect, laid.before, f" over ({IN_ORDER} {SO_FAR})"
        type_ = dialect.type(laid.type)
        if self.function in (Aggregate.FIRST, Aggregate.LAST):
            found = self._end(laid)
            pair = f"{before}, {found}" if self.function is Aggregate.FIRST else f"{found}, {before}"
            seen = f"count({laid.value}){over}"  # rows from one value to the next have one number
            return Level(f"cast({f'coalesce({pair})' if before else found} as {type_})", seen)
        sums = self.function is Aggregate.SUM
        found = f"sum({laid.value}){over}" if sums else dialect.extreme(self.function, laid.value, laid.type, over)
        merged = dialect.merged(self.function, before, found, laid.type) if before else found
        return Level(dialect.summed(merged, laid.type) if sums else f"cast({merged} as {type_})")

    def _end(self, laid: Laid) -> str:
        """The first or last value so far that is not null."""
        if self.function is Aggregate.LAST:
            return laid.dialect.one_of(laid.value, laid.type, f" over ({WHOLE}, {laid.seen})")
        first = f"case when {laid.seen} = 1 then {laid.value} end"
        return f"case when {laid.seen} >= 1 then {laid.dialect.one_of(first, laid.type, f' over ({WHOLE})')} end"
