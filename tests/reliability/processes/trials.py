"""A run that something happens to, on a copy of a prepared warehouse, and what must be true then.

Whatever happened: the tables hold the old state or the new one, the exit code and the message say which, and the next
run gets everything right. What happens is an `Act`: it starts the command (in this process or as one of its own), does
what it does to it, and gives back how it ended.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Protocol

import psycopg

from tests.engines import postgres
from tests.engines.db import Db
from tests.kit.arena import FOLDER, on_duckdb
from tests.kit.processes import Process, until
from tests.kit.tally import Tally
from tests.oracles.play import Difference, Play, Request
from tests.oracles.playbooks import write_playbook
from tests.oracles.schedules import Schedule, make
from tests.oracles.world import Op
from tests.reliability.simulation.crash import PATIENT, RERUN, SCHEDULES, Copy, Crashes, copy_of_file

KILLED = 137
GONE_S = 20.0  # a server may need a moment to see that a client is dead
TIDY_S = 1.0
MANY = 20  # different schedules


class Outcome(Protocol):
    """How a command ended, wherever it ran."""

    @property
    def code(self) -> int: ...

    @property
    def text(self) -> str: ...


Act = Callable[["Trial"], Outcome]


@dataclass(frozen=True)
class Trial:
    """The command line of the disturbed run, and where it works."""

    play: Play
    args: tuple[str, ...]
    run_id: str
    wrong: list[str] = field(default_factory=list)  # what the act itself saw go wrong

    def process(self, *, cold: bool = False, **env: str) -> Process:
        """The run as a process."""
        cache = str(self.play.folder.parent / "cache")
        return Process(*self.args, env={"RUNNER_CACHE": cache, **env}, cold=cold)

    def faulty(self, fault: str, *, cold: bool = False, **env: str) -> Process:
        """The run as a process that signals itself at a statement."""
        return self.process(cold=cold, RUNNER_TESTING="1", RUNNER_FAULT=fault, **env)


@dataclass
class Bench:
    """A schedule played up to its last run; every trial has a copy of it. `tally` is what each trial adds to."""

    crashes: Crashes
    tally: Tally
    number: int = 0

    def points(self) -> list[str]:
        """The seam's events in the last run, if nothing happens to it."""
        return self.crashes.points()

    def trial(self, what: str, act: Act, codes: Collection[int], *, tidy: bool = False, shell: bool = False) -> Tally:
        """One trial; `codes` are the exit codes it may have.

        `tidy`: the run leaves no session, and its lease is free; `shell`: the next run is a process too.
        """
        self.number += 1
        with self.crashes.fork() as play:
            play.patience = () if tidy else PATIENT
            play.in_shell, play.again = shell, lambda op: False
            request = play.request(self.crashes.target)
            run_id = f"trial-{self.number}"
            path = write_playbook(play.folder, play.url, play.schedule.design, play.variants)
            play.db.close()
            trial = Trial(play, ("run", str(path), "--run-id", run_id, *request.args, *play.patience), run_id)
            outcome = act(trial)
            play.db = Db(play.url)
            if tidy:
                trial.wrong.extend(untidy(play.db, run_id))
            until(lambda: not sessions(play.db, run_id), "the end of the run's sessions", GONE_S)
            found = self._judged(what, outcome, codes, trial, request)
            return replace(found, size=1, faults=1)

    def _judged(self, what: str, outcome: Outcome, codes: Collection[int], trial: Trial, request: Request) -> Tally:
        play, run_id = trial.play, trial.run_id
        wrong = [*trial.wrong, *untruths(outcome, published(play.db, run_id), run_id)]
        if outcome.code not in codes:
            wrong.append(f"exit {outcome.code}")
        where = f"{what} of {self.crashes.target} in {self.crashes.schedule}: exit {outcome.code}: {outcome.text}"
        try:
            settled(play, request, published(play.db, run_id))
            play.play([RERUN])
        except Difference as error:
            return judged(self.tally, where, outcome.text, wrong, [str(error)])
        return judged(self.tally, where, outcome.text, wrong, [])


def judged(tally: Tally, where: str, text: str, wrong: list[str], differences: list[str]) -> Tally:
    """What was found in one trial, counted and noted."""
    tracebacks = ["a traceback"] if "Traceback" in text else []
    return replace(
        tally,
        wrong_reports=len(wrong),
        tracebacks=len(tracebacks),
        divergences=len(differences),
        notes=tuple(f"{note}; {where}" for note in (*wrong, *tracebacks, *differences)),
    )


def untidy(db: Db, run_id: str) -> Iterator[str]:
    """What an orderly end leaves nothing of: sessions after a second, and the lease."""
    if db.engine == "duckdb":
        return
    try:
        until(lambda: not sessions(db, run_id), "the end of the run's sessions", TIDY_S)
    except AssertionError:
        yield f"sessions left: {sessions(db, run_id)}"
    if db.has_table("runner.lease") and db.rows(f"select 1 from runner.lease where run_id = '{run_id}'"):
        yield "the lease is not free"


def settled(play: Play, request: Request, is_published: bool) -> None:
    """The state before the run where it has no row among the published ones, else the state after it."""
    if is_published:
        play.settle(request, play.listed() if "--chunk" in request.args else None)
    play.check()


