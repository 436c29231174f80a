"""A semantic model over a million events of 20,000 users on 90 days: full build, a day's batch, one KPI alone.

    python -m tests.benchmarks.semantic [--engine duckdb|postgres] [--events 1000000] [--users 20000] [--days 90]

Prints seconds (wall), statements and rows touched of each, and ends with `verify`. The model is that of
semantic_model.py; 2 % of the events are late by 8 days in the mean.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
import time
from pathlib import Path

from runner.cli.app import main as runner
from tests.doors.semantic import model as semantic_model
from tests.engines import postgres
from tests.engines.db import Db

DDL = """
create schema app;
create table app.login (event_id varchar, user_id varchar, time timestamp, etl_tstamp timestamp, country varchar);
create table app.events (event_id varchar, user_id varchar, time timestamp, etl_tstamp timestamp, event_name varchar,
    revenue decimal(18,4), product varchar)
"""
# A day's events by arithmetic on their number, so that both engines have the same ones.
NUMBERS = {"duckdb": "range({first}, {last}) t(n)", "postgres": "generate_series({first}, {last} - 1) t(n)"}
DAY = """
with raw as (
    select n, {day} as day, (cast(n as bigint) * 7919 + {day} * 104729) % 1000003 as r, (cast(n as bigint) * 31337 + {day} * 7) % 999983 as q from {numbers}
), rows as (
    select n, r % {users} as u, r, q,
        case when q % 50 = 0 then greatest(0, day - q % 17) else day end as happened, day from raw
)
"""
LOGIN = """insert into app.login {day} select cast('e' || n as varchar), cast('u' || u as varchar),
    timestamp '2026-01-01' + happened * interval '1 day' + cast(q % 86400 as integer) * interval '1 second',
    timestamp '2026-01-02' + day * interval '1 day', case q % 3 when 0 then 'DE' when 1 then 'FR' else 'US' end
    from rows where r % 3 > 0"""
EVENTS = """insert into app.events {day} select cast('e' || n as varchar), cast('u' || u as varchar),
    timestamp '2026-01-01' + happened * interval '1 day' + cast(q % 86400 as integer) * interval '1 second',
    timestamp '2026-01-02' + day * interval '1 day', case when q % 4 > 0 then 'payment' else 'other' end,
    cast(q % 3000 as decimal(18,4)) / 100, case q % 5 when 0 then 'a' when 1 then 'b' else 'c' end
    from rows where r % 3 = 0"""


class Bench:
    """One warehouse, one model."""

    def __init__(self, engine: str, url: str, folder: Path, a: argparse.Namespace) -> None:
        self.engine, self.url, self.a = engine, url, a
        self.folder = semantic_model.write(folder)
        self.statements = 0
        self.per_day = a.events // a.days
        with Db(url) as db:
            db.execute(DDL)

    def load(self, day: int) -> None:
        """The events of one day."""
        numbers = NUMBERS[self.engine].format(first=day * self.per_day, last=(day + 1) * self.per_day)
        text = DAY.format(day=day, users=self.a.users, numbers=numbers)
        with Db(self.url) as db:
            db.execute(LOGIN.format(day=text))
            db.execute(EVENTS.format(day=text))

    def watch(self, when: str, label: str, sql: str) -> None:
        self.statements += when == "before"

    def run(self, what: str, *args: str) -> None:
        """One command, with what it took and did."""
        self.statements, out, err = 0, io.StringIO(), io.StringIO()
        started = time.perf_counter()
        code = runner(["model", *args, str(self.folder), "--target", self.url], watch=self.watch, out=out, err=err)
        seconds = time.perf_counter() - started
        text = out.getvalue()
        touched = sum(int(n.replace(",", "")) for n in re.findall(r"[+~-]([\d,]+)(?= )", text))
        print(
            f"{what:<34} {seconds:7.1f} s  {self.statements:5} statements  {touched:10,} keys or rows changed  exit {code}"
        )
        for line in text.splitlines():
            if re.search(r"(keys|rows)   \+", line):
                print(f"    {line}")
        if code:
            print(text[-2000:], err.getvalue()[-2000:])


def play(engine: str, url: str, folder: Path, a: argparse.Namespace) -> None:
    bench = Bench(engine, url, folder, a)
    for day in range(a.days - 2):
        bench.load(day)
    bench.run("full build", "apply")
    bench.load(a.days - 2)
    bench.run("a day's batch", "update")
    bench.load(a.days - 1)
    bench.run("update --kpi daily_revenue", "update", "--kpi", "daily_revenue")
    bench.run("update: the others catch up", "update")
    bench.run("nothing pending", "update")
    bench.run("verify", "verify")
    bench.run("full build once more", "refresh")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="duckdb", choices=("duckdb", "postgres"))
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=90)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if a.engine == "duckdb":
            play("duckdb", f"duckdb:///{place / 'w.duckdb'}", place / "model", a)
            return
        with postgres.server() as server, postgres.database(server, "bench") as url:
            play("postgres", url, place / "model", a)


if __name__ == "__main__":
    main()
