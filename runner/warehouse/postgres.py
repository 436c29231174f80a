"""Postgres, through psycopg 3."""

from __future__ import annotations

import os
import re
import select
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus

from runner.errors import CannotConnect
from runner.names import TableName
from runner.sql.select import Call
from runner.warehouse.engines import POSTGRES, Engine
from runner.warehouse.engines.postgres_hooks import HOOKS, hook
from runner.warehouse.engines.postgres_moved import children, moved, planned
from runner.warehouse.engines.postgres_session import ALONE, FORGET, HOLDERS, LOCK_S, PID, introduction, is_named
from runner.warehouse.server import DEPENDED_ON, Server, end
from runner.warehouse.target import Target
from runner.warehouse.values import Column, FunctionKind, Hook, Relation, Result, Trace, Trouble, UserFunction

if TYPE_CHECKING:
    from runner.warehouse.grounds.base import Ground, Wanted

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

LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)  # libpq counts in the whole text

TRACE = (  # of a table c; what the counters say is late by seconds
    "case when c.relkind = 'r' then c.relfilenode::text end, case when c.relkind = 'r' and current_setting('track_counts')::boolean"
    " then pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid) end"
)
SHARED = "{} gives its server's sessions to others between two statements, as PgBouncer does in transaction mode"
UNSHARED = "a run needs one session: connect to the server itself, or to a pool in session mode (?pooler=session)"
PROBES, PROBE_S = 3, 3.0  # how often, and how long each, a pooler is asked whose its sessions are

HOST_AND_PORT = re.compile(r"([A-Za-z0-9.-]*):(\d*)")


def arguments(target: Target) -> dict[str, Any]:
    """What psycopg is told of a target. SQL is sent as UTF-8, whatever PGCLIENTENCODING says."""
    given = {name: value for name, value in target.query if name != "pooler"}
    return {
        **NETWORK,
        **target.named(database="dbname"),
        **given,
        **_hosts(given.get("host"), given.get("port")),
        "client_encoding": "utf8",
    }


def _hosts(host: str | tuple[str, ...] | None, port: str | tuple[str, ...] | None) -> dict[str, str]:
    """Several hosts as libpq has them, in two lists; SQLAlchemy's URLs may also say `host=one:5432&host=two:5432`."""
    if isinstance(host, tuple):
        pairs = [one.partition(":")[::2] for one in host]
    elif host is None or port is not None:
        return {}  # as they are given
    elif alone := HOST_AND_PORT.fullmatch(host):
        pairs = [(alone[1], alone[2])]
    else:
        pairs = [(one, "") for one in host.split(",")]
    ports = ",".join(number for _, number in pairs)
    return {"host": ",".join(name for name, _ in pairs), **({"port": ports} if ports else {})}


# A column's type; with its collation where texts that are equal by it need not be the same.
TYPE = (
    "format_type(a.atttypid, a.atttypmod) || coalesce((select format(' collate %I.%I', n.nspname, o.collname)"
    " from pg_collation o join pg_namespace n on n.oid = o.collnamespace"
    " where o.oid = a.attcollation and not o.collisdeterministic), '')"
)
SENSE = (  # labels of an enum, or of one in an array, and a collation that is not the type's own
    "(select concat_ws(' ', nullif(a.attcollation, t.typcollation)::regcollation::text, (select"
    " string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_enum e where e.enumtypid in (t.oid, t.typelem)))"
    " from pg_type t where t.oid = a.atttypid)"
)


class Pooled(psycopg.Connection[Any]):
    """A connection of which its URL says that a pooler keeps it: `?pooler=session`."""


