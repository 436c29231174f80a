"""The SELECTs of the tables that read events: one row an event, one a user and day, one a registration, one a date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.doors.semantic.dialect import COMMA, UNION, Dialect
from runner.doors.semantic.formulas import Formula, where_only
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.registration import Registration
from runner.doors.semantic.names import Names, bad_of
from runner.doors.semantic.readings import Reading, raw_of, unreadable
from runner.doors.semantic.settings import Dedupe
from runner.doors.semantic.types import Aggregate, DataType
from runner.doors.semantic.values import (
    ACTIVITY,
    REGISTRATIONS,
    Column,
    ColumnTag,
    Config,
    EventTag,
    EventType,
    Property,
)

STAMPS = ("event_id", "user_id", "event_tstamp", "event_date", "etl_tstamp", "is_quarantined")
CANONICAL = (*STAMPS, "unreadable", "unreadable_values")
PLACES = {
    ColumnTag.EVENT_ID: "event_id",
    ColumnTag.ENTITY_ID: "user_id",
    ColumnTag.TSTAMP: "event_tstamp",
    ColumnTag.DATE: "event_date",
    ColumnTag.ETL_TSTAMP: "etl_tstamp",
}


@dataclass(frozen=True)
class EventTables:
    """Builds them for one configuration and engine."""

    config: Config
    dialect: Dialect
    names: Names

    # -- one row an event ----------------------------------------------------------------------------------------

    def has_versions(self, event: EventType) -> bool:
        """Whether its rows are told apart by an id, of which one version counts."""
        return self.config.settings.dedupe is not Dedupe.NONE and event.tagged(ColumnTag.EVENT_ID) is not None

    def batch(self, event: EventType) -> str:
        """The expression of a row's batch: its load time, or its own day where none is known."""
        etl = event.tagged(ColumnTag.ETL_TSTAMP)
        if etl:
            return self.dialect.column(etl.name)
        return f"date_trunc('day', {self._tstamp(event)})"

    def event_id(self, event: EventType) -> str:
        """The expression of a row's id."""
        return self._column(event, ColumnTag.EVENT_ID)

    def user_id(self, event: EventType) -> str:
        """The expression of a row's user."""
        return self.dialect.engine.try_cast(self._column(event, ColumnTag.ENTITY_ID), self.user_type())

    def user_type(self) -> str:
        """The type of a row's user: that of all events; where tables call users by numbers and by texts, a text."""
        columns = (event.tagged(ColumnTag.ENTITY_ID) for event in self.config.events)
        types = {column.type for column in columns if column}
        if types == {DataType.INTEGER, DataType.NUMBER}:
            return self.dialect.column_type(DataType.NUMBER)
        return self.dialect.column_type(types.pop()) if len(types) == 1 else self.dialect.text

    def event_date(self, event: EventType) -> str:
        """The expression of a row's day."""
        tagged = event.tagged(ColumnTag.DATE)
        if tagged:
            return self.dialect.engine.try_cast(self.dialect.column(tagged.name), "date")
        return self.dialect.engine.date_in_zone(self._tstamp(event), self.config.settings.timezone)

    def _tstamp(self, event: EventType) -> str:
        return self.dialect.engine.try_cast(self._column(event, ColumnTag.TSTAMP), "timestamp")

    def _column(self, event: EventType, tag: ColumnTag) -> str:
        column = event.tagged(tag)
        return self.dialect.column(column.name) if column else "null"

    def stored_name(self, event: EventType, column: Column) -> str:
        """What a column is called in the table of its event."""
        for tag, place in PLACES.items():
            if tag in column.tags:
                return place
        name = column.stored
        return f"{name}_column" if name in CANONICAL else name

    def events(self, event: EventType) -> str:
        """The rows of an event, typed; which version of a row counts, its source says. Rows without their id are no events."""
        own = [column for column in event.own if not any(tag in column.tags for tag in PLACES)]
        tstamp = self._tstamp(event)
        etl = f"cast({self.batch(event)} as timestamp)"
        skew = self.config.settings.skew_s
        late = (
            f"{tstamp} > {self.dialect.engine.seconds_later(etl, skew)}"
            if skew is not None and event.tagged(ColumnTag.ETL_TSTAMP)
            else ""
        )
        listed = [
            f"{self.event_id(event) if event.tagged(ColumnTag.EVENT_ID) else 'cast(null as varchar(1))'} as event_id",
            f"{self.user_id(event)} as user_id",
            f"{tstamp} as event_tstamp",
            f"{self.event_date(event)} as event_date",
            f"{etl} as etl_tstamp",
            f"{self._quarantined(event, late)} as is_quarantined",
            *(f"{self._own(c)} as {self._alias(event, c)}" for c in own),
        ]
        source = f"(\n{event.sql.strip().rstrip(';')}\n) runner_rows" if event.sql else str(event.table)
        conditions = [f"{self.event_id(event)} is not null"] if self.has_versions(event) else []
        if event.where and not event.enriched_by(event.where):
            condition = event.where.sql(self.dialect.engine, lambda name: self._raw(event, name))
            conditions.append(f"({condition})" if conditions else condition)
        where = f"\nwhere {' and '.join(conditions)}" if conditions else ""
        readings = self._read(event)
        listed += [f"{self.dialect.column(c.name)} as {raw_of(n)}" for n, c in enumerate(readings)]
        rows = f"select {COMMA.join(listed)}\nfrom {source}{where}"
        names = [self.dialect.column(name) for name in (*STAMPS, *(self.stored_name(event, column) for column in own))]
        read = [
            Reading(c.name, raw_of(n), self.dialect.column(self.stored_name(event, c))) for n, c in enumerate(readings)
        ]
        return f"select {COMMA.join([*names, *unreadable(self.dialect.engine, read)])}\nfrom (\n{rows}\n) runner_read"

    def _quarantined(self, event: EventType, late: str) -> str:
        """Whether a row counts nowhere: it comes from the future, or is at no time that a calendar could hold."""
        endless = self.dialect.engine.is_infinite(self.event_date(event))
        parts = [f"coalesce({one}, false)" for one in (late, endless) if one]
        return " or ".join(parts) or "false"

    def _alias(self, event: EventType, column: Column) -> str:
        return self.dialect.column(self.stored_name(event, column))

    def _own(self, column: Column) -> str:
        return self.dialect.read(self.dialect.column(column.name), self.dialect.column_type(column.type))

    def _read(self, event: EventType) -> tuple[Column, ...]:
        """The columns that are read as other types than a text, which anything is."""
        found = []
        for column in event.own:
            type_ = self.dialect.column_type(column.type)
            if ColumnTag.ENTITY_ID in column.tags:
                type_ = self.user_type()
            elif ColumnTag.TSTAMP in column.tags:
                type_ = "timestamp"
            elif ColumnTag.DATE in column.tags:
                type_ = "date"
            elif any(tag in column.tags for tag in PLACES):
                continue
            if not self.dialect.always_reads(type_):
                found.append(column)
        return tuple(found)

    def _raw(self, event: EventType, name: str) -> str:
        """A name in the condition of an event: a text is compared as it stands there, of all else the value that is read."""
        column = event.column(name)
        if column is None or column.type is DataType.STRING:
            return self.dialect.column(column.name if column else name)
        return self._own(column)

    # -- one row a user and day ----------------------------------------------------------------------------------

    def values_of(self, event: str) -> tuple[tuple[Property, EventValue], ...]:
        """The properties that an event, or a built-in one, gives."""
        return tuple(
            (p, p.kind) for p in self.config.properties if isinstance(p.kind, EventValue) and p.kind.event == event
        )

    def day_events(self) -> tuple[str, ...]:
        """The events that have days: those with properties, and activity."""
        listed = [*(event.name for event in self.config.events), ACTIVITY, REGISTRATIONS]
        return tuple(name for name in listed if self.values_of(name))

    def days(self, event: str) -> str:
        """The properties that an event gives to each user and day with such events."""
        ordered, valued, listed = [], [], []
        for number, (one, kind) in enumerate(self.values_of(event)):
            if kind.function in (Aggregate.FIRST, Aggregate.LAST):
                valued.append(f"{self._or_none(event, one, kind)} as runner_value_{number}")
                ordered.append(self._in_order(event, number, kind))
                value = f"cast({self.dialect.one_of(f'runner_{number}', one.type)} as {self.dialect.type(one.type)})"
            else:
                value = self._aggregate(event, one, kind)
            listed.append(f"{value} as {one.name}")
            if bad := self.outside(event, kind):
                listed.append(f"nullif(count(case when {bad} then 1 end), 0) as {bad_of(one.name)}")
        if event == REGISTRATIONS:
            rows = f"select user_id, registration_date as event_date from {self.names.registrations}"
        else:
            rows = self._rows(event)
        inner = f"({rows}\n) runner_e"
        if ordered:
            inner = f"(select runner_e.*, {COMMA.join(valued)} from {inner}) runner_v"
            inner = f"(select runner_v.*, {COMMA.join(ordered)} from {inner}) runner_o"
        return (
            f"select user_id, event_date as date,\n    {COMMA.join(listed)}\nfrom {inner}\ngroup by user_id, event_date"
        )

    def _rows(self, event: str) -> str:
        """The rows that count for days: of a known user and time, and not from the future."""
        counts = "user_id is not null and event_date is not null and not is_quarantined"
        if event != ACTIVITY:
            own = [self.stored_name(self.config.event(event), c) for c in self.config.event(event).columns]
            listed = dict.fromkeys(("event_id", "user_id", "event_tstamp", "event_date", *own))
            columns = ", ".join(self.dialect.column(name) for name in listed)
            return f"select {columns} from {self.names.events(event)} where {counts}"
        return UNION.join(
            f"select user_id, event_tstamp, event_date from {self.names.events(one.name)} where {counts}"
            for one in self.config.tagged(EventTag.ACTIVITY)
        )

    def _value(self, event: str, name: str) -> str:
        """A name within a formula of an event, as a column of `_rows`."""
        known = None if event in (ACTIVITY, REGISTRATIONS) else self.config.event(event).column(name)
        if known is None:
            return "event_date"
        return self.dialect.column(self.stored_name(self.config.event(event), known))

    def _sql(self, event: str, formula: Formula) -> str:
        return formula.of_row(
            self.dialect.engine,
            lambda name: self._value(event, name),
            lambda name: self._type_of(event, name) is DataType.INTEGER,
        )

    def outside(self, event: str, kind: EventValue) -> str:
        """The condition of rows that count and have no value in its formulas; '' if there can be none."""
        value, engine = lambda name: self._value(event, name), self.dialect.engine
        bad = kind.select.outside(engine, value)
        if kind.where is None:
            return bad
        both = f"({self._sql(event, kind.where)}) and ({bad})" if bad else ""
        return " or ".join(part for part in (both, kind.where.outside(engine, value)) if part)

    def _type_of(self, event: str, name: str) -> DataType:
        known = None if event in (ACTIVITY, REGISTRATIONS) else self.config.event(event).column(name)
        return known.type if known else DataType.DATE

    def _as(self, event: str, formula: Formula, value: str, type_: DataType) -> str:
        return self.dialect.worked_out(formula, value, type_, lambda name: self._type_of(event, name))

    def _aggregate(self, event: str, one: Property, kind: EventValue) -> str:
        where = self._sql(event, kind.where) if kind.where else ""
        wanted = self.dialect.type(one.type)
        if kind.function is Aggregate.NONE:
            return self._as(event, kind.select, self._own_aggregate(event, kind, where), one.type)
        adds = kind.function in (Aggregate.SUM, Aggregate.AVG)
        rounded = adds and one.type is DataType.INTEGER and not self._is_whole(event, kind.select)
        type_ = DataType.NUMBER if rounded else one.type  # what is added up is rounded once, at last
        value = self._sql(event, kind.select)
        counted = kind.function in (Aggregate.COUNT, Aggregate.COUNT_DISTINCT)
        value = value if counted else self._as(event, kind.select, value, type_)
        value = f"case when {where} then {value} end" if where else value
        if kind.function is Aggregate.AVG:
            return f"cast({self.dialect.average(f'sum({value})', f'count({value})')} as {wanted})"
        if kind.function in (Aggregate.MIN, Aggregate.MAX):
            return f"cast({self.dialect.extreme(kind.function, value, one.type)} as {wanted})"
        if kind.function is Aggregate.SUM:
            return self.dialect.summed(f"sum({value})", one.type)
        count = f"count({'distinct ' if kind.function is Aggregate.COUNT_DISTINCT else ''}{value})"
        return f"cast({_if_any(where, count)} as {wanted})"

    def _is_whole(self, event: str, select: Formula) -> bool:
        """Whether a formula is for sure a whole number in each row."""
        known = None if event in (ACTIVITY, REGISTRATIONS) else self.config.event(event).column(select.bare() or "")
        return select.text.strip().isdigit() or (known is not None and known.type is DataType.INTEGER)

    def _own_aggregate(self, event: str, kind: EventValue, where: str) -> str:
        """A formula that aggregates itself."""
        if not where:
            return self._sql(event, kind.select)
        return _if_any(
            where, where_only(kind.select, self.dialect.engine, lambda name: self._value(event, name), where)
        )

    def _or_none(self, event: str, one: Property, kind: EventValue) -> str:
        """The value of a row, null where its condition does not hold."""
        value = self._as(event, kind.select, self._sql(event, kind.select), one.type)
        return f"case when {self._sql(event, kind.where)} then {value} end" if kind.where else value

    def _in_order(self, event: str, number: int, kind: EventValue) -> str:
        """The first or last value of a day, nulls passed over; events of one instant by id, then by the value itself."""
        value = f"runner_value_{number}"
        down = " desc" if kind.function is Aggregate.LAST else ""
        by = [f"case when {value} is null then 1 else 0 end"]
        columns = ["event_date"] if event == REGISTRATIONS else ["event_tstamp"]
        columns += ["event_id"] if event not in (REGISTRATIONS, ACTIVITY) else []
        by += [f"{name}{down} nulls last" for name in (*columns, value)]
        frame = "rows between unbounded preceding and unbounded following"
        return (
            f"first_value({value}) over (partition by user_id, event_date order by {', '.join(by)} {frame})"
            f" as runner_{number}"
        )

    # -- one row a registration, one a date ----------------------------------------------------------------------

    def registration_values(self) -> tuple[tuple[Property, str], ...]:
        """Registration properties that are columns of the events."""
        dates = ("date", "asemic_date", "registration_date")
        found = ((one, one.kind.column) for one in self.config.properties if isinstance(one.kind, Registration))
        return tuple((one, column) for one, column in found if not self._is_date(column, dates))

    def _is_date(self, column: str, dates: Sequence[str]) -> bool:
        """Whether a registration property is the day itself."""
        events = self.config.tagged(EventTag.REGISTRATION)
        own = [event.column(column) for event in events if event.column(column)]
        return (not own and column in dates) or any(c and ColumnTag.DATE in c.tags for c in own)

    def is_registration_date(self, one: Property) -> bool:
        """Whether a property is the registration's day."""
        return isinstance(one.kind, Registration) and all(one is not other for other, _ in self.registration_values())

    def registrations(self) -> str:
        """The first registration event of each user; of events of one instant that of the first file, then of the least id."""
        values = self.registration_values()
        branches = []
        for number, event in enumerate(self.config.tagged(EventTag.REGISTRATION)):
            listed = []
            for one, name in values:
                column = event.column(name)
                value = self.dialect.column(self.stored_name(event, column)) if column else "null"
                bare, type_ = Formula("{column}"), column.type if column else one.type
                value = self.dialect.worked_out(bare, value, one.type, lambda _, type_=type_: type_)  # type: ignore[misc]
                listed.append(f"{value} as {one.name}")
            branches.append(
                f"select user_id, event_tstamp, event_date, cast(event_id as {self.dialect.text}) as event_id,"
                f" {number} as runner_event{''.join(f', {text}' for text in listed)}\nfrom {self.names.events(event.name)}\n"
                "where user_id is not null and event_date is not null and not is_quarantined"
            )
        columns = "".join(f", {one.name}" for one, _ in values)
        order = ["event_tstamp nulls last", "runner_event", "event_id nulls last", "event_date"]
        order += [f"{one.name} nulls last" for one, _ in values]
        return (
            f"select user_id, event_tstamp as registration_tstamp, event_date as registration_date{columns}\n"
            f"from (select runner_u.*, row_number() over (partition by user_id order by {', '.join(order)}) as runner_n"
            f" from (\n{UNION.join(branches)}\n) runner_u) runner_r\nwhere runner_n = 1"
        )

    def lives(self) -> str:
        """(user_id, date) of all days and registrations."""
        parts = [
            f"select user_id, date from {self.names.days(event)}"
            for event in self.day_events()
            if event != REGISTRATIONS
        ]
        return UNION.join([*parts, f"select user_id, registration_date from {self.names.registrations}"])

    def calendar(self) -> str:
        """Every date from the first event to the last, or to the day (UTC) of the run, whose clock the engine has."""
        last = "current_date" if self.config.settings.run_date else "max(date)"
        ends = f"(select min(date) as first_date, {last} as last_date from (\n{self.lives()}\n) runner_d) runner_ends"
        return self.dialect.engine.dates("", "first_date", "last_date", ends)


def _if_any(where: str, aggregate: str) -> str:
    """A count of a day; without a row of its condition the day is one without such events, which has none."""
    return f"case when count(case when {where} then 1 end) > 0 then {aggregate} end" if where else aggregate
