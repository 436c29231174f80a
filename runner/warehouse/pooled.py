"""Connections of a SQLAlchemy Engine, for who has one; nothing here imports SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from runner.errors import BadInput, Place, Problem
from runner.warehouse.server import Server, end

DRIVERS = {  # how SQLAlchemy calls a driver → the engine that is reached with it
    "postgresql+psycopg": "postgres",
    "redshift+redshift_connector": "redshift",
    "snowflake+snowflake": "snowflake",
}


class SqlalchemyEngine(Protocol):
    """What is used of a `sqlalchemy.Engine`."""

    @property
    def dialect(self) -> Any:
        """How it calls the engine and its driver."""

    @property
    def url(self) -> Any:
        """Where it leads."""

    def raw_connection(self) -> Any:
        """A connection out of its pool."""


def engine_of(given: SqlalchemyEngine) -> str:
    """The engine that an Engine leads to. Raises BadInput for one with a driver that is not the runner's."""
    driver = f"{given.dialect.name}+{given.dialect.driver}"
    if driver not in DRIVERS or given.dialect.is_async:
        what = f"an Engine of {driver} is not one that the runner can use"
        known = ", ".join(f"{one}://" for one in DRIVERS)
        raise BadInput(Problem(Place(), what, f"create_engine with {known}; of DuckDB, its connection"))
    return DRIVERS[driver]


def opener(given: SqlalchemyEngine, server: type[Server], application: str, *, plain: bool) -> Callable[[], Any]:
    """Connections that the Engine opens, with all that was said to it, and that leave its pool: they are changed."""

    def opened() -> Any:
        pooled = given.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        try:
            connection.commit()  # what listeners of the Engine have set
            server.adopt(connection, application, plain=plain)
        except BaseException:
            end(connection)
            raise
        return connection

    return opened
