"""Statements that need no translation: BEGIN, COMMIT, USE, SHOW and the like, found by their first words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fakesnow import statement_type

from tests.engines.emulator.errors import compilation, unsupported
from tests.engines.emulator.names import DOTTED, parts_of
from tests.engines.emulator.sessions.answers import Answer, one_column, strings
from tests.engines.emulator.sessions.describe import describe, get_ddl
from tests.engines.emulator.sessions.parameters import alter_session, show_parameters
from tests.engines.emulator.sessions.system import system
from tests.engines.emulator.translation.plan import DONE

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.query import Query
    from tests.engines.emulator.sessions.session import Session

SPECIAL = re.compile(
    r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
    r"(?P<verb>begin|start\s+transaction|commit|rollback|alter\s+session|show\s+parameters|show\s+transactions"
    r"|show\s+locks|use|describe|desc|grant|revoke|comment|call|execute\s+immediate|undrop|explain|set|unset"
    r"|select\s+system\$\w+|select\s+get_ddl)\b\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
USE = re.compile(rf"(?:(warehouse|role|secondary\s+roles|database|schema)\s+)?({DOTTED})", re.IGNORECASE)


def special(session: Session, query: Query) -> Answer | None:
    """The answer to a statement that needs no translation; None where it is not one."""
    found = SPECIAL.match(query.sql)
    if found is None:
        return None
    verb = re.sub(r"\s+", " ", found["verb"].lower())
    command = system if "system$" in verb else COMMANDS[verb]
    return command(session, query, found["rest"].strip().rstrip(";").strip())


def begin(session: Session, query: Query, rest: str) -> Answer:
    if not re.fullmatch(r"(work|transaction)?\s*(name\s+\w+)?", rest, re.IGNORECASE):
        raise unsupported("BEGIN … END")  # of Snowflake Scripting
    return start_transaction(session, query, "")


def start_transaction(session: Session, query: Query, rest: str) -> Answer:
    if not session.transaction.number:
        session.transaction.begin()
    return strings(("status",), [[DONE]], statement_type.TCL)


def commit(session: Session, query: Query, rest: str) -> Answer:
    query.watched()
    session.transaction.commit()
    return strings(("status",), [[DONE]], statement_type.TCL)


def rollback(session: Session, query: Query, rest: str) -> Answer:
    session.transaction.rollback()
    return strings(("status",), [[DONE]], statement_type.TCL)


def show_transactions(session: Session, query: Query, rest: str) -> Answer:
    head = ("id", "user", "session", "name", "started_on", "state", "scope")
    rows = []
    for other in session.account.alive():
        number = other.transaction.number
        if number:
            began = datetime.fromtimestamp(int(number) / 1e9, UTC)
            rows.append([number, other.login["user"], other.number, "", began, "running", "0"])
    return strings(head, rows, statement_type.SHOW)


def show_locks(session: Session, query: Query, rest: str) -> Answer:
    head = ("resource", "type", "transaction", "transaction_started_on", "status", "acquired_on", "query_id", "session")
    rows = []
    locks = session.account.locks
    with locks.changed:
        for key, lock in locks.held.items():
            holder = lock.session
            number = holder.transaction.number
            rows.append([".".join(key), "PARTITIONS", number, "", "HOLDING", "", lock.query, holder.number])
    return strings(head, rows, statement_type.SHOW)


def use(session: Session, query: Query, rest: str) -> Answer:
    found = USE.fullmatch(rest)
    if found is None:
        raise compilation(1003, "42000", f"syntax error: USE {rest}")
    catalogue = session.account.catalogue
    what, parts = (found[1] or ("schema" if "." in rest else "database")).lower(), parts_of(found[2])
    if what == "warehouse":
        session.warehouse = parts[-1]
    elif what == "role":
        session.role = parts[-1]
    elif what == "database":
        catalogue.need_database(parts[0])
        session.use(parts[0], "PUBLIC" if catalogue.has_schema((parts[0], "PUBLIC", "")) else None)
    elif what == "schema":
        database = parts[0] if len(parts) > 1 else session.database
        if not database or not catalogue.has_schema((database, parts[-1], "")):
            raise compilation(2043, "02000", "Object does not exist, or operation cannot be performed.")
        session.use(database, parts[-1])
    return strings(("status",), [[DONE]], statement_type.USE)


def grant(session: Session, query: Query, rest: str) -> Answer:
    """Done without doing anything, but as DDL it commits."""
    session.transaction.commit()
    return one_column("status", DONE)


def call(session: Session, query: Query, rest: str) -> Answer:
    raise unsupported(query.sql.split()[0].upper())


COMMANDS: dict[str, Callable[[Session, Query, str], Answer | None]] = {
    "begin": begin, "start transaction": start_transaction, "commit": commit, "rollback": rollback,
    "alter session": alter_session, "show parameters": show_parameters, "show transactions": show_transactions,
    "show locks": show_locks, "use": use, "describe": describe, "desc": describe, "select get_ddl": get_ddl,
    "grant": grant, "revoke": grant, "comment": grant, "call": call, "execute immediate": call, "undrop": call,
    "explain": call, "set": call, "unset": call,
}  # fmt: skip
