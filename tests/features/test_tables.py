"""Tables around the models: several sources, look-ups, whose a table is, views, columns that change, checks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.engines.db import ENGINES
from tests.kit.project import DDL, SESSIONS, TOTALS, USERS, Project, project_fixture  # noqa: F401

BOTH = """
select coalesce(e.domain_sessionid, o.domain_sessionid) as domain_sessionid, e.events, o.orders
from (select domain_sessionid, count(*) as events from atomic.events group by domain_sessionid) e
full join (select domain_sessionid, count(*) as orders from atomic.orders group by domain_sessionid) o
    on o.domain_sessionid = e.domain_sessionid
"""
LEFT = """
select e.domain_sessionid, e.events, o.orders
from (select domain_sessionid, count(*) as events from atomic.events group by domain_sessionid) e
left join (select sid, count(*) as orders from atomic.orders group by sid) o on o.sid = e.domain_sessionid
"""
JOINED = """
select e.domain_sessionid, max(p.title) as title, count(*) as n
from atomic.events e left join crm.pages p on p.url = e.page_url
group by e.domain_sessionid
"""


def two_sources(project: Project) -> None:
    """Events and orders, each in batches of its own."""
    project.db.execute(DDL.format(table="atomic.orders"))
    project.source = {"sources": [{"table": t, "batch": "etl_tstamp"} for t in ("atomic.events", "atomic.orders")]}


def test_a_model_of_two_sources(project: Project) -> None:
    """Pending batches of either source reach its keys; each source has its own manifest and key index."""
    two_sources(project)
    project.model("both", BOTH, key="domain_sessionid")
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.add(5, "s1 u1 1", "s3 u3 2", table="atomic.orders")
    project.checked()
    project.add(6, "s2 u2 1", table="atomic.orders")
    project.checked()
    project.db.execute("delete from atomic.orders where domain_sessionid = 's1'")
    project.add(1, "s3 u3 9")
    project.checked()
    assert project.one("select count(*) from runner.manifest where source = 'atomic.orders'") == 2
    assert project.one("select count(*) from runner.key_index") == 2


def test_a_key_with_an_expression_for_each_input(project: Project) -> None:
    """Inputs may call the key differently."""
    two_sources(project)
    project.db.execute("alter table atomic.orders rename column domain_sessionid to sid")
    key = {"domain_sessionid": {"atomic.events": "domain_sessionid", "atomic.orders": "sid"}}
    project.model("left_one", LEFT, key=key)
    insert = "insert into atomic.orders (sid, etl_tstamp) values ('{}', timestamp '2024-03-01 0{}:00')"
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.db.execute(insert.format("s1", 1))
    project.checked()
    project.db.execute(insert.format("s2", 2))
    project.db.execute(insert.format("s9", 2))
    project.checked()
    assert project.command("verify").code == 0


def test_until_holds_both_sources(project: Project) -> None:
    """`--until` and `--chunk` are for every source."""
    two_sources(project)
    project.model("both", BOTH, key="domain_sessionid")
    for batch in range(4):
        project.add(batch, f"s{batch} u1 1")
        project.add(batch, f"s{batch} u1 1", table="atomic.orders")
    project.run("--until", "2024-03-01T02:00")
    assert project.one("select count(*) from derived.both") == 2
    project.checked("--chunk", "1")


def with_lookup(project: Project, how: str | None) -> None:
    """Sessions that join a table of page titles."""
    project.db.execute("create schema crm; create table crm.pages (url varchar(20), title varchar(20))")
    project.db.execute("insert into crm.pages values ('/p', 'old')")
    project.model("titled", JOINED, key="domain_sessionid")
    if how:
        project.top["lookups"] = {"crm.pages": how}
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.checked()


@pytest.mark.parametrize("how", [None, "fingerprint"])
def test_a_changed_lookup_rebuilds_its_readers(project: Project, how: str | None) -> None:
    """Look-ups are fingerprinted unless they are declared static: any change of theirs rebuilds what reads them."""
    with_lookup(project, how)
    assert "nothing to do" in project.run().out
    project.db.execute("update crm.pages set title = 'new'")
    assert "skipped: crm.pages changed" in project.command("verify").out
    assert "titled         built in full: crm.pages changed" in project.checked().out
    assert "nothing to do" in project.run().out


def test_a_static_lookup_reaches_new_rows_only(project: Project) -> None:
    """`static`: its changes need not reach old rows; keys that are recomputed see it as it is."""
    with_lookup(project, "static")
    project.db.execute("update crm.pages set title = 'new'")
    assert "nothing to do" in project.run().out
    project.add(1, "s2 u2 3")
    project.run()
    assert project.rows("select domain_sessionid, title from derived.titled") == [("s1", "old"), ("s2", "new")]


def test_a_lookup_that_was_static_for_a_while(project: Project) -> None:
    """What changed and changed back while nobody looked is not taken for unchanged."""
    with_lookup(project, None)
    project.top["lookups"] = {"crm.pages": "static"}
    project.db.execute("update crm.pages set title = 'new'")
    project.add(1, "s2 u2 3")
    project.run()
    project.db.execute("update crm.pages set title = 'old'")
    project.top["lookups"] = {}
    project.checked()


def test_a_lookup_that_changes_while_its_reader_is_left_out(project: Project) -> None:
    """A model that a run leaves out sees the change when it is taken again."""
    with_lookup(project, None)
    project.standard("totals")
    project.checked()
    project.db.execute("update crm.pages set title = 'new'")
    project.add(1, "s3 u2 3")
    project.run("--model", "totals")
    project.checked()


def test_a_table_with_rows_that_is_not_ours(project: Project) -> None:
    """It is not touched, unless the user says `--adopt`; then its rows and columns are replaced."""
    project.db.execute("create schema derived; create table derived.sessions (domain_sessionid integer, mine integer)")
    project.db.execute("insert into derived.sessions values (1, 2)")
    project.standard("sessions", "users")
    project.add(0, "s1 u1 1")
    assert "--adopt derived.sessions" in project.run(code=6).err
    assert project.rows("select * from derived.sessions") == [(1, 2)]
    project.run("--adopt", "derived.sessions")
    names = "domain_sessionid, domain_userid, start_tstamp, end_tstamp, events"
    assert Counted(project, names, "derived.sessions") == Counted(project, names, f"({SESSIONS}) q")
    project.add(1, "s1 u1 2")
    project.run()
    assert Counted(project, names, "derived.sessions") == Counted(project, names, f"({SESSIONS}) q")


def Counted(project: Project, names: str, table: str) -> list[tuple[object, ...]]:  # noqa: N802
    return project.rows(f"select {names} from {table}")


def test_an_empty_table_that_is_not_ours_is_taken(project: Project) -> None:
    """Nothing is lost by that: a run that crashed may have left it, with columns of another definition."""
    project.db.execute("create schema derived; create table derived.sessions (other integer)")
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    project.checked()


def test_tables_of_another_playbook(project: Project) -> None:
    """Neither owned twice, nor read without being declared."""
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    project.checked()
    project.name = "other"
    assert "belongs to playbook web" in project.run(code=6).err
    del project.models["sessions"]
    project.model("users", USERS)
    said = project.run(code=2)
    assert "derived.sessions belongs to playbook web" in said.err
    assert "users.sql:3" in said.err
    project.top["lookups"] = {"derived.sessions": "fingerprint"}
    project.checked()


def test_views_over_tracked_tables_are_refused(project: Project) -> None:
    """The runner could not tell what changed in them; views of views too."""
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    project.run()
    project.db.execute("create view atomic.v as select * from atomic.events")
    project.db.execute(
        "create view atomic.w as select * from atomic.v; create view derived.x as select * from derived.sessions"
    )
    for view, over in (("atomic.v", "atomic.events"), ("atomic.w", "atomic.events"), ("derived.x", "derived.sessions")):
        project.model("totals", f"select count(*) as n\nfrom {view}")
        said = project.run(code=2)
        assert f"totals.sql:2: {view} is a view over {over}" in said.err


def test_a_model_that_is_a_view_is_refused(project: Project) -> None:
    """A model owns a table."""
    project.db.execute("create schema derived; create view derived.sessions as select 1 as x")
    project.standard("sessions")
    assert "is a view; a model owns a table" in project.run(code=2).err


def test_missing_tables_are_all_named(project: Project) -> None:
    """With file and line, and the name that was meant."""
    project.model("a", "select 1 as x\nfrom atomic.event")
    project.model("b", "select * from sessions")
    project.standard("sessions")
    said = project.run(code=2)
    assert "a.sql:2: atomic.event: no such table" in said.err
    assert "did you mean atomic.events?" in said.err
    assert "did you mean derived.sessions?" in said.err


def test_a_new_column(project: Project) -> None:
    """It is added to the table, filled for all keys; other columns stay."""
    project.standard("sessions", "users")
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.checked()
    project.model("sessions", SESSIONS.replace("count(*) as events", "count(*) as events, max(page_url) as page"))
    project.checked()
    project.add(1, "s1 u1 3")
    project.checked()


@pytest.fixture(params=["events + 0.5", "cast(events as varchar(9))"])
def changed(request: pytest.FixtureRequest) -> Iterator[str]:
    """A column of another type."""
    yield f"select domain_sessionid, {request.param} as events from ({SESSIONS}) q"


def test_a_type_that_changes(project: Project, changed: str) -> None:
    """The run stops and names what is to be done; `--full-refresh --model` does it for the user."""
    project.model(
        "short",
        "select domain_sessionid, count(*) as events, 1 as gone from atomic.events group by 1",
        key="domain_sessionid",
    )
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.checked()
    changed = changed.replace(SESSIONS, "select domain_sessionid, count(*) as events from atomic.events group by 1")
    project.model("short", changed)
    planned = project.command("plan", code=6).err
    said = project.run(code=6)
    assert "derived.short: events changes from " in said.err
    assert ", gone is gone; nothing was published" in said.err
    assert planned == said.err.replace("; nothing was published", "")
    assert "--full-refresh --model derived.short" in said.err
    assert ('alter column "events" type' in said.err) == (project.db.engine in ENGINES)
    assert project.rows("select events from derived.short") == [(1,), (1,)]
    project.command("plan", "--full-refresh", "--model", "derived.short", code=0)
    project.run("--full-refresh", "--model", "derived.short")
    wanted = project.rows(f"select domain_sessionid, events from ({changed}) q")
    assert project.rows("select domain_sessionid, events from derived.short") == wanted
    assert len(project.rows("select * from derived.short")[0]) == 2
    assert project.command("verify").code == 0


def test_a_type_that_changes_below(project: Project) -> None:
    """`plan` names the models that read the one that changes, as the run does; one that reads no such column is none."""
    counted = "select domain_sessionid, {} as events from atomic.events group by 1"
    project.model("short", counted.format("count(*)"), key="domain_sessionid")
    project.model("copy", "select * from derived.short", key="domain_sessionid")
    project.model("other", "select distinct domain_sessionid from derived.short", key="domain_sessionid")
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.checked()
    project.model("short", counted.format("cast(count(*) as double precision)"))
    said = project.run(code=6)
    assert re.findall(r"derived\.(\w+): events changes from", said.err) == ["short", "copy"]
    assert project.command("plan", code=6).err == re.sub("\nnothing was published", "", said.err)


def test_a_source_that_gets_a_column(project: Project) -> None:
    """`SELECT *` takes it over, in this model and those below, for old keys too."""
    project.model("raw", "select * from atomic.events", key="domain_sessionid")
    project.model("copy", "select * from derived.raw", key="domain_sessionid")
    project.model("everything", "select * from atomic.events")
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.checked()
    project.db.execute("alter table atomic.events add column extra integer default 7")
    project.add(1, "s1 u1 3")
    project.checked()
    project.add(2, "s2 u1 3")
    project.checked()


def test_a_source_column_that_changes_its_type(project: Project) -> None:
    """Without a key, too, a table never holds rows of two types: the run stops, the refresh does it."""
    project.model("everything", "select event_id, amount from atomic.events")
    project.add(0, "s1 u1 1")
    project.checked()
    project.db.execute("alter table atomic.events alter column amount type bigint")
    project.command("rewind", "--since", "2024-01-01")
    assert 'alter column "amount" type' in project.run(code=6).err
    project.run("--full-refresh", "--model", "everything")
    assert project.rows("select event_id, amount from derived.everything") == [("e1", 1)]


def test_an_input_whose_column_changes_its_type(project: Project) -> None:
    """Values of another type are other values: 10 is more than 9, and '10' less; the model is built anew."""
    project.model(
        "top", "select domain_sessionid, cast(max(amount) as varchar(40)) as top from atomic.events group by 1",
        key="domain_sessionid",
    )  # fmt: skip
    project.add(0, "s1 u1 1", "s1 u1 2")
    project.db.execute("update atomic.events set amount = case event_id when 'e1' then 9 else 10 end")
    project.checked()
    assert project.rows("select top from derived.top") == [("10",)]
    project.db.execute("alter table atomic.events alter column amount type varchar(20)")
    project.add(1, "s2 u2 1")
    said = project.checked()
    assert "columns, views or functions that it reads have changed" in said.text
    assert project.rows("select top from derived.top where domain_sessionid = 's1'") == [("9",)]
    assert "columns that it reads" not in project.checked().text


def test_a_look_up_whose_column_changes_its_type(project: Project) -> None:
    """Names and types of a look-up are compared as its rows are: 9 and 10 as texts are other values."""
    project.db.execute("create schema crm; create table crm.pages (page_url varchar(40), rank integer)")
    project.db.execute("insert into crm.pages values ('/p', 9), ('/p', 10)")
    project.model(
        "ranks",
        "select e.domain_sessionid, cast(max(l.rank) as varchar(40)) as top from atomic.events e"
        " join crm.pages l on l.page_url = e.page_url group by 1",
        key="domain_sessionid",
    )
    project.add(0, "s1 u1 1")
    project.checked()
    project.db.execute("alter table crm.pages alter column rank type varchar(20)")
    project.checked()
    assert project.rows("select top from derived.ranks") == [("9",)]


def test_unique_publishes_nothing(project: Project) -> None:
    """A value that would stand twice after publish stops the run; stored rows of other keys count."""
    project.model(
        "firsts",
        "select domain_sessionid, domain_userid from atomic.events group by 1, 2",
        key="domain_sessionid",
        unique="domain_userid",
    )
    project.add(0, "s1 u1 1")
    project.checked()
    project.add(1, "s2 u1 1")
    said = project.run(code=6)
    assert "domain_userid is not unique: u1 would stand 2 times" in said.err
    assert project.manifest() == {0: 1}
    assert project.rows("select * from derived.firsts") == [("s1", "u1")]
    project.db.execute("update atomic.events set domain_userid = 'u2' where domain_sessionid = 's2'")
    project.checked()


def test_checks_publish_nothing(project: Project) -> None:
    """A row for which a check is not true stops the run; null is not true."""
    project.standard("sessions", "totals")
    project.models["sessions"]["checks"] = ["events < 3", "domain_userid <> 'bad'"]
    project.add(0, "s1 u1 1")
    project.checked()
    project.add(1, "s2 - 1", "s3 bad 1")
    said = project.run(code=6)
    assert "2 rows for which domain_userid <> 'bad' is not true" in said.err
    assert project.one("select events from derived.totals") == 1
    assert project.manifest() == {0: 1}


def test_an_included_playbook(project: Project) -> None:
    """Its sources and models come first, under the including playbook's manifest."""
    base = """source: {table: atomic.events, batch: etl_tstamp}
models: [{table: derived.sessions, sql: s.sql, key: domain_sessionid}]"""
    project.write()
    project.sql("base.yml", base)
    project.sql("s.sql", SESSIONS)
    project.source = {}
    project.top["include"] = "base.yml"
    project.model("users", USERS, key="domain_userid")
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.checked()
    project.add(1, "s2 u1 -2")
    project.checked()
    assert project.rows("select distinct playbook from runner.models") == [("web",)]
    assert project.rows("select domain_userid, sessions from derived.users") == [("u1", 2)]


def test_a_definition_that_differs_in_quotes_only(project: Project) -> None:
    """A text and a column of the same letters are not the same definition."""
    project.model(
        "pages",
        "select domain_sessionid, max('page_url') as page from atomic.events group by 1",
        key="domain_sessionid",
    )
    project.add(0, "s1 u1 1")
    project.checked()
    project.model("pages", 'select domain_sessionid, max("page_url") as page from atomic.events group by 1')
    project.checked()
    assert TOTALS
