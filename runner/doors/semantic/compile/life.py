"""How a user's life is cut into parts: how long they are, and which of them an event reaches.

A part is as long as windows reach, so that a day's windows lie within its part and the one before, and an event's reach
ends in its part or the one after. Where a lifetime value or a fixed window is made of other windows, or depends on
quiet days in a way that parts cannot tell, a life is one part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from runner.doors.semantic.kinds.base import PropertyKind, Window
from runner.doors.semantic.kinds.fixed import Fixed
from runner.doors.semantic.kinds.lifetime import Lifetime
from runner.doors.semantic.values import Config, Property
from runner.warehouse.engines import Engine

KEY = ("user_id", "life_part")
LEAST_DAYS = 8  # shorter parts would be many rows a user, longer ones many days for each batch
ZERO_DAY = "date '2000-01-01'"  # a part begins here, and every so many days before and after
ONLY_PART = "date '0001-01-01'"


@dataclass(frozen=True)
class Life:
    """That of the users of one configuration, in the SQL of an engine."""

    config: Config
    engine: Engine

    @property
    def windows(self) -> tuple[tuple[Property, Window], ...]:
        """The properties that are windows, sources first."""
        wanted = [one.name for one in self.config.properties if isinstance(one.kind, Window)]
        listed = (self.config.property(name) for name in self.config.closure(wanted))
        return tuple((one, one.kind) for one in listed if isinstance(one.kind, Window))

    def reach(self) -> int:
        """For how many days after its own an event can be within a window, one through another."""
        return max((self._reach(one.name, lambda kind: kind.behind) for one, _ in self.windows), default=0)

    def ahead(self) -> int:
        """How many days ahead windows look, one through another: so many more are laid out, and left out again."""
        return max((self._reach(one.name, lambda kind: kind.ahead) for one, _ in self.windows), default=0)

    def _reach(self, name: str, own: Callable[[PropertyKind], int]) -> int:
        kind = self.config.kind(name)
        return own(kind) + max((self._reach(source, own) for source in kind.sources), default=0)

    # -- parts -------------------------------------------------------------------------------------------------------

    @property
    def part_days(self) -> int:
        """How long a part is; 0: a life is one part."""
        in_parts = all(kind.is_sum_of_parts(self.config) for _, kind in self.windows)
        return max(LEAST_DAYS, self.reach() + 1) if in_parts else 0

    def carried(self) -> tuple[tuple[Property, Lifetime], ...]:
        """The lifetime values, which are carried from part to part."""
        return tuple((one, kind) for one, kind in self._in_parts() if isinstance(kind, Lifetime))

    def fixed(self) -> tuple[tuple[Property, Fixed], ...]:
        """The fixed windows, which are the sums of their parts."""
        return tuple((one, kind) for one, kind in self._in_parts() if isinstance(kind, Fixed))

    def _in_parts(self) -> tuple[tuple[Property, Window], ...]:
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
