"""What gives another answer on the next run over the same rows: the clock, chance, the session, a row's place in storage.

Asked of one node of a tree; the answer is None, or the reason and what to write instead. Functions of the user's own
are not known here: the catalogue tells of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from runner.sql.select import COLUMNS_FIRST

Answer = tuple[str, str] | None  # reason, hint


def words(text: str) -> frozenset[str]:
    """Names of functions: sqlglot's classes, and in lower case those that it does not know."""
    return frozenset(text.split())


CLOCK = words(
    "CurrentDate CurrentDatetime CurrentTime CurrentTimestamp CurrentTimestampLTZ Localtime Localtimestamp "
    "Systimestamp UtcTime UtcTimestamp UtcDate now clock_timestamp statement_timestamp transaction_timestamp "
    "timeofday today getdate sysdate get_current_time get_current_timestamp get_current_date "
    "current_localtimestamp current_localtime sysdatetime systimestamp unix_timestamp_now ago localtime "
    "localtimestamp current_timestamp current_date current_time "
)
CHANCE = words(
    "Rand Randn Uuid Randstr Uniform Normal Zipf random rand setseed gen_random_uuid gen_random_bytes gen_salt "
    "uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 uuid uuidv4 uuidv7 uuid_v4 uuid_v7 uuid_string "
    "generate_uuid ulid random_normal uniform normal zipf randstr "
)
SESSION = words(
    "CurrentAccount CurrentAccountName CurrentAvailableRoles CurrentCatalog CurrentClient CurrentDatabase "
    "CurrentIpAddress CurrentOrganizationName CurrentOrganizationUser CurrentRegion CurrentRole CurrentRoleType "
    "CurrentSchema CurrentSchemas CurrentSecondaryRoles CurrentSession CurrentStatement CurrentTransaction "
    "CurrentUser CurrentUserId CurrentVersion CurrentWarehouse CurrentTimezone SessionUser "
    "getvariable current_setting set_config current_query version "
    "txid_current pg_current_xact_id pg_current_xact_id_if_assigned pg_current_snapshot txid_current_snapshot "
    "pg_backend_pid pg_sleep pg_sleep_for pg_sleep_until sleep_ms last_query_id last_transaction "
    "current_session in_search_path inet_client_addr inet_client_port inet_server_addr inet_server_port "
    "pg_postmaster_start_time pg_conf_load_time pg_is_in_recovery pg_current_wal_lsn txid_current_if_assigned "
    "pg_snapshot_xmin pg_last_query_id pg_last_copy_id last_user_query_id slice_num getenv current_connection_id "
    "current_query_id current_transaction_id query write_log invoker_role invoker_share is_role_in_session "
    "is_database_role_in_session is_granted_to_invoker_role current_session_arn all_user_names pg_notify "
    "has_table_privilege has_schema_privilege pg_relation_size pg_total_relation_size pg_table_size "
    "pg_database_size ai_complete "
)
# Words that need no parentheses.
BARE = {
    "SessionUser": "session_user",
    "CurrentUser": "current_user",
    "CurrentRole": "current_role",
    "CurrentCatalog": "current_catalog",
}
SEQUENCE = words("NextValueFor Seq1 Seq2 Seq4 Seq8 nextval currval lastval setval ")
POSITION = frozenset({"rowid", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "file_row_number"})
_POSTGRES_WORDS = {"user", "current_role", "system_user"}
SPECIAL_WORDS = {
    "postgres": _POSTGRES_WORDS,
    "redshift": {*_POSTGRES_WORDS, "sysdate", "current_aws_account", "current_namespace"},
    "snowflake": {"sysdate"},
}
ANOTHER = "gives another answer on every run"
NUMBERED = "derive the number from the events, e.g. row_number() over (partition by the key order by …)"
OF_EVENTS = "use a column of the events, e.g. collector_tstamp"
RUNS_INSTANT = (
    "leave `key` out: a model without one may read the clock, and is built by every run; or use a time of the events"
)
# Texts that Postgres reads as a moment, where they become a date or time: 'now', ' TODAY ', 'tomorrow 08:00', '{today}'.
# To DuckDB and Snowflake they are no dates at all.
READS_CLOCK = frozenset({"postgres", "redshift"})
MOVING = re.compile(r"\b(now|today|yesterday|tomorrow)\b", re.IGNORECASE)
TEMPORAL = re.compile(r"date|time|ts.*range", re.IGNORECASE)


