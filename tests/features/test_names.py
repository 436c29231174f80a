"""Names and types that could be taken for something else: quoted, odd, the runner's own; expressions for batches."""

from __future__ import annotations

from typing import Any

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


def test_keys_called_as_words_of_sql(project: Project) -> None:
    """Words that no column could be called without quotes are keys like any other."""
    words = ("from", "null", "select", "where", "not", "using", "order")
    listed = ", ".join(f'"{word}" varchar(9)' for word in words)
    project.db.execute(f"create table atomic.words (etl_tstamp timestamp, {listed})")
    project.source |= {"table": "atomic.words"}
    for word in words:
        select = f'select "{word}", count(*) as n from atomic.words group by "{word}"'
        project.model(f"by_{word}", select, key=word)
    for hour, value in enumerate(("a", "b", "a")):
        values = ", ".join(f"'{value}'" for _ in words)
        project.db.execute(f"insert into atomic.words values (timestamp '2024-01-01 0{hour}:00:00', {values})")
        project.run()
    for word in words:
        assert project.rows(f'select "{word}", n from derived.by_{word}') == [("a", 2), ("b", 1)]


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


BESIDE = (
    "k1",
    "recompute",
    "event_count",
    "reason",
    "held",
    "differing",
    "copies",
    "p",
    "b",
    "x",
    "m",
    "c",
    "previous_count",
)


def test_columns_with_names_that_stand_beside_keys(project: Project) -> None:
    """Each of them as key, id, order, check, unique column and output, over sources and over models."""
    columns = ", ".join(f"{name} varchar(9)" for name in BESIDE)
    project.db.execute(f"create table atomic.beside ({columns}, etl_tstamp timestamp)")
    project.source = {
        "table": "atomic.beside",
        "batch": "etl_tstamp",
        "dedupe": list(BESIDE),
        "order_by": ["etl_tstamp"],
    }
    for name in BESIDE:
        other = "k1" if name != "k1" else "differing"
        select = (
            f"select {name}, {other}, count(*) as etl_tstamp, max(m) as c from atomic.beside group by {name}, {other}"
        )
        more: dict[str, Any] = {
            "key": [name, other],
            "unique": [name, other],
            "checks": [f"{name} <> 'z'", "etl_tstamp > 0"],
        }
        if name != "c":
            project.model(f"of_{name}", select, **more)
            below = (
                f"select {name}, sum(etl_tstamp) as recompute_, count(*) as k2 from derived.of_{name} group by {name}"
            )
            project.model(f"below_{name}", below, key=name, unique=name, checks=[f"{name} <> 'z'"])
    rows = [(1, "abc"), (1, "abd"), (2, "bbc"), (2, "aba")]
    for batch, values in rows:
        listed = ", ".join(f"'{values[n % 3]}'" for n, _ in enumerate(BESIDE))
        project.db.execute(f"insert into atomic.beside values ({listed}, timestamp '2024-03-0{batch} 00:00')")
        project.checked()
    assert project.command("verify").code == 0


OWN: dict[str, tuple[str, dict[str, Any], str]] = {
    "an output": ("select event_id, 1 as runner_was from atomic.events", {}, "m.sql:1: runner_was"),
    "in capitals": ('select event_id, 1 as "RUNNER_was" from atomic.events', {}, "m.sql:1: RUNNER_was"),
    "a column": ("select event_id,\n  max(runner_id) as n from atomic.events group by 1", {}, "m.sql:2: runner_id"),
    "a CTE": ("with runner_twice as (select 1 as n)\nselect n from atomic.events, runner_twice", {}, "m.sql:1"),
    "an alias": ("select runner_k.event_id\nfrom atomic.events runner_k", {}, "m.sql:2: runner_k"),
    "columns of an alias": (
        "select e.n from (select event_id from atomic.events) as e(runner_n)",
        {},
        "m.sql:1: runner_n",
    ),
    "a key": ("select event_id, 1 as n from atomic.events", {"key": {"event_id": "lower(runner_id)"}}, "runner_id is"),
    "a check": ("select event_id, 1 as n from atomic.events", {"checks": ["runner_n > 0"]}, "runner_n is"),
    "unique": ("select * from atomic.events", {"unique": "runner_copies"}, "runner_copies is"),
    "a table": ("select event_id from atomic.events", {"table": "derived.runner_k"}, "derived.runner_k is"),
}


@pytest.mark.parametrize("what", OWN)
def test_the_runners_own_names_are_refused(project: Project, what: str) -> None:
    """A user's `runner_…` could be taken for a name in our statements: refused with its place, and nothing is run."""
    select, more, said = OWN[what]
    project.model("m", select, **more)
    text = project.run(code=2).text
    assert said in text
    assert "names that begin with runner_ are the runner's own" in text


