"""A bad value hurts its own row only: it is null, counted and shown, and everything else goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.doors.semantic.test_semantic_hard import DDL, LOGIN, Model

COLUMNS = """  amount:     {data_type: NUMBER}
  n:          {data_type: INTEGER}
"""
TYPED = """  amount:     {data_type: NUMBER}
  n:          {data_type: INTEGER}
  day:        {data_type: DATE}
  moment:       {data_type: DATETIME}
  paid:        {data_type: BOOLEAN}
"""
TEXTS = """
create schema app;
create table app.login (event_id varchar(40), user_id varchar(40), time timestamp, etl_tstamp timestamp,
    country varchar(40), amount varchar(40), n varchar(40), day varchar(40), moment varchar(40), paid varchar(40))
"""
READ = """  whole: {data_type: INTEGER, event_property: {source_event: login, select: '{n}', aggregate_function: max}}
  day: {data_type: DATE, event_property: {source_event: login, select: '{day}', aggregate_function: max}}
  moment: {data_type: DATETIME, event_property: {source_event: login, select: '{moment}', aggregate_function: max}}
  paid: {data_type: BOOLEAN, event_property: {source_event: login, select: '{paid}', aggregate_function: max}}
"""


@pytest.fixture(name="model")
def model_fixture(warehouse_url: str, tmp_path: Path) -> Model:
    """Nothing is there yet."""
    return Model(warehouse_url, tmp_path / "model")


def put(model: Model, number: int, amount: str = "1", n: str = "1", day: str = "2026-01-04", moment: str = "2026-01-04 10:00:00", paid: str = "true") -> None:  # fmt: skip
    """An event of texts, of user u<number>, in a batch of its own."""
    values = f"'{amount}', '{n}', '{day}', '{moment}', '{paid}'"
    stamps = f"'e{number}', 'u{number}', timestamp '2026-01-01 12:00:00', timestamp '2026-01-01 13:0{number}:00'"
    model.execute(f"insert into app.login values ({stamps}, 'DE', {values})")


def test_texts_that_are_nothing(model: Model) -> None:
    """Of texts in columns of other types each bad one is null, whatever it is; the run and `status` count them by column,
    v_unreadable has them; mended, the value counts and is told of no more.
    """
    model.execute(TEXTS)
    model.write(READ, login=LOGIN.replace(COLUMNS, TYPED))
    put(model, 0, " 2.50 ", "+7", "2024-02-29", "2026-01-04T10:00:00", "no")
    assert "unreadable" not in model.run("apply")
    put(model, 1, "abc", "9223372036854775808", "2026-02-30", "2026-13-01 10:00:00", "maybe")
    put(model, 2, "NaN", "", "2023-02-29", "2026-01-04 25:00:00")
    put(model, 3, "99999999999999.99999", "1e3", "yesterday", "2026-01-04")
    said = model.run("update")
    line = "event login: 11 values could not be read (amount: 3, n: 2, day: 3, moment: 2, paid: 1): select * from sl.v_unreadable"
    assert line in said
    assert line in model.run("status")
    assert '"unreadable"' in model.run("status", "--json")
    query = "select user_id, amount, whole, day, moment, paid from sl.v_totals order by user_id"
    assert [tuple(None if v is None else str(v) for v in row) for row in model.rows(query)] == [
        ("u0", "2.5", "7.0", "2024-02-29", "2026-01-04 10:00:00", "0.0"),
        ("u1", "0.0", None, None, None, None),
        ("u2", "0.0", None, None, None, "1.0"),
        ("u3", "0.0", "1000.0", None, "2026-01-04 00:00:00", "1.0"),
    ]
    assert model.rows("select dau from sl.v_kpi_dau where dimension = ''") == [(4.0,)]
    shown = "select event, event_id, user_id, unreadable, unreadable_values from sl.v_unreadable order by event_id"
    assert model.rows(shown)[0] == (
        "login", "e1", "u1", "amount, n, day, moment, paid",
        "amount: abc; n: 9223372036854775808; day: 2026-02-30; moment: 2026-13-01 10:00:00; paid: maybe")  # fmt: skip
    assert "every row compared equals" in model.run("verify")
    model.execute("update app.login set amount = '5', n = '1', day = '2026-01-05', moment = '2026-01-05', paid = 'f'")
    model.run("rewind", "--from", "2026-01-01")
    assert "could not be read" not in model.run("update")
    assert "could not be read" not in model.run("status")
    assert model.rows("select amount, paid from sl.v_totals where user_id = 'u1'") == [(5.0, 0.0)]
    assert "every row compared equals" in model.run("verify")


DOUBLES = """
create schema app;
create table app.login (event_id varchar(40), user_id varchar(40), time timestamp, etl_tstamp timestamp,
    country varchar(40), amount double precision, n double precision)
