"""Where schedules are played: a new warehouse for each, and how many there are to play.

Environment: RUNNER_TEST_SCHEDULES (14/3: that many on DuckDB / on Postgres), RUNNER_TEST_SEED (1: the first seed, the
others follow it), RUNNER_TEST_SHRINK (0: show a failing schedule as it is).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.engines import postgres, redshift, snowflake
from tests.kit.tally import Tally
from tests.oracles.play import Difference, Play
from tests.oracles.schedules import RUNS, Schedule, make, shrink

Arena = Callable[[Path], AbstractContextManager[str]]  # a folder to work in → the URL of an empty warehouse there

# Makes a database of a server, under a name, and drops it at the end; gives its URL.
DATABASE: dict[str, Callable[[Any, str], AbstractContextManager[str]]] = {
    "postgres": postgres.database,
    "redshift": redshift.database,
    "snowflake": snowflake.database,
}
DEFAULT = "14/3"
MEMORY = Path("/dev/shm")
FOLDER = MEMORY if os.access(MEMORY, os.W_OK) else None  # where files cost no disk writes
SHRINK_RUNS = 200
_numbers = itertools.count(1)


def counts() -> dict[str, int]:
    """How many schedules are played on each engine."""
    duckdb, _, postgres_ = os.environ.get("RUNNER_TEST_SCHEDULES", DEFAULT).partition("/")
    return {"duckdb": int(duckdb), "postgres": int(postgres_ or 0)}


def first_seed() -> int:
    """The seed of the first schedule."""
    return int(os.environ.get("RUNNER_TEST_SEED", "1"))


@contextmanager
def on_duckdb(folder: Path) -> Iterator[str]:
    """A DuckDB file that does not exist yet."""
    yield f"duckdb:///{folder / 'warehouse.duckdb'}"


def on(engine: str, server: Any) -> Arena:
    """A database of a server that runs: Postgres, or the emulator of another engine."""
    return lambda folder: DATABASE[engine](server, f"schedule_{os.getpid()}_{next(_numbers)}")


def on_postgres(server: postgres.Server) -> Arena:
    """A database of this server."""
    return on("postgres", server)


@contextmanager
def on_emulators() -> Iterator[dict[str, Arena]]:
    """Redshift and Snowflake, each on a server of its own."""
    with postgres.server() as server, redshift.server(server) as shim, snowflake.server() as emulator:
        yield {"redshift": on("redshift", shim), "snowflake": on("snowflake", emulator)}


def every_nth(runs: int = 5) -> Callable[[object], bool]:
    """True on every fifth call: how often a run is repeated at once, to see that it changes nothing."""
    turn = itertools.count(1)
    return lambda op: next(turn) % runs == 0


def play(schedule: Schedule, arena: Arena, in_shell: bool = False, again: int = 5) -> Play:
    """Play a schedule on a warehouse of its own. Raises Difference."""
    with TemporaryDirectory(prefix="runner_play_", dir=FOLDER) as name, arena(Path(name)) as url:
        play = Play(schedule, url, Path(name, "playbook"), every_nth(again), in_shell)
        try:
            play.start()
            play.play(schedule.ops)
        finally:
            play.close()
        return play


def play_or_shrink(seed: int, arena: Arena, in_shell: bool = False, runs: int = RUNS) -> Play:
    """Play the schedule of a seed; if it fails, raise the Difference of the shortest schedule that fails too."""
    schedule = make(seed, runs)
    try:
        return play(schedule, arena, in_shell)
    except Difference as error:
        if os.environ.get("RUNNER_TEST_SHRINK", "1") == "0":
            raise
        first = error
    left = itertools.count(SHRINK_RUNS, -1)

    def fails(shorter: Schedule) -> bool:
        if next(left) <= 0:
            return False
        try:
            play(shorter, arena, in_shell, again=1)
        except Difference:
            return True
        return False

    shortest = shrink(schedule, fails)
    try:
        play(shortest, arena, in_shell, again=1)
    except Difference as error:
        raise Difference(f"shrunk from {len(schedule.ops)} operations: {error}") from first
    raise first


def tally(engine: str, arena: Arena, size: int, seed: int) -> Tally:
    """Check 0: plain schedules, one thing after the other."""
    done = Tally(0, "schedules", engine, seeds=f"{seed}-{seed + size - 1}")
    for one in range(seed, seed + size):
        try:
            play_or_shrink(one, arena)
            done += Tally(0, "schedules", engine, size=1)
        except Difference as error:
            done += Tally(0, "schedules", engine, size=1, divergences=1, notes=(f"seed {one}: {error}",))
    return done


def soak(size: int, seed: int) -> list[Tally]:
    """Ten times as many on DuckDB as on Postgres."""
    with postgres.server() as server:
        few = max(1, size // 10)
        return [tally("duckdb", on_duckdb, size, seed), tally("postgres", on_postgres(server), few, seed)]
