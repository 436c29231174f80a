"""The names of a statement as Snowflake reads them: in upper case unless quoted, whole, and there.

Temporary tables and tables of the past are named by the place where they lie.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from tests.engines.emulator.account.catalogue import columns_of
from tests.engines.emulator.account.past import no_past
from tests.engines.emulator.errors import Refused, absent, compilation, unsupported
from tests.engines.emulator.names import Key, dotted, plain
from tests.engines.emulator.translation.functions import CALLS, replaced
from tests.engines.emulator.translation.passes import translated

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.session import Session

INFORMATION = {"TABLES", "COLUMNS", "VIEWS", "SCHEMATA", "LOAD_HISTORY", "FUNCTIONS"}  # what there is as a view
UNNAMED = (exp.Insert, exp.Schema, exp.Create, exp.Drop)  # parents of a table that has no alias


class Resolver:
    """Names of one statement of a session, and what it found out about them."""

    def __init__(self, session: Session, sql: str) -> None:
        self.session, self.sql = session, sql
        self.catalogue = session.account.catalogue
        self.fleeting = False  # it names what only this session, or only this moment, has
        self.stays = False  # a view or a default: its time is that of its use
        self.tables: list[Key] = []

    def named(self, tree: exp.Expr) -> exp.Expr:
        """Names in upper case, tables qualified and looked up, functions of the session and of the time marked."""
        outer = tree.expression if isinstance(tree, exp.Create) else tree
        names = {id(node): node.sql("snowflake").upper() for node in projections(outer)}
        nodes = list(tree.walk())
        known = {node.alias.upper() for node in nodes if isinstance(node, exp.CTE)}
        doubtful = self._cased(nodes, makes=isinstance(tree, (exp.Create, exp.Alter)))
        for node in nodes:
            if isinstance(node, exp.Table):
                self._table(node, known)
        self._there(tree)
        if doubtful:
            self._exact(tree)
        for node in projections(outer):
            if id(node) in names:
                node.replace(exp.alias_(node.copy(), names[id(node)], quoted=True))
        # from the leaves up: what replaces a node may hold others
        for node in reversed([node for node in tree.walk() if isinstance(node, CALLS)]):
            new = replaced(node, self.stays)
            if new is not node:
                node.replace(new)
        return tree

    def _cased(self, nodes: list[exp.Expr], makes: bool) -> bool:
        """Identifiers as they are meant; whether one of them might be mistaken for another by DuckDB."""
        mixed, doubtful = self.catalogue.mixed, False
        for node in nodes:
            if isinstance(node, exp.Identifier):
                name = node.this
                if not node.args.get("quoted") and isinstance(name, str):
                    name = name.upper()
                    node.set("this", name)
                    node.set("quoted", True)
                elif isinstance(name, str) and name != name.upper():
                    doubtful = True
                    if makes:
                        mixed.add(name.upper())
                doubtful = doubtful or name in mixed
            elif isinstance(node, exp.Values):
                name_columns(node)
            elif isinstance(node, (exp.Sum, exp.Avg)) and isinstance(node.this, exp.Literal) and node.this.is_string:
                node.set("this", exp.cast(node.this, "double"))
        return doubtful

    def _there(self, tree: exp.Expr) -> None:
        """What is read is there, under exactly this name: DuckDB does not tell "a" from "A"."""
        made = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        for key in self.tables:
            new = isinstance(tree, exp.Create) and made.args.get("db") and key == self.key(made)
            if key not in self.catalogue.relations and not new:
                if not self.catalogue.has_schema(key):
                    raise absent("Schema", ".".join(map(plain, key[:2])))
                raise absent("Object", dotted(key))

    def _exact(self, tree: exp.Expr) -> None:
        """The same for columns, as far as it can be seen without types."""
        mixed = self.catalogue.mixed
        lists = [node.this for node in tree.find_all(exp.Insert) if isinstance(node.this, exp.Schema)]
        named = [*tree.find_all(exp.Column), *(node for found in lists for node in found.expressions)]
        doubtful = {n.name for n in named if n.name != n.name.upper() or n.name.upper() in mixed}
        if not doubtful or not self.tables or tree.find(exp.Lateral, exp.TableFromRows):
            return
        known = {n.alias for n in tree.find_all(exp.Alias)}
        known |= {c.name for a in tree.find_all(exp.TableAlias) for c in a.args.get("columns") or ()}
        there = (key for key in self.tables if key in self.catalogue.relations)  # not the table that is being made
        for key in [*there, *self.session.temps.values()]:
            known |= {name for name, *_ in columns_of(self.session.duck, key)}
        for name in doubtful - known:
            if name.upper() in {other.upper() for other in known}:
                raise compilation(904, "42000", f"error line 1 at position 0\ninvalid identifier '{plain(name)}'")

    def key(self, table: exp.Table) -> Key:
        """The whole name of a table."""
        database = table.catalog or self.session.database
        schema = table.db or self.session.schema
        if not database:
            raise self.homeless("database", 90105)
        if not schema:
            raise self.homeless("schema", 90106)
        return database, schema, table.name

    def homeless(self, what: str, number: int) -> Refused:
        """The error of a name that is not whole, in a session without a database or a schema."""
        verb = (self.sql.split() or ["statement"])[0].upper()
        use = f"Call 'USE {what.upper()}', or use a qualified name."
        return Refused(number, "22000", f"Cannot perform {verb}. This session does not have a current {what}. {use}")

    def target(self, tree: exp.Expr) -> tuple[Key, Key | None]:
        """(the table as it is named, the hidden table that stands for it)."""
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if not isinstance(table, exp.Table):
            raise unsupported(f"{type(tree).__name__} into {table}")
        key = self.key(upper_case(table.copy()))
        return key, self.session.temps.get(key)

    def _table(self, table: exp.Table, known: set[str]) -> None:
        if not isinstance(table.this, exp.Identifier):
            return
        at = table.args.get("when")
        if not table.db and table.name in known:
            if at is not None:
                raise compilation(1003, "42000", f"syntax error: unexpected 'at' after '{table.name}'.")
            return
        database, schema, name = key = self.key(table)
        if schema == "INFORMATION_SCHEMA":
            put(table, (database, "_FS_INFORMATION_SCHEMA", f"_FS_{name}" if name in INFORMATION else name))
            return
        if key in self.session.temps:
            if at is not None:
                raise no_past(name)
            self.fleeting = True
            put(table, self.session.temps[key], alias=name)
        elif at is not None:
            self.fleeting = True
            table.set("when", None)
            self._at(table, key, at)
        else:
            self.tables.append(key)
            put(table, key)

    def _at(self, table: exp.Table, key: Key, at: exp.Expr) -> None:
        kind, value = str(at.args.get("kind")).upper(), at.args["expression"]
        if str(at.this).upper() != "AT" or kind not in ("TIMESTAMP", "OFFSET"):
            raise unsupported(f"{at.this}({kind})")
        instant = self._instant(kind, value)
        body = self.catalogue.view_body(key)
        if body is None:
            put(table, self.session.account.pasts.copy_of(key, instant), alias=key[2])
            return
        # as the real one does: the view of today over the tables of then
        inner = sqlglot.parse_one(body, read="snowflake")
        known = {cte.alias.upper() for cte in inner.find_all(exp.CTE)}
        for found in inner.find_all(exp.Table):
            if (found.db or found.name.upper() not in known) and not found.args.get("when"):
                found.set("when", at.copy())
        inner = Resolver(self.session, body).named(inner)
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(key[2], quoted=True))
        table.replace(exp.Subquery(this=inner, alias=alias.copy()))

    def _instant(self, kind: str, value: exp.Expr) -> datetime:
        """The time that AT names."""
        account = self.session.account
        now = account.now()
        sql = self.session.filled(translated(Resolver(self.session, "").named(value.copy())), now)
        if kind == "OFFSET":
            sql = f"CAST('{now:%Y-%m-%d %H:%M:%S.%f}' AS TIMESTAMP) + to_microseconds(({sql} * 1000000)::BIGINT)"
        duck = account.cursor()
        try:
            (found,) = duck.execute(f"select cast(({sql}) as timestamp)").fetchone()
        finally:
            duck.close()
        instant: datetime = found
        return instant


def projections(tree: exp.Expr | None) -> list[exp.Expr]:
    """The items of a SELECT that have no name of their own."""
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    if not isinstance(tree, exp.Select):
        return []
    named = (exp.Alias, exp.Column, exp.Star, exp.Dot, exp.Aliases, exp.Placeholder)
    return [node for node in tree.expressions if not isinstance(node, named)]


def name_columns(node: exp.Values) -> None:
    """(VALUES …) AS v has the columns COLUMN1, COLUMN2 …"""
    holder = node.parent if isinstance(node.parent, exp.Subquery) else node
    alias = holder.args.get("alias")
    first = node.expressions[0] if node.expressions else None
    if alias is not None and not alias.args.get("columns") and isinstance(first, exp.Tuple):
        names = [f"COLUMN{number}" for number in range(1, len(first.expressions) + 1)]
        alias.set("columns", [exp.to_identifier(name, quoted=True) for name in names])


def upper_case(table: exp.Table) -> exp.Table:
    """The table's unquoted names in upper case."""
    for node in table.find_all(exp.Identifier):
        if not node.args.get("quoted"):
            node.set("this", node.this.upper())
    return table


def put(table: exp.Table, key: Key, alias: str = "") -> None:
    """The table is this one; the alias is what a name without one was called by, which a target of INSERT has not."""
    database, schema, name = (exp.to_identifier(part, quoted=True) for part in key)
    table.set("this", name)
    table.set("db", schema)
    table.set("catalog", database)
    if alias and not table.args.get("alias") and not isinstance(table.parent, UNNAMED):
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
