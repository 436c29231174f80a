"""The shipped e-commerce model through the real runner: the 833 real events, however they arrive, give the same tables.

The events and the expected sessions are those of test_ecommerce_model.py, which compares every column of every table;
here the same playbook is run as a user runs it, after each arrival of events. Without the data these tests are skipped,
or fail if RUNNER_TEST_REQUIRE contains `data`.
"""

from __future__ import annotations

import csv
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.engines.db import Db
from tests.kit import ROOT, driver
from tests.kit.arena import first_seed
from tests.models.test_ecommerce_model import DATA, EVENTS, TIMES

PLAYBOOK = ROOT / "playbooks" / "ecommerce.yml"
TABLES = (
    "ecommerce_events",
    "ecommerce_product_interactions",
    "ecommerce_cart_interactions",
    "ecommerce_checkout_interactions",
    "ecommerce_transaction_interactions",
    "ecommerce_sessions",
)
# The session of an event of the mobile demo too, as the playbook's comment has it.
MOBILE_SESSION = (
    "case when domain_sessionid is not null then domain_sessionid else"
    " cast(contexts_com_snowplowanalytics_snowplow_client_session_1_0_1 as json) -> 0 ->> 'sessionId' end"
)

Row = tuple[tuple[str, Any], ...]  # columns by name, and their values
Tables = dict[str, Counter[Row]]
Arrival = list[int]  # positions of the events that arrive together


@dataclass(frozen=True)
class Events:
    """The real events, numbered from 0 in the order of the file."""

    connection: duckdb.DuckDBPyConnection
    loaded: tuple[datetime, ...]  # the etl_tstamp of each

    def rows(self, arrival: Arrival) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Columns and rows of some events."""
        found = self.connection.execute(f"select * exclude position from events where position in {arrival}")
        return [column[0] for column in found.description or ()], found.fetchall()

    def write(self, arrival: Arrival, path: Path) -> None:
        """Some events as a Parquet file."""
        chosen = f"select * exclude position from events where position in {arrival}"
        self.connection.execute(f"copy ({chosen}) to '{path}' (format parquet)")

    def groups(self, of: Callable[[datetime], object]) -> list[Arrival]:
        """The events by something of their etl_tstamp, oldest first."""
        found: dict[object, Arrival] = {}
        for position in sorted(range(len(self.loaded)), key=lambda at: self.loaded[at]):
            found.setdefault(of(self.loaded[position]), []).append(position)
        return list(found.values())


@pytest.fixture(scope="module")
def events() -> Iterator[Events]:
    """All real events."""
    if not EVENTS.is_file():
        missing = f"no real events: {DATA} is missing (set RUNNER_TEST_DATA)"
        if "data" in os.environ.get("RUNNER_TEST_REQUIRE", ""):
            pytest.fail(f"RUNNER_TEST_REQUIRE asks for data: {missing}", pytrace=False)
        pytest.skip(missing)
    times = ", ".join(f"cast({name} as timestamp) as {name}" for name in sorted(TIMES))
    with duckdb.connect() as connection:
        connection.execute(
            f"create table events as select * replace ({times}), row_number() over () - 1 as position"
            f" from read_csv('{EVENTS}', header = true, all_varchar = true)"
        )
        loaded = connection.execute("select etl_tstamp from events order by position").fetchall()
        yield Events(connection, tuple(row[0] for row in loaded))


def _hour(tstamp: datetime) -> datetime:
    return tstamp.replace(minute=0, second=0, microsecond=0)


def _run(command: str, url: str, *args: str) -> str:
    said = driver.command(command, str(PLAYBOOK), "--target", url, *args)
    assert said.code == 0, said.text
    return said.text


def _arrive(
    events: Events, arrivals: Sequence[Arrival], url: str, folder: Path, flags: Sequence[str] = (), chunk: bool = False
) -> Tables:
    """What the runner's tables hold after a run for each arrival; the manifest is whole and `verify` agrees."""
    assert sorted(position for arrival in arrivals for position in arrival) == list(range(833))
    with pytest.MonkeyPatch.context() as patch, Db(url) as db:
        patch.setenv("RUNNER_ECOMMERCE_EVENTS", str(folder / "*.parquet"))
        folder.mkdir()
        if db.engine == "postgres":
            names = events.rows(arrivals[0])[0]
            types = ", ".join(f"{name} {'timestamp' if name in TIMES else 'varchar'}" for name in names)
            db.execute(f"create schema atomic; create table atomic.events ({types})")
        for number, arrival in enumerate(arrivals):
            if db.engine == "postgres":
                db.load("atomic.events", *events.rows(arrival))
            else:
                events.write(arrival, folder / f"{number}.parquet")
            said = _run("run", url, *flags, *(["--chunk", "1"] if chunk else []))
            assert "published" in said, said
        assert "every row compared equals a full recompute" in _run("verify", url, *flags)
        assert db.rows("select sum(event_count) from runner.manifest") == [(833,)]
        return {table: _table(db, table) for table in TABLES}


