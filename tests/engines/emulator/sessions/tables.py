"""CREATE, DROP and ALTER of tables and views are carried out."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import duckdb
from fakesnow import info_schema

from tests.engines.emulator.account.catalogue import Relation, hidden_place
from tests.engines.emulator.errors import absent, compilation
from tests.engines.emulator.names import Key, literal, quoted
from tests.engines.emulator.translation.plan import DONE, Plan

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.query import Query
    from tests.engines.emulator.sessions.session import Session

ATTEMPTS = 21


def define(session: Session, plan: Plan, key: Key, query: Query, steps: list[str], params: Any) -> str:
    """What the client is told of a table or a view that was made or altered, or is not there."""
    account = session.account
    hidden = hidden_place(session.number, key) if plan.temporary else session.temps.get(key)
    exists = account.catalogue.kind_of(hidden or key)
    told = refused_or_there(session, plan, key, exists)
    if told:
        return told
    if exists and not plan.temporary:
        account.locks.acquire(session, key, query)
    name = quoted(*(hidden or key))
    if plan.note is not None and (plan.note != "0 1" or plan.kind == "alter"):
        steps = [*steps, f"COMMENT ON {plan.what} {name} IS {literal(plan.note)}"]
    in_one(session, query, steps, params)
    account.locks.release(session)
    if plan.text_lengths:
        session.duck.execute(info_schema.insert_text_lengths_sql(*(hidden or key), plan.text_lengths))
    remember(session, plan, hidden or key)
    if plan.temporary and hidden:
        session.temps[key] = hidden
    return plan.message


def refused_or_there(session: Session, plan: Plan, key: Key, exists: str | None) -> str:
    """What the client is told where nothing is to be done; else nothing, or an error."""
    if plan.kind == "create":
        if not session.account.catalogue.has_schema(key):
            raise absent("Schema", ".".join(key[:2]))
        if exists and plan.tree.args.get("exists"):
            return f"{key[2]} already exists, statement succeeded."
        if exists and not plan.tree.args.get("replace"):
            raise compilation(2002, "42710", f"Object '{'.'.join(key)}' already exists.")
        if exists and exists != plan.what:
            raise compilation(1998, "42710", f"Object '{key[2]}' already exists as {exists}.")
    elif not exists:
        if plan.tree.args.get("exists"):
            return DONE
        raise absent("Object", ".".join(key))
    return ""


def in_one(session: Session, query: Query, steps: list[str], params: Any) -> None:
    """The steps in a transaction of DuckDB, again where it saw a conflict."""
    for attempt in itertools.count(1):
        try:
            if len(steps) > 1:
                session.duck.execute("begin")
            for step in steps:
                session.execute(query, step, params if "?" in step else None)
            if len(steps) > 1:
                session.duck.execute("commit")
            return
        except duckdb.Error as error:
            session.transaction.undo()
            if attempt == ATTEMPTS or not isinstance(error, duckdb.TransactionException):
                raise
            time.sleep(0.02)


def remember(session: Session, plan: Plan, key: Key) -> None:
    """What there is now."""
    known = session.account.catalogue.relations
    if plan.note is not None:
        serial = known[key].serial if plan.kind == "alter" else next(session.account.numbers)
        known[key] = Relation(plan.what, plan.note, serial)
    if plan.renamed is not None:
        known[plan.renamed] = known.pop(key)
    if plan.swapped is not None:
        known[key], known[plan.swapped] = known[plan.swapped], known[key]


def drop(session: Session, plan: Plan, key: Key, query: Query) -> str:
    """A table or a view is gone."""
    account = session.account
    hidden = session.temps.get(key)
    found = account.catalogue.kind_of(hidden or key)
    if found is None:
        if plan.tree.args.get("exists"):
            return f"Drop statement executed successfully ({key[2]} already dropped)."
        raise absent(plan.what.title(), ".".join(key))
    if found != plan.what:
        raise compilation(1998, "42601", f"Object '{'.'.join(key)}' is a {found}, not a {plan.what}.")
    if not hidden:
        account.locks.acquire(session, key, query)
    in_conflicts(session, f"DROP {plan.what} {quoted(*(hidden or key))}")
    account.locks.release(session)
    account.catalogue.relations.pop(hidden or key, None)
    session.temps.pop(key, None)
    return f"{key[2]} successfully dropped."


def in_conflicts(session: Session, sql: str) -> None:
    """One statement, again for a second while DuckDB sees a conflict."""
    for attempt in itertools.count(1):
        try:
            session.duck.execute(sql)
            return
        except duckdb.TransactionException:
            if attempt > 50:
                raise
            time.sleep(0.02)