def name_of_call(node: exp.Expr) -> str:
    """A function's name: sqlglot's class, or what the user wrote if sqlglot does not know it."""
    if isinstance(node, (exp.Anonymous, exp.AnonymousAggFunc)):
        return str(node.this).strip('"').lower()
    return type(node).__name__


def reads_clock(node: exp.Expr) -> bool:
    """A call of the clock: `now()`, `current_date`, and `age(t)`, which counts from today."""
    if not isinstance(node, exp.Func):
        return False
    name = name_of_call(node)
    return name in CLOCK or (name in {"age", "Age"} and len(list(node.iter_expressions())) == 1)


def is_moving(node: exp.Expr, dialect: str) -> bool:
    """A text that is a clock where it is read as a date or time: as what it is read only the catalogue tells."""
    return (
        dialect in READS_CLOCK
        and isinstance(node, exp.Literal)
        and bool(node.is_string)
        and MOVING.search(str(node.this)) is not None
    )


def becomes_time(node: exp.Expr, dialect: str) -> bool:
    """Such a text that is cast to a date or time: `date 'today'`, `'now'::timestamp`, `'{today}'::date[]`."""
    if isinstance(node, (exp.Cast, exp.TryCast)):
        return is_moving(node.this, dialect) and TEMPORAL.search(node.to.sql(dialect=dialect)) is not None
    return isinstance(node, (exp.Date, exp.Timestamp)) and any(
        is_moving(part, dialect) for part in node.iter_expressions()
    )


def volatile(node: exp.Expr, dialect: str, instead: str = OF_EVENTS) -> Answer:
    """Why this node gives another answer on the next run, and what to write instead; of a clock, `instead`."""
    if reads_clock(node) or becomes_time(node, dialect):
        return _shown(node, ANOTHER, instead, dialect)
    return chance(node, dialect)


def chance(node: exp.Expr, dialect: str) -> Answer:
    """The same, but for the clock: what no instant of a run could stand in for."""
    if isinstance(node, exp.Func):
        name = name_of_call(node)
        if name in CHANCE and not (name == "Uuid" and node.args.get("this") is not None):  # a name gives it
            return _shown(node, "is random", "derive it from the key or the events, e.g. md5(event_id)", dialect)
        if name in SEQUENCE:
            return _shown(node, "depends on the session, not on the events", NUMBERED, dialect)
        if name in SESSION:
            hint = "use a variable: {{ name }}"
            if dialect in COLUMNS_FIRST and name in BARE:
                hint += f'; where it is a column, write it in quotes: "{BARE[name]}"'
            return _shown(node, "depends on the session, not on the events", hint, dialect)
    if isinstance(node, exp.Parameter) and dialect == "snowflake":
        return _shown(node, "is a variable of the session", "use one of the playbook: {{ name }}", dialect)
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier) and not node.this.args.get("quoted"):
        return _word(node, dialect)
    return None


def _word(node: exp.Column, dialect: str) -> Answer:
    """Words that the parser takes for columns."""
    name = node.name.lower()
    if name in POSITION:
        return _shown(node, "is a row's place in storage, not part of the data", "use a column of the events", dialect)
    if not node.table and name in SPECIAL_WORDS.get(dialect, set()):
        return _shown(node, "gives another answer in another session", "use a column of the events", dialect)
    if dialect == "snowflake" and name == "nextval" and node.table:
        return _shown(node, "is a sequence", NUMBERED, dialect)
    return None


def moving_texts(tree: exp.Expr, dialect: str) -> Iterator[exp.Literal]:
    """Texts of which only the catalogue can tell whether they are read as dates or times."""
    for node in tree.find_all(exp.Literal):
        if is_moving(node, dialect) and not isinstance(node.parent, (exp.Cast, exp.TryCast)):
            yield node


def _shown(node: exp.Expr, reason: str, hint: str, dialect: str) -> tuple[str, str]:
    return f"{shown(node, dialect)} {reason}", hint


def shown(node: exp.Expr, dialect: str, width: int = 90) -> str:
    """The offending SQL, in one line, cut if it is long."""
    text = " ".join(node.sql(dialect=dialect, comments=False).split())
    return text if len(text) <= width else text[: width - 1] + "…"
