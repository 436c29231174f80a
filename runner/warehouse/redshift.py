"""Amazon Redshift, through redshift_connector.

Facts about the engine, with their pages (docs.aws.amazon.com/redshift/latest/dg/), that the code rests on:

* Keys are not enforced (t_Defining_constraints.html): `unique:` is checked by the runner's own query.
* A transaction's snapshot is taken by its first SELECT, DML or DDL statement (c_serial_isolation.html): so the state
  row's table is locked before anything else, and what is read then is new. With SNAPSHOT isolation (the default of new
  clusters) and SERIALIZABLE alike a write conflict is error 1023: the whole transaction is run again.
* DDL takes part in a transaction; TRUNCATE commits it (r_TRUNCATE.html): the runner deletes.
* One statement per execute; no cancel in the driver: a second connection cancels by process id (PG_CANCEL_BACKEND.html).
* No indexes, arrays, string_agg, IS DISTINCT FROM, CREATE TABLE IF NOT EXISTS … AS (c_unsupported-postgresql-*.html,
  r_CREATE_TABLE_AS.html); CTAS is analysed by itself (t_Analyzing_tables.html); VARCHAR without a length has 256 bytes.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import redshift_connector
from redshift_connector.error import Error, InterfaceError

from runner.names import TableName
from runner.sql.select import Call
from runner.warehouse.engines import Engine
from runner.warehouse.engines.redshift import PRIVATE, REDSHIFT
from runner.warehouse.grounds.base import Ground, Wanted
from runner.warehouse.server import Server, end
from runner.warehouse.target import Target
from runner.warehouse.values import Column, FunctionKind, Relation, Result, Trouble, UserFunction, WarehouseError

LOCK_MS = 60_000
DUPLICATE_TABLE, ABSENT = "42P07", "42P01"
CONFLICT = re.compile(
    r"\b1023\b|\b1018\b|serializable isolation violation|conflict with concurrent transaction|statement timeout",
    re.IGNORECASE,
)
GONE = re.compile(r"connection is closed|BrokenPipe|communication error|server socket closed|time out", re.IGNORECASE)
PASSING = re.compile(
    "communication error|connection time out|refused|timed out|starting up|shutting down|too many|unreachable"
    "|server socket closed|reset by peer|temporary failure|resuming|rebooting",
    re.IGNORECASE,
)
# A script of several statements is one transaction, as it is where it is sent whole; not if it says otherwise itself.
OWN_TRANSACTION = re.compile(
    r"^\W*(begin|start|commit|end|rollback|abort|vacuum|create\s+database|drop\s+database|alter\s+table\s.*\bappend\b"
    r"|create\s+external|drop\s+external|copy\s+job)\b",
    re.IGNORECASE | re.DOTALL,
)
PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def arguments(target: Target, application: str) -> dict[str, Any]:
    """What redshift_connector is told of a target: TLS, with the certificate's name verified, unless the URL says not."""
    return {
        **target.named(),
        "ssl": True,
        "sslmode": "verify-full",
        "timeout": 10,
        "max_prepared_statements": 0,
        "application_name": application,
        **target.options,
    }


