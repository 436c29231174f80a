"""`affected`: models whose changed rows reach several keys, equal to a full recompute over any increments.

Two of them: a sliding window (a day's row needs the six days before it), and rows that the clock moves (every row of a
model depends on one row of another, the newest day there is).
"""

from __future__ import annotations

import random

import pytest

from tests.kit.project import Project, project_fixture  # noqa: F401

DAYS = """
select cast(collector_tstamp as date) as day, domain_userid, count(*) as events
from atomic.events where domain_userid is not null
group by cast(collector_tstamp as date), domain_userid
"""
WEEK = """
select d.day, count(distinct u.domain_userid) as users, cast(sum(u.events) as bigint) as events
from (select distinct day from derived.days) d
join derived.days u on u.day between d.day - 6 and d.day
group by d.day
"""
HORIZON = "select max(cast(collector_tstamp as date)) as today, 1 as one from atomic.events"
LAPSED = """
select u.domain_userid, max(u.last_day) as last_day, max(case when h.today - u.last_day > 3 then 1 else 0 end) as lapsed
from derived.lasts u
cross join derived.horizon h
group by u.domain_userid
"""
LASTS = """
select domain_userid, max(cast(collector_tstamp as date)) as last_day
from atomic.events
group by domain_userid
"""


def sliding(project: Project) -> None:
    """A row of `days` reaches the seven days from its own; what they need is 13 days around each."""
    project.model("days", DAYS, key={"day": "cast(collector_tstamp as date)"})
    numbers = " union all ".join(f"select {n} as n" for n in range(7))
    keys = f"select c.day + i.n as day from changed c cross join ({numbers}) i"
    rows = "exists (select 1 from affected a where day between a.day - 6 and a.day)"
    by_hand = [{"input": "derived.days", "keys": keys, "rows": rows}]
    project.model("week", WEEK, key="day", affected=by_hand, unproven=True)


def clock_moved(project: Project) -> None:
    """When the newest day changes, the users on whose side of the limit it moves are recomputed."""
    project.model("lasts", LASTS, key="domain_userid")
    project.model("horizon", HORIZON)
    moved = "select l.domain_userid from changed c join derived.lasts l on 1 = 1"
    affected = [
        {
            "input": "derived.lasts",
            "keys": "select domain_userid from changed",
            "rows": "domain_userid in (select domain_userid from affected)",
        },
        {"input": "derived.horizon", "keys": moved},
    ]
    project.model("lapsed", LAPSED, key="domain_userid", affected=affected, unproven=True)


def minute(day: int) -> int:
    """A minute of the day."""
    return day * 1440 + 60


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_full_recompute_over_increments(project: Project, seed: int) -> None:
    """Whatever arrives, grows, shrinks or goes, the windows and what the clock moved are those of a full recompute."""
    rng = random.Random(seed)
    sliding(project)
    clock_moved(project)
    project.source["vanished"] = "retract"
    for number in range(5):
        for _ in range(rng.randint(1, 4)):
            day = rng.randint(0, 12) + number * 2
            project.add(rng.randint(0, number), f"s{rng.randint(0, 5)} u{rng.randint(0, 4)} {minute(day)}")
        if number > 1 and rng.random() < 0.5:
            project.drop(rng.randint(0, number))
        if rng.random() < 0.4:
            project.run("--model", rng.choice(["days", "horizon", "lasts"]))
        project.checked()
    assert project.command("verify").code == 0


def test_only_the_days_in_reach_are_recomputed(project: Project) -> None:
    """One new event: seven days, of which those that exist are written."""
    sliding(project)
    project.add(0, *(f"s1 u{day % 3} {minute(day)}" for day in range(20)))
    project.checked()
    project.add(1, f"s1 u9 {minute(3)}")
    said = project.checked()
    assert "week                 7 keys   +0 ~7 -0" in said.out


def test_a_clock_that_stands_still_touches_nobody(project: Project) -> None:
    """Users are recomputed for the clock only when its row changes."""
    clock_moved(project)
    project.add(0, f"s1 u1 {minute(0)}", f"s2 u2 {minute(5)}")
    project.checked()
    assert project.rows("select domain_userid, lapsed from derived.lapsed") == [("u1", 1), ("u2", 0)]
    project.add(1, f"s1 u1 {minute(1)}")
    assert "lapsed               1 keys   +0 ~1 -0" in project.checked().out
    project.add(2, f"s1 u1 {minute(9)}")
    assert "lapsed               2 keys   +0 ~2 -0" in project.checked().out


def test_an_affected_model_is_rewound_and_left_out(project: Project) -> None:
    """Its keys are owed like any other model's; where they cannot be told, all are."""
    sliding(project)
    project.add(0, *(f"s1 u{day % 3} {minute(day)}" for day in range(9)))
    project.checked()
    project.db.execute("update derived.week set users = 77")
    project.command("rewind", "--since", "2024-03-01", "--model", "derived.week")
    project.checked()
    project.add(1, f"s1 u9 {minute(3)}")
    project.run("--model", "days")
    project.checked()
