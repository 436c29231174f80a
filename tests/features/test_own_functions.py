"""Functions of the user's own: their texts are part of a model's definition, and what they hide is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.project import Project, project_fixture, start  # noqa: F401

COUNTED = "select domain_sessionid, count(*) as n, {} as v from atomic.events group by domain_sessionid"
PLAIN = "select domain_sessionid, event_id, {} as v from atomic.events"

# What is made on each engine, the value that calls it, and what is said of it.
MACROS = [
    ("create macro own(x) as (select max(amount) from atomic.events)", COUNTED.format("own(1)"), "reads atomic.events"),
    ("create macro own() as now()", COUNTED.format("own()"), "another answer on every run"),
    ("create macro own(x) as random() * x", COUNTED.format("max(own(amount))"), "is random"),
    ("create macro inner_(x) as x + random(); create macro own(x) as inner_(x)", PLAIN.format("own(1)"), "own() calls"),
    ("create schema s; create macro s.own(x) as getvariable('x')", PLAIN.format("s.own(1)"), "depends on the session"),
    ("create macro own(x) as lag(x) over (order by x)", PLAIN.format("own(amount)"), "is a window function"),
    ("create macro lower(x) as (select max(page_url) from atomic.events)", PLAIN.format("lower('A')"), "main.lower()"),
    (
        "create macro replace(x, y, z) as x || (select max(page_url) from atomic.events)",
        PLAIN.format("replace(page_url, 'a', 'b')"),
        "reads atomic.events",
    ),
    ('create macro "left"(x, y) as x || random()', PLAIN.format("left(page_url, 1)"), "is random"),
    (
        "create macro own(x) as x + 1, (x, y) as (select min(amount) from atomic.events)",
        PLAIN.format("own(1)"),
        "reads",
    ),
    (
        "create table r (a int); create macro own() as table select a from r",
        PLAIN.format("(select max(a) from own())"),
        "reads",
    ),
]
_F = "create function own(x integer) returns integer"
OPERATOR = """
create function own(x varchar, y integer) returns integer language plpgsql as 'begin return y; end';
create operator + (leftarg = varchar, rightarg = integer, function = own)
"""
FUNCTIONS = [
    (
        f"{_F} stable language sql as 'select max(amount) from atomic.events'",
        PLAIN.format("own(1)"),
        "reads atomic.events",
    ),
    (f"{_F} immutable language sql as 'select max(amount) from atomic.events'", PLAIN.format("own(1)"), "reads"),
    (f"{_F} stable begin atomic select max(amount) from atomic.events; end", PLAIN.format("own(1)"), "reads"),
    (f"{_F} language plpgsql as 'begin return x; end'", PLAIN.format("own(1)"), "is volatile"),
    (f"{_F} stable language plpgsql as 'begin return x; end'", PLAIN.format("own(1)"), "is stable"),
    (f"{_F} stable return x + extract(hour from now())::int", PLAIN.format("own(1)"), "another answer on every run"),
    (f"{_F} language sql as 'select x'", PLAIN.format("own(1)"), "own … immutable"),
    (
        "create function own(e atomic.events) returns bigint stable language sql as 'select count(*) from atomic.events'",
        "select domain_sessionid, e.own as v from atomic.events e",
        "reads atomic.events",
    ),
    (
        "create function own(e atomic.events) returns integer language plpgsql as 'begin return 1; end'",
        "select domain_sessionid, (e).own as v from atomic.events e",
        "is volatile",
    ),
    (
        OPERATOR,
        PLAIN.format("page_url + 1"),
        "operator +",
    ),
]
FINE = {
    "duckdb": ("create or replace macro own(x) as x * {}", "own(amount)"),
    "postgres": (
        _F.replace("create", "create or replace") + " immutable language sql as 'select x * {}'",
        "own(amount)",
    ),
}


@pytest.mark.parametrize("case", range(len(MACROS)))
def test_macros(case: int, duckdb_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a macro reads, and an answer that changes, is refused with its name, before anything has run."""
    refused(duckdb_url, tmp_path_factory, *MACROS[case])


