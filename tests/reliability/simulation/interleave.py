"""Simulations by seed: where they run, how they are shrunk, and how many there are.

Environment: RUNNER_TEST_SIMULATIONS (40/10: on DuckDB / on Postgres), RUNNER_TEST_SEED as for schedules.
"""

from __future__ import annotations

import itertools
import os
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from runner.warehouse.postgres import Postgres
from tests.engines import postgres
from tests.kit.arena import FOLDER, SHRINK_RUNS, Arena, on_duckdb, on_postgres
from tests.kit.tally import Tally
from tests.oracles.play import Difference
from tests.oracles.schedules import Schedule, make, shrink
from tests.reliability.simulation.mutants import MUTANTS, Mutant
from tests.reliability.simulation.sim import ENGINE, WILD, Profile, Simulation, simulate
from tests.reliability.simulation.upheavals import HARSH, Upheavals

RUNS = 4  # runs of the runner in one simulation, besides those that come in between
DEFAULT = "40/10"
NUMBERS = {"duckdb": 1, "redshift": 10, "snowflake": 10}  # of the checks
SIZE, SIZE_POSTGRES = 2000, 300


def counts() -> dict[str, int]:
    """How many simulations there are on each engine."""
    duckdb, _, postgres = os.environ.get("RUNNER_TEST_SIMULATIONS", DEFAULT).partition("/")
    return {"duckdb": int(duckdb), "postgres": int(postgres or 0)}


def simulated(
    schedule: Schedule, arena: Arena, profile: Profile = WILD, make: type[Simulation] = Simulation
) -> Simulation:
    """One simulation in a warehouse of its own. Raises Difference."""
    with TemporaryDirectory(prefix="runner_sim_", dir=FOLDER) as name, arena(Path(name)) as url:
        return simulate(schedule, profile, url, Path(name, "playbook"), make)


def simulated_or_shrunk(seed: int, arena: Arena, profile: Profile = WILD, runs: int = RUNS) -> Simulation:
    """The simulation of a seed; if it fails, the Difference of the smallest one that fails too."""
    schedule = make(seed, runs)
    try:
        return simulated(schedule, arena, profile)
    except Difference as error:
        if os.environ.get("RUNNER_TEST_SHRINK", "1") == "0":
            raise
        first = error
    left = itertools.count(SHRINK_RUNS, -1)

    def fails(shorter: Schedule, tamer: Profile) -> bool:
        if next(left) <= 0:
            return False
        try:
            simulated(shorter, arena, tamer)
        except Difference:
            return True
        return False

    most = next((n for n in (0, 1, 2, 3, 5, 8) if fails(schedule, replace(profile, most=n))), None)
    tame = replace(profile, most=most)
    shortest = shrink(schedule, lambda shorter: fails(shorter, tame))
    try:
        simulated(shortest, arena, tame)
    except Difference as error:
        raise Difference(f"seed {seed}, shrunk from {len(schedule.ops)} operations: {error}") from first
    raise first


def tally(
    engine: str,
    arena: Arena,
    size: int,
    seed: int,
    name: str = "simulation",
    profile: Profile = WILD,
    kind: type[Simulation] = Simulation,
) -> Tally:
    """Checks 1 and 2: many simulations on one engine."""
    number = NUMBERS.get(engine, 2) if kind is Simulation else 2
    done = Tally(number, name, engine, seeds=f"{seed}-{seed + size - 1}")
    for one in range(seed, seed + size):
        try:
            found = simulated(make(one, RUNS), arena, profile, kind)
            done += Tally(number, name, engine, size=1, faults=found.crashes.total())
        except Difference as error:
            done += Tally(number, name, engine, size=1, divergences=1, notes=(f"seed {one}: {error}",))
    return done


def soak_upheavals(size: int, seed: int) -> list[Tally]:
    """Simulations among upheavals, with the versions that their readers saw, on DuckDB and on Postgres."""
    few, how = max(1, size * SIZE_POSTGRES // SIZE), ("simulation among upheavals", HARSH, Upheavals)
    with postgres.server() as server:
        return [tally("duckdb", on_duckdb, size, seed, *how), tally("postgres", on_postgres(server), few, seed, *how)]


def soak(size: int, seed: int) -> list[Tally]:
    """Simulations on DuckDB, and on Postgres with publishes in READ COMMITTED and in REPEATABLE READ."""
    few = max(1, size * SIZE_POSTGRES // SIZE // 2)
    with postgres.server() as server:
        arena = on_postgres(server)
        done = [tally("duckdb", on_duckdb, size, seed), tally("postgres", arena, few, seed)]
        with repeatable_read():
            repeated = tally("postgres, repeatable read", arena, few, seed + few)
    return [*done, repeated]


def unguarded(engine: str) -> AbstractContextManager[object]:
    """Statements that commit are sent within a transaction too."""
    kind = ENGINE[engine]
    return patch.object(kind, "engine", replace(kind.engine, commits=None))


def repeatable_read() -> AbstractContextManager[object]:
    """Every transaction on Postgres sees one snapshot, the publish too."""
    return patch.object(Postgres, "_begin", lambda self, snapshot: "begin isolation level repeatable read")


def hunt(mutant: Mutant, size: int, seed: int) -> Tally:
    """The first simulation that catches a naive design; a survivor counts as a divergence of the harness."""
    name, first = "mutants caught", Tally(3, "mutants caught", "duckdb", size=1)
    for one in range(seed, seed + size):
        with suppress(Difference):
            with mutant.apply():
                simulated(mutant.schedule(one), on_duckdb)
            continue
        simulated(mutant.schedule(one), on_duckdb)
        return first + Tally(3, name, "duckdb", faults=one - seed + 1, notes=(f"{mutant.name}: seed {one}",))
    return first + Tally(3, name, "duckdb", faults=size, divergences=1, notes=(f"{mutant.name}: NOT CAUGHT",))


def soak_mutants(size: int, seed: int) -> list[Tally]:
    """Check 3: each naive design within so many simulations."""
    return [sum((hunt(mutant, size, seed) for mutant in MUTANTS[1:]), hunt(MUTANTS[0], size, seed))]
