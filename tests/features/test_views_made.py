"""`as: view`: a view over models and look-ups, made with the publish; a model that reads it reads its text."""

from __future__ import annotations

import re
from collections import Counter

from tests.kit.project import SESSIONS, Project, project_fixture  # noqa: F401

LONG = """-- sessions of more than one event
select s.domain_sessionid, s.domain_userid, /* how many */ s.events, p.name as "Name"
from derived.sessions s
left join crm.pages p on p.page = 'x' -- one of them
where s.events > 1 and 'a
b' <> 'c'
"""
USERS_OF_LONG = """
select l.domain_userid, count(*) as sessions, max(l."Name") as name
from derived.long l
group by l.domain_userid
"""


def begin(project: Project) -> None:
    """A view over a model and a look-up, a view over it, and models that read them."""
    project.db.execute("create schema crm; create table crm.pages (page varchar(20), name varchar(20))")
    project.db.execute("insert into crm.pages values ('x', 'X')")
    project.top["trial"] = "off"
    project.standard("sessions")
    project.model("long", LONG, **{"as": "view"})
    project.model("longest", "select * from derived.long where events > 2", **{"as": "view"})
    project.model("users", USERS_OF_LONG, key="domain_userid")
    project.model("all_long", "select count(*) as n, max(long.events) as most from derived.long, derived.longest t")
    project.add(0, "s1 u1 1", "s1 u1 2", "s1 u1 3", "s2 u2 3")
    project.checked()


def test_views_are_made_and_read(project: Project) -> None:
    """It shows what its SELECT gives; what it reads reaches its readers, as if its text stood in theirs."""
    begin(project)
    assert project.rows('select domain_sessionid, "Name" from derived.longest') == [("s1", "X")]
    assert "nothing to do" in project.run().out
    project.add(1, "s2 u2 5")
    said = project.checked().out
    assert re.search(r"users +1 keys +[+]1 ~0 -0", said)
    project.db.execute("update crm.pages set name = 'Y'")
    assert "users          built in full: crm.pages changed" in project.checked().out
    assert project.command("verify").code == 0
    project.selects["long"] = LONG.replace("-- one of them", "-- another comment")
    assert "nothing to do" in project.run().out
    project.selects["long"] = LONG.replace("s.events > 1", "s.events > 2")
    planned = project.command("plan").out
    assert re.findall(r"derived\.(\w+) +made +a view", planned) == ["long"]
    assert "users" in planned
    said = project.checked().out
    assert "users          built in full: its definition changed" in said
    assert "nothing to do" in project.run().out


def test_shapes_change_under_a_view(project: Project) -> None:
    """A table that gets, loses or changes a column, and a look-up that is another, have the view made anew."""
    begin(project)
    project.model("wide", "select * from derived.sessions", **{"as": "view"})
    project.checked()
    project.selects["sessions"] = SESSIONS.replace("count(*) as events", "count(*) as events, 1 as more")
    project.checked()
    assert project.one("select max(more) from derived.wide") == 1
    less = SESSIONS.replace("max(collector_tstamp) as end_tstamp,", "")
    project.selects["sessions"] = less.replace("count(*) as events", "count(*) as events, 'b' as kind")
    project.run("--full-refresh")
    project.check()
    project.model("pages", "select * from crm.pages", **{"as": "view"})
    project.checked()
    project.db.execute("alter table crm.pages add column kind varchar(9)")
    project.checked()
    assert project.one("select count(kind) from derived.pages") == 0
    assert "nothing to do" in project.run().out
    project.db.execute("drop view derived.wide")
    project.run("--full-refresh")
    project.check()


def test_a_table_becomes_a_view(project: Project) -> None:
    """What was a model's table is replaced by the view; the other way round the user is told."""
    begin(project)
    for name in ("count", "gone", "again"):
        project.model(name, "select count(*) as n from derived.sessions")
    project.checked()
    for name in ("count", "gone", "again"):
        project.models[name]["as"] = "view"
    project.db.execute("drop table derived.gone")
    project.checked()
    project.db.execute("delete from derived.sessions where domain_sessionid = 's2'")
    assert project.one("select n from derived.count") == 1
    del project.models["count"]["as"]
    project.run("--full-refresh", "--model", "sessions", code=2)
    project.db.execute("drop view derived.count")
    project.run("--full-refresh")
    project.check()
    project.db.execute("create view derived.other as select 1 as n")
    project.model("other", "select count(*) as n from derived.sessions", **{"as": "view"})
    assert "derived.other exists and was not made by playbook web" in project.run(code=6).err


def test_views_that_nobody_can_read_or_drop(project: Project) -> None:
    """One that reads a column that is gone leaves the playbook like any other; what somebody else has built on one is told."""
    begin(project)
    project.db.execute("create table crm.more as select 1 as a, 2 as kind")
    project.model("odd", "select kind from crm.more", **{"as": "view"})
    project.checked()
    project.db.execute(f"alter table crm.more drop column kind{'' if project.duckdb else ' cascade'}")
    del project.models["odd"]
    project.selects["long"] = LONG.replace("s.events > 1", "s.events > 2")
    project.checked()
    assert project.one("select count(*) from information_schema.tables where table_name = 'odd'") == 0
    if project.duckdb:
        return  # there a view does not mind that what it reads is dropped
    project.db.execute("create view public.mine as select * from derived.long")
    project.selects["long"] = LONG.replace("s.events > 1", "s.events > 0")
    said = project.run(code=6).err
    assert "mine" in said and "drop what depends on it, run this again" in said and "nothing was published" in said
    project.db.execute("drop view public.mine")
    project.checked()


