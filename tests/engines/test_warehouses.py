"""The promise on Redshift and Snowflake, through their real drivers: random schedules, and simulations with crashes.

TRUNCATE commits behind the shim and DDL commits in the emulator, as they do in the real ones; what that means for the
promise is what the simulations are for. The long version is `python -m tests.soak --check 10`.
"""

from __future__ import annotations

from contextlib import ExitStack
from unittest.mock import patch

import pytest

from runner.algebra import changes
from runner.algebra.texts import Algebra
from runner.algebra.values import Staged
from tests.engines import postgres, redshift
from tests.kit.arena import Arena, first_seed, on, on_emulators, play_or_shrink
from tests.kit.tally import Tally
from tests.oracles.play import Difference
from tests.oracles.schedules import make
from tests.reliability.simulation import interleave
from tests.reliability.simulation.interleave import simulated, simulated_or_shrunk
from tests.reliability.simulation.sim import CALM

SCHEDULES, SIMULATIONS, GROUP = 5, 20, 5
SHORT = 1  # runs in one simulation, besides those that come in between and at its end
LENGTH = 5  # runs in one schedule
ENGINES = ("redshift", "snowflake")


@pytest.fixture
def arena(request: pytest.FixtureRequest) -> Arena:
    """Databases of the engine that the parameter names, on the session's server."""
    return on(request.param, request.getfixturevalue(f"{request.param}_server"))


on_both = pytest.mark.parametrize("arena", ENGINES, indirect=True)


@on_both
@pytest.mark.parametrize("place", range(SCHEDULES))
def test_schedules(arena: Arena, place: int) -> None:
    """After every run all tables are the full recompute over the events that the manifest lists."""
    assert play_or_shrink(first_seed() + place, arena, runs=LENGTH).runs >= LENGTH


@on_both
@pytest.mark.parametrize("group", range(0, SIMULATIONS, GROUP))
def test_simulations(arena: Arena, group: int) -> None:
    """The same with crashes, loaders, readers, rewinds and other runners between the statements, at every commit."""
    for seed in range(first_seed() + group, first_seed() + group + GROUP):
        simulated_or_shrunk(seed, arena, runs=SHORT)


def test_serializable_isolation(postgres_server: postgres.Server) -> None:
    """The same on a Redshift database whose isolation is SERIALIZABLE, the default of older clusters."""
    with redshift.server(postgres_server, isolation="serializable") as shim:
        for seed in range(first_seed() + SIMULATIONS, first_seed() + SIMULATIONS + GROUP):
            simulated_or_shrunk(seed, on("redshift", shim), runs=SHORT)


def _recreated(algebra: Algebra, staged: Staged) -> list[tuple[str, str]]:
    """A publish as it is often written: the table made anew."""
    new = algebra.scratch.new(staged.number)
    return [("delete", f"drop table {staged.table}"), ("insert", f"create table {staged.table} as select * from {new}")]


def _truncated(algebra: Algebra, staged: Staged) -> list[tuple[str, str]]:
    """A publish that empties the table by TRUNCATE."""
    columns = algebra.listed(staged.columns)
    new = algebra.scratch.new(staged.number)
    insert = f"insert into {staged.table} ({columns}) select {columns} from {new}"
    return [("delete", f"truncate table {staged.table}"), ("insert", insert)]


NAIVE = {"redshift": _truncated, "snowflake": _recreated}


@pytest.mark.parametrize(("arena", "engine"), [(engine, engine) for engine in ENGINES], indirect=["arena"])
def test_a_publish_that_would_commit_is_refused(arena: Arena, engine: str) -> None:
    """DDL on Snowflake and TRUNCATE on Redshift are not sent within the publish: exit 6, nothing published."""
    with (
        patch.object(changes, "publish", NAIVE[engine]),
        pytest.raises(Difference, match="would commit the transaction half done"),
    ):
        simulated(make(first_seed(), SHORT), arena, CALM)


@pytest.mark.parametrize(("arena", "engine"), [(engine, engine) for engine in ENGINES], indirect=["arena"])
def test_a_publish_that_commits_is_caught(arena: Arena, engine: str) -> None:
    """If such a statement were sent, the simulation would see tables that are not what the manifest says."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(changes, "publish", NAIVE[engine]))
        stack.enter_context(interleave.unguarded(engine))
        for seed in range(first_seed(), first_seed() + 20):
            try:
                simulated(make(seed, SHORT), arena)
            except Difference as error:
                assert "would commit" not in str(error)
                return
    pytest.fail("nothing was seen in 20 simulations")


def soak(size: int, seed: int) -> list[Tally]:
    """Check 10: simulations behind the shim, whose TRUNCATE commits, and in the emulator, whose DDL commits."""
    with on_emulators() as arenas:
        return [interleave.tally(engine, arena, size, seed) for engine, arena in arenas.items()]


def soak_schedules(size: int, seed: int) -> list[Tally]:
    """Check 10: plain schedules on both."""
    from tests.kit.arena import tally

    with on_emulators() as arenas:
        return [tally(engine, arena, size, seed) for engine, arena in arenas.items()]