def _table(db: Db, table: str) -> Counter[Row]:
    columns = db.rows(
        "select column_name from information_schema.columns"
        f" where table_schema = 'derived' and table_name = '{table}' order by column_name"
    )
    names = [name for (name,) in columns]
    return Counter(
        tuple(zip(names, row, strict=True)) for row in db.rows(f"select {', '.join(names)} from derived.{table}")
    )


def _random(events: Events) -> list[Arrival]:
    """The etl hours, most of them in two pieces, in random order: new, late and grown batches, some at once."""
    seed = first_seed()
    print(f"seed {seed}")
    chance = random.Random(seed)
    pieces: list[Arrival] = []
    for hour in events.groups(_hour):
        chance.shuffle(hour)
        cut = chance.randrange(len(hour))
        pieces += [piece for piece in (hour[:cut], hour[cut:]) if piece]
    chance.shuffle(pieces)
    return [[position for piece in pieces[at::4] for position in piece] for at in range(4)]


@pytest.fixture(scope="module")
def whole(events: Events, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The tables after one run over all events at once, on DuckDB."""
    folder = tmp_path_factory.mktemp("whole")
    return _arrive(events, [list(range(833))], f"duckdb:///{folder / 'w.duckdb'}", folder / "events")


def test_loaded_whole(whole: Tables) -> None:
    """One run over all events: rows as the expected tables have them, and the application that they skip."""
    sizes = {table: rows.total() for table, rows in whole.items()}
    assert list(sizes.values()) == [823, 921, 64, 51, 13, 63]


def test_by_day(events: Events, whole: Tables, duckdb_url: str, tmp_path: Path) -> None:
    """A run after each day of etl_tstamp: the tables are those of one load."""
    days = events.groups(datetime.date)
    assert len(days) == 7
    assert _arrive(events, days, duckdb_url, tmp_path / "events") == whole


def test_by_etl_hour(events: Events, whole: Tables, duckdb_url: str, tmp_path: Path) -> None:
    """Each batch, an hour of etl_tstamp, published on its own: the tables are those of one load."""
    tables = _arrive(events, [list(range(833))], duckdb_url, tmp_path / "events", chunk=True)
    with Db(duckdb_url) as db:
        hours = [len(hour) for hour in events.groups(_hour)]
        runs = db.rows("select run_id, sum(event_count) from runner.manifest group by run_id order by min(etl_tstamp)")
    assert [count for _, count in runs] == hours
    assert tables == whole


def test_in_random_order(events: Events, whole: Tables, duckdb_url: str, tmp_path: Path) -> None:
    """Hours that come late, in pieces and several at once: the tables are those of one load."""
    assert _arrive(events, _random(events), duckdb_url, tmp_path / "events") == whole


def test_in_random_order_on_postgres(events: Events, whole: Tables, postgres_url: str, tmp_path: Path) -> None:
    """In random order on Postgres, the tables are those of one load on DuckDB, value by value."""
    assert _arrive(events, _random(events), postgres_url, tmp_path / "events") == whole


def test_start_and_end_are_the_expected_ones(whole: Tables) -> None:
    """start_tstamp and end_tstamp of all 62 sessions of the site are those of the published table."""
    path = DATA / "expected" / "snowplow_ecommerce_sessions_expected.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        expected = {row["domain_sessionid"]: row for row in csv.DictReader(stream) if row["app_id"] == "ecom-accel"}
    ours = {row["domain_sessionid"]: row for row in map(dict, whole["ecommerce_sessions"])}
    assert len(expected) == 62
    for session, row in expected.items():
        for name in ("start_tstamp", "end_tstamp"):
            assert ours[session][name] == datetime.fromisoformat(row[name]).replace(tzinfo=None), (session, name)


def test_mobile_sessions(events: Events, whole: Tables, duckdb_url: str, tmp_path: Path) -> None:
    """With the session of the mobile trackers as a variable the runner takes the 10 events of the demo as well."""
    arrivals = [list(range(833))]
    tables = _arrive(events, arrivals, duckdb_url, tmp_path / "events", ["--var", f"session_id={MOBILE_SESSION}"])
    assert tables["ecommerce_events"].total() == 833
    assert tables["ecommerce_sessions"].total() == 64
    assert tables["ecommerce_sessions"] > whole["ecommerce_sessions"]
