"""A client of the shim, and who looks at the Postgres behind it from outside."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redshift_connector

from tests.engines import redshift

_numbers = itertools.count(1)
LATER_S = 10.0

Row = tuple[Any, ...]


@contextmanager
def fresh(shim: redshift.Shim) -> Iterator[str]:
    """A new database."""
    with redshift.database(shim, f"shim_{os.getpid()}_{next(_numbers)}") as made:
        yield made


class Client:
    """A connection of the driver in autocommit: transactions begin with `begin`."""

    def __init__(self, url: str, **how: Any) -> None:
        parts = urlsplit(url)
        given = {"host": parts.hostname, "port": parts.port, "user": parts.username, "password": "", "ssl": False}
        self.driver = redshift_connector.connect(**{**given, "database": parts.path[1:], **how})
        self.driver.autocommit = True
        self.count = -1

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(Exception):
            self.driver.close()

    def run(self, *statements: str) -> list[Row]:
        """The rows of the last one."""
        rows: list[Row] = []
        for statement in statements:
            with self.driver.cursor() as cursor:
                cursor.execute(statement)
                self.count = cursor.rowcount
                rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        return rows

    def error(self, statement: str) -> dict[str, str]:
        """The fields of the server's error."""
        with pytest.raises(redshift_connector.error.Error) as caught:
            self.run(statement)
        (fields,) = caught.value.args
        assert isinstance(fields, dict)
        return fields


def outside(url: str, sql: str) -> list[Row]:
    """What Postgres itself says."""
    with psycopg.connect(redshift.libpq(url), autocommit=True) as connection:
        return connection.execute(sql.encode()).fetchall()
