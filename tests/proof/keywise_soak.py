"""Random chains of CTEs against the key-wise rule for as long as one likes: check 22 of the soak.

    python -m tests.proof.keywise_soak --seconds 3600 --seed 100000

Prints how many were tried and accepted, and each that is wrong with its number; exit code 1 if there is any.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import sqlglot

from runner.names import TableName
from runner.proof.keywise import Tracked, Verdict, check
from tests.kit.tally import Tally
from tests.proof.keywise_chains import COLUMNS, KEYS, ChainAuthor, chain_world, tracked
from tests.proof.keywise_world import differences, fetch

SEEDS = (1, 2, 3)  # of the data


def asked(sql: str, inputs: dict[TableName, Tracked]) -> tuple[Verdict, Verdict]:
    """What the rule says without the catalogue, and with it."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    offline = check(tree, ("key",), inputs, "duckdb")  # type: ignore[arg-type]
    return offline, check(tree, ("key",), inputs, "duckdb", COLUMNS)  # type: ignore[arg-type]


def wrong(
    sql: str,
    inputs: dict[TableName, Tracked],
    worlds: list[duckdb.DuckDBPyConnection],
    backwards: list[duckdb.DuckDBPyConnection],
) -> str:
    """How the query goes wrong on these data: '' if it does not."""
    ordered = zip(worlds, backwards, strict=True)
    if any(fetch(one, sql, ("key",)) != fetch(other, sql, ("key",)) for one, other in ordered):
        return "depends on the order of rows"
    return differences(sql, ("key",), inputs, worlds)


@dataclass(frozen=True)
class Tried:
    """One chain: whether it is accepted with all columns known, and how it goes wrong then."""

    number: int
    key: str
    sql: str
    accepted: bool
    wrong: str = ""


def tries(first: int) -> Iterator[Tried]:
    """Chains without end, the keys in turn."""
    worlds = [chain_world(seed) for seed in SEEDS]
    backwards = [chain_world(seed, backwards=True) for seed in SEEDS]
    number = first
    while True:
        for key in KEYS:
            sql, inputs = ChainAuthor(number, key).query(), tracked(key)
            offline, known = asked(sql, inputs)
            loose = not offline.refusals and bool(known.refusals)
            if known.refusals and not loose:
                yield Tried(number, key, sql, accepted=False)
                continue
            try:
                said = "accepted without the catalogue, refused with it" if loose and not offline.is_open else ""
                yield Tried(
                    number, key, sql, not loose, said or (wrong(sql, inputs, worlds, backwards) if not loose else "")
                )
            except duckdb.Error:
                yield Tried(number, key, sql, accepted=False)  # types that do not fit: no query of the rule's
        number += 1


def soak(size: int, seed: int) -> list[Tally]:
    """Check 22: so many chains."""
    done = [one for one, _ in zip(tries(seed), range(size), strict=False)]
    bad = [f"{one.key} {one.number}: {one.wrong}: {one.sql}" for one in done if one.wrong]
    return [Tally(22, "chains of CTEs", "duckdb", size, 0, len(bad), seeds=str(seed), notes=tuple(bad))]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=100_000)
    given = parser.parse_args()
    end, tried, accepted, bad = time.monotonic() + given.seconds, 0, 0, 0
    for one in tries(given.seed):
        tried, accepted, bad = tried + 1, accepted + one.accepted, bad + bool(one.wrong)
        if one.wrong:
            print(f"{one.key} {one.number}: {one.wrong}\n  {one.sql}", flush=True)
        if time.monotonic() > end:
            break
    print(f"{tried:,} tried, {accepted:,} accepted, {bad} wrong, seeds from {given.seed}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