class Postgres(Server):
    """One session of a Postgres server, version 13 or later."""

    engine: Engine = POSTGRES
    passing = PASSING
    private = "pg_temp"

    _pooled = False  # the server's session goes to another client after us

    _driver: psycopg.Connection[Any]

    @classmethod
    def opener(cls, target: Target, application: str, *, plain: bool) -> Callable[[], Any]:
        mode = dict(target.query).get("pooler")
        if mode not in (None, "session"):
            raise CannotConnect(f"{target.shown}: pooler={mode} is none that a run could use", UNSHARED)
        kind = Pooled if mode else psycopg.Connection
        return partial(kind.connect, **arguments(target))

    def _introduce(self) -> str:
        """A pooler tells its clients of no server's process: so it is noticed, and its sessions are looked at first."""
        self._driver.autocommit = True
        self._driver.prepare_threshold = None  # several statements are sent as one
        told = self._driver.info.backend_pid
        pid, name = self._introduced(told)
        self._pooled = pid != told or isinstance(self._driver, Pooled)
        if not self._pooled or self._plain:
            return name
        if self._is_shared(pid):
            raise CannotConnect(SHARED.format(self._shown), UNSHARED)
        return self._introduced(None)[1]

    def _introduced(self, only: int | None) -> tuple[int, str]:
        text = introduction(self.engine, self._application, plain=self._plain, only=only)
        pid, name = self._run(text)[-1].one()
        return int(pid), str(name)

    def _is_shared(self, pid: int) -> bool:
        """Whether a server's session that serves us serves others between our statements."""
        other = self._open_connection()
        try:
            other.autocommit = True
            for _ in range(PROBES):
                theirs = _process(other, PROBE_S)
                if theirs is None:  # all sessions are taken: ours is kept for us
                    return False
                if theirs == pid or int(self._run(PID)[-1].one()[0]) != pid:
                    return True
            return False
        finally:
            end(other)

    def _close(self) -> None:
        if self._pooled and not self._plain:
            with suppress(psycopg.Error):
                self._driver.execute(FORGET)
        super()._close()

    def _run(self, sql: str) -> tuple[Result, ...]:
        return self._results(sql, _result)

    def script(self, label: str, text: str) -> tuple[Result, ...]:
        """Its rows are texts, as the server writes them: Python has no room for an infinite time, or the year 10000."""
        return self._send(label, text, lambda sql: self._results(sql, _texts))

    def _results(self, sql: str, result: Callable[[psycopg.Cursor[Any]], Result]) -> tuple[Result, ...]:
        cursor = self._driver.cursor()
        try:
            cursor.execute(sql.encode())  # bytes: sent as they are, with no placeholders to look for
            found = [result(cursor)]
            while cursor.nextset():
                found.append(result(cursor))
            return tuple(found)
        except psycopg.ProgrammingError as error:
            if "COPY cannot be used" in str(error):
                raise psycopg.ProgrammingError(
                    "COPY FROM STDIN and TO STDOUT need a client's files: use psql"
                ) from None
            raise
        finally:
            cursor.close()

    def _is_open(self) -> bool:
        return self._driver.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    def _cancel(self) -> None:
        self._driver.cancel_safe(timeout=1)

    def _abandon(self) -> None:
        with socket.socket(fileno=os.dup(self._driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def _begin(self, snapshot: bool) -> str:
        return f"begin isolation level {'repeatable read' if snapshot else 'read committed'}"

    def _line_of(self, error: Exception) -> int:
        found = LINE.search(str(error))
        return int(found[1]) if found else 0

    def _text(self, error: BaseException) -> str:
        """To a script of its own author's also the rest: further lines, detail, hint; to others what depends on what."""
        diag = getattr(error, "diag", None)
        if diag is not None and diag.sqlstate == DEPENDED_ON and diag.message_detail:  # it names objects, never values
            return f"{super()._text(error)}: {'; '.join(diag.message_detail.splitlines())}"
        if not self._plain or diag is None or not diag.message_primary:
            return super()._text(error)
        more = (("DETAIL", diag.message_detail), ("HINT", diag.message_hint))
        return "; ".join([diag.message_primary, *(f"{word}: {said}" for word, said in more if said)])

    def _state(self, error: BaseException) -> str:
        return getattr(error, "sqlstate", None) or ""

    def _trouble(self, error: Exception) -> Trouble:
        """Libpq gives no SQLSTATE for a line that broke."""
        broken = isinstance(error, psycopg.OperationalError) and self._driver.closed
        found = super()._trouble(error)
        return Trouble.LOST if broken and found is Trouble.REFUSED else found

    # -- the freeze ------------------------------------------------------------------------------------------------

    def hold(self, label: str, relations: Iterable[Relation]) -> Mapping[TableName, Relation]:
        """Locks come before the snapshot, which the first query takes: a table that is emptied or rewritten later than a
        snapshot is empty to it. ACCESS SHARE asks for no more than SELECT does, and goes through views and to partitions.
        """
        wanted = sorted(relations, key=lambda relation: self.engine.table(relation.name))  # all runners in one order
        listed = ", ".join(self.engine.table(relation.name) for relation in wanted if relation.lockable)
        lock = f"lock table {listed} in access share mode;\n" if listed else ""
        return self._described([relation.name for relation in wanted], label, lock)

    def moved(self, label: str, relations: Iterable[Relation]) -> tuple[str, ...]:
        known = list(relations)
        if not known:
            return ()
        found = self.execute(label, moved(self.engine, known)).rows
        gone = tuple(str(table) for has_moved, table, _ in found if has_moved)
        if gone or not found:
            return gone
        ((plan,),) = self.execute(f"{label}-children", children(table for _, table, _ in found)).one()
        return tuple(sorted({part for _, _, parts in found for part in parts} ^ set(planned(plan["Plan"]))))

    # -- the catalogue -----------------------------------------------------------------------------------------------

    def describe(self, names: Iterable[TableName]) -> Mapping[TableName, Relation]:
        return self._described(list(dict.fromkeys(names)), "catalogue")

    def _described(self, wanted: Sequence[TableName], label: str, before: str = "") -> Mapping[TableName, Relation]:
        """`before`: what is sent with the query, ahead of it."""
        if not wanted:
            return {}
        listed = ", ".join(f"({n}, {self.engine.literal(self.engine.table(name))})" for n, name in enumerate(wanted))
        found = self.execute(
            label,
            f"{before}select w.n, a.attname, {TYPE}, {SENSE}, c.relkind::text,"
            " case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,"
            " exists (select 1 from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid"
            "  and i.indpred is null), a.attnotnull and c.relkind in ('r', 'p'),"
            " c.relkind in ('r', 'p') and (c.relhastriggers or c.relhasrules or c.relrowsecurity or c.relhassubclass),"
            f" {TRACE}, c.oid::text, c.relkind in ('r', 'p', 'v') and has_table_privilege(c.oid, 'select')"
            f" from (values {listed}) w(n, name) join pg_class c on c.oid = to_regclass(w.name)"
            " join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by w.n, a.attnum",
        )
        columns: dict[int, list[Column]] = {}
        rest: dict[int, Sequence[Any]] = {}
        for n, column, type_, sense, kind, definition, indexed, filled, *more in found.rows:
            columns.setdefault(n, []).append(Column(column, type_, indexed, sense, nullable=not filled))
            rest[n] = (kind in ("v", "m"), (definition or "").rstrip().rstrip(";"), *more)
        return {name: _relation(name, columns[n], rest[n]) for n, name in enumerate(wanted) if n in columns}

    def hooks(self, name: TableName) -> tuple[Hook, ...]:
        found = self.execute("catalogue:hooks", HOOKS.format(table=self.engine.literal(self.engine.table(name))))
        return tuple(hook(*row) for row in found.rows)

    def functions(self, calls: Iterable[Call]) -> tuple[UserFunction, ...]:
        """One query for functions of the called names, and for all operators and casts; those of extensions are marked."""
        calls = list(calls)
        listed = ", ".join(sorted({self.engine.literal(call.name.table) for call in calls})) or "null"
        schemas = ", ".join(self.engine.literal(c.name.parts[-2]) for c in calls if len(c.name.parts) > 1) or "null"
        found = self.execute(
            "catalogue:functions",
            "select u.shown, l.lanname, p.provolatile::text, pg_get_function_identity_arguments(p.oid),"
            " case when p.prokind = 'a' then (select concat_ws(' ', a.aggtransfn || '()', a.aggfinalfn || '()',"
            "  a.agginitval) from pg_aggregate a where a.aggfnoid = p.oid)"
            " when p.prosrc = '' then pg_get_functiondef(p.oid) else p.prosrc end,"
            " exists (select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid"
            "  and d.deptype = 'e')"
            " from (select oid, pronamespace::regnamespace || '.' || proname as shown from pg_proc"
            f"  where proname in ({listed}) and (pg_function_is_visible(oid) or pronamespace::regnamespace::text in ({schemas}))"
            "  union all select oprcode, 'operator ' || oprname from pg_operator where oid >= 16384"
            "  union all select castfunc, 'cast to ' || casttarget::regtype from pg_cast where oid >= 16384) u"
            " join pg_proc p on p.oid = u.oid and p.oid >= 16384 join pg_language l on l.oid = p.prolang"
            " order by u.shown, p.oid",
        )
        return tuple(map(_function, found.rows))

    def columns_of(self, table: str) -> tuple[Column, ...]:
        found = self.execute(
            "catalogue:columns",
            f"select attname, {TYPE} from pg_attribute a"
            f" where attrelid = {self.engine.literal(table)}::regclass and attnum > 0 and not attisdropped order by attnum",
        )
        return tuple(Column(str(row[0]), str(row[1])) for row in found.rows)

    def tables(self, schema: str, prefix: str) -> tuple[str, ...]:
        found = self.execute(
            "catalogue:tables",
            f"select tablename from pg_tables where schemaname = {self.engine.literal(schema)}"
            f" and starts_with(tablename, {self.engine.literal(prefix)}) order by 1",
        )
        return tuple(str(row[0]) for row in found.rows)

    @property
    def version(self) -> str:
        return str(self._driver.info.server_version)

    def ground(self, wanted: Wanted) -> Ground:
        """Databases where this role may create them and nothing stands between, else schemas."""
        rights = "select rolcreatedb or rolsuper from pg_roles where rolname = current_user"
        if not self._pooled and self.execute("trial:rights", rights).one()[0]:
            from runner.warehouse.grounds.postgres_databases import PostgresDatabases

            return PostgresDatabases(self, self.in_database, wanted)
        from runner.warehouse.grounds.postgres_apart import PostgresApart
        from runner.warehouse.grounds.postgres_schemas import PostgresSchemas

        return PostgresSchemas(self, partial(PostgresApart.beside, self), wanted)

    def in_database(self, name: str) -> Postgres:
        """Also where the session is borrowed: libpq knows how it was opened."""
        info = self._driver.info
        parameters: dict[str, Any] = {**info.get_parameters(), "password": info.password or None, "dbname": name}
        opener = partial(psycopg.connect, **parameters)
        return Postgres(opener, self._shown, self._application, self.timeout_s, secrets=self.secrets)

    def patience(self, seconds: int) -> str:
        return f"set lock_timeout = '{seconds}s'"

    def lock_patience(self, seconds: int | None) -> str:
        return self.patience(LOCK_S if seconds is None else seconds)

    def holders(self, table: str, *, alone: bool = False) -> tuple[str, ...]:
        held = HOLDERS.format(table=self.engine.literal(table), kind=ALONE if alone else "true")
        return tuple(self.secrets.masked(str(who)) for (who,) in self.execute("lock:holders", held).rows)

    def end_session(self, session: str) -> None:
        """Another role's sessions stay: then their locks are waited for, as long as lock_timeout says."""
        ours = f"{is_named(self.engine, session)} and usename = current_user and pid <> pg_backend_pid()"
        self.execute("lease:end", f"select pg_terminate_backend(pid) from pg_stat_activity where {ours}")

    def is_alive(self, session: str) -> bool:
        """A session that has left pg_stat_activity is gone with all that it had not committed.

        Of another role's session nobody sees when it began: its pid must do.
        """
        pid = self.engine.literal(session.partition(" ")[0])
        begun = f"(backend_start is null or {is_named(self.engine, session)})"
        sql = f"select 1 from pg_stat_activity where pid::text = {pid} and {begun}"
        return bool(self.execute("lease:alive", sql).rows)


def _process(connection: psycopg.Connection[Any], seconds: float) -> int | None:
    """The server's process that answers a connection; None if none does in time."""
    line, until = connection.pgconn, time.monotonic() + seconds
    line.send_query(PID.encode())
    line.flush()
    while line.is_busy():
        if not select.select([line.socket], [], [], max(0.0, until - time.monotonic()))[0]:
            return None
        line.consume_input()
    answer, _ = line.get_result(), line.get_result()  # the second one says that it is all
    value = answer.get_value(0, 0) if answer is not None else None
    return None if value is None else int(value)


def _relation(name: TableName, columns: Sequence[Column], row: Sequence[Any]) -> Relation:
    is_view, definition, hooked, storage, changes, identity, lockable = row
    trace = Trace(storage=storage, changes=changes)
    return Relation(name, tuple(columns), is_view, definition, hooked, trace, identity, lockable)


def _function(row: Sequence[Any]) -> UserFunction:
    name, language, volatility, arguments, body, of_extension = row
    kind = FunctionKind.EXTENSION if of_extension else FunctionKind.SQL if language == "sql" else FunctionKind.FOREIGN
    declared = {"i": "immutable", "s": "stable"}.get(volatility, "volatile")
    return UserFunction(name, kind, declared, f"/* ({arguments}) */ {body}")


class _Texts(Sequence[tuple[str | None, ...]]):
    """The rows of a result as the server wrote them, read when they are asked for."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def __len__(self) -> int:
        return int(self._result.ntuples)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        values = (self._result.get_value(index % len(self), column) for column in range(self._result.nfields))
        return tuple(None if value is None else value.decode("utf-8", "replace") for value in values)


def _texts(cursor: psycopg.Cursor[Any]) -> Result:
    if cursor.description is None:
        return Result((), [], cursor.rowcount)
    rows = _Texts(cursor.pgresult)
    return Result(tuple(column.name for column in cursor.description), rows, len(rows))


def _result(cursor: psycopg.Cursor[Any]) -> Result:
    if cursor.description is None:
        return Result((), [], cursor.rowcount)
    rows = cursor.fetchall()
    return Result(tuple(column.name for column in cursor.description), rows, len(rows))
