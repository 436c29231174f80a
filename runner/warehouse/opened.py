"""A target that its user has opened: an Engine of SQLAlchemy, or a DuckDB connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from runner.errors import BadInput, Place, Problem
from runner.secrets import Secrets
from runner.warehouse import from_duckdb, from_engine
from runner.warehouse.pooled import SqlalchemyEngine, engine_of
from runner.warehouse.target import Target

if TYPE_CHECKING:
    from runner.warehouse.base import Warehouse
    from runner.warehouse.values import Watch


class DuckDBConnection(Protocol):
    """What is used of a `duckdb.DuckDBPyConnection`."""

    def cursor(self) -> Any:
        """Another connection to its database."""

    def register(self, view_name: str, python_object: object) -> Any:
        """Not used; it tells such a connection from those of other databases."""


Opened = SqlalchemyEngine | DuckDBConnection


def _is_engine(opened: object) -> TypeGuard[SqlalchemyEngine]:
    return hasattr(opened, "raw_connection")


def target_of(opened: Opened) -> Target:
    """The target that it leads to. Raises BadInput for anything else, and for an Engine of another driver."""
    if _is_engine(opened):
        return Target(engine_of(opened), opened.url.render_as_string(hide_password=False))
    if type(opened).__name__ != "DuckDBPyConnection":
        what = f"target is a {type(opened).__name__}"
        raise BadInput(Problem(Place(), what, "give a URL, an open DuckDB connection or a SQLAlchemy Engine"))
    return Target("duckdb", "duckdb:///open connection")


def warehouse_of(
    opened: Opened, application: str, *, timeout_s: float | None, watch: Watch | None, secrets: Secrets
) -> Warehouse:
    """A warehouse on connections of its own; what was given stays as it is. Raises CannotConnect."""
    if _is_engine(opened):
        return from_engine(opened, application, timeout_s=timeout_s, watch=watch, secrets=secrets)
    return from_duckdb(opened, timeout_s=timeout_s, watch=watch, secrets=secrets)
