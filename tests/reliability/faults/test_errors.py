"""Errors of the warehouse at every statement: what is tried again, what is looked up, how a run ends and what it says.

Check 11 of the reliability suite. `tests.reliability.faults.outcomes` has the table of RELIABILITY 2.3. Whatever the error: exit 0 if and
only if the run is published, tables as the oracle says, at most five attempts, at most 60 s of pauses, nothing left
open; and the next run gets everything right.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from random import Random
from zlib import crc32

import pytest

from tests.engines import postgres
from tests.engines.db import ENGINES
from tests.kit.arena import first_seed
from tests.kit.tally import Tally
from tests.oracles.play import Difference
from tests.oracles.playbooks import Design
from tests.oracles.schedules import Schedule
from tests.oracles.world import Op
from tests.reliability.faults.bench import CHECK, TITLE, Bench
from tests.reliability.faults.faulty import DUCKDB, POSTGRES, Kind
from tests.reliability.faults.outcomes import COMMIT, Round, faults
from tests.reliability.faults.prepared import Prepared
from tests.reliability.simulation.crash import SCHEDULES

SIZE = 5000  # rounds on an engine: more than there are
USUAL = Schedule(
    18, Design(dedupe=True), ("sessions", "users"), (),
    (Op("new_batches", 1), Op("run", 2), Op("new_batch", 3), Op("grow", 4), Op("move", 6), Op("run", 8)),
)  # fmt: skip
OTHERS = tuple(SCHEDULES[name] for name in SCHEDULES if name != "chunks")
RESOLVE = {  # what a run does to find out whether its lost COMMIT took place
    "postgres": (("state:fence-outlaw", 1), ("state:published-after", 1)),
    "duckdb": (("state:published-after", 1),),
}
LOST = {"08006", "08006 done", "fatal", "fatal done"}  # these stand for their kind before a look
OWN = re.compile(r"catalogue|lease:|scratch:|freeze:analyze|ddl:|resolve")  # the engines have their own of these


def everything(bench: Bench, all_points: bool) -> list[Round]:
    """Every fault at every statement of the usual run, and at those that only other runs have."""
    known: set[str] = set()
    found = []
    for schedule in (USUAL, *OTHERS):
        points = bench.points(schedule)
        if not all_points or schedule is not USUAL:
            points = [point for point in points if point[1] == 1 and point[0] not in known]
        known |= {label for label, _ in points}
        found += [Round(schedule, point, fault) for point in points for fault in faults(bench.prepared.engine, point)]
    return found + [
        Round(USUAL, point, replace(fault, every=every), lost)
        for point in RESOLVE[bench.prepared.engine]
        for fault in (POSTGRES if bench.prepared.engine == "postgres" else DUCKDB)
        for every in (False, True)
        for lost in faults(bench.prepared.engine, COMMIT)
        if str(lost) in LOST
    ]


def few(rounds: list[Round], engine: str, seed: int) -> list[Round]:
    """Every statement with one error, every error at a statement of the publish, lost connections at its COMMIT.

    Statements that are the same on both engines take turns: with one seed on DuckDB, with the next on Postgres.
    """
    rng = Random(seed)
    by_label: dict[str, list[Round]] = {}
    for round_ in rounds:
        by_label.setdefault(round_.label.split(":derived.")[0], []).append(round_)
    turn = (seed + ENGINES.index(engine)) % 2
    found = [rng.choice(by_label[label]) for label in by_label if OWN.match(label) or crc32(label.encode()) % 2 == turn]
    publishing = [group for label, group in by_label.items() if label.startswith("publish:")]
    for round_ in by_label[COMMIT[0]]:
        group = by_label[COMMIT[0]] if round_.fault.kind in (Kind.LOST, Kind.FATAL) else rng.choice(publishing)
        found.append(rng.choice([other for other in group if other.fault == round_.fault]))
    found += rng.sample([round_ for round_ in rounds if round_.lost], 2)
    return sorted(set(found), key=lambda r: (r.schedule.seed, not r.expected.code, str(r)))


def check(server: postgres.Server | None, seed: int, size: int | None = None) -> Bench:
    """On one engine: the few faults of the suite, or so many of all."""
    with Prepared(server) as prepared:
        bench = Bench(prepared, thorough=size is not None, seeds=str(seed))
        rounds = everything(bench, all_points=size is not None)
        wanted = (
            few(rounds, prepared.engine, seed) if size is None else Random(seed).sample(rounds, min(size, len(rounds)))
        )
        if size is not None:
            wanted.sort(key=lambda round_: (round_.schedule.seed, round_.label))
        for number, round_ in enumerate(wanted):
            bench.play(round_)
            if size is not None and number % 100 == 99:
                told = (
                    f"check {CHECK} {prepared.engine}: {number + 1} of {len(wanted)}, {len(bench.tally.notes)} findings"
                )
                sys.stderr.write(told + "\n")
        try:
            bench.leave()
        except Difference as error:
            bench.tally += Tally(CHECK, TITLE, prepared.engine, divergences=1, notes=(str(error),))
        return bench


def table(bench: Bench) -> str:
    """Statement × error, as Markdown: how often it was injected; `-` where it cannot be, 0 where it should have been."""
    engine = bench.prepared.engine
    columns = list(dict.fromkeys(str(fault) for fault in faults(engine, COMMIT)))
    lines = [f"| {engine} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for label in dict.fromkeys(label for label, _ in bench.matrix):
        can = {str(fault) for fault in faults(engine, (label, 1))}
        if label.startswith("resolve"):
            can = set(columns) - {column for column in columns if "done" in column}
        cells = [str(times(bench, label, column)) if column in can else "-" for column in columns]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def times(bench: Bench, label: str, column: str) -> int:
    """How often an error was injected at a statement; those of a look come in both ways in one cell."""
    return bench.matrix[label, column] + (bench.matrix[label, f"{column} every time"] if label[:7] == "resolve" else 0)


def soak(size: int = SIZE, seed: int = 1) -> list[Tally]:
    """Check 11 in full, with the fault matrix on stderr."""
    with postgres.server() as server:
        benches = [check(None, seed, size), check(server, seed, size)]
    for bench in benches:
        sys.stderr.write(table(bench) + "\n")
    return [bench.tally for bench in benches]


@pytest.mark.parametrize("engine", ENGINES)
def test_errors(engine: str, request: pytest.FixtureRequest) -> None:
    """Every statement fails once, every error comes within a publish: each ends as the table says."""
    server = request.getfixturevalue("postgres_server") if engine == "postgres" else None
    bench = check(server, first_seed())
    assert not bench.tally.failed, "\n".join(bench.tally.notes)
    assert bench.tally.faults >= bench.tally.size > 30
