"""Files as the vendor's generator writes them, newest and older: read as they are, applied, and right.

With days under a name of their own, fields within columns, empty lists, and the words of 2024 for what are events now.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cli.app import main
from tests.engines.db import Db, engine_of

CONFIG = "data_model_schema: gen\ncohorted_daily_kpis_days: [0, 1, 7]\nactive_days: 90\n"
LOGIN = """
table_name: app.login
tags: [registration_event, activity_event]
columns:
  user_id: {data_type: INTEGER, tags: [entity_id_column]}
  time: {data_type: DATETIME, tags: [event_timestamp_column]}
  level.number: {data_type: INTEGER}
  gold: {data_type: NUMBER}
  _date:
    data_type: DATE
    tags: [date_column]
enrichments: []
"""
PROPERTIES = """
properties:
  registration_date: {data_type: DATE, registration_property: {source_column: _date}}
  cohort_day: {data_type: INTEGER, computed_property: {select: 'DATE_DIFF({_date}, {registration_date}, DAY)'}}
  cohort_size: {data_type: INTEGER, computed_property: {select: 1}}
  dau_active:
    data_type: INTEGER
    event_property: {source_event: entity_activity, select: 1, aggregate_function: none, default_value: 0}
  mau_active:
    data_type: INTEGER
    sliding_window_property: {source_property: dau_active, window_function: sum, relative_days_from: -27, relative_days_to: 0}
  last_activity_date:
    data_type: DATE
    lifetime_property:
      source_event_property: {source_event: entity_activity, select: '{_date}', aggregate_function: last_value}
      merge_function: last_value
  days_since_last_active: {data_type: INTEGER, computed_property: {select: 'DATE_DIFF({_date}, {last_activity_date}, DAY)'}}
  top_level:
    data_type: INTEGER
    event_property: {source_event: login, select: '{level.number}', aggregate_function: max, default_value: ~}
  gold_gained:
    data_type: INTEGER
    event_property: {source_event: login, select: '{gold}', aggregate_function: sum, default_value: 0}
"""
KPIS = """
kpis:
  mau:
    label: MAU
    select: SUM({property.mau_active})
    x_axis:
      _date: {total_function: avg}
      cohort_day: {}
  gold:
    select: SUM({property.gold_gained})
    x_axis:
      _date: {}
  retention_d{}:
    select: SAFE_DIVIDE(SUM({property.dau_active}) * 100, SUM({property.cohort_size}))
    where: '{property.cohort_day} = {}'
    unit: {symbol: '%', is_prefix: false}
    x_axis:
      _date: {}
    template: cohort_day
