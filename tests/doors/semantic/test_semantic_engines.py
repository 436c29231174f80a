"""The semantic layer on Redshift and Snowflake, through their drivers and emulators: the same files, the same values."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.doors.semantic import model as semantic_model
from tests.doors.semantic import test_semantic_query as query_checks
from tests.doors.semantic.oracle import DATE_KPIS, Oracle, counted
from tests.doors.semantic.test_semantic_bad_values import COLUMNS, READ, TEXTS, TYPED, put
from tests.doors.semantic.test_semantic_hard import LOGIN, Model
from tests.doors.semantic.world import World

# What these engines have no function for: a distinct count within a window.
PROPERTIES = "\n".join(line for line in semantic_model.PROPERTIES.splitlines() if "tried:" not in line)


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
def test_values(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Applied, updated with late, corrected and deleted events, one KPI alone, rewound: every value is the oracle's."""
    world = World(
        request.getfixturevalue(f"{engine}_url"), tmp_path / "model", changes={"properties/all.yml": PROPERTIES}
    )
    rng = Random(5)
    world._batch(rng)
    world._batch(rng)
    world.run("apply")
    world.check(without=("tried",))
    for step in ("_late", "_correct", "_delete", "_batch"):
        getattr(world, step)(rng)
    world.run("update", "--kpi", "dau")
    world.check(("dau",), users=False)
    world.run("update")
    world.check(without=("tried",))
    world.run("rewind", "--from", "2026-01-01")
    world.run("update")
    assert "every row compared" in world.run("verify").out
    check_queries(world)
    world.close()


def check_queries(world: World) -> None:
    """Tables of `model query` in all their shapes."""
    oracle = Oracle(counted(world.rows))
    kpis = [word for kpi in DATE_KPIS for word in ("--kpi", kpi)]
    by = ("registration_country",)
    query_checks.check(oracle, query_checks.asked(world, *kpis, "--grain", "isoweek"), "isoweek")
    rows = query_checks.asked(world, *kpis, "--grain", "month", "--by", by[0])
    query_checks.check(oracle, rows, "month", by)
    query_checks.check_cohorts(world, oracle)
    query_checks.check_the_period_before(world, oracle)


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
def test_backslashes(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    r"""A backslash in a constant of the files is one in the tables: '…' may take it for an escape."""
    properties = PROPERTIES.replace("new_value: some", r"new_value: 'so\me'").replace(
        "aggregate_function: first_value, where: '{revenue} > 2'}",
        r"aggregate_function: first_value, where: '{revenue} > 2', default_value: 'no\ne'}",
    )
    url = request.getfixturevalue(f"{engine}_url")
    world = World(url, tmp_path / "model", changes={"properties/all.yml": properties})
    world._batch(Random(5))
    world.run("apply")
    assert r",so\me," in world.run("query", "--kpi", "dau", "--by", "segment", "--csv").out
    assert (r"no\ne",) in world.db.rows("select first_product from sl.v_totals")
    world.close()


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
def test_bad_values(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Of texts in columns of other types each bad one is null and counted, and so is a formula's; all else goes on."""
    model = Model(request.getfixturevalue(f"{engine}_url"), tmp_path / "model")
    for statement in TEXTS.strip().split(";\n"):
        model.execute(statement)
    columns = TYPED.replace("  paid:       {data_type: BOOLEAN}\n", "")
    whole, day, *_ = READ.splitlines(keepends=True)
    ratio = "  log_n: {data_type: NUMBER, event_property: {source_event: login, select: 'LN({n} - 3)', aggregate_function: max}}\n"
    model.write(whole + day + ratio, login=LOGIN.replace(COLUMNS, columns))
    put(model, 0, "2.50", "7", "2024-02-29", "2026-01-04 10:00:00")
    put(model, 1, "abc", "1e39", "2026-02-30", "2026-13-01 10:00:00")
    put(model, 2, "1", "3", "2026-02-03")
    said = model.run("apply")
    assert "event login: 4 values could not be read (amount: 1, n: 1, day: 1, moment: 1): select" in said
    assert "all.yml:7: 1 value could not be worked out (log_n: 1)" in said
    values = model.rows("select user_id, amount, whole, day, log_n from sl.v_totals order by user_id")
    assert [(*row[:3], row[3] and str(row[3])[:10], row[4] and round(row[4], 3)) for row in values] == [
        ("u0", 2.5, 7.0, "2024-02-29", 1.386), ("u1", 0.0, None, None, None), ("u2", 1.0, 3.0, "2026-02-03", None)]  # fmt: skip
    assert "every row compared" in model.run("verify")
