"""Events that are gone from batches which are still there, on every engine: most of them stop a run, some are recomputed."""

from __future__ import annotations

import pytest

from tests.kit.project import Project, project_fixture  # noqa: F401


def start(project: Project) -> None:
    """Ten events in three batches."""
    project.standard("sessions", "users")
    for batch, count in enumerate((4, 4, 2)):
        project.add(batch, *(f"s{n} u1 {n}" for n in range(count)))
    project.checked()


def lose(project: Project, *events: int) -> None:
    """The source forgets some of its events."""
    listed = ", ".join(f"'e{number}'" for number in events)
    project.db.execute(f"delete from atomic.events where event_id in ({listed})")


def test_most_of_the_events_are_gone(project: Project) -> None:
    """Six of ten stop the run and nothing is published; rewound batches count too. `--retract` is the user's word for once."""
    start(project)
    project.command("rewind", "--since", "2024-03-01T01:00", "--until", "2024-03-01T02:00")
    lose(project, 1, 2, 3, 5, 6, 7)
    project.add(3, "s9 u9 9")
    said = project.run(code=6).err
    assert "6 of the 10 events of atomic.events in the manifest are gone from batches that are still there" in said
    assert "--retract, or shrank: note" in said
    assert project.manifest() == {0: 4, 1: 4, 2: 2}
    assert "6 of the 10 events" in project.command("plan").out
    assert "6 of the 10 events" in project.run("--full-refresh", code=6).err
    project.checked("--retract")
    assert project.manifest() == {0: 1, 1: 1, 2: 2, 3: 1}
    assert "6 of" not in project.run().text


@pytest.mark.parametrize("way", ["half", "vanished", "note"])
def test_what_does_not_stop(way: str, project: Project) -> None:
    """Half of them, whole batches whose rows may go, and what the playbook says is only to be noted."""
    start(project)
    project.source["vanished"] = "retract"
    if way == "vanished":
        project.drop(0)
        project.drop(1)
        lose(project, 9)
    elif way == "half":
        lose(project, 1, 2, 3, 5, 6)
    else:
        project.source["shrank"] = "note"
        lose(project, 1, 2, 3, 5, 6, 7)
        assert "6 of the 10 events" in project.command("plan").out
    said = project.checked().out
    assert ("6 of the 10 events" in said) == (way == "note")
