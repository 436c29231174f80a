"""Which engine a target URL names, and how to open it; drivers are imported only here, and late."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

from runner.errors import BadInput, CannotConnect, Place, Problem

if TYPE_CHECKING:
    from runner.warehouse.base import Warehouse, Watch

KINDS = {
    "duckdb": "duckdb",
    "postgres": "postgres",
    "postgresql": "postgres",
    "postgresql+psycopg": "postgres",
}


def kind_of(target: str) -> str:
    """The engine of a target URL. Raises BadInput for one that is not known."""
    scheme = target.split(":", 1)[0].lower()
    if "://" not in target or scheme not in KINDS:
        hint = "duckdb:///file.duckdb, or postgresql://user@host/database with the password in PGPASSWORD"
        raise BadInput(
            Problem(Place(), f"target {display(target)}: {scheme!r} is not an engine that this version knows", hint)
        )
    return KINDS[scheme]


def display(target: str) -> str:
    """The target as it may be shown: no password, no options."""
    shown = re.sub(r"^(\w[\w+]*://)([^@/]*)@", lambda m: m[1] + m[2].split(":")[0] + "@", target)
    shown = shown.split("?")[0]
    return re.sub(r"^duckdb:///", "", shown) or "memory"


def connect(
    target: str,
    application: str,
    *,
    read_only: bool = False,
    timeout_s: float | None = None,
    watch: Watch | None = None,
) -> Warehouse:
    """Open a warehouse. Raises CannotConnect, and Locked where another process holds a DuckDB file."""
    kind = kind_of(target)
    if kind == "duckdb":
        from runner.warehouse.duckdb import DuckDB

        path = target.split("://", 1)[1].removeprefix("/")
        return DuckDB(path, read_only=read_only, timeout_s=timeout_s, watch=watch)
    try:
        import_module("psycopg")
        import_module("sqlalchemy")
    except ImportError as error:
        raise CannotConnect(
            f"the Postgres driver is not installed ({error.name})", "pip install 'sql-model-runner[postgres]'"
        ) from None
    from runner.warehouse.postgres import Postgres

    return Postgres(target, application, timeout_s, watch)
