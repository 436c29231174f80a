"""Snowflake, through snowflake-connector-python 5.

Facts about the engine, with their pages (docs.snowflake.com/en/), that the code rests on:

* Every DDL statement commits the open transaction (sql-reference/transactions): scratch and DDL come first, the publish
  is DML only, and a statement that would commit is refused before it is sent.
* READ COMMITTED is the only isolation (same page): the freeze reads every table AT one timestamp
  (sql-reference/constructs/at-before), and copies what keeps no history: views, tables without retention.
* An error leaves the transaction open (same page): ROLLBACK follows in one place (`Warehouse.transaction`).
* Locks are waited for LOCK_TIMEOUT seconds, 12 hours if nobody says otherwise (sql-reference/parameters).
* Unquoted names are in upper case (sql-reference/identifiers-syntax). The core's names are in lower case where a user
  need not quote them: `turned` is the border between the two.
* A backslash escapes within '…' (sql-reference/data-types-text).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import snowflake.connector

from runner.errors import CannotConnect
from runner.names import TableName, turned
from runner.sql.select import Call
from runner.warehouse.engines import Engine
from runner.warehouse.engines.snowflake import PRIVATE, SNOWFLAKE
from runner.warehouse.grounds.base import Ground, Wanted
from runner.warehouse.server import Server, end
from runner.warehouse.snowflake_session import HINT, arguments, session_parameters
from runner.warehouse.target import Target
from runner.warehouse.values import (
    NOTHING,
    Column,
    FunctionKind,
    Relation,
    Result,
    Trace,
    Trouble,
    UserFunction,
    WarehouseError,
)

# The driver tells of clouds it does not find itself in; what goes wrong comes as an exception.
logging.getLogger("snowflake.connector").setLevel(logging.CRITICAL)

# SQLSTATEs: Snowflake uses both for objects that do not exist, whatever their kind
ABSENT = {"42S02", "02000"}
DUPLICATE_OBJECT = "42710"
LOCKED = 625  # its own number: the SQLSTATE is that of any statement that was cancelled
WAITERS = "number of waiters for this lock"  # its number is in no document
GONE_CODES = {390110, 390111, 390112, 390113, 390114, 390115, 390195}
PASSING = re.compile(
    "25000[1368]|timed? ?out|refused|unreachable|temporar|reset|HTTP request failed|50[234]|connection", re.IGNORECASE
)
CHANGED = "number of rows "  # what the columns of a DML statement's answer begin with


class Snowflake(Server):
    """One session of an account, in the database of its URL."""

    engine: Engine = SNOWFLAKE
    passing = PASSING
    private = PRIVATE
    schemas = "select schema_name from information_schema.schemata"

    _instant = ""  # the freeze's
    _cursor: Any = None

    @classmethod
    def opener(cls, target: Target, application: str, *, plain: bool) -> Callable[[], Any]:
        return partial(snowflake.connector.connect, **arguments(target, application, plain=plain))

    @classmethod
    def adopt(cls, connection: Any, application: str, *, plain: bool) -> None:
        connection.autocommit(True)  # SQLAlchemy's dialect has switched it off
        settings = session_parameters(application, plain=plain)
        listed = " ".join(f"{name} = {SNOWFLAKE.literal(value)}" for name, value in settings.items())
        cursor = connection.cursor()
        try:
            cursor.execute(f"alter session set {listed}")
        finally:
            cursor.close()

    def _introduce(self) -> str:
        sql = "select current_database(), current_schema(), current_session()"
        database, schema, session = self._run(sql)[-1].one()
        if not database:
            raise CannotConnect(f"{self._shown} names no database that this role can use", HINT)
        self._history: set[TableName] = set()
        self.engine = replace(type(self).engine, default_schema=turned(str(schema or "PUBLIC")))
        return str(session)

    def _run(self, sql: str) -> tuple[Result, ...]:
        self._cursor = cursor = self._driver.cursor()
        try:
            cursor.execute(sql)
            names = tuple(str(column[0]) for column in cursor.description or ())
            rows = [tuple(row) for row in cursor.fetchall()] if names else []
        finally:
            cursor.close()
        if names and names[0].startswith(CHANGED):
            changed = [int(count) for name, count in zip(names, rows[0], strict=True) if "multi" not in name]
            return (Result((), [], sum(changed)),)
        if names == ("status",):  # what DDL answers
            return (NOTHING,)
        return (Result(tuple(map(turned, names)), rows, len(rows)),)

    def script(self, label: str, text: str) -> tuple[Result, ...]:
        """One statement at a time."""
        return tuple(self.execute(label, statement) for statement in self._statements(label, text))

    def _is_open(self) -> bool:
        """In an aborted transaction every statement fails (sql-reference/parameters: TRANSACTION_ABORT_ON_ERROR)."""
        try:
            return self.execute("script:open", "select current_transaction()").one()[0] is not None
        except WarehouseError as error:
            if error.trouble is not Trouble.REFUSED:
                raise
            return True

    def _cancel(self) -> None:
        """By query id where the driver knows it already, else all that this session does."""
        query = getattr(self._cursor, "sfqid", None)
        side = self._open_connection()
        try:
            call = (
                f"system$cancel_query({self.engine.literal(query)})"
                if query
                else f"system$cancel_all_queries({self._session})"
            )
            side.cursor().execute(f"select {call}")
        finally:
            end(side)

    def _begin(self, snapshot: bool) -> str:
        return "begin transaction"

    def _said(self, error: BaseException) -> str:
        """With its number and SQLSTATE; the second line says what, where the first one says that it did not compile."""
        lines = str(getattr(error, "msg", None) or error).splitlines()[:3]
        return " ".join(line.strip() for line in lines if line.strip())

    def _message(self, error: Exception) -> str:
        return self._text(error)  # has the SQLSTATE

    def _state(self, error: BaseException) -> str:
        return getattr(error, "sqlstate", None) or ""

    def _trouble(self, error: Exception) -> Trouble:
        number, text = getattr(error, "errno", None) or 0, self._text(error)
        if number == LOCKED or WAITERS in text:
            return Trouble.RETRY
        if 250000 <= number < 260000 or number in GONE_CODES or isinstance(error, OSError):
            return Trouble.LOST
        if isinstance(error, (snowflake.connector.InterfaceError, snowflake.connector.OperationalError)):
            return Trouble.REFUSED if self._state(error) else Trouble.LOST
        return Trouble.REFUSED

    # -- the freeze --------------------------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self, label: str) -> Iterator[None]:
        """One timestamp, at which all tables are read; no transaction could do it."""
        sql = "select to_varchar(current_timestamp(), 'YYYY-MM-DD HH24:MI:SS.FF9')"
        self._instant = str(self.execute(f"{label}:begin", sql).one()[0])
        try:
            yield
        finally:
            self._instant = ""

    def has_history(self, relation: Relation) -> bool:
        return relation.name in self._history

    def pinned(self, relation: Relation, copy: str, columns: str) -> str:
        table = self.engine.table(relation.name)
        if self.has_history(relation):
            return f"{table} at (timestamp => {self.engine.literal(self._instant)}::timestamp_ltz)"
        self.execute("freeze:copy", self.engine.temporary_table(copy, f"select {columns} from {table}"))
        return copy

    # -- the catalogue -----------------------------------------------------------------------------------------------

    def describe(self, names: Iterable[TableName]) -> Mapping[TableName, Relation]:
        found: dict[TableName, Relation] = {}
        for name in dict.fromkeys(names):
            try:
                found[name] = Relation(name, self.columns_of(self.engine.table(name)))
            except WarehouseError as error:
                if error.state not in ABSENT:
                    raise
        for name, (kind, retention, row_count) in self._kinds(found).items():
            if "VIEW" in kind:
                ddl = str(
                    self.execute(
                        "catalogue:view", f"select get_ddl('view', {self.engine.literal(self.engine.table(name))})"
                    ).one()[0]
                )
                select = re.sub(r"^\s*create\s+.*?\s+as\s+", "", ddl, flags=re.IGNORECASE | re.DOTALL)
                columns = tuple(replace(column, nullable=True) for column in found[name].columns)
                found[name] = Relation(name, columns, is_view=True, definition=select.rstrip().rstrip(";"))
            elif kind == "BASE TABLE":
                found[name] = replace(found[name], trace=Trace(row_count=row_count))
                if retention:
                    self._history.add(name)
        return found

    def functions(self, calls: Iterable[Call]) -> tuple[UserFunction, ...]:
        """Of the session's database. SQL is judged by its text: VOLATILE is what a function is by default here."""
        names = sorted({turned(call.name.table) for call in calls})
        if not names:
            return ()
        found = self.execute(
            "catalogue:functions",
            "select function_schema, function_name, function_language, volatility, argument_signature,"
            " function_definition from information_schema.functions"
            f" where function_name in ({', '.join(map(self.engine.literal, names))})"
            " order by function_schema, function_name, argument_signature",
        )
        return tuple(_function(row) for row in found.rows)

    def _kinds(self, names: Iterable[TableName]) -> dict[TableName, tuple[str, int, int | None]]:
        """(table type, days of time travel, rows) of each, one query a database."""
        databases: dict[str, list[TableName]] = {}
        for name in names:
            databases.setdefault(name.parts[-3] if len(name.parts) > 2 else "", []).append(name)
        found: dict[TableName, tuple[str, int, int | None]] = {}
        for database, listed in databases.items():
            place = {name.within(self.engine.default_schema).parts[-2:]: name for name in listed}
            pairs = " or ".join(
                f"(table_schema = {self.engine.literal(turned(s))} and table_name = {self.engine.literal(turned(t))})"
                for s, t in place
            )
            schema = f"{self.engine.quote(database)}.information_schema" if database else "information_schema"
            rows = self.execute(
                "catalogue:kinds",
                f"select table_schema, table_name, table_type, retention_time, row_count from {schema}.tables where {pairs}",
            ).rows
            for s, t, kind, retention, count in rows:
                known = None if count is None else int(count)
                found[place[turned(str(s)), turned(str(t))]] = (str(kind), int(retention or 0), known)
        return found

    def columns_of(self, table: str) -> tuple[Column, ...]:
        found = self.execute("catalogue:columns", f"describe table {table}")
        nulls = [name.lower() for name in found.columns].index("null?")
        return tuple(Column(turned(str(r[0])), str(r[1]), nullable=r[nulls] != "N") for r in found.rows)

    def tables(self, schema: str, prefix: str) -> tuple[str, ...]:
        found = self.execute(
            "catalogue:tables",
            f"select table_name from information_schema.tables where table_schema = {self.engine.literal(turned(schema))}"
            f" and startswith(table_name, {self.engine.literal(turned(prefix))}) order by 1",
        )
        return tuple(turned(str(row[0])) for row in found.rows)

    # -- scratch -----------------------------------------------------------------------------------------------------

    def _create_scratch(self, scratch: str) -> None:
        self.execute("scratch:create", f"create transient schema {scratch} data_retention_time_in_days = 0")
        self._go_back()

    def _go_back(self) -> None:
        """CREATE SCHEMA makes the new schema the session's own."""
        self.execute("scratch:schema", f"use schema {self.engine.schema(self.engine.default_schema)}")

    def _name(self, found: object) -> str:
        return turned(str(found))

    def create_schema(self, label: str, schema: str) -> None:
        super().create_schema(label, schema)
        self._go_back()

    def create_once(self, label: str, name: str, select: str) -> None:
        try:
            self.execute(label, f"create table {name} as {select}")
        except WarehouseError as error:
            if error.state != DUPLICATE_OBJECT:
                raise

    def ground(self, wanted: Wanted) -> Ground:
        from runner.warehouse.grounds.databases import SnowflakeDatabases

        return SnowflakeDatabases(self, self.in_database, wanted)

    # -- locks and the lease -----------------------------------------------------------------------------------------

    def patience(self, seconds: int) -> str:
        return f"alter session set lock_timeout = {seconds}"

    def end_session(self, session: str) -> None:
        """Its own user's sessions, and others with the right to."""
        if session.isdigit():
            self.execute("lease:end", f"select system$abort_session({session})")


def _function(row: Sequence[Any]) -> UserFunction:
    schema, name, language, volatility, arguments, body = map(str, row)
    is_sql = language.upper() == "SQL"
    declared = "" if is_sql else "immutable" if volatility.upper() == "IMMUTABLE" else "volatile"
    kind = FunctionKind.SQL if is_sql else FunctionKind.FOREIGN
    return UserFunction(f"{turned(schema)}.{turned(name)}", kind, declared, f"/* {arguments} */ {body}")