class Redshift(Server):
    """One session of a provisioned cluster or a Serverless workgroup."""

    engine: Engine = REDSHIFT
    passing = PASSING
    private = PRIVATE

    _side: Any = None  # a second connection, from which statements of this one are cancelled
    _cancelled = 0

    @classmethod
    def opener(cls, target: Target, application: str, *, plain: bool) -> Callable[[], Any]:
        return partial(redshift_connector.connect, **arguments(target, application))

    def _introduce(self) -> str:
        """What a later run needs to see whether we still live: process, its start and the user."""
        self._drop_side()
        self._driver.autocommit = True
        if line := self._line:
            line.settimeout(None)  # it was for connecting
        if not self._plain:
            self._run("set timezone to 'UTC'")
        self._statement_timeout = str(self._asked("show statement_timeout")[0])
        self._pid = int(self._asked("select pg_backend_pid()")[0])
        self._user, started = self._asked("select current_user, cast(getdate() as varchar(30))")
        with suppress(Error, ValueError):  # not on every workgroup
            sql = f"select cast(starttime as varchar(30)) from stv_sessions where process = {self._pid}"
            (started,) = self._asked(sql)
        return f"{self._pid} {str(started).strip()} {self._user}"

    @property
    def _line(self) -> socket.socket | None:
        """The driver's socket, if it is where it has always been."""
        line: socket.socket | None = getattr(self._driver, "_usock", None)
        return line

    def _asked(self, sql: str) -> tuple[Any, ...]:
        (result,) = self._run(sql)
        return result.one()

    def _run(self, sql: str) -> tuple[Result, ...]:
        self._cancelled = 0
        cursor = self._driver.cursor()
        try:
            cursor.execute(sql)
            if cursor.description is None:
                return (Result((), [], cursor.rowcount),)
            rows = [tuple(row) for row in cursor.fetchall()]
            return (Result(tuple(str(column[0]) for column in cursor.description), rows, len(rows)),)
        finally:
            cursor.close()

    def script(self, label: str, text: str) -> tuple[Result, ...]:
        """One statement at a time; several are one transaction, as where a script is sent whole."""
        statements = self._statements(label, text)
        if len(statements) < 2 or self.in_transaction or any(map(OWN_TRANSACTION.match, statements)):
            return tuple(self.execute(label, statement) for statement in statements)
        try:
            results = tuple(self._within(label, statement) for statement in statements)
            if self._is_open():
                self.execute(f"{label}:commit", "commit")
            return results
        finally:
            if not self._stuck and self._is_open():
                with suppress(Exception):  # the first error matters
                    self.roll_back()

    def _within(self, label: str, statement: str) -> Result:
        """In the script's transaction: it begins with the first statement, and anew where a TRUNCATE has committed."""
        if not self._is_open():
            self.execute(f"{label}:begin", "begin")
        return self.execute(label, statement)

    def _is_open(self) -> bool:
        return bool(self._driver.in_transaction)  # as the server said when it was last ready

    def _cancel(self) -> None:
        """By process id from a second connection: first the statement, then, if it goes on, the session."""
        if self._side is None:
            self._side = self._open_connection()
            self._side.autocommit = True
        self._cancelled += 1
        function = "pg_cancel_backend" if self._cancelled < 4 else "pg_terminate_backend"
        cursor = self._side.cursor()
        cursor.execute(f"select {function}({self._pid})")
        cursor.close()

    def _abandon(self) -> None:
        if line := self._line:
            line.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self._drop_side()
        super()._close()

    def _drop_side(self) -> None:
        side, self._side = self._side, None
        end(side)

    def _begin(self, snapshot: bool) -> str:
        return "begin"  # its own isolation, SNAPSHOT or SERIALIZABLE: both see one instant

    def _said(self, error: BaseException) -> str:
        fields = _details(error)
        return f"{fields.get('M', '')} {fields.get('D', '')}" if fields else str(error)

    def _state(self, error: BaseException) -> str:
        return _details(error).get("C", "")

    def _trouble(self, error: Exception) -> Trouble:
        text = self._text(error)
        if CONFLICT.search(text):
            return Trouble.RETRY
        if "disk full" in text.lower():
            return Trouble.FULL
        if isinstance(error, OSError) or (isinstance(error, InterfaceError) and GONE.search(text)):
            return Trouble.LOST
        return super()._trouble(error)

    # -- the freeze ------------------------------------------------------------------------------------------------

    def hold(self, label: str, relations: Iterable[Relation]) -> Mapping[TableName, Relation]:
        """LOCK would keep loaders and readers out; a SELECT, which is the first statement, keeps out who would truncate,
        rename or drop (ACCESS EXCLUSIVE) until the transaction ends.
        """
        held = {relation.name: relation for relation in relations}
        tables = sorted(self.engine.table(name) for name, relation in held.items() if relation.lockable)
        if tables:
            self.execute(label, "\nunion all ".join(f"select 1 from {table} where 1 = 0" for table in tables))
        return held

    # -- the catalogue -----------------------------------------------------------------------------------------------

    def describe(self, names: Iterable[TableName]) -> Mapping[TableName, Relation]:
        """Tables and views from pg_class; late-binding views and external tables are in svv_columns only."""
        wanted = list(dict.fromkeys(names))
        found = self._described(wanted, self._ordinary) if wanted else {}
        rest = [name for name in wanted if name not in found]
        return {**found, **(self._described(rest, self._elsewhere) if rest else {})}

    def _described(self, wanted: list[TableName], select: Any) -> dict[TableName, Relation]:
        place = {tuple(n.lower() for n in name.within(self.engine.default_schema).parts[-2:]): name for name in wanted}
        columns: dict[TableName, list[Column]] = {}
        views: dict[TableName, str] = {}
        ordinary = set()
        for schema, table, column, type_, kind, definition, filled in self.execute(
            "catalogue", select(list(place))
        ).rows:
            name = place[str(schema), str(table)]
            columns.setdefault(name, []).append(Column(str(column), str(type_), nullable=not filled))
            if str(kind) in ("v", "m"):
                views[name] = str(definition or "").rstrip().rstrip(";")
            if str(kind) == "r":
                ordinary.add(name)
        return {
            n: Relation(n, tuple(listed), n in views, views.get(n, ""), lockable=n in ordinary)
            for n, listed in columns.items()
        }

    def _ordinary(self, places: list[tuple[str, str]]) -> str:
        return (
            "select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), c.relkind,"
            " case when c.relkind = 'v' then pg_get_viewdef(c.oid) end, a.attnotnull and c.relkind = 'r' from pg_class c"
            " join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid"
            f" where a.attnum > 0 and not a.attisdropped and ({self._any(places, 'n.nspname', 'c.relname')})"
            " order by n.nspname, c.relname, a.attnum"
        )

    def _elsewhere(self, places: list[tuple[str, str]]) -> str:
        return (
            "select table_schema, table_name, column_name, case"
            " when data_type like 'character%' then data_type || '(' || cast(character_maximum_length as varchar(20)) || ')'"
            " when data_type = 'numeric' then 'numeric(' || cast(numeric_precision as varchar(20)) || ','"
            " || cast(numeric_scale as varchar(20)) || ')' else data_type end, 'v', '', false"
            f" from svv_columns where {self._any(places, 'table_schema', 'table_name')}"
            " order by table_schema, table_name, ordinal_position"
        )

    def _any(self, places: list[tuple[str, str]], schema: str, table: str) -> str:
        return " or ".join(
            f"({schema} = {self.engine.literal(s)} and {table} = {self.engine.literal(t)})" for s, t in places
        )

    def functions(self, calls: Iterable[Call]) -> tuple[UserFunction, ...]:
        """SQL functions cannot read tables here (r_CREATE_FUNCTION.html); Python and Lambda are what they are declared."""
        names = sorted({call.name.table for call in calls})
        if not names:
            return ()
        found = self.execute(
            "catalogue:functions",
            "select n.nspname, p.proname, l.lanname, p.provolatile, p.prosrc from pg_proc p"
            " join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang"
            f" where p.proname in ({', '.join(map(self.engine.literal, names))})"
            " and n.nspname not in ('pg_catalog', 'information_schema') order by n.nspname, p.proname, p.prosrc",
        )
        declared = {"i": "immutable", "s": "stable"}
        return tuple(
            UserFunction(
                f"{schema}.{name}",
                FunctionKind.SQL if str(language) == "sql" else FunctionKind.FOREIGN,
                declared.get(str(volatility), "volatile"),
                str(body),
            )
            for schema, name, language, volatility, body in found.rows
        )

    def columns_of(self, table: str) -> tuple[Column, ...]:
        if found := self._columns(table):
            return found
        raise WarehouseError("catalogue:columns", f"relation {table} does not exist", Trouble.REFUSED, state=ABSENT)

    def _columns(self, table: str) -> tuple[Column, ...]:
        parts = [(quoted or plain).replace('""', '"').lower() for quoted, plain in PART.findall(table)]
        where = f"n.nspname = {self.engine.literal(parts[-2])}" if len(parts) > 1 else "n.nspname like 'pg_temp%'"
        found = self.execute(
            "catalogue:columns",
            "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_class c"
            " join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid"
            f" where {where} and c.relname = {self.engine.literal(parts[-1])} and a.attnum > 0 and not a.attisdropped"
            " order by a.attnum",
        )
        return tuple(Column(str(row[0]), str(row[1])) for row in found.rows)

    def tables(self, schema: str, prefix: str) -> tuple[str, ...]:
        found = self.execute(
            "catalogue:tables",
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            f" where c.relkind = 'r' and n.nspname = {self.engine.literal(schema.lower())}"
            f" and left(cast(c.relname as varchar(128)), {len(prefix)}) = {self.engine.literal(prefix)} order by 1",
        )
        return tuple(str(row[0]) for row in found.rows)

    # -- scratch -----------------------------------------------------------------------------------------------------

    def create_once(self, label: str, name: str, select: str) -> None:
        if self._columns(name):
            return
        try:
            self.execute(label, f"create table {name} as {select}")
        except WarehouseError as error:
            if error.state != DUPLICATE_TABLE:
                raise

    def ground(self, wanted: Wanted) -> Ground:
        from runner.warehouse.grounds.databases import RedshiftDatabases

        return RedshiftDatabases(self, self.in_database, wanted)

    # -- locks and the lease -----------------------------------------------------------------------------------------

    def lock(self, label: str, table: str) -> None:
        """LOCK comes before the transaction's snapshot; how long it waits only statement_timeout can bound."""
        self.execute(label, f"set statement_timeout to {LOCK_MS}")
        self.execute(label, f"lock {table}")
        self.execute(label, self._unhurried)

    def patience(self, seconds: int) -> str:
        return f"set statement_timeout to {seconds * 1000}" if seconds * 1000 < LOCK_MS else self._unhurried

    @property
    def _unhurried(self) -> str:
        return f"set statement_timeout to {self.engine.literal(self._statement_timeout)}"

    def end_session(self, session: str) -> None:
        """Another user's sessions stay: then their locks are waited for."""
        if self._is_ours(session) and self.is_alive(session):
            self.execute("lease:end", f"select pg_terminate_backend({int(session.split(maxsplit=1)[0])})")

    def is_alive(self, session: str) -> bool:
        """Of another user's session nothing can be known: it counts as alive."""
        if not self._is_ours(session):
            return True
        try:
            sql = "select process, cast(starttime as varchar(30)) from stv_sessions"
            rows = self.execute("lease:alive", f"{sql} where process = {int(session.split(maxsplit=1)[0])}").rows
        except WarehouseError:
            return True
        return any(session.startswith(f"{pid} {str(started).strip()} ") for pid, started in rows)

    def _is_ours(self, session: str) -> bool:
        return bool(re.match(r"\d+ ", session)) and session.endswith(f" {self._user}")


def _details(error: BaseException) -> dict[str, str]:
    """The server's fields of an error: C the SQLSTATE, M the message, D the detail."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, dict) else {}
