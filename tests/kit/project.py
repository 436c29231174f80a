"""A user's project for one test: events in a warehouse, a playbook beside them, and the command line to run it.

`Project.check` is the promise as a user can see it: every model's table holds what its own SELECT gives when it is
pasted into an editor.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.cli.app import main
from runner.state.names import fence
from tests.engines.db import Db, Row

COLUMNS = ("event_id", "domain_sessionid", "domain_userid", "collector_tstamp", "etl_tstamp", "page_url", "amount")
DDL = """
create schema if not exists atomic;
create table {table} (event_id varchar(40), domain_sessionid varchar(40), domain_userid varchar(40),
    collector_tstamp timestamp, etl_tstamp timestamp, page_url varchar(40), amount integer)
"""
DAY = datetime(2024, 3, 1)
READ_ONLY = {"plan", "status", "history", "check"}

SESSIONS = """
select domain_sessionid, min(domain_userid) as domain_userid, min(collector_tstamp) as start_tstamp,
    max(collector_tstamp) as end_tstamp, count(*) as events
from atomic.events
group by domain_sessionid
"""
USERS = """
select domain_userid, count(*) as sessions, cast(sum(events) as bigint) as events, min(start_tstamp) as first_seen
from derived.sessions
group by domain_userid
"""
TOTALS = "select count(*) as events, count(distinct domain_sessionid) as sessions from atomic.events"


def tstamp(batch: int) -> datetime:
    """The etl_tstamp of batch number n."""
    return DAY + timedelta(hours=batch)


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass
class Project:
    """A playbook of models over atomic.events; what a test changes in it is written before the next command."""

    url: str
    folder: Path
    source: dict[str, Any] = field(default_factory=lambda: {"table": "atomic.events", "batch": "etl_tstamp"})
    top: dict[str, Any] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    selects: dict[str, str] = field(default_factory=dict)
    name: str = "web"
    events: int = 0
    watch: Callable[[str, str, str], None] | None = None
    _db: Db | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.db.execute(DDL.format(table="atomic.events"))

    # -- the warehouse -------------------------------------------------------------------------------------------

    @property
    def db(self) -> Db:
        """A connection of our own, opened where it is needed."""
        if self._db is None:
            self._db = Db(self.url)
        return self._db

    @property
    def duckdb(self) -> bool:
        return self.url.startswith("duckdb")

    @property
    def fence(self) -> str:
        """The playbook's state table."""
        return f"{self.top.get('state_schema', 'runner')}.{fence(self.name)}"

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def add(self, batch: int | None, *events: str, table: str = "atomic.events") -> None:
        """Append events to a batch: "session user minute [event_id [page]]"; `-` is null."""
        rows: list[Row] = []
        for text in events:
            self.events += 1
            words = [None if word == "-" else word for word in text.split()]
            words += [f"e{self.events}", "/p"][max(0, len(words) - 3) :]
            session, user, minute, event_id, page = words
            moment = DAY + timedelta(minutes=int(minute)) if minute is not None else None
            rows.append((event_id, session, user, moment, None if batch is None else tstamp(batch), page, 1))
        self.db.load(table, COLUMNS, rows)

    def drop(self, batch: int) -> None:
        """A batch vanishes."""
        self.db.execute(f"delete from atomic.events where etl_tstamp = timestamp '{tstamp(batch)}'")

    def rows(self, sql: str) -> list[Row]:
        """A query's rows, sorted."""
        return sorted(self.db.rows(sql), key=repr)

    def one(self, sql: str) -> Any:
        """The only value of a query."""
        return self.db.rows(sql)[0][0]

    def manifest(self) -> dict[int, int]:
        """Batch number → event count; rows without an etl_tstamp are batch -1."""
        rows = self.db.rows(f"select etl_tstamp, event_count from runner.manifest where playbook = '{self.name}'")
        return {int((t - DAY) / timedelta(hours=1)) if t.year > 1 else -1: count for t, count in rows}

    # -- the playbook ---------------------------------------------------------------------------------------------

    def model(self, name: str, select: str | None = None, **more: Any) -> None:
        """Add or change a model of `derived.<name>`; None keeps its SELECT."""
        if select is not None:
            self.selects[name] = select
        if "key" in more or name not in self.models:
            self.models[name] = {"table": f"derived.{name}", "sql": f"{name}.sql", **more}
        else:
            self.models[name] |= more

    def standard(self, *names: str) -> None:
        """Sessions from events, users from sessions, and totals without a key."""
        known: dict[str, tuple[str, dict[str, Any]]] = {
            "sessions": (SESSIONS, {"key": "domain_sessionid"}),
            "users": (USERS, {"key": "domain_userid"}),
            "totals": (TOTALS, {}),
        }
        for name in names:
            self.model(name, known[name][0], **known[name][1])

    def write(self) -> Path:
        """The playbook as it is now, on disk."""
        source = {"sources": self.source["sources"]} if "sources" in self.source else {"source": self.source}
        page = {"name": self.name, "target": self.url, **(source if self.source else {}), **self.top}
        if self.models:
            page["models"] = list(self.models.values())
        for name, select in self.selects.items():
            (self.folder / f"{name}.sql").write_text(select)
        path = self.folder / f"{self.name}.yml"
        path.write_text(yaml.safe_dump(page, sort_keys=False))
        return path

    def sql(self, name: str, text: str) -> None:
        """A script beside the playbook."""
        (self.folder / name).write_text(text)

    # -- commands -------------------------------------------------------------------------------------------------

    def command(self, *args: str, code: int = 0) -> Said:
        """`runner COMMAND PLAYBOOK ARGS`; fails the test if the exit code is another."""
        said = self.ask(*args)
        assert said.code == code, f"exit {said.code}, not {code}\n{said.text}"
        return said

    def ask(self, *args: str) -> Said:
        """The same, however it ends."""
        path = self.write()
        if self.duckdb and (args[0] in READ_ONLY or "--dry-run" in args):
            self.close()
        out, err = io.StringIO(), io.StringIO()
        found = main([args[0], str(path), *args[1:]], watch=self.watch, out=out, err=err)
        return Said(found, out.getvalue(), err.getvalue())

    def run(self, *args: str, code: int = 0) -> Said:
        """`runner run`."""
        return self.command("run", *args, code=code)

    def check(self) -> None:
        """Every table is what its SELECT gives now."""
        for name in self.models:
            self.same(name)

    def same(self, name: str) -> None:
        """One table is what its SELECT gives now."""
        expected = Counter(self.db.rows(f"select * from (\n{self.selects[name]}\n) q"))
        found = Counter(self.db.rows(f"select * from {self.models[name]['table']}"))
        assert found == expected, f"{name}: too many {found - expected}, missing {expected - found}"

    def checked(self, *args: str) -> Said:
        """Run, then check."""
        said = self.run(*args)
        self.check()
        return said


def start(project: Project, *names: str) -> None:
    """Three sessions of two users in two batches, published."""
    project.standard(*(names or ("sessions", "users", "totals")))
    project.add(0, "s1 u1 1", "s1 u1 2", "s2 u1 3")
    project.add(1, "s3 u2 60")
    project.checked()


@pytest.fixture(name="project")
def project_fixture(warehouse_url: str, tmp_path: Path) -> Iterator[Project]:
    """An empty project on each engine."""
    made = Project(warehouse_url, tmp_path / "project")
    yield made
    made.close()
