"""Which expressions are not null on the rows that a condition lets pass, and which relations are there on them.

Ids that are null are not told apart: `dedupe` and `unique` leave such rows alone. A unique set of which a column may be
null holds that column twice, once as `filled`: rows are told apart by it where this is known as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from runner.proof.columns import Canon, leaves
from runner.proof.relations import Frame, Unique, bare, canon

COMPARES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike)
STRICT = (exp.Paren, exp.Cast, exp.Lower, exp.Upper, exp.Neg, exp.Abs, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)


def filled(of: Canon) -> Canon:
    """That an expression is not null, as a member of a unique set."""
    return ("filled", of)


def without_nulls(unique: Iterable[Canon], loose: frozenset[Canon]) -> Unique:
    """A unique set that tells rows apart only where the `loose` ones of its expressions are not null."""
    known = frozenset(unique)
    return known | {filled(of) for of in known & loose}


def told_filled(conditions: Iterable[exp.Expr], frame: Frame) -> frozenset[Canon]:
    """What is not null where all of these conditions hold."""
    return frozenset(filled(canon(one, frame)) for condition in conditions for one in _not_null(condition))


def told_there(conditions: Iterable[exp.Expr], frame: Frame) -> frozenset[str]:
    """The relations of which a column is not null where all of these conditions hold: no outer join filled them up."""
    return frozenset().union(*(_there(condition, frame) for condition in conditions))


def _there(condition: exp.Expr, frame: Frame) -> frozenset[str]:
    condition = bare(condition)
    if isinstance(condition, (exp.And, exp.Or)):
        one, other = _there(condition.this, frame), _there(condition.expression, frame)
        return one | other if isinstance(condition, exp.And) else one & other
    columns = [column for value in _not_null(condition) for column in _strict(value) if frame.knows(column)]
    read = [leaf for column in columns for leaf in leaves(frame.resolve(column))]
    return frozenset(leaf[2] for leaf in read if leaf[0] == "column" and leaf[1] == frame.depth)


def _strict(node: exp.Expr) -> Iterator[exp.Column]:
    """The columns of which none is null where this expression is not."""
    if isinstance(node, exp.Column):
        yield node
    elif isinstance(node, STRICT):
        for part in node.iter_expressions():
            yield from _strict(part)


def _not_null(condition: exp.Expr) -> Iterator[exp.Expr]:
    """What is not null where this condition is true."""
    if condition.args.get("negate") and isinstance(condition, (exp.Like, exp.ILike)):
        yield from _not_false(condition)
    elif isinstance(condition, COMPARES):
        sides = (condition.this, condition.expression)
        if not any(isinstance(side, exp.All) for side in sides):  # true of an empty set, whatever is compared
            yield from sides
    elif isinstance(condition, (exp.In, exp.Between)):
        yield condition.this
    elif isinstance(condition, exp.Column):
        yield condition
    elif isinstance(condition, exp.Not):
        yield from _not_false(bare(condition.this))
    elif isinstance(condition, exp.Is):
        is_null = isinstance(condition.expression, exp.Null)
        if is_null == bool(condition.args.get("negate")) and isinstance(condition.expression, (exp.Null, exp.Boolean)):
            yield condition.this


def _not_false(condition: exp.Expr) -> Iterator[exp.Expr]:
    """What is not null where this condition is false."""
    if isinstance(condition, exp.Is):
        if isinstance(condition.expression, exp.Null) and not condition.args.get("negate"):
            yield condition.this
    elif isinstance(condition, COMPARES):
        sides = (condition.this, condition.expression)
        if not any(isinstance(side, (exp.All, exp.Any)) for side in sides):
            yield from sides
    elif isinstance(condition, exp.Between):
        yield condition.this
    elif isinstance(condition, exp.In):
        if condition.args.get("query") is None and condition.args.get("unnest") is None:
            yield condition.this
    elif isinstance(condition, exp.Column):
        yield condition
