"""`asemic-cli`: the vendor's words, over live tables of every engine; files that it writes, and what becomes of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from runner.doors.semantic.asemic.cli import main
from runner.doors.semantic.asemic.column_types import columns_of
from runner.doors.semantic.asemic.event_files import EventOptions, Named, generate_event
from runner.doors.semantic.asemic.guesses import AMOUNT, DATE, ETL_TSTAMP, EVENT_ID, TSTAMP, USER, Role, guess
from runner.doors.semantic.asemic.project import Project
from runner.doors.semantic.asemic.wizard import Wizard
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Column
from runner.errors import BadInput
from runner.names import TableName
from runner.session.process import Process
from runner.warehouse.values import Column as LiveColumn
from runner.warehouse.values import Relation
from tests.engines.db import Db, engine_of

NESTED = {"duckdb": "integer[]", "postgres": "json", "redshift": "super", "snowflake": "variant"}
LOGIN = """# $schema: http://schema.asemicanalytics.com/v1/semantic_layer/event_logical_table.json
table_name: app.login
tags: [registration_event, activity_event]
columns:
  event_id: {data_type: STRING, tags: [event_id_column]}
  user_id: {data_type: STRING, tags: [entity_id_column]}
  time: {data_type: DATETIME, tags: [event_timestamp_column]}
  etl_tstamp: {data_type: DATETIME, tags: [etl_timestamp_column]}
  _date: {data_type: DATE, tags: [date_column]}
  "on": {data_type: BOOLEAN}
  level: {data_type: INTEGER}
  score: {data_type: NUMBER}
"""
PAYMENT = """# $schema: http://schema.asemicanalytics.com/v1/semantic_layer/event_logical_table.json
table_name: app.events
tags: [activity_event, payment_transaction_event]
where: "{kind} = 'payment'"
columns:
  id: {data_type: INTEGER, tags: [event_id_column]}
  player_id: {data_type: STRING, tags: [entity_id_column]}
  created_at: {data_type: DATETIME, tags: [event_timestamp_column]}
  loaded_at: {data_type: DATETIME, tags: [etl_timestamp_column]}
  _date: {data_type: DATE, tags: [date_column]}
  kind: {data_type: STRING}
  amount: {data_type: NUMBER, tags: [transaction_amount_column]}
"""
AMOUNTS = (("ann", 1, "5.50"), ("ann", 1, "4.50"), ("bob", 2, "120"))


def load(url: str) -> None:
    """A login of ann on three days, of bob on two; payments, and other events in their table."""
    with Db(url) as db:
        db.execute("create schema app")
        db.execute(
            "create table app.login (event_id varchar(20), user_id varchar(20), time timestamp, etl_tstamp timestamp,"
            f' _date date, "on" boolean, level integer, score double precision, extra {NESTED[engine_of(url)]},'
            ' "odd name" integer)'.replace('"on"', '"ON"' if engine_of(url) == "snowflake" else '"on"')
        )
        columns = ("event_id", "user_id", "time", "etl_tstamp", "_date")
        times = [("ann", 1), ("ann", 2), ("ann", 3), ("bob", 2), ("bob", 3)]
        logins = [(f"{u}{d}", u, f"2026-01-0{d} 10:00:00", f"2026-01-0{d} 12:00:00", f"2026-01-0{d}") for u, d in times]
        db.load("app.login", columns, logins)
        db.execute(
            "create table app.events (id integer, player_id varchar(20), created_at timestamp, loaded_at timestamp,"
            " _date date, kind varchar(20), amount decimal(18,4))"
        )
        paid = ("id", "player_id", "created_at", "loaded_at", "_date", "kind", "amount")
        events = [(n, u, d, "payment", Decimal(amount)) for n, (u, d, amount) in enumerate(AMOUNTS)]
        listed = [*events, *((n, "cat", 3, "click", None) for n in (10, 11))]
        rows = [(n, u, f"2026-01-0{d} 11:00", f"2026-01-0{d} 12:00", f"2026-01-0{d}", k, a) for n, u, d, k, a in listed]
        db.load("app.events", paid, rows)


def said(line: str, code: int = 0) -> str:
    """`asemic-cli …`: all that it says."""
    out = io.StringIO()
    found = main(line.split(), out=out, err=out)
    assert found == code, f"exit {found}, not {code}\n{out.getvalue()}"
    return out.getvalue()


def values(kpi: str, first: str = "2026-01-01", last: str = "2026-01-03") -> list[object]:
    """A KPI by date."""
    rows = json.loads(said(f"user-entity-model kpi-query --kpi {kpi} --date-from {first} --date-to={last} --json"))
    return [row[kpi] for row in rows]


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of an application, which the environment names."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.setenv("ASEMIC_APP_ID_DIR", str(folder))
    yield folder


def generate(url: str, folder: Path) -> Path:
    """The files of a model, written from the live tables; gives the one of its settings."""
    load(url)
    text = said("user-entity-model event --table app.login --no-wizard")
    assert "etl_tstamp  DATETIME  etl_timestamp_column    guessed; --etl-timestamp-column says otherwise" in text
    assert "left out extra: " in text
    assert "left out odd name: its name" in text.lower()
    part = "--subschema --subschema-type-value payment --skip-registrations-tag --event-name payment"
    said(f"user-entity-model payment-transaction-event --table app.events {part} --date-column=_date")
    said("user-entity-model entity --schema gen")
    files = folder / "userentity"
    assert (files / "events/login.yml").read_text() == LOGIN
    assert (files / "events/payment.yml").read_text() == PAYMENT
    config = files / "config.yml"
    few = config.read_text().replace("1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 30, 40, 50, 60, 90, 120, 180, 270, 360", "1")
    config.write_text(f"{few}model_settings:\n  incremental_update_frequency: 30m  # 30 minutes\n")
    return config


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
def test_files_from_live_tables(
    engine: str, folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the same on every engine, and fit the tables."""
    url = request.getfixturevalue(f"{engine}_url")
    monkeypatch.setenv("RUNNER_TARGET", url)
    generate(url, folder)
    assert "fine, 2 warnings" in said("config validate --live")


