"""One process in one time zone: each type of timestamp, and random schedules over a night when clocks change.

`python -m tests.reliability.leaks.zones JOBS` prints what came out as JSON; `tests.reliability.leaks.test_time` starts it
and compares.
The zone is in TZ before the process starts; on Postgres the database has it as its default too.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from runner.cli.app import main
from tests.engines.db import Db, engine_of
from tests.kit.arena import FOLDER, every_nth
from tests.oracles import world
from tests.oracles.play import Play
from tests.oracles.schedules import make

TYPES = {
    "duckdb": {
        "s": "timestamp_s", "ms": "timestamp_ms", "us": "timestamp", "ns": "timestamp_ns", "aware": "timestamptz",
    },
    "postgres": {
        "s": "timestamp(0)", "ms": "timestamp(3)", "us": "timestamp(6)", "aware": "timestamptz", "aware s": "timestamptz(0)",
    },
}  # fmt: skip
# In New York 02:30 on 2024-03-10 does not exist, and 01:30 on 2024-11-03 comes twice; all of these are UTC.
BATCHES = (
    "2024-03-09 23:59:59", "2024-03-10 01:30:00", "2024-03-10 02:00:00", "2024-03-10 02:30:00", "2024-03-10 03:00:00",
    "2024-03-10 06:59:59", "2024-03-10 07:00:00", "2024-03-10 18:30:00", "2024-11-03 01:30:00", "2024-11-03 05:30:00",
    "2024-11-03 06:30:00",
)  # fmt: skip
SESSIONS = """
select session_id, min(collector_tstamp) as start_tstamp, max(collector_tstamp) as end_tstamp, count(*) as events
from atomic.{name} group by session_id
"""
DAYS = "select cast(start_tstamp as date) as day, count(*) as sessions, max(end_tstamp) as last_tstamp from derived.{name}_sessions group by 1"
MARKS = "select session_id, min(collector_tstamp) as first_tstamp from atomic.{name} group by session_id"
NOISE = re.compile(
    r"\S*runner_\w+/\w+|postgresql:\S+|\d\d:\d\d:\d\d\.\d+|\d\.\d s|\b[0-9A-HJKMNP-TV-Z]{26}(?:\.\d+)?\b"
)


@dataclass(frozen=True)
class Job:
    """What one process does on a warehouse; that of a seed has the seed behind its URL, and is there and empty."""

    url: str
    types: list[str]
    seeds: list[int]


@dataclass(frozen=True)
class Found:
    """All tables of a case or of a schedule, and what the commands said, as lines."""

    engine: str
    what: str
    lines: list[str]


class Case:
    """A playbook over a source whose times have one type."""

    def __init__(self, url: str, folder: Path, name: str, type_: str) -> None:
        self.url, self.type, self.name = url, type_, f"t_{name.replace(' ', '_')}"
        self.said: list[str] = []
        self.aware = "tz" in type_
        models = (
            ("sessions", SESSIONS, "key: session_id, unique: session_id"),
            ("days", DAYS, 'key: {day: "cast(start_tstamp as date)"}'),
            ("marks", MARKS, "key: session_id, merge: {first_tstamp: min}"),
        )
        lines = [
            f"name: {self.name}",
            f"target: {url}",
            f"source: {{table: atomic.{self.name}, batch: etl_tstamp}}",
            "models:",
        ]
        for model, text, more in models:
            (folder / f"{self.name}_{model}.sql").write_text(text.format(name=self.name))
            lines.append(f"  - {{table: derived.{self.name}_{model}, sql: {self.name}_{model}.sql, {more}}}")
        self.path = folder / f"{self.name}.yml"
        self.path.write_text("\n".join(lines))
        self.execute(
            "create schema if not exists atomic",
            f"create table atomic.{self.name} (session_id varchar(9), collector_tstamp {type_}, etl_tstamp {type_})",
        )

    def execute(self, *statements: str) -> None:
        """From a connection that is closed again: the runner's own opening of a file decides about its zone."""
        with Db(self.url) as db:
            for statement in statements:
                db.execute(statement)

    def add(self, sessions: dict[int, str]) -> None:
        """An event of each session in its batches, at the batch's own time."""
        rows = [(one, BATCHES[n] + ("+00" if self.aware else "")) for n, many in sessions.items() for one in many]
        values = ", ".join(f"('{session}', '{etl}', '{etl}')" for session, etl in rows)
        self.execute(f"insert into atomic.{self.name} values {values}")

    def command(self, name: str, *args: str) -> str:
        """A command, which must succeed; what it says is part of what is compared."""
        out, err = io.StringIO(), io.StringIO()
        code = main([name, str(self.path), *args], out=out, err=err)
        text = " ".join((out.getvalue() + err.getvalue()).split("next:")[0].split())
        said = NOISE.sub("…", text).replace(self.name, "events")
        assert code == 0, f"{os.environ.get('TZ')}, {self.type}: {name} {args}: exit {code}\n{said}"
        self.said.append(f"{name} {' '.join(args)}: {said.split('→', 1)[1][:1000] if name == 'run' else said}")
        return said

    def clean(self) -> None:
        """A run with nothing new picks nothing, and nothing differs from a full recompute."""
        assert "nothing to do" in self.command("run"), self.said[-1]
        self.command("verify")

    def play(self) -> list[str]:
        """Batches come, grow, are rewound and held back; then everything that is in the tables."""
        self.add({number: "abc"[: number % 3 + 1] for number in (0, 3, 5, 8)})
        self.command("run")
        self.add({number: "bcde"[number % 3 :] for number in range(len(BATCHES))})
        self.command("run", "--until", "2024-03-10T12:30:00+05:30")
        self.command("status")
        self.command("run", "--chunk", "4")
        self.command("rewind", "--since", "2024-03-10T02:00:00", "--until", "2024-03-10T03:00:00")
        self.command("rewind", "--since", "2024-11-03T01:30:00-04:00", "--by", "collector_tstamp")
        self.execute(f"delete from atomic.{self.name} where session_id = 'c'")
        self.command("run")
        self.clean()
        return [*self.rows(), *self.said]

    def rows(self) -> list[str]:
        """All rows of the tables and the manifest as text, in UTC."""
        tables = {f"derived.{self.name}_{model}": "*" for model in ("sessions", "days", "marks")}
        tables |= {"runner.manifest": "etl_tstamp, event_count"}
        found = []
        with Db(self.url) as db:
            newest = db.rows(f"select max(commit_tstamp) from runner.manifest where playbook = '{self.name}'")[0][0]
            assert abs(newest - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=20), "not in UTC"
            db.execute("set time zone 'UTC'" if db.engine == "postgres" else "set TimeZone = 'UTC'")
            for table, columns in tables.items():
                where = f" where playbook = '{self.name}'" if table == "runner.manifest" else ""
                listed = db.rows(f"select cast(x as varchar(400)) from (select {columns} from {table}{where}) x")
                found += sorted(self.plain(f"{table.replace(self.name, 'events')} {row}") for (row,) in listed)
        return found

    @staticmethod
    def plain(text: str) -> str:
        """The engines write a row in different ways."""
        pairs = re.sub(r"'?\w+'?: ", "", text).replace("+00", "")
        return re.sub(r"[\"'{}()]", "", pairs).replace(", ", ",")