"""
GOLD = """
  gold: {data_type: NUMBER, event_property: {source_event: login, select: '{amount}', aggregate_function: sum}}
  log_gold: {data_type: NUMBER, computed_property: {select: 'LN({gold})'}}
"""
GOLD_KPIS = "  logs: {select: 'SUM({property.log_gold})', x_axis: {date: {}}}\n"


def insert(model: Model, number: int, amount: str, n: str = "1", country: str = "DE") -> None:
    """An event of user u<number>, in a batch of its own."""
    stamps = f"'e{number}', 'u{number}', timestamp '2026-01-01 12:00:00', timestamp '2026-01-01 13:0{number}:00'"
    model.execute(f"insert into app.login values ({stamps}, '{country}', {amount}, {n})")


def test_numbers_that_are_none(model: Model) -> None:
    """NaN, infinity and what is too large for its column are null in their own row; sums and counts of others go on."""
    model.execute(DOUBLES)
    model.write(READ.splitlines()[0] + "\n")
    insert(model, 0, "2.5", "3")
    model.run("apply")
    nan = "cast('nan' as double precision)"
    insert(model, 1, nan, "1e30")
    insert(model, 2, "1e300", nan)
    insert(model, 3, "cast('infinity' as double precision)", "-9e18")
    said = model.run("update")
    assert "event login: 5 values could not be read (amount: 3, n: 2): select * from sl.v_unreadable" in said
    assert model.rows("select user_id, amount, whole from sl.v_totals order by user_id") == [
        ("u0", 2.5, 3.0), ("u1", 0.0, None), ("u2", 0.0, None), ("u3", 0.0, -9e18)]  # fmt: skip
    assert model.rows("select dau from sl.v_kpi_dau where dimension = ''") == [(4.0,)]
    assert "every row compared equals" in model.run("verify")


FORMULAS = {  # of an event with amount a and n, whole: what has no value or no room, and the value where n is 2
    "CAST({country} AS INT64)": None,
    "CAST({country} AS FLOAT64)": None,
    "CAST({country} AS NUMERIC)": None,
    "{n} * {n}": 4,
    "{n} * {n} * {n} * {n} * {n}": 32,
    "{n} + {n}": 4,
    "-{n} - {n} - 9": -13,
    "ABS({n} * -1)": 2,
    "{amount} * {amount} * {amount} * {amount}": 1,
    "EXP({n})": 7.3891,
    "EXP(-{n} / 1000)": 0.998,
    "POW({n}, {n})": 4,
    "POW({n}, 0 - {n})": 0.25,
    "POW(10, {n})": 100,
    "ROUND({amount} * 1e25, 2)": None,
    "1 / (2 - {n})": None,
    "MOD(7, {n} - 2)": None,
    "{n} / 0": None,
    "LN({n} - 2)": None,
    "SQRT(1 - {n})": None,
    "CAST({amount} * 4 AS INT64) * 9000000000000000000": 3.6e19,
    "DATE_DIFF(DATE_ADD({date}, INTERVAL {n} DAY), {date}, DAY)": 2,
    "DATE_DIFF(CAST(CONCAT('2026-02-', {country}) AS DATE), DATE '2026-01-01', DAY)": None,
}


SINGLE = {"country", "date"}  # no properties are made of these here


def test_formulas_without_a_value(model: Model) -> None:
    """Whatever is worked out and has no value, or no room for it, is null, the same on every engine, wherever formulas
    stand: in an event property that adds up or does not, in a computed property, in a KPI and its `where`.
    """
    model.execute(DDL)
    properties, kpis = (
        "  n: {data_type: INTEGER, event_property: {source_event: login, select: '{n}', aggregate_function: sum}}\n",
        "",
    )
    for number, text in enumerate(FORMULAS):
        kind = "source_event: login, select: " + f'"{text}"'
        properties += f"  e{number}: {{data_type: NUMBER, event_property: {{{kind}, aggregate_function: sum}}}}\n"
        properties += (
            f"  m{number}: {{data_type: NUMBER, event_property: {{{kind}, aggregate_function: last_value}}}}\n"
        )
        properties += f"  a{number}: {{data_type: NUMBER, event_property: {{{kind.replace(text, f'SUM({text})')}, aggregate_function: none}}}}\n"
        if not SINGLE.intersection(re.findall(r"\w+", text)):
            properties += f'  c{number}: {{data_type: NUMBER, computed_property: {{select: "{text}"}}}}\n'
            properties += f"  w{number}: {{data_type: NUMBER, sliding_window_property: {{source_property: c{number}, window_function: sum, relative_days_from: -1, relative_days_to: 0}}}}\n"
            kpis += f"  k{number}: {{select: 'SUM({{property.c{number}}})', x_axis: {{date: {{}}}}}}\n"
    model.write(properties, kpis)
    model.load(("ann", 0, "x", 1, 2))
    model.run("apply")
    huge = 9_000_000_000_000_000_000
    model.load(
        ("bob", 0, "y", 99_999_999_999_999, huge), ("cat", 0, "1", -99_999_999_999_999, -huge), ("dan", 0, "2", 0, 0)
    )
    model.run("update")
    for number, (text, value) in enumerate(FORMULAS.items()):
        names = [
            f"{letter}{number}" for letter in ("ema" if SINGLE.intersection(re.findall(r"\w+", text)) else "emacw")
        ]
        for name in names:
            ((found,),) = model.rows(f"select {name} from sl.v_totals where user_id = 'ann'")
            assert found == (None if value is None else pytest.approx(value, abs=1e-4)), f"{name} {text}"
        others = model.rows(f"select {names[0]} from sl.v_totals where user_id <> 'ann' order by user_id")
        assert model.rows(f"select {names[1]} from sl.v_totals where user_id <> 'ann' order by user_id") == others
    assert model.rows("select dau from sl.v_kpi_dau where dimension = ''") == [(4.0,)]
    assert model.rows("select count(*) from sl.v_kpi_k3 where dimension = ''") == [(1.0,)]
    assert "every row compared equals" in model.run("verify")


def test_a_formula_without_a_value(model: Model) -> None:
    """LN of an event's 0, in a computed property and a KPI on it: null for that user and day, counted for the KPI with the
    formula's file and line; other KPIs go on; what an IF leaves out, or SAFE_DIVIDE gives, is no such value. Once the
    row is mended nothing is told any more.
    """
    model.execute(DDL)
    safe = "  safe: {data_type: NUMBER, computed_property: {select: 'IF({gold} > 0, LN({gold}), 0)'}}\n"
    safe += "  share: {data_type: NUMBER, event_property: {source_event: login, select: 'SAFE_DIVIDE(1, {amount})', aggregate_function: max}}\n"
    ratio = "  ratio: {data_type: NUMBER, event_property: {source_event: login, select: '1 / {amount}', aggregate_function: max}}\n"
    more = "  safes: {select: 'SUM({property.safe})', x_axis: {date: {}}}\n"
    more += "  inline: {select: 'SUM(SQRT({property.gold} - 1))', x_axis: {date: {}}}\n"
    model.write(GOLD.lstrip("\n") + safe + ratio, GOLD_KPIS + more)
    model.load(("ann", 0, "DE", 1))
    assert "could not be" not in model.run("apply")
    model.load(("bob", 0, "DE", 0), ("cat", 1, "DE", 0), ("dan", 1, "DE", 2.5))
    said = model.run("update")
    properties, kpis = model.folder / "properties/all.yml", model.folder / "kpis/all.yml"
    lines = properties.read_text().splitlines()
    place = {name: 1 + next(n for n, line in enumerate(lines) if f" {name}:" in line) for name in ("log_gold", "ratio")}
    for text in (said, model.run("status")):
        assert (
            f"{properties}:{place['log_gold']}: 2 values could not be worked out (KPI logs: 2): an IF in it can" in text
        )
        assert f"{properties}:{place['ratio']}: 2 values could not be worked out (ratio: 2)" in text
        assert f"{kpis}:5: 2 values could not be worked out (KPI inline: 2)" in text
        assert text.count("could not be") == 3
    ln = pytest.approx(0.9163, abs=1e-4)
    assert model.rows("select date, logs from sl.v_kpi_logs where dimension = '' order by 1")[1][1] == ln
    dau = [dau for _, dau in model.rows("select date, dau from sl.v_kpi_dau where dimension = '' order by 1")]
    assert dau == [2.0, 2.0]
    assert model.rows("select log_gold, ratio from sl.v_totals where user_id = 'bob' and date = '2026-01-01'") == [
        (None, None)
    ]
    assert "every row compared equals" in model.run("verify")
    model.execute("update app.login set amount = 1 where amount = 0")
    model.run("rewind", "--from", "2026-01-01")
    assert "could not be" not in model.run("update")
    assert "every row compared equals" in model.run("verify")
