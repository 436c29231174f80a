"""A playbook of SQL Runner for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.sqlrunner.oldbooks import Book


@pytest.fixture
def book(postgres_url: str, tmp_path: Path) -> Book:
    """A playbook over a new, empty database."""
    return Book(tmp_path, postgres_url)
