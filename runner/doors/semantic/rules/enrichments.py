"""The rules for enrichments: what events are joined to, by which columns, and files of events/ that are such tables alone."""

from __future__ import annotations

from dataclasses import replace

from runner.doors.semantic.rules.composition import circles
from runner.doors.semantic.rules.findings import Findings
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Column, ColumnPair, ColumnTag, Config, Enrichment, EventTag, EventType
from runner.errors import did_you_mean

ANY_EVENT = ("date", "asemic_date")  # what the day of an event may be called, whatever its column is
_MOST = 63  # letters of a column's name, on the engine that takes the fewest
_COMPARED = (
    {DataType.NUMBER, DataType.INTEGER},
    {DataType.DATE},
    {DataType.DATETIME},
    {DataType.STRING},
    {DataType.BOOLEAN},
)


def told_apart(config: Config) -> Config:
    """The configuration with files that are used as no event, but joined to some, or without users and times, as tables."""
    joined = {one.logical_table for event in config.events for one in event.enrichments}
    valued = {one.kind.reads for one in config.properties}

    def is_event(one: EventType) -> bool:
        of_users = one.tagged(ColumnTag.ENTITY_ID) or one.tagged(ColumnTag.TSTAMP)
        return one.name in valued or not {*EventTag}.isdisjoint(one.tags) or (one.name not in joined and bool(of_users))

    sources = {event.table for event in config.events if is_event(event)}
    events = tuple(event for event in config.events if event.table in sources)
    return replace(config, events=events, tables=tuple(event for event in config.events if event not in events))


def check(config: Config, findings: Findings) -> None:
    """Every enrichment, and the tables that they name."""
    for event in config.events:
        _names(event, findings)
        for number, enrichment in enumerate(event.enrichments):
            if any(other.logical_table == enrichment.logical_table for other in event.enrichments[:number]):
                what = f"event {event.name} is joined to {enrichment.logical_table} twice"
                findings.add("E28", enrichment.place, what, "keep one; on: holds all pairs that must be equal")
            _enrichment(config, event, enrichment, findings)
    _other_columns(config, findings)
    _tables(config, findings)
    made_of = {event.name: [one.logical_table for one in event.enrichments] for event in config.events}
    for chain in circles(made_of):
        what = f"event {chain[0]} is joined to itself: {' → '.join(chain)}"
        findings.add("E07", config.event(chain[0]).place, what, "break the circle")


def _enrichment(config: Config, event: EventType, enrichment: Enrichment, findings: Findings) -> None:
    table = config.logical_table(enrichment.logical_table)
    if table is None:
        known = [one.name for one in (*config.events, *config.tables) if one is not event]
        what = f"event {event.name} is joined to {enrichment.logical_table}, and no file of events/ is called so"
        findings.unknown(config, "event", enrichment.logical_table, enrichment.place, what, known)
        return
    for pair in enrichment.on:
        _pair(event, table, pair, findings)


def _pair(event: EventType, table: EventType, pair: ColumnPair, findings: Findings) -> None:
    source = next((column for column in event.own if column.name == pair.source), None)
    target = next((column for column in table.own if column.name == pair.target), None)
    sides = ((event, source, pair.source), (table, target, pair.target))
    for side, column, name in sides:
        if column is None and not (side is event and name in ANY_EVENT):
            names = [one.name for one in side.own]
            hint = did_you_mean(name, names) or f"add it to the columns of {side.name}"
            findings.add("E06", pair.place, f"{side.name} has no column {name}", hint)
            return
    type_ = source.type if source and ColumnTag.DATE not in source.tags else DataType.DATE
    if target and not any({type_, target.type} <= family for family in _COMPARED):
        what = (
            f"{event.name}.{pair.source} is {type_}, and {table.name}.{pair.target} {target.type}: they are never equal"
        )
        findings.add("E20", pair.place, what, "give both the type of the values that they share")
    if "." in pair.target:
        what = f"{table.name}.{pair.target} is a field within a column: rows cannot be told apart by it"
        findings.add("E28", pair.place, what, "join by a column, or make a view with that field as one")


def _names(event: EventType, findings: Findings) -> None:
    """Joined columns become columns beside the event's own."""
    found: dict[str, Column] = {}
    for column in event.columns:
        other = found.setdefault(column.stored, column)
        place = next((one.place for one in event.enrichments if one.logical_table == column.joined), column.place)
        if other is not column and column.joined:
            what = f"{other.name} and {column.name} of event {event.name} would both be column {column.stored}"
            findings.add("E02", place, what, "rename the file of the joined table, or one of the two")
        if column.joined and len(column.stored) > _MOST:
            what = f"{column.stored} is longer than {_MOST} letters, as a column of event {event.name}"
            findings.add("E03", place, what, "rename the file of the joined table, or the column by a view")


def _other_columns(config: Config, findings: Findings) -> None:
    """One set of columns tells the rows of a table apart, whoever is joined to it."""
    first: dict[object, tuple[EventType, Enrichment]] = {}
    for event in config.events:
        for enrichment in event.enrichments:
            table = config.logical_table(enrichment.logical_table)
            if table is None:
                continue
            rows = table.table if table in config.tables else table.name
            other, known = first.setdefault(rows, (event, enrichment))
            if {*known.targets} != {*enrichment.targets}:
                told = f"by {' and '.join(enrichment.targets)}, and event {other.name} by {' and '.join(known.targets)}"
                what = f"event {event.name} is joined to {table.name} {told}"
                hint = f"join by the same columns: they tell the rows of {table.name} apart"
                findings.add("E28", enrichment.place, what, hint)


def _tables(config: Config, findings: Findings) -> None:
    """A table that is no event is joined to some, and read as it is."""
    joined = {one.logical_table for event in config.events for one in event.enrichments}
    names = {one.name for one in (*config.events, *config.tables)}
    for table in config.tables:
        for has, key in ((table.where, "where:"), (table.sql, "sql:"), (table.enrichments, "enrichments:")):
            if has:
                what = f"{table.name} is joined to events and is none itself: it may have no {key}"
                findings.add("E28", table.place, what, f"make a view of {table.table}, and name it as table_name")
        if table.name not in joined and joined <= names and not config.has_unread("event"):
            what = f"event {table.name} has no column tagged {ColumnTag.ENTITY_ID} or {ColumnTag.TSTAMP}"
            hint = "tag them; or, if it is a table beside the events, name it under enrichments: of an event"
            findings.add("E11", table.place, what, hint)
