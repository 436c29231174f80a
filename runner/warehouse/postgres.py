"""Postgres, through a SQLAlchemy engine and psycopg 3.

SQLAlchemy gives the URL, the TLS options and the pooling rules that users know; statements are sent raw
(`exec_driver_sql` with `no_parameters`), so that `%`, `:` and `::` in a user's SQL mean what they mean in an editor.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Self

import psycopg
import sqlalchemy
from sqlalchemy.engine import URL, make_url

from runner.errors import CannotConnect
from runner.layout import PLAIN, Layout
from runner.names import TableName
from runner.secrets import NO_SECRETS, Secrets
from runner.warehouse.base import (
    Capabilities,
    Column,
    Relation,
    Result,
    Trouble,
    Warehouse,
    WarehouseError,
    Watch,
)

RETRY = {"40001", "40P01", "55P03"}
FULL = {"53100", "53200", "53400"}
LOST = {"57P01", "57P02", "57P03", "25P03"}
NULL_STAND_INS = (
    (re.compile(r"^(text|character|varchar|bpchar|name|citext)"), "''"),
    (re.compile(r"^(smallint|integer|bigint|numeric|real|double|money)"), "0"),
    (re.compile(r"^timestamp"), "timestamp '0001-01-01'"),
    (re.compile(r"^date"), "date '0001-01-01'"),
    (re.compile(r"^boolean"), "false"),
    (re.compile(r"^uuid"), "uuid '00000000-0000-0000-0000-000000000000'"),
)
UNORDERED = ("json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle")

# What libpq is told unless the URL says otherwise: a dead network is noticed in a minute, not in hours.
NETWORK: dict[str, str | int] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# libpq gives no SQLSTATE for a failed connect
PASSING = re.compile(
    "connection refused|timeout expired|timed out|starting up|shutting down|recovery mode|too many clients"
    "|connection slots|closed the connection|connection reset|unreachable|no route|temporary failure",
    re.IGNORECASE,
)

SESSION = """
set time zone 'UTC';
set client_min_messages = warning;
set lock_timeout = '60s';
set idle_in_transaction_session_timeout = '60s';
set jit = off;
set standard_conforming_strings = on
"""


class Postgres(Warehouse):
    """One session of a Postgres server, version 13 or later."""

    kind: ClassVar[str] = "postgres"
    dialect: ClassVar[str] = "postgres"
    stand_ins = NULL_STAND_INS  # IS NOT DISTINCT FROM can be neither hashed nor merged
    capabilities = Capabilities(
        transactional_ddl=True,
        snapshots=True,
        file_lock=False,
        indexes=True,
        reads_files=False,
        analyze=True,  # a table made in this transaction has no statistics until it is analysed
        default_schema="public",
    )

    def __init__(
        self,
        url: str,
        application: str = "runner",
        timeout_s: float | None = None,
        watch: Watch | None = None,
        secrets: Secrets = NO_SECRETS,
    ) -> None:
        super().__init__(timeout_s, watch, secrets)
        self._url = url
        self._application = application
        self._engine = sqlalchemy.create_engine(
            _driver_url(url), poolclass=sqlalchemy.NullPool, pool_reset_on_return=None, connect_args=_network(url)
        )
        try:
            self._connection = self._connect()
        except Exception:
            self._worker.stop()
            raise

    def _connect(self) -> sqlalchemy.Connection:
        try:
            connection = self._engine.connect().execution_options(no_parameters=True, isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(SESSION)
            connection.exec_driver_sql(f"set application_name = {self.literal(self._application)}")
            self._after_death(connection)
            self._pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
            return connection
        except sqlalchemy.exc.DBAPIError as error:
            why = self.secrets.masked(_first_line(error.orig))
            passing = PASSING.search(str(error.orig)) is not None
            raise CannotConnect(f"cannot connect to {display(self._url)}: {why}", passing=passing) from None
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise CannotConnect(
                f"cannot connect to {display(self._url)}: {self.secrets.masked(_first_line(error))}"
            ) from None

    @staticmethod
    def _after_death(connection: sqlalchemy.Connection) -> None:
        """Let the server notice that we died while it works for us (Postgres 14 and later, not on every platform)."""
        connection.exec_driver_sql(
            "select set_config(name, '1000', false) from pg_settings where name = 'client_connection_check_interval'"
        )

    @property
    def _driver(self) -> psycopg.Connection[Any]:
        driver: psycopg.Connection[Any] = self._connection.connection.driver_connection  # type: ignore[assignment]
        return driver

    def _run(self, sql: str) -> Result:
        cursor = self._driver.cursor()
        try:
            cursor.execute(sql.encode())  # bytes: sent as they are, with no placeholders to look for
            while cursor.nextset():
                pass
            if cursor.description is None:
                return Result((), [], cursor.rowcount)
            rows = cursor.fetchall()
            return Result(tuple(column.name for column in cursor.description), rows, len(rows))
        finally:
            cursor.close()

    def _cancel(self) -> None:
        self._driver.cancel_safe(timeout=1)

    def _abandon(self) -> None:
        with socket.socket(fileno=os.dup(self._driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self._connection.invalidate()
        self._connection.close()
        self._engine.dispose()

    def _begin(self, snapshot: bool) -> str:
        return f"begin isolation level {'repeatable read' if snapshot else 'read committed'}"

    def _message(self, error: Exception) -> str:
        if isinstance(error, psycopg.Error):
            state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
            return f"{_first_line(error)}{state}"
        return _first_line(error)

    def _trouble(self, error: Exception) -> Trouble:
        state = getattr(error, "sqlstate", None) or ""
        if state in RETRY:
            return Trouble.RETRY
        if state in FULL:
            return Trouble.FULL
        if (
            state.startswith("08")
            or state in LOST
            or (isinstance(error, psycopg.OperationalError) and self._driver.closed)
        ):
            return Trouble.LOST
        return Trouble.REFUSED

    def reopened(self) -> Self:
        """The lost connection is replaced, so that what is left of the run (`after`, the lease, scratch) has one.

        What its session still holds at the server would only make us wait, so it is ended.
        """
        old = self._pid
        with suppress(Exception):
            self._connection.invalidate()
        self._connection = self._connect()
        self._stuck = False
        second = self.another()
        with suppress(WarehouseError):
            second._end(f"pid = {old} and application_name = {self.literal(self._application)}")
        return second

    def another(self) -> Self:
        return type(self)(self._url, self._application, self.timeout_s, self.watch, self.secrets)

    def describe(self, names: Iterable[TableName]) -> Mapping[TableName, Relation]:
        wanted = list(dict.fromkeys(names))
        if not wanted:
            return {}
        listed = ", ".join(f"({n}, {self.literal(self.table(name))})" for n, name in enumerate(wanted))
        found = self.execute(
            "catalogue",
            "select w.n, a.attname, format_type(a.atttypid, a.atttypmod), c.relkind::text,"
            " case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,"
            " exists (select 1 from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid"
            "  and i.indpred is null)"
            f" from (values {listed}) w(n, name) join pg_class c on c.oid = to_regclass(w.name)"
            " join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by w.n, a.attnum",
        )
        columns: dict[int, list[Column]] = {}
        views: dict[int, str] = {}
        for n, column, type_, kind, definition, indexed in found.rows:
            columns.setdefault(n, []).append(Column(column, type_, indexed))
            if kind in ("v", "m"):
                views[n] = definition.rstrip().rstrip(";")
        return {
            name: Relation(name, tuple(columns[n]), n in views, views.get(n, ""))
            for n, name in enumerate(wanted)
            if n in columns
        }

    def columns_of(self, table: str) -> tuple[Column, ...]:
        found = self.execute(
            "catalogue:columns",
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            f" where attrelid = to_regclass({self.literal(table)}) and attnum > 0 and not attisdropped order by attnum",
        )
        return tuple(Column(str(row[0]), str(row[1])) for row in found.rows)

    def tables(self, schema: str, prefix: str) -> tuple[str, ...]:
        found = self.execute(
            "catalogue:tables",
            f"select tablename from pg_tables where schemaname = {self.literal(schema)}"
            f" and starts_with(tablename, {self.literal(prefix)}) order by 1",
        )
        return tuple(str(row[0]) for row in found.rows)

    def open_scratch(self, playbook: str, run_id: str) -> str:
        name = f"{_scratch_prefix(playbook)}{re.sub('[^0-9a-z]', '', run_id.lower())}"[:63]
        self.execute("scratch:create", f"create schema {self.quote(name)}")
        return self.quote(name)

    def sweep_scratch(self, playbook: str) -> None:
        """A live run that lost its lease loses its scratch too: it is fenced anyway."""
        pattern = self.literal(f"^{_scratch_prefix(playbook)}[0-9a-z]{{1,30}}$")
        for (name,) in self.execute("scratch:list", f"select nspname from pg_namespace where nspname ~ {pattern}").rows:
            self.execute("scratch:sweep", f"drop schema if exists {self.quote(name)} cascade")

    def open_private_scratch(self) -> str:
        return "pg_temp"

    def drop_scratch(self, scratch: str) -> None:
        if scratch != "pg_temp":
            self.execute("scratch:drop", f"drop schema if exists {scratch} cascade")

    def temporary_table(self, name: str, select: str, layout: Layout = PLAIN) -> str:
        return f"create {'' if name.startswith('pg_temp.') else 'unlogged '}table {name} as {select}"

    def text_of(self, column: str, type_: str) -> str:
        return f"cast({column} as text)"

    def hash_60(self, text: str) -> str:
        return f"('x' || substr(md5({text}), 1, 15))::bit(60)::bigint"

    def found_by_index(self, column: str, select: str) -> str:
        """An array is looked up in the index; for IN the planner reads the whole table (measured: ten times slower)."""
        return f"{column} = any (array({select}))"

    def sortable(self, column: str, type_: str) -> str:
        return f"cast({column} as text)" if type_ in UNORDERED else column

    def any_of(self, column: str, type_: str) -> str:
        return f"(array_agg({column}))[1]"

    def patience(self, seconds: int) -> str:
        return f"set lock_timeout = '{seconds}s'"

    def end_session(self, session: str) -> None:
        """Another role's sessions stay: then their locks are waited for, as long as lock_timeout says."""
        self._end(f"pid::text || ' ' || backend_start::text = {self.literal(session)}")

    def _end(self, which: str) -> None:
        ours = "usename = current_user and pid <> pg_backend_pid()"
        self.execute("lease:end", f"select pg_terminate_backend(pid) from pg_stat_activity where {which} and {ours}")

    @property
    def now(self) -> str:
        return "(clock_timestamp() at time zone 'UTC')"

    @property
    def session(self) -> str:
        return "(select pid::text || ' ' || backend_start::text from pg_stat_activity where pid = pg_backend_pid())"

    def is_alive(self, session: str) -> bool:
        """A session that has left pg_stat_activity is gone with all that it had not committed."""
        named = f"pid::text || ' ' || backend_start::text = {self.literal(session)}"
        return bool(self.execute("lease:alive", f"select 1 from pg_stat_activity where {named}").rows)


def _scratch_prefix(playbook: str) -> str:
    return f"runner_scratch_{playbook.lower().replace('-', '_')[:23]}_"


def _driver_url(url: str) -> URL:
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+psycopg")


def _network(url: str) -> dict[str, str | int]:
    given = make_url(url).query
    return {name: value for name, value in NETWORK.items() if name not in given}


def display(url: str) -> str:
    """The URL as it may be shown: without its password and options."""
    parsed = make_url(url).set(password=None)
    return parsed.set(query={}).render_as_string(hide_password=True)


def _first_line(error: BaseException | None) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
