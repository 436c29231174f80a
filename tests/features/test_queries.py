"""Plain queries on every engine: the four phases around models, scripts without a source, and what is refused."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from runner.warehouse.values import Trouble, WarehouseError
from tests.kit import ROOT
from tests.kit.project import TOTALS, Project, project_fixture  # noqa: F401

TRUTH = """
select domain_sessionid, min(collector_tstamp), max(collector_tstamp), count(*) from atomic.events
where domain_sessionid is not null group by domain_sessionid
"""
SETUP = """create schema if not exists own;
create table if not exists own.sessions (sid varchar(40), first_seen timestamp, n bigint)"""
STAGE = """create table {{ scratch }}.s as select domain_sessionid, min(collector_tstamp) as first_seen, count(*) as n
from {{ history.domain_sessionid }} group by domain_sessionid"""
PUBLISH = """delete from own.sessions where sid in (select domain_sessionid from {{ keys.domain_sessionid }});
insert into own.sessions (sid, first_seen, n) select domain_sessionid, first_seen, n from {{ scratch }}.s"""


def steps(project: Project, **phases: str | list[str]) -> None:
    """One step a phase, `phase="sql"`, or several scripts of a phase's step."""
    found: list[dict[str, Any]] = []
    for phase, texts in phases.items():
        names = []
        for number, text in enumerate([texts] if isinstance(texts, str) else texts):
            names.append(f"{phase}{number}.sql")
            project.sql(names[-1], text)
        found.append({"name": f"the {phase}", "phase": phase, "queries": names})
    project.top["steps"] = found


def imperative(project: Project) -> None:
    """Sessions in a table of the user's own."""
    project.source["keys"] = ["domain_sessionid"]
    steps(project, setup=SETUP, stage=STAGE, publish=PUBLISH)


def sessions_are_right(project: Project) -> None:
    truth = f"select domain_sessionid, a, n from ({TRUTH}) q (domain_sessionid, a, b, n)"
    assert project.rows("select sid, first_seen, n from own.sessions") == project.rows(truth)


def test_the_imperative_style(project: Project) -> None:
    """Scratch tables from the keys' history, own publish SQL: equal to a full recompute after every increment."""
    imperative(project)
    project.source["vanished"] = "retract"
    project.add(0, "s1 u1 1", "s2 u2 2", "- u2 3")
    project.add(1, "s1 u1 2")
    project.run()
    sessions_are_right(project)
    project.add(2, "s1 u1 0", "s3 u1 1")
    project.drop(0)
    project.run()
    sessions_are_right(project)
    assert "nothing to do" in project.run().out


def test_the_shipped_example(project: Project) -> None:
    """playbooks/imperative.yml on the same events gives the same table after increments, with models beside or not."""
    project.db.execute("alter table atomic.events add column event_name varchar(20) default 'page_view'")
    shutil.copytree(ROOT / "sql" / "imperative", project.folder / "sql" / "imperative")
    text = (ROOT / "playbooks" / "imperative.yml").read_text()
    kept = [line for line in text.splitlines() if not line.startswith(("target:", "sql_root:", "  files:"))]
    project.folder.joinpath("example.yml").write_text("\n".join([*kept, f"target: {project.url}", "sql_root: sql"]))
    project.source = {}
    project.top = {"include": "example.yml", "sql_root": "sql"}
    for batch in range(3):
        project.add(batch, f"s{batch} u1 {batch}", "s0 u1 7", "- u1 7")
        project.run()
        found = "select domain_sessionid, start_tstamp, end_tstamp, events from derived.session_summary"
        assert project.rows(found) == project.rows(TRUTH)
        assert project.one("select sum(page_views) from derived.session_summary") == 2 * (batch + 1)


