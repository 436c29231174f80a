"""The soak command finds the checks that it names."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.soak import CHECKS, Check


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.number}-{check.module}-{check.function}")
def test_every_check_is_there(check: Check) -> None:
    """Each row of the table names a module and a function of it."""
    assert callable(getattr(import_module(f"tests.{check.module}"), check.function))