def test_transcript(warehouse_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the vendor's pages say to type: validate, push, refresh, update a KPI, every 30 minutes, backfill."""
    monkeypatch.setenv("RUNNER_TARGET", warehouse_url)
    generate(warehouse_url, folder)
    assert "fine, 2 warnings (2 events, " in said("config validate")
    said("config push")
    assert values("dau") == [1, 2, 2]
    assert values("mau") == [1, 2, 2]  # users, not their days
    assert values("mdau") == [1, 2, 2]
    assert values("daily_revenue") == [10, 120, 0]
    assert values("ltv_d1")[1:] == [10, 120]  # all that a user of the cohort has paid, not what he paid that day
    said("model refresh")
    with Db(warehouse_url) as db:
        late = "20, 'bob', '2026-01-03 01:00', '2026-01-04', '2026-01-03', 'payment', 7"
        db.execute(f"insert into app.events values ({late})")
    said("model update --kpi daily_revenue")
    assert values("daily_revenue") == [10, 120, 7]
    said("model update")
    assert "not due before" in said("model update --if-due")
    with Db(warehouse_url) as db:
        db.execute("update app.events set amount = 2 where id = 1")
    text = said(
        "user-entity-model backfill --date-from=2026-01-01 --date-to=2026-01-02 --days-per-query 1 --app-id shop"
    )
    assert "Backfilling (2026-01-02 - 2026-01-02) / 2026-01-02" in text
    assert values("revenue") == [7.5, 120, 7]
    assert "dates: 2026-01-01 … 2026-01-03 (3)" in said(
        "user-entity-model backfill-statistics --date-from 2026-01-01 --date-to 2026-01-03"
    )


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("config pull", "there is no server that keeps a configuration"),
        ("config auth", "postgresql://me:${PGPASSWORD}@host/db"),
        ("config push --version v2", "another data_model_schema"),
        ("user-entity-model backfill --date-from 2026-01-02 --date-to 2026-01-01", "swap the two"),
        ("user-entity-model backfill --date-from 2026-01-32 --date-to 2026-02-01", "--date-from"),
        ("user-entity-model backfill --date-from 2026-01-01 --date-to 2026-01-02 --app-id other", "folder of shop"),
        ("user-entity-model event --no-wizard", "--table is missing"),
        ("user-entity-model entity", "no files in events/"),
        ("model update --kpi daily_revenue", "no such file"),
        ("models", "hint: asemic-cli --help"),
    ],
)
def test_what_cannot_be(line: str, what: str, folder: Path) -> None:
    """One message with what to do instead, and exit code 2: a script stops rather than going on without."""
    assert what in said(line, code=2)