def untruths(outcome: Outcome, is_published: bool, run_id: str) -> Iterator[str]:
    """What exit code and message say of the publish and is not so."""
    is_part = f"{run_id}." in outcome.text  # a chunked run may have published some of its parts
    if outcome.code == 0 and not is_published:
        yield "exit 0 and no row in runs"
    if outcome.code in (3, 5, 6) and is_published and not is_part:
        yield f"exit {outcome.code} and the run is published"
    if outcome.code in (3, 5, 130, 143) and "nothing was published" in outcome.text and is_published:
        yield "says that nothing was published, and the run is"
    if outcome.code in (130, 143) and f"run {run_id} is published" in outcome.text and not is_published:
        yield "says that the run is published, and it is not"
    if outcome.code == 10 and run_id not in outcome.text:
        yield "exit 10 without the run id"


def published(db: Db, run_id: str) -> bool:
    """Whether the run, or a chunk of it, has a published row."""
    if not db.has_table("runner.runs"):
        return False
    is_ours = f"(run_id = '{run_id}' or run_id like '{run_id}.%')"
    return bool(db.rows(f"select 1 from runner.runs where status = 'published' and {is_ours}"))


def sessions(db: Db, run_id: str) -> list[tuple[object, ...]]:
    """What the server shows of a run's sessions; on DuckDB there is no server."""
    if db.engine == "duckdb":
        return []
    return db.rows(
        "select pid, state, query from pg_stat_activity"
        f" where application_name like 'runner % {run_id}' and datname = current_database()"
    )


def terminate(url: str, run_id: str) -> int:
    """End a run's sessions at the server; how many there were."""
    with psycopg.connect(url, autocommit=True) as admin:
        text = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like %s"
        row = admin.execute(text, (f"runner % {run_id}",)).fetchone()
        return int(row[0]) if row else 0


def progress(total: Tally, size: int) -> None:
    """A line on stderr for whoever waits, with the first thing that was found."""
    found = "".join(f"; first: {note}" for note in total.notes[:1])
    what = f"{total.name} on {total.engine}: {total.size} of {size}, {total.faults} faults or looks"
    print(f"{what}, {len(total.notes)} findings{found}", file=sys.stderr, flush=True)


# -- benches -----------------------------------------------------------------------------------------------------------


def copy_name() -> str:
    """The one name of all copies: two of them never live at the same time."""
    return f"trial_{os.getpid()}"


def copies_of_database(server: postgres.Server) -> Copy:
    """Copies under one name, so that the runner's cache knows the playbook; the server may crash meanwhile."""
    name = copy_name()

    @contextmanager
    def copy(url: str, folder: Path) -> Iterator[str]:
        template = url.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
        drop = f'drop database if exists "{name}" with (force)'  # of the trial before
        admin(server, drop, f'create database "{name}" template "{template}"')
        yield server.database(name)

    return copy


def admin(server: postgres.Server, *statements: str) -> None:
    """Statements on the maintenance database."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def bench_on_duckdb(schedule: Schedule, tally: Tally) -> Iterator[Bench]:
    """A schedule prepared in a DuckDB file."""
    with TemporaryDirectory(prefix="runner_trial_", dir=FOLDER) as name, on_duckdb(Path(name)) as url:
        yield Bench(Crashes(schedule, url, Path(name), copy_of_file), tally)


@contextmanager
def bench_on_postgres(server: postgres.Server, schedule: Schedule, tally: Tally) -> Iterator[Bench]:
    """A schedule prepared in a Postgres database."""
    name = f"trials_{os.getpid()}"
    admin(server, f"create database \"{name}\" template template0 encoding 'utf8' locale 'C'")
    try:
        with TemporaryDirectory(prefix="runner_trial_", dir=FOLDER) as folder:
            crashes = Crashes(schedule, server.database(name), Path(folder), copies_of_database(server))
            yield Bench(crashes, tally)
    finally:
        admin(server, *(f'drop database if exists "{one}" with (force)' for one in (name, copy_name())))


Benches = Callable[[Schedule, Tally], AbstractContextManager[Bench]]


def benches(server: postgres.Server | None) -> Benches:
    """How benches are made: on this server, or on DuckDB."""
    return bench_on_duckdb if server is None else lambda schedule, tally: bench_on_postgres(server, schedule, tally)


def engine_name(server: postgres.Server | None) -> str:
    """The engine's name in a tally."""
    return "duckdb" if server is None else "postgres"


def schedule(seed: int) -> Schedule:
    """The schedule of a seed: of so many in a row some are those by hand, the others random; all end in a run."""
    by_hand = list(SCHEDULES.values())
    if seed % MANY < len(by_hand):
        return by_hand[seed % MANY]
    rng = Random(seed)
    made = make(rng.randrange(10**9), runs=3)
    more = (Op(kind, rng.randrange(10**6)) for kind in ("new_batch", "move", "grow"))  # so that it has something to do
    return replace(made, design=replace(made.design, vanished="retract"), ops=(*made.ops[:-1], *more, Op("run", 0)))


def strided(points: int, wanted: int, rng: Random) -> list[int]:
    """`wanted` of so many points at even distances from a random first one; all if there are not so many."""
    step = max(1.0, points / max(1, wanted))
    first = rng.random() * step
    return sorted({int(first + n * step) for n in range(wanted)} & set(range(points)))
