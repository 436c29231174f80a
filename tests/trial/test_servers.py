"""The trial on Redshift and Snowflake, whose statements cost time and money: whoever asks with `check --live` gets it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.trial import verdict
from tests.engines.db import Db
from tests.kit.project import Project

BY_URL = {"redshift": "select datname from pg_database", "snowflake": "show databases"}
EVENTS = "select event_id, max(collector_tstamp) as ts, max(domain_userid) as u from atomic.events group by event_id"
DAYS = """select d.day, count(distinct e.u) as users from (select distinct cast(ts as date) as day from derived.ev) d
join derived.ev e on cast(e.ts as date) <= d.day group by d.day"""
BY_HAND = [{"input": "derived.ev", "keys": "select distinct cast(ts as date) as day from changed"}]
COPIES = "select domain_sessionid, count(*) as n, sum(amount) as s from atomic.events group by domain_sessionid"


@pytest.fixture(name="project", params=sorted(BY_URL))
def project_fixture(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A project whose new models are tried; there are as many databases afterwards as there were before."""
    monkeypatch.setenv("RUNNER_TRIAL", "30")
    monkeypatch.setattr(verdict, "ASKED_S", 0.0)  # one round
    made = Project(request.getfixturevalue(f"{request.param}_url"), tmp_path / "project")
    made.source |= {"dedupe": ["event_id", "domain_sessionid"], "order_by": ["etl_tstamp desc"]}
    before = _databases(made.db, request.param)
    yield made
    assert _databases(made.db, request.param) == before
    made.close()


def _databases(db: Db, engine: str) -> list[str]:
    return sorted(name for row in db.rows(BY_URL[engine]) for name in map(str, row) if "runner_t" in name.lower())


def test_who_asks_has_new_definitions_tried(project: Project) -> None:
    """Exit 2 with the rows that show it, and not a word of what is right: copies are left out. A run tries nothing."""
    project.add(0, "s1 u1 1", "s2 u1 3")
    project.model("ev", EVENTS, key="event_id")
    project.model("copies", COPIES, key="domain_sessionid")
    project.model("days", DAYS, key="day", affected=BY_HAND)
    said = project.command("check", "--live", code=2)
    assert said.err.count("made-up") == 1
    assert "with made-up rows, derived.days fails" in said.err
    assert "atomic.events (event_id, " in said.err
    project.models["days"]["unproven"] = True
    assert "made-up" not in project.run().text
