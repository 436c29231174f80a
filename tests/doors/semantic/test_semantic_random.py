"""Random semantic models beside an oracle that lays out dense days: a model an engine here, a hundred in the soak."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from runner.doors.semantic.compile.life import Life
from runner.doors.semantic.compile.property_values import PropertyValues, day_alias
from runner.doors.semantic.kinds import sliding
from tests.doors.semantic.random_models import model_of
from tests.doors.semantic.random_play import RandomWorld, play
from tests.kit.arena import first_seed

Patch = Callable[[], AbstractContextManager[Any]]
SOME = (3, 4, 1)
DIFFERS = r" of u\d on | over (date|cohort_day) |users and dates"  # a value, and no command that failed


def test_a_model(duckdb_url: str, tmp_path: Path) -> None:
    """Every property and KPI of a model nobody has thought of is what its words mean, after whatever arrives."""
    seed = first_seed()
    print(f"seed {seed}")
    assert play(duckdb_url, tmp_path / "model", seed, steps=2) == ()


def test_a_model_on_postgres(postgres_url: str, tmp_path: Path) -> None:
    """The same on Postgres."""
    seed = first_seed() + 5
    print(f"seed {seed}")
    assert play(postgres_url, tmp_path / "model", seed, steps=1) == ()


def _bound_of_day() -> AbstractContextManager[Any]:
    """A window ends a day late."""
    real = sliding._bound
    return patch.object(sliding, "_bound", lambda days: real(days + 1) if days < 0 else real(days))


def _no_default() -> AbstractContextManager[Any]:
    """Quiet days have no default value."""
    return patch.object(PropertyValues, "of_day", lambda self, one, kind: f"{day_alias(kind.event)}.{one.name}")


def _no_reach() -> AbstractContextManager[Any]:
    """Nobody ever leaves a window."""
    return patch.object(Life, "reach", lambda self: -1)


def test_models_are_taken(tmp_path: Path) -> None:
    """A model that `validate` refuses tests nothing: few are."""
    refused = {}
    for seed in range(first_seed(), first_seed() + 8):
        model = model_of(seed)
        url, folder = f"duckdb:///{tmp_path}/{seed}.duckdb", tmp_path / str(seed)
        world = RandomWorld(url, folder, changes=model.files(), model=model)
        if codes := world.refused():
            refused[seed] = codes
        world.close()
    assert len(refused) <= 1, refused


@pytest.mark.parametrize(
    "mistake", [_bound_of_day, _no_default, _no_reach], ids=["a day late", "no default", "no reach"]
)
def test_a_planted_mistake_is_caught(mistake: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A naive compiler differs from the oracle on one of a few seeds, which pass without the mistake."""
    monkeypatch.setenv("RUNNER_CACHE", "")
    with mistake(), pytest.raises(AssertionError, match=DIFFERS):
        _play_some(tmp_path)


def _play_some(folder: Path) -> None:
    for seed in SOME:
        play(f"duckdb:///{folder}/{seed}.duckdb", folder / str(seed), seed, steps=1)
