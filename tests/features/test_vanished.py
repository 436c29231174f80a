"""Whole batches that are gone from the source, on every engine: stop, retract, or keep what was made of them."""

from __future__ import annotations

from tests.kit.project import SESSIONS, Project, project_fixture  # noqa: F401

PAGES = "select page_url, count(*) as n from atomic.events group by page_url"


def start(project: Project, vanished: str | None = None) -> None:
    """Three batches; session s1 has events in two of them."""
    project.standard("sessions", "users")
    if vanished:
        project.source["vanished"] = vanished
    project.add(0, "s1 u1 1", "s2 u2 2")
    project.add(1, "s1 u1 3", "s3 u3 4")
    project.add(2, "s4 u2 5")
    project.checked()


def test_stop_publishes_nothing(project: Project) -> None:
    """The default: the run stops, tables and manifest stay; `--retract` is the user's word for once."""
    start(project)
    project.drop(1)
    project.add(3, "s9 u9 9")
    said = project.run(code=6)
    assert "2024-03-01 01:00:00" in said.err
    assert "--retract" in said.err
    assert project.manifest() == {0: 2, 1: 2, 2: 1}
    assert project.one("select count(*) from derived.sessions") == 4
    assert "would stop at the vanished batches" in project.command("plan").out
    project.checked("--retract")
    assert project.manifest() == {0: 2, 2: 1, 3: 1}


def test_retract_takes_the_rows_out(project: Project) -> None:
    """Keys that lived in the batch alone go, others are recomputed, in the models below too."""
    start(project, "retract")
    project.drop(1)
    assert "1 vanished" in project.checked().out
    assert project.manifest() == {0: 2, 2: 1}


def test_a_vanished_a_new_and_a_changed_batch_in_one_run(project: Project) -> None:
    """All reasons at once, with `--until` and `--chunk`, which leave only new batches for later."""
    start(project, "retract")
    project.drop(0)
    project.add(1, "s1 u3 6")
    project.add(3, "s2 u1 7")
    project.add(4, "s2 u1 8")
    project.run("--until", "2024-03-01T04:00")
    assert project.manifest() == {1: 3, 2: 1, 3: 1}
    project.drop(2)
    project.add(5, "s4 u4 8")
    project.checked("--chunk", "1")
    assert project.manifest() == {1: 3, 3: 1, 4: 1, 5: 1}


def test_everything_vanishes(project: Project) -> None:
    """An emptied source empties the models, if that is what the user wants."""
    start(project)
    project.db.execute("delete from atomic.events")
    project.run(code=6)
    project.checked("--retract")
    assert project.manifest() == {}
    project.add(0, "s1 u1 1")
    project.checked()


def test_a_batch_that_comes_back(project: Project) -> None:
    """Once retracted, a batch is new when it is there again."""
    start(project, "retract")
    project.drop(1)
    project.checked()
    project.add(1, "s1 u1 3")
    assert "1 new" in project.checked().out


def test_rewound_batches_that_vanish(project: Project) -> None:
    """A rewind forgets nothing: the keys of rewound batches that are gone are still known."""
    start(project, "retract")
    project.command("rewind", "--since", "2024-03-01")
    project.drop(1)
    project.checked()


def test_keep_freezes_keys_whose_history_is_gone(project: Project) -> None:
    """Retention: rows made of dropped batches stay as they are, even when more events of their keys arrive."""
    start(project, "keep")
    before = project.rows("select * from derived.sessions where domain_sessionid in ('s1', 's3')")
    project.drop(1)
    project.add(3, "s1 u1 100", "s2 u2 50", "s5 u5 5")
    project.run()
    assert project.rows("select * from derived.sessions where domain_sessionid in ('s1', 's3')") == before
    counted = "select domain_sessionid, events from derived.sessions"
    assert project.rows(counted) == [("s1", 2), ("s2", 2), ("s3", 1), ("s4", 1), ("s5", 1)]
    project.same("users")
    assert project.manifest() == {0: 2, 1: 2, 2: 1, 3: 3}
    assert "nothing to do" in project.run().out
    assert "2" in project.command("verify").out


def test_keep_holds_frozen_keys_through_full_builds(project: Project) -> None:
    """Another definition or `--full-refresh` rebuilds what can be rebuilt; frozen keys keep their rows."""
    start(project, "keep")
    project.drop(1)
    project.model("sessions", SESSIONS.replace("count(*)", "10 * count(*)"))
    project.run()
    counted = "select domain_sessionid, events from derived.sessions"
    assert project.rows(counted) == [("s1", 2), ("s2", 10), ("s3", 1), ("s4", 10)]
    project.same("users")
    project.run("--full-refresh")
    assert project.rows(counted) == [("s1", 2), ("s2", 10), ("s3", 1), ("s4", 10)]


def test_keep_with_a_new_model(project: Project) -> None:
    """A model that comes after batches were dropped is made of what is left, and `verify` takes that for right."""
    start(project, "keep")
    project.drop(1)
    project.run()
    project.model("pages", PAGES, key="page_url")
    project.run()
    project.same("pages")
    assert project.command("verify").code == 0
    project.add(3, "s2 u2 50")
    project.run()
    project.same("pages")
    assert project.command("verify").code == 0


def test_keep_needs_a_key(project: Project) -> None:
    """A model without a key would lose the dropped rows, so it is refused before anything runs."""
    project.source["vanished"] = "keep"
    project.standard("totals")
    said = project.run(code=2)
    assert "has no key, so it cannot keep the rows" in said.err
