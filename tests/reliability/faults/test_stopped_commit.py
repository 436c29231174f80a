"""A signal that meets a run at the COMMIT of its publish: the user hears what readers see."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.session.process import Stop
from tests.engines.db import Db
from tests.kit.project import Project, project_fixture, start  # noqa: F401


def stopped_at(project: Project, when: str, meanwhile: Callable[[], None] = lambda: None) -> str:
    """What a run says that is stopped before or after its COMMIT is sent."""
    project.add(2, "s1 u1 9")

    def stop(now: str, label: str, sql: str) -> None:
        if (now, label) == (when, "publish:commit"):
            project.watch = None
            meanwhile()
            raise Stop(signal.SIGTERM)

    project.watch = stop
    return project.run("--run-id", "night", code=143).err


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_became_of_it_is_told(project: Project, when: str) -> None:
    """Before it is sent nothing is published, after it the run is: either is looked up from another session."""
    start(project, "sessions", "users")
    said = stopped_at(project, when)
    published = when == "after"
    assert ("run night is published" in said, "nothing was published" in said) == (published, not published)
    assert project.manifest() == {0: 3, 1: 1} | ({2: 1} if published else {})
    project.checked()


def test_what_nobody_can_look_up_is_called_unknown(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no other session can be had, the user is not told that nothing was published."""
    monkeypatch.setenv("RUNNER_CONNECT_S", "0.1")
    server, _, name = postgres_url.rpartition("/")
    project = Project(postgres_url, tmp_path / "project")
    start(project, "sessions")
    with Db(f"{server}/postgres") as outside:
        open_ = f"alter database {name} allow_connections"
        said = stopped_at(project, "after", lambda: outside.execute(f"{open_} false"))
        outside.execute(f"{open_} true")
    assert "whether run night is published is unknown" in said
    assert project.manifest() == {0: 3, 1: 1, 2: 1}
    project.checked()
    project.close()
