"""A warehouse to test on: `Db` talks to any engine without the runner.

Nothing of the package under test is imported here, so that what it did can be looked at from outside.
"""

from __future__ import annotations

import csv
import importlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg import sql as pg

ENGINES = ("duckdb", "postgres")  # what most tests run on
ALL = (*ENGINES, "redshift", "snowflake")  # what the conformance suite and the random schedules run on
NULL = r"\N"  # how a null is written in a CSV of `Db.load`
# As the runner opens a file: connections of one process share an open database only if they ask for the same.
DUCKDB_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "TimeZone": "UTC",
}
FEW = 500  # up to so many rows go as one INSERT, more as a file

Row = tuple[Any, ...]


def plain(value: Any) -> Any:
    """A value as the other engines give it: whole numbers are ints."""
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


def literal(value: object) -> str:
    """A value of a test as SQL."""
    if value is None or isinstance(value, (bool, int, float, Decimal)):
        return "null" if value is None else str(value)
    if isinstance(value, datetime):
        return f"timestamp '{value.isoformat(sep=' ')}'"
    text = str(value).replace("\\", "\\\\").replace("'", "''")
    return f"'{text}'"


def engine_of(url: str) -> str:
    """The engine that a target URL names."""
    scheme = url.split(":", 1)[0].split("+", 1)[0]
    return "postgres" if scheme == "postgresql" else scheme


def duckdb_path(url: str) -> str:
    """The file of a DuckDB target: `duckdb:////abs/x.duckdb`, `duckdb:///rel.duckdb` or `duckdb:///:memory:`."""
    return url.removeprefix("duckdb:///")


def libpq_url(url: str) -> str:
    """A Postgres URL as libpq takes it, without SQLAlchemy's driver name."""
    scheme, rest = url.split("://", 1)
    return f"{scheme.split('+', 1)[0].replace('postgres', 'postgresql').replace('postgresqlql', 'postgresql')}://{rest}"


class Db:
    """One connection in autocommit.

    On DuckDB an open one makes the runner's own opening cheap (30 ms less); close it before another process opens the
    file.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = engine_of(url)
        self._duck: duckdb.DuckDBPyConnection | None = None
        self._post: psycopg.Connection[Row] | None = None
        self._remote: Any = None  # a DB-API connection that takes one statement at a time
        if self.engine == "duckdb":
            self._duck = duckdb.connect(duckdb_path(url), config=DUCKDB_CONFIG)
        elif self.engine in ("redshift", "snowflake"):
            self._remote = importlib.import_module(f"tests.engines.{self.engine}").connect(url)
        else:
            self._post = psycopg.connect(libpq_url(url), autocommit=True, prepare_threshold=None)

    def __enter__(self) -> Db:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def execute(self, sql: str) -> None:
        """Run one or several statements (without semicolons in strings, on Redshift and Snowflake)."""
        if self._duck is not None:
            self._duck.execute(sql)
        elif self._remote is not None:
            for statement in filter(None, map(str.strip, sql.split(";"))):
                self._ask(statement)
                if self.engine == "snowflake" and statement.lower().startswith("create schema"):
                    self._ask("use schema public")  # it makes the new schema the session's own
        else:
            self._postgres.execute(sql.encode())

    def rows(self, sql: str) -> list[Row]:
        """All rows of one query."""
        if self._duck is not None:
            return self._duck.execute(sql).fetchall()
        if self._remote is not None:
            return self._ask(sql)
        return self._postgres.execute(sql.encode()).fetchall()

    def _ask(self, sql: str) -> list[Row]:
        cursor = self._remote.cursor()
        try:
            cursor.execute(sql)
            return [tuple(map(plain, row)) for row in cursor.fetchall()] if cursor.description else []
        finally:
            cursor.close()

    def load(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Append many rows; the whole load is one statement."""
        if not rows:
            return
        if self._remote is not None:
            names = ", ".join(columns)
            for some in (rows[n : n + FEW] for n in range(0, len(rows), FEW)):
                values = ", ".join(f"({', '.join(map(literal, row))})" for row in some)
                self._ask(f"insert into {table} ({names}) values {values}")
        elif self._duck is None:
            target = pg.SQL("copy {} ({}) from stdin").format(
                pg.Identifier(*table.split(".")), pg.SQL(", ").join(map(pg.Identifier, columns))
            )
            with self._postgres.cursor() as cursor, cursor.copy(target) as copy:
                for row in rows:
                    copy.write_row(row)
        elif len(rows) <= FEW:
            one = f"({', '.join('?' * len(columns))})"
            text = f"insert into {table} ({', '.join(columns)}) values {', '.join([one] * len(rows))}"
            self._duck.execute(text, [value for row in rows for value in row])
        else:
            self._load_file(self._duck, table, columns, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done within is committed together, or not at all."""
        self.execute("begin")
        try:
            yield
        except BaseException:
            self.execute("rollback")
            raise
        self.execute("commit")

    def has_table(self, table: str) -> bool:
        """Whether `schema.table` exists."""
        schema, name = table.split(".")
        found = self.rows(
            "select 1 from information_schema.tables"
            f" where lower(table_schema) = '{schema}' and lower(table_name) = '{name}'"
        )
        return bool(found)

    def close(self) -> None:
        """Close the connection."""
        for connection in (self._duck, self._post, self._remote):
            if connection is not None:
                connection.close()

    @property
    def _postgres(self) -> psycopg.Connection[Row]:
        assert self._post is not None
        return self._post

    @staticmethod
    def _load_file(
        connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "rows.csv")
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([NULL if value is None else value for value in row] for row in rows)
            connection.execute(
                f"copy {table} ({', '.join(columns)}) from '{path}' (format csv, header false, nullstr '{NULL}')"
            )


@contextmanager
def fresh_database(url: str, name: str) -> Iterator[str]:
    """A new database beside the one that a Redshift or Snowflake URL names; dropped at the end."""
    head, _, options = url.partition("?")
    scheme, _, rest = head.partition("://")
    host, *path = rest.split("/")
    own = "/".join([f"{scheme}://{host}", name, *path[1:]]) + (f"?{options}" if options else "")
    with Db(url) as db:
        db.execute(f"create database {name}")
    try:
        yield own
    finally:
        with Db(url) as db:
            db.execute(f"drop database {name}")
