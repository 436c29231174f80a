"""What a run does with the verdict of a trial, and that a trial leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

import runner
from runner.warehouse.engines import DUCKDB
from tests.kit.project import Project

EVENTS = "select event_id, max(collector_tstamp) as ts, max(domain_userid) as u from atomic.events group by event_id"
ROLLING = """with d as (select distinct ts::date as day from derived.ev)
select d.day, count(distinct e.u) as users from d join derived.ev e on e.ts::date > d.day - 7 and e.ts::date <= d.day
group by d.day"""
BY_HAND = [{"input": "derived.ev", "keys": "select distinct ts::date as day from changed"}]
RIGHT = "select domain_sessionid, count(*) as n from atomic.events group by domain_sessionid"


@pytest.fixture(name="project")
def project_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project on DuckDB whose new models are tried."""
    monkeypatch.setenv("RUNNER_TRIAL", "30")
    patient = replace(DUCKDB, trial_s=30.0)  # a busy machine is no reason to stop
    monkeypatch.setattr("runner.warehouse.duckdb.DUCKDB", patient)
    made = Project(f"duckdb:///{tmp_path}/web.duckdb", tmp_path / "project")
    made.add(0, "s1 u1 1", "s1 u1 2", "s2 u1 3")
    yield made
    made.close()


def _wrong(project: Project, **more: object) -> None:
    project.model("ev", EVENTS, key="event_id")
    project.model("days", ROLLING, key="day", affected=BY_HAND, **more)


def test_a_new_definition_that_fails_is_refused_with_its_rows(project: Project) -> None:
    """Exit 2, for run and plan (and check --live) alike: the rows, what the increments make of them, what the SELECT gives."""
    _wrong(project)
    for command in (["plan"], ["run"]):
        said = project.command(*command, code=2)
        assert "days.sql" in said.err
        assert "tried with made-up rows, derived.days fails" in said.err
        assert "atomic.events (event_id, " in said.err
        assert "the SELECT gives:" in said.err
        assert "leave `key` out" in said.err
    assert project.one("select count(*) from duckdb_tables() where schema_name = 'derived'") == 0
    assert project.rows("select database_name from duckdb_databases() where not internal") == [("web",)]
    assert project.one("select count(*) from atomic.events") == 3


def test_one_that_its_author_answers_for_is_published_with_a_note(project: Project) -> None:
    """`unproven: true` makes the refusal a warning, which is given once."""
    _wrong(project, unproven=True)
    assert "it is unproven, and would be published all the same" in project.command("plan").text
    assert "it is unproven, and published all the same" in project.run().text
    project.add(1, "s9 u1 3")
    assert "made-up rows" not in project.run().text


def test_one_that_was_published_untried_stops_the_next_run(project: Project) -> None:
    """Exit 6: the table stays as it is, and the batches that wait are still pending."""
    _wrong(project, unproven=True)
    project.top["trial"] = "off"
    project.run()
    before = project.rows("select * from derived.days")
    project.add(1, "s9 u7 3")
    project.top.clear()
    del project.models["days"]["unproven"]
    said = project.run(code=6)
    assert "its table was published untried" in said.err
    assert "nothing was published" in said.err
    assert project.rows("select * from derived.days") == before
    assert project.manifest() == {0: 3}


def test_what_its_author_answered_for_has_not_passed(project: Project) -> None:
    """What was noted of a model while it was `unproven` counts no longer where that is taken away."""
    _wrong(project, unproven=True)
    project.run()
    del project.models["days"]["unproven"]
    project.top["trial"] = "off"
    assert "nothing has shown that it names every key: trials are off" in project.run(code=2).err


def test_keys_told_by_hand_are_tried_or_answered_for(project: Project) -> None:
    """`affected:` without `unproven: true` is refused where no trial has shown it right; one that passed is remembered."""
    project.model("ev", EVENTS, key="event_id")
    seven = "select distinct (ts::date + i::int) as day from changed, range(7) as t(i)"
    project.model("days", ROLLING, key="day", affected=[{"input": "derived.ev", "keys": seven}])
    project.top["trial"] = "off"
    for command in (["plan"], ["run"]):
        said = project.command(*command, code=2)
        assert "derived.days: its `affected:` is told by hand" in said.err
        assert "write `unproven: true` if you know why it does" in said.err
    project.top.clear()
    project.run()
    project.top["trial"] = "off"
    project.add(1, "s9 u7 9000")
    project.command("run", "--full-refresh")
    project.add(2, "s9 u8 12000")
    project.checked()


