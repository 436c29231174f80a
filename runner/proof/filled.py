"""Which expressions are not null on the rows that a condition lets pass.

Ids that are null are not told apart: `dedupe` and `unique` leave such rows alone. A unique set of which a column may be
null holds that column twice, once as `filled`: rows are told apart by it where this is known as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from runner.proof.columns import Canon
from runner.proof.relations import Frame, Unique, bare, canon

COMPARES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike)


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


def _not_null(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, COMPARES):
        sides = (condition.this, condition.expression)
        if not any(isinstance(side, exp.All) for side in sides):  # true of an empty set, whatever is compared
            yield from sides
    elif isinstance(condition, (exp.In, exp.Between)):
        yield condition.this
    elif isinstance(condition, exp.Not):
        inner = bare(condition.this)
        if isinstance(inner, exp.Between) or (isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null)):
            yield inner.this
    elif isinstance(condition, exp.Is) and condition.args.get("negate") and isinstance(condition.expression, exp.Null):
        yield condition.this
