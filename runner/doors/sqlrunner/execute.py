"""Run ready steps: targets at once, the steps of a target one after the other, the queries of a step at once.

A failed query ends its target: its siblings finish, later steps are skipped and listed; other targets go on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.clock import Clock
from runner.doors.sqlrunner.files.queries import ReadyQuery, ReadyStep
from runner.doors.sqlrunner.pool import Pool
from runner.errors import RunnerError
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Result, WarehouseError

STOP_S = 3.0  # so long cancelled queries may take to end


@dataclass(frozen=True)
class Aim:
    """A target that can be used: its name, how messages call its place, and the call that opens a session."""

    name: str
    address: str
    connect: Callable[[], Warehouse]


@dataclass(frozen=True)
class At:
    """Which query of which step runs where."""

    target: str
    step: str
    query: ReadyQuery

    def __str__(self) -> str:
        return f"{self.query.name} (step {self.step} @ target {self.target})"


@dataclass(frozen=True)
class Outcome:
    """How a query ended: rows of its last statement (-1: it does not say), or its error. `skipped`: it did not run."""

    at: At
    rows: int = 0
    duration_s: float = 0
    error: str | None = None
    line: int = 0  # of the SQL that was sent, where the error is; 0: unknown
    skipped: bool = False


@dataclass(frozen=True)
class TargetStatus:
    """What became of a target: why it could not be used, or the outcome of each query."""

    name: str
    errors: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


class Telling(Protocol):
    """Who is told of a run while it goes on; one call at a time."""

    def executing(self, at: At) -> None: ...

    def output(self, at: At, results: Sequence[Result]) -> None: ...

    def pinged(self, aim: Aim, error: str | None) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


@dataclass(frozen=True)
class Terms:
    """How to run: `threads` queries of a target at once, `dry`: connect, run nothing; `show`: hand results over."""

    threads: int
    dry: bool = False
    show: bool = False


def execute(
    aims: Sequence[Aim],
    steps: Sequence[ReadyStep],
    terms: Terms,
    clock: Clock,
    telling: Telling,
) -> tuple[TargetStatus, ...]:
    """Run the steps on every target. Their statuses come in the order of `aims`."""
    lock = threading.Lock()
    runs = [_TargetRun(aim, terms, clock, telling, lock) for aim in aims]
    threads = [threading.Thread(target=run.work, args=(steps,), daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():  # in short waits, so that a signal is heard
                thread.join(0.1)
    except BaseException:
        for run in runs:
            run.stop()
        for thread in threads:
            thread.join(STOP_S / len(threads))
        raise
    finally:
        for run in runs:
            run.pool.close()
    return tuple(run.status() for run in runs)


class _TargetRun:
    """One target's run, in a thread of its own."""

    def __init__(self, aim: Aim, terms: Terms, clock: Clock, telling: Telling, lock: threading.Lock) -> None:
        self.aim, self.pool = aim, Pool(aim.connect)
        self._terms, self._clock, self._telling, self._lock = terms, clock, telling, lock
        self._outcomes: list[Outcome] = []
        self._broken: BaseException | None = None
        self._stopped = threading.Event()

    def status(self) -> TargetStatus:
        if self._broken is not None:
            raise self._broken
        return TargetStatus(self.aim.name, (), tuple(self._outcomes))

    def stop(self) -> None:
        """After a signal: nothing new begins, and what runs is cancelled at the server."""
        self._stopped.set()
        self.pool.cancel()

    def work(self, steps: Sequence[ReadyStep]) -> None:
        try:
            if self._terms.dry:
                self._ping()
            failed = False
            for step in steps:
                ats = [At(self.aim.name, step.name, query) for query in step.queries]
                if failed:
                    for at in ats:
                        self._end(Outcome(at, skipped=True))
                else:
                    failed = self._step(ats) or self._broken is not None
        except BaseException as error:
            self._broken = error

    def _ping(self) -> None:
        error = None
        try:
            with self.pool.session():
                pass
        except RunnerError as wrong:
            error = wrong.what
        with self._lock:
            self._telling.pinged(self.aim, error)

    def _step(self, ats: Sequence[At]) -> bool:
        """True if a query failed."""
        before, waiting = len(self._outcomes), deque(ats)
        if len(ats) == 1:
            self._queries(waiting)
        else:
            count = min(len(ats), self._terms.threads)
            workers = [threading.Thread(target=self._queries, args=(waiting,), daemon=True) for _ in range(count)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        return any(outcome.error is not None for outcome in self._outcomes[before:])

    def _queries(self, waiting: deque[At]) -> None:
        """Those that nobody else has taken, in their order."""
        try:
            while (at := self._next(waiting)) is not None:
                self._tried(at)
        except BaseException as error:
            self._broken = error

    def _next(self, waiting: deque[At]) -> At | None:
        with self._lock:
            return waiting.popleft() if waiting and not self._stopped.is_set() else None

    def _tried(self, at: At) -> None:
        with self._lock:
            self._telling.executing(at)
        started = self._clock.monotonic()
        try:
            rows = self._sent(at)
        except RunnerError as error:
            line = error.line if isinstance(error, WarehouseError) else 0
            self._end(Outcome(at, 0, self._clock.monotonic() - started, error.what, line))
        else:
            self._end(Outcome(at, rows, self._clock.monotonic() - started))

    def _sent(self, at: At) -> int:
        with self.pool.session() as warehouse:
            if self._terms.dry or not at.query.text.strip():
                return 0
            results = warehouse.script(f"query:{at.step}:{at.query.name}", at.query.text)
            if warehouse.leaves_open(at.query.text):
                warehouse.roll_back()
                raise RunnerError(
                    "the file ends within a transaction that it began: its work was rolled back (end it with COMMIT)"
                )
        if self._terms.show:
            with self._lock:
                self._telling.output(at, results)
        return results[-1].row_count if results else 0

    def _end(self, outcome: Outcome) -> None:
        with self._lock:
            self._outcomes.append(outcome)
            self._telling.ended(outcome)
