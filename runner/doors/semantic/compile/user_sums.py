"""The SELECT of user_sums: what the days of each part of a user's life come to, for values that look at whole lives."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.compile.event_tables import EventTables
from runner.doors.semantic.compile.life import Life
from runner.doors.semantic.compile.property_values import PropertyValues
from runner.doors.semantic.dialect import COMMA, PARTS, Dialect
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.fixed import Fixed
from runner.doors.semantic.kinds.lifetime import Lifetime
from runner.doors.semantic.names import Names
from runner.doors.semantic.types import Aggregate
from runner.doors.semantic.values import Config, Property
from runner.playbook.values import Affected

ENDS = {Aggregate.FIRST: "min", Aggregate.LAST: "max"}  # which day of a part has its first or last value


@dataclass(frozen=True)
class UserSums:
    """Builds it for one configuration and engine."""

    config: Config
    dialect: Dialect
    names: Names
    event_tables: EventTables
    values: PropertyValues
    life: Life

    def select(self) -> str:
        """One row a user and part: its first and last day with events, how many there are, and a column a window."""
        ctes = [
            f"lives as (\nselect user_id, date from (\n{self.event_tables.lives()}\n) runner_l group by user_id, date\n)",
            f"days as (\n{self._days()}\n)",
            f"sums as (\n{self._sums()}\n)",
        ]
        listed, joins = ["s.user_id", "s.life_part", "s.first_day", "s.last_day", "s.day_count"], ""
        for one, kind in self.life.carried():
            if kind.function in ENDS:
                day = f"e_{one.name}"
                joins += f"\nleft join days as {day} on {day}.user_id = s.user_id and {day}.date = s.{one.name}"
                listed.append(f"{day}.v_{kind.source} as {one.name}")
            else:
                listed.append(f"s.{one.name}")
        for one, fixed in self.life.fixed():
            listed += [f"s.{one.name}"] if fixed.function is not Aggregate.COUNT else []
            listed += [f"s.{counted(one)}"] if fixed.function in (Aggregate.COUNT, Aggregate.AVG) else []
        return f"with {PARTS.join(ctes)}\nselect {COMMA.join(listed)}\nfrom sums as s{joins}"

    def _days(self) -> str:
        """A row a user and day with events, with the values that windows over lives are made of."""
        kinds: list[Fixed | Lifetime] = [kind for _, kind in self.life.carried()]
        kinds += [kind for _, kind in self.life.fixed()]
        sources = tuple(dict.fromkeys(kind.source for kind in kinds))
        listed = "".join(f"{COMMA}{self.values.value(name, 'c.date', self._of_day)} as v_{name}" for name in sources)
        joins = self.values.join_days(self.values.events_of(sources), "c.date", "c.user_id")
        return f"select c.user_id, c.date{listed}\nfrom lives as c{joins}"

    def _of_day(self, one: Property) -> str:
        assert isinstance(one.kind, EventValue)  # noqa: S101 - what is summed up over parts is made of nothing else
        return self.values.of_day(one, one.kind)

    def _sums(self) -> str:
        part = self.life.part("date")
        listed = ["user_id", f"{part} as life_part", "min(date) as first_day", "max(date) as last_day"]
        listed.append("count(*) as day_count")
        for one, kind in self.life.carried():
            value = f"v_{kind.source}"
            if kind.function in ENDS:
                value = f"{ENDS[kind.function]}(case when {value} is not null then date end)"
            else:
                value = self._merged(kind, value)
            listed.append(f"{value} as {one.name}")
        for one, fixed in self.life.fixed():
            value = f"case when date between date '{fixed.since}' and date '{fixed.until}' then v_{fixed.source} end"
            if fixed.function is not Aggregate.COUNT:
                listed.append(f"{self._merged(fixed, value)} as {one.name}")
            if fixed.function in (Aggregate.COUNT, Aggregate.AVG):
                listed.append(f"count({value}) as {counted(one)}")
        return f"select {COMMA.join(listed)}\nfrom days\ngroup by user_id, {part}"

    def _merged(self, kind: Fixed | Lifetime, value: str) -> str:
        type_ = self.config.property(kind.source).type
        if kind.function in (Aggregate.MIN, Aggregate.MAX):
            return self.dialect.extreme(kind.function, value, type_)
        return f"cast(sum({value}) as {self.dialect.sum_type(type_)})"

    def affected(self) -> tuple[Affected, ...]:
        """For each input: the parts in which its changed rows lie, and the rows that these need."""
        days = [(self.names.days(event), "date") for event in self.event_tables.day_events()]
        days.append((self.names.registrations, "registration_date"))
        return tuple(
            Affected(
                table,
                f"select user_id, {self.life.part(date)} as life_part from changed",
                f"(user_id, {self.life.part(date)}) in (select user_id, life_part from affected)",
            )
            for table, date in days
        )


def counted(one: Property) -> str:
    """The column of user_sums with how many values a fixed window has."""
    return f"_count_{one.name}"  # no property is called so
