"""The SELECT of user_spans: from when to when each user's windows and lifetime values stay what they are.

A user's days are laid out one by one, from the first to where the last event has left every window; each property is a
window function over them; days that change nothing are folded away, and the last span is open. So the clock changes
nothing here: what a window will be on days to come is known already, and a day is in a span whether it has come or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.doors.semantic.compile.dialect import COMMA, FAR, PARTS, Dialect
from runner.doors.semantic.compile.event_tables import EventTables
from runner.doors.semantic.compile.names import Names
from runner.doors.semantic.compile.property_values import PropertyValues
from runner.doors.semantic.rules.implied import QuietValue, on_quiet_days
from runner.doors.semantic.values import Aggregate, Config, EventValue, Fixed, Lifetime, Property, Registration, Sliding

EVERY = "rows between unbounded preceding and unbounded following"
SO_FAR = "rows between unbounded preceding and current row"
WHOLE = "partition by user_id"
IN_ORDER = "partition by user_id order by date"


@dataclass(frozen=True)
class UserSpans:
    """Builds it for one configuration and engine."""

    config: Config
    dialect: Dialect
    names: Names
    event_tables: EventTables
    values: PropertyValues

    @property
    def windows(self) -> tuple[Property, ...]:
        """The properties that are windows, sources first."""
        kinds = (Sliding, Fixed, Lifetime)
        wanted = [one.name for one in self.config.properties if isinstance(one.kind, kinds)]
        listed = (self.config.property(name) for name in self.config.closure(wanted))
        return tuple(one for one in listed if isinstance(one.kind, kinds))

    @property
    def registrations(self) -> tuple[Property, ...]:
        """Those of the registration."""
        return tuple(one for one in self.config.properties if isinstance(one.kind, Registration))

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

    def _laid_out(self, end: str) -> str:
        """The last day to look at: to the end of fixed windows too, where quiet days count in them."""
        ends = [
            one.kind.until
            for one in self.windows
            if isinstance(one.kind, Fixed)
            and on_quiet_days(self.config, one.kind.source) is not QuietValue.NULL
            and not self._is_left_out(one.kind)
        ]
        return f"greatest({end}, date '{max(ends)}')" if ends else end

    def _is_left_out(self, kind: Fixed) -> bool:
        """Whether quiet days need not be laid out for a fixed window: they are 0 in its sum."""
        return kind.function is Aggregate.SUM and on_quiet_days(self.config, kind.source) is QuietValue.ZERO

    def select(self) -> str:
        """The SELECT."""
        windows, registrations = self.windows, self.registrations
        stored = [one.name for one in (*registrations, *windows)]
        changes = " or ".join(
            self.dialect.engine.differs(name, f"lag({name}) over ({IN_ORDER})") for name in ["registered_on", *stored]
        )
        end = f"last_date + {self.reach() + 1}"
        still = f"user_id, {end} as runner_end"
        ends = "select user_id, min(date) as first_date, max(date) as last_date"
        ctes = [
            f"lives as (\n{ends} from (\n{self.event_tables.lives()}\n) runner_l group by user_id\n)",
            f"days as (\n{self.dialect.engine.dates(still, 'first_date', f'{self._laid_out(end)} + {self.ahead()}', 'lives')}\n)",
            f"level_0 as (\n{self._ground()}\n)",
        ]
        last = "level_0"
        for number, columns in enumerate(self._levels(), 1):
            ctes.append(f"level_{number} as (\nselect l.*,\n    {COMMA.join(columns)}\nfrom {last} as l\n)")
            last = f"level_{number}"
        listed = "".join(f", {name}" for name in stored)
        ctes.append(
            f"marked as (\nselect user_id, date, registered_on{listed}, case when row_number() over ({IN_ORDER}) = 1"
            f" or {changes} then 1 else 0 end as runner_new\nfrom {last} where date <= runner_end\n)"
        )
        return (
            f"with {PARTS.join(ctes)}\nselect user_id, date as valid_from,"
            f" coalesce(lead(date) over ({IN_ORDER}), {FAR}) as valid_to, registered_on{listed}\nfrom marked where runner_new = 1"
        )

    def _ground(self) -> str:
        """Each day with the event properties that windows start from, and what the registration gives."""
        sources = self.config.closure([one.name for one in self.windows])
        listed = []
        for one in map(self.config.property, sources):
            if isinstance(one.kind, EventValue):
                listed.append(f"{self.values.of_day(one, one.kind)} as {one.name}")
        for one in self.registrations:
            column = "registration_date" if self.event_tables.is_registration_date(one) else one.name
            listed.append(f"r.{column} as {one.name}")
        events = self.values.events_of(sources)
        joins = self.values.join_days(events, "c.date", "c.user_id")
        more = "".join(f"{COMMA}{text}" for text in listed)
        return (
            f"select c.user_id, c.date, c.runner_end, r.registration_date as registered_on{more}\n"
            f"from days as c\nleft join {self.names.registrations} as r on r.user_id = c.user_id{joins}"
        )

    # -- windows, level by level -----------------------------------------------------------------------------------

    def _levels(self) -> list[list[str]]:
        """Columns of each level: a window reads what is of a lower one. Some need a helper a level below."""
        heights: dict[str, int] = {}
        levels: list[list[str]] = []

        def put(level: int, column: str) -> None:
            while len(levels) < level:
                levels.append([])
            levels[level - 1].append(column)

        for one in self.windows:
            below = max((heights.get(name, 0) for name in self.config.closure(one.sources)), default=0)
            helper, value = self._window(one)
            if helper:
                put(below + 1, f"{helper} as runner_{one.name}")
            heights[one.name] = below + (2 if helper else 1)
            put(heights[one.name], f"{value} as {one.name}")
        return levels

    def _window(self, one: Property) -> tuple[str, str]:
        """(helper or '', value) of a window."""
        kind = one.kind
        assert isinstance(kind, (Sliding, Fixed, Lifetime))  # noqa: S101 - for the type checker
        source = self.config.property(kind.source)
        value = self.values.value(kind.source, "l.date", lambda inner: f"l.{inner.name}")
        if isinstance(kind, Lifetime):
            return self._lifetime(one, kind, value)
        if isinstance(kind, Fixed):
            value = f"case when l.date between date '{kind.since}' and date '{kind.until}' then {value} end"
            helper, found = self._over(one, kind.function, value, source, WHOLE, f"{IN_ORDER} {EVERY}")
            if self._is_left_out(kind):
                found = f"coalesce({found}, case when l.runner_end < date '{kind.until}' then 0 end)"
            return helper, found
        frame = f"{IN_ORDER} rows between {_bound(kind.first)} and {_bound(kind.last)}"
        return self._over(one, kind.function, value, source, frame, frame)

    def _over(
        self, one: Property, function: Aggregate, value: str, source: Property, frame: str, ordered: str
    ) -> tuple[str, str]:
        type_, over = self.dialect.type(one.type), f" over ({frame})"
        if function in (Aggregate.MIN, Aggregate.MAX):
            return "", f"cast({self.dialect.extreme(function, value, source.type, over)} as {type_})"
        if function is Aggregate.AVG:
            mean = self.dialect.average(f"sum({value}){over}", f"count({value}){over}")
            return "", f"cast({mean} as {type_})"
        if function in (Aggregate.SUM, Aggregate.COUNT):
            return "", f"cast({function}({value}){over} as {type_})"
        values = f"array_agg({value}) filter (where ({value}) is not null) over ({ordered})"
        if function is Aggregate.ARRAY:
            return "", values
        counted = self.dialect.engine.distinct_count(f"runner_{one.name}")
        return values, f"cast(coalesce({counted}, 0) as {type_})"

    def _lifetime(self, one: Property, kind: Lifetime, value: str) -> tuple[str, str]:
        type_, over = self.dialect.type(one.type), f" over ({IN_ORDER} {SO_FAR})"
        if kind.function is Aggregate.SUM:
            return "", f"cast(sum({value}){over} as {type_})"
        if kind.function in (Aggregate.MIN, Aggregate.MAX):
            return "", f"cast({self.dialect.extreme(kind.function, value, one.type, over)} as {type_})"
        seen = f"count({value}){over}"  # rows from one value to the next have one number
        if kind.function is Aggregate.LAST:
            group = f" over (partition by user_id, runner_{one.name})"
            return seen, f"cast({self.dialect.one_of(value, one.type, group)} as {type_})"
        first = f"case when runner_{one.name} = 1 then {value} end"
        found = self.dialect.one_of(first, one.type, " over (partition by user_id)")
        return seen, f"cast(case when runner_{one.name} >= 1 then {found} end as {type_})"


def _bound(days: int) -> str:
    if days == 0:
        return "current row"
    return f"{-days} preceding" if days < 0 else f"{days} following"
