"""GROUP BY with grouping sets: by what rows are grouped in each, and what an output is in the rows of one set."""

from __future__ import annotations

from itertools import combinations, product

from sqlglot import exp

from runner.proof.grouping import SETS

OLD_FORMS = ("rollup", "cube", "totals", "grouping_sets")  # clauses of their own, behind the list
MOST = 16

GroupingSet = tuple[exp.Expr, ...]


def has_sets(clause: exp.Expr | None) -> bool:
    """Whether rows are grouped in several ways."""
    if clause is None:
        return False
    return any(map(clause.args.get, OLD_FORMS)) or any(isinstance(one, SETS) for one in clause.expressions)


def grouping_sets(clause: exp.Expr) -> list[GroupingSet] | None:
    """What a GROUP BY groups by, set by set; None where they are not told, or too many to be followed one by one."""
    if any(map(clause.args.get, OLD_FORMS)):
        return None
    each = [_alternatives(one) for one in clause.expressions]
    count = 1
    for alternatives in each:
        count *= len(alternatives)
    if not 0 < count <= MOST:
        return None
    return [tuple(part for chosen in choice for part in chosen) for choice in product(*each)]


def _alternatives(node: exp.Expr) -> list[GroupingSet]:
    """The sets that one item of a GROUP BY stands for; none where it is not followed."""
    if isinstance(node, exp.Rollup):
        parts = [_parts(one) for one in node.expressions]
        return [tuple(x for part in parts[:n] for x in part) for n in range(len(parts), -1, -1)]
    if isinstance(node, exp.Cube):
        parts = [_parts(one) for one in node.expressions]
        if 2 ** len(parts) > MOST:
            return []
        chosen = [c for n in range(len(parts), -1, -1) for c in combinations(parts, n)]
        return [tuple(x for part in parts for x in part) for parts in chosen]
    if isinstance(node, exp.GroupingSets):
        within = any(isinstance(one, SETS) for one in node.expressions)
        return [] if within else [_parts(one) for one in node.expressions]
    return [(node,)]


def _parts(node: exp.Expr) -> GroupingSet:
    """(a, b) are two, (a) and a are one, () is none."""
    return tuple(node.expressions) if isinstance(node, exp.Tuple) else (node.unnest(),)


def within_set(value: exp.Expr, one: GroupingSet, every: list[GroupingSet]) -> exp.Expr | None:
    """An output in the rows of one set: what it does not group by is null there. None where that is not told."""
    parts = [part for other in every for part in other]
    if value in one:
        return value.copy()
    if value in parts:
        return exp.null()
    if isinstance(value, exp.Grouping):
        bits = "".join("0" if part in one else "1" for part in value.expressions)
        return exp.Literal.number(int(bits, 2))
    if isinstance(value, (exp.Column, exp.Query, exp.Window, exp.AggFunc)):
        return None
    found = value.copy()
    for name, argument in value.args.items():
        given = argument if isinstance(argument, list) else [argument]
        made = [within_set(child, one, every) if isinstance(child, exp.Expr) else child for child in given]
        if any(child is None and old is not None for child, old in zip(made, given, strict=True)):
            return None
        found.set(name, made if isinstance(argument, list) else made[0])
    return found
