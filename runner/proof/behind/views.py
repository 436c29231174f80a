"""Whether the rows of a view that a playbook reads are what they are by their own base rows, on any day.

What a source's batches count is compared from run to run: a row that changes because another one came, or because
the day did, changes no count. Answered as sql/volatile.py does: None, or the reason and what to write instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlglot import exp

from runner.errors import BadInput, Place
from runner.names import TableName
from runner.sql import parser
from runner.sql.spelling import name_of
from runner.sql.volatile import Answer, chance, reads_clock, shown, volatile

FINGERPRINT = "or write `fingerprint: true` for the source, which notices rows that change"
IN_THE_MODEL = f"do it in the model's SELECT, {FINGERPRINT}"
SINGLE = (exp.Limit, exp.Offset, exp.Fetch, exp.TableSample, exp.Distinct, exp.Group, exp.Window, exp.AggFunc)


def tables_of(text: str, dialect: str) -> tuple[TableName, ...]:
    """The tables that a view reads; none where its text cannot be read."""
    try:
        return tuple(dict.fromkeys(name_of(table) for tree in _trees(text, dialect) for table in _tables(tree)))
    except BadInput:
        return ()


def of_lookup(text: str, dialect: str) -> Answer:
    """A look-up is compared row by row: only what moves by itself is wrong."""
    try:
        return _moving(list(_trees(text, dialect)), dialect)
    except BadInput:
        return None


def of_source(text: str, dialect: str, static: Collection[TableName], *, fingerprint: bool) -> Answer:
    """A source: `static` are look-ups whose changes need not reach old rows."""
    try:
        trees = list(_trees(text, dialect))
    except BadInput:
        return None if fingerprint else ("its text cannot be read", FINGERPRINT.removeprefix("or "))
    if found := _moving(trees, dialect):
        return found
    for tree in () if fingerprint else trees:
        for node in tree.find_all(*SINGLE):
            if not _within_a_row(node, tree):
                return f"a row of it hangs on other rows: {shown(node, dialect)}", IN_THE_MODEL
        for sets in tree.find_all(exp.SetOperation):
            if not isinstance(sets, exp.Union) or sets.args.get("distinct"):
                return f"a row of it hangs on other rows: {sets.key}", IN_THE_MODEL
        if found := _joined(tree, static):
            return found
    return None


def _within_a_row(node: exp.Expr, tree: exp.Expr) -> bool:
    """Whether it stands in a subquery over a list of the row: `(select max(x) from unnest(items) as u(x))`."""
    block = node if isinstance(node, exp.Select) else node.find_ancestor(exp.Select)
    return block is not None and block is not tree and bool(block.args.get("from_")) and not _tables(block)


def _joined(tree: exp.Expr, static: Collection[TableName]) -> Answer:
    """More than one table that changes, beside each other: branches of UNION ALL are not."""
    branches = [tree]
    while any(isinstance(branch, exp.Union) for branch in branches):
        branches = [
            part
            for branch in branches
            for part in ((branch.this, branch.expression) if isinstance(branch, exp.Union) else (branch,))
        ]
    for branch in branches:
        read = [name_of(table) for table in _tables(branch) if name_of(table) not in static]
        if len(read) > 1:
            what = (
                f"it joins {read[0]} with {read[1]}, and what changes in one changes rows though no batch's count does"
            )
            return what, f"join it in the model's SELECT, declare it under lookups: as static, {FINGERPRINT}"
    return None


def _moving(trees: list[exp.Expr], dialect: str) -> Answer:
    for node in (node for tree in trees for node in tree.walk()):
        if found := volatile(node, dialect):
            if reads_clock(node) or not chance(node, dialect):
                return found[0], "read the clock in a model without a key: there it is the run's instant"
            return found
    return None


def _trees(text: str, dialect: str) -> Iterator[exp.Expr]:
    return (tree for tree, _ in parser.statements(text, dialect, Place()))


def _tables(tree: exp.Expr) -> list[exp.Table]:
    """Real tables: no CTEs and no functions."""
    named = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    root = tree.root()
    named |= {cte.alias.lower() for cte in root.find_all(exp.CTE)} if isinstance(root, exp.Expr) else set()
    return [
        table
        for table in tree.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier) and (table.db or table.name.lower() not in named)
    ]
