"""`runner verify` shares nothing with what it judges: mistakes planted in the runner's own SQL are in the tables, and found.

Each mistake is in force while the runner runs *and* while it verifies, as a mistake of the runner's would be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest

from runner.algebra import rows
from runner.algebra.texts import Algebra
from runner.algebra.values import Extent, Staged
from runner.warehouse.values import Column, Relation
from tests.kit.project import Project, project_fixture, start  # noqa: F401

AMOUNTS = "select domain_sessionid, sum(amount) as amount from atomic.events group by domain_sessionid"
USERS = "select domain_userid, count(*) as sessions from derived.sessions group by domain_userid"
LAST = """
select domain_sessionid, {value} as v from (
    select *, row_number() over (partition by domain_sessionid order by collector_tstamp desc) as r from atomic.events
) q where r = 1
"""
SHAPES = "select p, q from atomic.events pivot (sum(amount) for page_url in ('p', 'q'))"


@dataclass(frozen=True)
class Case:
    """A mistake in the runner, a model in which it shows, and two loads: the second is an increment."""

    mistake: Callable[[], AbstractContextManager[Any]]
    select: str
    named: str
    """What verify says."""
    key: str = "domain_sessionid"
    source: dict[str, Any] = field(default_factory=dict)
    first: Sequence[str] = ("s1 u1 1", "s2 u1 2")
    second: Sequence[str] = ("s1 u1 3",)
    before: str = ""
    between: str = ""
    duckdb: bool = True
    postgres: bool = True
    above: bool = False
    """The model reads sessions."""


def only_read(relation: Relation, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Which copy counts is decided by the columns that are read."""
    return tuple(columns)


def by_equality(algebra: Algebra, columns: Sequence[Column]) -> list[str]:
    """What is equal counts as the same."""
    return [algebra.engine.quote(column.name) for column in columns]


def only_stored(
    algebra: Algebra, upstream: Staged, columns: Sequence[Column], where: Callable[[bool], rows.Where]
) -> str:
    """Models above are read as they were before the run."""
    if upstream.extent is Extent.ALL:
        return real_of_model(algebra, upstream, columns, where)
    return f"(select {algebra.listed(columns)} from {upstream.table} as {algebra.engine.quote(upstream.compiled.table.table)})"