def test_functions(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same of functions: SQL is read, other languages are believed as they are declared."""
    for made, select, said in FUNCTIONS:
        refused(postgres_url, tmp_path_factory, made, select, said)


def refused(url: str, folders: pytest.TempPathFactory, made: str, select: str, said: str) -> None:
    """Make it, see it refused by every command that connects, drop it."""
    project = Project(url, folders.mktemp("own"))
    try:
        project.model("m", select, key="domain_sessionid")
        project.add(0, "s1 u1 1", "s1 u1 2")
        project.db.execute(made)
        project.command("check")
        found = project.command("run", code=2).err
        assert said in found
        assert "m.sql:1" in found
        assert said in project.command("check", "--live", code=2).err
    finally:
        for drop in ("drop schema atomic cascade", "drop function if exists own cascade"):
            if not project.duckdb:
                project.db.execute(drop)
        project.close()


def test_another_text_builds_anew(project: Project) -> None:
    """The text of a function is part of the definition; a table that it may read is a static look-up."""
    made, call = FINE["duckdb" if project.duckdb else "postgres"]
    project.db.execute(made.format(2))
    project.model("m", COUNTED.format(f"max({call})"), key="domain_sessionid")
    project.add(0, "s1 u1 1", "s2 u1 2")
    project.checked()
    assert "nothing to do" in project.run().out
    project.db.execute(made.format(3))
    assert "functions that it reads have changed" in project.command("plan").out
    project.checked()
    assert project.command("verify").code == 0


def test_texts_that_are_clocks(postgres_url: str, tmp_path: Path) -> None:
    """'today' is a clock where the engine reads it as a time, also over a model that has no table yet."""
    project = Project(postgres_url, tmp_path / "project")
    below = (
        "select domain_sessionid, max(page_url) as page, max(collector_tstamp) as t from derived.m where {} group by 1"
    )
    project.model(
        "m", "select domain_sessionid, event_id, page_url, collector_tstamp from atomic.events", key="domain_sessionid"
    )
    project.add(0, "s1 u1 1 e1 today", "s1 u1 2")
    for condition in (
        "collector_tstamp < 'today'",
        "collector_tstamp between ' Yesterday ' and '2030-01-01'",
        "collector_tstamp = any('{today,2024-03-01}')",
    ):
        project.model("below", below.format(condition), key="domain_sessionid")
        assert "is read as a time, another one on every day" in project.command("run", code=2).err
    for condition in (
        "page_url = 'today'",
        "page_url in ('now', 'buy now')",
        "page_url = any('{today}')",
        "collector_tstamp > 'epoch'",
    ):
        project.model("below", below.format(condition), key="domain_sessionid")
        project.checked()
    project.close()


def test_labels_and_lengths(postgres_url: str, tmp_path: Path) -> None:
    """The labels of an enum are part of what its values mean; a longer VARCHAR holds the same texts."""
    project = Project(postgres_url, tmp_path / "project")
    project.db.execute(
        "create type mood as enum ('sad', 'happy'); alter table atomic.events add mood mood default 'sad'"
    )
    select = (
        "select domain_sessionid, max(mood)::text as mood, max(length(page_url)) as n from atomic.events group by 1"
    )
    project.model("m", select, key="domain_sessionid")
    project.add(0, "s1 u1 1")
    project.checked()
    project.db.execute("alter table atomic.events alter page_url type varchar(80)")
    assert "nothing to do" in project.run().out
    project.db.execute("alter type mood rename value 'sad' to 'blue'")
    assert "have changed" in project.checked().out
    project.close()


def test_functions_of_snowflake(snowflake_url: str, tmp_path: Path) -> None:
    """Those in SQL are judged by their text: volatile is what every function is there that says nothing."""
    project = Project(snowflake_url, tmp_path / "project")
    project.top["functions"] = ["own"]
    project.model("m", PLAIN.format("own(amount)"), key="domain_sessionid")
    project.add(0, "s1 u1 1")
    for body, said in (("select max(amount) from atomic.events", "reads atomic.events"), ("random()", "is random")):
        project.db.execute(f"create or replace function own(x integer) returns integer as '{body}'")
        assert said in project.command("check", "--live", code=2).err
    for body in ("x * 2", "x * 3"):
        project.db.execute(f"create or replace function own(x integer) returns integer as '{body}'")
        assert "built in full" in project.run().out
        assert "nothing to do" in project.run().out
    project.close()
