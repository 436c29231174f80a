"""Hard cases of the semantic layer, each a rule of its own.

Unusual but valid models with values worked out by hand, changes of a model on a live schema, and what the commands say
when something is in the way.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.cli.app import main
from runner.warehouse.engines import DUCKDB, POSTGRES
from runner.warehouse.postgres import Postgres
from runner.warehouse.values import Trouble, WarehouseError, Watch
from tests.doors.semantic.world import DAY, START
from tests.engines.db import Db, engine_of

CONFIG = """
data_model_schema: sl
active_days: 30
cohorted_daily_kpis_days: [0, 1, 7]
model_settings: {vanished: retract}
"""
LOGIN = """
table_name: app.login
tags: [registration_event, activity_event]
columns:
  event_id:   {data_type: STRING, tags: [event_id_column]}
  user_id:    {data_type: STRING, tags: [entity_id_column]}
  time:       {data_type: DATETIME, tags: [event_timestamp_column]}
  etl_tstamp: {data_type: DATETIME, tags: [etl_timestamp_column]}
  country:    {data_type: STRING, tags: [registration_property]}
  amount:     {data_type: NUMBER}
  n:          {data_type: INTEGER}
"""
PROPERTIES = """
  active: {data_type: INTEGER, event_property: {source_event: entity_activity, select: 1, aggregate_function: none, default_value: 0}}
  amount: {data_type: NUMBER, event_property: {source_event: login, select: '{amount}', aggregate_function: sum, default_value: 0}}
  country: {data_type: STRING, can_group_by: true, registration_property: {}}
"""
KPIS = "  dau: {select: 'SUM({property.active})', x_axis: {date: {}, cohort_day: {}}}\n"
DDL = """
create schema app;
create table app.login (event_id varchar(40), user_id varchar(40), time timestamp, etl_tstamp timestamp,
    country varchar(40), amount decimal(18,4), n bigint)
"""
DEFAULTS: tuple[Any, ...] = ("DE", 1, 1)
COLUMNS = ("event_id", "user_id", "time", "etl_tstamp", "country", "amount", "n")


INNER = """  last_source: {data_type: INTEGER, event_property: {source_event: login, select: 1, aggregate_function: count}}
  last: {data_type: STRING, lifetime_property: {source_event_property: {source_event: login, select: '{country}', aggregate_function: last_value}, merge_function: last_value}}
"""


@dataclass
class Model:
    """A small model over one table of logins."""

    url: str
    folder: Path
    made: int = 0

    def write(self, properties: str = "", kpis: str = "", login: str = LOGIN) -> None:
        """The files: `properties` and `kpis` are added to those that every model here has."""
        files = {
            "config.yml": CONFIG,
            "events/login.yml": login,
            "properties/all.yml": f"properties:{PROPERTIES}{properties}",
            "kpis/all.yml": f"kpis:\n{KPIS}{kpis}",
        }
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.lstrip("\n"))

    def load(self, *rows: tuple[Any, ...]) -> None:
        """(user, day[, country, amount, n]), all of one batch."""
        self.made += 1
        full = []
        for number, (user, day, *more) in enumerate(rows):
            time = START + DAY * day + timedelta(minutes=number)
            stamp = (f"{self.made}-{number}", user, time, START + DAY * self.made)
            full.append((*stamp, *more, *DEFAULTS[len(more) :]))
        with Db(self.url) as db:
            db.load("app.login", COLUMNS, full)

    def run(self, *args: str, code: int = 0, watch: Watch | None = None) -> str:
        """`runner model …`; gives all that is said."""
        out, err = io.StringIO(), io.StringIO()
        words = ["model", args[0], str(self.folder), *args[1:], "--target", self.url]
        found = main(words, watch=watch, out=out, err=err)
        said = out.getvalue() + err.getvalue()
        assert found == code, f"exit {found}, not {code}\n{said}"
        return said

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Of a query, numbers as floats."""
        with Db(self.url) as db:
            return [tuple(float(v) if isinstance(v, (int, float)) or hasattr(v, "quantize") else v for v in row)
                    for row in db.rows(sql)]  # fmt: skip

    def execute(self, sql: str) -> None:
        """Something that is not the runner's doing."""
        with Db(self.url) as db:
            db.execute(sql)


