"""How far the condition on the key may be pushed into a SELECT: which references need only rows of the affected keys.

The result is always cut to the affected keys as well, so nothing here is about truth; it is what an increment reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from runner.joins.block import Block, value_of
from runner.joins.nodes import bare, inner, is_table, number_of, row_level
from runner.joins.normal import Normal

Held = Sequence[exp.Expr | None]  # the key's parts over the items of a block, where they are told by its rows


def cuts(normal: Normal, key: Sequence[str]) -> Mapping[int, tuple[str, ...]]:
    """Of references: the key over their rows, in the names of their columns; '' for a part that they do not hold."""
    found: dict[int, tuple[str, ...]] = {}
    _query(normal, normal.tree, key, found)
    kept: dict[int, tuple[str, ...]] = {}
    for reference in set(normal.references.values()):  # one that is read twice, through a CTE, has to allow it twice
        texts = {found.get(number) for number, of in normal.references.items() if of == reference}
        if len(texts) == 1 and (only := texts.pop()):
            kept[reference] = only
    return kept


def _query(normal: Normal, node: exp.Expr, names: Sequence[str | None], found: dict[int, tuple[str, ...]]) -> None:
    if isinstance(node, (exp.Subquery, exp.Lateral)):
        _query(normal, inner(node), names, found)
    elif isinstance(node, exp.SetOperation):
        at = [next((n for n, s in enumerate(node.selects) if s.alias_or_name == name), None) for name in names]
        rights = node.expression.selects
        if node.args.get("limit") or node.args.get("offset"):
            return
        _query(normal, node.this, names, found)
        theirs = [rights[n].alias_or_name if n is not None and n < len(rights) else None for n in at]
        _query(normal, node.expression, theirs, found)
    elif isinstance(node, exp.Select):
        _block(normal, Block(normal, node, None), names, found)


def _block(normal: Normal, block: Block, names: Sequence[str | None], found: dict[int, tuple[str, ...]]) -> None:
    held = _held(block, names)
    if not any(held):
        return
    nullable = {alias for _, side in block.optional for alias in side} | block.hidden
    for alias, item in block.items.items():
        mine = [value if value is not None and block.own(value) == {alias} else None for value in held]
        over = mine if alias not in nullable | block.nearest else [None] * len(held)
        for theirs, own in _equal(block, alias, nullable):
            over = [
                value if value is not None else own if theirs == given else None
                for value, given in zip(over, held, strict=True)
            ]
        if not any(value is not None for value in over) or block.beside(alias):
            continue
        if is_table(item):
            number = number_of(item)
            if number is not None:
                found[number] = tuple(_over(normal, number, value) for value in over)
        elif isinstance(item, exp.Subquery) and not item.args["alias"].args.get("columns"):
            named = [value.name if isinstance(value, exp.Column) else None for value in over]
            _query(normal, item, named, found)


def _held(block: Block, names: Sequence[str | None]) -> list[exp.Expr | None]:
    """The key's parts that may be asked of rows before they are grouped, numbered and limited."""
    outputs = {one.alias_or_name: value_of(one) for one in block.node.selects}
    parts, group = block.partitions, block.group
    if group == []:
        return [None] * len(names)
    if group is not None and (parts or block.has_sets):
        parts = [*parts, group]
    held: list[exp.Expr | None] = []
    for name in names:
        value = outputs.get(name) if name is not None else None
        fine = value is not None and row_level(value) and value.find(exp.Column) and _told_within(value, parts)
        held.append(value if fine else None)
    return held


def _told_within(value: exp.Expr, parts: Sequence[Sequence[exp.Expr]]) -> bool:
    """Whether rows of other values have no say in rows of this one."""
    return all(value in part for part in parts)


def _equal(block: Block, alias: str, nullable: set[str]) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    """(expression over others, column of this item) that a row of the item must have equal to have any effect."""
    for conjunct in block.conjuncts:
        if not isinstance(conjunct.node, exp.EQ):
            continue
        for own, theirs in (
            (conjunct.node.this, conjunct.node.expression),
            (conjunct.node.expression, conjunct.node.this),
        ):
            of_item = isinstance(own, exp.Column) and own.table == alias and alias not in block.own(theirs)
            if of_item and _is_filter(block, conjunct.join, alias, block.own(theirs), nullable):
                yield theirs, own


def _is_filter(block: Block, k: int | None, alias: str, others: frozenset[str], nullable: set[str]) -> bool:
    right = k is not None and alias == block.order[k + 1]
    if alias in block.nearest and not right:
        return False
    if k is None:
        return alias not in nullable and not others & nullable
    join = block.joins[k]
    if any(len(side) > 1 for _, side in block.optional) or others & nullable:
        return False
    if join.side == "LEFT":
        return right and join.method != "ASOF"
    if join.kind in ("SEMI", "ANTI"):
        return right
    return join.side == "" and (right or alias not in nullable)


def _over(normal: Normal, number: int, value: exp.Expr | None) -> str:
    """An expression over a reference in the names of its own columns."""
    if value is None:
        return ""
    known = normal.values.get(number, {})
    if isinstance(value, exp.Column) and value.name in known:
        return known[value.name]
    return normal.guarded(number, bare(value))
