"""The command line starts light: help and mistakes load no driver and nothing that reads SQL, a server only its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.project import Project, start

HEAVY = {"duckdb", "_duckdb", "psycopg", "sqlalchemy", "sqlglot", "jinja2", "yaml", "rich"}


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["rnu"]])
def test_help_loads_no_driver(words: list[str]) -> None:
    """Seen from the list of modules that Python imports."""
    code, loaded = imported(*words)
    assert code == (2 if words == ["rnu"] else 0)
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_a_command_on_a_server_loads_its_driver_alone(postgres_url: str, tmp_path: Path) -> None:
    """No other driver, no parser of SQL, and not SQLAlchemy, whose URLs are written."""
    project = Project(postgres_url, tmp_path)
    start(project, "sessions")
    project.close()
    code, loaded = imported("status", str(project.write()))
    assert code == 0
    assert "psycopg" in loaded
    assert not loaded & (HEAVY - {"psycopg", "yaml"})


def test_the_vendors_words_start_as_light() -> None:
    """`asemic-cli --help` and `--version` load what `runner` does."""
    for word in ("--help", "--version"):
        code, loaded = imported(word, module="runner.doors.semantic.asemic")
        assert code == 0
        assert not loaded & HEAVY


def imported(*words: str, module: str = "runner") -> tuple[int, set[str]]:
    """The exit code of a command, and the packages that Python has imported for it."""
    line = [sys.executable, "-X", "importtime", "-m", module, *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    timings = [timing for timing in done.stderr.splitlines() if timing.startswith("import time:")]
    return done.returncode, {timing.rsplit("|", 1)[-1].strip().split(".")[0] for timing in timings}