@pytest.fixture(name="model")
def model_fixture(warehouse_url: str, tmp_path: Path) -> Iterator[Model]:
    """An empty table of logins."""
    with Db(warehouse_url) as db:
        db.execute(DDL)
    yield Model(warehouse_url, tmp_path / "model")


# -- values ----------------------------------------------------------------------------------------------------------


def test_a_mapping_compares_the_whole_formula(model: Model) -> None:
    """A constant is compared with the value of the formula, not with its last part; with a text as a text."""
    model.write(
        """  kind: {data_type: STRING, can_group_by: true, computed_property: {select: "{country} = 'DE' or {amount} > 4", value_mappings: [{constant: true, new_value: "it's"}, {constant: false, new_value: no}]}}
  code: {data_type: STRING, can_group_by: true, computed_property: {select: '{country}', value_mappings: [{constant: 1, new_value: one}]}}
"""
    )
    model.load(("ann", 0, "DE"), ("bob", 0, "1"), ("cat", 0, "FR", 5))
    model.run("apply")
    assert model.rows("select kind, code from sl.v_totals order by user_id") == [
        ("it's", None), ("no", "one"), ("it's", None)]  # fmt: skip


def test_a_fixed_window_counts_quiet_days(model: Model) -> None:
    """It is over all days of a user in the range, whatever other windows the model has, and though nothing happened then."""
    fixed = "fixed_window_property: {{source_property: {}, window_function: {}, date_from: 2026-01-0{}, date_to: 2026-01-0{}}}"
    properties = f"""  ever: {{data_type: NUMBER, lifetime_property: {{source_property: amount, merge_function: sum}}}}
  days: {{data_type: INTEGER, {fixed.format("amount", "count", 1, 4)}}}
  mean: {{data_type: NUMBER, {fixed.format("amount", "avg", 1, 4)}}}
  later: {{data_type: NUMBER, {fixed.format("ever", "max", 6, 7)}}}
"""
    week = "  week: {data_type: NUMBER, sliding_window_property: {source_property: amount, window_function: sum, relative_days_from: -6, relative_days_to: 2}}\n"
    expected = [("ann", 4.0, 0.75, 3.0), ("bob", 3.0, 1.6667, 5.0)]
    query = "select distinct user_id, days, mean, later from sl.v_totals order by user_id"
    model.load(("ann", 0), ("ann", 1, "DE", 2), ("bob", 1, "FR", 5))
    spent = f"  spent: {{data_type: NUMBER, {fixed.format('amount', 'sum', 6, 7)}}}\n"
    for more in ("", properties, properties + week):
        model.write(spent + more)
        model.run("apply")
        assert model.rows("select distinct user_id, spent from sl.v_totals order by 1") == [("ann", 0.0), ("bob", 0.0)]
        assert not more or model.rows(query) == expected
    model.load(("cat", 8))
    model.run("update")
    assert model.rows(query) == [*expected, ("cat", 0.0, None, None)]
    assert "every row compared equals" in model.run("verify")


