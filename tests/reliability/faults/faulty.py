"""A chosen error of the driver at a chosen statement of a run.

An `Injector` is given to the runner as its watch, so that it knows each statement's label, and sits in the two
warehouses' `_run` while it is `installed`. There it lets the *server* fail: on Postgres by RAISE with the SQLSTATE
(for a lost connection it then closes the socket), on DuckDB by a statement that aborts the transaction before the
chosen exception is raised. So what the runner does next meets the warehouse as it would be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from unittest.mock import patch

import duckdb

from runner.warehouse.base import Warehouse
from runner.warehouse.duckdb import DuckDB
from runner.warehouse.postgres import Postgres
from runner.warehouse.values import Result

Run = Callable[[Any, str], tuple[Result, ...]]


class Kind(Enum):
    """What an error means for a run: the columns of RELIABILITY 2.3."""

    RETRY = "the whole publish is tried again; exit 3 if that does not help"
    LOST = "the connection is gone; resolved if it was at COMMIT, else exit 5"
    REFUSED = "never tried again; exit 6"
    FATAL = "the database must be opened anew; resolved if it was at COMMIT, else exit 6"


@dataclass(frozen=True)
class Fault:
    """An error by its SQLSTATE, or on DuckDB by its name below."""

    code: str
    kind: Kind
    every: bool = False
    """Each time the statement comes, not only once."""
    done: bool = False
    """The statement has taken place when the error comes: a COMMIT whose answer is lost."""

    def __str__(self) -> str:
        return f"{self.code}{' done' if self.done else ''}{' every time' if self.every else ''}"


POSTGRES = tuple(
    Fault(code, kind)
    for kind, codes in (
        (Kind.RETRY, "40001 40P01 55P03"),
        (Kind.REFUSED, "57014 53100 53200 42601 42P01 22012 23505"),
        (Kind.LOST, "08006 57P01 57P02 57P03 25P03"),
    )
    for code in codes.split()
)
DUCKDB_ERRORS: dict[str, tuple[type[duckdb.Error], str]] = {
    "conflict": (duckdb.TransactionException, "TransactionContext Error: Conflict on update!"),
    "interrupt": (duckdb.InterruptException, "INTERRUPT Error: Interrupted!"),
    "disk full": (
        duckdb.IOException,
        'IO Error: Could not write file "/conflict/w.duckdb.wal": No space left on device',
    ),
    "out of memory": (duckdb.OutOfMemoryException, "Out of Memory Error: failed to allocate data of size 32.0 KiB"),
    "syntax": (duckdb.ParserException, 'Parser Error: syntax error at or near "selct"'),
    "catalog": (duckdb.CatalogException, "Catalog Error: Table with name x does not exist!"),
    "conversion": (duckdb.ConversionException, "Conversion Error: Could not convert string 'x' to INT32"),
    "constraint": (
        duckdb.ConstraintException,
        'Constraint Error: Duplicate key "a: 1" violates primary key constraint',
    ),
    "fatal": (duckdb.FatalException, "FATAL Error: Transaction COMMIT succeeded and is durable, or not"),
}
DUCKDB_KINDS = {"conflict": Kind.RETRY, "fatal": Kind.FATAL}
DUCKDB = tuple(Fault(name, DUCKDB_KINDS.get(name, Kind.REFUSED)) for name in DUCKDB_ERRORS)
INVALID = "FATAL Error: Failed: database has been invalidated because of a previous fatal error."


@dataclass
class Injector:
    """Watches statements, and lets some fail. `at` is a label and which of its statements, counted from 1."""

    plan: dict[tuple[str, int], Fault] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    _armed: tuple[str, Fault] | None = None
    _dead: list[Any] = field(default_factory=list)

    def __call__(self, when: str, label: str, sql: str) -> None:
        """Called around every statement."""
        if when != "before":
            return
        self.labels.append(label)
        count = self.labels.count(label)
        for (wanted, first), fault in self.plan.items():
            if label == wanted and (count == first or (fault.every and count > first)):
                self._armed = (sql, fault)

    def due(self, sql: str) -> Fault | None:
        """The fault for this statement, if it is the one that was announced."""
        if self._armed is None or self._armed[0] != sql:
            return None
        fault, self._armed = self._armed[1], None
        self.struck.append(f"{self.labels[-1]} {fault}")
        return fault

    def postgres(self, real: Run, warehouse: Postgres, sql: str) -> tuple[Result, ...]:
        """In the place of `Postgres._run`."""
        fault = self.due(sql)
        if fault is None:
            return real(warehouse, sql)
        if fault.done:
            real(warehouse, sql)
        try:
            return real(warehouse, f"do $$ begin raise exception 'injected' using errcode = '{fault.code}'; end $$")
        finally:
            if fault.kind is Kind.LOST:
                warehouse._driver.close()

    def duckdb(self, real: Run, warehouse: DuckDB, sql: str) -> tuple[Result, ...]:
        """In the place of `DuckDB._run`. After a fatal error no connection works that was open then."""
        if any(warehouse._connection is dead for dead in self._dead):
            raise duckdb.FatalException(INVALID)
        fault = self.due(sql)
        if fault is None:
            return real(warehouse, sql)
        if fault.done:
            real(warehouse, sql)
        with suppress(duckdb.Error):
            real(warehouse, "select error('injected')")
        if fault.kind is Kind.FATAL:
            self._dead.append(warehouse._connection)
            if not fault.done:  # what was not committed is gone: the file is opened anew
                with suppress(duckdb.Error):
                    real(warehouse, "rollback")
        error, text = DUCKDB_ERRORS[fault.code]
        raise error(text)


@contextmanager
def installed(injector: Injector) -> Iterator[None]:
    """The injector is in the way of all statements of this process."""
    real: dict[type[Warehouse], Run] = {Postgres: Postgres._run, DuckDB: DuckDB._run}

    def postgres(warehouse: Postgres, sql: str) -> tuple[Result, ...]:
        return injector.postgres(real[Postgres], warehouse, sql)

    def duck(warehouse: DuckDB, sql: str) -> tuple[Result, ...]:
        return injector.duckdb(real[DuckDB], warehouse, sql)

    with patch.object(Postgres, "_run", postgres), patch.object(DuckDB, "_run", duck):
        yield
