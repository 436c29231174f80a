"""The soak command finds the checks that it names."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.kit import ROOT
from tests.proof.mistakes.plant import MODULES, sites
from tests.reliability.mistakes import TESTS
from tests.soak import CHECKS, Check


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.number}-{check.module}-{check.function}")
def test_every_check_is_there(check: Check) -> None:
    """Each row of the table names a module and a function of it."""
    assert callable(getattr(import_module(f"tests.{check.module}"), check.function))


def test_mistakes_are_planted_in_modules_and_seen_by_tests_that_are_there() -> None:
    """Modules move: each that is named has places for a mistake, and the tests beside it exist."""
    for folder, modules in (("runner/proof", MODULES), ("runner", tuple(TESTS))):
        assert {site.module for site in sites(ROOT / folder, modules)} == set(modules)
    assert [path for tests in TESTS.values() for path in tests if not (ROOT / path).exists()] == []
