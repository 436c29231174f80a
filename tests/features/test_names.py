"""Names and types that could be taken for something else: quoted, odd, the runner's own; expressions for batches."""

from __future__ import annotations

import pytest

from tests.kit.project import TOTALS, Project, project_fixture  # noqa: F401

RUNNER_NAMES = ("k1", "k2", "was", "now", "etl_tstamp", "event_count", "recompute", "reason", "runner_copy2", "n")


def test_source_columns_with_the_runners_own_names(project: Project) -> None:
    """Columns called as those of the scratch tables are the user's, in keys, batches and models (no name capture)."""
    columns = ", ".join(f"{name} varchar(9)" for name in RUNNER_NAMES if name != "etl_tstamp")
    project.db.execute(f"create table atomic.odd (etl_tstamp timestamp, load_tstamp timestamp, {columns})")
    project.source |= {
        "table": "atomic.odd",
        "batch": "load_tstamp",
        "dedupe": ["reason", "k2", "k1"],
        "fingerprint": True,
    }
    select = """select k2, k1, max(was) as was, min(now) as now, count(recompute) as recompute, max(event_count) as n,
        min(etl_tstamp) as etl_tstamp from atomic.odd group by k2, k1"""
    project.model("odd", select, key=["k2", "k1"], unique=["k2", "k1"], checks=["recompute >= 0"])
    below = "select was, count(*) as k1, max(k2) as k2, sum(recompute) as event_count from derived.odd group by was"
    project.model("below", below, key="was")
    listed = "etl_tstamp, load_tstamp, k1, k2, was, now, event_count, recompute, reason"
    rows = "('a','b','x','y','1','1','r1'), ('a',null,'x','y','1','1','r2'), ('c','b','w',null,'1',null,'r3')"
    hour = "select timestamp '2024-01-01', timestamp '2024-03-01 0{}:00', * from (values {}) v"
    project.db.execute(f"insert into atomic.odd ({listed}) {hour.format(1, rows)}")
    project.checked()
    more = "('a','b','z','y','1','1','r4'), ('d',null,'x','y','1','1','r5')"
    project.db.execute(f"insert into atomic.odd ({listed}) {hour.format(2, more)}")
    project.checked()
    project.db.execute("delete from atomic.odd where reason = 'r2'")
    project.checked()
    project.db.execute("delete from atomic.odd where load_tstamp = timestamp '2024-03-01 02:00'")
    project.checked("--retract")
    assert project.command("verify").code == 0
    project.model("below", below.replace("max(k2)", "min(k2)"))
    project.checked()


def test_quoted_names(project: Project) -> None:
    """Schemas, tables and columns with blanks, capitals, dots and quotes, as source, model, key and look-up."""
    project.db.execute('create schema "Odd Schema"')
    table = '"Odd Schema"."The.Events ""x"""'
    project.db.execute(f'create table {table} ("User Id" varchar(9), "select" integer, "Load T" timestamp)')
    project.source = {"table": table, "batch": '"Load T"', "fingerprint": True, "dedupe": ['"User Id"', '"select"']}
    select = f'select "User Id" as "user", sum("select") as "Total Sum" from {table} group by 1'
    project.model("odd", select, key={"user": '"User Id"'})
    project.models["odd"]["table"] = '"Odd Schema"."Derived \'t\'"'
    project.model(
        "top",
        'select "Total Sum" as total, count(*) as n from "Odd Schema"."Derived \'t\'" group by 1',
        key={"total": '"Total Sum"'},
    )
    insert = f"insert into {table} values ('{{}}', {{}}, timestamp '2024-03-01 0{{}}:00')"
    for row in (("a", 1, 1), ("b", 2, 1), ("it''s", 2, 1)):
        project.db.execute(insert.format(*row))
    project.checked()
    project.db.execute(insert.format("a", 5, 2))
    project.db.execute(insert.format("it''s", 7, 2))
    project.checked()
    assert project.command("verify").code == 0