def test_the_names_of_a_run(project: Project) -> None:
    """`{{ batches }}`, `{{ events }}`, `{{ keys.x }}`, `{{ history.x }}`, `{{ run_id }}` and `{{ run_started }}`."""
    project.source["keys"] = ["domain_sessionid"]
    make = "create table if not exists public_{} (a varchar(99), b varchar(99), c varchar(99), d varchar(99))"
    tables = ("batches", "events", "keys", "history", "run")
    setup = "; ".join(make.format(name) for name in tables)
    publish = """insert into public_batches select etl_tstamp, event_count, previous_count, reason from {{ batches }};
    insert into public_events (a) select event_id from {{ events }};
    insert into public_keys (a) select domain_sessionid from {{ keys.domain_sessionid }};
    insert into public_history (a) select event_id from {{ history.domain_sessionid }};
    insert into public_run (a, b) values ('{{ run_id }}', timestamp '{{ run_started }}')"""
    if not project.duckdb:
        publish = publish.replace(
            "etl_tstamp, event_count, previous_count, reason",
            "etl_tstamp::text, event_count::text, previous_count::text, reason",
        )
        publish = publish.replace("timestamp '{{ run_started }}'", "'{{ run_started }}'")
    steps(project, setup=setup, publish=publish)
    project.add(0, "s1 u1 1 a", "s2 u2 2 b")
    project.run()
    for name in tables:
        project.db.execute(f"delete from public_{name}")
    project.add(1, "s1 u1 3 c", "- u1 3 d")
    project.add(0, "s2 u1 3 e")
    project.run("--run-id", "second")
    assert project.rows("select c, d from public_batches") == [("2", "grew"), (None, "new")]
    assert project.rows("select a from public_events") == [("a",), ("b",), ("c",), ("d",), ("e",)]
    assert project.rows("select a from public_keys") == [("s1",), ("s2",)]
    assert project.rows("select a from public_history") == [("a",), ("b",), ("c",), ("e",)]
    assert project.one("select a from public_run") == "second"
    assert project.one("select b from public_run").startswith("20")


def test_history_is_what_the_manifest_lists(project: Project) -> None:
    """Rows of batches that wait (`--until`) are not in history; copies are not either, where there is `dedupe`."""
    imperative(project)
    project.source["dedupe"] = ["event_id", "domain_sessionid"]
    project.add(0, "s1 u1 1 a", "s1 u1 1 a")
    project.add(1, "s1 u1 2 b")
    project.run("--until", "2024-03-01T01:00")
    assert project.rows("select sid, n from own.sessions") == [("s1", 1)]
    project.run()
    assert project.rows("select sid, n from own.sessions") == [("s1", 2)]


def test_history_without_copies_in_other_keys(project: Project) -> None:
    """A copy that does not count is in no key's history; where the one that counts goes, its key is among the keys."""
    imperative(project)
    project.source |= {"dedupe": ["event_id"], "order_by": ["etl_tstamp"], "vanished": "retract"}
    project.add(0, "s1 u1 1 a", "s1 u1 2 b")
    project.run()
    project.add(1, "s2 u1 1 a", "s2 u1 1 c")
    project.run()
    assert project.rows("select sid, n from own.sessions") == [("s1", 2), ("s2", 1)]
    project.add(2, "s2 u1 2 d")  # s1 is not among the keys
    project.run()
    assert project.rows("select sid, n from own.sessions") == [("s1", 2), ("s2", 2)]
    project.drop(0)
    project.run()
    assert ("s2", 3) in project.rows("select sid, n from own.sessions")


def test_a_key_that_a_model_calls_otherwise(project: Project) -> None:
    """`source.keys` gives its name to scripts, whatever a model calls the same key."""
    imperative(project)
    select = "select domain_sessionid as sid, count(*) as n from atomic.events group by 1"
    project.sql("m.sql", select)
    model = {"table": "derived.m", "sql": "m.sql", "key": {"sid": "domain_sessionid"}}
    project.top["steps"].append({"name": "m", "models": [model]})
    project.add(0, "s1 u1 1")
    project.run()
    sessions_are_right(project)


def test_keys_of_two_sources(project: Project) -> None:
    """A key that two sources have must be named with its source; it would be one of them by chance otherwise."""
    project.db.execute("create table atomic.orders as select * from atomic.events")
    project.source = {
        "sources": [
            {"table": t, "batch": "etl_tstamp", "keys": ["domain_sessionid"]}
            for t in ("atomic.events", "atomic.orders")
        ]
    }
    steps(project, publish="insert into x select * from {{ keys.domain_sessionid }}")
    assert "is a key of several sources" in project.run(code=2).err
    setup = "create table if not exists x (sid varchar(40))"
    steps(project, setup=setup, publish="insert into x select * from {{ keys['atomic.orders.domain_sessionid'] }}")
    project.add(0, "s1 u1 1")
    project.add(0, "s2 u1 1", table="atomic.orders")
    project.run()
    assert project.rows("select sid from x") == [("s2",)]


