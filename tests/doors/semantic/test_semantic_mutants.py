"""The naive ways of semantic_mutants.py are each caught by a schedule that the real one passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.semantic.mutants import MUTANTS, Mutant
from tests.doors.semantic.play import play


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_caught(mutant: Mutant, duckdb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A harness that misses one of them proves nothing. Seeds 1 to 4 without a mistake are test_semantic_schedules'."""
    monkeypatch.setenv("RUNNER_CACHE", "")
    with mutant.apply(), pytest.raises(AssertionError):
        play(duckdb_url, tmp_path / "model", mutant.seed, mutant.steps)
