"""The published example: validate, plan, apply, three increments with late events, a rewind, a new property, one KPI.

Its files are read from $RUNNER_TEST_DATA or ../shared/data and are not part of this repository. After every step all
tables and views equal those of a model that is built from the same rows at once.
"""

from __future__ import annotations

import io
import os
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from runner.cli.app import main
from tests.engines.db import Db, Row, engine_of
from tests.kit import ROOT

DATA = Path(os.environ.get("RUNNER_TEST_DATA", ROOT.parent / "shared" / "data")) / "semantic_example"
START = datetime(2026, 1, 1)
DDL = """
create schema app;
create table app.login (event_id varchar(40), user_id varchar(40), time timestamp, etl_tstamp timestamp, date date,
    country varchar(9), platform varchar(9));
create table app.events (event_id varchar(40), user_id varchar(40), time timestamp, etl_tstamp timestamp,
    event_name varchar(20), revenue decimal(18,4), product varchar(9))
"""


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    """A copy of the example that may be changed."""
    if not DATA.is_dir():
        if "data" in os.environ.get("RUNNER_TEST_REQUIRE", "").split(","):
            pytest.fail(f"RUNNER_TEST_REQUIRE asks for data, and {DATA} is missing", pytrace=False)
        pytest.skip(f"no published example: {DATA} is missing (set RUNNER_TEST_DATA)")
    folder = tmp_path / "app"
    shutil.copytree(DATA, folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.fixture(name="opened")
def opened_fixture(warehouse_url: str) -> Callable[[], Db]:
    """Opens the warehouse, which holds the source tables; not for long, since commands open the file as well."""
    with Db(warehouse_url) as db:
        db.execute(DDL)
    return lambda: Db(warehouse_url)


def load(db: Db, day: int, rng: Random) -> None:
    """A day's batch, a third of it late."""
    logins: list[Row] = []
    events: list[Row] = []
    for number in range(25):
        happened = max(0, day - rng.randrange(9)) if rng.random() < 0.3 else day
        time = START + timedelta(days=happened, minutes=rng.randrange(1440))
        own = (f"e{day}-{number}", f"u{rng.randrange(12)}", time, START + timedelta(days=day + 1))
        if rng.random() < 0.6:
            logins.append((*own, time.date(), rng.choice(("DE", "FR", None)), "ios"))
        else:
            events.append((*own, rng.choice(("payment", "refund")), Decimal(rng.randrange(1, 40)), rng.choice("abc")))
    db.load("app.login", ("event_id", "user_id", "time", "etl_tstamp", "date", "country", "platform"), logins)
    db.load("app.events", ("event_id", "user_id", "time", "etl_tstamp", "event_name", "revenue", "product"), events)


def content(db: Db, schema: str) -> dict[str, Counter[Row]]:
    """The rows of every table and view of a schema."""
    listed = db.rows(f"select table_name from information_schema.tables where table_schema = '{schema}' order by 1")
    return {str(name): Counter(db.rows(f"select * from {schema}.{name}")) for (name,) in listed}


def test_the_example(folder: Path, opened: Callable[[], Db], warehouse_url: str) -> None:
    """Whatever order it came in, the model is the one that a build from nothing gives."""

    def run(*args: str, code: int = 0, where: Path = folder) -> str:
        out, err = io.StringIO(), io.StringIO()
        group, command, *rest = args
        found = main([group, command, str(where), *rest, "--target", warehouse_url], out=out, err=err)
        assert found == code, out.getvalue() + err.getvalue()
        return out.getvalue()

    def same_as_rebuilt() -> None:
        other = folder.parent / "other"
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(folder, other)
        config = other / "config.yml"
        config.write_text(config.read_text().replace("data_model_schema: sl ", "data_model_schema: again "))
        run("model", "refresh", where=other)
        with opened() as db:
            mine, rebuilt = content(db, "sl"), content(db, "again")
        assert mine.keys() == rebuilt.keys()
        for name in mine:
            assert mine[name] == rebuilt[name], name

    rng = Random(7)
    with opened() as db:
        for day in range(8):
            load(db, day, rng)
    assert "fine" in run("config", "validate")
    assert "fine" in run("config", "validate", "--live")
    assert "full: source events are read again" in run("model", "plan")
    run("model", "apply")
    same_as_rebuilt()
    for day in range(8, 11):
        with opened() as db:
            load(db, day, rng)
        run("model", "update")
    same_as_rebuilt()
    with opened() as db:
        db.execute("update app.events set revenue = revenue + 1 where event_id like 'e3-%'")
    run("model", "rewind", "--from", "2026-01-01", "--to", "2026-01-04")
    run("model", "update")
    same_as_rebuilt()
    with (folder / "properties" / "all.yml").open("a") as file:
        file.write(
            "  logins_lifetime: {data_type: INTEGER, lifetime_property: {source_property: logins_on_day, merge_function: sum}}\n"
        )
    with (folder / "kpis" / "all.yml").open("a") as file:
        file.write("  logins_ever: {select: 'SUM({property.logins_lifetime})', x_axis: {date: {}}}\n")
    said = run("model", "plan")
    assert "sl.user_spans" in said
    assert "full: source events" not in said
    run("model", "apply")
    with opened() as db:
        load(db, 11, rng)
    run("model", "update", "--kpi", "daily_revenue")
    run("model", "update")
    same_as_rebuilt()
    assert "every row compared" in run("model", "verify")
    assert engine_of(warehouse_url) in ("duckdb", "postgres")
