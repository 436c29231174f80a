"""What a freeze reads holds still: on Postgres others empty, rewrite and exchange tables beside a snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from runner.state import lease
from runner.warehouse.engines import postgres_session
from tests.engines.db import Db
from tests.kit.project import Project

NAMED = """
select e.domain_sessionid, max(c.name) as name, count(*) as events
from atomic.events e left join crm.customers c on c.customer_id = e.domain_userid
group by e.domain_sessionid
"""
ROWS = "values ('u1', 'old one', 1), ('u2', 'old two', 2)"
TABLE = f"create schema {{0}}; create table {{0}}.customers (customer_id, name, size) as {ROWS}"
CRM = TABLE.format("crm")
STORE = f"create schema store; create table store.customers (customer_id, name, size) as {ROWS}"
RELOAD = (
    "begin; truncate {0}; insert into {0} select customer_id, 'new', size from ("
    + ROWS
    + ") v(customer_id, name, size); commit"
)
PARTS = "create schema crm; create table crm.customers (customer_id text, name text, size int) partition by list (customer_id);"
OLD = f"{PARTS} create table crm.one partition of crm.customers for values in ('u1'); insert into crm.customers values ('u1', 'old one', 1);"
TWO = "create table crm.two (customer_id text, name text, size int); insert into crm.two values ('u2', 'new', 2);"
VIEW = "create schema crm; create view crm.customers as select * from store.customers"
REFRESHED = "create schema crm; create materialized view {0} as select * from store.customers"
SECOND = "update store.customers set name = 'new'; refresh materialized view {0}"
SWAP = "begin; alter schema crm rename to gone; alter schema next rename to crm; commit"

WAITS = {  # what a loader has to wait with: (how the look-up is made, what the loader does)
    "reload": (CRM, RELOAD.format("crm.customers")),
    "reload behind a view": (f"{STORE}; {VIEW}", RELOAD.format("store.customers")),
    "refresh behind a view": (
        f"{STORE}; {REFRESHED.format('crm.stored')}; create view crm.customers as select * from crm.stored",
        SECOND.format("crm.stored"),
    ),
    "reload of a partition": (OLD, "begin; truncate crm.one; insert into crm.one values ('u1', 'new', 1); commit"),
    "rewriting alter": (CRM, "alter table crm.customers alter column size type bigint"),
    "swap of tables": (
        f"{CRM}; create table crm.next as select customer_id, 'new' as name, size from crm.customers",
        "begin; alter table crm.customers rename to gone; alter table crm.next rename to customers; commit",
    ),
    "made anew": (
        CRM,
        f"begin; drop table crm.customers; create table crm.customers (customer_id, name, size) as {ROWS}; commit",
    ),
}
MOVES = {  # what no lock keeps a loader from
    "refresh": (f"{STORE}; {REFRESHED.format('crm.customers')}", SECOND.format("crm.customers")),
    "swap of schemas": (f"{CRM}; {TABLE.format('next')}; update next.customers set name = 'new'", SWAP),
    "partition attached": (f"{OLD} {TWO}", "alter table crm.customers attach partition crm.two for values in ('u2')"),
    "partition attached behind a view": (
        f"{OLD.replace('crm.customers', 'crm.all')} {TWO} create view crm.customers as select * from crm.all",
        "alter table crm.all attach partition crm.two for values in ('u2')",
    ),
    "child attached": (f"{CRM}; {TWO}", "alter table crm.two inherit crm.customers"),
}  # fmt: skip


@dataclass
class Loader:
    """Another session that does something while the runner stands between two statements."""

    project: Project
    moment: str
    sql: str
    thread: threading.Thread | None = None

    def __call__(self, when: str, label: str, sql: str) -> None:
        """Let it begin, and go on when it is done or waits."""
        if f"{when} {label}" != self.moment or self.thread is not None:
            return
        self.thread = threading.Thread(target=self.work)
        self.thread.start()
        with Db(self.project.url) as look:
            while self.thread.is_alive() and not look.rows("select 1 from pg_locks where not granted"):
                time.sleep(0.01)

    def work(self) -> None:
        with Db(self.project.url) as db:
            db.execute(self.sql)

    def join(self) -> None:
        """Wait until it is done."""
        assert self.thread is not None, f"never came to {self.moment}"
        self.thread.join(60)


@pytest.fixture
def project(postgres_url: str, tmp_path: Path) -> Iterator[Project]:
    """Sessions with a name out of a look-up, not published yet."""
    made = Project(postgres_url, tmp_path / "project")
    made.model("named", NAMED, key="domain_sessionid")
    yield made
    made.close()


def published(project: Project, made: str) -> None:
    """One run over the look-up, and new events."""
    project.db.execute(made)
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.checked()
    project.add(1, "s3 u1 3", "s4 u2 4")


@pytest.mark.parametrize("case", WAITS)
def test_a_loader_waits_for_the_freeze(project: Project, case: str) -> None:
    """What would leave the snapshot an empty or another table is done after it; the next run sees it."""
    made, sql = WAITS[case]
    published(project, made)
    loader = project.watch = Loader(project, "after freeze:batches", sql)
    at_the_freeze = project.rows(NAMED)
    project.run()
    loader.join()
    assert project.rows("select * from derived.named") == at_the_freeze
    project.checked()


@pytest.mark.parametrize("case", MOVES)
def test_what_moved_is_not_published(project: Project, case: str) -> None:
    """Exit 3 where a name, its storage or its parts are others at the end of the freeze; run again, it is right."""
    made, sql = MOVES[case]
    published(project, made)
    before = project.rows("select * from derived.named")
    loader = project.watch = Loader(project, "after freeze:batches", sql)
    said = project.run(code=3).err
    loader.join()
    assert "nothing was published" in said
    assert "run it again" in said
    assert project.rows("select * from derived.named") == before
    project.checked()


@pytest.mark.parametrize("command", ["plan", "verify"])
def test_commands_that_publish_nothing_hold_it_still_too(project: Project, command: str) -> None:
    """A loader waits for them, and what it cannot be kept from ends them: no answer rather than a wrong one."""
    published(project, f"{STORE}; {REFRESHED.format('crm.customers')}; {STORE.replace('store', 'other')}")
    project.run()
    project.model("named", NAMED.replace("group by", "left join other.customers o on o.size < 0 group by"))
    project.run()
    loader = project.watch = Loader(project, "after freeze:batches", RELOAD.format("other.customers"))
    project.command(command)
    loader.join()
    loader = project.watch = Loader(project, "after freeze:batches", SECOND.format("crm.customers"))
    said = project.command(command, code=3).err
    loader.join()
    assert "crm.customers: reloaded, altered or exchanged by another session" in said
    assert "run it again" in said
    assert "published" not in said


def test_what_was_bound_must_stand(project: Project) -> None:
    """Between the look into the catalogue and the snapshot a table was altered: the model's definition is another."""
    published(project, CRM)
    altered = "alter table crm.customers alter column name type varchar(50)"
    loader = project.watch = Loader(project, "before freeze:begin", altered)
    said = project.run(code=3).err
    loader.join()
    assert "crm.customers: altered by another session while this one began; nothing was published" in said
    project.checked()


