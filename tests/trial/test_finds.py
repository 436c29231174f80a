"""What a trial finds alone, with the key-wise rule switched off, and that what is right passes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.trial.values import Kind
from tests.trial.cases import RIGHT, WRONG, Case, held


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_what_is_wrong_is_found(case: Case, tmp_path: Path) -> None:
    """Every kind of mistake shows in made-up rows, as what it is, with rows that anybody can play again."""
    found = held(case, tmp_path).found
    (kind,) = {one.difference.kind for one in found}
    assert kind is case.kind or (case.kind is Kind.KEY and kind is Kind.WRITES)
    difference, history = found[0].difference, found[0].history
    assert difference.increment != difference.full or difference.kind is Kind.WRITES
    assert difference.step == len(history) - 1


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_what_is_right_passes(case: Case, tmp_path: Path) -> None:
    """No false alarm, and nothing left untried: texts of other flavours are made up where the SELECT asks for them."""
    verdict = held(case, tmp_path, unproven=False, rounds=2)
    assert not verdict.found
    assert not verdict.untried
    assert all(rounds == 2 for rounds in verdict.rounds.values())


def test_one_whose_select_fails_does_not_let_others_pass(tmp_path: Path) -> None:
    """A history that ends early, since a SELECT fails on its rows, is no round that the other models have passed."""
    failing = "select k, max(cast(page || '?' as int)) as n from atomic.events group by k"
    wrong = "select k, (select count(*) from atomic.events) as n from atomic.events group by k"
    verdict = held(Case("both", {"derived.failing": failing, "derived.wrong": wrong}), tmp_path, rounds=1)
    assert [found.difference.table.table for found in verdict.found] == ["wrong"]
    assert [table.table for table in verdict.untried] == ["failing"]
