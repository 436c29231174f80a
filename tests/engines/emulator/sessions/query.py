"""One statement that a client sent, from its arrival to its answer."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from fakesnow.converter import from_binding

from tests.engines.emulator.errors import Refused, cancelled

if TYPE_CHECKING:
    from tests.engines.emulator.names import Key
    from tests.engines.emulator.sessions.session import Session


class Query:
    """A statement: what became of it, and whether somebody wants it to stop."""

    def __init__(self, session: Session, sql: str, body: dict[str, Any]) -> None:
        self.id = str(uuid.uuid4())
        self.session, self.sql, self.body = session, sql, body
        self.cancelled = False
        self.settled = threading.Event()  # DuckDB works for it no more, so that an interrupt would hit another
        self.started = time.time()
        self.status = "RUNNING"
        self.error: Refused | None = None
        self.future: Any = None
        self.tables: list[Key] = []  # that it reads

    def cancel(self) -> None:
        """Stop it; an interrupt between two statements of DuckDB is lost, so it is said again."""
        self.cancelled = True
        locks = self.session.account.locks
        with locks.changed:
            locks.changed.notify_all()
        threading.Thread(target=self._interrupt, daemon=True).start()

    def _interrupt(self) -> None:
        while not self.settled.is_set():
            if self.session.current is self:
                self.session.duck.interrupt()
            self.settled.wait(0.02)

    def watched(self) -> None:
        """Raises where it was cancelled."""
        if self.cancelled:
            raise cancelled()


def bindings(given: dict[str, Any] | None) -> tuple[Any, list[Any] | None]:
    """(the values of one statement, or the rows of many)."""
    if not given:
        return None, None
    if not all(name.isdigit() for name in given):
        return {name: from_binding(value) for name, value in given.items()}, None
    ordered = [given[str(place)] for place in range(1, len(given) + 1)]
    if any(isinstance(value["value"], list) for value in ordered):
        columns = [[one_binding({**value, "value": item}) for item in value["value"]] for value in ordered]
        return None, [list(row) for row in zip(*columns, strict=True)]
    return [one_binding(value) for value in ordered], None


def one_binding(value: dict[str, Any]) -> Any:
    return None if value["value"] is None else from_binding(value)
