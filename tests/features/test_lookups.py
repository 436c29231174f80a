"""Look-ups with a key: their rows are kept as they were processed, what differs is told, and the key is unique."""

from __future__ import annotations

import re
from typing import Any

from tests.kit.project import Project, project_fixture  # noqa: F401

PAGES = "create schema if not exists crm; create table crm.pages (page varchar(40), name varchar(40), kind varchar(9), note varchar(9))"
NAMED = """
select e.domain_sessionid, e.event_id, p.name,
    row_number() over (partition by e.domain_sessionid order by e.collector_tstamp, e.event_id) as n
from atomic.events e left join crm.pages p on p.page = e.page_url
"""
KINDS = """
select e.domain_sessionid, count(p.kind) as kinds from atomic.events e left join crm.pages p on p.page = e.page_url
group by e.domain_sessionid
"""


def begin(project: Project) -> None:
    """Events of three pages, two readers of a look-up, and a model beside them."""
    project.db.execute(PAGES)
    project.source["dedupe"] = ["event_id", "domain_sessionid"]
    project.top |= {"lookups": {"crm.pages": {"key": "page"}}, "trial": "off"}
    project.standard("sessions")
    project.model("named", NAMED, key="domain_sessionid")
    project.model("kinds", KINDS, key="domain_sessionid")
    project.add(0, "s1 u1 1 e1 /a", "s1 u1 2 e2 /b", "s2 u1 3 e3 /c")
    pages(project, "/a A x", "/b B x", "/c C y", "- D x", "- D x")
    project.checked()


def pages(project: Project, *lines: str) -> None:
    """Rows of the look-up: "page name kind"; `-` is null."""
    rows = [tuple(None if word == "-" else word for word in line.split()) for line in lines]
    project.db.load("crm.pages", ("page", "name", "kind"), rows)


def kept(project: Project) -> tuple[list[tuple[Any, ...]], int]:
    """The rows that the state has of the look-up, and how many it says they are."""
    ((table, count),) = project.rows("select keys_table, row_count from runner.key_index where row_count is not null")
    return project.rows(f"select * from runner.{table}"), count


def same(project: Project) -> None:
    """All models are right, and the state has the look-up's rows: the columns that models read."""
    project.check()
    now = project.rows("select page, name, kind from crm.pages")
    assert kept(project) == (now, len(now))
    assert project.command("verify").code == 0


def test_rows_that_change_reach_readers(project: Project) -> None:
    """What is added, changed or gone is told and reaches the readers; rows without a key are rows, and no copies."""
    begin(project)
    same(project)
    assert "nothing to do" in project.run().out
    project.db.execute("update crm.pages set note = 'x'")  # no model reads it
    assert "nothing to do" in project.run().out
    project.db.execute("update crm.pages set name = 'AA' where page = '/a'; delete from crm.pages where page = '/c'")
    pages(project, "/d D y", "/e E y")
    planned = project.command("plan").out
    assert "rows of crm.pages: 2 added, 1 changed, 1 gone" in planned
    assert "crm.pages changed" in project.command("verify").out
    said = project.run().out
    assert "rows of crm.pages: 2 added, 1 changed, 1 gone" in said
    same(project)
    project.db.execute("delete from crm.pages where page is null")
    pages(project, "- D x", "- D z")
    project.add(1, "s2 u1 3 e4 /d")
    assert "rows of crm.pages: 1 changed" in project.run().out
    same(project)
    project.db.execute("delete from crm.pages")
    project.run()
    same(project)
    assert "nothing to do" in project.run().out
    made = "select count(*) from information_schema.tables where table_schema = 'runner' and table_name like 'keys_%'"
    assert project.one(made) == 2, "what is not trusted any more is dropped"


def test_the_key_is_unique(project: Project) -> None:
    """A value of the key that stands twice stops the run before anything is published, and names it."""
    begin(project)
    before = kept(project), project.rows("select * from derived.named")
    pages(project, "/a A x", "/f F x")
    said = project.run(code=6).err
    for text in ("web.yml:", "crm.pages: page is not unique: /a stands 2 times", "crm.pages: fingerprint"):
        assert text in said
    assert "crm.pages: page is not unique" in project.command("plan", code=6).err
    assert (kept(project), project.rows("select * from derived.named")) == before
    project.db.execute("delete from crm.pages where page = '/a'")
    project.run()
    same(project)
    project.models["named"]["unproven"] = True  # it relies on `page`
    project.top["lookups"] = {"crm.pages": {"key": ["name", "kind"]}}
    pages(project, "/g F x")
    assert "name, kind is not unique: D, x stands 2 times" in project.run(code=6).err
    project.db.execute("update crm.pages set kind = 'w' where page = '/g'; delete from crm.pages where page is null")
    project.run()
    same(project)


