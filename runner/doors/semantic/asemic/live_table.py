"""A live table as the generators see it: columns with their types, and which ids come more than once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from runner.doors.semantic.asemic.column_types import LeftOut, columns_of
from runner.doors.semantic.asemic.guesses import EVENT_ID, guess
from runner.doors.semantic.dialect import Dialect
from runner.doors.semantic.values import Column
from runner.errors import BadInput, Place, Problem, Problems
from runner.files.schema import Kind, Scope, Wrong
from runner.files.yaml import Scalar
from runner.names import TableName
from runner.playbook.kinds import SCHEMA, TABLE
from runner.warehouse.base import Warehouse

T = TypeVar("T")
SAMPLE = 100_000  # rows in which an event's id is looked at
DISTINCT = 0.9  # of them: an id of a kind of events, or of a user, has far fewer values


@dataclass(frozen=True)
class LiveTable:
    """A table's columns; `repeated` are called as an event's id, and are none: most of their values come again."""

    name: str
    """As it stands in a file."""
    columns: tuple[Column, ...]
    left_out: tuple[LeftOut, ...]
    repeated: tuple[str, ...] = ()

    def column(self, name: str, option: str) -> Column:
        """The column that an option names. Raises BadInput."""
        found = next((one for one in self.columns if one.name == name), None)
        if found is None:
            hint = f"its columns: {', '.join(one.name for one in self.columns)}"
            raise BadInput(Problem(Place(), f"{option} {name}: {self.name} has no such column", hint))
        return found


def look(warehouse: Warehouse, name: str, table: TableName) -> LiveTable:
    """What the catalogue says of a table, called `name` in files. Raises BadInput where it is not there."""
    relation = warehouse.describe([table]).get(table)
    if relation is None:
        what = f"there is no table {name}, or this role may not read it"
        raise BadInput(Problem(Place(), what, "--table schema.table"))
    columns, left_out = columns_of(relation, warehouse.engine.name)
    repeated: list[str] = []
    while (column := guess(EVENT_ID, columns, repeated)) and _comes_again(warehouse, table, column):
        repeated.append(column.name)
    return LiveTable(name, columns, left_out, tuple(repeated))


def _comes_again(warehouse: Warehouse, table: TableName, column: Column) -> bool:
    quoted = Dialect(warehouse.engine, 18, 4).column(column.name)
    some = f"select {quoted} from {warehouse.engine.table(table)} limit {SAMPLE}"
    sql = f"select count({quoted}), count(distinct {quoted}) from ({some}) runner_ids"
    rows, values = warehouse.execute("generate:ids", sql).one()
    return int(values) < DISTINCT * int(rows)


def tables_of(warehouse: Warehouse, schema: str) -> tuple[TableName, ...]:
    """The tables of a schema. Raises BadInput where there are none."""
    name = _read(SCHEMA, schema, "--schema")
    found = warehouse.tables(name, "")
    if not found:
        what = f"there are no tables in schema {schema}, or this role may not see them"
        raise BadInput(Problem(Place(), what, "--schema NAME"))
    return tuple(TableName((name, table)) for table in found)


def table_of(text: str, app_id: str) -> TableName:
    """The table that a user names; `app_id` stands for {app_id}. Raises BadInput."""
    return _read(TABLE, text.replace("{app_id}", app_id), "--table")


def _read(kind: Kind[T], text: str, option: str) -> T:
    try:
        return kind.read(Scalar(Place(), text, text, plain=False), Scope(Problems(), option))
    except Wrong as wrong:
        raise BadInput(Problem(Place(), f"{option} {text}: {wrong.what}", wrong.hint)) from None