def test_tables_and_files_that_are_there(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema at once; files are not written over unless that is said; what cannot be guessed is named with its option."""
    url = f"duckdb:///{tmp_path}/live.duckdb"
    monkeypatch.setenv("RUNNER_TARGET", url)
    load(url)
    with Db(url) as db:
        db.execute("create table app.countries (code varchar, name varchar)")
        db.execute(
            "create table app.kinds (event_id integer, user_id integer, ts timestamp, value integer, cost integer)"
        )
        db.execute("insert into app.kinds select i % 3, i, '2026-01-01', 1, 1 from range(10) t(i)")
    login = folder / "userentity/events/login.yml"
    login.parent.mkdir(parents=True)
    login.write_text("mine")
    text = said("user-entity-model events --schema app")
    assert "left out app.countries: no column looks like the timestamp" in text
    assert "event_id is not taken for an event's id: most of its values come again" in text
    assert f"{login} is there already and stays" in text
    assert sorted(path.name for path in login.parent.iterdir()) == ["events.yml", "kinds.yml", "login.yml"]
    assert "was written\n  hint: keep it, or --overwrite" in said("user-entity-model event --table app.login", code=2)
    assert login.read_text() == "mine"
    said("user-entity-model event --table app.login --overwrite")
    assert login.read_text() == LOGIN
    assert "no such column" in said("user-entity-model event --table app.kinds --user-id-column uid", code=2)
    text = said("user-entity-model event --table app.countries", code=2)
    assert "--timestamp-column NAME; its columns: code STRING, name STRING" in text
    assert "--user-id-column NAME" in text
    assert "there is no table app.logins" in said("user-entity-model event --table app.logins", code=2)
    assert "may not be called" in said("user-entity-model event --table app.kinds --event-name Kinds", code=2)
    said("user-entity-model entity")
    said("user-entity-model entity", code=2)
    (folder / "userentity/kpis/activity.yml").write_text("kpis: {}")
    said("user-entity-model entity --overwrite")
    assert "dau:" in (folder / "userentity/kpis/activity.yml").read_text()


def test_the_wizard(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it asks: an empty answer takes what it would guess, - means that there is none."""
    url = f"duckdb:///{tmp_path}/live.duckdb"
    monkeypatch.setenv("RUNNER_TARGET", url)
    load(url)
    out = io.StringIO()
    project = Project.of(Process(out, out, {"RUNNER_TARGET": url, "ASEMIC_APP_ID_DIR": str(folder)}))
    named = tuple(Named(role, None) for role in (DATE, TSTAMP, USER, EVENT_ID, ETL_TSTAMP))
    answers = io.StringIO("app.login\nsign_in\n\n-\n\n\n-\n")
    generate_event(project, Wizard(out, answers), EventOptions(None, None, named, ()), None)
    assert "Enter user id column name [Leave empty for user_id]: " in out.getvalue()
    assert "guessed" not in out.getvalue()
    text = (folder / "userentity/events/sign_in.yml").read_text()
    assert "  time: {data_type: DATETIME, tags: [event_timestamp_column]}" in text
    assert "  _date: {data_type: DATE}" in text
    assert "  event_id: {data_type: STRING}" in text
    with pytest.raises(BadInput, match="no answer came"):
        generate_event(project, Wizard(out, io.StringIO("app.login\n")), EventOptions(None, None, named, ()), None)


@pytest.mark.parametrize(
    ("engine", "type_", "sense", "found"),
    [
        ("duckdb", "HUGEINT", "", "a INTEGER"),
        ("duckdb", "DECIMAL(18,0)", "", "a INTEGER"),
        ("duckdb", "ENUM('x', 'y')", "", "a STRING"),
        ("duckdb", "TIMESTAMP WITH TIME ZONE", "", "a DATETIME"),
        ("duckdb", "TIME", "", "left out"),
        ("duckdb", "STRUCT(n BIGINT, b STRUCT(c VARCHAR), l VARCHAR[])", "", "a.n INTEGER, a.b.c STRING, left out"),
        ("postgres", "timestamp without time zone", "", "a DATETIME"),
        ("postgres", "character varying(20)", "", "a STRING"),
        ("postgres", "numeric", "", "a NUMBER"),
        ("postgres", "app.mood", "sad, glad", "a STRING"),
        ("postgres", "app.level", "", "left out"),
        ("redshift", "super", "", "left out"),
        ("redshift", "double precision", "", "a NUMBER"),
        ("snowflake", "NUMBER(38,0)", "", "a INTEGER"),
        ("snowflake", "NUMBER(18,4)", "", "a NUMBER"),
        ("snowflake", "TIMESTAMP_NTZ(9)", "", "a DATETIME"),
        ("snowflake", "VARIANT", "", "left out"),
    ],
)
def test_types(engine: str, type_: str, sense: str, found: str) -> None:
    """The types of the engines as those of the files; fields within a column are columns; what has no type is left out."""
    relation = Relation(TableName(("app", "t")), (LiveColumn("a", type_, sense=sense),))
    columns, left_out = columns_of(relation, engine)
    assert ", ".join([*(f"{one.name} {one.type}" for one in columns), *("left out" for _ in left_out)]) == found


@pytest.mark.parametrize(
    ("role", "columns", "found"),
    [
        (USER, "user_agent:STRING domain_userid:STRING", "domain_userid"),
        (USER, "userId:STRING user_name:STRING", "userId"),
        (USER, "game_player_id:INTEGER", "game_player_id"),
        (USER, "user_name:STRING", None),
        (TSTAMP, "seen:DATETIME", "seen"),
        (TSTAMP, "seen:DATETIME left:DATETIME", None),
        (TSTAMP, "updated_at:DATETIME derived_tstamp:DATETIME", "derived_tstamp"),
        (DATE, "birth_date:DATE", None),
        (DATE, "birth_date:DATE event_date:DATE", "event_date"),
        (EVENT_ID, "event_name:STRING id:STRING", "id"),
        (ETL_TSTAMP, "created_at:DATETIME _synced_at:DATETIME", "_synced_at"),
        (AMOUNT, "amount:STRING price:NUMBER net_amount:NUMBER", "price"),
        (AMOUNT, "net_amount_usd:NUMBER net_amount:NUMBER", "net_amount"),
    ],
)
def test_guesses(role: Role, columns: str, found: str | None) -> None:
    """By known names first, then by how they may be called; nothing where that would be a bet."""
    listed = [Column(name, DataType(type_)) for name, type_ in (one.split(":") for one in columns.split())]
    likely = guess(role, listed, ())
    assert (likely and likely.name) == found