def test_left_out_readers_owe(project: Project) -> None:
    """A reader that `--model` leaves out has not lost what changed when the others have taken it."""
    begin(project)
    project.db.execute("update crm.pages set kind = null, name = 'Q' where page = '/a'")
    project.run("--model", "sessions")  # reads no look-up: its rows stay to be compared
    project.run("--model", "named")
    project.same("named")
    assert "derived.kinds owes keys" in project.command("status").out
    project.checked()
    same(project)
    project.db.execute("update crm.pages set kind = 'v' where page = '/a'")
    project.run("--model", "kinds")  # any of the readers, not the first alone
    project.same("kinds")
    project.checked()
    project.model("later", KINDS.replace("kinds", "names").replace("p.kind", "p.name"), key="domain_sessionid")
    project.db.execute("update crm.pages set name = null where page = '/b'")
    project.run("--model", "later")
    project.checked()
    same(project)


def test_columns_that_are_kept(project: Project) -> None:
    """A definition that reads one more column gives the state a new table, and other readers no work."""
    begin(project)
    project.model("kinds", KINDS.replace("p.kind", "p.note"))
    project.db.execute("update crm.pages set note = 'n' where page = '/a'")
    said = project.checked().out
    assert "kinds          built in full: its definition changed" in said
    assert "named          built" not in said
    assert kept(project)[0] == project.rows("select page, name, note from crm.pages")
    project.model("kinds", KINDS)
    project.db.execute("update crm.pages set name = 'AAA' where page = '/a'")
    said = project.checked().out
    assert re.search(r"named +\d keys", said)
    same(project)
    if not project.duckdb:  # where a text has a limit: another one is the same text, in a new table
        project.db.execute("alter table crm.pages alter column name type varchar(80)")
        project.db.execute(f"update crm.pages set name = '{'a' * 60}' where page = '/a'")
        project.checked()
        same(project)


def test_kept_rows_that_are_lost(project: Project) -> None:
    """Rows of the state that are not what was published are noticed, and the readers built in full."""
    begin(project)
    named = "select keys_table from runner.key_index where row_count is not null"
    for lost in ("delete from runner.{0} where name = 'B'", "delete from runner.key_index", "delete from runner.{0}"):
        project.db.execute(lost.format(project.one(named)))
        if lost.endswith("}"):
            project.db.execute("delete from crm.pages")  # as empty as what was lost
        said = project.checked().out
        assert "built in full: the rows of crm.pages that it was built from are not known" in said
    same(project)
    project.db.execute(f"drop table runner.{project.one(named)}")
    assert "is gone" in project.run(code=6).err
    project.run("--full-refresh")
    same(project)


def test_what_is_refused(project: Project) -> None:
    """A key that the look-up does not have; and a row number that relies on a key which is not declared."""
    begin(project)
    project.top["lookups"] = {"crm.pages": {"key": "pagge"}}
    project.models.pop("named")
    said = project.run(code=2).err
    assert "web.yml:" in said
    assert "crm.pages: its key pagge is no column of it" in said
    assert "did you mean page?" in said
    project.top["lookups"] = {}
    project.model("named", NAMED, key="domain_sessionid")
    assert "lookups: {crm.customers: {key: id}}" in project.run(code=2).err


def test_another_way_of_tracking(project: Project) -> None:
    """From a key to a fingerprint and back, what changed in between is not lost; two playbooks keep rows of their own."""
    begin(project)
    project.model("named", NAMED, unproven=True)
    change = "update crm.pages set name = '{0}', kind = null where page = '/a'"
    for number, tracked in enumerate(("fingerprint", {"key": "page"}, {"key": "page"})):
        project.top["lookups"] = {"crm.pages": tracked}
        project.db.execute(change.format(number))
        project.checked()
    same(project)
    models, project.models, project.name = project.models, {}, "other"
    project.model("theirs", KINDS, key="domain_sessionid")
    project.checked()
    project.db.execute(change.format("x"))
    project.checked()
    project.name, project.models = "web", models
    assert "crm.pages changed" in project.checked().out
    assert project.one("select count(*) from runner.key_index where row_count is not null") == 2
    project.top["lookups"] = {"crm.pages": "static"}
    project.checked()
    assert project.one("select count(*) from runner.key_index where row_count is not null") == 1


