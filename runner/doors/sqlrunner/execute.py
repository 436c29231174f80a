"""Run ready steps: targets at once, the steps of a target one after the other, the queries of a step at once.

A failed query ends its target: its siblings finish, later steps are skipped and listed; other targets go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.clock import Clock
from runner.doors.sqlrunner.files.queries import ReadyQuery, ReadyStep
from runner.doors.sqlrunner.flags import Options
from runner.errors import RunnerError
from runner.session.pool import Pool, at_once, send
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Result, WarehouseError


@dataclass(frozen=True)
class ReadyTarget:
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
    state: str = ""  # the error's SQLSTATE
    skipped: bool = False


@dataclass(frozen=True)
class TargetStatus:
    """What became of a target: why it could not be used, or the outcome of each query."""

    name: str
    errors: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


class Listener(Protocol):
    """Who is told of a run while it goes on; one call at a time."""

    def executing(self, at: At) -> None: ...

    def output(self, at: At, results: Sequence[Result]) -> None: ...

    def pinged(self, target: ReadyTarget, error: str | None) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


def execute(
    targets: Sequence[ReadyTarget], steps: Sequence[ReadyStep], options: Options, clock: Clock, listener: Listener
) -> tuple[TargetStatus, ...]:
    """Run the steps on every target. Their statuses come in the order of `targets`."""
    lock = threading.Lock()
    runs = [_TargetRun(target, options, clock, listener, lock) for target in targets]

    def stop() -> None:
        for run in runs:
            run.stop()

    try:
        at_once(runs, len(runs), lambda run: run.work(steps), stop)
    finally:
        for run in runs:
            run.pool.close()
    return tuple(run.status() for run in runs)


def _one_first(connect: Callable[[], Warehouse]) -> Callable[[], Warehouse]:
    """Opens the sessions of a target: the first one alone, since the others would fail the same way."""
    lock = threading.Lock()
    first: list[Warehouse] = []

    def opened() -> Warehouse:
        with lock:
            if not first:
                first.append(connect())
                return first[0]
        return first[0].another()

    return opened


class _TargetRun:
    """One target's run, in a thread of its own."""

    def __init__(
        self, target: ReadyTarget, options: Options, clock: Clock, listener: Listener, lock: threading.Lock
    ) -> None:
        self.target, self.pool = target, Pool(_one_first(target.connect))
        self._options, self._clock, self._listener, self._lock = options, clock, listener, lock
        self._outcomes: list[Outcome] = []
        self._stopped = threading.Event()

    def status(self) -> TargetStatus:
        return TargetStatus(self.target.name, (), tuple(self._outcomes))

    def stop(self) -> None:
        """After a signal: nothing new begins, and what runs is cancelled at the server."""
        self._stopped.set()
        self.pool.cancel()

    def work(self, steps: Sequence[ReadyStep]) -> None:
        if self._options.dry_run:
            self._ping()
        failed = False
        for step in steps:
            ats = [At(self.target.name, step.name, query) for query in step.queries]
            if failed:
                for at in ats:
                    self._end(Outcome(at, skipped=True))
            else:
                failed = self._step(ats)

    def _ping(self) -> None:
        error = None
        try:
            with self.pool.session():
                pass
        except RunnerError as wrong:
            error = wrong.what
        with self._lock:
            self._listener.pinged(self.target, error)

    def _step(self, ats: Sequence[At]) -> bool:
        """True if a query failed."""
        before = len(self._outcomes)
        at_once(ats, self._options.threads, self._tried, self.stop)
        return any(outcome.error is not None for outcome in self._outcomes[before:])

    def _tried(self, at: At) -> None:
        if self._stopped.is_set():
            return
        with self._lock:
            self._listener.executing(at)
        started = self._clock.monotonic()
        try:
            rows = self._sent(at)
        except RunnerError as error:
            line, state = (error.line, error.state) if isinstance(error, WarehouseError) else (0, "")
            self._end(Outcome(at, 0, self._clock.monotonic() - started, error.what, line, state))
        else:
            self._end(Outcome(at, rows, self._clock.monotonic() - started))

    def _sent(self, at: At) -> int:
        with self.pool.session() as warehouse:
            if self._options.dry_run:
                return 0
            results = send(warehouse, f"query:{at.step}:{at.query.name}", at.query.text)
        if self._options.show_query_output and results:
            with self._lock:
                self._listener.output(at, results)
        return results[-1].row_count if results else 0

    def _end(self, outcome: Outcome) -> None:
        with self._lock:
            self._outcomes.append(outcome)
            self._listener.ended(outcome)
