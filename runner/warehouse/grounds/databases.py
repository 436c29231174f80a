"""The ground on engines that are asked little of: two throw-away databases beside the user's, made of columns alone.

Every name means in them what it means in the user's own, so his texts run untouched. What his views read stays unknown:
each is a table of its columns. Functions of his own do not come along, and a name of three parts would leave the ground:
models with such cannot be tried here.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import ClassVar

from runner.names import TableName, turned
from runner.sql.select import Select
from runner.warehouse.base import Warehouse
from runner.warehouse.grounds.base import Ground, Shape, Wanted
from runner.warehouse.server import Server
from runner.warehouse.values import Column, Trouble, WarehouseError

PAUSES_S = (0.2, 1.0, 3.0)
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


class Databases(Ground):
    """Beside `home`, in which nothing is written."""

    row_name = ""
    texts = ()

    literals: ClassVar[tuple[tuple[re.Pattern[str], str], ...]]
    """How a value of a type is written that a text cannot be cast to; `{}` is the text."""

    def __init__(self, home: Warehouse, in_database: Callable[[str], Server], wanted: Wanted) -> None:
        """`in_database` opens a session in another database. Raises WarehouseError, CannotConnect."""
        for one in wanted.inputs:
            if len(one.name.parts) > 2:
                raise self._cannot(f"{one.name} names its database, and made-up rows are in another")
        self._home, self._made, self._sides = home, list[str](), list[Server]()
        self._first: tuple[str, ...] = ()  # schemas of an empty database
        self.shapes = tuple(_shapes(home, [one.name for one in wanted.inputs]))
        token = os.urandom(6).hex()
        try:
            for name in (f"runner_trial_{token}", f"runner_truth_{token}"):
                self._made.append(name)
                self._create(home.engine.quote(name))
                self._sides.append(in_database(name))
        except BaseException:
            self.close()
            raise
        self.runner, self.judge = self._sides

    def _create(self, name: str) -> None:
        self._home.execute("trial:database", f"create database {name}")

    def _cannot(self, what: str) -> WarehouseError:
        return WarehouseError("trial:ground", what, Trouble.REFUSED)

    def begin(self) -> None:
        default = self._home.engine.default_schema
        names = [shape.name.within(default) for shape in self.shapes]
        for side in self._sides:
            self._leave(side)
            for schema in dict.fromkeys((default, *(name.schema or default for name in names))):
                side.create_schema("trial:schema", side.engine.schema(schema))
            self.send(side, "trial:shapes", [_table(side, shape) for shape in self.shapes])

    def _leave(self, side: Server) -> None:
        """Drop all but what an empty database has."""
        engine, default = side.engine, self._home.engine.default_schema
        found = side.schema_names()
        self._first = self._first or found
        gone = [f"drop schema if exists {engine.schema(name)} cascade" for name in found if name not in self._first]
        tables = (TableName((default, name)) for name in side.tables(default, ""))
        self.send(side, "trial:leave", [*gone, *(f"drop table {engine.table(table)}" for table in tables)])

    def close(self) -> None:
        for side in self._sides:
            side.close()
        for name in self._made:
            for pause_s in PAUSES_S:  # Redshift drops none that somebody is in, and we have only just left
                with suppress(WarehouseError):
                    self._home.execute("trial:drop", f"drop database if exists {self._home.engine.quote(name)}")
                    break
                time.sleep(pause_s)

    def send(self, side: Warehouse, label: str, statements: Iterable[str]) -> None:
        for statement in statements:
            side.execute(label, statement)

    def insert_text(self, table: str, columns: Sequence[Column], rows: Iterable[Sequence[str | None]]) -> str:
        lines = (
            ", ".join(self._value(column.type, value) for column, value in zip(columns, row, strict=True))
            for row in rows
        )
        return f"insert into {table} {' union all '.join(f'select {line}' for line in lines)}"

    def _value(self, type_: str, value: str | None) -> str:
        literal = self.judge.engine.literal(value)
        spelled = next((text for kind, text in self.literals if value is not None and kind.match(type_)), "{}")
        return f"cast({spelled.format(literal)} as {type_})"

    def text_of(self, column: Column) -> str:
        return self.judge.engine.text_of(self.judge.engine.quote(column.name), column.type)

    def edits(self, select: Select) -> Sequence[tuple[int, int, str]]:
        for reference in select.references:
            if len(reference.table.parts) > 2:
                raise self._cannot(f"{reference.table} names its database, and made-up rows are in another")
        return ()

    def list_text(self, values: Sequence[str | None]) -> str:
        return "[" + ", ".join("null" if value is None else _json(value) for value in values) + "]"

    def row_text(self, fields: Iterable[tuple[str, str | None]]) -> str | None:
        return None

    def map_text(self, entries: Iterable[tuple[str, str | None]]) -> str | None:
        return None


def _shapes(home: Warehouse, names: Sequence[TableName]) -> Iterator[Shape]:
    for name, relation in home.describe(names).items():
        required = frozenset(column.name.lower() for column in relation.columns if not column.nullable)
        yield Shape(name, relation.columns, required)


def _table(side: Warehouse, shape: Shape) -> str:
    engine = side.engine
    listed = [
        f"{engine.quote(column.name)} {column.type}{'' if column.nullable else ' not null'}" for column in shape.columns
    ]
    return f"create table {engine.table(shape.name)} ({', '.join(listed)})"


def _json(text: str) -> str:
    return text if NUMBER.fullmatch(text) else json.dumps(text)


class RedshiftDatabases(Databases):
    """A cluster's databases; what a column is collated by is not among what its catalogue tells."""

    literals = ((re.compile("super"), "json_parse({})"),)


class SnowflakeDatabases(Databases):
    """An account's databases, which keep no history."""

    literals = (
        (re.compile("VARIANT|OBJECT|ARRAY|MAP"), "parse_json({})"),
        (re.compile("BINARY"), "to_binary({}, 'UTF-8')"),
    )

    def _create(self, name: str) -> None:
        """A new database becomes the session's own (sql-reference/sql/create-database): we go back."""
        engine = self._home.engine
        here = engine.quote(turned(str(self._home.execute("trial:home", "select current_database()").one()[0])))
        try:
            create = f"create transient database {name} data_retention_time_in_days = 0"
            self._home.execute("trial:database", create)
        finally:
            self._home.execute("trial:home", f"use schema {here}.{engine.schema(engine.default_schema)}")
