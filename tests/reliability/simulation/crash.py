"""A crash before or after any statement of a run, and what must be true then.

The warehouse is prepared once and copied for every crash. A crash is an exception out of the runner's seam
(`Warehouse.watch`), and the process is dead from then on: every later statement fails too. After it the warehouse holds
what it held before the run or what it has to hold after a publish, nothing else; and the next run, with or without
another change upstream before it, gets everything right.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.engines import postgres
from tests.engines.db import duckdb_path
from tests.kit.arena import FOLDER, on_duckdb
from tests.kit.tally import Tally
from tests.oracles.play import Difference, Play, Request
from tests.oracles.playbooks import Design
from tests.oracles.schedules import Schedule
from tests.oracles.world import Op

Copy = Callable[[str, Path], AbstractContextManager[str]]  # URL of a warehouse, a folder → the URL of its copy

RERUN = Op("run", 0)
AGAIN = 8  # after every so many crashes the rerun is repeated, which must change nothing
BETWEEN = (None, Op("grow", 5), None, Op("shrink", 6))  # what upstream does between the crash and the next run
PATIENT = ("--wait", "20")  # a server may take a moment to see that a session is gone
_numbers = itertools.count(1)


class Crash(Exception):
    """The process died here."""


@dataclass
class Killer:
    """Watches statements: `point` 2n dies before the n-th, 2n + 1 after it; -1 only writes down what comes by."""

    point: int = -1
    seen: list[str] = field(default_factory=list)

    def __call__(self, when: str, label: str, sql: str) -> None:
        """Called around every statement."""
        self.seen.append(f"{when} {label}")
        if 0 <= self.point < len(self.seen):
            raise Crash(self.seen[self.point])


def _schedule(name: int, models: str, design: Design, ops: str, optional: str = "") -> Schedule:
    """A schedule by hand: `kind:seed` for each operation; the last one is the run that crashes."""
    listed = tuple(Op(kind, int(seed)) for kind, seed in (text.split(":") for text in ops.split()))
    return Schedule(name, design, tuple(models.split()), tuple(optional.split()), listed)


SCHEDULES = {
    "first run": _schedule(1, "sessions users", Design(dedupe=True), "new_batches:1 null_batch:2 run:3"),
    "changed batches, models on models, merge": _schedule(
        2,
        "sessions users session_marks",
        Design(dedupe=True, order_by=("collector_tstamp",)),
        "new_batches:1 run:2 new_batch:3 grow:4 shrink:5 move:6 null_batch:7 run:8",
    ),
    "vanished, rewound, fingerprint": _schedule(
        3,
        "page_views user_events",
        Design(hourly=True, fingerprint=True),
        "new_batches:1 new_batch:9 run:2 rewind:3 vanish:4 exchange:5 run:6",
    ),
    "changed and new models": _schedule(
        4,
        "sessions totals",
        Design(),
        "new_batches:1 run:2 change:3 toggle:4 new_batch:5 run:6",
        "session_titles",
    ),
    "chunks": _schedule(
        5,
        "user_marks page_totals",
        Design(),
        "new_batch:1 run:2 older_batch:3 new_batch:4 run_chunk:8",
    ),
    "some models only": _schedule(
        6, "sessions users daily", Design(), "new_batches:1 run_model:2 new_batch:3 move:4 run_model:5"
    ),
}
ORDINARY = ("changed batches, models on models, merge", "changed and new models")


@contextmanager
def copy_of_file(url: str, folder: Path) -> Iterator[str]:
    """A copy of a DuckDB file that nobody has open."""
    path = folder / "copy.duckdb"
    shutil.copy(duckdb_path(url), path)
    yield f"duckdb:///{path}"
    path.unlink()
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def copy_of_database(server: postgres.Server) -> Copy:
    """A copy of a Postgres database that nobody has open."""

    def copy(url: str, folder: Path) -> AbstractContextManager[str]:
        template = url.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
        return postgres.database(server, f"crash_{os.getpid()}_{next(_numbers)}", template)

    return copy


@dataclass
class Crashes:
    """A schedule played up to its last run, ready to be copied."""

    schedule: Schedule
    url: str
    folder: Path
    copy: Copy
    base: Play = field(init=False)

    def __post_init__(self) -> None:
        *before, self.target = self.schedule.ops
        self.base = Play(self.schedule, self.url, self.folder / "base")
        self.base.start()
        self.base.play(before)
        self.base.world.reveal(self.base.processed, self.base.db)
        self.base.close()

    @contextmanager
    def fork(self) -> Iterator[Play]:
        """The state before the run, on a warehouse of its own."""
        with self.copy(self.url, self.folder) as url:
            play = self.base.fork(url, self.folder / "copy")
            play.patience = PATIENT
            try:
                yield play
            finally:
                play.close()

    def points(self) -> list[str]:
        """Every point at which the run can crash, from a run that does not."""
        killer = Killer()
        with self.fork() as play:
            play.watch = killer
            play.command("run", *play.request(self.target).args)
        return killer.seen

    def crash(self, point: int) -> None:
        """Crash at one point; raises Difference if anything is wrong then or after the next run."""
        killer = Killer(point)
        with self.fork() as play:
            request = play.request(self.target)
            play.again = lambda op: point % AGAIN == 0
            play.watch = killer
            with suppress(Crash):
                play.command("run", *request.args, *PATIENT)
            play.watch = None
            try:
                self.old_or_new(play, request)
                between = BETWEEN[point // 2 % len(BETWEEN)]
                play.play([between, RERUN] if between else [RERUN])
            except Difference as error:
                where = f"crash {killer.seen[point]!r} of {self.target} in {self.schedule}"
                raise Difference(f"{where}: {error}") from error

    @staticmethod
    def old_or_new(play: Play, request: Request) -> None:
        """The state before the run, or that after a publish of it."""
        try:
            play.check()
        except Difference:
            play.settle(request, play.listed())
            play.check()


def tally(engine: str, name: str, url: str, folder: Path, copy: Copy) -> Tally:
    """Check 1, exhaustive: every point of a schedule."""
    what = "a crash at every statement"
    done = Tally(1, what, engine, size=1)
    crashes = Crashes(SCHEDULES[name], url, folder, copy)
    for point in range(len(crashes.points())):
        try:
            crashes.crash(point)
            done += Tally(1, what, engine, faults=1)
        except Difference as error:
            done += Tally(1, what, engine, faults=1, divergences=1, notes=(str(error),))
    return done


def soak(size: int, seed: int) -> list[Tally]:
    """So many of the schedules on both engines; the seed says with which to begin."""
    done = []
    with postgres.server() as server:
        for number in range(seed, seed + size):
            name = list(SCHEDULES)[number % len(SCHEDULES)]
            with TemporaryDirectory(prefix="runner_crash_", dir=FOLDER) as folder, on_duckdb(Path(folder)) as url:
                done.append(tally("duckdb", name, url, Path(folder), copy_of_file))
            made = postgres.database(server, f"soak_{os.getpid()}_{next(_numbers)}")
            with TemporaryDirectory(prefix="runner_crash_", dir=FOLDER) as folder, made as url:
                done.append(tally("postgres", name, url, Path(folder), copy_of_database(server)))
    return done
