"""What it costs that copies of an event may have any keys: an increment of 10k events, beside one whose `dedupe` holds the key.

    python -m tests.benchmarks.copies [--rounds 7] [--events 2000000]

Both work on copies of one database, one after the other in each round; whole-process CPU seconds, medians and the
median difference and ratio of paired rounds. One event in a hundred is a copy: of one of the batch before, of any in history
one of ten, and one of ten in another session than the first.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import duckdb

from tests.benchmarks.increment import EVENTS, SESSIONS, cpu_s

COPIED = """
insert into atomic.events
with numbered as (
    select i, case when i % 1000 = 0 then (i * 7919) % {start} + 1 when i % 100 = 0 then i - 9999 else i end as o
    from range({start}, {start} + {count}) t(i)
)
select md5(o::varchar), md5((case when i % 1000 = 100 then i // 10 else o // 10 end)::varchar), md5((o // 50)::varchar),
    'page_' || (hash(i) % 100), case when i % 3 = 0 then 'page_view' else 'page_ping' end,
    timestamp '2024-01-01' + to_seconds(i), timestamp '2024-01-01' + to_seconds(i),
    timestamp '2024-01-01' + to_hours(i // 10000)
from numbered
"""
PLAYBOOK = """
name: bench
target: duckdb:///{name}.duckdb
source: {{table: atomic.events, batch: etl_tstamp, dedupe: [{dedupe}], order_by: [collector_tstamp]}}
models:
  - {{table: derived.sessions, sql: sessions.sql, key: domain_sessionid}}
"""
DEDUPE = {"held": "event_id, domain_sessionid", "apart": "event_id"}


def increment(folder: Path, name: str, start: int) -> float:
    """CPU seconds of a run over one more batch."""
    with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
        connection.execute(COPIED.format(start=start, count=10000))
    return cpu_s([sys.executable, "-m", "runner", "run", str(folder / f"{name}.yml")])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=2_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "sessions.sql").write_text(SESSIONS)
        with duckdb.connect(str(folder / "held.duckdb")) as connection:
            connection.execute(EVENTS.format(events=given.events // 2))
            connection.execute(COPIED.format(start=given.events // 2, count=given.events // 2))
        shutil.copy(folder / "held.duckdb", folder / "apart.duckdb")
        for name, dedupe in DEDUPE.items():
            (folder / f"{name}.yml").write_text(PLAYBOOK.format(name=name, dedupe=dedupe))
            first = cpu_s([sys.executable, "-m", "runner", "run", str(folder / f"{name}.yml")])
            print(f"{name:6} first run {first:7.3f} s CPU")
        rounds = [
            tuple(increment(folder, name, given.events + 10000 * number) for name in DEDUPE)
            for number in range(given.rounds + 1)
        ][1:]
        held, apart = (statistics.median(side) for side in zip(*rounds, strict=True))
        more = statistics.median(b - a for a, b in rounds)
        ratio = statistics.median(b / a for a, b in rounds)
        print(f"held {held:.3f} s   apart {apart:.3f} s   {more:+.3f} s   ratio {ratio:.2f}   ({len(rounds)} rounds)")
        print(f"verify: {cpu_s([sys.executable, '-m', 'runner', 'verify', str(folder / 'apart.yml')]):.3f} s CPU")


if __name__ == "__main__":
    main()