"""
OLDER = (  # a word of today, and the one of 2024
    ("data_model_schema: gen", "base_table_prefix: gen.users"),
    ("registration_event, activity_event", "first_appearance_action, activity_action"),
    ("event_timestamp_column", "action_timestamp_column"),
    ("registration_property: {source", "first_appearance_property: {source"),
    ("event_property: {source_event: entity", "action_property: {source_action: entity"),
    ("event_property: {source_event: login", "action_property: {source_action: login"),
    ("source_event_property", "source_action_property"),
    ("window_function: sum", "sliding_window_function: sum"),
    ("source_property: dau_active", "source_action_property: dau_active"),
)
NESTED = {"duckdb": "struct(number bigint)", "postgres": "app.level"}


def write(folder: Path, *, older: bool = False) -> Path:
    """The project."""
    files = {"config.yml": CONFIG, "events/login.yml": LOGIN, "properties/all.yml": PROPERTIES, "kpis/all.yml": KPIS}
    for name, text in files.items():
        for word, old in OLDER if older else ():
            text = text.replace(word, old)
        path = folder / "app" / "userentity" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"))
    return folder / "app" / "userentity"


def said(*words: str) -> tuple[int, str]:
    """`runner …`: its exit code and all that it says."""
    out = io.StringIO()
    return main(list(words), out=out, err=out), out.getvalue()


@pytest.fixture(name="url")
def url_fixture(warehouse_url: str) -> Iterator[str]:
    """Two users on two days; ten rows of 0.4 pieces of gold."""
    row = "struct_pack(number := {})" if engine_of(warehouse_url) == "duckdb" else "row({})::app.level"
    with Db(warehouse_url) as db:
        db.execute("create schema app")
        if engine_of(warehouse_url) == "postgres":
            db.execute("create type app.level as (number bigint)")
        db.execute(
            "create table app.login (user_id bigint, time timestamp, level "
            + NESTED[engine_of(warehouse_url)]
            + ", gold double precision, _date date)"
        )
        for minute in range(10):
            db.execute(
                f"insert into app.login values (1, '2026-01-01 00:{minute:02}:00', {row.format(minute)}, 0.4, '2026-01-01')"
            )
        db.execute(f"insert into app.login values (2, '2026-01-02', {row.format('null')}, 0.4, '2026-01-02')")
    yield warehouse_url


@pytest.mark.parametrize("older", [False, True], ids=["newest", "older words"])
def test_it_is_read_and_applied_as_it_is(url: str, tmp_path: Path, older: bool) -> None:
    """No error; the day by its own name, a field within a column, whole numbers rounded once; older words are named."""
    folder = str(write(tmp_path, older=older))
    code, text = said("config", "validate", folder, "--live", "--target", url)
    assert code == 0, text
    words = set(re.findall(r"W08 (\w+) is an older word", text))
    assert words == ({old.split(":")[0] for _, old in OLDER if ":" in old} | {"action_timestamp_column", "activity_action", "first_appearance_action", "source_action"} if older else set())  # fmt: skip
    assert "W21 KPI mau adds up mau_active" in text
    code, text = said("model", "apply", folder, "--target", url)
    assert code == 0, text
    with Db(url) as db:
        found = db.rows("select user_id, date, top_level, gold_gained, cohort_day from gen.v_totals order by 1, 2")
        assert [tuple(map(str, row)) for row in found] == [
            ("1", "2026-01-01", "9", "4", "0"),
            ("1", "2026-01-02", "None", "0", "1"),
            ("2", "2026-01-02", "None", "0", "0"),
        ]
        for (view,) in db.rows("select table_name from information_schema.views where table_schema = 'gen'"):
            db.rows(f"select * from gen.{view}")


def test_a_day_called_as_a_property_is_that_property(url: str, tmp_path: Path) -> None:
    """In a formula over properties the property is meant, whether the files have it or every model does."""
    folder = write(tmp_path)
    registered = LOGIN.replace("_date:", "registration_date:").replace("app.login", "app.registered")
    (folder / "events" / "registered.yml").write_text(registered.replace(", activity_event", "").lstrip())
    login = folder / "events" / "login.yml"
    login.write_text(login.read_text().replace("[registration_event, activity_event]", "[activity_event]"))
    with Db(url) as db:
        db.execute("create table app.registered as select * from app.login where gold is not null")
        db.execute("alter table app.registered rename column _date to registration_date")
        db.execute(
            "insert into app.login select user_id, '2026-01-04 00:00:00', level, gold, '2026-01-04' from app.registered where user_id = 2"
        )
    properties = folder / "properties" / "all.yml"
    properties.write_text(properties.read_text().replace("source_column: _date", "source_column: registration_date"))
    code, text = said("model", "apply", str(folder), "--target", url)
    assert code == 0, text
    with Db(url) as db:
        found = db.rows("select date, cohort_day from gen.v_totals where user_id = 2 order by 1")
        assert [tuple(map(str, row)) for row in found][-1] == ("2026-01-04", "2")


@pytest.mark.parametrize(
    ("name", "old", "why"),
    [
        ("config.yml", "entity_table_prefix: gen.users\n", "entity_table_prefix"),
        (
            "events/login.yml",
            "table_name: app.login\ncolumns:\n  - id: user_id\n    data_type: INTEGER\n",
            "are a list",
        ),
        ("events/login.yml", "table_name: app.login\ncomputed_columns: []\n", "computed_columns"),
        ("properties/all.yml", "first_appearance_properties: []\naction_properties: []\n", "first_appearance"),
    ],
    ids=["config", "columns", "computed columns", "properties"],
)
def test_a_format_before_that_is_told_in_one_message(tmp_path: Path, name: str, old: str, why: str) -> None:
    """One finding with file and line, whatever else stands in such files."""
    folder = write(tmp_path)
    (folder / "kpis" / "all.yml").write_text("kpis: {x: {}}\n")
    (folder / name).write_text(old)
    code, text = said("config", "validate", str(folder))
    assert code == 2
    assert len(re.findall(r": [EW]\d\d ", text)) == 1, text
    assert re.search(rf"{name}:\d+: E27 an older format, which is not read: .*{why}", text)
