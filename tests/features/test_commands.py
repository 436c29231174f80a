"""The other commands on every engine: plan, rewind, status, history, verify, check, render, unlock; JSON lines."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from runner.cli.app import main
from tests.engines.db import ALL
from tests.kit.project import SESSIONS, Project, project_fixture  # noqa: F401


def start(project: Project, *names: str) -> None:
    """Published: two batches, three sessions, two users."""
    project.standard(*(names or ("sessions", "users", "totals")))
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.add(1, "s1 u1 3", "s3 u2 64")
    project.checked()


# -- plan ----------------------------------------------------------------------------------------------------------


def test_plan_says_what_a_run_would_do(project: Project) -> None:
    """Pending batches and why, affected keys, upper bounds below, full builds first; it changes nothing."""
    project.standard("sessions", "users")
    project.add(0, "s1 u1 1")
    assert "built in full  new" in project.command("plan").out
    assert not project.db.has_table("runner.manifest")
    project.run()
    project.standard("totals")
    project.add(1, "s1 u1 1", "s2 u2 2")
    said = project.command("plan").out
    assert said == project.run("--dry-run").out
    assert "1 pending batch (1 new), 2 events" in said
    assert "derived.sessions  recomputed     2 keys" in said
    assert "derived.users     recomputed     at most 4 keys" in said
    assert "derived.totals    built in full  new" in said
    assert project.manifest() == {0: 1}
    assert "left out" in project.command("plan", "--model", "sessions").out
    assert "--full-refresh" in project.command("plan", "--full-refresh").out
    assert "1 new ones left for later" in project.command("plan", "--until", "2024-03-01T01:00").out


def test_plan_knows_what_is_owed(project: Project) -> None:
    """A run that has only owed keys to do is not called one with nothing to do."""
    start(project)
    project.add(2, "s1 u2 0")
    project.run("--model", "sessions")
    said = project.command("plan").out
    assert "nothing to do" not in said
    assert "derived.users" in said
    project.checked()


# -- rewind --------------------------------------------------------------------------------------------------------


def test_rewind_then_run_is_a_full_rebuild(project: Project) -> None:
    """Batches in [since, until) become pending; readers see no gap; the next run mends what is wrong in them."""
    start(project)
    project.db.execute("update derived.sessions set events = 50; update derived.users set events = 50")
    assert (
        "would rewind 1 batches, 2 events" in project.command("rewind", "--since", "2024-03-01T01:00", "--dry-run").out
    )
    assert "nothing to do" in project.run().out
    said = project.command("rewind", "--since", "2024-03-01", "--until", "2024-03-01 01:00:00")
    assert "rewound 1 batches, 2 events" in said.out
    assert project.one("select min(events) from derived.sessions") == 50
    assert "1 rewound" in project.run().out
    assert project.rows("select domain_sessionid, events from derived.sessions") == [("s1", 2), ("s2", 1), ("s3", 50)]
    project.command("rewind", "--since", "2024-03-01T02:00+01:00")
    project.checked()
    assert "no processed batches" in project.command("rewind", "--since", "2025-01-01").out


def test_rewind_by_a_column(project: Project) -> None:
    """`--by`: the batches that hold events with the column in the range."""
    start(project)
    project.db.execute("update derived.sessions set events = 50")
    project.command("rewind", "--since", "2024-03-01T01:00", "--by", "Collector_Tstamp")
    assert "1 rewound" in project.run().out
    assert project.rows("select domain_sessionid, events from derived.sessions") == [("s1", 2), ("s2", 50), ("s3", 1)]
    assert "no such column" in project.command("rewind", "--since", "2024-03-01", "--by", "nothing", code=2).err


@pytest.mark.parametrize("model", ["sessions", "users", "days", "totals"])
def test_rewind_of_one_model(project: Project, model: str) -> None:
    """`--model`: its keys alone are recomputed, also those of a model two levels down; nothing else is."""
    select = (
        "select cast(first_seen as date) as day, count(*) as n, sum(events) as events from derived.users group by 1"
    )
    project.model("days", select, key={"day": "cast(first_seen as date)"})
    start(project)
    for table, column in (("sessions", "events"), ("users", "events"), ("days", "n"), ("totals", "events")):
        project.db.execute(f"update derived.{table} set {column} = {column} + 50")
    project.command("rewind", "--since", "2024-03-01", "--model", model)
    assert "owes" in project.command("status").out
    project.run()
    project.same(model)
    if model in ("users", "days"):
        assert project.one("select min(events) from derived.sessions") > 50


def test_rewind_before_the_first_run(project: Project) -> None:
    """There is nothing to rewind, and it says what to do."""
    project.standard("sessions")
    assert "has not run here yet" in project.command("rewind", "--since", "2024-03-01", code=6).err
    assert "not a time" in project.command("rewind", "--since", "yesterday", code=2).err


# -- status and history ---------------------------------------------------------------------------------------------


def test_status_and_history(project: Project) -> None:
    """What is processed, pending and owed; the runs that did it, the failed ones too."""
    project.standard("sessions")
    assert "has not run here yet" in project.command("status").out
    assert "has not run here yet" in project.command("history").out
    start(project, "sessions")
    project.add(2, "s1 u1 9")
    said = project.command("status").out
    assert "atomic.events  2        4       2024-03-01 01:00:00  0" in said
    assert "1 pending batch (1 new), 1 events" in said
    project.models["sessions"]["checks"] = ["events < 3"]
    project.run("--run-id", "failing", code=6)
    said = project.command("history", "--limit", "1").out
    assert "failing" in said
    assert "is not true" in said


# -- verify --------------------------------------------------------------------------------------------------------

GHOST = """insert into derived.sessions select 'ghost', domain_userid, start_tstamp, end_tstamp, events
from derived.sessions where domain_sessionid = 's1'"""
PLANTED = [
    ("update derived.sessions set events = 7 where domain_sessionid = 's2'", "domain_sessionid=s2"),
    (
        GHOST,
        "domain_sessionid=ghost",
    ),
    (
        "insert into derived.sessions select * from derived.sessions where domain_sessionid = 's3'",
        "domain_sessionid=s3",
    ),
    ("delete from derived.users where domain_userid = 'u2'", "domain_userid=u2"),
    ("update derived.totals set events = 5", "events: stored=5, recomputed=4"),
    (
        "update runner.manifest set event_count = 3 where etl_tstamp = timestamp '2024-03-01 01:00'",
        "2024-03-01 01:00:00",
    ),
]


@pytest.mark.parametrize(("plant", "named"), PLANTED)
def test_verify_finds_what_was_planted(project: Project, plant: str, named: str) -> None:
    """One row off, a ghost, a duplicate, a missing row, a count that is not true: exit 9, and the key is named."""
    start(project)
    assert "every row compared equals" in project.command("verify").out
    project.db.execute(plant)
    assert named in project.command("verify", code=9).out


def test_verify_of_a_wrong_count_after_the_source_moved(project: Project) -> None:
    """A manifest row that was tampered with is named, also where it makes the batch look changed."""
    start(project)
    project.db.execute("delete from runner.manifest where etl_tstamp = timestamp '2024-03-01 00:00'")
    assert "2024-03-01 00:00:00" in project.command("verify", code=9).out


def test_verify_skips_what_cannot_be_right_yet(project: Project) -> None:
    """Keys of batches that changed since are skipped and counted; new batches are not read."""
    start(project)
    project.add(1, "s3 u2 90")
    project.add(2, "s9 u9 90")
    said = project.command("verify").out
    assert "derived.sessions   equal; 1 row compared, 2 keys wait for the next run" in said
    assert "skipped: its inputs changed" in said
    project.command("rewind", "--since", "2024-03-01")
    assert project.command("verify").code == 0


def test_verify_of_one_model_and_of_a_sample(project: Project) -> None:
    """`--model` and `--sample N` look at less."""
    start(project)
    project.db.execute("update derived.sessions set events = 7")
    project.command("verify", "--model", "totals")
    project.command("verify", "--model", "sessions", code=9)
    assert "1 key of derived.sessions" in project.command("verify", "--model", "sessions", "--sample", "1", code=9).err
    project.standard("sessions")
    project.name = "nothing"
    assert "has not published anything" in project.command("verify", code=6).err


# -- check, render, unlock --------------------------------------------------------------------------------------------


def test_check_and_check_live(project: Project) -> None:
    """All problems at once; `check` does not connect, `--live` asks the catalogue."""
    project.standard("sessions", "totals")
    project.model("other", "select *\nfrom atomic.nothing")
    assert "fine (3 models" in project.command("check").out
    assert "other.sql:2: atomic.nothing: no such table" in project.command("check", "--live", code=2).err
    project.model("sessions", "select domain_sessionid, count(* from atomic.events")
    project.model("totals", "select now() as t from atomic.events group by 1", key="t")
    said = project.command("check", code=2)
    assert "sessions.sql:1" in said.err
    assert "totals.sql" in said.err


def test_check_live_counts_the_events_without_a_key(project: Project) -> None:
    """All of them, by key, where a model takes them for one key; `plan` counts those that are pending."""
    select = "select {} as k, count(*) as n from atomic.events {} group by 1"
    project.model("sessions", select.format("domain_sessionid", ""), key={"k": "domain_sessionid"})
    left_out = "where domain_userid is not null"
    project.model("users", select.format("domain_userid", left_out), key={"k": "domain_userid"})
    project.add(0, "- - 1", "- - 2", "s1 - 3")
    assert "2 of the pending events have no" in project.command("plan").text
    project.run()
    said = project.command("check", "--live").text
    assert "2 events have no" in said
    assert said.count("have no") == 1


ELSEWHERE = {engine: [other for other in ALL if other != engine] for engine in ALL}


def test_render_shows_the_variables_of_the_engine(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A variable by engine is the target's, also where programs are kept; its values of other engines stay secret."""
    monkeypatch.setenv("RUNNER_CACHE", str(tmp_path / "kept"))
    token = dict.fromkeys(("duckdb", "postgres", "redshift", "snowflake"), "secret-of-all")
    token |= {"duckdb": "secret-of-duck", "postgres": "secret-of-post"}
    project.top["variables"] = {"site": {"default": "here", "postgres": "there"}, "api_token": token}
    select = "select domain_sessionid, '{{ site }}' as site from atomic.events where page_url <> '{{ api_token }}'"
    project.model("s", select, key="domain_sessionid")
    words = {"duckdb:///x.duckdb": "here", "postgresql://u@nowhere/x": "there"}
    for target in [*words, *words]:
        said = project.command("render", "--target", target).text
        assert f"'{words[target]}' as site" in said
        assert "secret-of" not in said
    project.top["variables"] = {"site": dict.fromkeys(ELSEWHERE[project.db.engine], "cold"), "api_token": token}
    said = project.command("check", code=2).text
    assert "web.yml:" in said
    assert f"the variable 'site' has no value for {project.db.engine}" in said
    project.add(0, "s1 u1 1")
    project.run("--var", "site=given")
    assert project.rows("select site from derived.s") == [("given",)]


