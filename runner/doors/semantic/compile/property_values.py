"""A user on a day: the SQL of each property's value over a span, a date and the day's own rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from runner.doors.semantic.dialect import Dialect
from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.kinds.computed import Computed, ValueMapping
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.names import Names
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Config, Property


@dataclass(frozen=True)
class PropertyValues:
    """Builds values and joins; `s` is the span, `c` has the date, and each event's days have an alias of their own."""

    config: Config
    dialect: Dialect
    names: Names

    def value(self, name: str, date: str = "c.date", stored: Callable[[Property], str] | None = None) -> str:
        """The value of a property; `stored` says where that of a stored one is, instead of the span."""
        one = self.config.property(name)
        if isinstance(one.kind, Computed):
            return self.computed(
                one, one.kind, lambda inner: date if inner == "date" else self.value(inner, date, stored)
            )
        if stored is not None:
            return stored(one)
        if isinstance(one.kind, EventValue):
            return self.of_day(one, one.kind)
        return f"s.{name}"

    def of_day(self, one: Property, kind: EventValue) -> str:
        """An event property: that of the day, or its default."""
        column = f"{day_alias(kind.event)}.{one.name}"
        if kind.default is None:
            return column
        return f"coalesce({column}, cast({kind.default.sql(self.dialect.engine)} as {self.dialect.type(one.type)}))"

    def computed(self, one: Property, kind: Computed, value: Callable[[str], str]) -> str:
        """A formula over other properties, and what its values are called."""
        text = kind.select.of_row(self.dialect.engine, value, self.is_whole)
        type_ = self.dialect.type(one.type)
        if not kind.mappings:
            return self.dialect.worked_out(kind.select, text, one.type, self.type_of)
        cases = " ".join(
            f"when {self._fits(mapped, f'({text})', self._is_text(kind))} then {mapped.new_value.sql(self.dialect.engine)}"
            for mapped in kind.mappings
        )
        return f"cast(case {cases} end as {type_})"

    def _fits(self, mapped: ValueMapping, value: str, is_text: bool) -> str:
        if mapped.constant is not None:
            constant = replace(mapped.constant, quoted=True) if is_text else mapped.constant
            return f"{value} = {constant.sql(self.dialect.engine)}"
        ends = [f"{value} >= {mapped.low}"] if mapped.low is not None else []
        ends += [f"{value} <= {mapped.high}"] if mapped.high is not None else []
        return " and ".join(ends)

    def _is_text(self, kind: Computed) -> bool:
        """Whether a formula is a text for sure: a number to compare it with is meant as a text too."""
        bare = kind.select.bare()
        return bare is not None and bare != "date" and self.config.property(bare).type is DataType.STRING

    def formula(self, formula: Formula, date: str = "c.date") -> str:
        """A formula over properties."""
        value = lambda name: date if name == "date" else self.value(name, date)  # noqa: E731
        return formula.of_row(self.dialect.engine, value, self.is_whole)

    def outside(self, formula: Formula, date: str = "c.date") -> str:
        """The condition of users and days without a value in a formula or in those that it is made of; '' if there can be none."""
        value = lambda name: date if name == "date" else self.value(name, date)  # noqa: E731
        found = [formula.outside(self.dialect.engine, value)]
        for name in formula.names:
            kind = self.config.property(name).kind if name != "date" else None
            if isinstance(kind, Computed):
                found.append(self.outside(kind.select, date))
        return " or ".join(f"({one})" for one in found if one)

    def type_of(self, name: str) -> DataType:
        """The type of a name in a formula over properties."""
        return DataType.DATE if name == "date" else self.config.property(name).type

    def is_whole(self, name: str) -> bool:
        """Whether it is a whole number."""
        return self.type_of(name) is DataType.INTEGER

    def events_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """The events whose days are read for properties, through computed ones."""
        found: dict[str, None] = {}
        for name in names:
            one = self.config.property(name)
            if one.kind.reads:
                found[one.kind.reads] = None
            elif one.kind.table(self.names) is None:
                found |= dict.fromkeys(self.events_of(one.sources))
        return tuple(found)

    def spans_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """The columns of the span that are read for properties, through computed ones."""
        found: dict[str, None] = {}
        for name in names:
            one = self.config.property(name)
            if one.kind.table(self.names) is None:
                found |= dict.fromkeys(self.spans_of(one.sources))
            elif not one.kind.reads:
                found[name] = None
        return tuple(found)

    def join_days(self, events: Iterable[str], date: str = "c.date", user: str = "s.user_id") -> str:
        """LEFT JOINs that bring the rows of the day."""
        return "".join(
            f"\nleft join {self.names.days(event)} as {day_alias(event)}"
            f" on {day_alias(event)}.user_id = {user} and {day_alias(event)}.date = {date}"
            for event in events
        )


def day_alias(event: str) -> str:
    """How an event's days are called within a query."""
    return f"d_{event}"