def test_a_failing_stage_publishes_nothing(project: Project) -> None:
    """Neither models nor manifest; the message has file, step and phase; the next run starts from the first step."""
    project.sql("totals.sql", TOTALS)
    steps(project, stage="create table {{ scratch }}.x as select 1 / 0 as y from nowhere")
    project.top["steps"].append({"name": "m", "models": [{"table": "derived.totals", "sql": "totals.sql"}]})
    project.add(0, "s1 u1 1")
    said = project.run(code=6)
    assert "stage0.sql:1: step the stage" in said.err
    assert "nothing was published" in said.err
    assert project.manifest() == {}
    assert not project.db.has_table("derived.totals")


def test_a_failing_publish_is_rolled_back_whole(project: Project) -> None:
    """What ran before it in the publish transaction is undone, with the manifest."""
    imperative(project)
    project.add(0, "s1 u1 1")
    project.run()
    project.sql("publish0.sql", PUBLISH + "; insert into own.nowhere values (1)")
    project.add(1, "s1 u1 2")
    project.run(code=6)
    assert project.rows("select sid, n from own.sessions") == [("s1", 1)]
    assert project.manifest() == {0: 1}
    project.sql("publish0.sql", PUBLISH)
    project.run()
    sessions_are_right(project)


def test_a_publish_that_the_warehouse_asks_to_repeat(project: Project) -> None:
    """A deadlock in a user's publish SQL: the whole transaction is done again."""
    imperative(project)
    project.add(0, "s1 u1 1")
    tried: list[str] = []

    def deadlock(when: str, label: str, sql: str) -> None:
        if when == "after" and label.startswith("publish:the publish"):
            tried.append(label)
            if len(tried) == 1:
                raise WarehouseError(label, "deadlock detected", Trouble.RETRY)

    project.watch = deadlock
    project.run()
    assert len(tried) == 2
    sessions_are_right(project)


def test_after_queries_are_repeated(project: Project) -> None:
    """A failed `after` leaves the data published and exits 6; the next run repeats it with nothing pending."""
    project.source["keys"] = ["domain_sessionid"]
    steps(project, after="insert into own_log values ('{{ run_id }}')")
    project.add(0, "s1 u1 1")
    assert "the data is published" in project.run("--run-id", "first", code=6).err
    assert project.manifest() == {0: 1}
    assert "not finished" in project.command("history").out
    assert "have not finished" in project.command("status").out
    project.db.execute("create table own_log (run_id varchar(99))")
    assert "running them again" in project.run().out
    assert project.one("select count(*) from own_log") == 1
    project.run()
    assert project.one("select count(*) from own_log") == 1


REFUSED = [
    ("stage", "delete from derived.totals", "phase stage writes to scratch only, not to derived.totals"),
    ("stage", "create table x as select 1 as y", "phase stage writes to scratch only, not to x"),
    ("stage", "create table {{ scratch }}.x as select * from atomic.events", "reads atomic.events live"),
    ("publish", "insert into x select * from atomic.events", "reads atomic.events live"),
    ("publish", "insert into derived.totals values (1)", "derived.totals belongs to a model"),
    ("publish", "create table x (y integer)", "CREATE cannot run in the publish transaction"),
    ("publish", "call refresh()", "cannot run in the publish transaction"),
    ("publish", "delete from runner.manifest", "the runner's own state"),
    ("publish", "with x as (select 1) delete from runner.manifest", "the runner's own state"),
    ("publish", "commit", "COMMIT cannot run in the publish transaction"),
    ("publish", "insert into x select * from {{ keys.nothing }}", "keys.nothing is not there"),
    ("stage", "select {{ undefined_name }}", "undefined_name"),
    ("setup", "create table x as select * from {{ events }}", "the run's own tables are not there in phase setup"),
    ("after", "insert into x select * from {{ keys.domain_sessionid }}", "not there in phase after"),
]


@pytest.mark.parametrize(("phase", "sql", "message"), REFUSED)
def test_what_scripts_may_not_do(tmp_path: Any, phase: str, sql: str, message: str) -> None:
    """Refused with file and line before anything is connected."""
    project = Project(f"duckdb:///{tmp_path}/x.duckdb", tmp_path / "p")
    project.source["keys"] = ["domain_sessionid"]
    project.sql("totals.sql", TOTALS)
    steps(project, **{phase: f"\n{sql}"})
    project.top["steps"].append({"name": "m", "models": [{"table": "derived.totals", "sql": "totals.sql"}]})
    connected: list[str] = []
    project.watch = lambda when, label, text: connected.append(label)
    said = project.run(code=2)
    assert message in said.err
    assert f"{phase}0.sql" in said.err
    assert not connected
    project.close()


