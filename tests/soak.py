"""Many random schedules, in parallel.

    python -m tests.soak                                  2,000 on DuckDB, 200 on Postgres
    python -m tests.soak --schedules 500/0 --seed 10000   other numbers; the seeds begin at 10000
    python -m tests.soak --seed 17 --schedules 1/0         replay one

Prints a line for every schedule that fails, shrunk, and the sum; exit code 1 if any did.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests import postgres
from tests.arena import on_duckdb, on_postgres, play_or_shrink
from tests.play import Difference


def one(seed: int, server: postgres.Server | None) -> tuple[int, str]:
    """Play one schedule; the number of runs, and what went wrong."""
    try:
        return play_or_shrink(seed, on_postgres(server) if server else on_duckdb).runs, ""
    except Difference as error:
        return 0, str(error)


def many(engine: str, seeds: range, jobs: int) -> int:
    """Play the schedules of one engine; how many failed."""
    began = time.monotonic()
    failed = runs = 0
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres.server()) if engine == "postgres" else None
        pool = stack.enter_context(ProcessPoolExecutor(jobs))
        futures = {pool.submit(one, seed, server): seed for seed in seeds}
        for done in as_completed(futures):
            count, wrong = done.result()
            runs += count
            if wrong:
                failed += 1
                print(f"{engine}, seed {futures[done]}: {wrong}\n", flush=True)
    took = time.monotonic() - began
    print(f"{engine}: {len(seeds)} schedules from seed {seeds.start}, {runs} runs, {failed} failed, {took:.0f} s")
    return failed


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", default="2000/200", help="on DuckDB / on Postgres")
    parser.add_argument("--seed", type=int, default=100_000, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    numbers = [int(number) for number in given.schedules.split("/")]
    failed = 0
    for engine, number in zip(("duckdb", "postgres"), numbers, strict=False):
        failed += many(engine, range(given.seed, given.seed + number), given.jobs) if number else 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
