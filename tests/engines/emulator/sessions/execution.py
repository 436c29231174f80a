"""A plan is carried out, or described: queries here, the rest in `changes`, `tables`, `schemas`, or by fakesnow."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from fakesnow import statement_type
from sqlglot import exp

from tests.engines.emulator.errors import unsupported
from tests.engines.emulator.names import Key
from tests.engines.emulator.sessions import schemas, tables
from tests.engines.emulator.sessions.answers import DONE_WORDS, Answer, changed, column_info, from_arrow, one_column
from tests.engines.emulator.sessions.changes import change
from tests.engines.emulator.sessions.query import Query, bindings
from tests.engines.emulator.translation.passes import parsed
from tests.engines.emulator.translation.plan import DONE, Plan

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.session import Session

PLACEHOLDER = re.compile(r"\?(?=(?:[^']*'[^']*')*[^']*$)")
WHOLE: dict[tuple[str, str], Callable[[Session, Plan, Key], str]] = {
    ("create", "SCHEMA"): schemas.create_schema,
    ("drop", "SCHEMA"): schemas.drop_schema,
    ("create", "DATABASE"): schemas.create_database,
    ("drop", "DATABASE"): schemas.drop_database,
}


def carried_out(session: Session, plan: Plan, query: Query) -> Answer:
    """The answer, when it is done."""
    now = session.account.now()
    params, batch = bindings(query.body.get("bindings"))
    steps = [session.filled(step, now) for step in plan.steps]
    if plan.kind == "query":
        session.transaction.fresh()
        if plan.moment and session.database:
            session.account.pasts.hold(session.database, now)
        return selected(session, query, steps[0], params, plan.type_id)
    if plan.target is None:
        return by_fakesnow(session, query, params)
    if plan.kind in ("create", "drop", "alter"):
        return defined(session, plan, plan.target, query, steps, params)
    return change(session, plan, plan.target, query, steps, batch if batch is not None else [params])


def selected(session: Session, query: Query, sql: str, params: Any, type_id: int) -> Answer:
    done = session.execute(query, sql, params)
    columns = [column_info(name, str(type_)) for name, type_, *_ in done.description]
    table = done.to_arrow_table()
    query.settled.set()
    return Answer(columns, table=table, type_id=type_id)


def defined(session: Session, plan: Plan, key: Key, query: Query, steps: list[str], params: Any) -> Answer:
    """CREATE, DROP, ALTER: the open transaction is committed first, and each is its own."""
    session.transaction.commit()
    whole = WHOLE.get((plan.kind, plan.what))
    if whole is not None:
        message = whole(session, plan, key)
    elif plan.kind == "drop":
        message = tables.drop(session, plan, key, query)
    else:
        message = tables.define(session, plan, key, query, steps, params)
    query.settled.set()
    session.account.commits[key[0]] += 1
    answer = one_column("status", message)
    answer.type_id = statement_type.DDL
    return answer


def by_fakesnow(session: Session, query: Query, params: Any) -> Answer:
    """SHOW and the like."""
    tree = parsed(query.sql)[0]
    if isinstance(tree, exp.Command):
        raise unsupported(query.sql.split()[0].upper())
    if not isinstance(tree, exp.Show):
        session.transaction.commit()
    if session.fake is None:
        session.fake = session.account.fake.connect(session.database, session.schema)
        session.fake._duck_conn.close()
        session.fake._duck_conn = session.duck
    session.transaction.fresh()
    cursor = session.fake.cursor()
    cursor.execute(query.sql, binding_params=params, server=True)
    table = cursor._arrow_table
    if table is None:
        return one_column("status", DONE)
    for name in {"schema_name", "name"} & set(table.column_names):
        if pa.types.is_string(table[name].type):
            table = table.filter(pc.invert(pc.fill_null(pc.starts_with(table[name], "_FS_"), False)))
    columns = [column_info(f.name, from_arrow(f.type)) for f in table.schema]
    return Answer(columns, table=table, type_id=statement_type.statement_type_id(tree))


def described(session: Session, plan: Plan, query: Query) -> Answer:
    """The columns of the answer, without doing anything."""
    extra = {"numberOfBinds": plan.binds, "arrayBindSupported": plan.kind == "insert"}
    if plan.kind == "query":
        sql = PLACEHOLDER.sub("NULL", session.filled(plan.steps[0], session.account.now()))
        session.transaction.fresh()
        columns = [column_info(row[0], row[1]) for row in session.duck.execute(f"DESCRIBE {sql}").fetchall()]
        return Answer(columns, type_id=plan.type_id, extra=extra)
    if plan.kind in DONE_WORDS:
        answer = changed(plan.kind, {DONE_WORDS[plan.kind]: 0}, plan.type_id)
    elif plan.kind == "merge":
        answer = changed(plan.kind, dict.fromkeys(plan.operations, 0), plan.type_id)
    elif plan.kind == "other":
        return by_fakesnow(session, query, None)
    else:
        answer = one_column("status", DONE)
    return Answer(answer.columns, rows=[], type_id=plan.type_id, extra=extra)
