"""Check 9: SIGTERM and SIGINT, wherever they meet a run.

Exit 143 or 130 within 5 s; the query is cancelled, the transaction rolled back, the lease free, no session left; the
message says what is published, and the next run gets everything right.
"""

from __future__ import annotations

import itertools
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.engines import postgres
from tests.kit.arena import FOLDER, on_duckdb, on_postgres
from tests.kit.processes import Ended, Process
from tests.kit.project import SESSIONS, USERS, Project
from tests.kit.tally import Tally
from tests.reliability.processes.trials import (
    Act,
    Trial,
    benches,
    engine_name,
    judged,
    progress,
    published,
    schedule,
    sessions,
    strided,
    untidy,
)

FULL = 50  # signals on each engine
WITHIN_S = 5.0
RUN_S = 2.0  # what a run may take until it signals itself
A_SCHEDULE = 10
NAMES = {signal.SIGTERM: "term", signal.SIGINT: "int"}
SLOW = {
    "duckdb": "select count(*) as n from range(1000000) a, range(1000000) b where hash(a.range + b.range) = 1",
    "postgres": "select 1 as n from pg_sleep(60)",
}
SLEEPING = (
    "select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()"
)
HELD = """update runner.lease set run_id = 'other', started_tstamp = timestamp '2024-03-01',
    lease_until = timestamp '2124-03-01',
    session = (select pid::text || ' ' || backend_start::text from pg_stat_activity where pid = pg_backend_pid())"""
FREE = "update runner.lease set run_id = null"
_numbers = itertools.count(1)


# -- inside slow queries, and while waiting ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Scene:
    """Where a signal meets a run: in slow scripts of a phase, or while it waits; `twice`: another one follows at once."""

    name: str
    phase: str = ""
    queries: int = 1
    twice: bool = False


SCENES = (
    Scene("a query of 60 s", "stage"),
    Scene("parallel queries", "stage", 2, twice=True),
    Scene("a query within the publish transaction", "publish"),
    Scene("a query after the publish", "after", twice=True),
    Scene("waiting for another run"),
    Scene("a server that does not answer"),
)
ON_POSTGRES_ONLY = SCENES[-1]


@dataclass
class Stage:
    """A project with a published run, on which scenes are played."""

    project: Project
    tally: Tally

    def __post_init__(self) -> None:
        self.write("stage", 1, slow=False)
        self.project.add(0, "s1 u1 1", "s2 u1 2")
        self.project.run()

    def write(self, phase: str, queries: int, *, slow: bool) -> None:
        """Two models, then scripts in a phase, slow or not."""
        project = self.project
        select = SLOW[project.db.engine] if slow else "select 1 as n"
        models = []
        for name, key, text in (("sessions", "domain_sessionid", SESSIONS), ("users", "domain_userid", USERS)):
            project.sql(f"{name}.sql", text)
            project.selects[name] = text
            models.append({"table": f"derived.{name}", "sql": f"{name}.sql", "key": key})
        names = [f"script{number}.sql" for number in range(queries)]
        for name in names:
            table = f"{{{{ scratch }}}}.{name[:-4]}"
            text = f"create table {table} as {select}" if phase == "stage" else f"insert into own.log (n) {select}"
            project.sql(name, text)
        project.sql("setup.sql", "create schema if not exists own;\ncreate table if not exists own.log (n bigint)")
        project.top["steps"] = [
            {"name": "setup", "phase": "setup", "queries": ["setup.sql"]},
            {"name": "models", "models": models},
            {"name": "scripts", "phase": phase, "queries": names},
        ]

    def play(self, scene: Scene, number: int, rng: Random) -> Tally:
        """One signal in a scene, and what must be true then."""
        project, run_id = self.project, f"signal-{next(_numbers)}"
        self.write(scene.phase or "stage", scene.queries, slow=bool(scene.phase))
        event = rng.randrange(10**6)
        project.add(rng.randrange(5), f"s{event % 7} u{event % 3} {event % 600}")
        before = self.state()
        ended, took = self.signalled(scene, number, run_id)
        wrong = list(untidy(project.db, run_id))
        if ended.code != 128 + number:
            wrong.append(f"exit {ended.code}")
        if took > WITHIN_S:
            wrong.append(f"took {took:.1f} s to end")
        said = f"run {run_id} is published" if scene.phase == "after" else "nothing was published"
        if said not in ended.text:
            wrong.append(f"does not say: {said}")
        differences = []
        if published(project.db, run_id) != (scene.phase == "after"):
            wrong.append("published, or not, against what it said")
        if scene.phase != "after" and self.state() != before:
            differences.append(f"state {self.state()}, before {before}")
        self.write(scene.phase or "stage", scene.queries, slow=False)
        try:
            project.checked()
        except AssertionError as error:
            differences.append(str(error))
        where = f"{scene.name}, signal {number}: exit {ended.code} after {took:.1f} s: {ended.text}"
        return replace(judged(self.tally, where, ended.text, wrong, differences), size=1, faults=1)

    def state(self) -> list[object]:
        """The manifest and the derived tables."""
        return [
            self.project.manifest(),
            *(self.project.rows(f"select * from derived.{name}") for name in self.project.selects),
        ]

    def signalled(self, scene: Scene, number: int, run_id: str) -> tuple[Ended, float]:
        """Start the run, wait until it is in the scene, signal it; how it ended and how long that took."""
        project, path = self.project, self.project.write()
        with ExitStack() as stack:
            args = ["run", str(path), "--run-id", run_id]
            if scene.phase:
                if project.duckdb:
                    project.close()
            elif scene is ON_POSTGRES_ONLY:
                port, called = stack.enter_context(nobody())
                args += ["--target", f"postgresql://runner@127.0.0.1:{port}/none"]
            else:
                args += ["--wait", "60"]
                stack.enter_context(self.busy())
            process = stack.enter_context(Process(*args, env={"RUNNER_CACHE": str(project.folder / "cache")}))
            process.until_started()
            if scene is ON_POSTGRES_ONLY:
                process.until(called, "its call")
            elif scene.phase:
                self.until_slow(scene, process)
            elif not project.duckdb:
                process.until(lambda: bool(sessions(project.db, run_id)), "its session")
            process.ended.wait(0.2)
            sent = time.monotonic()
            process.send(number)
            if scene.twice:
                process.ended.wait(0.05)
                process.send(number)
            return process.wait(20), time.monotonic() - sent

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Another run holds the lease. On DuckDB this process has the file open, which is the same."""
        if not self.project.duckdb:
            self.project.db.execute(HELD)
        else:
            assert self.project.db
        yield
        if not self.project.duckdb:
            self.project.db.execute(FREE)

    def until_slow(self, scene: Scene, process: Process) -> None:
        """Wait until the slow queries are at work. DuckDB lets nobody look: there a moment must do."""
        if self.project.duckdb:
            last = "published run" if scene.phase == "after" else "users "
            process.until(lambda: last in process.text, "the slow query")
            process.ended.wait(0.3)
        else:
            process.until(lambda: len(self.project.db.rows(SLEEPING)) == scene.queries, "the slow query")


@contextmanager
def nobody() -> Iterator[tuple[int, Callable[[], bool]]]:
    """A port that takes calls and never answers: its number, and whether somebody has called."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        calls: list[socket.socket] = []

        def called() -> bool:
            try:
                calls.append(server.accept()[0])
            except BlockingIOError:
                return bool(calls)
            return True

        yield int(server.getsockname()[1]), called
        for call in calls:
            call.close()