def random(url: str, seed: int) -> list[str]:
    """A random schedule against the oracle, its events in the night from 2024-03-09 to 10; the tables at its end."""
    world.START, world.DAY_START = datetime(2024, 3, 10, 1, 30), datetime(2024, 3, 9, 20)
    with TemporaryDirectory(prefix="runner_zones_", dir=FOLDER) as folder:
        play = Play(make(seed), f"{url}_{seed}", Path(folder), every_nth())
        with closing(play):
            play.start()
            play.play(play.schedule.ops)
            rows = [f"{name} {row} {n}" for name, table in play.tables().items() for row, n in table.items()]
            return sorted([*rows, *map(str, play.listed().items())])


def work(job: Job) -> list[Found]:
    """The cases and the schedules of a job."""
    engine = engine_of(job.url)
    with TemporaryDirectory(prefix="runner_zones_", dir=FOLDER) as folder:
        cases = [(name, Case(job.url, Path(folder), name, TYPES[engine][name]).play()) for name in job.types]
    return [
        *(Found(engine, name, lines) for name, lines in cases),
        *(Found(engine, f"seed {seed}", random(job.url, seed)) for seed in job.seeds),
    ]


if __name__ == "__main__":
    jobs = [Job(**job) for job in json.loads(sys.argv[1])]
    print(json.dumps([asdict(found) for job in jobs for found in work(job)]))