def test_views_wait_for_what_they_read(project: Project) -> None:
    """A view over a model that is left out is made when that is built; a failed publish leaves the old view."""
    begin(project)
    project.model("totals", "select count(*) as n from derived.sessions")
    project.model("shown", "select n from derived.totals", **{"as": "view"})
    project.add(1, "s3 u2 5")
    project.run("--model", "users")
    assert "nothing to do" in project.run("--model", "users").out
    project.checked()
    project.selects["shown"] = "select n + 1 as n from derived.totals"
    project.model("totals", "select count(*) as n, 1 as m from derived.sessions", checks=["n < 0"])
    project.run(code=6)
    assert project.one("select n from derived.shown") == 3
    del project.models["totals"]["checks"]
    project.checked()
    assert project.one("select n from derived.shown") == 4


def test_views_that_are_no_longer_part_of_it(project: Project) -> None:
    """They go with the publish that makes a view anew, whatever reads them: others that go, and those that stay."""
    begin(project)
    project.model("more", "select * from derived.longest", **{"as": "view"})
    project.model("other", "select * from derived.more", **{"as": "view"})
    project.checked()
    for name in ("longest", "more", "other"):
        del project.models[name]
    project.selects["all_long"] = "select count(*) as n, max(l.events) as most from derived.long l"
    project.selects["long"] = LONG.replace("s.events > 1", "s.events > 2")
    said = project.checked().out
    assert "dropped views that are no longer part of it: derived.longest, derived.more, derived.other" in said
    assert project.rows("select table_name from runner.models where table_name like 'derived.l%'") == [
        ("derived.long",)
    ]
    project.model("longest", "select * from derived.long where events > 4", **{"as": "view"})
    project.checked()
    project.selects["longest"], project.selects["long"] = LONG, "select * from derived.longest where events > 4"
    project.checked()
    assert "nothing to do" in project.run().out


def test_what_is_refused(project: Project) -> None:
    """A view over any of the sources, what keeps or looks at rows, cycles, and a name that means a CTE of its reader."""
    begin(project)
    project.selects["long"] = "select domain_sessionid, domain_userid,\n  1 as events\nfrom atomic.events"
    said = project.run(code=2).err
    assert "long.sql:3: derived.long is a view and reads atomic.events: it would show events that the manifest" in said
    project.source = {"sources": [dict(project.source, table=f"atomic.{name}") for name in ("other", "events")]}
    assert "long.sql:3: derived.long is a view and reads atomic.events" in project.run(code=2).err
    project.source = project.source["sources"][1]
    project.selects["long"] = LONG
    for key, value in {"key": "a", "unique": "a", "merge": {"a": "min"}, "checks": "a > 1", "redshift": {}}.items():
        project.models["long"][key] = value
        said = project.run(code=2).err
        assert f"'{key}' in a model that is a view" in said
        assert "web.yml:" in said
        del project.models["long"][key]
    project.selects["longest"] = "select * from derived.again"
    project.model("again", "select * from derived.longest", **{"as": "view"})
    assert "views read each other in a cycle: derived.longest, derived.again" in project.run(code=2).err
    del project.models["again"]
    project.db.execute("create table pages as select * from crm.pages")
    project.selects["longest"] = "select l.*, pages.name from derived.long l, pages"
    project.model("named", "with pages as (select 1 as a) select t.* from derived.longest t, pages")
    said = project.run(code=2).err
    assert "named.sql:1: derived.longest reads pages, and pages is a CTE here" in said
    project.selects["named"] = "select t.* from derived.longest t"
    project.selects["longest"] = "select * from no.such"
    assert "no.such: no such table in the warehouse" in project.run(code=2).err


def test_views_of_another_environment(project: Project) -> None:
    """Where `schemas:` renames the schemas of owned tables, views stand there and read what stands there; look-ups stay."""
    begin(project)
    project.top |= {"schemas": {"derived": "dev", "crm": "other"}, "state_schema": "runner_dev"}
    project.db.execute("delete from atomic.events where domain_sessionid = 's2'")
    project.selects["long"] = LONG.replace("s.events > 1", "s.events > 0")
    project.run()
    assert project.rows('select domain_sessionid, "Name" from dev.long') == [("s1", "X")]
    assert project.rows("select domain_sessionid from derived.long") == [("s1",)]
    project.db.execute("insert into dev.sessions select * from derived.sessions where domain_sessionid = 's2'")
    assert len(project.rows("select * from dev.long")) == 2


def test_positions_and_twice(project: Project) -> None:
    """A view that is read twice, by another name, and by position."""
    begin(project)
    text = "select a.x, b.events from derived.long as a(x, y, z, w) join derived.long b on b.domain_sessionid = a.x"
    project.model("twice", text, key={"x": {"derived.sessions": "domain_sessionid"}})
    project.checked()
    project.add(1, "s2 u2 7")
    project.checked()
    assert Counter(project.rows("select * from derived.twice")) == Counter([("s1", 3), ("s2", 2)])
