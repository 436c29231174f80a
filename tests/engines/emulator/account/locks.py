"""Locks of tables, each held to the end of its transaction: waiting, LOCK_TIMEOUT and deadlocks."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.engines.emulator.errors import Refused
from tests.engines.emulator.names import Key

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.query import Query
    from tests.engines.emulator.sessions.session import Session


@dataclass
class Lock:
    """Who holds a table, and by which statement."""

    session: Session
    query: str


class Locks:
    """Which tables are locked, and who waits for which."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.held: dict[Key, Lock] = {}
        self.waiting: dict[Session, Key] = {}

    def acquire(self, session: Session, key: Key, query: Query) -> None:
        """The table's lock for the session, which waits for it as long as its LOCK_TIMEOUT says."""
        limit = int(session.parameter("LOCK_TIMEOUT") or 0)
        until = time.monotonic() + limit
        with self.changed:
            while True:
                query.watched()
                lock = self.held.get(key)
                if lock is None or lock.session is session:
                    self.held.setdefault(key, Lock(session, query.id))
                    return
                left = until - time.monotonic()
                self.waiting[session] = key
                try:
                    if left <= 0:
                        raise refusal(lock, key, query, f"the lock timeout of {limit} seconds was exceeded")
                    if self._circle(session):
                        raise refusal(lock, key, query, "of a deadlock")
                    self.changed.wait(min(left, 1.0))
                finally:
                    self.waiting.pop(session, None)

    def _circle(self, session: Session) -> bool:
        seen = session
        for _ in range(len(self.waiting) + 1):
            lock = self.held.get(self.waiting.get(seen, ("", "", "")))
            if lock is None:
                return False
            seen = lock.session
            if seen is session:
                return True
        return False

    def release(self, session: Session) -> None:
        """All that the session holds."""
        with self.changed:
            held = [key for key, lock in self.held.items() if lock.session is session]
            for key in held:
                del self.held[key]
            if held:
                self.changed.notify_all()


def refusal(lock: Lock, key: Key, query: Query, why: str) -> Refused:
    """The error of who waits no longer."""
    holder = lock.session.transaction.number or lock.query
    return Refused(
        625,
        "57014",
        f"Statement '{lock.query}' has locked table '{key[2]}' in transaction {holder}"
        f" and this lock has not yet been released.\nYour statement '{query.id}' was aborted because {why}.",
    )
