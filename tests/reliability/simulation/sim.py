"""The simulation: one seed, one interleaving of runners, loaders, rewinds, verifications, readers and crashes.

A schedule (`tests.oracles.schedules`) says what happens one after the other. The simulation makes its runs wild: whenever a
runner is about to send a statement or has sent one, something else may happen first. Upstream commits; a loader opens
a transaction or commits the one it had open; a reader looks; another runner works from start to end, or dies; somebody
rewinds or verifies; the runner itself dies. All of it in one thread: a runner that waits for its statement is a paused
process, and one that is overtaken while it is paused is a zombie.

After every commit of a publish, and whenever a reader looks, the tables are what the oracle says of the events that
the freeze of the last published run saw. Same seed, same statements, byte for byte.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from runner.clock import Clock
from runner.state.names import fence
from runner.warehouse.base import Warehouse
from runner.warehouse.postgres import Postgres
from runner.warehouse.redshift import Redshift
from runner.warehouse.snowflake import Snowflake
from tests.engines.db import Db
from tests.kit import driver
from tests.oracles.models import SOURCE
from tests.oracles.oracle import Event
from tests.oracles.play import FAILED, Difference, Play, Request
from tests.oracles.playbooks import NAME
from tests.oracles.schedules import RUN_OPS, Schedule
from tests.oracles.world import COMING, WEIGHTS, Op, World, random_op

LOCKED, LOST, FOUND = 3, 5, 9
DEEPEST = 2  # runners that are paused at once
STATE = f"runner.{fence(NAME)}"
ENGINE: dict[str, type[Warehouse]] = {"postgres": Postgres, "redshift": Redshift, "snowflake": Snowflake}
SESSION = re.compile(r"'\d+ \d{4}-\d\d-[^']*'|(?<=pid::text = )'\d+'")  # a process id and a time: another one each time
OVERDUE = "update runner.lease set lease_until = timestamp '2000-01-01 00:00:00'"


class Crash(Exception):
    """The process died here."""


@dataclass(frozen=True)
class Profile:
    """How wild runs are: the chance of something at each event, and of what (see `Simulation._others`)."""

    rate: float = 0.03
    weights: tuple[tuple[str, int], ...] = (
        *(("upstream", 8), ("open", 4), ("commit", 4), ("reader", 4)),
        *(("run", 6), ("rewind", 2), ("verify", 1), ("crash", 6)),
    )
    most: int | None = None  # of these things in all; for shrinking

    def only(self, *kinds: str, rate: float | None = None) -> Profile:
        """The same with these kinds of things alone."""
        return replace(self, weights=tuple(w for w in self.weights if w[0] in kinds), rate=rate or self.rate)


WILD = Profile()
CALM = Profile(rate=0.0)


@dataclass
class Process:
    """A runner at work."""

    number: int
    rng: Random
    request: Request
    rate: float
    frozen: World | None = None  # the source as its freeze saw it
    owed: bool = False  # a batch that was processed was gone at its freeze
    idle: bool = False  # at its freeze nothing was pending
    dead: bool = False
    within: str = ""  # the transaction it is in
    ready: bool = True  # False between the begin of its freeze and the first read: nothing may come between
    published: int = 0
    disturbed: bool = False  # another one published or rewound meanwhile


@dataclass
class Loader:
    """A load whose transaction is still open."""

    db: Db
    new: dict[int, Event]


@dataclass
class Simulation(Play):
    """A schedule under way with everything in between."""

    profile: Profile = WILD
    stack: list[Process] = field(default_factory=list)
    loader: Loader | None = None
    log: list[str] = field(default_factory=list)
    crashes: Counter[str] = field(default_factory=Counter)  # by statement label
    happened: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    trouble: Difference | None = None

    @property
    def served(self) -> bool:
        """Whether the warehouse is a server, which several processes may use at once."""
        return self.db.engine != "duckdb"

    # -- commands --------------------------------------------------------------------------------------------------

    def run(self, op: Op) -> None:
        """A run with everything in between, and what must be true after it."""
        self.runs += 1
        request = self.request(op)
        process = self._started(request, Random((op.seed or self.schedule.seed) * 7919 + len(self.log)))
        outcome = self._watched(process, "run", *request.args)
        if self._judge(process, outcome) and not process.dead:
            retract = replace(request, args=(*request.args, "--retract"))
            process = self._started(retract, Random(0), rate=0)
            self._judge(process, self._watched(process, "run", *retract.args))

    def _started(self, request: Request, rng: Random, rate: float | None = None) -> Process:
        self.commands += 1
        return Process(self.commands, rng, request, self.profile.rate if rate is None else rate)

    def command(self, name: str, *args: str) -> driver.Outcome:
        """A command from outside the runs: it has a watch, too, but nothing comes between its statements."""
        process = self._started(Request((), ()), Random(0), rate=0)
        process.dead = False
        return self._watched(process, name, *args)

    def _watched(self, process: Process, name: str, *args: str) -> driver.Outcome:
        if name == "run":
            args = (*args, "--run-id", f"sim-{process.number}")
        self.stack.append(process)
        watch, self.watch = self.watch, self._watch
        try:
            outcome = super().command(name, *args)
        finally:
            self.stack.pop()
            self.watch = watch
        if process.dead and self.db.engine == "snowflake" and self.db.has_table("runner.lease"):
            self.db.execute(OVERDUE)  # nobody can see there that a session is gone: its lease has to run out
        if self.trouble:
            raise self.trouble
        return outcome

    def _judge(self, process: Process, outcome: driver.Outcome) -> bool:
        """Raise Difference unless the outcome is the truth; True if the run stopped because a batch is gone."""
        code = outcome.code
        self.check()
        if process.dead:
            return False
        fine = {
            0: bool(process.published) or process.idle,
            LOCKED: process.disturbed,
            LOST: process.disturbed and self.served,
            FAILED: process.owed,  # --chunk may have published parts before
        }
        if not fine.get(code, False):
            raise Difference(f"run {process.number} {process.request.args}: exit {code}: {outcome.text}")
        return code == FAILED

    # -- around every statement --------------------------------------------------------------------------------------

    def _watch(self, when: str, label: str, sql: str) -> None:
        process = self.stack[-1]
        if process.dead:
            raise Crash
        self.log.append(f"{process.number} {when} {label} {SESSION.sub('SESSION', sql)}")
        try:
            self._seen(process, when, label)
            if process.ready and self._strikes(process):
                self._happen(process, label)
        except Difference as error:
            self.trouble = self.trouble or error
            process.dead = True
            raise

    def _seen(self, process: Process, when: str, label: str) -> None:
        name, _, end = label.rpartition(":")
        if when == "before" and label == "freeze:begin":
            process.ready = False
            self.world.reveal(self.processed, self.db)
            process.frozen = copy(self.world)
            process.frozen.rows, process.frozen.pages = {**self.world.rows}, {**self.world.pages}
            batches = process.frozen.manifest()
            process.owed = self.schedule.design.vanished == "stop" and not set(self.processed) <= set(batches)
            process.owed = process.owed and "--retract" not in process.request.args
            process.idle = batches == self.counts() or process.request.until is not None
        elif when == "after" and label == "freeze:batches":
            process.ready = True
        elif when == "after" and end == "begin":
            process.within = name
        elif when == "before" and end == "begin":
            process.within = ""
        elif when == "after" and end == "commit":
            process.within = ""
            if name == "publish":
                self._published(process)

    def _published(self, process: Process) -> None:
        assert process.frozen is not None
        process.published += 1
        for other in self.stack[:-1]:
            other.disturbed = True
        now, self.world = self.world, process.frozen
        try:
            self.settle(process.request, self.listed() if "--chunk" in process.request.args else None)
        finally:
            self.world = now
        self.check()

    def _strikes(self, process: Process) -> bool:
        left = self.profile.most is None or self.happened.total() < self.profile.most
        return process.rng.random() < process.rate and left

    # -- what may happen -------------------------------------------------------------------------------------------

    def _happen(self, process: Process, label: str) -> None:
        weights = {kind: weight for kind, weight in self.profile.weights if self._may(kind, process)}
        if not weights:
            return
        kind = process.rng.choices(list(weights), list(weights.values()))[0]
        self.happened[kind] += 1
        self.log.append(f"{process.number} {kind}")
        if kind == "crash":
            self.crashes[label] += 1
            process.dead = True
            raise Crash
        self._doings()[kind](process.rng)

    def _doings(self) -> dict[str, Callable[[Random], None]]:
        return {
            "upstream": self._upstream,
            "open": self._open,
            "commit": self._commit,
            "reader": lambda rng: self.check(),
            "run": self._other_run,
            "rewind": self._other_rewind,
            "verify": self._verify,
        }

    def _may(self, kind: str, process: Process) -> bool:
        if kind == "run":  # on a server it would wait for the locks of a freeze that it must sweep away
            free = ("",) if self.served else ("", "freeze")
            return process.within in free and len(self.stack) <= DEEPEST
        if kind in ("rewind", "verify"):
            return process.within in ("", "freeze") and bool(self.processed)
        if kind in ("open", "commit"):
            return (self.loader is None) == (kind == "open")
        return True

    def _upstream(self, rng: Random) -> None:
        joined = not self.schedule.design.static_lookup
        self.world.apply(random_op(rng, {k: w for k, w in WEIGHTS.items() if k != "lookup" or joined}), self.db)

    def _open(self, rng: Random) -> None:
        """Rows that are written and not yet committed."""
        change = rng.choice(COMING)(self.world, rng)
        new = {self.world.made + 1 + place: event for place, event in enumerate(change.new)}
        self.world.made += len(new)
        self.loader = Loader(Db(self.url), new)
        self.loader.db.execute("begin")
        columns = (*Event._fields, "row_id")
        self.loader.db.load(SOURCE, columns, [(*event, number) for number, event in new.items()])

    def _commit(self, rng: Random) -> None:
        loader, self.loader = self.loader, None
        assert loader is not None
        loader.db.execute("commit")
        loader.db.close()
        self.world.rows |= loader.new

    def _other_run(self, rng: Random) -> None:
        """Another runner that takes over from the paused one, and often sees what that one did not."""
        if rng.random() < 0.6:
            self._upstream(rng)
        if not self.db.has_table("runner.lease") or not self.db.has_table(STATE):
            return
        for other in self.stack:
            other.disturbed = True
        with ExitStack() as stack:
            if not self.served:  # the file lock is the lease there: only here can two have one file open
                self.db.execute(f"update {STATE} set version = version + 1")
            else:
                self.db.execute(OVERDUE)
                if rng.random() < 0.7:  # it may not end the other's session, and has not swept its scratch yet
                    engine = ENGINE[self.db.engine]
                    stack.enter_context(patch.object(engine, "end_session", lambda *_: None))
                    stack.enter_context(patch.object(engine, "sweep_scratch", lambda *_: None))
            request = self.request(Op(rng.choice(sorted(RUN_OPS)), rng.randrange(10**6)))
            process = self._started(request, Random(rng.randrange(10**9)), self.profile.rate / 3)
            self._judge(process, self._watched(process, "run", *request.args))

    def _other_rewind(self, rng: Random) -> None:
        for other in self.stack:
            other.disturbed = True
        self._rewind(rng)

    def _verify(self, rng: Random) -> None:
        """No false alarm; nothing is said of changes that leave no sign."""
        if not self.hidden():
            outcome = self.command("verify")
            if outcome.code not in (0, FAILED):  # 6: nothing has been published yet
                raise Difference(f"verify: exit {outcome.code}: {outcome.text}")

    def hidden(self) -> bool:
        """Whether a processed batch has other rows now and the same signs."""
        content = self.world.content()
        same = (b for b, rows in self.processed.items() if b in content and content[b] != rows)
        return any(self.world.signature(content[b]) == self.world.signature(self.processed[b]) for b in same)

    # -- the end ---------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """When loading has stopped: one clean run brings everything, the next writes nothing, verify finds nothing."""
        if self.loader:
            self._commit(Random(0))
        self.profile = replace(self.profile, rate=0.0)
        self.world.reveal(self.processed, self.db)
        self.run(Op("run", 0))
        missing = self.world.manifest() - self.counts()
        if missing:
            raise Difference(f"after the last run the manifest misses {missing}")
        before = self.everything()
        self.run(Op("run", 0))
        self.equal(self.everything(), before)
        self.ends(0, "verify")
        if self.served:
            schemas = "select schema_name from information_schema.schemata"
            left = self.db.rows(f"{schemas} where lower(schema_name) like 'runner_scratch%'")
            held = self.db.rows("select run_id from runner.lease where run_id is not null")
            self.equal({"left behind": Counter([*left, *held])}, {"left behind": Counter()})
        if self.served or not self.happened["run"]:  # two at once on DuckDB: in this simulation only
            self.equal({"key indexes": self._indexes()}, {"key indexes": self._listed_indexes()})

    def _indexes(self) -> Counter[Any]:
        where = "lower(table_schema) = 'runner' and lower(table_name) like 'keys@_%' escape '@'"
        return Counter(self.db.rows(f"select lower(table_name) from information_schema.tables where {where}"))

    def _listed_indexes(self) -> Counter[Any]:
        return Counter(self.db.rows("select keys_table from runner.key_index"))

    def close(self) -> None:
        """Close all connections."""
        if self.loader:
            self.loader.db.close()
        super().close()

    def digest(self) -> str:
        """A hash of every statement of every process, in order."""
        return hashlib.sha256("\n".join(self.log).encode()).hexdigest()


@contextmanager
def simulated_time() -> Iterator[None]:
    """Runs begin at the same instant every time, nobody sleeps, and random ids are not random."""
    clock = Clock(lambda: 0.0, lambda _: None)
    with (
        patch("runner.session.session.system_clock", lambda: clock),
        patch("runner.session.session.Session.now_utc", lambda _: "2024-03-01 00:00:00.000000"),
        patch("runner.session.session.Session.new_run_id", lambda _: "00000000000000000000000000"),
    ):
        yield


def simulate(
    schedule: Schedule, profile: Profile, url: str, folder: Path, make: type[Simulation] = Simulation
) -> Simulation:
    """Play a schedule with everything in between. Raises Difference."""
    simulation = make(schedule, url, folder, profile=profile)
    try:
        with simulated_time():
            simulation.start()
            simulation.play(schedule.ops)
            try:
                simulation.finish()
            except Difference as error:
                raise Difference(f"{error}\nat the end, on {url}, of\n{schedule}\n{profile}") from error
    finally:
        simulation.close()
    return simulation
