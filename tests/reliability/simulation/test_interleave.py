"""The promise under attack: runners, loaders, rewinds, readers and crashes in between each other's statements.

See `tests.reliability.simulation.sim` for what happens, `tests.reliability.simulation.interleave` for how many; the long version is `python -m tests.soak --check 1`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.engines import postgres
from tests.kit.arena import first_seed, on_duckdb, on_postgres
from tests.oracles.play import Difference
from tests.oracles.schedules import make
from tests.reliability.simulation.interleave import counts, repeatable_read, simulated, simulated_or_shrunk
from tests.reliability.simulation.sim import CALM, WILD, Simulation, simulate

GROUP = {"duckdb": 10, "postgres": 3}


def groups(engine: str) -> list[range]:
    """The seeds of one engine, in groups."""
    begin, size = first_seed(), GROUP[engine]
    end = begin + counts()[engine]
    return [range(seed, min(seed + size, end)) for seed in range(begin, end, size)]


def name(group: range) -> str:
    """How a group of seeds is called in the test's name."""
    return f"{group.start}-{group.stop - 1}"


@pytest.mark.parametrize("group", groups("duckdb"), ids=name)
def test_duckdb(group: range) -> None:
    """At every commit, after every crash and for every reader: derived == recompute over the manifest's batches."""
    happened: Counter[str] = Counter()
    for seed in group:
        happened += simulated_or_shrunk(seed, on_duckdb).happened
    assert happened.total() > len(group), "nothing came between"


@pytest.mark.parametrize("group", groups("postgres"), ids=name)
def test_postgres(group: range, postgres_server: postgres.Server) -> None:
    """The same on Postgres."""
    for seed in group:
        simulated_or_shrunk(seed, on_postgres(postgres_server))


def test_what_was_wrong_once(postgres_server: postgres.Server) -> None:
    """Key indexes of runs that never published are dropped also where nothing is pending any more."""
    simulated(make(100_400, 4), on_postgres(postgres_server))


def test_repeatable_read(postgres_server: postgres.Server) -> None:
    """The same where every transaction of the runner is REPEATABLE READ."""
    with repeatable_read():
        simulated_or_shrunk(first_seed() + 50, on_postgres(postgres_server))


def test_same_seed_same_statements() -> None:
    """A seed gives the same statements of all processes, byte for byte; another seed gives others."""
    first, again, other = (simulated(make(seed, 3), on_duckdb) for seed in (5, 5, 6))
    assert first.log == again.log
    assert first.digest() == again.digest() != other.digest()


def test_same_seed_same_statements_on_postgres(postgres_server: postgres.Server) -> None:
    """The same on Postgres."""
    first, again = (simulated(make(7, 3), on_postgres(postgres_server)) for _ in range(2))
    assert first.log == again.log


def test_everything_happens() -> None:
    """Within a few seeds every kind of thing comes between the statements, at transactions and outside of them."""
    kinds, labels = set[str](), set[str]()
    for seed in range(100, 130):
        found = simulated(make(seed, 4), on_duckdb)
        kinds |= found.happened.keys()
        labels |= {label.split(":")[0] for label in found.crashes}
        if kinds == {kind for kind, _ in WILD.weights} and {"freeze", "publish"} <= labels:
            return
    pytest.fail(f"only {kinds}, crashes at {labels}")


def test_calm_is_calm() -> None:
    """Without anything in between a simulation is an ordinary schedule."""
    assert not simulated(make(3, 3), on_duckdb, CALM).happened


def test_a_wrong_row_is_found(tmp_path: Path) -> None:
    """A row that another session changes in a derived table is a Difference, with the seed and the operation."""

    class Meddler(Simulation):
        def _other_rewind(self, rng: Random) -> None:
            self.db.execute("update derived.sessions set events = events + 1")

    schedule = next(made for made in (make(seed, 4) for seed in range(50)) if "sessions" in made.fixed)
    profile = WILD.only("rewind", rate=0.2)
    with pytest.raises(Difference, match=r"(?s)(sessions|daily): too many .*seed \d+"):
        simulate(schedule, profile, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", tmp_path / "playbook", Meddler)
