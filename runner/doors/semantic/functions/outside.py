"""Where a formula has no value although what it is made of has: a condition to count such rows by."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

# Calls and operators that have no value for some arguments. What has no room for its value is not among them.
PARTIAL = (exp.Ln, exp.Log, exp.Sqrt, exp.Pow, exp.Exp, exp.Div, exp.Mod, exp.IntDiv, exp.Cast, exp.Date, exp.DateAdd, exp.DateSub)  # fmt: skip
HANDLED = (exp.Coalesce, exp.SafeDivide)  # their authors have thought of it


def outside(tree: exp.Expr) -> exp.Expr | None:
    """The condition; None where there can be no such row. Within an aggregate nothing is looked at: see `arguments`."""
    found = list(_parts(tree))
    return exp.or_(*found) if found else None


def arguments(tree: exp.Expr) -> tuple[exp.Expr, ...]:
    """What the aggregates of a formula aggregate."""
    calls = tree.find_all(exp.AggFunc)
    listed = [
        one for call in calls for one in (call.this.expressions if isinstance(call.this, exp.Distinct) else [call.this])
    ]
    return tuple(one for one in listed if isinstance(one, exp.Expr) and not isinstance(one, exp.Star))


def _parts(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, (*HANDLED, exp.AggFunc)):
        return
    if isinstance(node, (exp.If, exp.Case)):
        yield from _branches(node)
        return
    for child in node.iter_expressions():
        yield from _parts(child)
    given = [one for one in (node.this, node.args.get("expression")) if isinstance(one, exp.Expr)]
    if isinstance(node, PARTIAL) and not _is_total(node):
        there = [exp.Not(this=_is_null(one)) for one in given if not isinstance(one, exp.Literal)]
        yield exp.paren(exp.and_(*there, _is_null(node)))


def _is_total(node: exp.Expr) -> bool:
    """Whether it has a value for all arguments after all."""
    other = node.args.get("expression")
    if isinstance(node, (exp.Div, exp.Mod, exp.IntDiv)):
        return isinstance(other, exp.Literal) and bool(other.name.strip("0."))
    if isinstance(node, (exp.DateAdd, exp.DateSub)):
        return isinstance(other, exp.Literal)
    is_text = isinstance(node, exp.Cast) and node.args["to"].this in (exp.DType.TEXT, exp.DType.VARCHAR)
    return is_text or not any(node.find_all(exp.Column))


def _branches(node: exp.If | exp.Case) -> Iterator[exp.Expr]:
    """Conditions count in each row, values in those that take them."""
    ifs = [node] if isinstance(node, exp.If) else node.args["ifs"]
    for one in ifs:
        yield from _parts(one.this)
    other = node.args.get("false") if isinstance(node, exp.If) else node.args.get("default")
    values = [*(one.args["true"] for one in ifs), other or exp.null()]
    bad = [outside(value) for value in values]
    if all(one is None for one in bad):
        return
    listed = [one or exp.false() for one in bad]
    cases = [exp.If(this=one.this.copy(), true=value) for one, value in zip(ifs, listed, strict=False)]
    operand = node.this if isinstance(node, exp.Case) else None
    yield exp.Case(this=operand.copy() if operand is not None else None, ifs=cases, default=listed[-1])


def _is_null(node: exp.Expr) -> exp.Expr:
    return exp.Is(this=exp.paren(node.copy()), expression=exp.null())
