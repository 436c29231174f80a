"""A session's transaction: READ COMMITTED over DuckDB's snapshots, open after an error."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.session import Session


class Transaction:
    """What is open in a session, if anything is."""

    def __init__(self, session: Session) -> None:
        self.session, self.account, self.duck = session, session.account, session.duck
        self.number = ""  # of the open transaction
        self.open = False  # DuckDB's transaction, which begins with the first change
        self.aborted = False
        self.seen = 0  # of the commits, when DuckDB's transaction began
        self.log: list[tuple[str, Any, int]] = []
        self.touched: set[str] = set()  # databases

    def begin(self) -> None:
        self.number = str(time.time_ns())

    def begin_duck(self) -> None:
        """DuckDB's transaction, with the first change; it sees what is committed by now."""
        self.seen = self.account.commits[self.session.database]
        self.duck.execute("begin")
        self.open = True

    def commit(self) -> None:
        try:
            if self.open:
                self.duck.execute("commit")
        finally:
            touched = list(self.touched)
            self._closed()
            self.account.commits.update(touched)

    def rollback(self) -> None:
        try:
            if self.open:
                self.duck.execute("rollback")
        finally:
            self._closed()

    def _closed(self) -> None:
        if self.open:
            self.undo()  # of a commit that failed
        self.number, self.open, self.aborted = "", False, False
        self.log.clear()
        self.touched.clear()
        self.account.locks.release(self.session)

    def undo(self) -> None:
        """DuckDB's own transaction is rolled back, if there is one."""
        with contextlib.suppress(duckdb.Error):
            self.duck.execute("rollback")

    def fresh(self) -> None:
        """READ COMMITTED: what others committed since DuckDB's snapshot is seen by the next statement."""
        if self.open and self.seen != self.account.commits[self.session.database]:
            self.again()

    def again(self) -> None:
        """A new DuckDB transaction in the place of the old one, with the same changes."""
        self.duck.execute("rollback")
        self.begin_duck()
        for number, (sql, params, count) in enumerate(self.log):
            done = self.duck.execute(sql, params) if params else self.duck.execute(sql)
            (again,) = done.fetchone() or (0,)
            if isinstance(again, int) and again != count:
                # it read what another session changed meanwhile; the real one keeps the first
                self.account.divergent += 1
                self.log[number] = (sql, params, again)

    def after_error(self) -> None:
        """What is left of the transaction when a statement of it failed."""
        if not self.number:
            self.account.locks.release(self.session)
            self.undo()
        elif self.session.gone:
            self.rollback()
        elif self.session.truth("TRANSACTION_ABORT_ON_ERROR"):
            number = self.number
            self.rollback()
            self.number, self.aborted = number, True
        elif self.open:
            self.again()
