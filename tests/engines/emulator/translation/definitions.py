"""CREATE: from a statement of Snowflake to statements of DuckDB."""

from __future__ import annotations

import sqlglot
from fakesnow import transforms
from sqlglot import exp

from tests.engines.emulator.account.catalogue import hidden_place
from tests.engines.emulator.errors import compilation
from tests.engines.emulator.names import Key, parts_of, quoted
from tests.engines.emulator.translation.passes import passed
from tests.engines.emulator.translation.plan import Plan
from tests.engines.emulator.translation.resolve import Resolver, put

LONGEST_TEXT = 16777216
KEYS = (exp.PrimaryKey, exp.ForeignKey, exp.Constraint, exp.UniqueColumnConstraint, exp.PrimaryKeyColumnConstraint)


def create(resolver: Resolver, tree: exp.Create) -> Plan:
    kind = str(tree.args.get("kind") or "").upper()
    if kind not in ("TABLE", "VIEW", "SCHEMA", "DATABASE"):
        return Plan("other", [], tree=tree, lasting=False)
    transient, temporary, retention = properties(tree)
    if kind == "DATABASE":
        name = parts_of(tree.this.sql("snowflake"))[-1]
        return Plan("create", [], what=kind, target=(name, "", ""), tree=tree, lasting=False)
    tree.set("properties", None)
    if kind == "SCHEMA":
        note = f"{int(transient)} {1 if retention is None else retention}"
        return Plan("create", [], what=kind, target=schema_key(resolver, tree), note=note, tree=tree, lasting=False)
    key, _ = resolver.target(tree)
    body = body_of_view(resolver.sql) if kind == "VIEW" else ""
    plan = relation(resolver, tree, key, temporary)
    plan.note = body if kind == "VIEW" else resolver.catalogue.note(key, transient, retention)
    plan.message = f"{kind.title()} {key[2]} successfully created."
    return plan


def schema_key(resolver: Resolver, tree: exp.Create) -> Key:
    """(database, schema, nothing)."""
    parts = parts_of(tree.this.sql("snowflake"))
    database = resolver.session.database
    if len(parts) == 2:
        return parts[0], parts[1], ""
    if not database:
        raise resolver.homeless("database", 90105)
    return database, parts[-1], ""


def relation(resolver: Resolver, tree: exp.Create, key: Key, temporary: bool) -> Plan:
    """A table or a view."""
    session = resolver.session
    kind = str(tree.args["kind"]).upper()
    if isinstance(tree.this, exp.Schema) and kind == "TABLE":
        drop_keys(tree.this)
    steps = []
    if isinstance(tree.this, exp.Schema) and kind == "TABLE" and tree.expression is None:
        split = transforms.create_table_autoincrement(tree)
        if len(split) > 1:
            steps.append(sequence(split, key))
            tree = split[1]
    if isinstance(tree.expression, exp.Query) or tree.args.get("clone") is not None:
        no_duplicates(tree.expression)
    resolver.stays = not (kind == "TABLE" and isinstance(tree.expression, exp.Query))
    named = resolver.named(tree)
    hidden = hidden_place(session.number, key) if temporary else session.temps.get(key)
    if hidden:
        table = named.this.this if isinstance(named.this, exp.Schema) else named.this
        table.args.pop("alias", None)
        put(table, hidden)
    made = passed(named)
    if kind == "TABLE" and isinstance(made.expression, exp.Query) and isinstance(made.this, exp.Schema):
        made = transforms.create_table_as(made, session.duck)
    plan = Plan("create", [*steps, made.sql("duckdb", copy=False)], what=kind, target=key, tree=made, lasting=False)
    plan.temporary = temporary
    plan.text_lengths = [pair for pair in made.args.get("text_lengths") or [] if pair[1] != LONGEST_TEXT]
    return plan


def sequence(split: list[exp.Expr], key: Key) -> str:
    """The sequence behind an AUTOINCREMENT column, in the table's own schema."""
    name = split[0].this.name
    full = quoted(key[0], key[1], name)
    for call in split[1].find_all(exp.Anonymous):
        if call.name.upper() == "NEXTVAL":
            call.set("expressions", [exp.Literal.string(full)])
    return split[0].sql("duckdb").replace(split[0].this.sql("duckdb"), full, 1)


def properties(tree: exp.Create) -> tuple[bool, bool, int | None]:
    """(transient, temporary, days of retention)."""
    transient = temporary = False
    retention = None
    for node in tree.args["properties"].expressions if tree.args.get("properties") else ():
        transient |= isinstance(node, exp.TransientProperty)
        temporary |= isinstance(node, exp.TemporaryProperty)
        if isinstance(node, exp.Property) and node.name.upper() == "DATA_RETENTION_TIME_IN_DAYS":
            retention = int(node.args["value"].name)
    if retention is not None and retention > 1 and (transient or temporary):
        raise compilation(1003, "22023", f"invalid value [{retention}] for parameter 'DATA_RETENTION_TIME_IN_DAYS'")
    return transient, temporary, retention


def drop_keys(schema: exp.Schema) -> None:
    """Snowflake keeps primary keys and the like as a remark, and does not watch over them."""
    kept = []
    for node in schema.expressions:
        if isinstance(node, KEYS):
            continue
        if isinstance(node, exp.ColumnDef):
            dropped = (*KEYS, exp.Reference, exp.CommentColumnConstraint)
            constraints = node.args.get("constraints") or []
            node.set("constraints", [c for c in constraints if not isinstance(c.args.get("kind"), dropped)])
        kept.append(node)
    schema.set("expressions", kept)


def no_duplicates(query: exp.Expr | None) -> None:
    """Each column of a new table has a name of its own."""
    seen = set()
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        query = query.this
    for node in query.expressions if isinstance(query, exp.Select) else ():
        found = None
        if isinstance(node, exp.Alias):
            found = node.args.get("alias")
        elif isinstance(node, exp.Column):
            found = node.this
        if isinstance(found, exp.Identifier):
            name = found.this if found.args.get("quoted") else found.this.upper()
            if name in seen:
                raise compilation(2025, "42S21", f"duplicate column name '{name}'")
            seen.add(name)


def body_of_view(sql: str) -> str:
    """The text of a view after its AS, as GET_DDL gives it back."""
    depth, seen = 0, False
    for token in sqlglot.tokenize(sql, read="snowflake"):
        word = token.text.upper()
        depth += {"(": 1, ")": -1}.get(word, 0)
        seen = seen or word == "VIEW"
        if seen and depth == 0 and word == "AS":
            return sql[token.end + 1 :].strip().rstrip(";")
    raise compilation(1003, "42000", "syntax error: a view without AS")
