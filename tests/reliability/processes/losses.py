"""Postgres goes away under a run: its sessions are terminated, or the whole server crashes.

Exit 0 only if the run is published, 3 if another one was, 5 if nothing was, 10 with the run id if the server stays
away and nobody can know.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import add
from random import Random

from tests.engines import postgres
from tests.kit import driver
from tests.kit.processes import Ended
from tests.kit.tally import Tally
from tests.reliability.processes.trials import (
    Act,
    Bench,
    Trial,
    bench_on_postgres,
    progress,
    schedule,
    strided,
    terminate,
)

FULL = 200  # runs that lose their sessions
FULL_CRASHES = 20
CODES = {0, 3, 5, 10}
INSTANTS = 5  # one termination in so many is at a random instant of a real process
A_SCHEDULE = 15  # at least so many faults on each state that is prepared
AWAY = 3  # one crash in so many leaves the server away


class Strike:
    """Watches statements, and does something right before the seam's event `point`, once."""

    def __init__(self, point: int, does: Callable[[], object]) -> None:
        self.point, self.does, self.count = point, does, 0

    def __call__(self, when: str, label: str, sql: str) -> None:
        """Called around every statement."""
        here, self.count = self.count == self.point, self.count + 1
        if here:
            self.does()


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """These variables for a command in this process."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def terminate_at(url: str, point: int, times: int = 1) -> Act:
    """All sessions of the run are ended right before an event, and before the next one too if `times` is 2."""

    def act(trial: Trial) -> driver.Outcome:
        strikes = [Strike(point + n, lambda: terminate(url, trial.run_id)) for n in range(times)]

        def watch(when: str, label: str, sql: str) -> None:
            for strike in strikes:
                strike(when, label, sql)

        return driver.command(*trial.args, watch=watch)

    return act


def terminate_after(url: str, seconds: float) -> Act:
    """All sessions of the run as a process are ended some time after they are first seen."""

    def act(trial: Trial) -> Ended:
        with trial.process() as process:
            process.until_started()
            process.ended.wait(seconds)
            terminate(url, trial.run_id)
            return process.wait()

    return act


def terminations(server: postgres.Server, size: int, seed: int) -> Tally:
    """Check 5: `size` runs that lose their sessions."""
    rng = Random(seed)
    total = empty = Tally(5, "pg_terminate_backend", "postgres", seeds=str(seed))
    count = max(1, size // A_SCHEDULE)
    for number in range(count):
        with bench_on_postgres(server, schedule(seed + number), empty) as bench:
            share = size * (number + 1) // count - size * number // count
            total = reduce(add, _terminations(bench, server.url, share, rng), total)
        progress(total, size)
    return total


def _terminations(bench: Bench, url: str, size: int, rng: Random) -> Iterator[Tally]:
    points = bench.points()
    chosen = strided(len(points), size - size // INSTANTS, rng)
    for place in chosen:
        times = rng.choice((1, 1, 2))
        yield bench.trial(f"terminate {times}x {points[place]!r}", terminate_at(url, place, times), CODES)
    for _ in range(size - len(chosen)):
        seconds = rng.uniform(0, 0.5)
        yield bench.trial(f"terminate after {seconds:.3f} s", terminate_after(url, seconds), CODES)


def crash_at(own: postgres.Local, point: int, *, away: bool) -> Act:
    """The server crashes right before an event, and is back at once, or only after the run has given up."""

    def act(trial: Trial) -> driver.Outcome:
        def crash() -> None:
            own.crash()
            if not away:
                own.start()

        with environment(RUNNER_CONNECT_S="1" if away else "30"):
            outcome = driver.command(*trial.args, watch=Strike(point, crash))
        if own.process is None:
            own.start()
        return outcome

    return act


def crashes(size: int, seed: int) -> Tally:
    """Check 5: `size` crashes of a server of our own."""
    folder = postgres.binaries()
    if folder is None:
        raise postgres.NoPostgres("no binaries of a server that may be crashed")
    rng = Random(seed)
    total = empty = Tally(5, "server crash", "postgres", seeds=str(seed))
    with postgres.local(folder, lasting=True) as own, bench_on_postgres(own.server, schedule(seed), empty) as bench:
        points = bench.points()
        late = [points.index("before publish:commit")]  # where it matters most
        for number, place in enumerate(late + strided(len(points), size - 1, rng)):
            away = number % AWAY == 0
            what = f"server crash {points[place]!r}{', away' if away else ''}"
            total += bench.trial(what, crash_at(own, place, away=away), CODES)
    progress(total, size)
    return total


def soak(size: int = FULL, seed: int = 1) -> list[Tally]:
    """Check 5: `size` runs that lose their sessions."""
    with postgres.server() as server:
        return [terminations(server, size, seed)]


def soak_crashes(size: int = FULL_CRASHES, seed: int = 1) -> list[Tally]:
    """Check 5: `size` crashes of the server."""
    return [crashes(size, seed)]
