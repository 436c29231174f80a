"""Which engine a target URL names, and how to open it; drivers are imported only here, and late."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

from runner.errors import BadInput, CannotConnect, Place, Problem
from runner.secrets import NO_SECRETS, Secrets

if TYPE_CHECKING:
    from runner.warehouse.base import Warehouse, Watch

KINDS = {
    "duckdb": "duckdb",
    "postgres": "postgres",
    "postgresql": "postgres",
    "postgresql+psycopg": "postgres",
}

NOWHERE = Place()
NAME_BYTES = {"postgres": 63}  # longer names are cut off, and two could become one


def name_limit(kind: str) -> int | None:
    """How many bytes an engine keeps of a name; None: all."""
    return NAME_BYTES.get(kind)


DUCKDB_OPTIONS = {"memory_limit", "threads", "temp_directory"}


def kind_of(target: str, place: Place = NOWHERE) -> str:
    """The engine of a target URL, which `place` gives. Raises BadInput for one that is not known."""
    scheme = target.split(":", 1)[0].lower()
    if "://" not in target or scheme not in KINDS:
        hint = "duckdb:///file.duckdb, or postgresql://user@host/database with the password in PGPASSWORD"
        raise BadInput(
            Problem(place, f"target {display(target)}: {scheme!r} is not an engine that this version knows", hint)
        )
    return KINDS[scheme]


def display(target: str) -> str:
    """The target as it may be shown: no password, no options."""
    shown = re.sub(r"^([\w+.-]+://[^:/]*):[^@]*@", r"\1@", target).split("?")[0]
    return re.sub(r"^duckdb:///", "", shown) or "memory"


def _options(query: str) -> dict[str, str]:
    """DuckDB's settings out of its URL. Raises BadInput for one that is not ours to set."""
    options = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    for name in options.keys() - DUCKDB_OPTIONS:
        what = f"target: {name} is not an option of a DuckDB URL"
        raise BadInput(
            Problem(Place(), what, "duckdb:///web.duckdb?memory_limit=2GB&threads=2&temp_directory=/scratch")
        )
    return options


def connect(
    target: str,
    application: str,
    *,
    read_only: bool = False,
    timeout_s: float | None = None,
    watch: Watch | None = None,
    secrets: Secrets = NO_SECRETS,
) -> Warehouse:
    """Open a warehouse, whose errors will not show `secrets`. Raises CannotConnect, and Locked where another process holds a DuckDB file."""
    kind = kind_of(target)
    if kind == "duckdb":
        from runner.warehouse.duckdb import DuckDB

        path, _, query = target.split("://", 1)[1].removeprefix("/").partition("?")
        options = _options(query)
        return DuckDB(path, read_only=read_only, timeout_s=timeout_s, watch=watch, secrets=secrets, options=options)
    try:
        import_module("psycopg")
        import_module("sqlalchemy")
    except ImportError as error:
        raise CannotConnect(
            f"the Postgres driver is not installed ({error.name})", "pip install 'sql-model-runner[postgres]'"
        ) from None
    from runner.warehouse.postgres import Postgres

    return Postgres(target, application, timeout_s, watch, secrets)
