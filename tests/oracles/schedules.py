"""Random schedules: what upstream and the runner do in turns.

A schedule follows from its seed: the playbook's design, its models, and a list of operations. `tests.oracles.play` plays one
on a warehouse; `shrink` leaves out operations while that still fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.oracles.models import BY_NAME, MODELS, SOURCE, with_ancestors
from tests.oracles.playbooks import Design
from tests.oracles.world import WEIGHTS, Op, random_op

RUNS = 10
RUNNER_OPS = {
    "run": 12, "run_until": 3, "run_chunk": 2, "run_model": 4, "rewind": 2, "rewind_model": 1, "change": 2, "toggle": 2,
}  # fmt: skip
RUN_OPS = {"run", "run_until", "run_chunk", "run_model"}


@dataclass(frozen=True)
class Schedule:
    """A playbook's design, its models (those in `fixed` always stay), and what happens."""

    seed: int
    design: Design
    fixed: tuple[str, ...]
    optional: tuple[str, ...]
    ops: tuple[Op, ...]

    @property
    def fingerprint(self) -> tuple[str, ...]:
        """The columns that a fingerprint covers at least: those of dedupe and of keys on the source."""
        if not self.design.fingerprint:
            return ()
        keys = {column for name in self.fixed if SOURCE in BY_NAME[name].inputs for column in BY_NAME[name].key}
        return tuple(sorted(keys.union(self.design.copies)))

    def __str__(self) -> str:
        ops = " ".join(f"{op.kind}:{op.seed}" for op in self.ops)
        return f"seed {self.seed}: {self.design}, models {self.fixed} + {self.optional}\n{ops}"


def make(seed: int, runs: int = RUNS) -> Schedule:
    """The schedule of a seed."""
    rng = Random(seed)
    dedupe = rng.random() < 0.6
    design = Design(
        dedupe=dedupe,
        order_by=rng.choice(((), ("collector_tstamp",), ("derived_tstamp", "collector_tstamp"))) if dedupe else (),
        hourly=rng.random() < 0.25,
        fingerprint=rng.random() < 0.35,
        vanished=rng.choice(("retract", "retract", "stop")),
        lookup=_lookup(rng.random()),
    )
    fixed = sorted(with_ancestors(rng.sample([model.name for model in MODELS], rng.randint(1, 3))))
    others = [model.name for model in MODELS if model.name not in fixed and model.ancestors() <= set(fixed)]
    optional = sorted(rng.sample(others, min(len(others), rng.randint(0, 2))))
    joined = "session_titles" in (*fixed, *optional) and not design.static_lookup  # else its changes must not matter
    ops = _ops(rng, joined, runs)
    if design.dedupe and rng.random() < 0.5:  # last: recorded seeds find their way by what is drawn before
        design = replace(design, by_id=True)
        ops = [replace(op, kind="correct") if op.kind == "twist" else op for op in ops]
    return Schedule(seed, design, tuple(fixed), tuple(optional), tuple(ops))


def _lookup(chance: float) -> str:
    return "static" if chance < 0.3 else "key" if chance < 0.7 else "fingerprint"


def _ops(rng: Random, joined: bool, runs: int) -> list[Op]:
    """Some of upstream's operations before each of the runner's; at the end one plain run."""
    upstream = {kind: weight for kind, weight in WEIGHTS.items() if kind != "lookup" or joined}
    ops = [Op("new_batches", rng.randrange(10**6))]
    done = 0
    while done < runs - 1:
        ops += [random_op(rng, upstream) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
        ops.append(random_op(rng, RUNNER_OPS))
        done += ops[-1].kind in RUN_OPS
    return [*ops, Op("run", 0)]


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """A shorter schedule that still fails: operations are left out, first many at a time, then single ones."""
    size = max(1, len(schedule.ops) // 2)
    while size:
        place = 0
        while place < len(schedule.ops):
            shorter = replace(schedule, ops=schedule.ops[:place] + schedule.ops[place + size :])
            if shorter.ops and fails(shorter):
                schedule = shorter
            else:
                place += size
        size //= 2
    return schedule
