"""What a run that ended badly may leave behind, and what it may not."""

from __future__ import annotations

import time

from tests.oracles.play import Play, Request
from tests.oracles.playbooks import NAME

SOON_S = 1.0
OPEN = """
select application_name || ': ' || state || ': ' || query from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
"""
HELD = """
select run_id from runner.lease where run_id is not null
    and session in (select pid::text || ' ' || backend_start::text from pg_stat_activity)
"""


def parts_published(play: Play, run_id: str) -> int:
    """How many publishes of a run are in `runs`; parts of a chunked one are called by its id and a number."""
    if not play.db.has_table("runner.runs"):
        return 0
    mine = f"(run_id = '{run_id}' or run_id like '{run_id}.%')"
    rows = play.db.rows(f"select 1 from runner.runs where playbook = '{NAME}' and status = 'published' and {mine}")
    return len(rows)


def settled(play: Play, request: Request, published: int) -> None:
    """The warehouse holds what it held before the run, or what the run's published parts make of it."""
    if published:
        play.settle(request, play.listed())
    play.check()


def leftovers(play: Play) -> list[str]:
    """What a finished run still has at the server: open transactions, a lease. It has a second to let go."""
    if play.db.engine == "duckdb":
        return []
    until = time.monotonic() + SOON_S
    while (found := _left(play)) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def _left(play: Play) -> list[str]:
    found = [f"an open transaction: {row[0]}" for row in play.db.rows(OPEN)]
    if play.db.has_table("runner.lease"):
        found += [f"the lease of {row[0]}" for row in play.db.rows(HELD)]
    return found
