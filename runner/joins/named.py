"""What a source's rows are used for: each largest expression over one of its references is a column of it from here on.

Of its changed rows no more is known than the values of these. Where a condition on the reference alone, one that cannot
fail, leaves rows without any effect, an expression that may fail is null on them: a cast that the query never comes to
must not fail here.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from runner.joins.block import Block
from runner.joins.nodes import bare, may_fail, number_of, row_level
from runner.joins.normal import Normal
from runner.joins.values import NOW, Moves, mark
from runner.proof.calls import multiplies


def name_values(form: Normal) -> None:
    """Gives every source's expressions a name, and tells the conditions that guard those of all references."""
    for select in list(form.tree.find_all(exp.Select)):
        block = Block(form, select, None)
        for alias, item in block.items.items():
            number = number_of(item)
            if number is not None:
                safe = [bare(c.node) for c in block.filters(alias) if not may_fail(c.node)]
                form.guards[number] = " and ".join(f"({form.sql(node)})" for node in safe)
    for number in [n for n in form.tables if form.moves(n) is Moves.VALUES]:
        _named(form, number)


def _named(found: Normal, number: int) -> None:
    """Gives each largest expression over one reference a name, as if it were a column of it."""
    item = next(one for one in found.tree.find_all(exp.Table) if one.name == mark(NOW, number))
    names: dict[str, str] = {}
    for node in list(_largest(found.tree, item.alias)):
        text = found.guarded(number, bare(node))
        name = names.setdefault(text, f"runner_e{len(names) + 1}")
        found.blanks[item.alias, name] = f"({found.sql(_blank(node))})"
        node.replace(exp.column(name, table=item.alias, quoted=True))
    found.values[number] = {name: text for text, name in names.items()}


def _blank(node: exp.Expr) -> exp.Expr:
    """An expression over columns that are all null."""
    if isinstance(node, exp.Column):
        return exp.null()
    blank = node.copy()
    for column in list(blank.find_all(exp.Column)):
        column.replace(exp.null())
    return blank


def _largest(node: exp.Expr, alias: str) -> Iterator[exp.Expr]:
    if isinstance(node, exp.Condition) and _is_over(node, alias):
        yield node
        return
    for child in list(node.iter_expressions()):
        yield from _largest(child, alias)


def _is_over(node: exp.Expr, alias: str) -> bool:
    """Whether it is one value of a row of this item and of nothing else."""
    if isinstance(node, (exp.Subquery, exp.Star, exp.Lambda, exp.Tuple, exp.Paren, exp.Table)):
        return False
    columns = list(node.find_all(exp.Column))
    if not columns or any(column.table != alias for column in columns):
        return False
    return row_level(node) and not multiplies(node) and not isinstance(node, (exp.And,))