def test_a_count_is_one_number_however_it_is_spelled(model: Model) -> None:
    """`where` leaves rows out before anything is counted: a day of which it leaves none is one without such events, and has
    the default. A condition within `select` leaves the rows, which count 0. A KPI that counts is 0 where nothing counts.
    """
    left = {
        "count_1": "select: 1, aggregate_function: count",
        "count_n": "select: '{n}', aggregate_function: count",
        "sum_1": "select: 1, aggregate_function: sum",
        "count_all": "select: 'COUNT(*)', aggregate_function: none",
        "sum_of_1": "select: 'SUM(1)', aggregate_function: none",
        "count_if": "select: 'COUNTIF({n} > 0)', aggregate_function: none",
    }
    kept = {
        "sum_if": "select: 'IF({n} > 0, 1, 0)', aggregate_function: sum",
        "own_if": "select: 'SUM(IF({n} > 0, 1, 0))', aggregate_function: none",
        "counted": "select: 'CASE WHEN {n} > 0 THEN 1 END', aggregate_function: count",
        "own_count": "select: 'COUNT(CASE WHEN {n} > 0 THEN 1 END)', aggregate_function: none",
        "own_count_if": "select: 'COUNTIF({n} > 0)', aggregate_function: none",
    }
    defaults = {"": None, "_0": 0.0, "_7": 7.0}
    listed, expected = "", {}
    for name, text in {**left, **kept}.items():
        where = ", where: '{n} > 0'" if name in left else ""
        for end, default in defaults.items():
            also = "" if default is None else f", default_value: {default:.0f}"
            listed += (
                f"  {name}{end}: {{data_type: INTEGER, event_property: {{source_event: login, {text}{where}{also}}}}}\n"
            )
            expected[name + end] = (2.0, default if name in left else 0.0, default, 1.0)
    kpis = {
        "users": "select: 'SUM({property.cohort_size})', where: '{property.sum_1} > 0'",
        "ones": "select: 'COUNT(1)', where: '{property.count_1} > 0'",
        "active": "select: 'SUM({property.active})', where: '{property.sum_if} > 0'",
        "ifs": "select: 'SUM(IF({property.sum_1_0} > 0, 1, 0))'",
        "cases": "select: 'COUNT(CASE WHEN {property.counted} > 0 THEN 1 END)'",
        "count_ifs": "select: 'COUNTIF({property.own_if} > 0)'",
        "outer": "select: '{kpi.dau}', where: '{property.count_all} > 0'",
        "first": "select: 'SUM({property.cohort_size})', where: '{property.sum_1} > 0 and {property.cohort_day} < 9'",
    }
    model.write(listed, "".join(f"  k_{name}: {{{text}, x_axis: {{date: {{}}}}}}\n" for name, text in kpis.items()))
    model.load(("ann", 0, "DE", 1, 1), ("ann", 0, "DE", 1, 5), ("ann", 1, "DE", 1, 0), ("ann", 3, "DE", 1, 2))
    model.run("apply")
    rows = model.rows(f"select {', '.join(expected)} from sl.v_totals order by date")
    assert dict(zip(expected, zip(*rows, strict=True), strict=True)) == expected
    for name in kpis:
        query = f"select k_{name} from sl.v_kpi_k_{name} where dimension = '' order by date"
        assert (name, model.rows(query)) == (name, [(1.0,), (0.0,), (0.0,), (1.0,)])


def test_a_sum_over_what_never_rests_is_refused(model: Model) -> None:
    """A count of days over a property with a default is the same every day for ever, so its sum would grow by the clock."""
    window = "sliding_window_property: {source_property: amount, window_function: count, relative_days_from: -6, relative_days_to: 0}"
    model.write(
        f"  seen: {{data_type: INTEGER, {window}}}\n"
        "  grows: {data_type: INTEGER, lifetime_property: {source_property: seen, merge_function: sum}}\n"
    )
    assert "grows sums up seen" in model.run("plan", code=2)


def test_a_mean_of_whole_numbers_is_rounded(model: Model) -> None:
    """On every engine alike: 7 / 2 is 4 and not 3."""
    model.write(
        """  mean: {data_type: INTEGER, event_property: {source_event: login, select: '{n}', aggregate_function: avg}}
  often: {data_type: INTEGER, sliding_window_property: {source_property: logins, window_function: avg, relative_days_from: -1, relative_days_to: 0}}
  logins: {data_type: INTEGER, event_property: {source_event: login, select: 1, aggregate_function: count, default_value: 0}}
"""
    )
    model.load(("ann", 0, "DE", 1, 3), ("ann", 0, "DE", 1, 4), ("ann", 1))
    model.run("apply")
    assert model.rows("select mean, often from sl.v_totals order by date") == [(4.0, 2.0), (1.0, 2.0)]


