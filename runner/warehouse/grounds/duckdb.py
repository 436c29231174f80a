"""The ground on DuckDB: two databases in memory beside the user's, on connections of their own.

Tables are copied by `create table … as from t limit 0`, which keeps types and collations; enums, macros and views come
as their text. What reads files stays a table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from runner.names import TableName
from runner.warehouse.base import Warehouse
from runner.warehouse.grounds.base import Ground, Shape, Wanted, make_all
from runner.warehouse.values import WarehouseError

HERE = "database_name = current_database() and not internal"
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class _Object:
    """A view or a macro: the text that makes it."""

    name: TableName
    text: str


class DuckDBGround(Ground):
    """Beside `home`, which is only read."""

    row_name = "rowid"

    def __init__(self, home: Warehouse, beside: Callable[[str], Warehouse], wanted: Wanted) -> None:
        """`beside` gives a connection of its own, which is to work in a database of that name: nobody else has one."""
        token = os.urandom(6).hex()
        self._names = (f"runner_trial_{token}", f"runner_truth_{token}")
        self._home = home
        self.runner, self.judge = map(beside, self._names)
        self._database = home.engine.quote(str(self._ask("select current_database()")[0][0]))
        self._objects = (*self._types(), *self._macros(), *self._views())
        self.texts = tuple(thing.text for thing in self._objects)
        self._rows = self._tables(wanted)
        required, unique, conditions = self._constraints()
        self.shapes = tuple(
            Shape(
                name,
                home.describe_query(f"select * from {rows}"),
                frozenset(required.get(name, ())),
                tuple(unique.get(name, ())),
                tuple(conditions.get(name, ())),
            )
            for name, rows in self._rows.items()
        )

    def _ask(self, sql: str) -> Sequence[tuple[object, ...]]:
        return self._home.execute("trial:catalogue", sql).rows

    def _types(self) -> list[_Object]:
        sql = f"select schema_name, type_name, labels from duckdb_types() where {HERE} and logical_type = 'ENUM' and labels is not null"
        found = []
        for schema, name, labels in self._ask(sql):
            listed = ", ".join(self._home.engine.literal(str(label)) for label in _listed(labels))
            found.append(_Object(_named(schema, name), f"create type {self._quoted(schema, name)} as enum ({listed})"))
        return found

    def _macros(self) -> list[_Object]:
        sql = f"select schema_name, function_name, parameters, macro_definition, function_type from duckdb_functions() where {HERE} and function_type in ('macro', 'table_macro') and macro_definition is not null"
        found = []
        for schema, name, parameters, body, kind in self._ask(sql):
            table = "table " if kind == "table_macro" else ""
            listed = ", ".join(map(str, _listed(parameters)))
            text = f"create macro {self._quoted(schema, name)}({listed}) as {table}{body}"
            found.append(_Object(_named(schema, name), text))
        return found

    def _views(self) -> list[_Object]:
        sql = f"select schema_name, view_name, sql from duckdb_views() where {HERE}"
        return [_Object(_named(schema, name), str(text).rstrip("; \n")) for schema, name, text in self._ask(sql)]

    def _tables(self, wanted: Wanted) -> Mapping[TableName, str]:
        """The tables that rows are made for, and what they are copied from: inputs, and what views and macros read."""
        views = {_lower(thing.name) for thing in self._objects}
        default = self._home.engine.default_schema
        found = {
            one.name: one.rows
            for one in wanted.inputs
            if not one.is_view or _lower(one.name.within(default)) not in views
        }
        known = {_lower(name.within(default)) for name in (*found, *wanted.owned)}
        words = {word.lower() for text in self.texts for word in WORD.findall(text)}
        for schema, table in self._ask(f"select schema_name, table_name from duckdb_tables() where {HERE}"):
            name = _named(schema, table)
            if str(table).lower() in words and _lower(name) not in known:
                found[name] = self._home.engine.table(name)
        return found

    def _constraints(
        self,
    ) -> tuple[dict[TableName, list[str]], dict[TableName, list[tuple[str, ...]]], dict[TableName, list[str]]]:
        """What rows of the user's tables cannot be: columns that are not null, unique ones, conditions."""
        default = self._home.engine.default_schema
        names = {_lower(name.within(default)): name for name in self._rows}
        required: dict[TableName, list[str]] = {}
        unique: dict[TableName, list[tuple[str, ...]]] = {}
        conditions: dict[TableName, list[str]] = {}
        sql = f"select schema_name, table_name, constraint_type, expression, constraint_column_names from duckdb_constraints() where {HERE.removesuffix(' and not internal')}"
        for schema, table, kind, expression, columns in self._ask(sql):
            name = names.get(_lower(_named(schema, table)))
            if name is None:
                continue
            lowered = [str(column).lower() for column in _listed(columns)]
            if kind == "NOT NULL":
                required.setdefault(name, []).extend(lowered)
            elif kind in ("PRIMARY KEY", "UNIQUE"):
                unique.setdefault(name, []).append(tuple(lowered))
            elif kind == "CHECK":
                conditions.setdefault(name, []).append(str(expression))
        return required, unique, conditions

    def begin(self) -> None:
        for warehouse, database in zip((self.runner, self.judge), self._names, strict=True):
            self._make(warehouse, database)

    def _make(self, warehouse: Warehouse, database: str) -> None:
        self._leave(warehouse, database)
        warehouse.execute("trial:anew", f"attach ':memory:' as {database} (read_write); use {database}")
        default = warehouse.engine.default_schema
        names = [name.within(default) for name in (*self._rows, *(thing.name for thing in self._objects))]
        parts = [f"create schema if not exists {database}.{warehouse.engine.quote(s)}" for s in _schemas(names)]
        for name, rows in self._rows.items():
            parts.append(f"create table {warehouse.engine.table(name)} as select * from {rows} limit 0")
        warehouse.execute("trial:shapes", "; ".join(parts))
        make_all(warehouse, [thing.text for thing in self._objects])

    def close(self) -> None:
        for warehouse, database in zip((self.runner, self.judge), self._names, strict=True):
            with suppress(WarehouseError):
                self._leave(warehouse, database)
            warehouse.close()

    def _leave(self, warehouse: Warehouse, database: str) -> None:
        warehouse.execute("trial:leave", f"use {self._database}; detach database if exists {database}")

    def list_text(self, values: Sequence[str | None]) -> str:
        return "[" + ", ".join(map(_inner, values)) + "]"

    def row_text(self, fields: Iterable[tuple[str, str | None]]) -> str:
        return "{" + ", ".join(f"'{name}': {_inner(value)}" for name, value in fields) + "}"

    def map_text(self, entries: Iterable[tuple[str, str | None]]) -> str:
        return "{" + ", ".join(f"{name}={_inner(value)}" for name, value in entries) + "}"

    def _quoted(self, schema: object, name: object) -> str:
        return f"{self._home.engine.quote(str(schema))}.{self._home.engine.quote(str(name))}"


def _named(schema: object, name: object) -> TableName:
    return TableName((str(schema), str(name)))


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _lower(name: TableName) -> TableName:
    return TableName(tuple(part.lower() for part in name.parts))


def _schemas(names: Iterable[TableName]) -> list[str]:
    return list(dict.fromkeys(name.schema for name in names if name.schema))


def _inner(value: str | None) -> str:
    """A value within a text that is cast: what is plain is not quoted."""
    if value is None:
        return "NULL"
    plain = value[:1] in "[{" or (value and value.replace("_", "").replace("-", "").replace(".", "").isalnum())
    return value if plain else f"'{value}'"
