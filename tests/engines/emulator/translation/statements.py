"""Queries and DML: from a statement of Snowflake to statements of DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fakesnow import statement_type
from fakesnow.transforms.merge import operations as merge_operations
from sqlglot import exp

from tests.engines.emulator.errors import Refused, compilation
from tests.engines.emulator.names import quoted
from tests.engines.emulator.translation import alterations, definitions
from tests.engines.emulator.translation.functions import moment
from tests.engines.emulator.translation.passes import parsed, translated
from tests.engines.emulator.translation.plan import Plan
from tests.engines.emulator.translation.resolve import Resolver

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.session import Session


def plan_of(session: Session, sql: str) -> Plan:
    """What is to be done for a statement."""
    trees = [tree for tree in parsed(sql) if tree is not None and not isinstance(tree, exp.Semicolon)]
    if not trees:
        raise Refused(900, "42601", "SQL compilation error:\nEmpty SQL statement.")
    if len(trees) > 1:
        text = f"Actual statement count {len(trees)} did not match the desired statement count 1."
        raise Refused(8, "0A000", text)
    tree = trees[0]
    binds = sum(1 for _ in tree.find_all(exp.Placeholder))
    type_id = statement_type.statement_type_id(tree)
    resolver = Resolver(session, sql)
    planned = query if isinstance(tree, exp.Query) else KINDS.get(type(tree))
    plan = planned(resolver, tree) if planned else Plan("other", [], tree=tree, lasting=False)
    plan.type_id = plan.type_id or type_id
    plan.lasting = plan.lasting and not resolver.fleeting
    plan.tables = resolver.tables
    plan.binds = binds
    return plan


def query(resolver: Resolver, tree: exp.Expr) -> Plan:
    tree = resolver.named(tree)
    tableless = tree.find(exp.Table) is None
    sql = translated(tree)
    return Plan("query", [sql], type_id=statement_type.SELECT, moment=tableless and moment(sql))


def change(resolver: Resolver, kind: str, tree: exp.Expr, locks: bool = True) -> Plan:
    """What all DML has in common."""
    key, _ = resolver.target(tree)
    if resolver.catalogue.view_body(key) is not None:
        raise compilation(1106, "42601", f"Object '{'.'.join(key)}' is a view, and cannot be changed.")
    tree = resolver.named(tree)
    return Plan(kind, [translated(tree)], target=key, locks=locks, tree=tree)


def insert(resolver: Resolver, tree: exp.Insert) -> Plan:
    if not tree.args.get("overwrite"):
        return change(resolver, "insert", tree, locks=False)
    tree.set("overwrite", None)
    plan = change(resolver, "insert", tree)
    table = plan.tree.this.this if isinstance(plan.tree.this, exp.Schema) else plan.tree.this
    plan.steps.insert(0, f"DELETE FROM {table.sql('duckdb')}")
    return plan


def update(resolver: Resolver, tree: exp.Update) -> Plan:
    bare_columns(tree)
    return change(resolver, "update", tree)


def delete(resolver: Resolver, tree: exp.Delete) -> Plan:
    return change(resolver, "delete", tree)


def truncate(resolver: Resolver, tree: exp.TruncateTable) -> Plan:
    plan = change(resolver, "truncate", exp.Delete(this=tree.expressions[0]))
    plan.type_id = statement_type.DDL
    return plan


def merge(resolver: Resolver, tree: exp.Merge) -> Plan:
    done = tuple(name for name, which in merge_operations(tree).items() if which)
    matched = any(when.args.get("matched") for when in tree.args["whens"].expressions)
    for part in tree.find_all(exp.Update):
        bare_columns(part)
    plan = change(resolver, "merge", tree)
    plan.operations = done
    if matched:
        target, source, on = (plan.tree.args[name].copy() for name in ("this", "using", "on"))
        row = f"{quoted(target.alias_or_name)}.rowid"
        into, using, where = (part.sql("duckdb") for part in (target, source, on))
        plan.check = f"select 1 from {into} join {using} on {where} group by {row} having count(*) > 1 limit 1"
    plan.steps = [plan.steps[0] + " RETURNING merge_action"]
    return plan


def bare_columns(update: exp.Update) -> None:
    """What is set is named by its column alone, as DuckDB wants it."""
    for pair in update.expressions:
        if isinstance(pair, exp.EQ) and isinstance(pair.this, exp.Column):
            pair.set("this", exp.Column(this=pair.this.this.copy()))


KINDS: dict[type[exp.Expr], Callable[[Resolver, Any], Plan]] = {
    exp.Insert: insert,
    exp.Update: update,
    exp.Delete: delete,
    exp.TruncateTable: truncate,
    exp.Merge: merge,
    exp.Create: definitions.create,
    exp.Drop: alterations.drop,
    exp.Alter: alterations.alter,
}
