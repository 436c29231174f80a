"""The days of a user's life laid out one by one: what a window is there, as window functions over them."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.dialect import Dialect
from runner.doors.semantic.types import Aggregate, DataType

WHOLE = "partition by user_id, runner_first"  # parts that follow each other are laid out in one
IN_ORDER = f"{WHOLE} order by date"
EVERY = "rows between unbounded preceding and unbounded following"
SO_FAR = "rows between unbounded preceding and current row"


@dataclass(frozen=True)
class Level:
    """A column; it may need another one, a level below it, called `Laid.seen`."""

    value: str
    helper: str = ""


@dataclass(frozen=True)
class Laid:
    """Where a window of a name and type is worked out: `value` is its source on the day."""

    dialect: Dialect
    name: str
    type: DataType
    source_type: DataType
    value: str
    before: str = ""
    """What a lifetime value was before the days that are laid out; '' where these are all."""

    @property
    def seen(self) -> str:
        """The helper column."""
        return seen_of(self.name)

    def over(self, function: Aggregate, frame: str, ordered: str, value: str = "") -> Level:
        """An aggregate over a frame; lists are in the order of `ordered`."""
        value, over, type_ = value or self.value, f" over ({frame})", self.dialect.type(self.type)
        if function in (Aggregate.MIN, Aggregate.MAX):
            return Level(f"cast({self.dialect.extreme(function, value, self.source_type, over)} as {type_})")
        if function is Aggregate.AVG:
            mean = self.dialect.average(f"sum({value}){over}", f"count({value}){over}")
            return Level(f"cast({mean} as {type_})")
        if function is Aggregate.SUM:
            return Level(self.dialect.summed(f"sum({value}){over}", self.type))
        if function is Aggregate.COUNT:
            return Level(f"cast(count({value}){over} as {type_})")
        values = f"array_agg({value}) filter (where ({value}) is not null) over ({ordered})"
        if function is Aggregate.ARRAY:
            return Level(values)
        return Level(f"cast(coalesce({self.dialect.engine.distinct_count(self.seen)}, 0) as {type_})", values)


def seen_of(name: str) -> str:
    """The helper column of a window: how many values there have been, or which. No property is called so."""
    return f"runner__{name}"


def before_of(name: str) -> str:
    """The column with what a lifetime value was before the days that are laid out."""
    return f"runner_before__{name}"
