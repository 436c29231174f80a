"""Plants mistakes in the rules, each in a copy of the package, and counts what finds them.

    python -m tests.proof.mistakes.soak --size 25 --seed 1                one mistake after the other, and a table
    python -m tests.proof.mistakes.soak --only block.py:97 --size 9       those at a line
    python -m tests.soak --check 21                                       as a check of the soak

A mistake that only makes the rule refuse more costs a model, one that makes it accept more may cost rows: a check has
failed where such a one is found by neither the tables nor the generators.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.kit import ROOT
from tests.kit.tally import Tally
from tests.proof.mistakes.hunt import Found
from tests.proof.mistakes.plant import Site, copied, environment, sites, standing

QUERIES, TIMEOUT_S = 240, 300


@dataclass(frozen=True)
class Outcome:
    """A mistake and what came of it."""

    site: Site
    found: Found

    @property
    def by(self) -> str:
        """What found it, in a word or two."""
        names = ("crash", self.found.crash), ("tables", self.found.tables), ("generator", self.found.generator)
        return " and ".join(name for name, what in names if what) or "nothing"

    @property
    def is_gap(self) -> bool:
        """The rule accepts more, and nobody says so."""
        return self.by == "nothing" and bool(self.found.looser)

    def __str__(self) -> str:
        shown = (
            self.found.differs
            if self.by == "nothing"
            else [self.found.crash or self.found.tables or self.found.generator]
        )
        changed = (
            f", {self.found.looser} accepted more, {self.found.stricter} refused more" if self.by == "nothing" else ""
        )
        return f"{self.by}{changed} | {self.site} | {' | '.join(shown)[:300]}"


def _child(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.proof.mistakes.hunt", *arguments]
    return subprocess.run(command, cwd=copy, env=environment(copy), text=True, capture_output=True, timeout=TIMEOUT_S)


def _hunted(site: Site, copy: Path, verdicts: Path, queries: int) -> Outcome:
    """One mistake, planted and taken out again."""
    try:
        with standing(site, copy / "runner" / "proof"):
            done = _child(copy, str(verdicts), str(queries))
    except subprocess.TimeoutExpired:
        return Outcome(site, Found(crash=f"not done after {TIMEOUT_S} s"))
    if done.returncode:
        return Outcome(site, Found(crash=(done.stderr.strip().splitlines() or ["?"])[-1]))
    return Outcome(site, Found(**json.loads(done.stdout.splitlines()[-1])))


def outcomes(size: int, seed: int, only: str = "", queries: int = QUERIES) -> Iterator[Outcome]:
    """`size` mistakes by chance."""
    places = [site for site in sites(ROOT / "runner" / "proof") if only in f"{site.module}.py:{site.line} {site.kind}"]
    chosen = random.Random(seed).sample(places, min(size, len(places)))
    with copied("runner", "tests") as copy:
        verdicts = copy / "verdicts"
        _child(copy, str(verdicts), str(queries), "--keep").check_returncode()
        for site in chosen:
            yield _hunted(site, copy, verdicts, queries)


def soak(size: int, seed: int) -> list[Tally]:
    """Check 21."""
    done = list(outcomes(size, seed))
    gaps = [str(one) for one in done if one.is_gap]
    return [
        Tally(
            21, "mistakes in the rules", "duckdb", len(done), len(done), len(gaps), seeds=str(seed), notes=tuple(gaps)
        )
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of module.py:line kind")
    parser.add_argument("--queries", type=int, default=QUERIES, help="of the generators, a mistake")
    given = parser.parse_args()
    done, began = [], time.monotonic()
    for outcome in outcomes(given.size, given.seed, given.only, given.queries):
        done.append(outcome)
        print(outcome, flush=True)
    for by in sorted({outcome.by for outcome in done}):
        print(f"{sum(outcome.by == by for outcome in done)} found by {by}")
    print(f"{len(done)} mistakes, seed {given.seed}, {time.monotonic() - began:.0f} s")
    return int(any(outcome.is_gap for outcome in done))


if __name__ == "__main__":
    sys.exit(main())
