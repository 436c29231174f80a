"""A schedule played on a warehouse: after every run all tables are what the oracle says.

`Play` raises `Difference` at the first row that is wrong, with the schedule that led to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.engines.db import Db
from tests.kit import driver
from tests.oracles.models import BY_NAME, with_ancestors
from tests.oracles.oracle import Batch, Row, Rules, derive
from tests.oracles.playbooks import NAME, Design, write_playbook
from tests.oracles.schedules import RUN_OPS, Schedule
from tests.oracles.world import UPSTREAM, Op, World, rules_of

FAILED = 6
HALF_HOUR = timedelta(minutes=30)
SENTINEL_BEFORE = datetime(1000, 1, 1)  # the manifest's sentinel for rows without an etl_tstamp is older

Tables = dict[str, Counter[Row]]


class Difference(AssertionError):
    """The warehouse does not hold what the oracle says."""


@dataclass(frozen=True)
class Request:
    """What a run is asked for: its arguments, the models it builds, and the end of the new batches it takes."""

    args: tuple[str, ...]
    names: tuple[str, ...]
    until: datetime | None = None


@dataclass
class Play:
    """A schedule under way on a warehouse. `expected` is what every table has to hold now."""

    schedule: Schedule
    url: str
    folder: Path
    again: Callable[[Op], bool] = lambda op: True
    in_shell: bool = False
    world: World = field(init=False)
    variants: dict[str, int] = field(init=False)
    expected: Tables = field(default_factory=dict)
    processed: dict[Batch, Counter[Any]] = field(default_factory=dict)
    watch: driver.Watch | None = None
    patience: tuple[str, ...] = ()  # arguments that every run gets
    playbook: Callable[[Path, str, Design, dict[str, int]], Path] = write_playbook
    runs: int = 0

    def __post_init__(self) -> None:
        design = self.schedule.design
        rules = Rules(design.copies, design.order_by, design.hourly)
        self.world = World(rules, self.schedule.fingerprint)
        self.variants = dict.fromkeys(self.schedule.fixed, 0)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.db = Db(self.url)
        if self.db.engine == "duckdb":
            self.db.execute("set threads = 1")  # for all connections of this process: tables are tiny

    def start(self) -> None:
        """The empty source."""
        self.world.create(self.db)

    def play(self, ops: Iterable[Op]) -> None:
        """Carry out operations; raises Difference, with all that is needed to see it again."""
        for place, op in enumerate(ops):
            try:
                self.step(op)
            except Exception as error:
                told = f"{type(error).__name__}: {error}" if not isinstance(error, Difference) else str(error)
                raise Difference(f"{told}\nat operation {place} {op} on {self.url} of\n{self.schedule}") from error

    def close(self) -> None:
        """Close the warehouse."""
        self.db.close()

    def fork(self, url: str, folder: Path) -> Play:
        """The same state on a copy of the warehouse."""
        other = Play(self.schedule, url, folder, self.again, self.in_shell)
        other.world = deepcopy(self.world)
        other.variants, other.expected, other.processed = {**self.variants}, {**self.expected}, {**self.processed}
        return other

    # -- operations ----------------------------------------------------------------------------------------------

    def step(self, op: Op) -> None:
        """Carry out one operation."""
        if op.kind in UPSTREAM or op.kind == "lookup":
            self.world.apply(op, self.db)
        elif op.kind in RUN_OPS:
            self.run(op)
        else:
            others = {"rewind": self._rewind, "rewind_model": self._rewind_model}
            others |= {"change": self._change, "toggle": self._toggle}
            others[op.kind](Random(op.seed))

    def request(self, op: Op) -> Request:
        """What a run is asked for."""
        rng = Random(op.seed)
        everything = tuple(sorted(self.variants))
        if op.kind == "run_until":  # a time between two batches, near the newest
            times = sorted(batch for batch in self.world.manifest() if batch is not None)[-3:]
            until = (rng.choice(times) if times else datetime(2024, 3, 1)) + rng.choice((-1, 1)) * HALF_HOUR
            return Request(("--until", until.isoformat()), everything, until)
        if op.kind == "run_chunk":
            return Request(("--chunk", str(rng.randint(1, 2))), everything)
        if op.kind == "run_model":  # one or two models and their ancestors; the others stay behind
            names = rng.sample(everything, min(len(everything), rng.randint(1, 2)))
            args = [text for name in names for text in ("--model", BY_NAME[name].table)]
            return Request(tuple(args), tuple(sorted(with_ancestors(names))))
        return Request((), everything)

    def _rewind(self, rng: Random) -> None:
        """Some batches become pending again; nobody sees anything of it."""
        times = sorted(batch for batch in self.processed if batch is not None)
        if not times:
            return
        since = rng.choice(times)
        args = ["--since", since.isoformat()]
        if rng.random() < 0.5:
            args += ["--until", (since + rng.randint(1, 4) * timedelta(hours=1)).isoformat()]
        self.rewind(*args)

    def _rewind_model(self, rng: Random) -> None:
        """The same for one keyed model."""
        times = sorted(batch for batch in self.processed if batch is not None)
        names = sorted(name for name in self.variants if name in self.expected and BY_NAME[name].key)
        if times and names:
            self.rewind("--since", rng.choice(times).isoformat(), "--model", BY_NAME[rng.choice(names)].table)

    def rewind(self, *args: str) -> None:
        """`runner rewind`: succeeds and changes no table and no count."""
        self.ends(0, "rewind", *args)
        self.check()

    def _change(self, rng: Random) -> None:
        """Another definition of a model."""
        name = rng.choice(sorted(self.variants))
        self.variants[name] = 1 - self.variants[name]

    def _toggle(self, rng: Random) -> None:
        """A model comes, or goes and leaves its table behind."""
        if not self.schedule.optional:
            return
        name = rng.choice(self.schedule.optional)
        if name in self.variants:
            del self.variants[name]
            self.expected.pop(name, None)
        else:
            self.variants[name] = 0

    # -- a run and what must be true after it ----------------------------------------------------------------------

    def ends(self, code: int, name: str, *args: str) -> None:
        """Run a command, which must end with this exit code."""
        outcome = self.command(name, *args)
        if outcome.code != code:
            raise Difference(f"{name} {' '.join(args)}: exit {outcome.code}, expected {code}: {outcome.text}")

    def command(self, name: str, *args: str) -> driver.Outcome:
        """Write the playbook as it is now and run a command on it."""
        path = self.playbook(self.folder, self.url, self.schedule.design, self.variants)
        if not self.in_shell:
            return driver.command(name, str(path), *args, watch=self.watch)
        self.db.close()
        try:
            return driver.shell(name, str(path), *args)
        finally:
            self.db = Db(self.url)

    def run(self, op: Op) -> None:
        """`runner run`, the comparison with the oracle, and the same run again, which changes nothing."""
        self.runs += 1
        self.world.reveal(self.processed, self.db)
        request = self.request(op)
        args = (*request.args, *self.patience)
        if self.schedule.design.vanished == "stop" and not set(self.processed) <= set(self.world.manifest()):
            self._stops(args)
            args = (*args, "--retract")
        self.ends(0, "run", *args)
        self.settle(request)
        self.check()
        if self.again(op):
            before = self.everything()
            self.ends(0, "run", *args)
            self.equal(self.everything(), before)

    def _stops(self, args: Sequence[str]) -> None:
        """With `vanished: stop` a run that misses a batch publishes nothing; with `--retract` it goes on."""
        self.ends(FAILED, "run", *args)
        self.check()

    def settle(self, request: Request, published: Iterable[Batch] | None = None) -> None:
        """What must be there after a run: over the batches that it had to take, or those of a part of it."""
        upstream, until = self.world.manifest(), request.until
        must = {batch for batch in upstream if until is None or batch in self.processed or (batch and batch < until)}
        listed = self.listed()
        if None in upstream and until is not None and None in listed:
            must.add(None)  # whether the batch without a time is before `until` is the runner's choice
        if published is not None:
            must = (must & set(published)) | (set(upstream) & set(self.processed))
        self.equal({"manifest": listed}, {"manifest": Counter({batch: upstream[batch] for batch in must})})
        tables = derive(self.world.events(must), rules_of(self.world, self.variants))
        self.expected |= {name: Counter(tables[name]) for name in request.names}
        content = self.world.content()
        self.processed = {batch: content[batch] for batch in must}

    def check(self) -> None:
        """Every table and the manifest hold what they must."""
        self.equal({"manifest": self.listed()} | self.tables(), {"manifest": self.counts()} | self.expected)

    def counts(self) -> Counter[Batch]:
        """Event count per processed batch, as counted then."""
        return Counter({batch: rows.total() for batch, rows in self.processed.items()})

    def listed(self) -> Counter[Batch]:
        """The manifest as it is in the warehouse."""
        if not self.db.has_table("runner.manifest"):
            return Counter()
        found = self.db.rows(f"select etl_tstamp, event_count from runner.manifest where playbook = '{NAME}'")
        counts = Counter({None if etl < SENTINEL_BEFORE else etl: count for etl, count in found})
        self.equal({"batches in the manifest": len(found)}, {"batches in the manifest": len(counts)})
        return counts

    def tables(self) -> Tables:
        """The derived tables as they are in the warehouse."""
        return {name: self._table(name) for name in self.expected}

    def _table(self, name: str) -> Counter[Row]:
        model = BY_NAME[name]
        return Counter(self.db.rows(f"select {', '.join(model.columns)} from {model.table}"))

    def everything(self) -> dict[str, object]:
        """All that a run without work leaves alone: tables, the manifest and who wrote its rows."""
        manifest = Counter(self.db.rows("select etl_tstamp, event_count, rewound, run_id from runner.manifest"))
        return {**self.tables(), "manifest": manifest}

    @staticmethod
    def equal(found: Any, expected: Any) -> None:
        """Raises Difference with what is missing and what is too many."""
        for name in sorted(expected.keys() | found.keys()):
            one, other = found.get(name), expected.get(name)
            if one != other and isinstance(one, Counter) and isinstance(other, Counter):
                raise Difference(f"{name}: too many {dict(one - other)}, missing {dict(other - one)}")
            if one != other:
                raise Difference(f"{name}: {one}, expected {other}")