def scenes(server: postgres.Server | None, size: int, seed: int) -> Tally:
    """`size` signals, in all scenes in turn."""
    rng = Random(seed)
    total = Tally(9, "signals in slow queries and waits", engine_name(server), seeds=str(seed))
    chosen = SCENES if server is not None else SCENES[:-1]
    with TemporaryDirectory(prefix="runner_signals_", dir=FOLDER) as folder, ExitStack() as stack:
        arena = on_duckdb if server is None else on_postgres(server)
        project = Project(stack.enter_context(arena(Path(folder))), Path(folder, "project"))
        stack.callback(project.close)
        stage = Stage(project, total)
        for place in range(size):
            number = list(NAMES)[(place + place // len(chosen) + seed) % 2]
            total += stage.play(chosen[place % len(chosen)], number, rng)
    progress(total, size)
    return total


# -- at any instant ----------------------------------------------------------------------------------------------------


def signal_at(point: int, number: int) -> Act:
    """The run signals itself right before the seam's event `point`."""

    def act(trial: Trial) -> Ended:
        with trial.faulty(f"{NAMES[signal.Signals(number)]}@{point}") as process:
            process.until_started()
            began = time.monotonic()
            ended = process.wait()
        if time.monotonic() - began > WITHIN_S + RUN_S:
            trial.wrong.append(f"took {ended.wall_s:.1f} s in all")
        return ended

    return act


def signal_after(seconds: float, number: int) -> Act:
    """A signal some time after the first line, and another one right behind it."""

    def act(trial: Trial) -> Ended:
        with trial.process(cold=True) as process:
            process.until_started()
            process.ended.wait(seconds)
            sent = time.monotonic()
            process.send(number)
            process.ended.wait(0.01)
            process.send(number)
            ended = process.wait()
        if time.monotonic() - sent > WITHIN_S:
            trial.wrong.append(f"took {time.monotonic() - sent:.1f} s")
        return ended

    return act


def instants(server: postgres.Server | None, size: int, seed: int) -> Tally:
    """`size` signals: two thirds at statements, the others at random instants."""
    rng = Random(seed)
    total = empty = Tally(9, "signals at any instant", engine_name(server), seeds=str(seed))
    count = max(1, size // A_SCHEDULE)
    for place in range(count):
        share = size * (place + 1) // count - size * place // count
        with benches(server)(schedule(seed + place), empty) as bench:
            points = bench.points()
            for point in strided(len(points), share - share // 3, rng):
                number = rng.choice(list(NAMES))
                what = f"{NAMES[number]} {points[point]!r}"
                total += bench.trial(what, signal_at(point, number), {128 + number}, tidy=True)
            for _ in range(share // 3):
                number, seconds = rng.choice(list(NAMES)), rng.random() * 0.3
                what = f"{NAMES[number]} twice after {seconds:.3f} s"
                total += bench.trial(what, signal_after(seconds, number), {0, 128 + number}, tidy=True)
        progress(total, size)
    return total


def soak(size: int = FULL, seed: int = 1) -> list[Tally]:
    """Check 9: `size` signals in scenes and as many at any instant, on each engine."""
    with postgres.server() as server:
        return [part(engine, size, seed) for engine in (None, server) for part in (scenes, instants)]
