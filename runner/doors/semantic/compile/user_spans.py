"""The SELECT of user_spans: from when to when each user's windows and lifetime values stay what they are.

The days of each part of a user's life are laid out one by one; each property is a window function over them, on top of
what is carried into the part; days that change nothing are folded away. A span ends with its part at the latest, and
the last one is open. So the clock changes nothing here: what a window will be on days to come is known already, and a
day is in a span whether it has come or not.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.compile.event_tables import EventTables
from runner.doors.semantic.compile.life import Life
from runner.doors.semantic.compile.property_values import PropertyValues
from runner.doors.semantic.dialect import COMMA, FAR, PARTS, UNION, Dialect
from runner.doors.semantic.kinds.base import Window
from runner.doors.semantic.kinds.days import IN_ORDER, Laid, Level, before_of, seen_of
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.fixed import Fixed
from runner.doors.semantic.kinds.registration import Registration
from runner.doors.semantic.names import Names
from runner.doors.semantic.types import AtRest
from runner.doors.semantic.values import Config, Property
from runner.playbook.values import Affected

OF_PART = "partition by user_id, life_part order by date"


@dataclass(frozen=True)
class UserSpans:
    """Builds it for one configuration and engine."""

    config: Config
    dialect: Dialect
    names: Names
    event_tables: EventTables
    values: PropertyValues
    life: Life

    @property
    def registrations(self) -> tuple[Property, ...]:
        """Those of the registration."""
        return tuple(one for one in self.config.properties if isinstance(one.kind, Registration))

    @property
    def _sources(self) -> tuple[str, ...]:
        """The properties that windows are made of, and they themselves, but for those that user_parts has whole."""
        return self.config.closure([one.name for one, _ in self._own])

    @property
    def _own(self) -> tuple[tuple[Property, Window], ...]:
        """The windows that are computed here, day by day."""
        ready = [one for one, _ in self.life.fixed()]
        return tuple((one, kind) for one, kind in self.life.windows if one not in ready)

    def _laid_out(self) -> str:
        """The last day to look at: to the end of fixed windows too, where quiet days count in them."""
        ends = [
            kind.until
            for _, kind in self._own
            if isinstance(kind, Fixed) and self.config.kind(kind.source).at_rest(self.config) is not AtRest.NULL
        ]
        return f"greatest(runner_end, date '{max(ends)}')" if ends else "runner_end"

    def select(self) -> str:
        """The SELECT."""
        stored = [one.name for one in (*self.registrations, *(window for window, _ in self.life.windows))]
        changes = " or ".join(
            self.dialect.engine.differs(name, f"lag({name}) over ({IN_ORDER})") for name in ["registered_on", *stored]
        )
        last = f"{self._laid_out()} + {self.life.ahead()}"
        ctes = [
            f"runs as (\n{self._runs()}\n)",
            f"days as (\n{self.dialect.engine.dates('user_id, runner_first, runner_end', 'runner_begin', last, 'runs')}\n)",
            f"level_0 as (\n{self._ground()}\n)",
        ]
        level = "level_0"
        for number, columns in enumerate(self._levels(), 1):
            ctes.append(f"level_{number} as (\nselect l.*,\n    {COMMA.join(columns)}\nfrom {level} as l\n)")
            level = f"level_{number}"
        listed = "".join(f", {name}" for name in stored)
        own = f"select l.*, {self.life.part('date')} as life_part from {level} as l where date <= runner_end"
        own += " and date >= runner_first" if self.life.part_days else ""
        ctes.append(
            f"marked as (\nselect user_id, life_part, date, registered_on{listed}, case when row_number()"
            f" over ({OF_PART}) = 1 or {changes} then 1 else 0 end as runner_new\nfrom (\n{own}\n) runner_l\n)"
        )
        return (
            f"with {PARTS.join(ctes)}\nselect m.user_id, m.life_part, m.date as valid_from,"
            f" coalesce(lead(m.date) over (partition by m.user_id, m.life_part order by m.date), p.next_part, {FAR})"
            f" as valid_to, registered_on{''.join(f', m.{name}' for name in stored)}\nfrom marked as m\n"
            f"join {self.names.parts} as p on p.user_id = m.user_id and p.life_part = m.life_part\nwhere runner_new = 1"
        )

    def _runs(self) -> str:
        """Parts of a user that follow each other, as one: from and to which day they are laid out."""
        if not self.life.part_days:
            return (
                f"select user_id, life_part as runner_first, laid_from as runner_begin, laid_to as runner_end"
                f" from {self.names.parts}"
            )
        number = (
            f"cast(row_number() over (partition by user_id order by life_part) as integer) * -{self.life.part_days}"
        )
        run = self.dialect.engine.days_later("life_part", number)
        return (
            "select user_id, min(life_part) as runner_first, min(laid_from) as runner_begin, max(laid_to) as runner_end"
            f"\nfrom (select user_id, life_part, laid_from, laid_to, {run} as runner_run"
            f" from {self.names.parts}) runner_p\ngroup by user_id, runner_run"
        )

    def _ground(self) -> str:
        """Each day with the event properties that windows start from, what is carried, and what the registration gives."""
        listed = []
        for one in map(self.config.property, self._sources):
            if isinstance(one.kind, EventValue):
                listed.append(f"{self.values.of_day(one, one.kind)} as {one.name}")
        for one in self.registrations:
            column = "registration_date" if self.event_tables.is_registration_date(one) else one.name
            listed.append(f"r.{column} as {one.name}")
        listed += [f"p.{one.name} as {before_of(one.name)}" for one, _ in self.life.carried()]
        listed += [f"p.{one.name} as {one.name}" for one, _ in self.life.fixed()]
        joins = self.values.join_days(self.values.events_of(self._sources), "c.date", "c.user_id")
        more = "".join(f"{COMMA}{text}" for text in listed)
        return (
            f"select c.user_id, c.date, c.runner_first, c.runner_end, r.registration_date as registered_on{more}\n"
            f"from days as c\njoin {self.names.parts} as p on p.user_id = c.user_id and p.life_part = c.runner_first\n"
            f"left join {self.names.registrations} as r on r.user_id = c.user_id{joins}"
        )

    # -- which parts -------------------------------------------------------------------------------------------------

    def affected(self) -> tuple[Affected, ...]:
        """For each input: the parts that a change of it reaches, and the rows that these need.

        A day reaches its part and the next one, which lays that day out again: what is carried is from before both.
        """
        parts = Affected(
            self.names.parts,
            "select user_id, life_part from changed group by user_id, life_part",
            "(user_id, life_part) in (select user_id, life_part from affected)",
        )
        registered = Affected(
            self.names.registrations,
            f"select user_id, life_part from {self.names.parts} where user_id in (select user_id from changed)",
            "user_id in (select user_id from affected)",
        )
        reached = UNION.join(
            f"select user_id, {part} as life_part from changed"
            for part in self.life.parts("date", -self.life.ahead(), self.life.part_days)
        )
        around = " union all ".join(f"select user_id, {part} from affected" for part in self.life.around("life_part"))
        rows = f"(user_id, {self.life.part('date')}) in ({around})"
        days = [Affected(self.names.days(event), reached, rows) for event in self.values.events_of(self._sources)]
        return (parts, registered, *days)

    # -- windows, level by level -----------------------------------------------------------------------------------

    def _levels(self) -> list[list[str]]:
        """Columns of each level: a window reads what is of a lower one. Some need a helper a level below."""
        heights: dict[str, int] = {}
        levels: list[list[str]] = []

        def put(level: int, column: str) -> None:
            while len(levels) < level:
                levels.append([])
            levels[level - 1].append(column)

        for one, kind in self._own:
            below = max((heights.get(name, 0) for name in self.config.closure(one.sources)), default=0)
            level = self._level(one, kind)
            if level.helper:
                put(below + 1, f"{level.helper} as {seen_of(one.name)}")
            heights[one.name] = below + (2 if level.helper else 1)
            put(heights[one.name], f"{level.value} as {one.name}")
        return levels

    def _level(self, one: Property, kind: Window) -> Level:
        """A window on the days that are laid out."""
        source = self.config.property(kind.source)
        value = self.values.value(kind.source, "l.date", lambda inner: f"l.{inner.name}")
        before = before_of(one.name) if one in [carried for carried, _ in self.life.carried()] else ""
        return kind.level(Laid(self.dialect, one.name, one.type, source.type, value, before))
