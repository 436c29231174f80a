"""The nodes of a parse tree as the derivation asks of them: references by number, queries within items, rows' own values."""

from __future__ import annotations

from sqlglot import exp

from runner.joins.values import MARK
from runner.proof.calls import is_aggregate

QUERY = (exp.Select, exp.SetOperation)


class NotDerived(Exception):
    """A form that the derivation has no word on: a change reaches all keys, for this reason."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


def is_table(node: exp.Expr) -> bool:
    """Whether it is a table by name."""
    return isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier)


def number_of(item: exp.Expr) -> int | None:
    """The number of the reference that an item is, if it is one."""
    marked = MARK.fullmatch(item.name) if is_table(item) and not item.args.get("db") else None
    return int(marked[2]) if marked else None


def inner(item: exp.Expr) -> exp.Expr:
    """The query in a subquery or lateral item."""
    while isinstance(item, (exp.Subquery, exp.Lateral)):
        item = item.this
    return item


def bare(node: exp.Expr) -> exp.Expr:
    """An expression over one reference, its columns without the reference's name."""
    found = node.copy()
    for column in list(found.find_all(exp.Column)):
        column.set("table", None)
    return found


def may_fail(node: exp.Expr) -> bool:
    """Whether an expression may be an error for some rows."""
    return node.find(exp.Cast, exp.Div, exp.Anonymous) is not None


def row_level(node: exp.Expr) -> bool:
    """Whether it is told by one row: no aggregate, window or query in it."""
    return not any(isinstance(one, (exp.AggFunc, exp.Window, *QUERY)) or is_aggregate(one) for one in node.walk())