NAMES = "select page, max(name) as name from crm.pages where page is not null group by page"
KIND = "select kind, count(*) as pages from crm.pages group by kind"
BY_PAGE = """
select e.page_url, n.name, count(*) as events from atomic.events e left join derived.names n on n.page = e.page_url
group by e.page_url, n.name
"""
LISTED = "select kind, pages, (select count(*) from atomic.events) as events from derived.kind"


def test_dimensions(project: Project) -> None:
    """A model over look-ups alone, with a key or without, is built when they change, and read by others as any model is."""
    begin(project)
    project.models.clear()
    del project.source["dedupe"]
    project.model("names", NAMES, key="page", unique="page")
    project.model("kind", KIND)
    key = {"page_url": {"atomic.events": "page_url", "derived.names": "page"}}
    project.model("by_page", BY_PAGE, key=key)
    project.model("listed", LISTED)
    project.checked()
    assert "nothing to do" in project.run().out
    project.db.execute("update crm.pages set name = 'AA' where page = '/a'; delete from crm.pages where page is null")
    planned = project.command("plan").out
    built = re.findall(r"derived\.(names|kind) +built in full +crm.pages changed", planned)
    assert built == ["kind"]
    said = project.checked().out
    assert re.search(r"by_page +1 keys +[+]0 ~1 -0", said)
    project.add(1, "s9 u1 5 e9 /b")
    planned = project.command("plan").out
    assert re.findall(r"derived\.(names|kind) +as it is", planned) == ["names", "kind"]
    project.run("--model", "by_page")
    assert "derived.kind owes" not in project.command("status").out
    project.db.execute("update crm.pages set kind = 'w' where page = '/b'")
    project.run("--model", "by_page")
    project.checked()
    assert project.command("verify").code == 0
    assert project.command("verify", "--sample", "1").code == 0
    project.db.execute("update derived.by_page set events = 9 where page_url = '/b'")
    project.command("rewind", "--since", "2024-03-01T01", "--model", "by_page")
    assert re.search(r"by_page +1 keys +[+]0 ~1 -0", project.checked().out)
    project.command("rewind", "--since", "2024-03-01T01", "--model", "names")
    assert "names          built in full: it owes a full build" in project.checked().out
    project.model("names", NAMES.replace("max(name)", "current_date"))
    assert "current_date" in project.run(code=2).err.lower()
    project.model("names", "select 1 as page")
    assert "has a key but reads no table" in project.run(code=2).err


FOUR = """
select e.domain_sessionid, count(a.name) as a, max(b.name) as b, max(c.name) as c, max(d.name) as d
from atomic.events e left join crm.a a on a.page = e.page_url and a.part is not null left join crm.b b on b.page = e.page_url
left join crm.c c on c.page = e.page_url left join crm.d d on d.page = e.page_url
group by e.domain_sessionid
"""


def test_several_lookups_and_columns_of_a_key(project: Project) -> None:
    """Each look-up of a model counts; of a key of two columns a row that lacks one is no copy of another."""
    made = "create table crm.{0} (page varchar(40), part varchar(9), name varchar(40)); insert into crm.{0} values ('/a', 'x', 'n')"
    project.db.execute("create schema crm; " + "; ".join(made.format(name) for name in "abcd"))
    project.top |= {"lookups": {"crm.a": {"key": ["page", "part"]}, "crm.b": {"key": "page"}}, "trial": "off"}
    project.model("four", FOUR, key="domain_sessionid")
    project.add(0, "s1 u1 1 e1 /a", "s2 u1 1 e2 /b")
    project.checked()
    for name in "abcd":
        project.db.execute(f"update crm.{name} set name = 'm' where page = '/a'")
        followed = (
            "four                 1 keys" if name in "ab" else f"four           built in full: crm.{name} changed"
        )
        assert followed in project.checked().out
        assert "nothing to do" in project.run().out
    project.db.execute(
        "insert into crm.a values ('/b', null, 'm'), ('/b', null, 'm'), ('/a', 'y', 'm'), (null, 'x', 'm')"
    )
    assert "rows of crm.a: 4 added" in project.checked().out
    project.db.execute("update crm.a set name = 'k' where page = '/a'; delete from crm.a where part is null")
    assert "rows of crm.a: 2 changed, 2 gone" in project.checked().out
    project.db.execute("insert into crm.a values ('/a', 'y', 'm')")
    assert "crm.a: page, part is not unique: /a, y stands 2 times" in project.run(code=6).err
