"""Full builds on every engine: new, changed and left-behind models, keys that are owed, dropped tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.project import SESSIONS, TOTALS, Project, project_fixture, start  # noqa: F401


def test_full_refresh_mends_what_was_broken_by_hand(project: Project) -> None:
    """`--full-refresh` builds in full, pending batches or not; `--model` limits it to that model."""
    start(project)
    project.db.execute("update derived.sessions set events = 9; update derived.users set events = 9")
    project.run("--full-refresh", "--model", "derived.users")
    assert project.rows("select sum(events) from derived.users") == [(27,)]
    project.checked("--full-refresh")


def test_left_out_models_owe_their_keys(project: Project) -> None:
    """`--model` takes a model and what it reads; the others catch up with the next run that takes them."""
    start(project)
    project.add(2, "s1 u2 0", "s3 u1 4")
    project.run("--model", "sessions")
    project.same("sessions")
    assert project.one("select events from derived.totals") == 4
    project.add(3, "s9 u9 9")
    project.run("--model", "derived.sessions")
    project.same("sessions")
    assert "derived.users owes keys" in project.command("status").out
    assert project.command("verify").code == 0
    project.run("--model", "sessions")  # nothing new: nothing is forgotten either
    assert "derived.users owes keys" in project.command("status").out
    project.db.execute("update derived.users set events = 99 where domain_userid = 'u1'")
    assert project.command("verify").code == 0, "u1 is owed: its row is to be another one soon"
    assert "users" in project.checked().out
    assert "owes" not in project.command("status").out


def test_a_model_left_out_twice_forgets_nothing(project: Project) -> None:
    """What it owes since the first time it still owes after a publish that brings it no new keys."""
    project.model("pages", "select page_url, count(*) as n from atomic.events group by page_url", key="page_url")
    start(project)
    project.add(2, "s1 u1 9")
    project.run("--model", "sessions")
    project.add(3, "s9 u9 9")
    project.run("--model", "pages")
    assert "derived.users owes keys" in project.command("status").out
    project.checked()
    assert "owes" not in project.command("status").out


def test_verify_looks_at_the_keys_that_are_not_owed(project: Project) -> None:
    """A model that owes one key is compared in all others."""
    start(project)
    project.add(2, "s1 u1 9")
    project.run("--model", "sessions")
    assert "derived.users owes keys" in project.command("status").out
    project.db.execute("update derived.users set events = 99 where domain_userid = 'u2'")
    assert "domain_userid=u2: events: stored=99" in project.command("verify", code=9).out


def test_ancestors_are_taken_with_a_model(project: Project) -> None:
    """`--model users` brings sessions up to date too, and leaves totals behind."""
    start(project)
    project.add(2, "s1 u2 0")
    project.run("--model", "users")
    project.same("sessions")
    project.same("users")
    assert project.one("select events from derived.totals") == 4
    project.checked()


def test_a_model_left_behind_is_built_in_full(project: Project) -> None:
    """A model that was not in the playbook for a run cannot know what it missed."""
    start(project)
    users = project.models.pop("users")
    project.add(2, "s1 u2 0")
    project.run()
    project.models["users"] = users
    assert "users          built in full: it missed a published run" in project.checked().out


def test_a_changed_definition_is_built_in_full(project: Project) -> None:
    """Another SELECT is another model, pending batches or not; comments, case and layout do not count."""
    start(project)
    project.model("sessions", "-- sessions\n" + SESSIONS.replace("select", "SELECT\n  "))
    assert "nothing to do" in project.run().out
    project.model("sessions", SESSIONS.replace("min(domain_userid)", "max(domain_userid)"))
    assert "sessions       built in full: its definition changed" in project.checked().out


def test_a_key_of_another_type(duckdb_url: str, postgres_url: str, tmp_path: Path) -> None:
    """The key index is made anew with it: in the old type '01' would be 1, and what is no number would stop every run."""
    for number, url in enumerate((duckdb_url, postgres_url)):
        project = Project(url, tmp_path / f"project{number}", source={"table": "atomic.rows", "batch": "ts"})
        project.db.execute("create table atomic.rows (id integer, ts timestamp)")
        project.db.execute("insert into atomic.rows values (1, timestamp '2024-01-01'), (2, timestamp '2024-01-02')")
        project.model("m", "select id, count(*) as n from atomic.rows group by id", key="id")
        project.checked()
        project.db.execute("alter table atomic.rows alter column id type varchar(9)")
        project.db.execute(
            "insert into atomic.rows values ('01', timestamp '2024-01-03'), ('x', timestamp '2024-01-03')"
        )
        project.run("--full-refresh", "--model", "derived.m")
        assert project.rows("select id, n from derived.m") == [("01", 1), ("1", 1), ("2", 1), ("x", 1)]
        project.db.execute("delete from atomic.rows where id = '01'")
        project.run()
        assert project.rows("select id, n from derived.m") == [("1", 1), ("2", 1), ("x", 1)]
        assert project.command("verify").code == 0
        project.close()


def test_on_change_stop_asks_before(project: Project) -> None:
    """With `on_change: stop` a changed definition needs the user's word."""
    start(project)
    project.model("sessions", SESSIONS.replace("count(*)", "count(*) + 0"), on_change="stop")
    assert "--full-refresh --model derived.sessions" in project.run(code=6).err
    project.checked("--full-refresh", "--model", "derived.sessions")


