"""What a SELECT reads texts as, column by column: numbers, parts of dates, dates, JSON with these keys.

Made-up texts that it fails on show nothing. What is not seen here (a text that is renamed before it is read) is found by
trying the flavours of texts one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any

from sqlglot import exp

_T = exp.DataType.Type
MOST_KEYS = 8


class Look(IntEnum):
    """What a text looks like; the numbers are those of the pools' flavours."""

    WORD = 0
    NUMBER = 1
    UNIT = 2
    DATE = 3
    JSON = 4


def looks(trees: Iterable[exp.Expr]) -> Mapping[str, Look]:
    """By the names of columns, in lower case."""
    return dict(found for tree in trees for node in tree.walk() for found in _look(node))


def _look(node: Any) -> Iterator[tuple[str, Look]]:
    if isinstance(node, exp.Cast):
        look = _of_type(node.to)
        if isinstance(node.this, exp.Column) and look is not None:
            yield node.this.name.lower(), look
    elif isinstance(
        node, exp.JSONExtract | exp.JSONExtractScalar | exp.JSONBExtract | exp.JSONBExtractScalar | exp.ParseJSON
    ):
        if isinstance(node.this, exp.Column):
            yield node.this.name.lower(), Look.JSON
    elif isinstance(node, exp.StrToTime) and isinstance(node.this, exp.Column):
        yield node.this.name.lower(), Look.DATE
    elif isinstance(node, exp.Anonymous) and "json" in node.name.lower():
        yield from ((c.name.lower(), Look.JSON) for c in node.expressions if isinstance(c, exp.Column))
    elif isinstance(node, exp.Anonymous) and node.name.lower() in ("date_part", "date_trunc", "datepart"):
        yield from ((c.name.lower(), Look.UNIT) for c in node.expressions[:1] if isinstance(c, exp.Column))
    elif isinstance(unit := node.args.get("unit"), exp.Var):
        yield unit.name.lower(), Look.UNIT  # the parser takes a column for the name of a unit


def _of_type(type_: exp.DataType) -> Look | None:
    if type_.is_type(_T.JSON, _T.JSONB, _T.VARIANT, _T.SUPER):
        return Look.JSON
    if type_.is_type(*exp.DataType.NUMERIC_TYPES):
        return Look.NUMBER
    return Look.DATE if type_.is_type(*exp.DataType.TEMPORAL_TYPES) else None


def json_keys(trees: Iterable[exp.Expr]) -> tuple[str, ...]:
    """The names that are looked for in JSON."""
    found = (str(key.this) for tree in trees for key in tree.find_all(exp.JSONPathKey) if isinstance(key.this, str))
    return tuple(dict.fromkeys(found))[:MOST_KEYS]
