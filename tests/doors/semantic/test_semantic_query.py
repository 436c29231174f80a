"""`model query` and `model list`: every value by the oracle, in plain Python over the rows, and what is refused."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from runner.cli.app import main
from tests.doors.semantic import model as semantic_model
from tests.doors.semantic.oracle import COHORT_KPIS, DATE_KPIS, Oracle, counted
from tests.doors.semantic.world import World, same

Cells = list[tuple[str, date]]
PERIODS: dict[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=(day.weekday() + 1) % 7),
    "isoweek": lambda day: date.fromisocalendar(*day.isocalendar()[:2], 1),
    "month": lambda day: date(day.year, day.month, 1),
}
MEANS = ("dau", "wau_users")  # total_function: avg
USERS = {  # what a KPI counts, each user once
    "payer_dau": lambda o, u, d: o.value("dau_active", u, d) and o.value("payer_ever", u, d) > 0,
    "registrations": lambda o, u, d: o.value("cohort_day", u, d) == 0,
    "lost": lambda o, u, d: o.value("days_since_last_active", u, d) == 3,
}


@pytest.fixture(name="world")
def world_fixture(warehouse_url: str, tmp_path: Path) -> Iterator[World]:
    """Three weeks of seven users, over the end of a month, with late, corrected and deleted events; applied."""
    made = World(warehouse_url, tmp_path / "model")
    fill(made)
    yield made
    made.close()


def fill(world: World) -> None:
    """Load and apply."""
    rng = Random(11)
    world.batches = 22
    for day in range(22, 42, 2):
        world.batches = day
        world._batch(rng, most=9)
    for step in ("_late", "_correct", "_delete"):
        getattr(world, step)(rng)
    world.run("apply")


def asked(world: World, *args: str) -> list[dict[str, Any]]:
    """The rows of a query."""
    found: list[dict[str, Any]] = json.loads(world.run("query", *args, "--json").out)
    return found


def value(oracle: Oracle, kpi: str, cells: Cells, days: list[date]) -> Any:
    """A KPI of a period: the mean of its days, users each once, or its formula over all users and days."""
    if len(days) == 1:
        return oracle.kpi(kpi, cells)
    if kpi in MEANS:
        return sum(oracle.kpi(kpi, [cell for cell in cells if cell[1] == day]) for day in days) / len(days)
    if kpi in USERS:
        return len({user for user, day in cells if USERS[kpi](oracle, user, day)})
    return oracle.kpi(kpi, cells)


def check(
    oracle: Oracle,
    rows: list[dict[str, Any]],
    grain: str,
    by: tuple[str, ...] = (),
    where: Callable[[str, date], bool] = lambda user, day: True,
    kpis: tuple[str, ...] = DATE_KPIS,
) -> None:
    """Every cell of an answer, and that there is a row for each period and group."""
    days, cells = defaultdict(list), defaultdict(list)
    for day in oracle.dates:
        days[PERIODS[grain](day)].append(day)
    for user, day in filter(lambda cell: where(*cell), oracle.grid()):
        groups = tuple(oracle.value(name, user, day) for name in by)
        cells[PERIODS[grain](day), groups].append((user, day))
    if not by:
        cells |= {(start, ()): [] for start in days if (start, ()) not in cells}
    found = {(date.fromisoformat(row["date"]), tuple(row[name] for name in by)): row for row in rows}
    assert set(found) == set(cells)
    for (start, groups), inside in cells.items():
        for kpi in kpis:
            expected, got = value(oracle, kpi, inside, days[start]), found[start, groups][kpi]
            assert same(got or 0, expected or 0), f"{kpi} of {groups} in the {grain} of {start}: {got}, not {expected}"


def test_values_by_period_and_group(world: World) -> None:
    """All KPIs in one table, by period, groups and a condition: means of days, users once, ratios and counts anew."""
    oracle = Oracle(counted(world.rows))
    kpis = [word for kpi in DATE_KPIS for word in ("--kpi", kpi)]
    for grain in PERIODS:
        check(oracle, asked(world, *kpis, "--grain", grain), grain)
    by = ("registration_country", "days_active")
    check(oracle, asked(world, *kpis, "--grain", "isoweek", "--by", by[0]), "isoweek", by[:1])
    check(oracle, asked(world, *kpis, "--grain", "month", "--by", by[0], "--by", by[1]), "month", by)
    condition = "{registration_country} = 'DE' AND {property.days_active} > 1"
    rows = asked(world, *kpis, "--grain", "week", "--where", condition)

    def fits(user: str, day: date) -> bool:
        return bool(oracle.value(by[0], user, day) == "DE" and oracle.value(by[1], user, day) > 1)

    check(oracle, rows, "week", (), fits)


def test_cohorts_comparisons_and_forms(world: World, tmp_path: Path) -> None:
    """The other tables that there are, over one model."""
    oracle = Oracle(counted(world.rows))
    check_ages(world, oracle)
    check_cohorts(world, oracle)
    check_the_period_before(world, oracle)
    check_forms(world, tmp_path)
    picked = asked(world, "--kpi", "dau", "--cohort", "day", "--days", "2,0", "--from", "2026-01-26")
    assert [*picked[0]] == ["cohort", "users", "day_0", "day_2"]
    assert all(row["cohort"] >= "2026-01-26" for row in picked)


def check_ages(world: World, oracle: Oracle) -> None:
    """All cohorts together, by days since registration."""
    kpis = [word for kpi in COHORT_KPIS for word in ("--kpi", kpi)]
    for by in ("", "registration_country", "segment"):
        rows = asked(world, *kpis, "--axis", "cohort_day", *(["--by", by] if by else []))
        found = {(row["cohort_day"], row[by] if by else None): row for row in rows}
        over = oracle.over("cohort_day", by)
        assert set(over) <= set(found)
        for (age, group), row in found.items():
            for kpi in COHORT_KPIS:
                expected = oracle.kpi(kpi, over.get((age, group), []))
                assert same(row[kpi] or 0, expected or 0), f"{kpi} on day {age}, {by} {group}"


def check_cohorts(world: World, oracle: Oracle) -> None:
    """A row a week of registrations, its users, a column a day: each cell is the KPI over its users on that day of theirs."""
    for kpi in ("retention", "dau", "ltv"):
        for by in ((), ("registration_country",)):
            groups = [word for name in by for word in ("--by", name)]
            rows = asked(world, "--kpi", kpi, "--cohort", "isoweek", *groups)
            cells, users = defaultdict(list), defaultdict(set)
            for user, day in oracle.grid():
                registered, age = oracle.value("registration_date", user, day), oracle.value("cohort_day", user, day)
                if registered is not None and age >= 0:
                    place = (PERIODS["isoweek"](registered), *(oracle.value(name, user, day) for name in by))
                    users[place].add(user)
                    cells[place, age].append((user, day))
            found = {(date.fromisoformat(row["cohort"]), *(row[name] for name in by)): row for row in rows}
            assert {place: row["users"] for place, row in found.items()} == {p: len(who) for p, who in users.items()}
            for place, row in found.items():
                for age in (0, 1, 3, 7):
                    inside = cells.get((place, age), [])
                    expected = oracle.kpi(kpi, inside) if inside else None
                    assert same(row[f"day_{age}"], expected), f"{kpi} of {place} on day {age}"


def check_the_period_before(world: World, oracle: Oracle) -> None:
    """Beside each value that of the period before, and the change in percent; sorted and cut as it was asked for."""
    weeks = defaultdict(list)
    for cell in oracle.grid():
        weeks[PERIODS["isoweek"](cell[1])].append(cell)
    first, *later = sorted(weeks)
    rows = asked(
        world, "--kpi", "daily_revenue", "--grain", "isoweek", "--compare", "previous", "--from", str(later[0])
    )
    assert [row["date"] for row in rows] == [str(start) for start in later]
    for row in rows:
        start = date.fromisoformat(row["date"])
        now, before = (oracle.kpi("daily_revenue", weeks[at]) for at in (start, start - timedelta(days=7)))
        assert same(row["daily_revenue"], now)
        assert same(row["daily_revenue_previous"], before)
        assert same(row["daily_revenue_change"], (now - before) * 100 / abs(before) if before else None)
    assert first not in [date.fromisoformat(row["date"]) for row in rows]
    order = ["--order", "daily_revenue desc", "--order", "date", "--limit", "2"]
    cut = asked(world, "--kpi", "daily_revenue", "--by", "registration_country", *order)
    days = asked(world, "--kpi", "daily_revenue", "--by", "registration_country")
    assert cut == sorted(days, key=lambda row: (-row["daily_revenue"], row["date"]))[:2]


def check_forms(world: World, tmp_path: Path) -> None:
    """The SELECT that `--sql` prints gives the same rows; so does the file of `--parquet`, with types, on every engine."""
    args = ("--kpi", "daily_revenue", "--kpi", "arpdau", "--kpi", "countries", "--by", "segment", "--grain", "week")
    rows = asked(world, *args)
    select = world.run("query", *args, "--sql").out
    found = world.db.rows(select)
    assert [(str(row[0]), row[1]) for row in found] == [(row["date"], row["segment"]) for row in rows]
    for row, listed in zip(found, rows, strict=True):
        assert all(same(one, other) for one, other in zip(row[2:], [*listed.values()][2:], strict=True))
    file = tmp_path / "kpis.parquet"
    assert f"{len(rows)} rows" in world.run("query", *args, "--parquet", str(file)).out
    read = duckdb.connect().sql(f"from '{file}'")
    assert [str(type_) for type_ in read.types] == ["DATE", "VARCHAR", "DECIMAL(38,4)", "DOUBLE", "DECIMAL(38,4)"]
    assert len(read.fetchall()) == len(rows)
    assert sorted(path.name for path in tmp_path.glob("*kpis*")) == ["kpis.parquet"]


KPIS = (
    semantic_model.KPIS
    + """
  first_seen: {label: 'First {seen}', select: 'MIN({property.registration_date})', x_axis: {date: {total_function: avg}}}
