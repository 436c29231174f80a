"""Large sources: only the batches are read that hold rows of the affected keys, and what that must not lose."""

from __future__ import annotations

import pytest

from runner.increment import stage
from runner.warehouse.engines import ENGINES
from tests.kit.project import Project, project_fixture, start  # noqa: F401


@pytest.fixture(autouse=True)
def as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size."""
    monkeypatch.setattr(stage, "MANY_EVENTS", 0)
    monkeypatch.setattr(stage, "MOST_BATCHES", 1)


def sent(project: Project, *args: str) -> list[str]:
    """The statements of a run that read the source for sessions."""
    found: list[str] = []
    project.watch = lambda event, label, sql: found.append(sql) if label == "stage:derived.sessions" else None
    project.checked(*args)
    project.watch = None
    return found


def test_only_batches_of_the_keys_are_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine passes over what is not asked for; a small source, or one whose batches nearly all have rows of
    the keys, is read whole.
    """
    start(project)
    for day in range(2, 6):
        project.add(day, f"s{day}0 u{day} {day}")
    project.checked()
    project.add(6, "s1 u1 90")
    skips = ENGINES[project.url.partition(":")[0].replace("postgresql", "postgres")].skips_blocks
    assert ("lying_" in sent(project)[0]) == skips
    monkeypatch.setattr(stage, "MOST_BATCHES", 0.1)
    project.add(7, "s1 u1 91")
    assert "lying_" not in sent(project)[0]
    monkeypatch.setattr(stage, "MANY_EVENTS", 1_000)
    project.add(8, "s1 u1 92")
    assert "lying_" not in sent(project)[0]


def test_rows_that_moved_unseen_are_found_after_a_full_build(project: Project) -> None:
    """A row that goes to another key in a batch whose count stays is seen by a full build, and not lost by the next run."""
    text = "select domain_sessionid, count(*) as events from atomic.events group by domain_sessionid"
    project.model("counts", text, key="domain_sessionid")
    start(project)
    project.add(2, "s8 u8 1", "s7 u7 1")
    project.add(4, "s9 u9 1")
    project.checked()
    project.db.execute("update atomic.events set domain_sessionid = 's9' where domain_sessionid = 's8'")
    project.run("--full-refresh", "--model", "sessions")
    project.same("sessions")
    project.add(3, "s9 u9 2")
    project.run()
    project.same("sessions")


def test_an_index_that_does_not_list_all_batches_is_not_trusted(project: Project) -> None:
    """Emptied or in part: all batches are read then."""
    start(project)
    for n in (2, 3):
        project.add(n, "s1 u1 9")
        keys = project.db.rows("select keys_table from runner.key_index")
        for (name,) in keys:
            some = "" if n == 2 else " where etl_tstamp = (select min(etl_tstamp) from runner.manifest)"
            project.db.execute(f'delete from runner."{name}"{some}')
        project.checked()


def test_rows_without_a_batch_and_keys_that_are_null(project: Project) -> None:
    """Rows without an etl_tstamp lie in no batch that a range could hold, and NULL is a key."""
    project.source["dedupe"] = ["event_id"]
    start(project)
    project.db.execute("update atomic.events set etl_tstamp = null where domain_sessionid = 's1'")
    project.db.execute("update atomic.events set domain_sessionid = null where domain_sessionid = 's2'")
    project.checked()
    project.add(2, "s1 u1 9", "s3 u3 9")
    project.add(3, "s5 u5 8")
    project.db.execute("update atomic.events set domain_sessionid = null where domain_sessionid = 's5'")
    project.checked()
    assert project.command("verify").code == 0


def test_an_increment_makes_no_index_anew(project: Project) -> None:
    """A model without a key is built in full by every run, and reads nothing by an index: none is made anew for it."""
    start(project)
    project.add(2, "s1 u1 90")
    labels: list[str] = []
    project.watch = lambda _, label, sql: labels.append(label)
    project.checked()
    assert "stage:derived.totals" in labels
    assert "freeze:renewed" not in labels


@pytest.mark.parametrize("most", [0, 1])
def test_one_source_in_two_cuts(project: Project, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """A model that reads a source by two keys has a table of batches for each, whether they pay or not."""
    monkeypatch.setattr(stage, "MOST_BATCHES", most)
    project.model(
        "pairs",
        "select a.domain_sessionid, count(*) as n from atomic.events a join atomic.events b"
        " on b.domain_userid = a.domain_sessionid group by a.domain_sessionid",
        key="domain_sessionid",
    )
    start(project)
    project.add(2, "s1 s2 90", "s2 s1 91")
    project.checked()
    project.add(3, "s2 s1 92")
    project.checked()
