"""A session of the runner's own, for tests that look at one by itself."""

from __future__ import annotations

from pathlib import Path

from runner.warehouse import connect
from runner.warehouse.base import Warehouse
from runner.warehouse.target import Target


def session(url: str, application: str = "t") -> Warehouse:
    """One of the warehouse at a URL; who asks for it closes it."""
    return connect(Target.parse(url, Path.cwd()), application)