def test_capitals_in_a_playbook_do_not_matter(project: Project) -> None:
    """Unquoted names are the same in any case: the key in the playbook, its column in the SELECT and in the source."""
    select = (
        "select Domain_SessionId, COUNT(*) as N, min(PAGE_URL) as Page from Atomic.Events group by DOMAIN_SESSIONID"
    )
    project.model("sessions", select, key="Domain_Sessionid", unique="DOMAIN_sessionid", checks=["n > 0"])
    project.source = {"table": "ATOMIC.events", "batch": "ETL_tstamp", "dedupe": ["EVENT_ID", "domain_SESSIONID"]}
    project.add(0, "s1 u1 1", "s2 u1 2")
    project.checked()
    project.add(1, "s1 u1 3")
    project.checked()
    assert project.command("verify").code == 0


@pytest.mark.parametrize("type_", ["timestamp with time zone", "date"])
def test_batch_columns_of_other_types(project: Project, type_: str) -> None:
    """An etl_tstamp with a time zone is a moment, kept in UTC; a date is its midnight."""
    project.db.execute(f"create table atomic.typed (sid varchar(9), t {type_})")
    project.source = {"table": "atomic.typed", "batch": "t"}
    project.model("sids", "select sid, count(*) as n, max(t) as last from atomic.typed group by sid", key="sid")
    project.db.execute("insert into atomic.typed values ('a', '2024-03-01 01:00:00+01'), ('b', '2024-03-02')")
    project.checked()
    assert sorted(project.manifest()) == [0, 24]
    project.db.execute("insert into atomic.typed values ('a', '2024-03-02'), ('b', '2024-03-03'), ('c', null)")
    assert "1 grew 1→2" in project.checked().out
    project.command("rewind", "--since", "2024-03-02")
    project.checked()


@pytest.mark.parametrize("batch", ["date_trunc('hour', etl_tstamp)", "cast(etl_tstamp as date)"])
def test_batch_expressions(project: Project, batch: str) -> None:
    """A stream with one etl_tstamp an event is cut into batches by an expression."""
    project.source["batch"] = batch
    project.standard("sessions", "totals")
    moment = "timestamp '2024-03-01 0{}:{}:07'"
    for number in range(6):
        project.add(None, f"s{number % 3} u1 {number}")
        at = moment.format(number // 3, 10 + number)
        project.db.execute(f"update atomic.events set etl_tstamp = {at} where etl_tstamp is null")
    project.checked()
    assert sorted(project.manifest()) == ([0, 1] if "hour" in batch else [0])
    project.db.execute("update atomic.events set etl_tstamp = timestamp '2024-03-01 01:59:59' where event_id = 'e1'")
    project.checked()


def test_the_same_key_under_two_names(project: Project) -> None:
    """Two models that call one key by different names share its index."""
    project.standard("sessions")
    select = "select domain_sessionid as sid, count(*) as n from atomic.events group by 1"
    project.model("sids", select, key={"sid": "domain_sessionid"})
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.checked()
    project.add(0, "s1 u1 9")
    project.checked()
    assert project.one("select count(*) from runner.key_index") == 1


def test_a_source_under_another_spelling(project: Project) -> None:
    """A model that reads the source by another name would not be tracked, so it is refused with the name to write."""
    schema = "main" if project.duckdb else "public"
    project.db.execute(f"create table {schema}.events (sid varchar(9), etl_tstamp timestamp)")
    project.source["table"] = f"{schema}.events"
    project.model("totals", TOTALS.replace("atomic.events", "events").replace("domain_sessionid", "sid"))
    assert f"write {schema}.events" in project.run(code=2).err


def test_models_that_name_all_columns_another_way(project: Project) -> None:
    """Whole-row references, stars and natural joins read every column of an input, though they name none."""
    project.model("star", "select e.* from atomic.events e")
    project.model("joined", "select count(*) as n from atomic.events natural join (select * from atomic.events) x")
    project.model("counted", "select count(e) as n from atomic.events e")
    project.model("columns", "select * from (select * from atomic.events) s (a, b, c, d, e, f, g)")
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.checked()
    project.add(1, "s1 u1 4")
    project.checked()