def script(project: Project, *groups: list[str]) -> None:
    """A playbook without a source: a step for each group of scripts."""
    project.source = {}
    project.top["steps"] = []
    for number, texts in enumerate(groups):
        names = []
        for place, text in enumerate(texts):
            names.append(f"q{number}_{place}.sql")
            project.sql(names[-1], text)
        project.top["steps"].append({"name": f"step {number}", "queries": names})


def test_a_plain_script(project: Project) -> None:
    """Without a source: steps in order, no phases, no state tables; files are sent whole."""
    project.top["variables"] = {"n": 3}
    script(
        project, ["create table a (x integer); insert into a values ({{ n }})"], ["insert into a select x + 1 from a"]
    )
    project.run("--var", "n=5")
    assert project.rows("select x from a") == [(5,), (6,)]
    assert not project.db.has_table("runner.manifest")
    said = project.run(code=6)
    assert "what ran before it is done; mend it and go on: --from-step 'step 0'" in said.err


def test_a_script_is_one_transaction_and_its_errors_have_lines(project: Project) -> None:
    """An error takes back what the file did before it, and is told with the file's line."""
    script(project, ["create table kept (x integer)"], ["create table gone (x integer);\n\nselect n\nfrom absent"])
    assert "q1_0.sql:4: step step 1" in project.run(code=6).err
    schema = "main" if project.duckdb else "public"
    assert project.db.has_table(f"{schema}.kept")
    assert not project.db.has_table(f"{schema}.gone")


@pytest.mark.parametrize("text", ["begin; insert into a values (1)", "begin transaction;\n insert into a values (1);"])
def test_a_script_that_leaves_a_transaction_open(project: Project, text: str) -> None:
    """It fails: its work would be lost at the end of the session."""
    script(project, ["create table a (x integer)"], [text])
    assert "ends within a transaction that it began" in project.run(code=6).err
    assert project.rows("select x from a") == []


def test_from_step(project: Project) -> None:
    """A plain script can be taken up at a step; with a source that is refused, since it always starts at the first."""
    script(project, ["create table a (x integer)"], ["insert into a values (1)"])
    project.run()
    project.run("--from-step", "step 1")
    assert project.rows("select x from a") == [(1,), (1,)]
    assert "its steps are step 0, step 1" in project.run("--from-step", "nothing", code=2).err
    project.source, project.top = {"table": "atomic.events", "batch": "etl_tstamp"}, {}
    project.standard("totals")
    assert "playbooks without a source" in project.run("--from-step", "x", code=2).err


@pytest.mark.parametrize("threads", ["1", "2", "4"])
def test_queries_of_a_step_run_beside_each_other(project: Project, threads: str) -> None:
    """All of a step before the next one, with any number of threads."""
    first = [f"create table t{n} as select {n} as x" for n in range(5)]
    union = " union all ".join(f"select x from t{n}" for n in range(5))
    script(project, first, [f"create table total as select sum(x) as x from ({union}) q"])
    project.run("--threads", threads)
    assert project.one("select x from total") == 10


def test_siblings_finish_when_one_fails(project: Project) -> None:
    """The other queries of the step are not torn down; later steps do not start."""
    texts = ["insert into nowhere values (1)", *(f"create table t{n} (x integer)" for n in range(3))]
    script(project, texts, ["create table later (x integer)"])
    said = project.run("--threads", "4", code=6)
    assert "step step 0" in said.err
    assert "q0_0.sql" in said.err
    assert project.db.has_table("main.t2" if project.duckdb else "public.t2")
    assert not project.db.has_table("main.later" if project.duckdb else "public.later")


def test_siblings_finish_when_more_fail_than_there_are_threads(project: Project) -> None:
    """A failed query costs the step no thread: the others are all run."""
    texts = ["insert into nowhere values (1)"] * 2 + [f"create table t{n} (x integer)" for n in range(3)]
    script(project, texts)
    project.run("--threads", "2", code=6)
    assert project.db.has_table("main.t2" if project.duckdb else "public.t2")


def test_a_playbook_without_steps(project: Project) -> None:
    """Exit 8, as SQL Runner's operators know it."""
    project.run(code=8)
