"""The SELECT of user_parts: the parts of each user's life, and what the days before a part have come to.

A part is there where something of the user's can change: where he has days with events, and where windows still reach
from there. What is carried into it are the lifetime values of all days before. So the spans of a part are made of its
own days, those of the part before, and one row of this table, and what a batch costs does not grow with history.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.compile.life import Life
from runner.doors.semantic.compile.property_values import PropertyValues
from runner.doors.semantic.compile.user_sums import ENDS, counted
from runner.doors.semantic.dialect import COMMA, PARTS, UNION, Dialect
from runner.doors.semantic.kinds.days import seen_of
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.fixed import Fixed
from runner.doors.semantic.kinds.lifetime import Lifetime
from runner.doors.semantic.names import Names
from runner.doors.semantic.types import Aggregate, AtRest
from runner.doors.semantic.values import Config, Property

USER = "partition by p.user_id"
SO_FAR = f"{USER} order by p.life_part rows between unbounded preceding and current row"
LIFE = f"{USER} order by p.life_part rows between unbounded preceding and unbounded following"  # in the same order: one sort
IN_ORDER = "partition by user_id order by life_part"


@dataclass(frozen=True)
class UserParts:
    """Builds it for one configuration and engine."""

    config: Config
    dialect: Dialect
    names: Names
    values: PropertyValues
    life: Life

    def select(self) -> str:
        """One row a user and part: which days to lay out, the part after it, what is carried, and the fixed windows."""
        ctes = [
            f"parts as (\n{self._parts()}\n)",
            f"seen as (\n{self._seen()}\n)",
            f"runs as (\n{self._runs()}\n)",
            f"ends as (\n{self._ends()}\n)",
        ]
        columns = ["user_id", "life_part", "laid_from", "laid_to", "next_part"]
        columns += [one.name for one, _ in self.life.fixed()]
        columns += [f"{self._with_quiet_days(one, kind)} as {one.name}" for one, kind in self.life.carried()]
        return f"with {PARTS.join(ctes)}\nselect {COMMA.join(columns)}\nfrom ends"

    def _parts(self) -> str:
        """The parts in which a user's values can change: from a window's look ahead to where the last one has ended."""
        sums = self.names.sums
        listed = [f"select user_id, life_part from {sums}"]
        if self.life.part_days:
            after = self.life.parts("last_day", 0, self.life.reach() + 1)[1:]
            listed += [f"select user_id, {part} from {sums}" for part in after]
            first = "min(life_part) over (partition by user_id) as runner_first"
            lives = f"(select user_id, first_day, {first} from {sums}) runner_o"
            before = self.life.parts("first_day", -self.life.ahead(), 0)[:-1]
            listed += [f"select user_id, {part} from {lives} where {part} >= runner_first" for part in before]
        return f"select user_id, life_part from (\n{UNION.join(listed)}\n) runner_p group by user_id, life_part"

    def _seen(self) -> str:
        """Each part with its sums, and with how many parts have had a first or last value: a number for each."""
        listed = ["p.user_id", "p.life_part", "o.first_day", "o.last_day", "o.day_count"]
        for one, kind in self.life.carried():
            listed.append(f"o.{one.name}")
            if kind.function in ENDS:
                listed.append(f"count(o.{one.name}) over ({SO_FAR}) as {seen_of(one.name)}")
        for one, fixed in self.life.fixed():
            listed += [f"o.{one.name}"] if fixed.function is not Aggregate.COUNT else []
            listed += [f"o.{counted(one)}"] if fixed.function in (Aggregate.COUNT, Aggregate.AVG) else []
        return (
            f"select {COMMA.join(listed)}\nfrom parts as p\n"
            f"left join {self.names.sums} as o on o.user_id = p.user_id and o.life_part = p.life_part"
        )

    def _runs(self) -> str:
        """What all days up to the end of each part come to."""
        listed = ["user_id", "life_part", f"min(p.first_day) over ({LIFE}) as runner_life_from"]
        listed.append(f"max(p.last_day) over ({LIFE}) as runner_life_to")
        listed.append(f"sum(p.day_count) over ({SO_FAR}) as runner_days")
        listed += [f"{self._run(one, kind)} as {one.name}" for one, kind in self.life.carried()]
        listed += [f"{self._fixed(one, kind)} as {one.name}" for one, kind in self.life.fixed()]
        return f"select {COMMA.join(listed)}\nfrom seen as p"

    def _run(self, one: Property, kind: Lifetime) -> str:
        if kind.function is Aggregate.LAST:
            return self.dialect.one_of(f"p.{one.name}", one.type, f" over ({USER}, p.{seen_of(one.name)})")
        if kind.function is Aggregate.FIRST:
            first = f"case when p.{seen_of(one.name)} = 1 then p.{one.name} end"
            first = self.dialect.one_of(first, one.type, f" over ({LIFE})")
            return f"case when p.{seen_of(one.name)} >= 1 then {first} end"
        return self._merged(kind, f"p.{one.name}", f" over ({SO_FAR})")

    def _merged(self, kind: Fixed | Lifetime, value: str, over: str) -> str:
        if kind.function in (Aggregate.MIN, Aggregate.MAX):
            return self.dialect.extreme(kind.function, value, self.config.property(kind.source).type, over)
        return f"sum({value}){over}"

    def _fixed(self, one: Property, kind: Fixed) -> str:
        """A fixed window over the whole life, as each of its parts has it."""
        over, type_ = f" over ({LIFE})", self.dialect.type(one.type)
        count = f"coalesce(sum(p.{counted(one)}){over}, 0)"
        if kind.function is Aggregate.COUNT:
            return f"cast({count} as {type_})"
        value = self._merged(kind, f"p.{one.name}", over)
        if (
            self.config.kind(kind.source).at_rest(self.config) is AtRest.ZERO
        ):  # each of his days in the range has a value
            value = f"case when min(p.first_day){over} <= date '{kind.until}' then coalesce({value}, 0) end"
        if kind.function is Aggregate.SUM:
            return self.dialect.summed(value, one.type)
        return f"cast({self.dialect.average(value, count) if kind.function is Aggregate.AVG else value} as {type_})"

    def _ends(self) -> str:
        """From and to which day each part is laid out, and what all days before have come to.

        The part before is laid out too: what is carried is from before that one.
        """
        length, end = self.life.part_days, f"runner_life_to + {self.life.reach() + 1}"
        begin = f"greatest(runner_life_from, life_part - {length})" if length else "runner_life_from"
        listed = ["user_id", "life_part", f"{begin} as laid_from"]
        listed.append(f"{f'least(life_part + {length - 1}, {end})' if length else end} as laid_to")
        listed.append(f"lead(life_part) over ({IN_ORDER}) as next_part")
        listed += [one.name for one, _ in self.life.fixed()]
        if self.life.carried():
            quiet = f"{begin} - runner_life_from > coalesce({self._before('runner_days')}, 0)"
            listed.append(f"{quiet} as runner_has_quiet")
        for one, kind in self.life.carried():
            source = self.config.property(kind.source).type
            type_ = self.dialect.sum_type(source) if kind.function is Aggregate.SUM else self.dialect.type(source)
            listed.append(f"cast({self._before(one.name)} as {type_}) as {one.name}")
        return f"select {COMMA.join(listed)}\nfrom runs"

    def _before(self, column: str) -> str:
        """What a column of `runs` was before the days that are laid out for a part."""
        over = f" over ({IN_ORDER})"
        is_there = f"lag(life_part){over} = life_part - {self.life.part_days}"
        return f"case when {is_there} then lag({column}, 2){over} else lag({column}){over} end"

    def _with_quiet_days(self, one: Property, kind: Lifetime) -> str:
        """What days without events have come to is in the value too: no sums have them."""
        if self.config.kind(kind.source).at_rest(self.config) is AtRest.NULL or kind.function is Aggregate.SUM:
            return one.name
        quiet = self.values.value(kind.source, "life_part", self._default)
        merged = self.dialect.merged(kind.function, one.name, quiet, self.config.property(kind.source).type)
        return f"case when runner_has_quiet then {merged} else {one.name} end"

    def _default(self, one: Property) -> str:
        """What an event property is on days without such events."""
        assert isinstance(one.kind, EventValue)  # noqa: S101 - what is carried is made of nothing else
        value = one.kind.default.sql(self.dialect.engine) if one.kind.default else "null"
        return f"cast({value} as {self.dialect.type(one.type)})"
