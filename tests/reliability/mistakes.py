"""Plants mistakes in the modules that keep the promise, and runs the tests of each: check 24 of the soak.

    python -m tests.reliability.mistakes --size 60 --seed 1
    python -m tests.reliability.mistakes --only lease.py:97 --size 9

Each mistake (`tests.proof.mistakes.plant`: conditions, comparisons, constants, returns, calls) stands in a copy of the
package alone. A survivor is printed with its line: somebody has to say whether it changes anything a user could see.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.kit import ROOT
from tests.kit.tally import Tally
from tests.proof.mistakes.plant import Site, copied, environment, sites, standing

TIMEOUT_S = 900
RUNS = ("tests/features/test_run.py", "tests/features/test_state.py", "tests/features/test_vanished.py")
SIMULATED = ("tests/reliability/simulation/test_interleave.py", "tests/reliability/simulation/test_upheavals.py")
LOOKUPS = ("tests/features/test_lookups.py",)
VIEWS = (
    "tests/features/test_views_made.py",
    "tests/features/test_views_read.py",
    "tests/doors/semantic/test_semantic.py",
)
HIDDEN = (
    "tests/reliability/leaks/test_hidden.py",
    "tests/reliability/leaks/test_secrets.py",
    "tests/reliability/leaks",
)
CUT = ("tests/reliability/faults/test_cut_commit.py", "tests/reliability/faults/test_real_errors.py")
SHAPES = ("tests/features/test_rebuilds.py", "tests/features/test_key_types.py", "tests/features/test_poison.py")
TESTS: dict[str, tuple[str, ...]] = {
    "increment/publish": (*SHAPES, "tests/features/test_touched.py", *CUT, *VIEWS[:1], *LOOKUPS, *RUNS, *SIMULATED),
    "increment/fate": (*CUT, "tests/features/test_lease.py", "tests/reliability/faults", *RUNS),
    "state/manifest": (
        *("tests/features/test_rebuilds.py", "tests/features/test_damage.py", "tests/features/test_lease.py"),
        *("tests/features/test_commands.py", *LOOKUPS, *VIEWS[:1], "tests/trial/test_runs.py", *RUNS, *SIMULATED),
    ),
    "state/tables": ("tests/features/test_state.py", "tests/features/test_damage.py", *RUNS),
    "state/lease": ("tests/features/test_lease.py", *CUT, "tests/reliability/processes/test_concurrent.py", *RUNS),
    "algebra/lookups": LOOKUPS,
    "increment/others/lookups": LOOKUPS,
    "state/lookups": (*LOOKUPS, "tests/features/test_tables.py"),
    "increment/views": VIEWS,
    "program/selects/views": VIEWS,
    "program/cache": ("tests/reliability/leaks/test_cache.py",),
    "program/stored": ("tests/reliability/leaks/test_cache.py", *RUNS),
    "secrets": HIDDEN,
    "playbook/hidden": HIDDEN,
}
"""The modules, and the tests that have to see a mistake there: the quick ones first."""


@dataclass(frozen=True)
class Outcome:
    """A mistake, and the first test that saw it; '' for none."""

    site: Site
    seen_by: str

    def __str__(self) -> str:
        return f"{self.seen_by or 'SURVIVED'} | {self.site}"


def _tested(site: Site, copy: Path) -> Outcome:
    """One mistake, planted and taken out again."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *TESTS[site.module]]
    env = environment(copy, RUNNER_TEST_SHRINK="0")
    try:
        with standing(site, copy / "runner"):
            done = subprocess.run(
                command, cwd=copy, env=env, text=True, capture_output=True, timeout=TIMEOUT_S, check=False
            )
    except subprocess.TimeoutExpired:
        return Outcome(site, f"not done after {TIMEOUT_S} s")
    if not done.returncode:
        return Outcome(site, "")
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return Outcome(site, lines[0].split(" - ")[0] if lines else (done.stderr.strip().splitlines() or ["crash"])[-1])


def outcomes(size: int, seed: int, only: str = "") -> Iterator[Outcome]:
    """`size` mistakes by chance, from each module as many as from any other as long as it has some."""
    places = [s for s in sites(ROOT / "runner", tuple(TESTS)) if only in f"{s.module}.py:{s.line} {s.kind}"]
    dice = random.Random(seed)
    dice.shuffle(places)
    ranked = sorted(places, key=lambda site: [one.module for one in places[: places.index(site)]].count(site.module))
    with copied("runner", "tests", "playbooks", "sql", "docs") as copy:
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, copy / name)
        for site in ranked[:size]:
            yield _tested(site, copy)


def soak(size: int, seed: int) -> list[Tally]:
    """Check 24."""
    done = list(outcomes(size, seed))
    left = tuple(str(one) for one in done if not one.seen_by)
    return [Tally(24, "mistakes in the protocol", "all", len(done), len(done), len(left), seeds=str(seed), notes=left)]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of module.py:line kind")
    given = parser.parse_args()
    done, began = [], time.monotonic()
    for outcome in outcomes(given.size, given.seed, given.only):
        done.append(outcome)
        print(outcome, flush=True)
    survived = sum(not one.seen_by for one in done)
    print(f"{len(done)} mistakes, {survived} survived, seed {given.seed}, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
