"""A run with nothing to do, and an increment of 10k events over 1M, beside the same job in hand-written SQL.

    python -m tests.benchmarks.increment [--rounds 7] [--events 1000000]

Both do the same work on copies of one database, one after the other in each round; whole-process CPU seconds (user and
system, children included), medians and the ratio of the paired rounds. Derived tables are compared after every round.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

EVENTS = """
create schema if not exists atomic;
create table atomic.events as
select md5(i::varchar) as event_id, md5((i // 10)::varchar) as domain_sessionid, md5((i // 50)::varchar) as domain_userid,
    'page_' || (hash(i) % 100) as page_url, case when i % 3 = 0 then 'page_view' else 'page_ping' end as event_name,
    timestamp '2024-01-01' + to_seconds(i) as collector_tstamp, timestamp '2024-01-01' + to_seconds(i) as derived_tstamp,
    timestamp '2024-01-01' + to_hours(i // 10000) as etl_tstamp
from range({events}) t(i)
"""

# Eight of ten events go to new sessions, two to sessions anywhere in history; one in fifty is a copy.
BATCH = """
insert into atomic.events
select md5((case when i % 50 = 0 then i - 1 else i end)::varchar),
    md5((case when i % 10 < 8 then i // 10 else (i * 7919) % ({start} // 10) end)::varchar), md5((i // 50)::varchar),
    'page_' || (hash(i) % 100), case when i % 3 = 0 then 'page_view' else 'page_ping' end,
    timestamp '2024-01-01' + to_seconds(i), timestamp '2024-01-01' + to_seconds(i), timestamp '2024-01-01' + to_hours(i // 10000)
from range({start}, {start} + 10000) t(i)
"""

PLAYBOOK = """
name: bench
target: duckdb:///runner.duckdb
source: {table: atomic.events, batch: etl_tstamp, dedupe: [event_id, domain_sessionid], order_by: [collector_tstamp]}
models:
  - {table: derived.sessions, sql: sessions.sql, key: domain_sessionid}
  - {table: derived.users, sql: users.sql, key: domain_userid}
"""

SESSIONS = """
select domain_sessionid, min(domain_userid) as domain_userid, min(derived_tstamp) as start_tstamp,
    max(derived_tstamp) as end_tstamp, count(*) as events,
    count(case when event_name = 'page_view' then 1 end) as page_views, count(distinct page_url) as pages
from atomic.events
group by domain_sessionid
"""

USERS = """
select domain_userid, min(start_tstamp) as first_seen, max(end_tstamp) as last_seen, count(*) as sessions, sum(events) as events
from derived.sessions
group by domain_userid
"""


def cpu_s(command: list[str]) -> float:
    """CPU seconds of a command; it must succeed."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout}{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def both(folder: Path) -> tuple[list[str], list[str]]:
    """The two commands."""
    runner = [sys.executable, "-m", "runner", "run", str(folder / "bench.yml")]
    hand = [sys.executable, str(Path(__file__).with_name("handwritten.py")), str(folder / "hand.duckdb")]
    return runner, hand


def grow(folder: Path, start: int) -> None:
    """The same new batch for both."""
    for name in ("runner.duckdb", "hand.duckdb"):
        with duckdb.connect(str(folder / name)) as connection:
            connection.execute(BATCH.format(start=start))


def compare(folder: Path) -> None:
    """Both made the same tables."""
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{folder}/runner.duckdb' as r (read_only); attach '{folder}/hand.duckdb' as h (read_only)"
        )
        for table in ("sessions", "users"):
            for one, other in (("r", "h"), ("h", "r")):
                found = connection.execute(
                    f"select count(*) from (from {one}.derived.{table} except all from {other}.derived.{table})"
                )
                row = found.fetchone()
                if row is None or row[0]:
                    raise SystemExit(f"derived.{table} differs")


def show(name: str, pairs: list[tuple[float, float]]) -> None:
    """Medians and the median ratio of paired rounds."""
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"{name:10} runner {ours:6.3f} s CPU   hand-written {theirs:6.3f} s CPU   ratio {ratio:5.2f}   ({len(pairs)} rounds)"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, text in (("bench.yml", PLAYBOOK), ("sessions.sql", SESSIONS), ("users.sql", USERS)):
            (folder / name).write_text(text)
        with duckdb.connect(str(folder / "hand.duckdb")) as connection:
            connection.execute(EVENTS.format(events=options.events))
        shutil.copy(folder / "hand.duckdb", folder / "runner.duckdb")
        runner, hand = both(folder)
        show("full", [(cpu_s(runner), cpu_s(hand))])
        compare(folder)
        noop, increment = [], []
        for number in range(options.rounds):
            noop.append((cpu_s(runner), cpu_s(hand)))
            grow(folder, options.events + number * 10_000)
            increment.append((cpu_s(runner), cpu_s(hand)))
            compare(folder)
        show("nothing", noop)
        show("increment", increment)


if __name__ == "__main__":
    main()
