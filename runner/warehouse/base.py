"""The contract between the core and a warehouse: a few verbs, a record of stated facts, and one seam for statements.

An engine is one module that subclasses `Warehouse`. What engines do differently is a field of `Capabilities` or a
text builder here, never an `if engine ==` in the core. Every statement, BEGIN and COMMIT included, goes through
`Warehouse.execute` or `Warehouse.script`, which tests can watch, fail or kill.
"""

from __future__ import annotations

import queue
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Self

from runner.errors import Exit, RunnerError
from runner.names import PLAIN, Layout, TableName
from runner.secrets import NO_SECRETS, Secrets

_BEGINS = re.compile(r"\b(?:begin|start)\b", re.IGNORECASE)
Watch = Callable[[str, str, str], None]

CANCEL_PAUSES_S = (0.05, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0)


class Trouble(Enum):
    """What kind of error the warehouse gave: it decides whether a transaction is retried, resolved or given up."""

    RETRY = "serialization failure, deadlock or lock time-out: the whole transaction may be run again"
    LOST = "the connection is gone: what was not committed is rolled back"
    TIMEOUT = "the statement took longer than allowed and was cancelled"
    FULL = "out of disk or memory: room has to be made before it can work"
    FATAL = "the engine gave up: the database has to be opened anew, and a COMMIT may have taken place"
    REFUSED = "the statement is wrong or the warehouse cannot do it: trying again changes nothing"


class WarehouseError(RunnerError):
    """A statement failed; `label` is its name in the run, `trouble` its kind. The transaction is rolled back.

    `line` is where in the text that was sent, counted from 1; 0 if the engine does not say.
    """

    def __init__(self, label: str, message: str, trouble: Trouble, line: int = 0) -> None:
        super().__init__(message)
        self.label = label
        self.trouble = trouble
        self.line = line

    @property
    def exit_code(self) -> Exit:  # type: ignore[override]
        """5 where the connection is gone, 3 where something was in the way, else 6."""
        return {Trouble.LOST: Exit.CONNECT, Trouble.RETRY: Exit.LOCKED}.get(self.trouble, Exit.FAILED)


@dataclass(frozen=True)
class Capabilities:
    """Facts about an engine that the core asks for. Each subclass states its reasons beside the values."""

    transactional_ddl: bool
    """DDL takes part in a transaction and is undone by ROLLBACK."""
    snapshots: bool
    """A transaction can see one instant; elsewhere tables are read at a time, or copied (`pinned`)."""
    file_lock: bool
    """One process at a time has the database open: that lock is the lease."""
    indexes: bool
    """CREATE INDEX exists and helps to find rows by key."""
    reads_files: bool
    """`files:` sources can be read in place."""
    analyze: bool
    """Fresh tables need ANALYZE before the planner sees their size."""
    default_schema: str
    """The schema of unqualified names."""
    commits: re.Pattern[str] | None = None
    """The beginnings of statements that would commit an open transaction: within one they are refused."""


@dataclass(frozen=True)
class Result:
    """Rows of a statement (empty for DML) and the number of rows it gave or changed (-1 unknown)."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    row_count: int

    def one(self) -> tuple[Any, ...]:
        """The only row."""
        (row,) = self.rows
        return row


NOTHING = Result((), [], -1)  # what DDL gives


@dataclass(frozen=True)
class Column:
    """A column of a table, with the engine's own spelling of its type; `indexed`: rows can be found by it."""

    name: str
    type: str
    indexed: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Relation:
    """A table or view as the catalogue shows it; `definition` is a view's SELECT."""

    name: TableName
    columns: tuple[Column, ...]
    is_view: bool = False
    definition: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Its column names, in order."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class FileMark:
    """A file of a source as it was found: files take part in no transaction, so a change is looked for afterwards."""

    path: str
    size: int
    changed_ns: int


def session_name(playbook: str, run_id: str) -> str:
    """How a run's sessions are called at the server: everybody can see there who they are."""
    return f"runner {playbook} {run_id}"[:63]


class _Job:
    """One call that the worker thread makes; the caller waits for it and may ask for it to be cancelled."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.done = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.value = self.call()
        except BaseException as error:  # handed to the caller, whatever it is
            self.error = error
        self.done.set()


class _Worker:
    """A daemon thread that makes the driver's calls, so that signals always reach the waiting main thread."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._loop, name="runner-statements", daemon=True).start()

    def _loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()

    def submit(self, call: Callable[[], Any]) -> _Job:
        job = _Job(call)
        self._jobs.put(job)
        return job

    def stop(self) -> None:
        self._jobs.put(None)


