"""How a warehouse is opened; its module, the only one that imports its driver, is loaded late."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from runner.errors import CannotConnect
from runner.secrets import NO_SECRETS, Secrets

if TYPE_CHECKING:
    from runner.warehouse.base import Warehouse
    from runner.warehouse.pooled import SqlalchemyEngine
    from runner.warehouse.server import Server
    from runner.warehouse.target import Target
    from runner.warehouse.values import Watch

SERVERS = {  # engine → its class, and the driver that has to be installed: the extra of the same name
    "postgres": ("Postgres", "psycopg"),
    "redshift": ("Redshift", "redshift_connector"),
    "snowflake": ("Snowflake", "snowflake.connector"),
}


def connect(
    target: Target,
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
    if target.engine == "duckdb":
        from runner.warehouse.duckdb import DuckDB

        return DuckDB(
            target.database,
            read_only=read_only,
            new=new,
            timeout_s=timeout_s,
            watch=watch,
            secrets=secrets,
            options=dict(target.query),
        )
    server = _server(target.engine)
    opener = server.opener(target, application, plain=plain)
    return server(opener, target.shown, application, timeout_s, watch, secrets, plain=plain)


def from_engine(
    engine: SqlalchemyEngine,
    application: str,
    *,
    plain: bool = False,
    timeout_s: float | None = None,
    watch: Watch | None = None,
    secrets: Secrets = NO_SECRETS,
) -> Warehouse:
    """The Postgres, Redshift or Snowflake that a SQLAlchemy Engine leads to, by connections that it opens.

    They leave its pool: the runner changes their settings, and closes them. Raises CannotConnect, and BadInput for an
    Engine of another driver.
    """
    from runner.warehouse import pooled
    from runner.warehouse.target import display

    server = _server(pooled.engine_of(engine))
    opener = pooled.opener(engine, server, application, plain=plain)
    url = engine.url.render_as_string(hide_password=False)
    return server(opener, display(url), application, timeout_s, watch, secrets.of_target(url), plain=plain)


def from_duckdb(
    connection: Any, *, timeout_s: float | None = None, watch: Watch | None = None, secrets: Secrets = NO_SECRETS
) -> Warehouse:
    """The warehouse of an open DuckDB connection, on a connection of its own: the given one stays as it is, and open."""
    from runner.warehouse.duckdb import DuckDB

    return DuckDB("", connection=connection.cursor(), lent=True, timeout_s=timeout_s, watch=watch, secrets=secrets)


def _server(engine: str) -> type[Server]:
    """The class of an engine's sessions. Raises CannotConnect without its driver."""
    name, driver = SERVERS[engine]
    try:
        import_module(driver)
    except ImportError as error:
        what = f"the {name} driver is not installed ({error.name})"
        raise CannotConnect(what, f"pip install 'sql-model-runner[{engine}]'") from None
    found: type[Server] = getattr(import_module(f"runner.warehouse.{engine}"), name)
    return found
