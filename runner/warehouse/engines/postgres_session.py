"""What a session of Postgres is told when it begins, and how others find it; SQL without a connection.

Behind a pooler, what one client has SET stays with the server's session when the next client is given it. So nothing
is set before it is known whose session it is.
"""

from __future__ import annotations

from runner.warehouse.engines.base import Engine

LOCK_S = 60
SETTINGS = {
    "TimeZone": "UTC",
    "client_min_messages": "warning",
    "lock_timeout": f"{LOCK_S}s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
    "standard_conforming_strings": "on",
}
PID = "select pg_backend_pid()"
NAMED = "pid::text || ' ' || backend_start::text"  # a session, as a later run finds it in pg_stat_activity
# The pooler's own goes from client to client: it is a run's while it is called after it.
NAMED_IN_POOL = f"{NAMED} || ' ' || application_name"
FORGET = "discard all"  # what the next client of a pooler must not find

# The server is to notice that we died while it works for us (Postgres 14 and later, not on every platform).
INTRODUCTION = """
select set_config(name, value, false) from (values {settings}) s(name, value) where {ours};
select set_config(name, '1000', false) from pg_settings where name = 'client_connection_check_interval' and {ours};
select pid, {named} from pg_stat_activity where pid = pg_backend_pid()
"""

ALONE = "l.mode = 'AccessExclusiveLock'"
HOLDERS = """
select distinct 'process ' || a.pid || ' of ' || coalesce(a.usename, '?') || ', ' || coalesce(a.state, '?')
    || coalesce(' since ' || to_char(a.state_change, 'HH24:MI:SS') || ' UTC', '')
    || coalesce(': ' || regexp_replace(left(a.query, 100), '\\s+', ' ', 'g'), '')
from pg_locks l join pg_stat_activity a on a.pid = l.pid
where l.relation = to_regclass({table}) and {kind} and l.granted and l.pid <> pg_backend_pid()
    and l.database = (select oid from pg_database where datname = current_database())
order by 1 limit 5
"""


def introduction(engine: Engine, application: str, *, plain: bool, only: int | None) -> str:
    """Settings, and who the session is: its process and its name. `only`: the process that is to be set, if it is that;
    None: whichever it is, which a pooler has given us. A `plain` session keeps its own.
    """
    settings = {"application_name": application, **({} if plain else SETTINGS)}
    return INTRODUCTION.format(
        settings=", ".join(f"({engine.literal(name)}, {engine.literal(value)})" for name, value in settings.items()),
        ours="true" if only is None else f"pg_backend_pid() = {only}",
        named=NAMED if only is not None else NAMED_IN_POOL,
    )


def is_named(engine: Engine, session: str) -> str:
    """Whether a row of pg_stat_activity is the session of a name."""
    return f"{engine.literal(session)} in ({NAMED}, {NAMED_IN_POOL})"