class Warehouse(ABC):
    """An open connection. Not shared between threads; `another()` opens a second one for parallel work."""

    kind: ClassVar[str]
    dialect: ClassVar[str]
    stand_ins: ClassVar[tuple[tuple[re.Pattern[str], str], ...]] = ()  # (types, a value of theirs) for `same`
    capabilities: Capabilities

    def __init__(
        self, timeout_s: float | None = None, watch: Watch | None = None, secrets: Secrets = NO_SECRETS
    ) -> None:
        self.timeout_s = timeout_s
        self.watch = watch
        self.secrets = secrets
        self.in_transaction = False
        self.in_doubt = False  # COMMIT was sent and its answer did not come
        self._stuck = False
        self._worker = _Worker()

    # -- the seam ------------------------------------------------------------------------------------------------

    def execute(self, label: str, sql: str) -> Result:
        """Run one statement (or a script where the engine takes it whole: the last result). Raises WarehouseError."""
        results = self._send(label, sql)
        return results[-1] if results else NOTHING

    def script(self, label: str, text: str) -> tuple[Result, ...]:
        """Run a user's script and give what each statement gave; sent whole, where the engine takes several at once."""
        return self._send(label, text)

    def _send(self, label: str, sql: str, run: Callable[[str], tuple[Result, ...]] | None = None) -> tuple[Result, ...]:
        if self.watch:
            self.watch("before", label, sql)
        if self._stuck:
            raise WarehouseError(label, "the warehouse does not answer", Trouble.LOST)
        if self.in_transaction and self.capabilities.commits and (found := self.capabilities.commits.match(sql)):
            what = f"{found[1].upper()} would commit the transaction half done"
            raise WarehouseError(label, what, Trouble.REFUSED)
        results = self._wait(label, self._worker.submit(lambda: (run or self._run)(sql)))
        if self.watch:
            self.watch("after", label, sql)
        return results

    def left_open(self) -> bool:
        """Whether a script began a transaction that it did not end, aborted or not: `roll_back` ends it."""
        return not self.in_transaction and self._is_open()

    def leaves_open(self, script: str) -> bool:
        """The same of the script that was just run: only one that says BEGIN has to be looked after."""
        return _BEGINS.search(script) is not None and self.left_open()

    def roll_back(self) -> None:
        """End the transaction that a script left open; what it did is undone. Raises WarehouseError."""
        self.execute("script:rollback", "rollback")

    def _wait(self, label: str, job: _Job) -> tuple[Result, ...]:
        try:
            finished = job.done.wait(self.timeout_s)
        except BaseException:  # a signal: stop the query at the server before anything else happens
            self._stop(job)
            raise
        if not finished:
            self._stop(job)
            if not job.done.is_set() or job.error is not None:  # else it was done before it could be stopped
                message = f"took longer than {self.timeout_s:g} s and was cancelled"
                raise WarehouseError(label, message, Trouble.TIMEOUT)
        if job.error is not None:
            if not isinstance(job.error, Exception):
                raise job.error
            message = self.secrets.masked(self._message(job.error))
            line = self._line_of(job.error)
            raise WarehouseError(label, message, self._trouble(job.error), line) from None
        results: tuple[Result, ...] = job.value
        return results

    def _stop(self, job: _Job) -> None:
        """Cancel at the server until the driver's call has returned; a connection that does not answer is given up."""
        unheard = 0
        for pause_s in CANCEL_PAUSES_S:
            try:
                self._cancel()
            except Exception:
                unheard += 1
            if job.done.wait(pause_s):
                return
            if unheard > 1:
                break
        self._stuck = True
        with suppress(Exception):
            self._abandon()
        job.done.wait(1)

    def cancel(self) -> None:
        """Stop what another thread has this connection do; never raises."""
        with suppress(Exception):
            self._cancel()

    @contextmanager
    def transaction(self, label: str, *, snapshot: bool = False) -> Iterator[None]:
        """BEGIN … COMMIT; any error, whatever it is, leads to ROLLBACK. `snapshot`: all reads see one instant.

        After an error at COMMIT that leaves its outcome open, `in_doubt` is true: only a look from another connection
        can tell what happened.
        """
        self.in_doubt = False
        self.execute(f"{label}:begin", self._begin(snapshot))
        self.in_transaction = True
        try:
            yield
            self._commit(label)
            self.in_transaction = False
        finally:
            if self.in_transaction:
                self.in_transaction = False
                if not self._stuck:
                    with suppress(Exception):  # the first error matters; a lost connection rolls back by itself
                        self._wait("rollback", self._worker.submit(lambda: self._run("rollback")))

    def _commit(self, label: str) -> None:
        self.in_doubt = True
        try:
            self.execute(f"{label}:commit", "commit")
        except WarehouseError as error:
            self.in_doubt = error.trouble in (Trouble.LOST, Trouble.TIMEOUT, Trouble.FATAL)
            raise
        self.in_doubt = False

    def close(self) -> None:
        """Close the connection; never raises."""
        with suppress(Exception):
            job = self._worker.submit(self._close)
            job.done.wait(5)
        self._worker.stop()

    # -- the freeze ------------------------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self, label: str) -> Iterator[None]:
        """Within the block every table is read as it was at one instant, if it is read as `pinned` says."""
        with self.transaction(label, snapshot=True):
            yield

    def has_history(self, relation: Relation) -> bool:
        """Whether a table can be read as it was at an earlier instant."""
        return False

    def pinned(self, relation: Relation, copy: str, columns: str) -> str:
        """What stands after FROM to read a table or view within a snapshot.

        Where neither transaction nor engine can go back to the instant, its `columns` are copied to the table `copy`.
        """
        return self.table(relation.name)

    # -- what an engine provides -----------------------------------------------------------------------------------

    @abstractmethod
    def _run(self, sql: str) -> tuple[Result, ...]:
        """Send a text, and give what each of its statements gave."""

    @abstractmethod
    def _is_open(self) -> bool:
        """Whether the session is in a transaction."""

    @abstractmethod
    def _cancel(self) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...

    def _abandon(self) -> None:  # noqa: B027 - nothing to break where there is no network
        """Break the connection from this side, so that a call which waits for the server returns."""

    @abstractmethod
    def _begin(self, snapshot: bool) -> str: ...

    @abstractmethod
    def _message(self, error: Exception) -> str: ...

    def _line_of(self, error: Exception) -> int:
        """Where in the text that was sent, counted from 1; 0 if the engine does not say."""
        return 0

    @abstractmethod
    def _trouble(self, error: Exception) -> Trouble: ...

    @abstractmethod
    def another(self) -> Self:
        """A second connection to the same warehouse, which sees what this one has committed."""

    @abstractmethod
    def reopened(self) -> Self:
        """Replace the connection that was lost, and give a second one."""

    @abstractmethod
    def describe(self, names: Iterable[TableName]) -> Mapping[TableName, Relation]:
        """What the catalogue says of each table or view that exists; names without a schema are in the default one."""

    def describe_query(self, sql: str) -> tuple[Column, ...]:
        """The columns that a SELECT over files would give, without running it."""
        raise NotImplementedError(f"{self.kind} cannot read files in place")

    @abstractmethod
    def columns_of(self, table: str) -> tuple[Column, ...]:
        """The columns of a table, scratch tables included, by its quoted name."""

    @abstractmethod
    def tables(self, schema: str, prefix: str) -> tuple[str, ...]:
        """The names of a schema's tables that begin with a prefix of letters, digits and underscores."""

    @abstractmethod
    def open_scratch(self, playbook: str, run_id: str) -> str:
        """Make a place for this run's tables, which its other connections see too; gives its SQL name."""

    @abstractmethod
    def sweep_scratch(self, playbook: str) -> None:
        """Drop what dead runs of the playbook left; only for whoever holds the lease."""

    @abstractmethod
    def open_private_scratch(self) -> str:
        """A place for tables that only this session sees and that end with it; gives its SQL name."""

    @abstractmethod
    def drop_scratch(self, scratch: str) -> None:
        """Drop it with all that is in it."""

    # -- text builders -----------------------------------------------------------------------------------------------

    def quote(self, part: str) -> str:
        """One identifier, quoted exactly."""
        return '"' + part.replace('"', '""') + '"'

    def table(self, name: TableName) -> str:
        """A table's full name, quoted."""
        return ".".join(self.quote(part) for part in name.within(self.capabilities.default_schema).parts)

    def schema(self, name: str) -> str:
        """A schema's full name, quoted."""
        return self.quote(name)

    def literal(self, value: str | int | float | bool | None) -> str:
        """A literal that nothing in the value can leave."""
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return repr(value)
        if "\0" in value:
            raise ValueError("a NUL byte cannot stand in SQL")
        return "'" + value.replace("'", "''") + "'"

    def scratch_table(self, scratch: str, name: str) -> str:
        """The full name of a table in a scratch place; `name` needs no quotes."""
        return f"{scratch}.{name}"

    def temporary_table(self, name: str, select: str, layout: Layout = PLAIN) -> str:
        """CREATE TABLE … AS for a scratch table, with the engine's cheapest durability."""
        return f"create table {name} as {select}"

    def derived_table(self, name: str, select: str, layout: Layout) -> str:
        """CREATE TABLE … AS for a model's table."""
        return f"create table {name} as {select}"

    def create_schema(self, label: str, schema: str) -> None:
        """Make a schema (its quoted name) if it is not there; the session's own schema stays what it was."""
        self.execute(label, f"create schema if not exists {schema}")

    def create_once(self, label: str, name: str, select: str) -> None:
        """CREATE TABLE … AS unless the table is there, also where another session makes it at the same instant."""
        self.execute(label, f"create table if not exists {name} as {select}")

    def retyped(self, table: str, column: str, type_: str) -> str:
        """ALTER TABLE that gives a column another type and keeps its values; '' where there is none."""
        return f"alter table {table} alter column {self.quote(column)} type {type_}"

    def text_of(self, column: str, type_: str) -> str:
        """A column's value as text, the same on every run; for hashes."""
        return f"cast({column} as varchar)"

    @abstractmethod
    def hash_60(self, text: str) -> str:
        """A 60-bit integer of a text expression: a piece of its md5."""

    def find_files(self, patterns: tuple[str, ...]) -> tuple[FileMark, ...]:
        """The files that match now. Raises CannotConnect if there are none."""
        raise NotImplementedError(f"{self.kind} cannot read files in place")

    def files(self, marks: tuple[FileMark, ...]) -> str:
        """A relation that reads these files, by explicit list."""
        raise NotImplementedError(f"{self.kind} cannot read files in place")

    def found_by_index(self, column: str, select: str) -> str:
        """True for rows whose indexed column is among the few values of a one-column SELECT."""
        return f"{column} in ({select})"

    def same(self, left: str, right: str, type_: str) -> str:
        """A null-safe equality that the engine can join by: where IS NOT DISTINCT FROM is none, a stand-in for null
        and a flag make one.
        """
        for pattern, stand_in in self.stand_ins:
            if pattern.match(type_):
                return f"(coalesce({left}, {stand_in}) = coalesce({right}, {stand_in}) and ({left} is null) = ({right} is null))"
        return self._same(left, right)

    def _same(self, left: str, right: str) -> str:
        return f"{left} is not distinct from {right}"

    def sortable(self, column: str, type_: str) -> str:
        """An expression by which any column can be ordered and grouped, also those of unordered types."""
        return column

    def any_of(self, column: str, type_: str) -> str:
        """An aggregate that gives one of equal values, for types that cannot be grouped."""
        return f"min({column})"

    # -- locks and the lease ---------------------------------------------------------------------------------------

    def lock(self, label: str, table: str) -> None:  # noqa: B027 - most engines lock the row that is updated
        """First thing in a transaction: lock a state table, where a later statement's snapshot would be too old."""

    def patience(self, seconds: int) -> str:
        """A statement, for outside of a transaction, after which this session waits for locks so long; '' for none."""
        return ""

    def end_session(self, session: str) -> None:  # noqa: B027 - where the file lock is the lease there are none
        """End another session (named as by `session`), as far as we may."""

    def is_alive(self, session: str) -> bool:
        """False if a session (named as by `session`) is surely gone, with all that it had not committed."""
        return True

    @property
    def now(self) -> str:
        """The warehouse's clock, as a timestamp in UTC."""
        return "cast(current_timestamp as timestamp)"

    @property
    def session(self) -> str:
        """SQL for a text that names this session, so that a later run can tell whether it is still alive."""
        return "null"
