"""DuckDB, the embedded default, through its own driver.

`_duckdb`, the driver's compiled half, is imported alone where it can be: the package around it costs 100 ms of CPU
at every start and the runner uses nothing of it.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from runner import actions
from runner.errors import CannotConnect, Locked
from runner.names import TableName
from runner.secrets import NO_SECRETS, Secrets
from runner.sql.select import Call
from runner.warehouse.base import Warehouse
from runner.warehouse.engines import DUCKDB, Engine
from runner.warehouse.values import (
    NOTHING,
    Column,
    FileMark,
    FunctionKind,
    Relation,
    Result,
    Trouble,
    UserFunction,
    WarehouseError,
    Watch,
)

if TYPE_CHECKING:
    import duckdb as driver

    from runner.warehouse.grounds.base import Ground, Wanted
else:
    try:
        import _duckdb as driver
    except ImportError:  # private to the package: fall back to its public name
        import duckdb as driver

SCRATCH = "runner_scratch"
# Statements that say themselves what a transaction is, or that another database or a checkpoint is needed for.
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
ALONE = {
    driver.StatementType.TRANSACTION,
    driver.StatementType.ATTACH,
    driver.StatementType.DETACH,
    driver.StatementType.COPY_DATABASE,
    driver.StatementType.CALL,
}


class DuckDB(Warehouse):
    """A DuckDB file or in-memory database.

    Scratch is an attached in-memory database: it spills to disk like any table, costs no write-ahead log, and
    nothing of it outlives the process.
    """

    def __init__(
        self,
        path: str,
        *,
        read_only: bool = False,
        new: bool = True,
        timeout_s: float | None = None,
        watch: Watch | None = None,
        secrets: Secrets = NO_SECRETS,
        options: Mapping[str, Any] = MappingProxyType({}),
        connection: Any = None,
        lent: bool = False,
        engine: Engine | None = None,
    ) -> None:
        """`connection`: in the open database of that one, which is this session's own from then on; where the database
        is `lent`, another has opened it with settings of his own, and will close it.
        """
        super().__init__(timeout_s, watch, secrets)
        self._path, self._options, self._lent = path, dict(options), lent
        self._lines_before = 0  # the statement that runs, within its text
        if not new and path not in ("", ":memory:") and not os.path.exists(path):
            hint = "name the file that the events are in: duckdb:///web.duckdb is web.duckdb in this folder"
            raise CannotConnect(f"cannot open {path}: there is no such database", hint)
        self._connection = connection if connection is not None else _open(path, read_only, self._options, secrets)
        if lent:
            self._run("set session timezone = 'UTC'")
        self.engine = engine or replace(DUCKDB, database=str(self._run("select current_database()")[-1].one()[0]))

    def _run(self, sql: str) -> tuple[Result, ...]:
        self._lines_before, found = 0, []
        for statement in self._connection.extract_statements(sql):
            found.append(self._result(statement))
            self._lines_before += statement.query.count("\n")
        return tuple(found)

    def _result(self, statement: Any) -> Result:
        cursor = self._connection.execute(statement.query)  # errors of the parsed one have no lines
        names = tuple(str(column[0]) for column in cursor.description or ())
        rows = cursor.fetchall() if names else []
        asks = statement.expected_result_type == [driver.ExpectedResultType.QUERY_RESULT]
        if names == ("Count",) and not asks:  # what DuckDB answers to DML; to DDL, without a row
            return Result((), [], int(rows[0][0])) if rows else NOTHING
        return Result(names, rows, len(rows)) if names != ("Success",) or rows else NOTHING

    def script(self, label: str, text: str) -> tuple[Result, ...]:
        """One transaction, as where a server is sent a text whole, unless it says otherwise itself."""
        if self.in_transaction or not self._is_whole(text):
            return self._send(label, text)
        with self.transaction(label):
            return self._send(label, text)

    def _is_whole(self, text: str) -> bool:
        """Whether a text is several statements that can be one transaction; what cannot be read fails when it is run."""
        try:
            kinds = [statement.type for statement in self._connection.extract_statements(text)]
        except driver.Error:
            return False
        return len(kinds) > 1 and not ALONE.intersection(kinds)

    def _is_open(self) -> bool:
        """One transaction has one number; outside of it, each statement has its own. An aborted one answers nothing."""
        one, other = (self._send("script:open", "select txid_current()", self._unless_aborted) for _ in range(2))
        return not (one and other) or one[0].one() == other[0].one()

    def _unless_aborted(self, sql: str) -> tuple[Result, ...]:
        """What a query gives; nothing in a transaction that an error has aborted."""
        try:
            return self._run(sql)
        except driver.TransactionException:
            return ()

    def _cancel(self) -> None:
        self._connection.interrupt()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _begin(self, snapshot: bool) -> str:
        return "begin transaction"  # always a snapshot

    def _message(self, error: Exception) -> str:
        text = _LINE.sub(lambda found: f"LINE {int(found[1]) + self._lines_before}:", str(error).strip())
        return text.splitlines()[0] if isinstance(error, driver.OutOfMemoryException) else text  # else: a manual

    def _line_of(self, error: Exception) -> int:
        found = _LINE.search(str(error))
        return int(found[1]) + self._lines_before if found else 0

    def _trouble(self, error: Exception) -> Trouble:
        said = re.split("[\"']", str(error), maxsplit=1)[0]  # what follows may be a path or a name
        if isinstance(error, driver.TransactionException) and "onflict" in said:
            return Trouble.RETRY
        if isinstance(error, driver.DependencyException):
            return Trouble.DEPENDED_ON
        if isinstance(error, driver.FatalException):
            return Trouble.FATAL  # measured: COMMIT was durable and the checkpoint after it found the disk full
        if isinstance(error, driver.OutOfMemoryException) or "No space left" in str(error):
            return Trouble.FULL
        return Trouble.REFUSED

    def another(self) -> Self:
        connection = self._connection.cursor()
        return type(self)(
            self._path,
            timeout_s=self.timeout_s,
            watch=self.watch,
            secrets=self.secrets,
            connection=connection,
            lent=self._lent,
            engine=self.engine,
        )

    def reopened(self) -> Self:
        """After a fatal error every connection of the process is dead until all are closed and the file is opened anew."""
        if self._stuck:
            raise CannotConnect(f"{self._path}: a statement does not end")
        if self._lent:
            raise CannotConnect(
                "the database has to be opened anew, by who opened it", "close all its connections first"
            )
        self._close()
        self._connection = _open(self._path, False, self._options, self.secrets)
        return self.another()

    def describe(self, names: Iterable[TableName]) -> Mapping[TableName, Relation]:
        """One DESCRIBE a table: the catalogue's own tables cost 20 to 40 ms at their first use in a process."""
        found = {}
        for name in dict.fromkeys(names):
            place = self.engine.table(name)
            try:  # tables have a rowid: only of what has none the catalogue is asked
                described = self._send("catalogue:rowid", f"describe select *, rowid from {place}", self._unless_absent)
            except WarehouseError:
                columns = _columns(self.execute("catalogue:query", f"describe select * from {place}"))
                definition = self._view(name)
                if definition is not None:  # NOT NULL is said of a view's columns that an outer join fills up, too
                    columns = tuple(replace(column, nullable=True) for column in columns)
                found[name] = Relation(name, columns, definition is not None, definition or "")
            else:
                if described:
                    found[name] = Relation(name, _columns(described[0])[:-1])
        return found

    def _view(self, name: TableName) -> str | None:
        """A view's SELECT; None for what is neither view nor table."""
        place = name.within(self.engine.default_schema)
        where = f"lower(schema_name) = {self.engine.literal((place.schema or '').lower())} and lower(view_name) = {self.engine.literal(place.table.lower())}"
        rows = self.execute("catalogue:view", f"select sql from duckdb_views() where {where}").rows
        return (
            re.sub(r"^\s*create\s+view\s+.*?\s+as\s+", "", rows[0][0], flags=re.IGNORECASE | re.DOTALL)
            if rows
            else None
        )

    def functions(self, calls: Iterable[Call]) -> tuple[UserFunction, ...]:
        """Macros. A name of its own schema's is described: to list all functions takes DuckDB 25 ms, this 0.3 a name."""
        names = {call.name.table for call in calls if self._is_macro(call)}
        if not names:
            return ()
        listed = ", ".join(map(self.engine.literal, sorted(names)))
        found = self.execute(
            "catalogue:functions",
            "select schema_name, function_name, function_type, cast(parameters as varchar), macro_definition"
            f" from duckdb_functions() where not internal and function_name collate nocase in ({listed}) order by all",
        )
        return tuple(
            UserFunction(f"{schema}.{name}", FunctionKind.MACRO, "", f"/* {kind} {parameters} */ {body}")
            for schema, name, kind, parameters, body in found.rows
        )

    def _is_macro(self, call: Call) -> bool:
        """Called without arguments, a macro complains of them or is described; a built-in is not in that schema."""
        full, own = (self.engine.table(name) for name in (call.name, TableName(call.name.parts[-1:])))
        for name in dict.fromkeys((full, own)):  # what looks like a schema may be a value: x.f() is f(x)
            asked = f"describe select {'* from ' if call.in_from else ''}{name}()"
            if self._send("catalogue:function", asked, self._if_macro):
                return True
        return False

    def _if_macro(self, sql: str) -> tuple[Result, ...]:
        """What a query gives that calls a macro; nothing if there is none of that name."""
        try:
            return self._run(sql)
        except (driver.CatalogException, driver.ParserException):  # a word of the grammar, such as TRY, is none
            return ()
        except driver.BinderException as error:
            return (NOTHING,) if "acro" in str(error).partition("(")[0] else ()

    def _unless_absent(self, sql: str) -> tuple[Result, ...]:
        """What a query gives; nothing if what it names does not exist."""
        try:
            return self._run(sql)
        except driver.CatalogException:
            return ()

    def describe_query(self, sql: str) -> tuple[Column, ...]:
        return _columns(self.execute("catalogue:query", f"describe {sql}"))

    def columns_of(self, table: str) -> tuple[Column, ...]:
        return self.describe_query(f"select * from {table}")

    def tables(self, schema: str, prefix: str) -> tuple[str, ...]:
        found = self.execute(
            "catalogue:tables",
            "select table_name from duckdb_tables() where database_name = current_database()"
            f" and schema_name = {self.engine.literal(schema)} and starts_with(table_name, {self.engine.literal(prefix)}) order by 1",
        )
        return tuple(str(row[0]) for row in found.rows)

    def open_scratch(self, playbook: str, run_id: str) -> str:
        name = f"{SCRATCH}_{re.sub('[^0-9a-z]', '', run_id.lower())}"
        self.execute("scratch:detach", f"detach database if exists {name}")
        self.execute("scratch:attach", f"attach ':memory:' as {name} (read_write)")
        return name

    def sweep_scratch(self, playbook: str) -> None:
        """Nothing outlives a process."""

    def open_private_scratch(self) -> str:
        return self.open_scratch("", "private")

    def drop_scratch(self, scratch: str) -> None:
        self.execute("scratch:drop", f"detach database if exists {scratch}")

    @property
    def version(self) -> str:
        return str(driver.__version__)

    def ground(self, wanted: Wanted) -> Ground:
        from runner.warehouse.grounds.duckdb import DuckDBGround

        return DuckDBGround(self, self._beside, wanted)

    def _beside(self, database: str) -> DuckDB:
        """A connection that is to work in another database of the process, where nothing is read from files."""
        engine = replace(self.engine, database=database, reads_files=False)  # type: ignore[call-arg]
        connection = self._connection.cursor()
        return DuckDB(
            "", timeout_s=self.timeout_s, secrets=self.secrets, connection=connection, lent=self._lent, engine=engine
        )

    def find_files(self, patterns: tuple[str, ...]) -> tuple[FileMark, ...]:
        marks = sorted({mark for pattern in patterns for mark in _marks(pattern)}, key=lambda mark: mark.path)
        if not marks:
            raise CannotConnect(f"no file matches {', '.join(patterns)}", "files: is relative to the playbook's folder")
        return tuple(marks)


