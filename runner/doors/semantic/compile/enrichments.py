"""The SELECT of an event that is joined to other tables: a row of it has the columns of the one row with equal values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.doors.semantic.compile.event_tables import PLACES, STAMPS, EventTables
from runner.doors.semantic.dialect import COMMA, Dialect
from runner.doors.semantic.readings import Reading, unreadable
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Column, ColumnTag, Config, Enrichment, EventType
from runner.names import TableName
from runner.playbook.values import Lookup

_ROWS = "runner_e"  # the event's own, typed


@dataclass(frozen=True)
class Enrichments:
    """Builds it. Tables that are no events are joined as they are, events as the rows of their own tables that count."""

    tables: EventTables

    @property
    def config(self) -> Config:
        """The model."""
        return self.tables.config

    @property
    def dialect(self) -> Dialect:
        """How it is written."""
        return self.tables.dialect

    def lookups(self, events: Iterable[EventType]) -> tuple[Lookup, ...]:
        """The tables that are no events: compared row by row in each run, with the columns that must tell rows apart."""
        found: dict[TableName, Lookup] = {}
        for one in (enrichment for event in events for enrichment in event.enrichments):
            table = self._table(one.logical_table)
            if table in self.config.tables:
                found.setdefault(table.table, Lookup(table.table, key=one.targets, place=one.place))
        return tuple(found.values())

    def unique(self, event: EventType) -> tuple[str, ...]:
        """What must tell the rows of an event's table apart: nothing, unless it is joined to others, or others to it."""
        for one in (enrichment for other in self.config.events for enrichment in other.enrichments):
            if one.logical_table == event.name:
                columns = [next(column for column in event.own if column.name == name) for name in one.targets]
                return tuple(self.tables.stored_name(event, column) for column in columns)
        return ("event_id",) if event.enrichments and self.tables.has_versions(event) else ()

    def events(self, event: EventType) -> str:
        """The rows of an event, with the columns of what it is joined to."""
        rows = self.tables.events(event)
        if not event.enrichments:
            return rows
        own = (self.tables.stored_name(event, c) for c in event.own if not any(tag in c.tags for tag in PLACES))
        listed = [f"{_ROWS}.{self.dialect.column(name)}" for name in (*STAMPS, *own)]
        listed += unreadable(
            self.dialect.engine, [Reading(c.name, self._raw(c), self._joined(c)) for c in self._read(event)], _ROWS
        )
        for column in (column for column in event.columns if column.joined):
            name = self.dialect.column(self.tables.stored_name(event, column))
            listed.append(f"{self._joined(column)} as {name}")
        joins = "".join(f"\nleft join {self._join(event, one)}" for one in event.enrichments)
        where = ""
        if event.where and event.enriched_by(event.where):
            where = f"\nwhere {event.where.sql(self.dialect.engine, lambda name: self._value(event, name))}"
        return f"select {COMMA.join(listed)}\nfrom (\n{rows}\n) {_ROWS}{joins}{where}"

    def _join(self, event: EventType, one: Enrichment) -> str:
        """The table, and which row of it is an event's. Types are those of the event's columns."""
        table = self._table(one.logical_table)
        conditions = []
        for pair in one.on:
            source = next((column for column in event.own if column.name == pair.source), None)
            name = self.tables.stored_name(event, source) if source else "event_date"  # a name for the day of any event
            target = self._own(table, next(column for column in table.own if column.name == pair.target))
            value = self.dialect.engine.try_cast(target, self._type(name, source))
            conditions.append(f"{value} = {_ROWS}.{self.dialect.column(name)}")
        if table not in self.config.events:
            return f"{table.table} {_alias(table)} on {' and '.join(conditions)}"
        counts = f"not {_alias(table)}.is_quarantined"
        return f"{self.tables.names.events(table.name)} {_alias(table)} on {' and '.join([*conditions, counts])}"

    def _type(self, name: str, column: Column | None) -> str:
        """That of a column in the table of its event."""
        times = {"event_date": "date", "event_tstamp": "timestamp", "etl_tstamp": "timestamp"}
        if name == PLACES[ColumnTag.ENTITY_ID]:
            return self.tables.user_type()
        return times.get(name) or self.dialect.column_type(column.type if column else DataType.DATE)

    def _value(self, event: EventType, name: str) -> str:
        """What a name in the condition of an event stands for."""
        column = event.column(name)
        if column is None or not column.joined:
            return f"{_ROWS}.{self.dialect.column(self.tables.stored_name(event, column) if column else name)}"
        return self._joined(column)

    def _joined(self, column: Column) -> str:
        """A joined column, as a column of the event."""
        return self.dialect.read(self._raw(column), self.dialect.column_type(column.type))

    def _raw(self, column: Column) -> str:
        table = self._table(column.joined)
        return self._own(table, next(one for one in table.own if f"{table.name}.{one.name}" == column.name))

    def _read(self, event: EventType) -> tuple[Column, ...]:
        """The joined columns that are read as other types than a text."""
        joined = (column for column in event.columns if column.joined)
        return tuple(one for one in joined if not self.dialect.always_reads(self.dialect.column_type(one.type)))

    def _own(self, table: EventType, column: Column) -> str:
        """A column of a joined table, within the join."""
        if table in self.config.events:
            return f"{_alias(table)}.{self.dialect.column(self.tables.stored_name(table, column))}"
        return self.dialect.column(column.name, _alias(table))

    def _table(self, name: str) -> EventType:
        """What is joined: it is there, the rules have seen to that."""
        return next(table for table in (*self.config.events, *self.config.tables) if table.name == name)


def _alias(table: EventType) -> str:
    """What a joined table is called within the join."""
    return f"t_{table.name}"
