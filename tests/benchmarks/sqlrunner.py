"""100 trivial queries of an SQL Runner playbook, in one step and in 100 steps, beside plain psycopg doing the same.

    python -m tests.benchmarks.sqlrunner [--rounds 7]

Plain psycopg: one connection, autocommit, 100 files read and sent one after the other; for the one step, as many threads
with a connection each as the runner has. Whole-process CPU (user and system) and wall seconds, medians and the median
ratio of paired rounds; the tables that both fill are compared after every round.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.doors.sqlrunner.oldbooks import target
from tests.engines import postgres
from tests.engines.db import Db

QUERIES = 100
PLAIN = """
import sys, threading
from pathlib import Path
import psycopg
url, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
waiting = sorted(folder.glob("*.sql"))
lock = threading.Lock()
def work():
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            with lock:
                if not waiting:
                    return
                text = waiting.pop(0).read_text()
            connection.execute(text)
workers = [threading.Thread(target=work) for _ in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
"""


def measured(command: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of a command; it must succeed."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout}{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s


def write(folder: Path, url: str) -> None:
    """The files, and a playbook for each shape."""
    files = [f"{number:03}.sql" for number in range(QUERIES)]
    for number, file in enumerate(files):
        (folder / file).write_text(f"insert into done values ({number})")
    queries = [f"{{name: q{number}, file: {file}, template: true}}" for number, file in enumerate(files)]
    one = "- name: s\n  queries:\n" + "".join(f"    - {query}\n" for query in queries)
    many = "".join(f"- name: s{number}\n  queries: [{query}]\n" for number, query in enumerate(queries))
    for name, steps in (("one", one), ("many", many)):
        (folder / f"{name}.yml").write_text(f"targets:\n{target(url)}steps:\n{steps}")


def emptied(url: str) -> None:
    """What both fill is empty again; before that, it must have held all."""
    with Db(url) as db:
        db.execute("create table if not exists done (n int)")
        rows = db.rows("select count(*), count(distinct n) from done")
        if rows not in ([(0, 0)], [(QUERIES, QUERIES)]):
            raise SystemExit(f"{rows[0][0]} rows instead of {QUERIES}")
        db.execute("truncate done")


def show(name: str, pairs: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    """Medians, and the median ratio of paired rounds."""
    for number, unit in enumerate(("CPU", "wall")):
        ours, theirs = (statistics.median(pair[side][number] for pair in pairs) for side in (0, 1))
        ratio = statistics.median(pair[0][number] / pair[1][number] for pair in pairs)
        print(
            f"{name:10} {unit:4} sql-runner {ours:6.3f} s   psycopg {theirs:6.3f} s   ratio {ratio:5.2f}   ({len(pairs)} rounds)"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with postgres.server() as server, postgres.database(server, "bench") as url, tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, url)
        entry = [sys.executable, "-c", "from runner.doors.sqlrunner.cli import entry; entry()"]
        for name, threads in (("one", 20), ("many", 1)):
            pairs = []
            for _ in range(options.rounds):
                emptied(url)
                ours = measured([*entry, "-playbook", str(folder / f"{name}.yml"), "-threads", str(threads)])
                emptied(url)
                plain = measured([sys.executable, "-c", PLAIN, url, str(folder), str(threads)])
                pairs.append((ours, plain))
            emptied(url)
            show({"one": "1 step", "many": "100 steps"}[name], pairs)


if __name__ == "__main__":
    main()
