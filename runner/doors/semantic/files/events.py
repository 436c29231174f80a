"""One file of events/ → an event, its columns, and those of the tables that it is joined to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from runner.doors.semantic.files.kinds import COLUMN_TAG, EVENT_TAG, FORMULA, NO_HINTS, TEXT, TYPE, WORD, scalar
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Column, ColumnPair, Enrichment, EventType
from runner.errors import Problems, show
from runner.files.schema import Kind, Row, Scope, Wrong, many, record
from runner.files.yaml import Mapping as YamlMapping
from runner.files.yaml import Node, Scalar
from runner.names import TableName
from runner.playbook.kinds import TABLE

_WORD = r"[A-Za-z_][A-Za-z0-9_$]{0,62}"
COLUMN_NAME = re.compile(rf"{_WORD}(\.{_WORD}){{0,3}}")


def read(name: str, node: Node, app_id: str, problems: Problems) -> EventType | None:
    """The event; `app_id` stands for {app_id} in the name of its table."""
    build: Callable[[Row], EventType | None] = partial(_event, name, app_id)
    return Scope(problems, f"event {name}").read(record(f"event {name}", build, None, NO_HINTS), node)


def _pair(row: Row) -> ColumnPair:
    return ColumnPair(
        source=row.need("source", WORD, "write source: COLUMN, one of this event"),
        target=row.need("target", WORD, "write target: COLUMN, one of the joined table"),
        place=row.place,
    )


def _enrichment(row: Row) -> Enrichment:
    pair = record("a pair of columns", _pair, _NO_PAIR, NO_HINTS)
    return Enrichment(
        logical_table=row.need("logical_table", WORD, "write logical_table: NAME, that of a file in events/"),
        on=row.need("on", many(pair, empty=False), "write on: [{source: COLUMN, target: COLUMN}]"),
        place=row.place,
    )


_NO_PAIR = ColumnPair("", "")
_LISTED = many(record("an enrichment", _enrichment, Enrichment("", ()), NO_HINTS))
_ENRICHMENTS: Kind[tuple[Enrichment, ...]] = Kind(
    lambda node, scope: () if isinstance(node, Scalar) and node.empty else _LISTED.read(node, scope), (), null=True
)


def _event(name: str, app_id: str, row: Row) -> EventType:
    return EventType(
        name=name,
        table=row.need("table_name", Kind(partial(_table, app_id), TableName(())), "write schema.table"),
        columns=row.need("columns", Kind(_columns, ()), "write name: {data_type: STRING}"),
        tags=row.get("tags", many(EVENT_TAG, or_one=True), ()),
        where=row.get("where", FORMULA, None),
        sql=row.get("sql", TEXT, ""),
        sql_place=row.place_of("sql"),
        label=row.get("label", TEXT, "") or row.get("description", TEXT, ""),
        enrichments=row.get("enrichments", _ENRICHMENTS, ()),
        place=row.place,
    )


def enriched(events: Sequence[EventType]) -> tuple[EventType, ...]:
    """The events, each with the columns of the tables that it is joined to after its own."""
    own = {event.name: event.columns for event in events}
    return tuple(replace(event, columns=(*event.columns, *_joined(event, own))) for event in events)


def _joined(event: EventType, own: Mapping[str, tuple[Column, ...]]) -> Iterator[Column]:
    for name in dict.fromkeys(enrichment.logical_table for enrichment in event.enrichments):
        for column in own.get(name, ()):
            yield replace(column, name=f"{name}.{column.name}", tags=(), joined=name)


def _table(app_id: str, node: Node, scope: Scope) -> TableName:
    one = scalar(node)
    text = one.text.replace("{app_id}", app_id)
    return TABLE.read(Scalar(one.place, text, one.written, one.plain), scope)


def _columns(node: Node, scope: Scope) -> tuple[Column, ...]:
    if not isinstance(node, YamlMapping):
        raise Wrong("must be a mapping of columns", "write name: {data_type: STRING}")
    found: list[Column] = []
    for name, value in node.entries:
        if not COLUMN_NAME.fullmatch(name.text):
            what, hint = f"{show(name.text)} is not the name of a column", "give it another in the event's sql:"
            scope.problems.add(name.place, what, hint, "E03")
            continue
        stored = Column(name.text, DataType.STRING).stored
        if twin := next((one for one in found if one.stored == stored), None):
            what = f"columns {twin.name} and {name.text} differ in capitals and dots only"
            scope.problems.add(name.place, what, "give one another name in the event's sql:", "E02")
            continue
        build: Callable[[Row], Column | None] = partial(_column, name)
        kind = record(f"column {name.text}", build, None, NO_HINTS)
        column = Scope(scope.problems, f"column {name.text}").read(kind, value)
        if column is not None:
            found.append(column)
    return tuple(found)


def _column(name: Scalar, row: Row) -> Column:
    return Column(
        name=name.text,
        type=row.need("data_type", TYPE, "write data_type: NUMBER, INTEGER, STRING, DATE, DATETIME or BOOLEAN"),
        tags=row.get("tags", many(COLUMN_TAG, or_one=True), ()),
        label=row.get("label", TEXT, "") or row.get("description", TEXT, ""),
        place=name.place,
    )