real_of_model = rows.of_model
COPIES = {"dedupe": ["event_id", "domain_sessionid"], "order_by": ["collector_tstamp"]}
CASES = {
    "survivors by the columns that are read": Case(
        lambda: patch("runner.algebra.rows.deciding", only_read),
        AMOUNTS,
        "amount: stored=1, recomputed=2",
        source=COPIES,
        first=("s1 u1 1 e1 p", "s1 u1 1 e1 q"),
        second=("s2 u1 2",),
        before="update atomic.events set amount = 2 where page_url = 'p'",
    ),
    "copies are counted": Case(
        lambda: patch("runner.algebra.rows._rank", lambda *_: "1 as runner_copy"),
        AMOUNTS,
        "amount: stored=3, recomputed=2",
        source=COPIES,
        first=("s1 u1 1 e1 p", "s1 u1 1 e1 p"),
    ),
    "the key NULL is lost": Case(
        lambda: patch.object(Algebra, "is_null", lambda *_: "1 = 0"),
        AMOUNTS,
        "domain_sessionid=null: amount: stored=1, recomputed=2",
        first=("- u1 1", "s2 u1 2"),
        second=("- u1 3",),
    ),
    "equal is the same": Case(
        lambda: patch.object(Algebra, "grouped", by_equality),
        LAST.format(value="cast(amount as double) * 0 * case when amount > 1 then -1 else 1 end"),
        "v: stored=0.0, recomputed=-0.0",
        between="update atomic.events set amount = 2 where collector_tstamp = timestamp '2024-03-01 00:03:00'",
        postgres=False,
    ),
    "equal numbers are the same": Case(
        lambda: patch.object(Algebra, "grouped", by_equality),
        LAST.format(value="cast(case when amount > 1 then '1.00' else '1.0' end as numeric)"),
        "v: stored=1.0, recomputed=1.00",
        between="update atomic.events set amount = 2 where collector_tstamp = timestamp '2024-03-01 00:03:00'",
        duckdb=False,
    ),
    "models above are read as they were": Case(
        lambda: patch("runner.algebra.rows.of_model", only_stored),
        USERS,
        "domain_userid=u1: sessions: stored=2, recomputed=3",
        key="domain_userid",
        second=("s3 u1 3",),
        above=True,
    ),
    "a pivot reads what it names": Case(
        lambda: patch("runner.sql.references.reads_all", lambda *_: False),
        SHAPES,
        "rows of derived.m",
        key="",
        first=("s1 u1 1 e1 p", "s1 u2 2 e2 p", "s2 u2 3 e3 q"),
        postgres=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_of_the_runner_is_found(name: str, project: Project) -> None:
    """Exit 9, with the key, the column and both values: whatever the runner does wrong, `verify` does not do it too."""
    case = CASES[name]
    if not (case.duckdb if project.duckdb else case.postgres):
        pytest.skip("cannot be written so on this engine")
    project.source |= case.source
    project.top |= {"trial": "off"}
    if case.above:
        project.standard("sessions")
    project.model("m", case.select, unproven=bool(case.key), **({"key": case.key} if case.key else {}))
    project.add(0, *case.first)
    if case.before:
        project.db.execute(case.before)
    with case.mistake():
        project.run()
        project.add(1, *case.second)
        if case.between:
            project.db.execute(case.between)
        project.run()
        said = project.command("verify", code=9)
    assert case.named in said.text


def test_a_model_that_is_right_but_for_its_ancestor_says_so(project: Project) -> None:
    """Readers are compared with a full recompute; what would be right, were it not for those above, is told apart."""
    start(project)
    project.db.execute("update derived.sessions set events = 7 where domain_sessionid = 's2'")
    project.db.execute("update derived.users set events = 9 where domain_userid = 'u1'")
    said = project.command("verify", code=9).out
    assert (
        "derived.users      follows derived.sessions, which differs: 1 key, right but for that; 2 rows compared" in said
    )
    assert "derived.users: " not in said  # its values are no news
    project.db.execute("update derived.users set events = 9, sessions = 5 where domain_userid = 'u1'")
    said = project.command("verify", code=9).out
    assert "derived.users      1 key differs (1 over the stored derived.sessions too); 2 rows compared" in said
    assert "domain_userid=u1: sessions: stored=5, recomputed=2" in said
    assert "domain_userid=u1: events: " not in said  # that is the ancestor's
    found = [json.loads(line) for line in project.command("verify", "--json", code=9).out.splitlines()]
    assert [line for line in found if line["event"] == "difference"][1] == {
        "event": "difference",
        "table": "derived.users",
        "keys": [{"column": "domain_userid", "value": "u1"}],
        "kind": "changed",
        "column": "sessions",
        "stored": "5",
        "recomputed": "2",
    }
    project.command("verify", "--model", "users", code=9)
    project.db.execute("update derived.users set sessions = 2 where domain_userid = 'u1'")
    assert "derived.users      equal" in project.command("verify", "--model", "users").out  # over what is stored above


def test_where_nothing_is_compared_nothing_is_called_equal(project: Project) -> None:
    """Before the first run, where all keys wait for the next run, and where a definition changed."""
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    assert "nothing to compare: playbook web has not published" in project.command("verify", code=6).err
    project.run()
    project.add(0, "s1 u1 2")
    said = project.command("verify").out
    assert "nothing to compare: all its keys wait for the next run" in said
    assert "nothing to compare: no model has rows" in said
    assert "next: runner run" in said
    assert "equal" not in said
    project.run()
    project.standard("users")
    assert "derived.users      nothing to compare: not built yet" in project.command("verify").out
    said = project.command("verify", "--model", "users").out
    assert "next: runner run" in said
    assert "equal" not in said


def test_of_floats_nine_digits_count(project: Project) -> None:
    """The last digits of a sum hang on the order of additions; the tenth is no difference, the eighth is one."""
    double = "double" if project.duckdb else "double precision"
    project.model(
        "m",
        f"select domain_sessionid, page_url, cast(sum(amount) as {double}) / 3 as x from atomic.events group by 1, 2",
        key="domain_sessionid",
        unique=["domain_sessionid", "page_url"],
    )
    project.add(0, *(f"s{n % 3} u {n} e{n} p{n % 2}" for n in range(12)))
    project.run()
    project.db.execute("update derived.m set x = x * (1 + 1e-12)")
    assert "every row compared equals" in project.command("verify").out
    project.db.execute("update derived.m set x = x * (1 + 1e-7) where domain_sessionid = 's1' and page_url = 'p0'")
    said = project.command("verify", code=9).out
    assert "1 key differs; 6 rows compared" in said
    assert "domain_sessionid=s1, page_url=p0: x: stored=" in said
    assert len([line for line in said.splitlines() if "stored=" in line]) == 1


def test_a_sample_reads_the_key_null_too(project: Project) -> None:
    """`--sample` cuts the inputs to its keys, NULL among them, and a key of two columns is compared null-safe."""
    project.model("one", AMOUNTS, key="domain_sessionid")
    project.model(
        "two",
        "select domain_sessionid, domain_userid, count(*) as n from atomic.events group by 1, 2",
        key=["domain_sessionid", "domain_userid"],
    )
    project.add(0, "- - 1", "s1 - 2", "- u1 3", "s1 u1 4")
    project.run()
    assert "every row compared equals" in project.command("verify", "--sample", "9").out
    project.db.execute("update derived.one set amount = 0 where domain_sessionid is null")
    project.db.execute("update derived.two set n = 0 where domain_sessionid is null")
    said = project.command("verify", "--sample", "9", code=9).out
    assert "derived.one: domain_sessionid=null: amount: stored=0, recomputed=2" in said
    assert "derived.two: domain_sessionid=null, domain_userid=null: n: stored=0, recomputed=1" in said
    assert "derived.two: domain_sessionid=null, domain_userid=u1: n: stored=0, recomputed=1" in said
