"""One SELECT as the derivation sees it: items, conditions, subqueries, and what keeps its rows from falling apart."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from runner.joins.nodes import QUERY, is_table, row_level
from runner.joins.normal import Normal
from runner.joins.sets import grouping_sets, has_sets
from runner.proof.calls import has_aggregate
from runner.proof.outputs import window_parts
from runner.proof.relations import conjuncts
from runner.sql.references import items_of

HIDING = ("SEMI", "ANTI")
Side = tuple[int, frozenset[str]]  # the items on a side of a join that it may fill up with nulls


@dataclass(frozen=True, eq=False)
class Conjunct:
    """One condition of a FROM or WHERE that must hold; `join` is None for WHERE."""

    node: exp.Expr
    items: frozenset[str]
    join: int | None
    plain: bool  # no subquery within


@dataclass(frozen=True, eq=False)
class Sub:
    """A subquery in an expression."""

    query: exp.Query
    operand: tuple[exp.Expr, ...]  # of IN
    strict: bool  # an IN that stands alone in WHERE: nulls never pass
    items: frozenset[str]
    exists: bool
    join: int | None  # where it stands in the ON of a join


class Block:
    """`used`: the outputs whose values matter (None: all)."""

    def __init__(self, normal: Normal, node: exp.Select, used: frozenset[str] | None) -> None:
        self.normal, self.node = normal, node
        self.items = {item.alias: item for item in items_of(node)}
        self.order = list(self.items)
        self.joins: list[exp.Join] = node.args.get("joins") or []
        everything = used is None or bool(node.args.get("distinct"))
        self.live = [one for one in node.selects if everything or one.alias_or_name in (used or ())]
        self.conjuncts = [c for k, join in enumerate(self.joins) for c in self._conjuncts(join.args.get("on"), k)]
        self.conjuncts += self._conjuncts(node.args["where"].this if node.args.get("where") else None, None)
        self.optional = [(k, side) for k, join in enumerate(self.joins) for side in self._optional(k, join)]
        self.subs = self._subs()

    # -- the FROM clause ---------------------------------------------------------------------------------------------

    def _conjuncts(self, node: exp.Expr | None, join: int | None) -> list[Conjunct]:
        return [Conjunct(part, self.own(part), join, not part.find(*QUERY)) for part in conjuncts(node)]

    def _optional(self, k: int, join: exp.Join) -> list[frozenset[str]]:
        """The sides of a join that it may fill up with nulls."""
        left, right = frozenset(self.order[: k + 1]), frozenset({self.order[k + 1]})
        return {"LEFT": [right], "RIGHT": [left], "FULL": [left, right]}.get(join.side, [])

    def own(self, node: exp.Expr) -> frozenset[str]:
        """The items of this block that an expression reads."""
        return frozenset(column.table for column in node.find_all(exp.Column)) & self.items.keys()

    def beside(self, alias: str) -> frozenset[str]:
        """The items that an item reads itself: a lateral subquery, a list made of a row."""
        item = self.items[alias]
        return frozenset() if is_table(item) else self.own(item) - {alias}

    @property
    def hidden(self) -> frozenset[str]:
        """The right sides of semi and anti joins, which nothing after them sees."""
        return frozenset(self.order[k + 1] for k, join in enumerate(self.joins) if join.kind in HIDING)

    @property
    def nearest(self) -> frozenset[str]:
        """The right sides of ASOF joins: a row that is left out beforehand lets another one be the nearest."""
        return frozenset(self.order[k + 1] for k, join in enumerate(self.joins) if join.method == "ASOF")

    def outer_names(self, node: exp.Expr) -> bool:
        """Whether an expression reads columns from outside of this block and what is within it."""
        within = {item.alias for query in [self.node, *self.node.find_all(exp.Select)] for item in _items(query)}
        within |= {item.alias for query in node.find_all(exp.Select) for item in _items(query)}
        return any(column.table not in within for column in node.find_all(exp.Column) if column.table)

    @property
    def correlated(self) -> bool:
        return self.outer_names(self.node)

    def filters(self, alias: str) -> list[Conjunct]:
        """The conditions on one item alone without which its rows have no effect."""
        return [
            c
            for c in self.conjuncts
            if c.plain and c.items == {alias} and self._is_filter(c, alias) and not self.outer_names(c.node)
        ]

    def _is_filter(self, conjunct: Conjunct, alias: str) -> bool:
        k = conjunct.join
        if alias in self.nearest or any(alias in side and (k is None or m < k) for m, side in self.optional):
            return False
        if k is None:
            return alias not in self.hidden
        join = self.joins[k]
        right = alias == self.order[k + 1]
        if join.method == "ASOF" or (join.kind == "ANTI" and not right):
            return False
        return {"": True, "LEFT": right, "RIGHT": not right}.get(join.side, False)

    # -- what is read above the FROM clause --------------------------------------------------------------------------

    def clauses(self) -> list[exp.Expr]:
        names = ["group", "having", "qualify"]
        names += ["order"] if self.node.args.get("limit") or self.node.args.get("distinct") else []
        return [self.node.args[name] for name in names if self.node.args.get(name)]

    def uses(self, alias: str) -> list[exp.Expr]:
        """All that may read an item."""
        others = [item for name, item in self.items.items() if name != alias and not is_table(item)]
        return [*self.live, *(c.node for c in self.conjuncts), *self.clauses(), *others]

    def columns_used(self, alias: str) -> list[str]:
        """The columns of an item that this block reads, in an order."""
        columns = (c for root in self.uses(alias) for c in root.find_all(exp.Column) if c.table == alias)
        return sorted({column.name for column in columns})

    def _subs(self) -> list[Sub]:
        roots: list[tuple[exp.Expr, int | None]] = [(one, None) for one in self.live]
        roots += [(c.node, c.join) for c in self.conjuncts]
        roots += [(one, None) for one in self.clauses()]
        return [self._sub(query, join) for root, join in roots for query in outermost(root)]

    def _sub(self, query: exp.Query, join: int | None) -> Sub:
        holder = query.parent
        while isinstance(holder, exp.Subquery):
            holder = holder.parent
        operand: list[exp.Expr] = []
        strict = False
        if isinstance(holder, exp.In):
            operand = holder.this.expressions if isinstance(holder.this, exp.Tuple) else [holder.this]
            strict = any(c.node is holder and c.join is None for c in self.conjuncts)
            if (len(operand) > 1 and not strict) or not row_level(holder.this):
                operand = []
        items = self.own(query).union(*map(self.own, operand))
        return Sub(query, tuple(operand), strict, items, isinstance(holder, exp.Exists), join)

    def null_of(self, value: exp.Expr) -> str:
        """NULL of the type that a value has: in a union of several queries Postgres takes a bare one for a text."""
        items = [self.items[alias] for alias in self.order if alias in self.own(value)]
        reads_others = any(self.beside(item.alias) or self.outer_names(item) for item in items)
        if not items or not row_level(value) or reads_others:
            return "NULL"
        sql = self.normal.sql
        return f"(select {sql(value)} from {', '.join(map(sql, items))} where 1 = 0)"

    # -- groups and partitions ---------------------------------------------------------------------------------------

    @property
    def group(self) -> list[exp.Expr] | None:
        """What every group is by; None where rows are not grouped."""
        clause = self.node.args.get("group")
        if clause is None:
            return [] if any(map(has_aggregate, [*self.live, *self.clauses()])) else None
        if clause.args.get("all"):
            return [value_of(one) for one in self.node.selects if row_level(one)]
        sets = grouping_sets(clause) or [()]
        return [one for one in sets[0] if all(one in other for other in sets)]

    @property
    def has_sets(self) -> bool:
        """Whether rows are grouped in several ways."""
        return has_sets(self.node.args.get("group"))

    @property
    def partitions(self) -> list[list[exp.Expr]]:
        """Within what rows depend on each other: the partitions of windows, DISTINCT ON and LIMIT."""
        found = []
        for root in [*self.live, *self.clauses()]:
            for window in root.find_all(exp.Window):
                if window.find_ancestor(*QUERY) is self.node:
                    found.append(window_parts(window, self.node, self.normal.dialect)[0])
        distinct = self.node.args.get("distinct")
        if distinct and distinct.args.get("on"):
            on = distinct.args["on"]
            found.append(list(on.expressions) if isinstance(on, exp.Tuple) else [on])
        if self.node.args.get("limit") or self.node.args.get("offset"):
            found.append([])
        return found


def _items(query: exp.Expr) -> list[exp.Expr]:
    return items_of(query) if isinstance(query, exp.Select) else []


def value_of(select: exp.Expr) -> exp.Expr:
    """What a select item is, without its name."""
    return select.this if isinstance(select, exp.Alias) else select


def outermost(root: exp.Expr) -> list[exp.Query]:
    """Queries that stand in an expression, not those within them."""
    if isinstance(root, (exp.Select, exp.SetOperation)):
        return [root]
    return [query for child in root.iter_expressions() for query in outermost(child)]
