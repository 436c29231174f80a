"""What the table of limits is made of: rules of what an engine does not have.

A rule says how it is seen in a parsed statement, what to write instead, and the page that says so. redshift.py and
snowflake.py hold the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp

Finder = Callable[[exp.Expr], Iterator[exp.Expr]]


@dataclass(frozen=True)
class Rule:
    """One documented limit of an engine."""

    id: str
    what: str  # ends the sentence "Redshift has no …" or is one of its own
    instead: str
    source: str
    find: Finder
    # Pages that list what there is, and do not list this; the others say that it is not supported.
    by_syntax: bool = False


def nodes(*types: type[exp.Expr], where: Callable[[exp.Expr], bool] | None = None) -> Finder:
    """Every node of these types (of which `where` holds)."""

    def find(tree: exp.Expr) -> Iterator[exp.Expr]:
        for node in tree.find_all(*types):
            if where is None or where(node):
                yield node

    return find


def has(name: str) -> Callable[[exp.Expr], bool]:
    """Whether a node has this argument."""
    return lambda node: bool(node.args.get(name))


RANKING = (
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead, exp.Median,
    exp.PercentileCont, exp.PercentileDisc, exp.GroupConcat, exp.AnonymousAggFunc, exp.Anonymous,
)  # fmt: skip


def bare_call(node: exp.Expr) -> exp.Expr:
    """The function itself, out of OVER, FILTER, WITHIN GROUP and IGNORE NULLS."""
    while isinstance(node, (exp.Window, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)):
        node = node.this
    return node


def is_unframed(node: exp.Expr) -> bool:
    """Whether an aggregate is computed in an order, without a frame that says how far it reaches."""
    if not isinstance(node, exp.Window) or not node.args.get("order") or node.args.get("spec"):
        return False
    call = bare_call(node)
    return isinstance(call, (exp.AggFunc, exp.FirstValue, exp.LastValue, exp.NthValue)) and not isinstance(
        call, RANKING
    )


def is_inner_order(node: exp.Expr) -> bool:
    """Whether this ORDER BY stands within the parentheses of a call: string_agg(x, ',' order by y)."""
    parent = node.parent
    if isinstance(parent, exp.Distinct):
        parent = parent.parent
    return isinstance(node, exp.Order) and isinstance(parent, exp.Func)


def is_multiset(node: exp.Expr) -> bool:
    """EXCEPT ALL and INTERSECT ALL."""
    return isinstance(node, (exp.Except, exp.Intersect)) and node.args.get("distinct") is False


def is_any_of_array(node: exp.Expr) -> bool:
    """`x = any(array)`; `any (select …)` is fine, and so is `like any ('a', 'b')`."""
    inner = node.this
    while isinstance(inner, (exp.Paren, exp.Subquery)) and not isinstance(inner, exp.Query):
        inner = inner.this
    like = isinstance(node.parent, (exp.Like, exp.ILike, exp.RegexpLike))
    return isinstance(node, (exp.Any, exp.All)) and not isinstance(inner, exp.Query) and not like


def is_array_word(node: exp.Expr) -> bool:
    """`array[1, 2]`, which is not `array(1, 2)`."""
    return isinstance(node, exp.Array) and bool(node.args.get("bracket_notation"))


def is_constant_table(node: exp.Expr) -> bool:
    """VALUES where a table is expected, not those of an INSERT or MERGE."""
    return isinstance(node, exp.Values) and not isinstance(node.parent, (exp.Insert, exp.Merge, exp.When))


def of_type(*names: str) -> Finder:
    """Casts to, and columns of, types that the engine does not have; `array`: any `t[]`."""
    unwanted = {exp.DataType.Type[name] for name in names}
    return nodes(exp.DataType, where=lambda node: node.this in unwanted)


# ---- correlated subqueries ------------------------------------------------------------------------------------------


def reach(column: exp.Column) -> tuple[int, exp.Query | None]:
    """How many query blocks lie between a column and the block whose table it names, and its innermost subquery.

    0 is its own block; also where the column names no table, since only the catalogue could tell.
    """
    owner = column.table.lower()
    block = column.parent_select
    innermost = block
    level = 0
    while owner and block is not None:
        if owner in _owners(block):
            return level, innermost
        block = block.parent_select
        level += 1
    return 0, innermost


def _owners(block: exp.Query) -> set[str]:
    """The names by which a block's columns may name their table."""
    if not isinstance(block, exp.Select):
        return set()
    joined = [block.args.get("from_"), *(block.args.get("joins") or [])]
    found = set()
    for part in joined:
        if part is not None and isinstance(part.this, exp.Expr):
            found.add(part.this.alias_or_name.lower())
    found |= {lateral.alias.lower() for lateral in block.args.get("laterals") or []}
    return found


def correlated(tree: exp.Expr) -> Iterator[tuple[exp.Column, int, exp.Select]]:
    """Columns of an outer block: the column, how far out, and the subquery's block in which it stands."""
    for column in tree.find_all(exp.Column):
        level, block = reach(column)
        if level and isinstance(block, exp.Select):
            yield column, level, block


def own_parts(block: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of a query block in the order of the text, without those of its subqueries."""
    stack = list(block.iter_expressions(reverse=True))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, exp.Query):
            stack.extend(node.iter_expressions(reverse=True))


def holder(block: exp.Expr) -> exp.Expr | None:
    """What a subquery's block is a part of: the node above its parentheses."""
    up = block.parent
    while isinstance(up, (exp.Subquery, exp.Paren)) and not up.args.get("alias"):
        up = up.parent
    return up
