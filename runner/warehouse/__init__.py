"""Which engine a target URL names, and how to open it; drivers are imported only here, and late."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

from runner.errors import BadInput, CannotConnect, Place, Problem
from runner.secrets import NO_SECRETS, Secrets

if TYPE_CHECKING:
    from runner.warehouse.base import Warehouse
    from runner.warehouse.values import Watch

KINDS = {
    "duckdb": "duckdb",
    "postgres": "postgres",
    "postgresql": "postgres",
    "postgresql+psycopg": "postgres",
    "redshift": "redshift",
    "redshift+redshift_connector": "redshift",
    "snowflake": "snowflake",
}
SERVERS = {  # kind → its class, and what has to be installed: the extra of the same name
    "postgres": ("Postgres", ("sqlalchemy", "psycopg")),
    "redshift": ("Redshift", ("sqlalchemy", "redshift_connector", "sqlalchemy_redshift")),
    "snowflake": ("Snowflake", ("sqlalchemy", "snowflake.connector", "snowflake.sqlalchemy")),
}

NOWHERE = Place()
DUCKDB_OPTIONS = {"memory_limit", "threads", "temp_directory"}


def kind_of(target: str, place: Place = NOWHERE) -> str:
    """The engine of a target URL, which `place` gives. Raises BadInput for one that is not known."""
    scheme = target.split(":", 1)[0].lower()
    if "://" not in target or scheme not in KINDS:
        hint = (
            "duckdb:///file.duckdb, postgresql://user@host/database with the password in PGPASSWORD,"
            " redshift://user:${REDSHIFT_PASSWORD}@host:5439/database,"
            " snowflake://user:${SNOWFLAKE_PASSWORD}@account/database/schema?warehouse=WH"
        )
        raise BadInput(
            Problem(place, f"target {display(target)}: {scheme!r} is not an engine that this version knows", hint)
        )
    return KINDS[scheme]


def display(target: str) -> str:
    """The target as it may be shown: no password, no options."""
    head, _, options = target.partition("?")
    user = r"^([\w+.-]+://[^:/]*):"
    if "@" in options and "@" not in head:  # a ? in the password or an @ in the options: who can tell?
        shown = re.sub(f"{user}.*", r"\1", head, flags=re.DOTALL)
    else:
        shown = re.sub(f"{user}.*@", r"\1@", head, flags=re.DOTALL)
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
    new: bool = True,
    plain: bool = False,
    timeout_s: float | None = None,
    watch: Watch | None = None,
    secrets: Secrets = NO_SECRETS,
) -> Warehouse:
    """Open a warehouse, whose errors will not show `secrets`. Raises CannotConnect, and Locked where another process holds a DuckDB file.

    A DuckDB file that is not there is made, if it may be `new`. A `plain` session of a server has the server's own settings: for scripts that know nothing of the runner.
    """
    kind = kind_of(target)
    if kind == "duckdb":
        from runner.warehouse.duckdb import DuckDB

        path, _, query = target.split("://", 1)[1].removeprefix("/").partition("?")
        options = _options(query)
        return DuckDB(
            path, read_only=read_only, new=new, timeout_s=timeout_s, watch=watch, secrets=secrets, options=options
        )
    name, needed = SERVERS[kind]
    for module in needed:
        try:
            import_module(module)
        except ImportError as error:
            raise CannotConnect(
                f"the {name} driver is not installed ({error.name})", f"pip install 'sql-model-runner[{kind}]'"
            ) from None
    opened: Warehouse = getattr(import_module(f"runner.warehouse.{kind}"), name)(
        target, application, timeout_s, watch, secrets, plain=plain
    )
    return opened