def test_a_formula_s_halves_go_away_from_zero(model: Model) -> None:
    """What a formula comes to is rounded to a whole number as BigQuery does, though it is a double on the way: in a
    computed property, one of events, and behind a condition.
    """
    halves = "SAFE_DIVIDE({amount}, 2)"
    model.write(
        f"  paid: {{data_type: NUMBER, event_property: {{source_event: login, select: '{{amount}}', aggregate_function: sum}}}}\n"
        f"  half: {{data_type: INTEGER, computed_property: {{select: 'SAFE_DIVIDE({{paid}}, 2)'}}}}\n"
        f"  perhaps: {{data_type: INTEGER, computed_property: {{select: 'IF({{paid}} <> 0, SAFE_DIVIDE({{paid}}, 2), 0)'}}}}\n"
        f"  most: {{data_type: INTEGER, event_property: {{source_event: login, select: '{halves}', aggregate_function: max}}}}\n"
    )
    model.load(*(("ann", day, "DE", paid) for day, paid in enumerate((1, 5, -1, -5, 4))))
    model.run("apply")
    found = model.rows("select half, perhaps, most from sl.v_totals order by date")
    assert found == [(half,) * 3 for half in (1, 3, -1, -3, 2)]


def test_division_by_zero_is_null(model: Model) -> None:
    """One user's zero makes neither a view unreadable nor an update fail."""
    model.write(
        """  each: {data_type: NUMBER, can_group_by: true, computed_property: {select: '{active} / {amount}'}}
  rest: {data_type: INTEGER, computed_property: {select: 'MOD({active}, {active} - 1)'}}
""",
        "  ratio: {select: '{kpi.dau} / SUM({property.amount})', x_axis: {date: {}}}\n",
    )
    model.load(("ann", 0, "DE", 0))
    model.run("apply")
    assert model.rows("select each, rest from sl.v_totals") == [(None, None)]
    assert model.rows("select ratio from sl.v_kpi_ratio where dimension = ''") == [(None,)]


def test_a_condition_goes_into_every_part_of_a_distinct_count(model: Model) -> None:
    """COUNT(DISTINCT a, b) with a condition counts pairs."""
    model.write(
        "  pairs: {data_type: INTEGER, event_property: {source_event: login, select: 'COUNT(DISTINCT {country}, {n})', aggregate_function: none, where: '{n} > 0'}}\n"
    )
    model.load(("ann", 0, "DE", 1, 1), ("ann", 0, "DE", 1, 2), ("ann", 0, "DE", 1, 2), ("ann", 0, "FR", 1, 0))
    model.run("apply")
    assert model.rows("select pairs from sl.v_totals") == [(2.0,)]


