"""The command killed by SIGKILL: before chosen statements, and at any instant.

DuckDB loses nothing that was committed and keeps nothing that was not; Postgres ends the dead client's sessions, and
the next run takes its lease at once.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from functools import reduce
from operator import add
from random import Random

from tests.engines import postgres
from tests.kit.processes import Ended
from tests.kit.tally import Tally
from tests.reliability.processes.trials import (
    KILLED,
    Act,
    Bench,
    Outcome,
    Trial,
    benches,
    engine_name,
    progress,
    schedule,
    strided,
)

NAME = "SIGKILL of the command"
FULL = 20  # schedules on DuckDB, killed before every statement: some 1,500 kills
FULL_POSTGRES = 200  # kills
A_SCHEDULE = 12  # at least so many kills on each state that is prepared
INSTANTS = 6  # one kill in so many is at a random instant
TWICE = 5  # after one kill in so many its retry is killed too
COLD = 12  # one process in so many comes from the console script, and so does the next run after it


def kill_at(point: int, *, cold: bool = False) -> Act:
    """SIGKILL right before the seam's event `point`."""

    def act(trial: Trial) -> Ended:
        with trial.faulty(f"kill@{point}", cold=cold) as process:
            return process.wait()

    return act


def kill_twice(point: int, again: int) -> Act:
    """The same, and the retry under the same run id is killed too; at a point that is not reached it ends well."""

    def act(trial: Trial) -> Outcome:
        kill_at(point)(trial)
        return kill_at(again)(trial)

    return act


def kill_after(seconds: float) -> Act:
    """SIGKILL after a time."""

    def act(trial: Trial) -> Ended:
        with trial.process() as process:
            process.ended.wait(seconds)
            process.send(signal.SIGKILL)
            return process.wait()

    return act


def wall_s(bench: Bench) -> float:
    """How long the run takes as a process if nothing happens to it."""

    def act(trial: Trial) -> Ended:
        with trial.process() as process:
            return process.wait()

    began = time.monotonic()
    found = bench.trial("no fault", act, {0})
    assert not found.failed, found.notes
    return time.monotonic() - began


def at_statements(bench: Bench, size: int, rng: Random) -> Iterator[Tally]:
    """Kills before `size` statements of a run, or before all if it has not so many."""
    points = bench.points()
    for number, place in enumerate(strided(len(points) // 2, size, rng)):
        what = f"kill {points[2 * place]!r}"  # what is killed before a statement has done all that is before it
        if number % TWICE == TWICE - 1:
            again = 2 * rng.randrange(len(points) // 2)
            what += f", then {points[again]!r}"
            yield bench.trial(what, kill_twice(2 * place, again), {KILLED, 0})
            continue
        cold = number % COLD == 0
        yield bench.trial(what, kill_at(2 * place, cold=cold), {KILLED}, shell=cold)


def at_instants(bench: Bench, size: int, rng: Random) -> Iterator[Tally]:
    """Kills at `size` random instants."""
    limit = wall_s(bench)
    for _ in range(size):
        seconds = rng.uniform(0.1, 1.0) * limit
        yield bench.trial(f"kill after {seconds:.3f} s", kill_after(seconds), {KILLED, 0})


def kills(server: postgres.Server | None, size: int, seed: int) -> Tally:
    """`size` kills, over as many schedules as that is good for."""
    rng = Random(seed)
    total = empty = Tally(4 if server is None else 5, NAME, engine_name(server), seeds=str(seed))
    count = max(1, size // A_SCHEDULE)
    for number in range(count):
        with benches(server)(schedule(seed + number), empty) as bench:
            share = size * (number + 1) // count - size * number // count
            total = reduce(add, at_statements(bench, share - share // INSTANTS, rng), total)
            total = reduce(add, at_instants(bench, share // INSTANTS, rng), total)
        progress(total, size)
    return total


def soak(size: int = FULL, seed: int = 1) -> list[Tally]:
    """Check 4, DuckDB: every statement of `size` schedules, and a random instant for every sixth."""
    rng = Random(seed)
    total = empty = Tally(4, NAME, "duckdb", seeds=str(seed))
    for number in range(size):
        with benches(None)(schedule(seed + number), empty) as bench:
            statements = len(bench.points()) // 2
            total = reduce(add, at_statements(bench, statements, rng), total)
            total = reduce(add, at_instants(bench, statements // INSTANTS, rng), total)
        progress(total, total.size)
    return [total]


def soak_postgres(size: int = FULL_POSTGRES, seed: int = 1) -> list[Tally]:
    """Check 5: `size` kills."""
    with postgres.server() as server:
        return [kills(server, size, seed)]
