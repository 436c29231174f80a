"""Parameters of a session: their defaults, ALTER SESSION and SHOW PARAMETERS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fakesnow import statement_type

from tests.engines.emulator.errors import compilation
from tests.engines.emulator.sessions.answers import Answer, one_column, strings
from tests.engines.emulator.translation.plan import DONE

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.query import Query
    from tests.engines.emulator.sessions.session import Session

DEFAULTS = {  # those that a client may ask for
    "ABORT_DETACHED_QUERY": "false",
    "AUTOCOMMIT": "true",
    "CLIENT_SESSION_KEEP_ALIVE": "false",
    "ERROR_ON_NONDETERMINISTIC_MERGE": "true",
    "LOCK_TIMEOUT": "43200",
    "QUERY_TAG": "",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
    "STATEMENT_TIMEOUT_IN_SECONDS": "172800",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
    "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "TIMEZONE": "America/Los_Angeles",
    "TRANSACTION_ABORT_ON_ERROR": "false",
    "TRANSACTION_DEFAULT_ISOLATION_LEVEL": "READ COMMITTED",
    "WEEK_START": "0",
}
SETTING = re.compile(r"([\w$]+)\s*=\s*('(?:[^']|'')*'|[^\s,]+)")
HEAD = ("key", "value", "default", "level", "description", "type")


def alter_session(session: Session, query: Query, rest: str) -> Answer:
    """SET or UNSET."""
    verb, _, items = rest.partition(" ")
    if verb.lower() == "unset":
        for name in re.findall(r"[\w$]+", items.upper()):
            session.parameters.pop(name, None)
        return one_column("status", DONE)
    for name, value in SETTING.findall(items):
        text = value[1:-1].replace("''", "'") if value.startswith("'") else value
        if name.upper() == "LOCK_TIMEOUT" and not text.isdigit():
            raise compilation(1008, "22023", f"invalid value [{value}] for parameter '{name.upper()}'")
        session.parameters[name.upper()] = text
        if name.upper() == "AUTOCOMMIT":
            session.transaction.commit()
            session.autocommit = text.lower() == "true"
    return one_column("status", DONE)


def show_parameters(session: Session, query: Query, rest: str) -> Answer:
    """With their levels."""
    like = re.search(r"like\s+'((?:[^']|'')*)'", rest, re.IGNORECASE)
    pattern = re.escape(like[1]).replace("%", ".*").replace("_", ".") if like else ".*"
    rows = []
    for name in sorted({*DEFAULTS, *session.parameters}):
        if re.fullmatch(pattern, name, re.IGNORECASE):
            level = "SESSION" if name in session.parameters else ""
            rows.append([name, session.parameter(name), DEFAULTS.get(name, ""), level, "", "STRING"])
    return strings(HEAD, rows, statement_type.SHOW)
