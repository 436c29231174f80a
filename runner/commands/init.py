"""`runner init DIR`: a new project with the shipped web model and its sample events."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from runner.errors import BadInput, Place, Problem

PARTS = ("playbooks/web.yml", "playbooks/sample/events", "sql/web")


def shipped() -> Path:
    """Where playbooks/ and sql/ lie: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "shipped"
    return inside if inside.is_dir() else package.parent


def _copy(directory: Path) -> None:
    for part in PARTS:
        source, destination = shipped() / part, directory / part
        destination.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, destination)
        else:
            shutil.copyfile(source, destination)
    (directory / ".gitignore").write_text("*.duckdb\n*.duckdb.wal\n", encoding="utf-8")


def make(directory: Path) -> Iterator[str]:
    """Copy the project into `directory`, which must not hold anything yet; gives lines that say what to do next."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BadInput(
            Problem(Place(), f"{directory} is there already and not empty", "runner init takes a new folder")
        )
    try:
        _copy(directory)
    except OSError as error:
        raise BadInput(
            Problem(Place(), f"{directory} cannot be made: {error.strerror}", "name another folder")
        ) from None
    playbook = directory / "playbooks" / "web.yml"
    yield f"made {directory}: playbooks/web.yml, sql/web, and sample events in playbooks/sample"
    yield f"next: runner run {playbook} --until 2024-03-02, then runner run {playbook}"
