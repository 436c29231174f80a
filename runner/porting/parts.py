"""What ports between the dialects, part by part: a part that is not listed here is refused, whatever sqlglot does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from runner.porting.forms import JUDGES, Answer, Pair


@dataclass(frozen=True)
class Objection:
    """A part that does not port: why, and what would."""

    node: exp.Expr
    why: str
    instead: str = ""


_STRUCTURE = (
    "Select From Join Where Group Having Order Ordered Limit Offset With CTE Subquery Union Intersect Except Column "
    "Identifier Table TableAlias Alias Literal Null Boolean Star Paren Tuple And Or Not EQ NEQ GT GTE LT LTE Is In "
    "Between Like ILike Escape Add Sub Mul Div Mod Neg DPipe Case If Cast DataType DataTypeParam Interval Var Exists "
    "Window WindowSpec Distinct Qualify NullSafeEQ NullSafeNEQ Filter Values Dot "
)
_CALLS = (
    "Count Sum Avg Min Max LogicalAnd LogicalOr GroupConcat Coalesce Nullif Greatest Least Lower Upper Trim Length "
    "Substring Left Right Replace Concat Pad Repeat Reverse SplitPart StrPosition MD5 Abs Ceil Floor Round Sqrt Ln Exp "
    "Pow Sign TimestampTrunc DateTrunc Extract Year Month Day DateDiff TsOrDsDiff TimeToStr RowNumber Rank DenseRank "
    "PercentRank CumeDist Ntile Lag Lead FirstValue LastValue NthValue CurrentDate "
)
PARTS = frozenset((_STRUCTURE + _CALLS).split())


def objections(tree: exp.Expr, pair: Pair, known: frozenset[str]) -> Iterator[Objection]:
    """All that does not port in a tree. `known` are the user's own functions, which are there on both engines."""
    stack = [tree]
    while stack:
        node = stack.pop()
        answer, whole = _judged(node, pair, known)
        if answer is not None:
            yield Objection(node, *answer)
        if not whole:
            stack.extend(node.iter_expressions(reverse=True))


def _judged(node: exp.Expr, pair: Pair, known: frozenset[str]) -> tuple[Answer, bool]:
    """The answer, and whether it stands for the parts of the node, too."""
    name = type(node).__name__
    unknown = "is not known to mean the same on both engines"
    if isinstance(node, exp.Anonymous):
        own = str(node.this).lower() in known or isinstance(node.parent, exp.Dot)
        return (None, False) if own else ((unknown, ""), True)
    if name not in PARTS:
        return (unknown, _HINTS.get(name, "")), True
    judge = JUDGES.get(name)
    return (judge(node, pair) if judge is not None else None), False


_HINTS: Mapping[str, str] = {
    "IntDiv": "floor(cast(a as double precision) / nullif(b, 0))",
    "CountIf": "count(case when … then 1 end)",
    "ConcatWs": "a || ',' || b, with coalesce() around what may be null",
    "TryCast": "case when … then cast(…) end",
    "ArgMin": "row_number() over (… order by …) in a CTE, and take 1",
    "ArgMax": "row_number() over (… order by … desc) in a CTE, and take 1",
    "First": "row_number() over (… order by …) in a CTE, and take 1",
    "AnyValue": "min(x)",
    "Log": "ln(x) / ln(10.0)",
    "CurrentTimestamp": "a column of the events",
    "RegexpLike": "like, position(), split_part()",
    "RegexpReplace": "replace(), split_part()",
    "RegexpExtract": "split_part(), substring()",
}
