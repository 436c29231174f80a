"""A warehouse to test on: `Db` talks to either engine without the runner.

Nothing of the package under test is imported here, so that what it did can be looked at from outside.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg import sql as pg

ENGINES = ("duckdb", "postgres")
NULL = r"\N"  # how a null is written in a CSV of `Db.load`
# As the runner opens a file: connections of one process share an open database only if they ask for the same.
DUCKDB_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "TimeZone": "UTC",
}
FEW = 500  # up to so many rows go as one INSERT, more as a file

Row = tuple[Any, ...]


def engine_of(url: str) -> str:
    """The engine that a target URL names."""
    return "duckdb" if url.startswith("duckdb:") else "postgres"


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
        if self.engine == "duckdb":
            self._duck = duckdb.connect(duckdb_path(url), config=DUCKDB_CONFIG)
        else:
            self._post = psycopg.connect(libpq_url(url), autocommit=True, prepare_threshold=None)

    def __enter__(self) -> Db:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def execute(self, sql: str) -> None:
        """Run one or several statements."""
        if self._duck is not None:
            self._duck.execute(sql)
        else:
            self._postgres.execute(sql.encode())

    def rows(self, sql: str) -> list[Row]:
        """All rows of one query."""
        if self._duck is not None:
            return self._duck.execute(sql).fetchall()
        return self._postgres.execute(sql.encode()).fetchall()

    def load(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Append many rows; the whole load is one statement."""
        if not rows:
            return
        if self._duck is None:
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
            f"select 1 from information_schema.tables where table_schema = '{schema}' and table_name = '{name}'"
        )
        return bool(found)

    def close(self) -> None:
        """Close the connection."""
        for connection in (self._duck, self._post):
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