def test_a_loader_that_holds_its_lock(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command that reads waits a minute (here: a moment), then exit 3, with who it is and what to do."""
    monkeypatch.setitem(postgres_session.SETTINGS, "lock_timeout", "100ms")
    monkeypatch.setattr(lease, "PATIENT_S", 1)
    published(project, CRM)
    rewind = ("rewind", "--since", "2024-01-01", "--by", "collector_tstamp")
    with psycopg.connect(project.url) as loader:
        loader.execute("truncate crm.customers")
        for command in ("run", "plan", "verify"):
            said = project.command(command, code=3).err
            assert f"{command.replace('run', 'freeze')}:hold: crm.customers is kept by process" in said
            assert "wait for that session or end it, and run it again" in said
        loader.execute("truncate atomic.events")
        for args in (("status",), ("check", "--live"), rewind):
            said = project.command(*args, code=3).err
            assert "run it again" in said
        loader.rollback()
    assert project.manifest() == {0: 2}
    project.checked()


def test_what_it_costs(project: Project) -> None:
    """One statement more where nothing is pending; two more where something is."""
    published(project, CRM)
    labels: list[str] = []
    project.watch = lambda when, label, sql: labels.append(label) if when == "before" else None
    project.run()
    assert [x for x in labels if x.startswith(("freeze:hold", "freeze:moved"))] == [
        "freeze:hold", "freeze:moved", "freeze:moved-children",
    ]  # fmt: skip
    labels.clear()
    project.run()
    assert [x for x in labels if x.startswith(("freeze:hold", "freeze:moved"))] == ["freeze:hold"]
