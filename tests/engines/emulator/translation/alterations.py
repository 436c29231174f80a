"""ALTER and DROP: from a statement of Snowflake to statements of DuckDB."""

from __future__ import annotations

import re
import uuid

from fakesnow import transforms
from sqlglot import exp

from tests.engines.emulator.errors import unsupported
from tests.engines.emulator.names import Key, parts_of, quoted
from tests.engines.emulator.translation.passes import passed
from tests.engines.emulator.translation.plan import Plan
from tests.engines.emulator.translation.resolve import Resolver, upper_case

RETENTION = re.compile(r"\bset\s+data_retention_time_in_days\s*=\s*(\d+)", re.IGNORECASE)
REMARKS = re.compile(  # what changes nothing here
    r"\b(cluster\s+by|recluster|set\s+comment|set\s+tag|clustering\s+key|set\s+change_tracking)\b", re.IGNORECASE
)


def drop(resolver: Resolver, tree: exp.Drop) -> Plan:
    kind = str(tree.args.get("kind") or "").upper()
    if kind not in ("TABLE", "VIEW", "SCHEMA", "DATABASE"):
        return Plan("other", [], tree=tree, lasting=False)
    found = tree.this or (tree.args.get("tables") or [None])[0]
    parts = parts_of(found.sql("snowflake"))
    home = [resolver.session.database or "", resolver.session.schema or ""]
    if kind == "DATABASE":
        parts = [parts[0], "", ""]
    elif kind == "SCHEMA":
        parts = [parts[0] if len(parts) == 2 else home[0], parts[-1], ""]
    else:
        parts = [*home[: 3 - len(parts)], *parts]
    database, schema, name = parts
    return Plan("drop", [], what=kind, target=(database, schema, name), tree=tree, lasting=False)


def alter(resolver: Resolver, tree: exp.Alter) -> Plan:
    kind = str(tree.args.get("kind") or "").upper()
    if kind not in ("TABLE", "VIEW"):
        return Plan("other", [], tree=tree, lasting=False)
    key, hidden = resolver.target(tree)
    plan = Plan("alter", [], what=kind, target=key, tree=tree, lasting=False)
    retention = RETENTION.search(resolver.sql)
    if retention:
        transient = resolver.catalogue.is_transient(key)
        plan.note = resolver.catalogue.note(key, transient, int(retention[1]))
        return plan
    actions = tree.args.get("actions") or []
    if len(actions) == 1 and isinstance(actions[0], exp.SwapTable):
        return swap(plan, key, resolver.key(upper_case(actions[0].this.copy())))
    if len(actions) == 1 and isinstance(actions[0], exp.AlterRename):
        return rename(plan, key, hidden, resolver.key(upper_case(actions[0].this.copy())))
    if transforms.alter_table_strip_cluster_by(tree) is transforms.SUCCESS_NOP or REMARKS.search(resolver.sql):
        return plan
    for part in transforms.alter_table_add_multiple_columns(tree):
        plan.steps.append(passed(resolver.named(part.copy())).sql("duckdb"))
    return plan


def swap(plan: Plan, key: Key, other: Key) -> Plan:
    if other[:2] != key[:2]:
        raise unsupported("SWAP WITH a table of another schema (of this emulator)")
    plan.swapped = other
    third = f"SWAP_{uuid.uuid4().hex[:8]}"
    plan.steps = [
        f"ALTER TABLE {quoted(*key)} RENAME TO {third}",
        f"ALTER TABLE {quoted(*other)} RENAME TO {quoted(key[2])}",
        f"ALTER TABLE {quoted(*key[:2])}.{third} RENAME TO {quoted(other[2])}",
    ]
    return plan


def rename(plan: Plan, key: Key, hidden: Key | None, to: Key) -> Plan:
    plan.renamed = to
    if to[:2] == key[:2]:
        plan.steps = [f"ALTER {plan.what} {quoted(*(hidden or key))} RENAME TO {quoted(to[2])}"]
    else:
        moved = f"CREATE TABLE {quoted(*to)} AS SELECT * FROM {quoted(*key)}"
        plan.steps = [moved, f"DROP TABLE {quoted(*key)}"]
    return plan
