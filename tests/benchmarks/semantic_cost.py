"""What a day's batch costs a semantic model as its history grows: CPU seconds of apply and two updates, by statement.

    python -m tests.benchmarks.semantic_cost [--engine duckdb|postgres] [--days 30,360] [--per-day 3000] [--users 5000]

The model and its events are those of semantic.py. CPU seconds are those of this process (DuckDB runs within it) and of
the server; statements are timed by CPU on DuckDB, by the clock on Postgres. Nothing is tried on made-up rows.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from runner.cli.app import main as runner
from tests.benchmarks.semantic import Bench
from tests.engines import postgres

DEAREST = 8
PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Statements:
    """Seconds and number of statements by label."""

    engine: str
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _since: float = 0.0

    def watch(self, when: str, label: str, sql: str) -> None:
        """Told before and after each statement."""
        now = time.process_time() if self.engine == "duckdb" else time.perf_counter()
        if when == "before":
            self._since = now
            return
        label = re.sub(r"[0-9a-f]{8,}", "#", label)
        self.seconds[label] += now - self._since
        self.numbers[label] += 1

    def print(self) -> None:
        """The dearest ones."""
        for label in sorted(self.seconds, key=lambda label: -self.seconds[label])[:DEAREST]:
            print(f"    {self.seconds[label]:7.2f} {self.numbers[label]:5} {label}", flush=True)


def server_seconds() -> float:
    """CPU seconds of the server that this process has started, with those of its connections that have ended."""
    parents, seconds = {}, {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:  # it ended meanwhile
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        fields, process = rest.split(), int(stat.parent.name)
        parents[process] = int(fields[1])
        seconds[process] = sum(map(int, fields[11:15])) / TICKS if name.startswith("postgres") else 0.0
    mine = {os.getpid()}
    while more := {process for process, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(seconds.get(process, 0.0) for process in mine)


def measured(bench: Bench, command: str) -> None:
    """One command, with what it took."""
    statements, out, err = Statements(bench.engine), io.StringIO(), io.StringIO()
    server, cpu, wall = server_seconds(), time.process_time(), time.perf_counter()
    words = ["model", command, str(bench.folder), "--target", bench.url]
    code = runner(words, watch=statements.watch, out=out, err=err)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    time.sleep(0.5 if bench.engine == "postgres" else 0)  # until the server has taken leave of the connection
    print(f"{command:<8} cpu {cpu:6.2f} s, server {server_seconds() - server:6.2f} s, wall {wall:6.2f} s, exit {code}")
    statements.print()
    if code:
        print(out.getvalue()[-2000:], err.getvalue()[-2000:])


def play(engine: str, url: str, folder: Path, a: argparse.Namespace) -> None:
    """A history of `a.days` days: all but two at once, then two batches."""
    print(f"\n{engine}, {a.days} days", flush=True)
    bench = Bench(engine, url, folder, a)
    for day in range(a.days - 2):
        bench.load(day)
    measured(bench, "apply")
    for day in (a.days - 2, a.days - 1):
        bench.load(day)
        measured(bench, "update")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="duckdb", choices=("duckdb", "postgres"))
    parser.add_argument("--days", default="30,360")
    parser.add_argument("--per-day", type=int, default=3_000)
    parser.add_argument("--users", type=int, default=5_000)
    a = parser.parse_args()
    os.environ["RUNNER_TRIAL"] = "off"
    for days in map(int, a.days.split(",")):
        one = argparse.Namespace(events=a.per_day * days, users=a.users, days=days)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            if a.engine == "duckdb":
                play("duckdb", f"duckdb:///{place / 'w.duckdb'}", place / "model", one)
                continue
            with postgres.server() as server, postgres.database(server, "bench") as url:
                play("postgres", url, place / "model", one)


if __name__ == "__main__":
    main()