"""
)
PROPERTIES = semantic_model.PROPERTIES.replace(
    "best: {data_type: NUMBER,", "best: {data_type: NUMBER, can_filter: false,"
)
REFUSED = [
    (["--kpi", "dua"], "there is no KPI dua", "did you mean dau?"),
    (["--kpi", "dau", "--by", "registration_contry"], "there is no property registration_contry", "did you mean"),
    (["--kpi", "dau", "--by", "wau"], "all.yml:14: wau is not grouped by: its can_group_by is false", "can_group_by: true"),
    (["--kpi", "dau", "--grain", "weak"], "--grain weak: not known", "did you mean week?"),
    (["--kpi", "ltv"], "KPI ltv is not drawn over date", "its axes: cohort_day"),
    (["--kpi", "dau", "--where", "{contry} = 'DE'"], "E06 unknown property contry in the query", "did you mean"),
    (["--kpi", "dau", "--where", "{first_country_source} = 'DE'"], "E06 first_country_source is the source", "first_country"),
    (["--kpi", "dau", "--where", "{best} > 2"], "E16 best, in the condition of the query, has can_filter", "take it out"),
    (["--kpi", "dau", "--where", "{revenue}"], "E20 the condition of the query is not true or false", "compare it"),
    (["--kpi", "dau", "--where", "{date} = 'x' or 1 = 1; drop table x"], "E12", "one SQL expression"),
    (["--kpi", "dau", "--where", "SUM({revenue}) > 2"], "E08 the condition of the query aggregates", "one user and day"),
    (["--kpi", "dau", "--where", "pg_sleep(1) = 1"], "E12 pg_sleep", "use another"),
    (["--kpi", "dau", "--where", "{cohort_day} < (select 1)"], "E12", "a subquery"),
    (["--kpi", "dau", "--where", "{kpi.dau} > 2"], "E16 the condition of the query names kpi.dau", "property.x"),
    (["--kpi", "dau", "--order", "wau"], "--order wau: not a column of the answer", "dau"),
    (["--kpi", "dau", "--axis", "cohort_day", "--grain", "week"], "--grain week is about dates", "--cohort week"),
    (["--kpi", "dau", "--axis", "cohort_day", "--from", "2026-01-01"], "the axis is cohort_day", "--cohort day"),
    (["--kpi", "dau", "--kpi", "ltv", "--cohort", "week"], "--cohort shows one KPI", "once for each"),
    (["--kpi", "dau", "--days", "1,2"], "--days are the columns of --cohort", "add --cohort"),
    (["--kpi", "dau", "--cohort", "day", "--days", "1;2"], "--days 1;2: not a list of days", "0,1,7,30"),
    (["--kpi", "dau", "--compare", "last"], "--compare last: not known", "--compare previous"),
    (["--kpi", "dau", "--compare", "previous", "--grain", "month", "--from", "2026-01-05"], "within a month", "2026-01-01"),
    (["--kpi", "first_seen", "--compare", "previous"], "KPI first_seen is a DATE", "leave --compare out"),
    (["--kpi", "first_seen", "--grain", "week"], "total_function: avg is for numbers", "min or max"),
    (["--kpi", "dau", "--csv", "--json"], "--csv and --json are two forms", "choose one"),
    (["--kpi", "dau", "--parquet", "no/such/file"], "there is no folder no/such", "mkdir -p no/such"),
    (["--by", "wau"], "--kpi is missing", "runner model list"),
]  # fmt: skip


def test_refused(tmp_path: Path) -> None:
    """Exit 2 with the true reason and what to write, before anything is connected: there is no such database."""
    folder = semantic_model.write(tmp_path / "model", {"kpis/all.yml": KPIS, "properties/all.yml": PROPERTIES})
    for args, what, hint in REFUSED:
        out, err = io.StringIO(), io.StringIO()
        target = ("--target", f"duckdb:///{tmp_path}/none.duckdb")
        code = main(["model", "query", str(folder), *args, *target], out=out, err=err)
        said = err.getvalue() + out.getvalue()
        assert code == 2, f"{args}: {said}"
        assert what in said, args
        assert hint in said, args


def test_list(tmp_path: Path) -> None:
    """What can be asked for, without a warehouse: KPIs with axes and units, properties with kind, type and uses."""
    folder = semantic_model.write(tmp_path / "model")

    def listed(*args: str) -> str:
        out, err = io.StringIO(), io.StringIO()
        assert main(["model", "list", str(folder), *args], out=out, err=err) == 0, err.getvalue()
        return out.getvalue()

    lines = [" ".join(line.split()) for line in listed().splitlines()]
    assert "dau DAU date (avg), cohort_day" in lines
    assert "days_active sliding window INTEGER yes yes" in lines
    found = json.loads(listed("--json"))
    kpis, properties = ({one["name"]: one for one in found[kind]} for kind in ("kpis", "properties"))
    assert kpis["daily_revenue"]["unit"] == "$"
    assert kpis["daily_revenue"]["axes"] == {"date": "sum", "cohort_day": None}
    assert properties["cohort_day"]["built_in"]
    assert not [name for name in properties if name.endswith("_source")]
