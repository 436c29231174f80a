"""What calls are spelled out with: texts in which names stand for expressions, and arguments that have to be written out."""

from __future__ import annotations

from functools import cache

import sqlglot
from sqlglot import exp


class Unknown(Exception):
    """A call that is not known to mean the same on every engine."""


@cache
def _template(text: str) -> exp.Expr:
    return sqlglot.parse_one(text)


def made(text: str, **given: exp.Expr) -> exp.Expr:
    """An expression of a text in which names stand for other expressions."""
    return made_of(_template(text), **given)


def made_of(template: exp.Expr, **given: exp.Expr) -> exp.Expr:
    """The same of a parsed text."""
    tree = template.copy()
    for column in list(tree.find_all(exp.Column)):
        if column.name in given:
            value = given[column.name].copy()
            column.replace(value if isinstance(value, (exp.Column, exp.Literal)) else exp.Paren(this=value))
    return tree


def written_out(node: exp.Expr | None, most: int, what: str) -> int:
    """A whole number that is written out. Raises Unknown."""
    if isinstance(node, exp.Literal) and node.name.isdigit() and int(node.name) <= most:
        return int(node.name)
    raise Unknown(what)