def test_columns_may_be_called_like_words_of_sql(model: Model) -> None:
    """A source's column is quoted wherever an engine would take it for something else."""
    words = ("default", "check", "primary", "grant", "full", "do", "end", "true", "user", "lateral", "analyse", "Order")
    columns = "".join(f"  {word!r}: {{data_type: INTEGER}}\n" for word in words)
    sums = "".join(
        f"  p_{word.lower()}: {{data_type: INTEGER, event_property: {{source_event: login, select: '{{{word}}}', aggregate_function: sum}}}}\n"
        for word in words
    )
    model.execute("".join(f'alter table app.login add column "{word}" bigint default 3;' for word in words))
    model.write(sums, login=LOGIN + columns)
    model.load(("ann", 0))
    model.run("apply")
    listed = ", ".join(f"p_{word.lower()}" for word in words)
    assert model.rows(f"select {listed} from sl.v_totals") == [(3.0,) * len(words)]


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "kpis", "said"),
    [
        ("  registered_on: {data_type: STRING, registration_property: {source_column: country}}\n", "", "E03"),
        ("  registration_tstamp: {data_type: STRING, registration_property: {source_column: country}}\n", "", "E03"),
        ("  registration_date: {data_type: STRING, registration_property: {source_column: country}}\n", "", "E03"),
        (
            INNER,
            "",
            "E02 a second property called last_source",
        ),
        ("  show: {data_type: STRING, registration_property: {source_column: country}}\n", "", "E03"),
        ("  verbose: {data_type: STRING, registration_property: {source_column: country}}\n", "", "E03"),
        ("", "  cohort_day: {select: 'SUM({property.active})', x_axis: {cohort_day: {}}}\n", "E03 a KPI may not be"),
        ("", "  dau_cohort: {select: 'SUM({property.active})', x_axis: {date: {}}}\n", "the view v_kpi_dau_cohort"),
        (
            "  born: {data_type: DATE, event_property: {source_event: login, select: '{date}', aggregate_function: max, default_value: 2026-06-31}}\n",
            "",
            "2026-06-31' is not a value of type DATE",
        ),
    ],
)
def test_names_and_values_that_would_fail_later(tmp_path: Path, properties: str, kpis: str, said: str) -> None:
    """They are found offline, with file and line, rather than by an engine in the middle of a run, or never."""
    model = Model(f"duckdb:///{tmp_path}/w.duckdb", tmp_path / "model")
    model.write(properties, kpis)
    text = model.run("plan", code=2)
    assert said in text
    assert ".yml:" in text


# -- changes of a model ----------------------------------------------------------------------------------------------


def test_a_removed_kpi_is_in_nobodys_way(model: Model) -> None:
    """The view of a KPI that is gone reads others that are to be made anew: it goes with them, and tables wait for --prune."""
    model.write(kpis="  places: {select: 'COUNT(DISTINCT {property.country})', x_axis: {date: {}}}\n")
    model.load(("ann", 0))
    model.run("apply")
    model.write("  twice: {data_type: NUMBER, computed_property: {select: '{amount} * 2'}}\n")
    assert "dropped views that are no longer part of it: sl.v_kpi_places" in model.run("apply")
    assert model.rows("select twice from sl.v_totals") == [(2.0,)]
    model.write(login=LOGIN.replace("n: ", "n_1: ").replace("n_1:  ", "n: "))
    model.run("apply", "--prune")
    assert "no longer part" not in model.run("status")


def test_views_of_others_over_ours(model: Model) -> None:
    """Where they hold on to ours, the message says which, and what to do; nothing is published."""
    model.write()
    model.load(("ann", 0))
    model.run("apply")
    model.execute("create view app.mine as select * from sl.v_kpi_dau")
    model.write("  twice: {data_type: NUMBER, computed_property: {select: '{amount} * 2'}}\n")
    if engine_of(model.url) == "duckdb":
        model.run("apply")
        return
    said = model.run("apply", code=6)
    assert "app.mine" in said
    assert "run this again" in said
    model.execute("drop view app.mine")
    model.run("apply")


