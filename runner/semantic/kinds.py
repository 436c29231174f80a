"""The kinds of value that the files of a semantic model are made of: names, formulas, numbers, dates, durations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from runner.semantic.formulas import Formula
from runner.yamlfile import Mapping, Node, Scalar
from runner.yamlschema import Kind, Scope, Wrong, described

_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
# Words that some engine takes for something else where a bare column stands, and columns of the generated tables.
RESERVED = frozenset(
    [
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "authorization",
        "asymmetric",
        "anti",
        "asof",
        "at",
        "describe",
        "lambda",
        "map",
        "pivot",
        "positional",
        "semi",
        "show",
        "summarize",
        "unpivot",
        "binary",
        "collation",
        "concurrently",
        "current_catalog",
        "current_role",
        "current_schema",
        "deferrable",
        "freeze",
        "glob",
        "ilike",
        "isnull",
        "notnull",
        "tablesample",
        "variadic",
        "verbose",
        "between",
        "both",
        "by",
        "case",
        "cast",
        "check",
        "collate",
        "column",
        "constraint",
        "create",
        "cross",
        "current_date",
        "current_time",
        "current_timestamp",
        "current_user",
        "default",
        "delete",
        "desc",
        "distinct",
        "do",
        "drop",
        "else",
        "end",
        "except",
        "exists",
        "false",
        "fetch",
        "for",
        "foreign",
        "from",
        "full",
        "grant",
        "group",
        "having",
        "in",
        "initially",
        "inner",
        "insert",
        "intersect",
        "interval",
        "into",
        "is",
        "join",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "natural",
        "not",
        "null",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "outer",
        "overlaps",
        "partition",
        "placing",
        "primary",
        "qualify",
        "references",
        "returning",
        "right",
        "row",
        "rows",
        "select",
        "session_user",
        "similar",
        "some",
        "symmetric",
        "table",
        "then",
        "to",
        "top",
        "trailing",
        "trigger",
        "true",
        "union",
        "unique",
        "update",
        "user",
        "using",
        "values",
        "when",
        "where",
        "window",
        "with",
        "date",
        "user_id",
        "valid_from",
        "valid_to",
        "registered_on",
        "registration_tstamp",
        "dimension",
        "value",
        "etl_tstamp",
        "event_id",
        "event_tstamp",
        "event_date",
        "is_quarantined",
        "first_date",
        "cohort_days",
    ]
)


@dataclass(frozen=True)
class Written:
    """A scalar as it stands in the file; `quoted` tells 'a' from a."""

    text: str
    quoted: bool


def scalar(node: Node) -> Scalar:
    """The node, if it is one value."""
    if not isinstance(node, Scalar):
        raise Wrong(f"must be one value, not {described(node)}", "quote it if it begins with [ or {")
    return node


def _formula(node: Node, scope: Scope) -> Formula:
    if isinstance(node, Mapping) and len(node.entries) == 1:
        raise Wrong("must be a formula, but unquoted braces are a mapping to YAML", "quote it: '{column}'")
    text = scalar(node).text.strip()
    if not text:
        raise Wrong("is empty", "write a SQL expression, such as '{revenue}'")
    if "{{" in text or "{%" in text or "{#" in text or ";" in text or "--" in text or "/*" in text:
        raise Wrong("holds a template, a comment or a semicolon", "write one SQL expression; names in single braces")
    return Formula(text, node.place)


def _name(node: Node, scope: Scope) -> str:
    text = scalar(node).text
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", text):
        raise Wrong(
            f"E03 must be a name of at most 48 small letters, digits and _, not {described(node)}",
            "it becomes a column or a table; put other words into label:",
        )
    if text in RESERVED or text.startswith("runner_"):
        raise Wrong(f"E03 may not be called {text}: that word means something in SQL or in the tables", f"{text}_1")
    return text


def _whole(node: Node, scope: Scope) -> int:
    text = scalar(node).text
    if not re.fullmatch(r"-?[0-9]{1,6}", text):
        raise Wrong(f"must be a whole number, not {described(node)}", "write digits only")
    return int(text)


def _day(node: Node, scope: Scope) -> str:
    text = scalar(node).text
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Wrong(f"must be a date, not {described(node)}", "write 2026-01-31") from None


def _duration(node: Node, scope: Scope) -> int:
    found = _DURATION.fullmatch(scalar(node).text)
    if not found:
        raise Wrong(f"E24 must be a duration, not {described(node)}", "write 30m, 1h or 1d")
    return int(found[1]) * _UNITS[found[2]]


def _written(node: Node, scope: Scope) -> Written:
    one = scalar(node)
    return Written(one.text, not one.plain)


def _words(node: Node, scope: Scope) -> str:
    return scalar(node).text


FORMULA = Kind(_formula, Formula("1"))
NAME = Kind(_name, "")
WHOLE = Kind(_whole, 0)
DAY = Kind(_day, "2000-01-01")
DURATION = Kind(_duration, 86_400)
WRITTEN = Kind(_written, Written("", True))
WORDS = Kind(_words, "", null=True)
ANY: Kind[Node | None] = Kind(lambda node, scope: node, None, null=True)