def _columns(described: Result) -> tuple[Column, ...]:
    return tuple(Column(str(row[0]), str(row[1]), nullable=row[2] != "NO") for row in described.rows)


def _marks(pattern: str) -> list[FileMark]:
    if re.match(r"^\w+://", pattern):
        return [FileMark(pattern, 0, 0)]
    found = []
    for path in glob.glob(pattern, recursive=True):
        with suppress(FileNotFoundError):  # gone since the folder was read
            seen = os.stat(path)
            if stat.S_ISREG(seen.st_mode):
                found.append(FileMark(path, seen.st_size, seen.st_mtime_ns))
    return found


def _open(path: str, read_only: bool, options: dict[str, Any], secrets: Secrets) -> Any:
    memory = path in ("", ":memory:") or (read_only and not os.path.exists(path))
    config: dict[str, Any] = {"autoinstall_known_extensions": "false", "TimeZone": "UTC", **options}
    try:
        if not memory and not read_only:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        return driver.connect(":memory:" if memory else path, read_only=read_only and not memory, config=config)
    except driver.IOException as error:
        message = str(error)
        if "Could not set lock" in message or "onflicting lock" in message:
            holder = re.search(r"PID (\d+)", message)
            who = f" (PID {holder[1]})" if holder else ""
            raise Locked(f"{path} is in use by another process{who}", actions.Wait()) from None
        raise CannotConnect(f"cannot open {path}: {secrets.masked(message.splitlines()[0])}") from None
    except (driver.Error, OSError, RuntimeError) as error:
        raise CannotConnect(f"cannot open {path}: {secrets.masked(str(error).splitlines()[0])}") from None
