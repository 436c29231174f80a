"""Sessions of the real driver on the emulator, also in threads."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import snowflake.connector

Connection = snowflake.connector.SnowflakeConnection
LONG = "select count(*) from table(generator(rowcount => 900000)) a, table(generator(rowcount => 900000)) b"


def ask(session: Connection, *statements: str) -> list[Any]:
    """The rows of the last statement."""
    rows: list[Any] = []
    for statement in statements:
        with session.cursor() as cursor:
            rows = list(cursor.execute(statement).fetchall())
    return rows


def refused(session: Connection, statement: str) -> snowflake.connector.Error:
    """The error of a statement."""
    with pytest.raises(snowflake.connector.Error) as caught:
        ask(session, statement)
    return caught.value


def beside(work: Any) -> threading.Thread:
    """The work in a thread of its own, with the time to begin."""
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.2)
    return thread


def kept(session: Connection, statement: str) -> list[Any]:
    """A place for what becomes of a statement in a thread."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(ask(session, statement))
        except snowflake.connector.Error as error:
            found.append(error)

    found.append(beside(work))
    return found
