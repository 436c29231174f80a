"""The allow-list: of what a formula may consist, and the expression with every call spelled out.

Engines agree about little: on which day a week begins, how halves are rounded, what the greatest of a value and nothing
is. So most calls are written in arithmetic that all engines share; a value outside of a function's domain is null, since
one bad row must not make a whole model fail. tests/doors/semantic/formula_values.py has a value of each.
"""

from __future__ import annotations

from sqlglot import exp

from runner.doors.semantic.functions.days import DAYS
from runner.doors.semantic.functions.pieces import Unknown
from runner.doors.semantic.functions.values import VALUES

SPELLED = {**DAYS, **VALUES}
TESTED = """
    Column Identifier Literal Null Boolean Paren Neg Star Tuple Var And Or Not EQ NEQ GT GTE LT LTE Is In Between
    Like Add Sub Mul Div IntDiv Mod SafeDivide DPipe Concat Case If Coalesce Nullif Greatest Least Cast DataType
    DataTypeParam Lower Upper Length Trim Substring Replace Left Right StartsWith EndsWith Abs Sign Round Ceil Floor
    Ln Log Sqrt Pow Exp DateDiff DateTrunc DateAdd DateSub Date Extract WeekStart Sum Count CountIf Min Max Avg
    LogicalOr LogicalAnd Distinct
"""
# Aggregates that warnings tell of: holistic, approximate. Whether an engine has one, its own generator says.
LOOSE = tuple(
    getattr(exp, name)
    for name in """
    Median PercentileCont PercentileDisc Quantile Mode ArrayAgg Stddev StddevPop StddevSamp Variance VariancePop
    Corr AnyValue Order Ordered ApproxDistinct ApproxQuantile ApproxQuantiles ApproxTopK ApproxTopSum Hll
    """.split()
)
# What calls may be given; a time zone or a format is no such thing.
ARGUMENTS = frozenset("this expression to unit decimals start length replacement true false default low high".split())
KNOWN = frozenset(getattr(exp, name) for name in TESTED.split()) | frozenset(LOOSE)


def spelled_out(tree: exp.Expr) -> exp.Expr:
    """An expression with every call in a form that has one meaning. Raises Unknown."""
    top = exp.Paren(this=tree.copy())
    nodes = list(top.walk())
    for node in nodes:
        if type(node) not in KNOWN:
            raise Unknown(_called(node))
        given = () if isinstance(node, exp.Column) else node.args.items()
        if more := [name for name, value in given if isinstance(value, exp.Expr) and name not in ARGUMENTS]:
            raise Unknown(f"{_called(node)} with a {more[0]}")
    for node in reversed(nodes[1:]):
        if (spell := SPELLED.get(type(node))) is not None:
            made = spell(node)
            node.replace(exp.Paren(this=made) if isinstance(made, (exp.Binary, exp.Unary)) else made)
    found: exp.Expr = top.this
    return found


def _called(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.name)
    text = node.sql("bigquery").partition("(")[0].strip()
    return text if text and "runner_slot_" not in text else str(node.key).upper()
