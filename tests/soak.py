"""The checks of the reliability suite at full length, as a table.

    python -m tests.soak                                   all of them, at full size (many hours)
    python -m tests.soak --check 1 6 9                     these
    python -m tests.soak --check 1 --size 100 --seed 5000  other numbers; random parts begin at seed 5000
    python -m tests.soak --check 0 --size 1 --seed 17      replay one schedule
    python -m tests.soak --minutes 60                      a part of each check in turn, for an hour

Work is cut into parts with seeds of their own, and `--jobs` of them run at once. Prints what went wrong as it is found
and a table at the end, and how many parts of each check were reached; exit code 1 if anything was found. What each
check does: tests/README.md.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import reduce
from importlib import import_module
from itertools import zip_longest

from tests.kit.tally import HEADER, Tally


@dataclass(frozen=True)
class Check:
    """A check: the module and function that do it, its full size, and how much of it makes one part."""

    number: int
    module: str
    size: int
    part: int
    function: str = "soak"
    whole: bool = False  # --size does not apply

    @property
    def name(self) -> str:
        """As it is told."""
        return f"check {self.number}, {self.module}.{self.function}"

    def run(self, size: int, seed: int) -> list[Tally]:
        """Do it."""
        work: Callable[[int, int], list[Tally]] = getattr(import_module(f"tests.{self.module}"), self.function)
        return work(size, seed)

    def parts(self, size: int, seed: int, most: int) -> Iterable[tuple[int, int]]:
        """(size, seed) of each part, which is of at most so many."""
        part = min(self.part, most)
        return ((min(part, size - begin), seed + begin) for begin in range(0, size, part))


CHECKS = (
    Check(0, "kit.arena", 2000, 40),
    Check(1, "reliability.simulation.interleave", 2000, 40),
    Check(1, "reliability.simulation.crash", 6, 1, whole=True),
    Check(2, "reliability.simulation.interleave", 1000, 40, "soak_upheavals"),
    Check(3, "reliability.simulation.interleave", 2000, 2000, "soak_mutants"),
    Check(4, "reliability.processes.kills", 20, 1),
    Check(5, "reliability.processes.kills", 200, 20, "soak_postgres"),
    Check(5, "reliability.processes.losses", 200, 20),
    Check(5, "reliability.processes.losses", 20, 5, "soak_crashes"),
    Check(6, "reliability.faults.test_cut_commit", 200, 40),
    Check(7, "reliability.processes.concurrent", 200, 20),
    Check(8, "reliability.processes.zombies", 100, 10),
    Check(9, "reliability.processes.signals", 50, 10),
    Check(10, "engines.test_warehouses", 300, 15),
    Check(10, "engines.test_warehouses", 30, 5, "soak_schedules"),
    Check(11, "reliability.faults.test_errors", 5000, 5000),
    Check(12, "reliability.faults.test_disk_full", 100, 25),
    Check(13, "reliability.simulation.test_idempotent", 200, 40),
    Check(14, "reliability.simulation.rewinds", 200, 40),
    Check(15, "files.refusals", 300, 300, whole=True),
    Check(16, "files.input_fuzz", 100_000, 10_000),
    Check(17, "reliability.leaks.test_secrets", 200, 20),
    Check(18, "files.injection", 10_000, 1000),
    Check(19, "reliability.leaks.test_time", 200, 40),
    Check(20, "features.test_verify_finds", 200, 40),
    Check(21, "proof.mistakes.soak", 200, 25),
    Check(22, "proof.keywise_soak", 100_000, 5000),
    Check(23, "trial.soak", 1000, 1000),
    Check(24, "reliability.mistakes", 60, 10),
    Check(25, "joins.queries", 5000, 250),
    Check(26, "doors.semantic.random_play", 100, 10),
    Check(26, "doors.semantic.random_play", 20, 5, "soak_postgres"),
    Check(27, "doors.products.sweep", 3000, 500),
)


def merged(tallies: Iterable[Tally]) -> list[Tally]:
    """One row a check, name and engine."""
    groups: dict[tuple[int, str, str], list[Tally]] = {}
    for one in tallies:
        groups.setdefault((one.check, one.name, one.engine), []).append(one)
    return [replace(reduce(lambda a, b: a + b, rows), seeds=_span(rows)) for _, rows in sorted(groups.items())]


def _span(rows: list[Tally]) -> str:
    ends = [int(end) for row in rows for end in row.seeds.split("-") if end.isdigit()]
    return f"{min(ends)}-{max(ends)}" if ends else ""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=int, nargs="*", default=sorted({check.number for check in CHECKS}))
    parser.add_argument("--size", type=int, help="instead of the full size")
    parser.add_argument("--seed", type=int, default=100_000, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--minutes",
        type=float,
        help="end after so many: what is under way is not waited for, and a part of each check has its turn",
    )
    given = parser.parse_args()
    checks = [check for check in CHECKS if check.number in given.check]
    sizes = {check: check.size if check.whole else given.size or check.size for check in checks}
    seconds = int(given.minutes * 60) if given.minutes else 0
    # Small parts where time is short, so that each check has its turn; what is one part does all of it in any case.
    most = {check: max(1, check.part // 10) if seconds and check.part < sizes[check] else check.part for check in sizes}
    work = {check: list(check.parts(size, given.seed, most[check])) for check, size in sizes.items()}
    ended = Counter[Check]()
    done: list[Tally] = []
    began = time.monotonic()
    # A worker that is busy can't be told to stop: it sets itself an alarm, which ends it. 0 sets none.
    with ProcessPoolExecutor(given.jobs, initializer=signal.alarm, initargs=(seconds,)) as pool:
        parts = {pool.submit(check.run, *part): check for check, part in _order(work, in_turn=bool(seconds))}
        try:
            for future in as_completed(parts):
                for tally in future.result():
                    done.append(tally)
                    for note in tally.notes:
                        print(f"{tally.check}, {tally.engine}: {note}\n", flush=True)
                check = parts[future]
                ended[check] += 1
                print(f"{time.monotonic() - began:.0f} s: {check.name}, part {ended[check]} of {len(work[check])}",
                      file=sys.stderr, flush=True)  # fmt: skip
        except BrokenProcessPool:
            if not seconds or time.monotonic() - began < seconds - 1:
                raise
    print(HEADER)
    for row in merged(done):
        print(row.row())
    for check, of in work.items():
        if ended[check] < len(of):
            print(f"{check.name}: {ended[check]} of {len(of)} parts of {most[check]} were reached")
    return int(any(tally.failed for tally in done))


def _order(work: Mapping[Check, list[tuple[int, int]]], *, in_turn: bool) -> Iterable[tuple[Check, tuple[int, int]]]:
    """All parts: one check after the other, or one part of each in turn, so that each is reached in a short time."""
    whole = [[(check, part) for part in parts] for check, parts in work.items()]
    if in_turn:
        whole.sort(key=lambda parts: len(parts) == 1)  # what can't be cut may take all of the time: last
    return (one for turn in (zip_longest(*whole) if in_turn else whole) for one in turn if one)


if __name__ == "__main__":
    sys.exit(main())
