"""A warehouse in a little space, and the runs that find no room in it (check 12)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any
from unittest.mock import patch

import duckdb

from runner.warehouse import duckdb as duckdb_module
from runner.warehouse.base import Warehouse
from runner.warehouse.duckdb import DuckDB
from runner.warehouse.postgres import Postgres
from runner.warehouse.values import Trouble
from tests.engines.db import Db, duckdb_path
from tests.kit import driver
from tests.kit.project import Project
from tests.kit.tally import Tally
from tests.oracles.play import Difference, Play, Request
from tests.oracles.schedules import Schedule
from tests.reliability.faults.aftermath import leftovers, parts_published, settled
from tests.reliability.faults.prepared import Prepared
from tests.reliability.faults.space import Space
from tests.reliability.simulation.crash import RERUN

CHECK, TITLE = 12, "disk full, memory limit"
MANY = """insert into atomic.events
    select 'e' || range, 's' || range * 7919 % 60000, 'u' || range % 20000, timestamp '2024-03-01' + to_seconds(range),
        timestamp '2024-03-01' + to_hours(cast(range % 5 as integer)), '/p' || md5(cast(range as varchar)), 1
    from range(120000)"""
FULL = re.compile(r"No space left|File too large|Out of Memory|out of memory|[Ff]ailed to (allocate|offload)")


@dataclass(frozen=True)
class Round:
    """The space is filled before a statement ('': the first one), all but `leave` bytes."""

    seed: int
    schedule: Schedule
    when: str
    leave: int
    threshold: str

    def __str__(self) -> str:
        when = self.when or "the first statement"
        return f"seed {self.seed}: {self.leave} bytes left at {when}, checkpoint at {self.threshold}, schedule {self.schedule.seed}"


@contextmanager
def noticed(errors: list[str]) -> Iterator[None]:
    """Write down which errors the drivers give for want of room."""
    real: dict[type[Warehouse], Callable[[Any, Exception], Trouble]] = {
        DuckDB: DuckDB._trouble,
        Postgres: Postgres._trouble,
    }

    def noted(warehouse: Warehouse, error: Exception) -> Trouble:
        if FULL.search(str(error)):
            errors.append(type(error).__name__)
        return real[type(warehouse)](warehouse, error)

    with patch.object(DuckDB, "_trouble", noted), patch.object(Postgres, "_trouble", noted):
        yield


@contextmanager
def checkpoint_at(threshold: str) -> Iterator[None]:
    """Every DuckDB file that the runner opens has this setting; it has no way of its own to ask for it."""
    real = duckdb_module._open

    def opened(*args: Any) -> Any:
        connection = real(*args)
        connection.execute(f"set checkpoint_threshold = '{threshold}'; set threads = 1")
        return connection

    with patch.object(duckdb_module, "_open", opened):
        yield


class Filler:
    """Watches statements, and fills the space before one."""

    def __init__(self, space: Space, before: str, leave: int) -> None:
        self._space, self._leave = space, leave
        self._before: str | None = before

    def __call__(self, when: str, label: str, sql: str) -> None:
        """Called around every statement."""
        if when == "before" and self._before in ("", label):
            self._before = None
            self._space.fill(self._leave)


def runs_of(path: str, run_id: str) -> int:
    """How many publishes of a run a new look into the file finds, without writing to it."""
    with closing(duckdb.connect(path, read_only=True)) as look:
        known = look.execute(
            "select 1 from duckdb_tables() where schema_name = 'runner' and table_name = 'runs'"
        ).fetchall()
        mine = f"run_id = '{run_id}' and status = 'published'"
        return len(look.execute(f"select 1 from runner.runs where {mine}").fetchall()) if known else 0


def untruths(ended: driver.Outcome, published: int, seen_full: int) -> list[str]:
    """What the exit code and the message say wrong."""
    found = []
    if ended.code not in (0, 6):
        found.append(f"exit {ended.code}, expected 0 or 6")
    if (ended.code == 0) != bool(published):
        found.append(f"exit {ended.code}, and {published} runs are published")
    if published != seen_full:
        found.append(f"{seen_full} runs were there while the disk was full, {published} are now")
    if ended.code and "nothing was published" not in ended.text:
        found.append("does not say that nothing was published")
    if ended.code and not FULL.search(ended.text):
        found.append("does not say that the room was too little")
    return found


class Filled:
    """Plays rounds in one space and writes down what they did."""

    def __init__(self, prepared: Prepared, space: Space, seeds: str) -> None:
        self.prepared, self.space = prepared, space
        self.tally = Tally(CHECK, TITLE, prepared.engine, seeds=seeds)
        self.failed: Counter[str] = Counter()  # the statements that found no room, with the driver's error

    def play(self, round_: Round) -> None:
        """One round: the failure, the truth about it, the next run with room."""
        wrong: list[str] = []
        errors: list[str] = []
        diverged, ended = 0, driver.Outcome(0, "")
        run_id = f"full-{round_.seed}"
        with self.prepared.fork(round_.schedule) as (play, request):
            try:
                with noticed(errors):
                    ended, seen_full = self._fail(play, request, round_, run_id)
                published = parts_published(play, run_id)
                wrong = untruths(ended, published, seen_full) + leftovers(play)
                settled(play, request, published)
                play.play([RERUN])
            except Difference as error:
                diverged = 1
                wrong.append(str(error))
            finally:
                self.space.free()
        self.note(str(round_), ended, errors, wrong, diverged)

    def _fail(self, play: Play, request: Request, round_: Round, run_id: str) -> tuple[driver.Outcome, int]:
        """How the run ended, and how many publishes of it were there before there was room again."""
        args = (*request.args, "--run-id", run_id)
        try:
            play.watch = Filler(self.space, round_.when, round_.leave)
            if play.db.engine == "postgres":
                return play.command("run", *args), parts_published(play, run_id)
            play.db.close()  # a connection of ours would keep the database open that the runner may have to open anew
            with checkpoint_at(round_.threshold):
                return play.command("run", *args), runs_of(duckdb_path(play.url), run_id)
        finally:
            play.watch = None
            self.space.free()
            if play.db.engine == "duckdb":
                play.db = Db(play.url)

    def pinch(self, seed: int) -> None:
        """A run over many events with little memory, and little room for what it spills."""
        rng = Random(seed)
        memory, leave = rng.choice(("2MB", "6MB", "9MB", "12MB", "20MB")), rng.randrange(1 << 20, 8 << 20)
        errors: list[str] = []
        wrong: list[str] = []
        with closing(
            Project(f"duckdb:///{self.space.folder / 'big.duckdb'}", self.space.folder / "project")
        ) as project:
            project.standard("sessions", "users", "totals")
            project.db.execute(f"set threads = 1; {MANY}")
            path = project.write()
            project.close()
            self.space.fill(leave)
            options = f"memory_limit={memory}&temp_directory={self.space.folder}/spill&threads=1"
            with noticed(errors):
                ended = driver.command("run", str(path), "--run-id", "pinched", "--target", f"{project.url}?{options}")
            seen_full = runs_of(duckdb_path(project.url), "pinched")
            self.space.free()
            published = len(project.manifest()) if project.db.has_table("runner.manifest") else 0
            wrong = untruths(ended, int(published == 5), seen_full)
            wrong += ["the manifest has a part of the batches"] if published not in (0, 5) else []
            diverged = 0
            try:
                project.run()
                project.check()
            except AssertionError as error:
                diverged = 1
                wrong.append(str(error))
        self.space.clear()
        self.note(f"seed {seed}: memory_limit {memory}, {leave} bytes for spilling", ended, errors, wrong, diverged)

    def note(self, what: str, ended: driver.Outcome, errors: list[str], wrong: list[str], diverged: int) -> None:
        """Add a round to the tally."""
        if errors:
            hit = re.search(r": (\w+:\S+?): ", ended.text)
            self.failed[f"{hit[1] if hit else 'resolved'} {errors[0]}"] += 1
        self.tally += Tally(
            CHECK, TITLE, self.prepared.engine, 1, int(bool(errors)), diverged, len(wrong) - diverged,
            int("Traceback" in ended.text or "internal error" in ended.text),
            notes=tuple(f"{what}: {one}\n{ended.text}" for one in wrong),
        )  # fmt: skip
