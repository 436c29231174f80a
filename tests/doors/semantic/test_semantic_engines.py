"""The semantic layer on Redshift and Snowflake, through their drivers and emulators: the same files, the same values."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.doors.semantic import model as semantic_model
from tests.doors.semantic import test_semantic_query as query_checks
from tests.doors.semantic.oracle import DATE_KPIS, Oracle, counted
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
