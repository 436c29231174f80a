"""The command line starts light: help and mistakes load no driver and nothing that reads SQL."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"duckdb", "_duckdb", "psycopg", "sqlalchemy", "sqlglot", "jinja2", "yaml", "rich"}


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["rnu"]])
def test_help_loads_no_driver(words: list[str]) -> None:
    """Seen from the list of modules that Python imports."""
    start = [sys.executable, "-X", "importtime", "-m", "runner", *words]
    done = subprocess.run(start, capture_output=True, text=True, check=False)
    assert done.returncode == (2 if words == ["rnu"] else 0), done.stderr[-500:]
    timings = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in timings}
    assert "typer" in loaded
    assert not loaded & HEAVY
