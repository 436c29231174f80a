"""The open sessions of one target.

A query takes the first session if it is free, so that what a step of one query leaves in its session (temporary tables,
settings) is there for the next one; queries that run at once have sessions of their own besides.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.warehouse.base import Warehouse


class Pool:
    """Sessions that are opened when they are needed and kept until the end."""

    def __init__(self, connect: Callable[[], Warehouse]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._first: Warehouse | None = None
        self._idle: list[Warehouse] = []
        self._all: list[Warehouse] = []

    @contextmanager
    def session(self) -> Iterator[Warehouse]:
        """A session for one query; one whose query failed is not used again. Raises CannotConnect."""
        warehouse = self._taken()
        yield warehouse
        with self._lock:
            self._idle.append(warehouse)

    def _taken(self) -> Warehouse:
        with self._lock:
            if self._first in self._idle:
                self._idle.remove(self._first)
                return self._first
            if self._idle:
                return self._idle.pop()
            if self._first is None:  # one at a time: the others would fail the same way
                self._first = self._connect()
                self._all.append(self._first)
                return self._first
        opened = self._first.another()
        self._all.append(opened)
        return opened

    def cancel(self) -> None:
        """Stop what all sessions do; never raises."""
        for warehouse in tuple(self._all):
            warehouse.cancel()

    def close(self) -> None:
        """Close all sessions; never raises."""
        for warehouse in reversed(self._all):
            warehouse.close()
