"""In which form a part of SQL means the same on both engines: the rest is refused, with the form to write.

A part may be written alike on two engines and mean two things: integer division, nulls in concat(), the week's first
day, what a window without a frame covers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from runner.porting.rules import is_unframed

Type = exp.DataType.Type
Answer = tuple[str, str] | None  # why it does not port, and what to write instead


@dataclass(frozen=True)
class Pair:
    """From which dialect to which."""

    read: str
    write: str

    def within(self, *engines: str) -> bool:
        """Whether both are among these."""
        return {self.read, self.write} <= set(engines)

    def touches(self, engine: str) -> bool:
        """Whether either is this one."""
        return engine in (self.read, self.write)


Judge = Callable[[exp.Expr, Pair], Answer]


def bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def is_double(node: exp.Expr) -> bool:
    """Whether a value is a double for anyone to see."""
    node = bare(node)
    return isinstance(node, exp.Cast) and node.to.this in (Type.DOUBLE, Type.FLOAT)


def is_number(node: exp.Expr | None, least: int) -> bool:
    """A whole number written out, not below `least`."""
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit() and int(node.name) >= least


def _never_zero(node: exp.Expr) -> bool:
    node = bare(node)
    if isinstance(node, exp.Cast):
        return _never_zero(node.this)
    if isinstance(node, exp.Nullif):
        return str(node.expression.this) == "0"
    return isinstance(node, exp.Literal) and not node.is_string and float(node.name) != 0


_DIVIDE = "cast(a as double precision) / nullif(b, 0)"


def _div(node: exp.Expr, pair: Pair) -> Answer:
    if not _never_zero(node.expression):
        return "gives an error on one engine and null or infinity on another, where b is 0", _DIVIDE
    if not (is_double(node.this) or is_double(node.expression)):
        return "is whole numbers on one engine and fractions on another", _DIVIDE
    return None


def _mod(node: exp.Expr, pair: Pair) -> Answer:
    if not _never_zero(node.expression):
        return "gives an error on one engine and null on another, where b is 0", "a % nullif(b, 0)"
    return None


def _concat(node: exp.Expr, pair: Pair) -> Answer:
    if pair.within("duckdb", "postgres"):
        return None
    return "skips nulls on one engine and is null on another", "coalesce(a, '') || coalesce(b, '')"


def _aggregated_text(node: exp.Expr, pair: Pair) -> Answer:
    if pair.within("duckdb", "postgres"):
        return None
    return "treats nulls and empty strings in its own way on each engine", ""


def _extremes(node: exp.Expr, pair: Pair) -> Answer:
    if pair.read == "snowflake":
        return "is null on Snowflake as soon as one value is, and skips nulls elsewhere", "case when … end"
    return None


def _avg(node: exp.Expr, pair: Pair) -> Answer:
    if is_double(node.this):
        return None
    return "has another precision on each engine, whole numbers on Redshift", "avg(cast(x as double precision))"


def _round(node: exp.Expr, pair: Pair) -> Answer:
    value = bare(node.this)
    if isinstance(value, exp.Cast) and value.to.this == Type.DECIMAL and value.to.expressions:
        return None
    return "rounds halves of doubles its own way on each engine", "round(cast(x as decimal(38, 6)), 2)"


_UNITS = ("YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")


def _unit(node: exp.Expr, argument: str = "unit") -> str:
    unit = node.args.get(argument)
    return str(unit.name if isinstance(unit, exp.Expr) else unit or "").upper().rstrip("S")


def _trunc(node: exp.Expr, pair: Pair) -> Answer:
    unit = _unit(node)
    if unit == "WEEK" and pair.touches("snowflake"):
        return "begins on the day that the account's WEEK_START says", "date_trunc('day', t), and the days since"
    return None if unit in (*_UNITS, "WEEK") else ("is a unit that is not the same everywhere", "")


def _extract(node: exp.Expr, pair: Pair) -> Answer:
    unit = _unit(node, "this")
    floored = isinstance(node.parent, exp.Floor)
    if unit in ("EPOCH", "SECOND"):
        instead = f"floor(extract({unit.lower()} from t))"
        return None if floored else ("has fractions on one engine and none on another", instead)
    if unit in ("DOW", "DAYOFWEEK"):
        return ("counts from the day that the account's WEEK_START says", "") if pair.touches("snowflake") else None
    return None if unit in (*_UNITS, "DOY", "DAYOFYEAR") else ("is a part that is not the same everywhere", "")


def _difference(node: exp.Expr, pair: Pair) -> Answer:
    unit = _unit(node)
    if unit not in _UNITS:
        return "counts other boundaries on each engine", "the days between, divided by 7"
    if pair.touches("postgres") and unit != "DAY":
        return "has no counterpart on Postgres", "extract(…) of both, and their difference"
    return None


def _format(node: exp.Expr, pair: Pair) -> Answer:
    text = node.args.get("format")
    plain = isinstance(text, exp.Literal) and not re.sub(r"%[YmdHMS]|[-/ :._]", "", text.name)
    return None if plain else ("holds parts of a format that differ", "years, months, days, hours, minutes, seconds")


def _interval(node: exp.Expr, pair: Pair) -> Answer:
    amount = node.this
    plain = isinstance(amount, exp.Literal) and re.fullmatch(r"\d+", amount.name) and _unit(node) in (*_UNITS, "WEEK")
    usable = isinstance(node.parent, (exp.Add, exp.Sub))
    return (
        None if plain and usable else ("is not a number and a unit that is added or subtracted", "t + interval '1 day'")
    )


def _window(node: exp.Expr, pair: Pair) -> Answer:
    if is_unframed(node):
        instead = "order by … rows between unbounded preceding and current row"
        return "covers other rows on each engine where no frame is given", instead
    return None


def _select(node: exp.Expr, pair: Pair) -> Answer:
    for argument, value in node.args.items():
        listed = ("expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "with_")
        if value and argument not in (*listed, "distinct", "qualify", "kind"):
            return f"has a part that is not known to port ({argument.rstrip('_')})", ""
    if pair.write == "postgres" and node.args.get("qualify") and any(item.is_star for item in node.expressions):
        return "has qualify and *, which Postgres cannot say together", "the columns out"
    return None


def _join(node: exp.Expr, pair: Pair) -> Answer:
    if node.args.get("method") or str(node.args.get("kind") or "").upper() not in ("", "INNER", "OUTER", "CROSS"):
        return "is a join that not every engine has", "inner, left, right, full or cross join"
    return None


def _set_operation(node: exp.Expr, pair: Pair) -> Answer:
    return ("matches columns by name", "the columns in one order") if node.args.get("by_name") else None


def _table(node: exp.Expr, pair: Pair) -> Answer:
    odd = [
        name for name, value in node.args.items() if value and name not in ("this", "db", "catalog", "alias", "joins")
    ]
    if odd or not isinstance(node.this, exp.Identifier):
        return "is not a plain table", ""
    return None


def _star(node: exp.Expr, pair: Pair) -> Answer:
    return ("leaves out or replaces columns", "the columns out") if any(node.args.values()) else None


def _group(node: exp.Expr, pair: Pair) -> Answer:
    return (
        ("is more than a list of columns", "the columns out")
        if {k for k, v in node.args.items() if v} - {"expressions"}
        else None
    )


def _distinct(node: exp.Expr, pair: Pair) -> Answer:
    return ("has an `on`", "row_number() … in a CTE, and take 1") if node.args.get("on") else None


def _ordered(node: exp.Expr, pair: Pair) -> Answer:
    return ("is all columns of one engine only", "the columns out") if isinstance(node.this, exp.Var) else None


def _with(node: exp.Expr, pair: Pair) -> Answer:
    return ("is recursive", "") if node.args.get("recursive") else None


_BACKSLASH = "is an escape in the strings or patterns of one engine and not of another"


def _literal(node: exp.Expr, pair: Pair) -> Answer:
    return (_BACKSLASH, "like … escape '!', or chr(92)") if node.is_string and "\\" in node.name else None


def _identifier(node: exp.Expr, pair: Pair) -> Answer:
    if not node.args.get("quoted"):
        return None
    if pair.touches("snowflake") or node.name != node.name.lower():
        return "is in quotes, and its case counts on one engine only", "it without quotes"
    return None


_TYPES = {Type.BOOLEAN, Type.SMALLINT, Type.INT, Type.BIGINT, Type.DOUBLE, Type.DATE, Type.TIMESTAMP, Type.TIMESTAMPNTZ}
_TEXTS = {Type.VARCHAR, Type.TEXT}
_WHOLE = {Type.SMALLINT, Type.INT, Type.BIGINT}
_FRACTION = (exp.Div, exp.Avg, exp.Sqrt, exp.Ln, exp.Exp, exp.Pow)
_SHAPED = (exp.Cast, exp.Div, exp.Avg, exp.TimestampTrunc, exp.DateTrunc, exp.Predicate, exp.Boolean)


def _type(node: exp.Expr, pair: Pair) -> Answer:
    kind = node.this
    if kind in _TYPES:
        return None
    if kind in _TEXTS:
        return (
            ("is cut to its length on one engine and not on DuckDB", "varchar")
            if node.expressions and pair.touches("duckdb")
            else None
        )
    if kind == Type.DECIMAL:
        return None if node.expressions else ("has another precision on each engine", "decimal(18, 2)")
    if kind == Type.FLOAT:
        return "has 4 bytes on one engine and 8 on another", "double precision"
    return "is a type that is not the same everywhere", "a date, timestamp, decimal(p, s), double precision or varchar"


def _cast(node: exp.Expr, pair: Pair) -> Answer:
    value, kind = bare(node.this), node.args["to"].this
    if kind in _WHOLE and _fractional(value):
        return "rounds or cuts fractions its own way on each engine", "cast(floor(x) as bigint)"
    if kind in _TEXTS and (
        isinstance(value, _SHAPED) and not (isinstance(value, exp.Cast) and value.to.this in (_WHOLE | _TEXTS))
    ):
        return "writes times, fractions and truth its own way on each engine", "strftime() or to_char() with a format"
    zoned = isinstance(value, exp.Literal) and re.search(r"\d(Z|[+-]\d\d(:?\d\d)?)$", value.name)
    if kind in (Type.TIMESTAMP, Type.TIMESTAMPNTZ) and zoned and ":" in value.name:
        return "drops or applies the time zone, by engine", "the time in UTC, without a zone"
    return None


def _fractional(node: exp.Expr) -> bool:
    if isinstance(node, (exp.Floor, exp.Ceil, exp.Count, exp.Length)):
        return False
    if isinstance(node, exp.Literal):
        return not node.is_string and not node.name.isdigit()
    if isinstance(node, exp.Cast):
        return node.to.this not in _WHOLE and node.to.this != Type.BOOLEAN
    if isinstance(node, exp.Extract):
        return _unit(node, "this") in ("EPOCH", "SECOND")
    return isinstance(node, _FRACTION) or any(_fractional(part) for part in node.iter_expressions())


def _counted(argument: str, least: int, what: str) -> Judge:
    """The argument must be a number that is written out: negative ones and 0 differ."""

    def judge(node: exp.Expr, pair: Pair) -> Answer:
        value = node.args.get(argument)
        return None if is_number(value, least) else ("differs where the number is negative or 0", what)

    return judge


JUDGES: Mapping[str, Judge] = {
    "Div": _div, "Mod": _mod, "Concat": _concat, "GroupConcat": _aggregated_text, "Greatest": _extremes,
    "Least": _extremes, "Avg": _avg, "Round": _round, "TimestampTrunc": _trunc, "DateTrunc": _trunc,
    "Extract": _extract, "DateDiff": _difference, "TsOrDsDiff": _difference, "TimeToStr": _format,
    "Interval": _interval, "Window": _window, "Select": _select, "Join": _join, "Union": _set_operation,
    "Intersect": _set_operation, "Except": _set_operation, "Table": _table, "Star": _star, "Group": _group,
    "Distinct": _distinct, "With": _with, "Ordered": _ordered,
    "Literal": _literal, "Identifier": _identifier, "DataType": _type,
    "Cast": _cast, "Substring": _counted("start", 1, "substring(x, 1, n)"),
    "SplitPart": _counted("part_index", 1, "split_part(x, ',', 1)"),
    "Left": _counted("expression", 0, "left(x, 1)"), "Right": _counted("expression", 0, "right(x, 1)"),
}  # fmt: skip
