"""A SELECT in the form in which covers are read: CTEs in place, names resolved, each item of a FROM with an alias alone.

Names are resolved by sqlglot's optimizer over the catalogue's columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from runner.joins.nodes import QUERY, NotDerived, inner, is_table, may_fail, number_of
from runner.joins.values import NOW, Input, Moves, mark
from runner.names import TableName
from runner.proof.relations import line_of
from runner.sql.references import items_of
from runner.sql.select import Reference
from runner.sql.spelling import name_of
from runner.warehouse.engines import Engine


@dataclass
class Normal:
    """The tree, and what its marks stand for."""

    tree: exp.Query
    dialect: str
    inputs: Mapping[TableName, Input]
    tables: dict[int, TableName]  # by number: a reference within a CTE that is read twice has two
    references: dict[int, int]
    lines: dict[int, int]
    values: dict[int, dict[str, str]] = field(default_factory=dict)
    """Of a source: its columns' names here, with the expressions that they stand for."""
    blanks: dict[tuple[str, str], str] = field(default_factory=dict)
    """(alias, column) of these, and what the expression is where an outer join has filled the row up with nulls."""
    guards: dict[int, str] = field(default_factory=dict)
    """Of a reference: conditions over its own columns that cannot fail, and without which its rows have no effect."""
    count: int = 0

    def nulled(self, text: str, aliases: Iterable[str]) -> str:
        """A text in which the columns of these items are null."""
        names = sorted(aliases)
        if not names:
            return text
        column = rf'"?\b({"|".join(names)})\b"?\.("(?:[^"]|"")+"|\w+)'
        return re.sub(column, lambda found: self.blanks.get((found[1], found[2].strip('"')), "NULL"), text)

    def alias(self) -> str:
        """A name that nothing else has."""
        self.count += 1
        return f"runner_t{self.count}"

    def moves(self, number: int) -> Moves:
        return self.inputs[self.tables[number]].moves

    def unequal(self, number: int) -> frozenset[str]:
        """Columns of which equal values may differ."""
        return self.inputs[self.tables[number]].unequal

    def guarded(self, number: int, node: exp.Expr) -> str:
        """An expression over a reference's own columns that is null, and does not fail, where its rows have no effect."""
        guard = self.guards.get(number)
        return f"case when {guard} then {self.sql(node)} end" if guard and may_fail(node) else self.sql(node)

    def sql(self, node: exp.Expr) -> str:
        return node.sql(dialect=self.dialect, comments=False)


def normal(
    tree: exp.Query, references: Sequence[Reference], inputs: Mapping[TableName, Input], engine: Engine
) -> Normal:
    """Raises NotDerived for what cannot be read this way."""
    dialect = engine.name
    tree = tree.copy()
    named = _marked(tree, references, dialect)
    _inlined(tree, {})
    _readable(tree)
    read = _numbered(tree)
    tables = {n: named[r] for n, r in read.items()}
    _renamed_by_place(tree, {n: compared(inputs[t].columns, engine) for n, t in tables.items()})
    schema: dict[str, object] = {
        mark(NOW, n): dict.fromkeys(compared(inputs[t].columns, engine), "unknown") for n, t in tables.items()
    }
    try:
        tree = qualify(
            tree,
            dialect=dialect,
            schema=MappingSchema(schema, dialect=dialect, normalize=False),
            quote_identifiers=True,
            validate_qualify_columns=False,
        )
    except SqlglotError as error:
        raise NotDerived(f"its names could not be followed: {str(error).splitlines()[0]}") from None
    found = Normal(tree, dialect, inputs, tables, read, {n: references[r].line for n, r in read.items()})
    _told_apart(tree)
    _renamed(tree, {}, found)
    _resolved(tree)
    return found


def compared(columns: Iterable[str], engine: Engine) -> list[str]:
    """Columns as the parser's optimizer compares them."""
    written = (engine.quote(name)[1:-1].replace('""', '"') for name in columns)
    named = (exp.to_identifier(name, quoted=True) for name in written)
    return [normalize_identifiers(name, dialect=engine.name).name for name in named]


def _marked(tree: exp.Query, references: Sequence[Reference], dialect: str) -> dict[int, TableName]:
    """Each real table under its mark; columns that name a table with its schema name it alone."""
    at = {reference.start: number for number, reference in enumerate(references)}
    tables = {}
    for node in list(tree.find_all(exp.Table)):
        start = node.parts[0].meta.get("start") if isinstance(node.this, exp.Identifier) else None
        number = at.get(start) if start is not None else None
        if number is None or name_of(node) != references[number].table:
            continue
        tables[number] = references[number].table
        alias = node.args.get("alias") or exp.TableAlias(this=node.this.copy())
        if not alias.this:
            alias.set("this", node.this.copy())
        node.set("alias", alias)
        node.set("this", exp.to_identifier(mark(NOW, number), quoted=True))
        node.set("db", None)
        node.set("catalog", None)
    known = {tuple(part.lower() for part in table.parts[-2:]) for table in tables.values()}
    for column in tree.find_all(exp.Column):
        if column.args.get("db") and (column.db.lower(), column.table.lower()) in known:
            column.set("db", None)
            column.set("catalog", None)
    return tables


def _numbered(tree: exp.Query) -> dict[int, int]:
    """Gives each table that is read a number of its own; gives the references behind them."""
    found: dict[int, int] = {}
    for node in list(tree.find_all(exp.Table)):
        reference = number_of(node)
        if reference is not None:
            found[len(found)] = reference
            node.set("this", exp.to_identifier(mark(NOW, len(found) - 1), quoted=True))
    return found