def test_what_has_passed_is_not_tried_again_until_it_changes(project: Project) -> None:
    """The verdict is kept beside the model's row, whatever else is published; another definition has none."""
    tried: list[str] = []
    project.watch = lambda when, label, text: tried.append(label) if label.startswith("trial:") else None
    project.model("m", RIGHT, key="domain_sessionid")

    def tries() -> bool:
        tried.clear()
        project.checked()
        return bool(tried)

    assert tries()
    assert not tries()
    for batch in (1, 2, 3):  # each writes the model's row anew
        project.add(batch, "s9 u7 3")
        assert not tries()
    tried.clear()
    project.command("run", "--full-refresh")
    project.top["trial"] = "off"
    project.add(4, "s9 u7 4")
    project.checked()
    del project.top["trial"]
    assert not tried
    assert not tries()
    project.model("m", RIGHT.replace("count(*)", "count(page_url)"), key="domain_sessionid")
    assert tries()
    assert not tries()
    project.top["trial"] = "off"
    project.model("m", RIGHT.replace("count(*)", "count(domain_userid)"), key="domain_sessionid")
    project.checked()
    del project.top["trial"]
    assert tries(), "it was published untried; nothing is pending, and that it has passed is noted all the same"
    assert not tries()


def test_what_made_up_rows_do_not_fit_is_published_and_said_so(project: Project) -> None:
    """A SELECT that fails on all rows that are made up is not called passed."""
    project.model("m", RIGHT.replace("count(*)", "max(cast(page_url[2:] || '-1' as date))"), key="domain_sessionid")
    project.db.execute("update atomic.events set page_url = '/2024-01'")
    said = project.run()
    assert "derived.m could not be tried with made-up rows, and published untried" in said.text
    project.add(1, "s9 u7 3 e9 /2024-02")
    assert "made-up" not in project.run().text
    project.check()


def test_a_source_of_files_and_a_database_of_its_own_are_tried_too(project: Project, tmp_path: Path) -> None:
    """Where rows are read from does not matter: their columns are copied."""
    project.db.execute(f"copy atomic.events to '{tmp_path}/e.parquet'; drop table atomic.events")
    project.source["files"] = [f"{tmp_path}/*.parquet"]
    _wrong(project)
    assert "atomic.events (event_id, " in project.run(code=2).err


def test_a_view_is_read_without_copies(project: Project) -> None:
    """A source that is a view has survivors as well: what its increments leave out is no difference."""
    project.db.execute("create view atomic.seen as select * from atomic.events")
    project.source |= {
        "table": "atomic.seen",
        "dedupe": ["event_id", "domain_sessionid"],
        "order_by": ["collector_tstamp"],
    }
    for name in ("m1", "m2", "m3", "m4"):
        project.model(
            name, RIGHT.replace("atomic.events", "atomic.seen").replace(" n ", f" {name} "), key="domain_sessionid"
        )
    assert "made-up" not in project.run().text


def test_nobody_elses_database_is_detached(tmp_path: Path) -> None:
    """The databases of a trial have names that nobody else has."""
    with duckdb.connect(str(tmp_path / "web.duckdb")) as connection:
        connection.execute("attach ':memory:' as runner_trial; create table runner_trial.mine as select 1 as a")
        connection.execute("create schema atomic; create table atomic.events (k varchar, t timestamp)")
        connection.execute("insert into atomic.events values ('a', timestamp '2024-01-01')")
        (tmp_path / "m.sql").write_text("select k, count(*) as n from atomic.events group by k")
        text = "source: {table: atomic.events, batch: t}\nmodels: [{table: main.m, sql: m.sql, key: k}]\ntrial: 10\n"
        (tmp_path / "web.yml").write_text(text)
        assert not runner.run(tmp_path / "web.yml", target=connection).notes
        assert connection.execute("select a from runner_trial.mine").fetchall() == [(1,)]