@pytest.mark.parametrize("part", ["batch", "dedupe", "order_by"])
def test_they_are_refused_of_a_source(project: Project, part: str) -> None:
    """Two copies of one id in two projects were one: the id was compared with itself."""
    project.source["dedupe"] = ["event_id"]
    project.source[part] = "runner_id" if part == "batch" else ["Runner_id", "event_id"]
    project.standard("totals")
    assert "is one of the runner's own names" in project.run(code=2).text


def test_columns_with_our_names_are_read_through_a_view(project: Project) -> None:
    """A star would list them beside ours; a model that does not read them, and a look-up's name, are no matter."""
    project.db.execute("create schema raw")
    project.db.execute("create table raw.runner_races (page_url varchar(40), runner_copy integer, length_m integer)")
    project.db.execute("insert into raw.runner_races values ('/p', 1, 42195)")
    joined = "from atomic.events e left join raw.runner_races on runner_races.page_url = e.page_url"
    project.model("m", f"select e.event_id, runner_races.length_m {joined}")
    project.add(0, "s1 u1 1")
    project.checked()
    project.model("m", f"select * {joined}")
    text = project.run(code=2).text
    assert "m.sql:1: raw.runner_races has a column runner_copy" in text
    assert "through a view" in text
    project.db.execute("create view raw.races as select page_url as page, runner_copy as copy from raw.runner_races")
    project.model("m", "select * from atomic.events e left join raw.races r on r.page = e.page_url")
    project.run("--full-refresh")


def test_an_output_that_only_the_engine_names(project: Project) -> None:
    """Fields of a struct, columns of a PIVOT: found when the rows are staged, and nothing is published."""
    if not project.duckdb:
        pytest.skip("only DuckDB makes columns of fields")
    project.model("m", "select event_id, unnest({'runner_was': 1, 'n': 2}) from atomic.events")
    project.add(0, "s1 u1 1")
    assert "its column runner_was" in project.run(code=6).text


def test_an_id_called_as_a_function(project: Project) -> None:
    """DuckDB takes session_user for the function in a subquery, whatever columns there are around it."""
    project.db.execute('create table atomic.odd ("session_user" varchar(9), n integer, etl_tstamp timestamp)')
    project.source = {"table": "atomic.odd", "batch": "etl_tstamp", "dedupe": ['"session_user"', "n"]}
    project.model("m", 'select n, count(*) as c, max("session_user") as u from atomic.odd group by n', key="n")
    rows = "('a', 1, timestamp '2024-03-01'), ('a', 1, timestamp '2024-03-01'), ('b', 1, timestamp '2024-03-01')"
    project.db.execute(f"insert into atomic.odd values {rows}")
    project.run()
    assert project.rows("select n, c, u from derived.m") == [(1, 2, "b")]


def test_keys_called_as_functions(project: Project) -> None:
    """Columns of composite keys, batches and outputs that DuckDB has functions for; rows with them null are a group."""
    columns = 'k varchar(9), "session_user" varchar(9), "user" varchar(9), "localtimestamp" timestamp'
    project.db.execute(f"create table atomic.odd ({columns})")
    project.source = {"table": "atomic.odd", "batch": '"localtimestamp"'}
    select = 'select k, "session_user", lower("user") as u, count(*) as n from atomic.odd group by 1, 2, 3'
    key = {"k": "k", "session_user": '"session_user"', "u": 'lower("user")'}
    project.model("m", select, key=key, unique=["k", "session_user", "u"])
    below = 'select "session_user", u, sum(n) as n from derived.m group by 1, 2'
    project.model("below", below, key={"session_user": '"session_user"', "u": "u"})
    for batch, row in enumerate(
        ("'a', 's', 'U'", "'a', 's', 'U'", "'a', null, 'U'", "'b', null, 'V'", "'a', 's', 'V'"), 1
    ):
        project.db.execute(f"insert into atomic.odd values ({row}, timestamp '2024-03-0{batch} 00:00')")
        project.checked()
        assert project.command("verify").code == 0
    for batch in (8, 9):
        project.db.execute(f"insert into atomic.odd values ('c', 's', 'U', timestamp '2024-03-0{batch} 00:00')")
    project.checked("--chunk", "1")


def test_a_key_that_is_a_function_is_quoted(project: Project) -> None:
    """Postgres takes session_user for the function where it is not quoted: all rows had one key."""
    project.model("m", 'select "session_user", count(*) as n from atomic.events group by 1', key="session_user")
    text = project.run(code=2).text
    assert "the key session_user of derived.m is a function if it is not quoted" in text
    assert """key: {session_user: '"session_user"'}""" in text
