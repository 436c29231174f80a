"""Formulas of the semantic layer: SQL expressions in BigQuery's dialect, as Asemic writes them, with {names} in them.

A formula is parsed once; each engine gets it in its own dialect, with an expression of its own in place of each name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from runner.errors import Place

_NAME = re.compile(r"\{([^{}]*)\}")
_SLOT = re.compile(r"\brunner_slot_(\d+)\b")
_SIMPLE = re.compile(r"[\w.\"]+|'[^']*'")
VOLATILE = (exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentDatetime, exp.Rand, exp.Randn, exp.Uuid)
HOLISTIC = (exp.Distinct, exp.Median, exp.PercentileCont, exp.PercentileDisc, exp.Quantile, exp.Mode, exp.ArrayAgg)
APPROXIMATE = (exp.ApproxDistinct, exp.ApproxQuantile, exp.ApproxTopK)


class Unreadable(Exception):
    """A text is not one SQL expression."""


@dataclass(frozen=True)
class Formula:
    """One expression; equal if its text is."""

    text: str
    place: Place = field(default_factory=Place, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """What stands in its braces, each once, in order."""
        return tuple(dict.fromkeys(name.strip() for name in _NAME.findall(self.text)))

    @property
    def tree(self) -> exp.Expression:
        """The parsed expression; `{names}` are columns called runner_slot_N. Raises Unreadable."""
        return _tree(self.text)

    def sql(self, engine: str, value: Callable[[str], str]) -> str:
        """The expression for an engine, with `value(name)` in place of each name."""
        return filled(self.tree, self.names, engine, value)

    def aggregates(self) -> bool:
        """Whether it aggregates."""
        return self.tree.find(exp.AggFunc) is not None

    def bare(self) -> str | None:
        """The name, if that is all there is."""
        found = _NAME.fullmatch(self.text.strip())
        return found[1].strip() if found else None


@cache
def _tree(text: str) -> exp.Expression:
    names = tuple(dict.fromkeys(name.strip() for name in _NAME.findall(text)))
    slotted = _NAME.sub(lambda m: f" runner_slot_{names.index(m[1].strip())} ", text)
    if "{" in slotted or "}" in slotted:
        raise Unreadable("its braces do not match")
    try:
        found = sqlglot.parse(f"select {slotted}", read="bigquery")
    except SqlglotError as error:
        raise Unreadable(str(error).splitlines()[0]) from None
    tree = found[0] if len(found) == 1 else None
    plain = (
        isinstance(tree, exp.Select)
        and len(tree.expressions) == 1
        and not any(value for key, value in tree.args.items() if key not in ("expressions", "kind"))
    )
    if not plain or not isinstance(tree, exp.Select):
        raise Unreadable("it is not one expression")
    one: exp.Expression = tree.expressions[0]
    if isinstance(one, exp.Alias) or one.find(exp.Query):
        raise Unreadable("it is not one expression" if isinstance(one, exp.Alias) else "it holds a subquery")
    return one


def slot_of(node: exp.Expr) -> int | None:
    """The number of the name that a column stands for."""
    found = _SLOT.fullmatch(node.name) if isinstance(node, exp.Column) else None
    return int(found[1]) if found else None


def filled(tree: exp.Expression, names: tuple[str, ...], engine: str, value: Callable[[str], str]) -> str:
    """A parsed expression, or a part of one, as an engine's SQL."""

    def put(found: re.Match[str]) -> str:
        text = value(names[int(found[1])])
        return text if _SIMPLE.fullmatch(text) else f"({text})"

    return _SLOT.sub(put, tree.transform(_plainly).sql(engine, unsupported_level=sqlglot.ErrorLevel.IGNORE))


def _plainly(node: exp.Expr) -> exp.Expr:
    """Days between dates as a difference, which every engine has and none takes for one of timestamps.

    Division by zero gives null on every engine, or one user's zero would make a whole view unreadable.
    """
    if isinstance(node, exp.DateDiff) and node.text("unit").upper() in ("", "DAY"):
        days = (exp.cast(one.copy(), "date") for one in (node.this, node.expression))
        return exp.paren(exp.Sub(this=next(days), expression=next(days)))
    if isinstance(node, (exp.Div, exp.Mod, exp.IntDiv)) and not isinstance(node.expression, (exp.Literal, exp.Nullif)):
        node.set("expression", exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0)))
    return node


def loose_columns(tree: exp.Expression) -> Iterator[str]:
    """Columns that are not in braces."""
    for column in tree.find_all(exp.Column):
        if slot_of(column) is None:
            yield column.sql("bigquery")


def conjuncts(formula: Formula | None) -> tuple[Formula, ...]:
    """The parts of a condition that AND joins, as formulas of their own."""
    if formula is None:
        return ()
    parts = formula.tree.flatten() if isinstance(formula.tree, exp.And) else [formula.tree]
    names = formula.names
    return tuple(
        Formula(_SLOT.sub(lambda m: f"{{{names[int(m[1])]}}}", part.unnest().sql("bigquery")), formula.place)
        for part in parts
    )
