"""A model without a key may read the clock: it is given the run's instant, and is built by every run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.project import Project, project_fixture  # noqa: F401

AGES = """
select domain_userid, current_date - cast('2024-03-01' as date) as days, current_timestamp as seen_at, count(*) as events
from atomic.events
where collector_tstamp < now() and 'now()' <> domain_userid -- now()
group by domain_userid
"""
SEEN = "select domain_userid, max(seen_at) as seen_at, max(events) as events from derived.ages group by domain_userid"
TOTALS = "select count(*) as events from atomic.events"


def ages(project: Project) -> None:
    """A full model with a clock, a keyed one over it, and others that read the events only."""
    project.model("ages", AGES)
    project.model("seen", SEEN, key="domain_userid")
    project.standard("sessions", "totals")
    project.add(0, "s1 u1 1", "s2 u2 3")


def test_every_run_builds_it_anew(project: Project) -> None:
    """On a quiet day too; its readers follow, the others are left alone, and verify compares with the run's instant."""
    ages(project)
    project.run()
    assert "derived.ages" in project.command("plan").out
    first = project.rows("select distinct seen_at from derived.ages")
    quiet = project.run().out
    assert "ages           built in full: it reads the clock" in quiet
    assert "totals         nothing to do" in quiet
    second = project.rows("select distinct seen_at from derived.ages")
    assert len(first) == len(second) == 1
    assert first < second
    assert project.rows("select distinct seen_at from derived.seen") == second
    assert project.command("verify").code == 0
    project.add(1, "s1 u1 5")
    project.run()
    assert project.rows("select domain_userid, events from derived.seen") == [("u1", 2), ("u2", 1)]
    assert project.command("verify").code == 0
    project.same("totals")


def test_a_days_answer_is_written_once(project: Project) -> None:
    """Where the clock moves no row nothing is rewritten, and verify still ends equal."""
    project.model("today", "select current_date as day, count(*) as events from atomic.events")
    project.add(0, "s1 u1 1")
    project.run()
    assert "+0 ~0 -0" in project.run().out
    assert project.command("verify").code == 0


REFUSED = {
    "select k, now() as at from atomic.events": ("domain_userid", "gives another answer on every run"),
    "select current_date, count(*) as n from atomic.events": ("", "reads the clock and has no name"),
    "select count(*) as n, random() as r from atomic.events": ("", "is random"),
}


@pytest.mark.parametrize("select", REFUSED)
def test_what_is_refused(project: Project, select: str) -> None:
    """A clock in a keyed model, one without a name, and chance anywhere."""
    key, reason = REFUSED[select]
    project.model("m", select.replace("select k", "select domain_userid"), **({"key": key} if key else {}))
    assert reason in project.command("check", code=2).err


AND_CLOCK = "is a column of atomic.events, and the clock elsewhere"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("current_date", f"current_date {AND_CLOCK}"),
        ("localtime", f"localtime {AND_CLOCK}"),
        ("session_user", 'where it is a column, write it in quotes: "session_user"'),
    ],
)
def test_columns_that_are_called_as_the_clock(word: str, said: str, tmp_path: Path) -> None:
    """DuckDB reads the column, so the run's instant must not stand in its place: refused until it is in quotes."""
    project = Project(f"duckdb:///{tmp_path / 'clock.duckdb'}", tmp_path / "project")
    project.db.execute(f"alter table atomic.events add column \"{word}\" varchar default 'mine'")
    project.add(0, "s1 u1 1")
    project.model("m", f"select event_id, {word} as u from atomic.events")
    assert said in project.run(code=2).err
    project.model("m", f'select event_id, "{word}" as u, now() as at from atomic.events')
    project.run()
    assert project.rows("select u from derived.m") == [("mine",)]
    project.close()
