"""The contract between the core and an open warehouse: a few verbs, and one seam for statements.

A warehouse is one module that subclasses `Warehouse`; what is known of its engine without a connection is
`Warehouse.engine`. Every statement, BEGIN and COMMIT included, goes through `Warehouse.execute` or `Warehouse.script`,
which tests can watch, fail or kill.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from runner.names import TableName
from runner.secrets import NO_SECRETS, Secrets
from runner.sql.select import Call
from runner.warehouse.engines.base import Engine
from runner.warehouse.values import (
    NOTHING,
    Column,
    FileMark,
    Hook,
    Relation,
    Result,
    Right,
    Trouble,
    UserFunction,
    WarehouseError,
    Watch,
)
from runner.warehouse.worker import Job, Worker

if TYPE_CHECKING:
    from runner.warehouse.grounds.base import Ground, Wanted

_BEGINS = re.compile(r"\b(?:begin|start)\b", re.IGNORECASE)
CANCEL_PAUSES_S = (0.05, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0)


class Warehouse(ABC):
    """An open connection. Not shared between threads; `another()` opens a second one for parallel work."""

    engine: Engine

    def __init__(
        self, timeout_s: float | None = None, watch: Watch | None = None, secrets: Secrets = NO_SECRETS
    ) -> None:
        self.timeout_s = timeout_s
        self.watch = watch
        self.secrets = secrets
        self.in_transaction = False
        self.in_doubt = False  # COMMIT was sent and its answer did not come
        self._stuck = False
        self._worker = Worker()

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
        if self.in_transaction and self.engine.commits and (found := self.engine.commits.match(sql)):
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

    def _wait(self, label: str, job: Job) -> tuple[Result, ...]:
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
            error = job.error
            message = self.secrets.masked(self._message(error))
            line, state = self._line_of(error), self._state(error)
            raise WarehouseError(label, message, self._trouble(error), line, state) from None
        results: tuple[Result, ...] = job.value
        return results

    def _stop(self, job: Job) -> None:
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

    def hold(self, label: str, relations: Iterable[Relation]) -> Mapping[TableName, Relation]:
        """First thing in a snapshot: nobody is to empty or alter these until its end, as far as the engine has a way.

        Gives what the catalogue says of them then, where it is not part of the snapshot itself.
        """
        return {relation.name: relation for relation in relations}

    def moved(self, label: str, relations: Iterable[Relation]) -> tuple[str, ...]:
        """Those of them (as `hold` gave them) that are now other tables, other files or other parts than the snapshot
        has: what was read of them is of no one instant. Asked within the snapshot, at its end.
        """
        return ()

    def has_history(self, relation: Relation) -> bool:
        """Whether a table can be read as it was at an earlier instant."""
        return False

    def pinned(self, relation: Relation, copy: str, columns: str) -> str:
        """What stands after FROM to read a table or view within a snapshot.

        Where neither transaction nor engine can go back to the instant, its `columns` are copied to the table `copy`.
        """
        return self.engine.table(relation.name)

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

    def _state(self, error: BaseException) -> str:
        """An error's SQLSTATE; '' if the engine gives none."""
        return ""

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

    def hooks(self, name: TableName) -> tuple[Hook, ...]:
        """What would change, hide or refuse rows of a table that are deleted and inserted, as far as the engine has such."""
        return ()

    def lacking(self, rights: Iterable[Right]) -> tuple[str, ...]:
        """The statements that would give this role the rights it has not, as far as the engine tells."""
        return ()

    def functions(self, calls: Iterable[Call]) -> tuple[UserFunction, ...]:
        """Those of the called functions that a user made; operators and casts that could be meant are among them."""
        return ()

    def describe_query(self, sql: str) -> tuple[Column, ...]:
        """The columns that a SELECT over files would give, without running it."""
        raise NotImplementedError(f"{self.engine.title} cannot read files in place")

    @abstractmethod
    def columns_of(self, table: str) -> tuple[Column, ...]:
        """The columns of a table, scratch tables included, by its quoted name. Raises WarehouseError if it is not there."""

    @abstractmethod
    def tables(self, schema: str, prefix: str) -> tuple[str, ...]:
        """The names of a schema's tables that begin with a prefix of letters, digits and underscores."""

    @abstractmethod
    def open_scratch(self, playbook: str, run_id: str) -> str:
        """Make a place for this run's tables, which its other connections see too; gives its SQL name."""

    def open_scratch_within(self, schema: str, playbook: str, run_id: str) -> str:
        """The same within a schema that is there, for who may make none: what its tables' names begin with.

        What dead runs of the playbook left there is dropped: only for whoever holds the lease.
        """
        return self.open_scratch(playbook, run_id)

    @abstractmethod
    def sweep_scratch(self, playbook: str) -> None:
        """Drop what dead runs of the playbook left; only for whoever holds the lease."""

    @abstractmethod
    def open_private_scratch(self) -> str:
        """A place for tables that only this session sees and that end with it; gives its SQL name."""

    @abstractmethod
    def drop_scratch(self, scratch: str) -> None:
        """Drop it with all that is in it."""

    # -- DDL and files ------------------------------------------------------------------------------------------------

    def create_schema(self, label: str, schema: str) -> None:
        """Make a schema (its quoted name) if it is not there; the session's own schema stays what it was."""
        self.execute(label, f"create schema if not exists {schema}")

    def create_once(self, label: str, name: str, select: str) -> None:
        """CREATE TABLE … AS unless the table is there, also where another session makes it at the same instant."""
        self.execute(label, f"create table if not exists {name} as {select}")

    def find_files(self, patterns: tuple[str, ...]) -> tuple[FileMark, ...]:
        """The files that match now. Raises CannotConnect if there are none."""
        raise NotImplementedError(f"{self.engine.title} cannot read files in place")

    @property
    def version(self) -> str:
        """The engine's own, as far as it is known without asking; '' if it is not."""
        return ""

    def ground(self, wanted: Wanted) -> Ground | None:
        """Private copies of the shape of tables, to try definitions on; None where the engine has no place for them."""
        return None

    # -- locks and the lease ---------------------------------------------------------------------------------------

    def lock(self, label: str, table: str) -> None:  # noqa: B027 - most engines lock the row that is updated
        """First thing in a transaction: lock a state table, where a later statement's snapshot would be too old."""

    def patience(self, seconds: int) -> str:
        """A statement, for outside of a transaction, after which this session waits for locks so long, where the lease is a row."""
        raise NotImplementedError(self.engine.title)

    def lock_patience(self, seconds: int | None) -> str:
        """The same where that bounds nothing but the wait for locks; None: as long as at the beginning."""
        return ""

    def holders(self, table: str, *, alone: bool = False) -> tuple[str, ...]:
        """The other sessions that hold locks on a table (its quoted name), as far as the engine tells.

        `alone`: only those that let nobody read it.
        """
        return ()

    def end_session(self, session: str) -> None:  # noqa: B027 - where the file lock is the lease there are none
        """End another session (named as by `session`), as far as we may."""

    def is_alive(self, session: str) -> bool:
        """False if a session (named as by `session`) is surely gone, with all that it had not committed."""
        return True

    @property
    def session(self) -> str:
        """SQL for a text that names this session, so that a later run can tell whether it is still alive."""
        return "null"
