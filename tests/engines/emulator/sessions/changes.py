"""INSERT, UPDATE, DELETE, MERGE and TRUNCATE are carried out."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import duckdb

from tests.engines.emulator.errors import Refused
from tests.engines.emulator.names import Key
from tests.engines.emulator.sessions.answers import DONE_WORDS, Answer, changed, one_column
from tests.engines.emulator.translation.plan import DONE, Plan

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.query import Query
    from tests.engines.emulator.sessions.session import Session

ATTEMPTS = 6
ACTIONS = {"inserted": "INSERT", "updated": "UPDATE", "deleted": "DELETE"}


def change(session: Session, plan: Plan, target: Key, query: Query, steps: list[str], rows: list[Any]) -> Answer:
    """The steps, for each row of values, in the open transaction or in one of their own."""
    transaction = session.transaction
    if not session.autocommit and not transaction.number:
        transaction.begin()
    if plan.locks:
        session.account.locks.acquire(session, target, query)
    several = len(steps) * len(rows) > 1 or bool(plan.check)
    if transaction.number:
        if transaction.open:
            transaction.fresh()
        else:
            transaction.begin_duck()
    elif several:
        session.duck.execute("begin")
    watches = plan.check and session.truth("ERROR_ON_NONDETERMINISTIC_MERGE")
    if watches and session.execute(query, plan.check).fetchone():
        raise Refused(100090, "42P18", "Duplicate row detected during DML action")
    counts: dict[str, int] = {}
    logged = []
    for params in rows:
        for step in steps:
            logged.append(one_step(session, plan, query, step, params if "?" in step else None, counts))
        if plan.kind in DONE_WORDS:
            word = DONE_WORDS[plan.kind]
            counts[word] = counts.get(word, 0) + logged[-1][2]
    query.settled.set()
    if transaction.number:
        transaction.log += logged
        transaction.touched.add(target[0])
    else:
        if several:
            session.duck.execute("commit")
        session.account.commits[target[0]] += 1
        session.account.locks.release(session)
    return one_column("status", DONE) if plan.kind == "truncate" else changed(plan.kind, counts, plan.type_id)


def one_step(
    session: Session, plan: Plan, query: Query, step: str, params: Any, counts: dict[str, int]
) -> tuple[str, Any, Any]:
    """What is logged of it, to be done again: the statement, its values, and what it answered."""
    done = retried(session, query, step, params)
    if plan.kind != "merge":
        (count,) = done.fetchone()
        return step, params, count
    actions = [row[0] for row in done.fetchall()]
    for name in plan.operations:
        counts[name] = counts.get(name, 0) + actions.count(ACTIONS[name])
    return step, params, actions[0] if actions else None


def retried(session: Session, query: Query, step: str, params: Any) -> Any:
    """Once more where DuckDB saw a conflict, as Snowflake knows none within the lock."""
    for attempt in itertools.count(1):
        try:
            return session.execute(query, step, params)
        except duckdb.TransactionException:
            if attempt == ATTEMPTS:
                raise
            if session.transaction.open:
                session.transaction.again()
            else:
                session.transaction.undo()
            time.sleep(0.01 * attempt)
    return None