@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.RETRY, Trouble.LOST])
def test_views_that_fail_once_the_data_is_published(
    model: Model, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    """Where DDL cannot be part of the publish, views are made after it: if one fails, the data is published all the same."""
    if engine_of(model.url) == "duckdb":
        monkeypatch.setattr("runner.warehouse.duckdb.DUCKDB", replace(DUCKDB, transactional_ddl=False))
    else:
        monkeypatch.setattr(Postgres, "engine", replace(POSTGRES, transactional_ddl=False))
    model.write()
    model.load(("ann", 0))

    def failing(when: str, label: str, sql: str) -> None:
        if when == "before" and "v_totals" in sql and label == "publish:view":
            raise WarehouseError(label, "no such luck", trouble)

    said = model.run("apply", code=6, watch=failing)
    assert "no such luck; the data is published" in said
    assert "nothing was published" not in said
    model.run("apply")
    assert model.rows("select amount from sl.v_totals") == [(1.0,)]


def test_what_is_not_ours_is_not_touched(model: Model) -> None:
    """A view or table of another that is called as one of ours stays, and no command is named that there is not."""
    model.write()
    model.load(("ann", 0))
    model.execute("create schema sl; create view sl.v_totals as select 1 as x")
    said = model.run("apply", code=6)
    assert "sl.v_totals is there already" in said
    assert "another data_model_schema" in said
    assert model.rows("select x from sl.v_totals") == [(1.0,)]
    model.execute("drop view sl.v_totals; create table sl.calendar (x int); insert into sl.calendar values (1)")
    said = model.run("apply", code=6)
    assert "--adopt" not in said
    assert "another data_model_schema" in said


# -- what commands say -----------------------------------------------------------------------------------------------


def test_before_apply(model: Model) -> None:
    """Every command that needs tables says that there are none yet, and which command makes them."""
    model.write()
    model.load(("ann", 0))
    days = ["--from", "2026-01-01", "--to", "2026-01-02"]
    for command in (
        ["update"],
        ["verify"],
        ["rewind", *days],
        ["query", "--kpi", "dau"],
        ["explain", "--kpi", "dau", "--date", "2026-01-01"],
    ):
        said = model.run(*command, code=6)
        assert "has not been applied here yet" in said, command
        assert f"runner model apply {model.folder}" in said, command


def test_a_kpi_that_is_not_applied_yet(model: Model) -> None:
    """It is in the files and not in the warehouse: query and explain say so, and the others can be asked as before."""
    model.write()
    model.load(("ann", 0))
    model.run("apply")
    model.write(kpis="  total: {select: 'SUM({property.amount})', x_axis: {date: {}}}\n")
    for command in (["query", "--kpi", "total"], ["explain", "--kpi", "total", "--date", "2026-01-01"]):
        said = model.run(*command, code=6)
        assert "the configuration has changed since it was applied: sl.v_kpi_total" in said
        assert "runner model apply" in said
    assert "2026-01-01" in model.run("query", "--kpi", "dau")


def test_days_that_run_backwards(model: Model) -> None:
    """--from after --to is a mistake everywhere, rather than a run over nothing."""
    model.write()
    days = ["--from", "2026-01-05", "--to", "2026-01-02"]
    for command in (["apply", *days], ["rewind", *days], ["query", "--kpi", "dau", *days]):
        assert "swap the two" in model.run(*command, code=2)


def test_kpis_that_are_dates_or_texts(model: Model) -> None:
    """The newest date and the greatest text are printed and explained like numbers; no mean is made of them."""
    model.write(
        "  newest: {data_type: DATE, lifetime_property: {source_event_property: {source_event: login, select: '{date}', aggregate_function: max}, merge_function: max}}\n",
        "  seen: {select: 'MAX({property.newest})', x_axis: {date: {total_function: avg}}}\n"
        "  place: {select: 'MAX({property.country})', x_axis: {date: {total_function: max}}}\n",
    )
    model.load(("ann", 0), ("bob", 0, "FR"))
    model.run("apply")
    assert model.run("query", "--kpi", "seen").splitlines() == ["date        seen", "2026-01-01  2026-01-01"]
    assert "max: FR" in model.run("query", "--kpi", "place")
    for kpi in ("seen", "place"):
        assert "users of t1" in model.run("explain", "--kpi", kpi, "--date", "2026-01-01")


def test_an_engine_s_error_names_a_file(model: Model) -> None:
    """What the warehouse refuses in a generated table is said with the file that it comes from."""
    model.write("  bad: {data_type: BOOLEAN, can_group_by: true, computed_property: {select: '{country} > 3'}}\n")
    model.load(("ann", 0))
    said = model.run("apply", code=6)
    assert f"{model.folder}/config.yml: stage:sl.kpi_" in said


def test_countif_is_a_count(model: Model) -> None:
    """It is 0 and not null where nothing fits, and it is kept as a count is."""
    model.write(kpis="  large: {select: 'COUNTIF({property.amount} > 4)', x_axis: {date: {}, cohort_day: {}}}\n")
    model.load(("ann", 0), ("ann", 1, "DE", 5), ("bob", 1, "FR", 6))
    model.run("apply")
    assert model.rows("select large from sl.v_kpi_large where dimension = '' order by date") == [(0.0,), (2.0,)]
    assert model.rows("select count(*) from information_schema.tables where table_name = 'kpi_totals'") == [(1.0,)]


def test_an_event_at_no_time(model: Model) -> None:
    """An infinite timestamp is set aside: the calendar does not try to reach it."""
    model.write()
    model.load(("ann", 0))
    model.execute("insert into app.login values ('x', 'bob', 'infinity', timestamp '2026-01-02 00:00:00', 'DE', 1, 1)")
    model.run("apply")
    assert model.rows("select user_id, active from sl.v_totals") == [("ann", 1.0)]
    assert model.rows("select user_id from sl.v_quarantine") == [("bob",)]


def test_users_that_tables_call_differently(model: Model) -> None:
    """One table's users are numbers and another's texts: they are the same users by what they are called."""
    model.write(
        "  visits: {data_type: INTEGER, event_property: {source_event: visit, select: 1, aggregate_function: count}}\n"
    )
    visit = LOGIN.replace("app.login", "app.visit").replace("[registration_event, activity_event]", "[activity_event]")
    visit = visit.replace("user_id:    {data_type: STRING", "user_id:    {data_type: INTEGER")
    (model.folder / "events" / "visit.yml").write_text(visit)
    model.execute("create table app.visit as select * from app.login; alter table app.visit drop column user_id")
    model.execute("alter table app.visit add column user_id bigint")
    model.execute(
        "insert into app.visit (event_id, user_id, time, etl_tstamp) values ('v', 7, '2026-01-01', '2026-01-01')"
    )
    model.load(("7", 0))
    model.run("apply")
    assert model.rows("select user_id, visits from sl.v_totals") == [("7", 1.0)]


def test_a_source_that_is_written_out_has_a_type_of_its_own(model: Model) -> None:
    """Within a window that counts, a default is a value of what is counted; an INTEGER sum or mean is rounded once, after
    the days have been added up.
    """
    event = "source_event: login, select: '{%s}', aggregate_function: %s, default_value: %s"
    country, amount = event % ("country", "last_value", "XX"), event % ("amount", "sum", 0)
    window = "relative_days_from: -3, relative_days_to: 0"
    model.write(
        f"  places: {{data_type: INTEGER, sliding_window_property: {{source_event_property: {{{country}}}, window_function: count_distinct, {window}}}}}\n"
        f"  paid: {{data_type: INTEGER, sliding_window_property: {{source_event_property: {{{amount}}}, window_function: sum, {window}}}}}\n"
    )
    model.load(("ann", 0, "DE", 1.5), ("ann", 2, "DE", 1.5))
    model.run("apply")
    assert model.rows("select places, paid from sl.v_totals order by date") == [(1.0, 2.0), (2.0, 2.0), (2.0, 3.0)]


def test_a_source_may_not_have_a_name_of_the_runner_s(model: Model) -> None:
    """What would be called runner_source is told by the rules, before anything is built."""
    source = "source_event_property: {source_event: login, select: 1, aggregate_function: count}"
    model.write(f"  runner: {{data_type: INTEGER, lifetime_property: {{{source}, merge_function: max}}}}\n")
    said = model.run("apply", code=2)
    assert "E03" in said and "runner_source" in said
