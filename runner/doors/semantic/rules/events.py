"""The rules for events: tags, columns, conditions, and what events of one table agree about."""

from __future__ import annotations

from runner.doors.semantic.formulas import Unreadable, select_of
from runner.doors.semantic.rules.findings import Findings
from runner.doors.semantic.rules.formulas import check_columns, check_condition, readable, volatile_in
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Column, ColumnTag, Config, EventTag, EventType
from runner.errors import Place

_NEEDED = (ColumnTag.ENTITY_ID, ColumnTag.TSTAMP)
_TYPES = {
    ColumnTag.TSTAMP: (DataType.DATETIME,),
    ColumnTag.ETL_TSTAMP: (DataType.DATETIME,),
    ColumnTag.DATE: (DataType.DATE, DataType.DATETIME),
    ColumnTag.AMOUNT: (DataType.NUMBER, DataType.INTEGER),
}


def check(config: Config, findings: Findings) -> None:
    """Every event, and the tables that they read."""
    for event in config.events:
        _event(config, event, findings)
    _tables(config, findings)
    if config.events and not config.tagged(EventTag.REGISTRATION) and not config.has_unread("event"):
        hint = "add tags: [registration_event] to the event by which users begin"
        findings.add("E11", Place(config.path), "no event is tagged registration_event", hint)


def _event(config: Config, event: EventType, findings: Findings) -> None:
    for tag in ColumnTag:
        tagged = [column for column in event.own if tag in column.tags]
        if not tagged and tag in _NEEDED:
            hint = f"add tags: [{tag}] to one of its columns"
            findings.add("E11", event.place, f"event {event.name} has no column tagged {tag}", hint)
        if len(tagged) > 1 and tag is not ColumnTag.REGISTRATION:
            names = " and ".join(column.name for column in tagged)
            findings.add("E11", tagged[1].place, f"event {event.name} has {tag} twice: {names}", "keep one of the two")
    for column in event.own:
        _column(column, findings)
    _sql(event, findings)
    if event.where and readable(event.where, findings):
        check_columns(config, event, event.name, event.where, (), findings)
        if event.where.aggregates():
            what = f"the condition of event {event.name} aggregates"
            findings.add("E08", event.where.place, what, "it is for one row: aggregate in a property")
        check_condition(event.where, f"the condition of event {event.name}", event.types, findings)
    if event.tagged(ColumnTag.ETL_TSTAMP) is None and event.columns:
        what = f"event {event.name} has no etl_timestamp_column: a batch is one day of its events"
        hint = "rows that are exchanged for others of the same day and user are not noticed; tag the load time"
        findings.add("W07", event.place, what, hint)


def _sql(event: EventType, findings: Findings) -> None:
    """An event's own SQL is a SELECT in some engine's words; which one is known once a warehouse is named."""
    if not event.sql or "{{" in event.sql or "{%" in event.sql:
        return
    try:
        tree = select_of(event.sql)
    except Unreadable as error:
        what = f"the sql: of event {event.name} cannot be read: {error}"
        findings.add("E12", event.sql_place, what, "write one SELECT, in the words of the engine")
        return
    if found := volatile_in(tree):
        what = f"the sql: of event {event.name} changes from run to run: {found}"
        findings.add("E17", event.sql_place, what, "compare with a column of the events")


def _column(column: Column, findings: Findings) -> None:
    for tag, types in _TYPES.items():
        if tag in column.tags and column.type not in types:
            what = f"column {column.name} is tagged {tag} and is of type {column.type}"
            findings.add("E20", column.place, what, f"data_type: {types[0]}")


def _tables(config: Config, findings: Findings) -> None:
    """Events of one table agree about its batches and versions: there is one manifest for it."""
    first: dict[object, EventType] = {}
    for event in config.events:
        other = first.setdefault(event.table, event)
        for tag in (ColumnTag.EVENT_ID, ColumnTag.ETL_TSTAMP):
            mine, theirs = event.tagged(tag), other.tagged(tag)
            if (mine and mine.name) != (theirs and theirs.name):
                what = f"events {other.name} and {event.name} read {event.table} with another {tag}"
                findings.add("E11", event.place, what, "give both the same column")
        if event.tagged(ColumnTag.ETL_TSTAMP) is None:
            mine, theirs = event.tagged(ColumnTag.TSTAMP), other.tagged(ColumnTag.TSTAMP)
            if mine and theirs and mine.name != theirs.name:
                what = f"events {other.name} and {event.name} read {event.table} by other timestamps"
                findings.add("E11", event.place, what, "tag an etl_timestamp_column, the same in both")
