"""SYSTEM$ functions: cancelling, aborting, waiting."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.engines.emulator.errors import Refused, compilation
from tests.engines.emulator.sessions.answers import Answer, one_column

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.query import Query
    from tests.engines.emulator.sessions.session import Session

NAME = re.compile(r"system\$(\w+)", re.IGNORECASE)
ARGUMENT = re.compile(r"\(\s*'?([^')]*)'?\s*(?:,[^)]*)?\)(?:\s+as\s+\w+)?")


def system(session: Session, query: Query, rest: str) -> Answer | None:
    """The answer of the function; None where fakesnow has it."""
    name = NAME.findall(query.sql)[0].lower()
    if name == "typeof":
        return None
    if name not in FUNCTIONS:
        raise compilation(2140, "42601", f"Unknown function SYSTEM${name.upper()}")
    found = ARGUMENT.fullmatch(rest)
    text = FUNCTIONS[name](session, query, found[1].strip() if found else "", rest)
    return one_column(f"SYSTEM${name.upper()}({rest[1:-1]})", text)


def cancel_query(session: Session, query: Query, value: str, rest: str) -> str:
    asked = session.account.queries.get(value)
    if asked is None or asked.status != "RUNNING":
        return "Identified SQL statement is not currently executing."
    asked.cancel()
    return f"query [{value}] terminated."


def cancel_all_queries(session: Session, query: Query, value: str, rest: str) -> str:
    other = session.account.by_number(value)
    for running in [q for q in session.account.queries.values() if q.session is other and q.status == "RUNNING"]:
        if running is not query:
            running.cancel()
    return "All executing statements for this session are canceled." if other else "Session does not exist."


def abort_session(session: Session, query: Query, value: str, rest: str) -> str:
    other = session.account.by_number(value)
    if other is None:
        raise Refused(391911, "22023", f"Session {value} does not exist or is not active.")
    session.account.end(other)
    return f"Session with id [{value}] is aborted."


def abort_transaction(session: Session, query: Query, value: str, rest: str) -> str:
    other = next((s for s in session.account.alive() if s.transaction.number == value), None)
    if other is None:
        raise Refused(393002, "02000", f"Transaction {value} does not exist.")
    if other is session:
        session.transaction.rollback()
    else:
        session.account.stop(other)
        with other.working:
            other.transaction.rollback()
    return f"Aborted transaction id: {value}."


def wait(session: Session, query: Query, value: str, rest: str) -> str:
    seconds = float(value or 0) * (60 if "minutes" in rest.lower() else 1)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        query.watched()
        time.sleep(0.02)
    return f"waited {seconds:g} seconds"


FUNCTIONS: dict[str, Callable[[Session, Query, str, str], str]] = {
    "cancel_query": cancel_query,
    "cancel_all_queries": cancel_all_queries,
    "abort_session": abort_session,
    "abort_transaction": abort_transaction,
    "wait": wait,
}
