"""How a user's life is cut into parts: how long they are, and which of them an event reaches.

A part is as long as windows reach, so that a day's windows lie within its part and the one before, and an event's reach
ends in its part or the one after. Where a lifetime value or a fixed window is made of other windows, or depends on
quiet days in a way that parts cannot tell, a life is one part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from runner.doors.semantic.rules.implied import QuietValue, on_quiet_days
from runner.doors.semantic.values import (
    Aggregate,
    Computed,
    Config,
    EventValue,
    Fixed,
    Lifetime,
    Property,
    Sliding,
)
from runner.warehouse.engines import Engine

KEY = ("user_id", "life_part")
LEAST_DAYS = 8  # shorter parts would be many rows a user, longer ones many days for each batch
ZERO_DAY = "date '2000-01-01'"  # a part begins here, and every so many days before and after
ONLY_PART = "date '0001-01-01'"
_MERGED = (Aggregate.SUM, Aggregate.MIN, Aggregate.MAX)
_LISTED = (Aggregate.COUNT_DISTINCT, Aggregate.ARRAY)


@dataclass(frozen=True)
class Life:
    """That of the users of one configuration, in the SQL of an engine."""

    config: Config
    engine: Engine

    @property
    def windows(self) -> tuple[Property, ...]:
        """The properties that are windows, sources first."""
        kinds = (Sliding, Fixed, Lifetime)
        wanted = [one.name for one in self.config.properties if isinstance(one.kind, kinds)]
        listed = (self.config.property(name) for name in self.config.closure(wanted))
        return tuple(one for one in listed if isinstance(one.kind, kinds))

    def reach(self) -> int:
        """For how many days after its own an event can be within a window, one through another."""
        return max((self._reach(one.name, lambda window: -window.first) for one in self.windows), default=0)

    def ahead(self) -> int:
        """How many days ahead windows look, one through another: so many more are laid out, and left out again."""
        return max((self._reach(one.name, lambda window: window.last) for one in self.windows), default=0)

    def _reach(self, name: str, length: Callable[[Sliding], int]) -> int:
        one = self.config.property(name)
        own = max(0, length(one.kind)) if isinstance(one.kind, Sliding) else 0
        return own + max((self._reach(source, length) for source in one.sources), default=0)

    # -- parts -------------------------------------------------------------------------------------------------------

    @property
    def part_days(self) -> int:
        """How long a part is; 0: a life is one part."""
        return max(LEAST_DAYS, self.reach() + 1) if all(map(self._is_sum_of_parts, self.windows)) else 0

    def _is_sum_of_parts(self, one: Property) -> bool:
        """Whether a window can be put together from what parts come to, with no day laid out but its own ones."""
        kind = one.kind
        if not isinstance(kind, (Fixed, Lifetime)):
            return True
        made_of = (self.config.property(name).kind for name in self.config.closure([kind.source]))
        if not all(isinstance(inner, (EventValue, Computed)) for inner in made_of):
            return False
        quiet = on_quiet_days(self.config, kind.source)
        if quiet is QuietValue.NULL:
            return kind.function not in _LISTED
        if isinstance(kind, Lifetime):
            return kind.function in _MERGED
        return quiet is QuietValue.ZERO and kind.function is Aggregate.SUM

    def carried(self) -> tuple[tuple[Property, Lifetime], ...]:
        """The lifetime values, which are carried from part to part."""
        return tuple((one, one.kind) for one in self._in_parts() if isinstance(one.kind, Lifetime))

    def fixed(self) -> tuple[tuple[Property, Fixed], ...]:
        """The fixed windows, which are the sums of their parts."""
        return tuple((one, one.kind) for one in self._in_parts() if isinstance(one.kind, Fixed))

    def _in_parts(self) -> tuple[Property, ...]:
        return self.windows if self.part_days else ()

    def part(self, date: str) -> str:
        """The part that a date is in, as an expression: its first day."""
        if not self.part_days:
            return ONLY_PART
        number = f"cast(floor(({date} - {ZERO_DAY}) / {self.part_days}.0) as integer)"
        return self.engine.days_later(ZERO_DAY, f"{number} * {self.part_days}")

    def parts(self, date: str, first: int, last: int) -> tuple[str, ...]:
        """The parts of the days from `first` to `last` after a date."""
        if not self.part_days:
            return (ONLY_PART,)
        days = [first + step * self.part_days for step in range(math.ceil((last - first) / self.part_days))]
        return tuple(self.part(f"({date} + ({day}))" if day else date) for day in [*days, last])

    def around(self, part: str) -> tuple[str, ...]:
        """The parts whose days the windows of a part look at: the one before it, itself, and those that lie ahead."""
        if not self.part_days:
            return (ONLY_PART,)
        last = math.ceil(self.ahead() / self.part_days)
        return tuple(f"{part} + ({number * self.part_days})" for number in range(-1, last + 1))


def seen_of(one: Property) -> str:
    """The helper column of a window: how many values there have been, or which. No property is called so."""
    return f"runner__{one.name}"


def before_of(one: Property) -> str:
    """The column with what a lifetime value was before the days that are laid out."""
    return f"runner_before__{one.name}"
