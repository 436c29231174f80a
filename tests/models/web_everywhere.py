"""The sample of the shipped web model on any engine: the table's DDL, and its rows as plain values.

    db.execute(ddl(db.engine))
    db.load(TABLE, list(COLUMNS), rows())

Nothing is asked of an engine but CREATE TABLE and rows; `playbooks/web.yml` then runs on it unchanged.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import duckdb

from tests.kit import ROOT

TABLE = "atomic.events"
EVENTS = ROOT / "playbooks" / "sample" / "events"
LONG = (
    "page_url",
    "page_urlpath",
    "page_urlquery",
    "page_referrer",
    "refr_urlpath",
    "refr_urlquery",
    "page_title",
    "useragent",
)
JSON = ("contexts_", "unstruct_event_")


@cache
def _types() -> dict[str, str]:
    """The columns of the sample and their types on DuckDB."""
    with duckdb.connect() as connection:
        found = connection.execute(f"describe select * from read_parquet('{EVENTS}/*.parquet')").fetchall()
    return {name: kind.lower() for name, kind, *_ in found}


COLUMNS = tuple(_types())


def ddl(engine: str, table: str = TABLE) -> str:
    """The statements that make the empty table, each to be sent alone where an engine asks for that."""
    columns = ", ".join(f"{name} {_type(engine, name, kind)}" for name, kind in _types().items())
    return f"create schema if not exists {table.split('.', maxsplit=1)[0]}; create table {table} ({columns})"


def _type(engine: str, name: str, kind: str) -> str:
    """The type of a column: a text without a length has 256 bytes on Redshift."""
    if kind == "varchar":
        long = name in LONG or name.startswith(JSON)
        return "varchar(65535)" if engine == "redshift" and long else "varchar"
    return {"double": "double precision"}.get(kind, kind)


def rows(files: str = "*.parquet") -> list[tuple[Any, ...]]:
    """The rows of the sample, or of some of its files, in the order of their batches."""
    with duckdb.connect() as connection:
        listed = ", ".join(COLUMNS)
        query = f"select {listed} from read_parquet('{EVENTS / files}') order by etl_tstamp, event_id, collector_tstamp"
        return connection.execute(query).fetchall()
