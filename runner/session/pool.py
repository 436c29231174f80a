"""Scripts run at once: sessions that they take in turn, siblings that finish, a signal that ends them all."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from runner.warehouse.base import Warehouse
from runner.warehouse.values import Result, Trouble, WarehouseError

T = TypeVar("T")
STOP_S = 3.0  # so long cancelled scripts may take to end


def send(warehouse: Warehouse, label: str, text: str) -> tuple[Result, ...]:
    """Run a script whole. Raises WarehouseError, also if it ends within a transaction that it began, which is undone."""
    results = warehouse.script(label, text) if text.strip() else ()
    if warehouse.leaves_open(text):
        warehouse.roll_back()
        what = "the script ends within a transaction that it began: its work was rolled back; end it with COMMIT"
        raise WarehouseError(label, what, Trouble.REFUSED)
    return results


class Pool:
    """Sessions of one warehouse, opened when they are needed and kept until the pool is closed.

    A script takes the one that was opened first, if it is free: so what a lone script leaves in its session (temporary
    tables, settings) is there for the next lone one. Scripts that run at once have sessions of their own besides.
    """

    def __init__(self, connect: Callable[[], Warehouse]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._all: list[Warehouse] = []
        self._idle: list[Warehouse] = []

    @contextmanager
    def session(self) -> Iterator[Warehouse]:
        """A session for one script; one whose script failed is not used again. Raises CannotConnect."""
        warehouse = self._free() or self._opened()
        yield warehouse
        with self._lock:
            self._idle.append(warehouse)

    def _free(self) -> Warehouse | None:
        with self._lock:
            found = next((warehouse for warehouse in self._all if warehouse in self._idle), None)
            if found is not None:
                self._idle.remove(found)
            return found

    def _opened(self) -> Warehouse:
        warehouse = self._connect()
        self._all.append(warehouse)
        return warehouse

    def cancel(self) -> None:
        """Stop what all sessions do; never raises."""
        for warehouse in tuple(self._all):
            warehouse.cancel()

    def close(self) -> None:
        """Close all sessions; never raises."""
        for warehouse in reversed(self._all):
            warehouse.close()


def at_once(items: Iterable[T], threads: int, do: Callable[[T], None], cancel: Callable[[], None]) -> None:
    """Call `do` with each item, in their order, on as many threads; all are tried, then the first error is raised.

    After a signal nothing new begins, and `cancel` stops what runs: what it still did would hold locks on what is
    dropped next.
    """
    waiting, errors, stopped = deque(items), list[BaseException](), threading.Event()

    def work() -> None:
        while not stopped.is_set():
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                do(item)
            except BaseException as error:
                errors.append(error)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(waiting)))]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            while worker.is_alive():  # in short waits, so that a signal is heard
                worker.join(0.1)
    except BaseException:
        stopped.set()
        cancel()
        for worker in workers:
            worker.join(STOP_S / len(workers))
        raise
    if errors:
        raise errors[0]