@pytest.mark.parametrize("change", ["key", "dedupe", "batch", "order_by"])
def test_changed_keys_and_sources_are_built_in_full(project: Project, change: str) -> None:
    """The key, dedupe and batch of the source are part of a model's definition."""
    project.source["dedupe"] = ["event_id", "domain_sessionid", "domain_userid"]
    start(project)
    project.add(1, "s3 u2 61 e3", "s3 u2 61 e4")
    if change == "key":
        project.model(
            "sessions",
            SESSIONS.replace("domain_sessionid,", "page_url as domain_sessionid,").replace(
                "by domain_sessionid", "by page_url"
            ),
            key={"domain_sessionid": "page_url"},
        )
        project.source["dedupe"].append("page_url")
    elif change == "dedupe":
        project.source["dedupe"].append("page_url")
    elif change == "order_by":
        project.source["order_by"] = ["collector_tstamp"]
    else:
        project.source["batch"] = "date_trunc('day', etl_tstamp)"
        project.source["vanished"] = "retract"
    assert "built in full: its definition changed" in project.run().out
    assert project.command("verify").code == 0
    project.add(2, "s3 u2 62", "s1 u7 0")
    project.run()
    assert project.command("verify").code == 0


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_removed_model_that_comes_back(project: Project, rounds: int) -> None:
    """Its key index was not kept up while it was away, and is not trusted again."""
    project.model("pages", "select page_url, count(*) as n from atomic.events group by 1", key="page_url")
    start(project, "sessions")
    pages = project.models.pop("pages")
    project.source["vanished"] = "retract"
    for batch in range(2, 2 + rounds):
        project.add(batch, "s1 u1 7 x /away", "s6 u6 7 y /gone")
        project.run()
    project.models["pages"] = pages
    project.checked()
    project.drop(2)
    project.checked()


def test_a_table_dropped_by_hand_is_made_again(project: Project) -> None:
    """And whatever is built on it is built again, since nobody can tell what was in it."""
    start(project)
    project.db.execute("drop table derived.sessions")
    assert "users          built in full" in project.checked().out
    project.db.execute("drop table derived.sessions")
    project.add(2, "s3 u1 9")
    project.run("--model", "sessions")
    project.checked()


def test_a_model_two_levels_down_that_missed_twice(project: Project) -> None:
    """Keys owed by a model gather over several runs, through models that were left out themselves."""
    project.model(
        "days",
        "select cast(first_seen as date) as day, count(*) as n from derived.users group by 1",
        key={"day": "cast(first_seen as date)"},
    )
    start(project)
    project.add(2, "s3 u1 1500", "s9 u9 9")
    project.run("--model", "sessions")
    project.add(3, "s1 u2 3000")
    project.run("--model", "sessions")
    project.run("--model", "users")
    project.same("users")
    project.checked()


@pytest.mark.parametrize("how", [TOTALS, "select * from atomic.events"])
def test_full_models_publish_only_what_changed(project: Project, how: str) -> None:
    """A model without a key is rebuilt on every run; if it came out the same, its table is not touched."""
    project.model("totals", how)
    project.add(0, "s1 u1 1")
    project.checked()
    written: list[str] = []
    project.watch = lambda when, label, sql: written.append(label)
    project.command("rewind", "--since", "2024-01-01")
    project.checked()
    assert "publish:insert:derived.totals" not in written
    project.add(1, "s1 u1 1")
    project.checked()
    assert "publish:insert:derived.totals" in written


def test_schemas_are_renamed_for_another_environment(project: Project) -> None:
    """`schemas:` renames the schemas of owned tables: dev beside prod from one file, each with its own state."""
    start(project)
    project.top = {"schemas": {"derived": "dev"}, "state_schema": "runner_dev"}
    project.add(2, "s3 u1 5")
    project.run()
    assert project.one("select count(*) from dev.users") == 1
    assert project.one("select count(*) from derived.users") == 2
    project.top = {}
    project.checked()
    assert project.rows("select * from dev.users") == project.rows("select * from derived.users")