def _renamed_by_place(tree: exp.Query, columns: Mapping[int, Sequence[str]]) -> None:
    """`t as x(a, b)`: a subquery that gives the table's columns these names."""
    for item in list(tree.find_all(exp.Table)):
        number, alias = number_of(item), item.args.get("alias")
        given = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
        if number is None or not given or not isinstance(alias, exp.TableAlias):
            continue
        names = columns[number]
        if len(names) < len(given):
            raise NotDerived(f"the columns of {alias.name} could not be told", line_of(item))
        outs = [exp.column(name, quoted=True) for name in names]
        renamed = [exp.alias_(out, to.copy()) for out, to in zip(outs, given, strict=False)]
        inside = exp.Table(this=item.this.copy(), alias=exp.TableAlias(this=alias.this.copy()))
        select = exp.select(*renamed, *outs[len(given) :]).from_(inside)
        item.replace(exp.Subquery(this=select, alias=exp.TableAlias(this=alias.this), joins=item.args.get("joins")))


def _inlined(node: exp.Expr, known: dict[str, tuple[exp.Expr, object]]) -> exp.Expr:
    """CTEs where they are read."""
    clause = node.args.get("with_")
    if clause:
        if clause.args.get("recursive"):
            raise NotDerived("with recursive is not followed", line_of(clause))
        known = dict(known)
        for cte in clause.expressions:
            known[cte.alias.lower()] = (_inlined(cte.this, known), cte.args["alias"].args.get("columns"))
        node.set("with_", None)
    for child in list(node.iter_expressions()):
        if isinstance(child, exp.Table) and not child.args.get("db") and child.name.lower() in known:
            body, columns = known[child.name.lower()]
            given = child.args.get("alias")
            named = (given.args.get("columns") if given else None) or columns
            alias = exp.TableAlias(this=exp.to_identifier(child.alias_or_name), columns=named)
            child.replace(exp.Subquery(this=body.copy(), alias=alias, joins=child.args.get("joins")))
        else:
            _inlined(child, known)
    return node


def _readable(tree: exp.Query) -> None:
    for select in tree.find_all(exp.Select):
        for item in items_of(select):
            if not _is_item(item):
                raise NotDerived(f"{item.sql()[:60]} in a FROM clause is not followed", line_of(item))
        sides: list[str] = []  # by what joins a column of USING may be null in one of its tables
        for join in select.args.get("joins") or []:
            sides.append(join.side)
            by_name = join.args.get("using") and (join.method or {"FULL", "RIGHT"} & set(sides))
            if join.method not in ("", "ASOF") or by_name:
                raise NotDerived(f"{join.sql()[:60]} is not followed", line_of(join))
        if select.args.get("laterals") or select.args.get("pivots") or select.args.get("sample"):
            raise NotDerived("lateral view, pivot or sample is not followed", line_of(select))


def _is_item(item: exp.Expr) -> bool:
    if item.args.get("joins") or item.args.get("pivots") or item.args.get("sample"):
        return False
    return (
        is_table(item)
        or isinstance(item, (exp.Unnest, exp.Values))
        or (isinstance(item, exp.Table) and isinstance(item.this, exp.Func))
        or (isinstance(item, (exp.Subquery, exp.Lateral)) and isinstance(inner(item), QUERY))
    )


def _told_apart(tree: exp.Query) -> None:
    """Raises NotDerived where a subquery gives two columns one name: engines and the optimizer differ in which is meant."""
    for item in tree.find_all(exp.Subquery):
        query, alias = inner(item), item.args.get("alias")
        if isinstance(query, QUERY) and alias is not None:
            listed = [column.name for column in alias.args.get("columns") or []]
            names = [*listed, *(one.alias_or_name for one in query.selects[len(listed) :])]
            if len({name.lower() for name in names}) < len(names):
                raise NotDerived(f"two columns of {alias.name or 'a subquery'} have one name", line_of(item))


def _renamed(node: exp.Expr, env: Mapping[str, str], found: Normal) -> None:
    """Gives every FROM item an alias of its own, so that conditions can be moved about freely."""
    if isinstance(node, exp.Select):
        env = dict(env)
        for item in items_of(node):
            if not is_table(item):
                for child in [inner(item)] if isinstance(item, (exp.Subquery, exp.Lateral)) else [item]:
                    _renamed(child, env, found)
            name, alias = found.alias(), item.args.get("alias")
            env[item.alias_or_name] = name
            columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
            item.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True), columns=columns))
        named = {one.alias: one.this for one in node.selects if isinstance(one, exp.Alias)}
        own = set(map(id, items_of(node)))
        for child in node.iter_expressions():
            if isinstance(child, exp.From):
                continue
            for part in [child.args.get("on")] if isinstance(child, exp.Join) else [child]:
                if part is not None and id(part) not in own:
                    _renamed(part, env, found)
        for clause in ("distinct", "order"):  # an output's name there: its expression
            for column in list(node.args[clause].find_all(exp.Column)) if node.args.get(clause) else []:
                if not column.table and column.name in named:
                    column.replace(named[column.name].copy())
        return
    if isinstance(node, exp.Column):
        if node.table in env:
            node.set("table", exp.to_identifier(env[node.table], quoted=True))
        return
    for child in list(node.iter_expressions()):
        _renamed(child, env, found)


def _resolved(tree: exp.Query) -> None:
    """Raises NotDerived if a name could not be told."""
    for column in tree.find_all(exp.Column):
        lambda_ = column.find_ancestor(exp.Lambda)
        if not column.table.startswith("runner_t") and not lambda_ and not column.find_ancestor(exp.Order):
            raise NotDerived(f"what {column.sql()} means could not be told", line_of(column))
        if isinstance(column.this, exp.Star):
            raise NotDerived("a star could not be followed", line_of(column))
