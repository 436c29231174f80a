"""The promise, on random schedules, whatever upstream does between runs.

After every run all derived tables are the full recompute over the events that the manifest lists, and a second run
right away changes nothing.
How many: see `tests.kit.arena`; the long version is `python -m tests.soak`.
"""

from __future__ import annotations

import pytest

from tests.engines import postgres
from tests.kit.arena import counts, first_seed, on_duckdb, on_postgres, play_or_shrink
from tests.oracles.models import BY_NAME, MODELS
from tests.oracles.schedules import RUN_OPS, RUNNER_OPS, RUNS, Schedule, make, shrink
from tests.oracles.world import WEIGHTS, Op

GROUP = 10  # schedules a test
IN_SHELL = 2  # schedules of each engine through the command in a process of its own


def seeds(engine: str) -> list[range]:
    """The seeds of one engine, in groups."""
    begin = first_seed()
    end = begin + counts()[engine]
    size = GROUP if engine == "duckdb" else 3
    return [range(seed, min(seed + size, end)) for seed in range(begin, end, size)]


def name(group: range) -> str:
    """How a group of seeds is called in the test's name."""
    return f"{group.start}-{group.stop - 1}"


@pytest.mark.parametrize("group", seeds("duckdb"), ids=name)
def test_duckdb(group: range) -> None:
    """Schedules on DuckDB."""
    for seed in group:
        assert play_or_shrink(seed, on_duckdb).runs >= RUNS


@pytest.mark.parametrize("group", seeds("postgres"), ids=name)
def test_postgres(group: range, postgres_server: postgres.Server) -> None:
    """Schedules on Postgres."""
    for seed in group:
        assert play_or_shrink(seed, on_postgres(postgres_server)).runs >= RUNS


@pytest.mark.parametrize("seed", range(IN_SHELL))
def test_through_the_command(seed: int) -> None:
    """The same through the real command line, a process for every run."""
    assert play_or_shrink(first_seed() + seed, on_duckdb, in_shell=True).runs >= RUNS


def test_through_the_command_on_postgres(postgres_server: postgres.Server) -> None:
    """The same on Postgres."""
    assert play_or_shrink(first_seed(), on_postgres(postgres_server), in_shell=True).runs >= RUNS


def test_schedules_are_deterministic_and_varied() -> None:
    """A seed always gives the same schedule; a few hundred of them hold every operation, model and design."""
    many = [make(seed) for seed in range(300)]
    assert many == [make(seed) for seed in range(300)]
    assert {op.kind for schedule in many for op in schedule.ops} == {*WEIGHTS, *RUNNER_OPS, "correct"}
    assert {model for schedule in many for model in (*schedule.fixed, *schedule.optional)} == {m.name for m in MODELS}
    designs = [schedule.design for schedule in many]
    for field in ("dedupe", "by_id", "hourly", "fingerprint", "lookup", "order_by", "vanished"):
        assert len({getattr(design, field) for design in designs}) > 1
    assert not any(op.kind == "lookup" for s in many if s.design.static_lookup for op in s.ops)
    assert all(sum(op.kind in RUN_OPS for op in schedule.ops) == RUNS for schedule in many)
    assert all(BY_NAME[name].ancestors() <= set(s.fixed) for s in many for name in (*s.fixed, *s.optional))


def test_shrink_finds_the_operations_that_matter() -> None:
    """A failure that takes two operations in this order shrinks to these two."""

    def fails(schedule: Schedule) -> bool:
        kinds = [op.kind for op in schedule.ops]
        return "vanish" in kinds and "run" in kinds[kinds.index("vanish") :]

    schedule = next(made for made in map(make, range(100)) if fails(made) and len(made.ops) > 20)
    assert [op.kind for op in shrink(schedule, fails).ops] == ["vanish", "run"]
    assert Op("run", 0) in schedule.ops
