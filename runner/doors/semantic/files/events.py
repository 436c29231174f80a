"""One file of events/ → an event and its columns."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from runner.doors.semantic.files.kinds import ANY, COLUMN_TAG, EVENT_TAG, FORMULA, NO_HINTS, TEXT, TYPE, scalar
from runner.doors.semantic.values import Column, DataType, EventType
from runner.errors import Problems, show
from runner.files.schema import UNKNOWN_KEY, Kind, Row, Scope, Wrong, many, record
from runner.files.yaml import Mapping as YamlMapping
from runner.files.yaml import Node, Scalar, Sequence
from runner.names import TableName
from runner.playbook.kinds import TABLE

_WORD = r"[A-Za-z_][A-Za-z0-9_$]{0,62}"
_COLUMN = re.compile(rf"{_WORD}(\.{_WORD}){{0,3}}")


def read(name: str, node: Node, app_id: str, problems: Problems) -> EventType | None:
    """The event; `app_id` stands for {app_id} in the name of its table."""
    build: Callable[[Row], EventType | None] = partial(_event, name, app_id)
    return Scope(problems, f"event {name}").read(record(f"event {name}", build, None, NO_HINTS), node)


def _event(name: str, app_id: str, row: Row) -> EventType:
    enrichments = row.get("enrichments", ANY, None)
    if enrichments is not None and not _is_nothing(enrichments):
        hint = "join in the event's sql:, or in a playbook's model, and name its table as table_name"
        row.wrong("enrichments", "enrichments are not supported", hint, UNKNOWN_KEY)
    return EventType(
        name=name,
        table=row.need("table_name", Kind(partial(_table, app_id), TableName(())), "write schema.table"),
        columns=row.need("columns", Kind(_columns, ()), "write name: {data_type: STRING}"),
        tags=row.get("tags", many(EVENT_TAG, or_one=True), ()),
        where=row.get("where", FORMULA, None),
        sql=row.get("sql", TEXT, ""),
        sql_place=row.place_of("sql"),
        label=row.get("label", TEXT, "") or row.get("description", TEXT, ""),
        place=row.place,
    )


def _is_nothing(node: Node) -> bool:
    """What the vendor's generator writes where there is nothing to say."""
    return (isinstance(node, Scalar) and node.empty) or (isinstance(node, Sequence) and not node.items)


def _table(app_id: str, node: Node, scope: Scope) -> TableName:
    one = scalar(node)
    text = one.text.replace("{app_id}", app_id)
    return TABLE.read(Scalar(one.place, text, one.written, one.plain), scope)


def _columns(node: Node, scope: Scope) -> tuple[Column, ...]:
    if not isinstance(node, YamlMapping):
        raise Wrong("must be a mapping of columns", "write name: {data_type: STRING}")
    found: list[Column] = []
    for name, value in node.entries:
        if not _COLUMN.fullmatch(name.text):
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