def test_render_shows_the_sql_without_secrets(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables are filled in; nothing connects."""
    monkeypatch.setenv("PGPASSWORD", "secret")
    project.top["variables"] = {"least": 3}
    project.model("sessions", SESSIONS + "having count(*) > {{ least }}", key="domain_sessionid")
    connected: list[str] = []
    project.watch = lambda when, label, sql: connected.append(label)
    said = project.command("render", "--var", "least=7", "--target", "postgresql://u:${PGPASSWORD}@nowhere/x")
    assert "having count(*) > 7" in said.out
    assert "secret" not in said.text
    assert not connected


def test_unlock(project: Project) -> None:
    """It says whose lease it broke; the version goes up, so that the holder cannot publish."""
    project.standard("sessions")
    assert "has not run here yet" in project.command("unlock").out
    project.run()
    before = project.one(f"select version from {project.fence}")
    assert "no run held the lease" in project.command("unlock").out
    assert project.one(f"select version from {project.fence}") == before + 1


# -- JSON and exit codes ----------------------------------------------------------------------------------------------


def lines(text: str) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines(project: Project) -> None:
    """Every command speaks one JSON object a line, the error too."""
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    found = lines(project.run("--json").out)
    assert [line["event"] for line in found if line["event"] != "staging"] == [
        "started",
        "pending_batches",
        "building",
        "model_done",
        "published",
    ]
    assert lines(project.command("status", "--json").out)[0]["batches"] == 1
    assert lines(project.command("plan", "--json").out)
    assert lines(project.command("verify", "--json").out)[0] == {
        "event": "compared_model",
        "table": "derived.sessions",
        "row_count": 1,
        "skipped_count": 0,
        "differing_count": 0,
        "follows": [],
        "note": "",
        "compared": True,
        "counted": "key",
    }
    project.model("sessions", "select 1 as x from nowhere.at_all")
    error = lines(project.run("--json", code=2).out)[-1]
    assert (error["event"], error["exit_code"]) == ("error", 2)


class Closed(io.StringIO):
    """The pipe to a reader that has gone, as in `runner run … | head -1`."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_run_that_nobody_reads_goes_on(project: Project) -> None:
    """Exit 0 always means that it was done."""
    start(project, "sessions")
    project.add(2, "s9 u9 9")
    assert main(["run", str(project.write())], out=Closed()) == 0
    project.check()


def test_usage_errors(project: Project) -> None:
    """Exit 2 with a hint, before anything is connected."""
    start(project, "sessions")
    for args in (
        ["--nothing"],
        ["--var", "x"],
        ["--var", "x=1"],
        ["--model", "sesions"],
        ["--run-id", "a b"],
        ["--until", "soon"],
    ):
        assert "hint" in project.run(*args, code=2).err


def test_a_warehouse_that_is_not_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 5, without the password."""
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("RUNNER_CONNECT_S", "0")
    project.standard("sessions")
    gone = "duckdb:////proc/nothing/x.duckdb" if project.duckdb else "postgresql://u:${PGPASSWORD}@127.0.0.1:1/x"
    said = project.run("--target", gone, code=5)
    assert "cannot" in said.err
    assert "secret" not in said.text


def test_statement_timeout(project: Project) -> None:
    """A statement that takes longer than `statement_timeout_s` is cancelled: exit 6, nothing published."""
    project.top["statement_timeout_s"] = 0.5
    numbers = "(select 0 as n union all select 1 union all select 2 union all select 3 union all select 4)"
    all_pairs = ", ".join(f"{numbers} a{place}" for place in range(14))  # 6,000 million
    slow = f"max(md5(cast({' + '.join(f'a{place}.n' for place in range(14))} as varchar(20)))) as x from {all_pairs}"
    project.sql("slow.sql", f"create table {{{{ scratch }}}}.x as select {slow}")
    project.top["steps"] = [{"name": "slow", "queries": ["slow.sql"]}]
    project.add(0, "s1 u1 1")
    said = project.run(code=6)
    assert "took longer than 0.5 s and was cancelled" in said.err
    assert "nothing was published" in said.err
    project.sql("slow.sql", "select 1")
    project.run()
