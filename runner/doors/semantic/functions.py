"""What formulas may call, and how each call is written so that it has BigQuery's value on every engine.

Engines agree about little: on which day a week begins, how halves are rounded, what the greatest of a value and nothing
is. So calls are an allow-list, and most are spelled out in arithmetic that all engines share; a value outside of a
function's domain is null, since one bad row must not make a whole model fail. tests/doors/semantic/formula_values.py
has a value of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import sqlglot
from sqlglot import exp

EXACT = "decimal(38, 9)"
WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
PARTS = ("YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE")
PERIODS = ("MONTH", "QUARTER", "YEAR")
MOST_DIGITS = 9
# Of what a formula may consist. Aggregates that are holistic or approximate have warnings of their own.
KNOWN = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Neg, exp.Star, exp.Tuple, exp.Var),
    *(
        exp.And,
        exp.Or,
        exp.Not,
        exp.EQ,
        exp.NEQ,
        exp.GT,
        exp.GTE,
        exp.LT,
        exp.LTE,
        exp.Is,
        exp.In,
        exp.Between,
        exp.Like,
    ),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.SafeDivide, exp.DPipe, exp.Concat),
    *(exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Cast, exp.DataType, exp.DataTypeParam),
    *(exp.Lower, exp.Upper, exp.Length, exp.Trim, exp.Substring, exp.Replace, exp.Left, exp.Right),
    *(
        exp.StartsWith,
        exp.EndsWith,
        exp.Abs,
        exp.Sign,
        exp.Round,
        exp.Ceil,
        exp.Floor,
        exp.Ln,
        exp.Log,
        exp.Sqrt,
        exp.Pow,
    ),
    *(exp.Exp, exp.DateDiff, exp.DateTrunc, exp.DateAdd, exp.DateSub, exp.Date, exp.Extract, exp.WeekStart),
    *(exp.Sum, exp.Count, exp.CountIf, exp.Min, exp.Max, exp.Avg, exp.LogicalOr, exp.LogicalAnd, exp.Distinct),
    *(exp.Median, exp.PercentileCont, exp.PercentileDisc, exp.Quantile, exp.Mode, exp.ArrayAgg, exp.Stddev),
    *(exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr, exp.AnyValue, exp.Order, exp.Ordered),
    *(exp.ApproxDistinct, exp.ApproxQuantile, exp.ApproxQuantiles, exp.ApproxTopK, exp.ApproxTopSum, exp.Hll),
)


class Unknown(Exception):
    """A call that is not known to mean the same on every engine."""


def spelled_out(tree: exp.Expr) -> exp.Expr:
    """An expression with every call in a form that has one meaning. Raises Unknown."""
    top = exp.Paren(this=tree.copy())
    for node in reversed(list(top.walk())):
        if node is top:
            continue
        if type(node) not in KNOWN:
            raise Unknown(_called(node))
        spell = SPELLED.get(type(node))
        if spell is not None:
            node.replace(spell(node))
    found: exp.Expr = top.this
    return found


def _called(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.name)
    return node.sql("bigquery").partition("(")[0].strip() or type(node).__name__


@cache
def _template(text: str) -> exp.Expr:
    return sqlglot.parse_one(text)


def _made(text: str, **given: exp.Expr) -> exp.Expr:
    """An expression of a text in which names stand for other expressions."""
    tree = _template(text).copy()
    for column in list(tree.find_all(exp.Column)):
        if column.name in given:
            value = given[column.name].copy()
            column.replace(value if isinstance(value, (exp.Column, exp.Literal)) else exp.Paren(this=value))
    return tree


def _number(node: exp.Expr | None, most: int, what: str) -> int:
    """A whole number that is written out. Raises Unknown."""
    if isinstance(node, exp.Literal) and node.name.isdigit() and int(node.name) <= most:
        return int(node.name)
    raise Unknown(what)


# -- days ------------------------------------------------------------------------------------------------------------


def _since(day: exp.Expr, first: str) -> exp.Expr:
    """Days since the last such weekday, 0 to 6. Day 0 of the calendar is a Sunday here: 1970-01-04."""
    date = f"1970-01-{4 + WEEKDAYS.index(first):02}"
    return _made(f"mod(mod(cast(d as date) - cast('{date}' as date), 7) + 7, 7)", d=day)


def _later(day: exp.Expr, count: exp.Expr, unit: str = "DAY") -> exp.Expr:
    """A date so many days or months later, in each engine's own words."""
    date = exp.cast(exp.Paren(this=day.copy()), "date")
    return exp.cast(exp.DateAdd(this=date, expression=exp.Paren(this=count.copy()), unit=exp.Var(this=unit)), "date")


def _week_of(day: exp.Expr, first: str) -> exp.Expr:
    return _later(day, _made("-n", n=_since(day, first)))


def _week(unit: exp.Expr | None) -> str:
    """On which weekday a unit of weeks begins; '' for a unit of something else."""
    if isinstance(unit, exp.WeekStart):
        return str(unit.this.name).upper() if str(unit.this.name).upper() in WEEKDAYS else ""
    name = unit.name.upper() if unit is not None else ""
    return {"WEEK": "SUNDAY", "ISOWEEK": "MONDAY"}.get(name, "")


def _thursday(day: exp.Expr) -> exp.Expr:
    """Of the day's ISO week: the week belongs to the year that it lies in."""
    return _later(_week_of(day, "MONDAY"), exp.Literal.number(3))


def _extract(node: exp.Expr) -> exp.Expr:
    part, value = node.this.name.upper(), node.expression
    if part in PARTS:
        return _made(f"cast(extract({part} from cast(d as timestamp)) as bigint)", d=value)
    if part == "SECOND":
        return _made("cast(floor(extract(second from cast(d as timestamp))) as bigint)", d=value)
    if part == "DATE":
        return _made("cast(d as date)", d=value)
    if part == "DAYOFWEEK":
        return _made("n + 1", n=_since(value, "SUNDAY"))
    if part == "DAYOFYEAR":
        return _made("cast(d as date) - cast(date_trunc('year', cast(d as date)) as date) + 1", d=value)
    if part == "ISOYEAR":
        return _made("cast(extract(year from d) as bigint)", d=_thursday(value))
    if part == "ISOWEEK":
        days = _made("d - cast(date_trunc('year', d) as date)", d=_thursday(value))
        return _made("cast((n - mod(n, 7)) / 7 as bigint) + 1", n=days)
    raise Unknown(f"EXTRACT({node.this.sql('bigquery')} FROM …)")


def _truncated(node: exp.Expr) -> exp.Expr:
    unit, value = node.args.get("unit"), node.this
    if first := _week(unit):
        return _week_of(value, first)
    name = unit.name.upper() if unit is not None else ""
    if name == "DAY":
        return _made("cast(d as date)", d=value)
    if name in PERIODS:
        return _made(f"cast(date_trunc('{name.lower()}', cast(d as date)) as date)", d=value)
    raise Unknown(f"DATE_TRUNC(…, {name})")


def _difference(node: exp.Expr) -> exp.Expr:
    """Boundaries between two dates, as BigQuery counts them."""
    unit, later, earlier = node.args.get("unit"), node.this, node.expression
    name = unit.name.upper() if unit is not None else "DAY"
    if first := _week(unit):
        days = _made("a - b", a=_week_of(later, first), b=_week_of(earlier, first))
        return _made("cast(n / 7 as bigint)", n=days)
    if name in ("", "DAY"):
        return _made("cast(a as date) - cast(b as date)", a=later, b=earlier)
    if name not in PERIODS:
        raise Unknown(f"DATE_DIFF(…, {name})")
    counted = {
        "YEAR": "cast(extract(year from cast(d as date)) as bigint)",
        "QUARTER": "cast(extract(year from cast(d as date)) * 4 + extract(quarter from cast(d as date)) as bigint)",
        "MONTH": "cast(extract(year from cast(d as date)) * 12 + extract(month from cast(d as date)) as bigint)",
    }[name]
    return _made("a - b", a=_made(counted, d=later), b=_made(counted, d=earlier))


def _moved(sign: int) -> Callable[[exp.Expr], exp.Expr]:
    """Days and weeks by any number; months and years by one that is written out: their last days are met."""

    def spell(node: exp.Expr) -> exp.Expr:
        name, count = node.args["unit"].name.upper(), node.expression
        if isinstance(count, exp.Literal):
            count = exp.Literal.number(count.name)
        if name in ("DAY", "WEEK"):
            return _later(node.this, _made(f"{7 * sign if name == 'WEEK' else sign} * n", n=count))
        if name in PERIODS:
            months = _number(count, 10_000, f"an INTERVAL of {name}") * {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[name]
            return _later(node.this, exp.Literal.number(sign * months), "MONTH")
        raise Unknown(f"INTERVAL … {name}")

    return spell


# -- numbers ---------------------------------------------------------------------------------------------------------


def _cast(node: exp.Expr) -> exp.Expr:
    """To whole numbers halves are rounded away from zero, as exact numbers are everywhere."""
    if node.args["to"].this is not exp.DType.BIGINT:
        return node.copy()
    if isinstance(node.this.unnest(), (exp.Predicate, exp.And, exp.Or, exp.Not)):
        return _made("case when x then 1 when not x then 0 end", x=node.this)
    return _made(f"cast(cast(x as {EXACT}) as bigint)", x=node.this)


def _round(node: exp.Expr) -> exp.Expr:
    digits = node.args.get("decimals")
    count = _number(digits, MOST_DIGITS, "ROUND to other than 0 to 9 digits") if digits is not None else 0
    return _made(f"cast(round(cast(x as {EXACT}), {count}) as double)", x=node.this)


def _log(node: exp.Expr) -> exp.Expr:
    base = _number(node.this, 1_000_000, "LOG of a base that is not a whole number")
    if base < 2 or node.expression is None:
        raise Unknown("LOG of such a base")
    return _made(f"case when x > 0 then log({base}, cast(x as {EXACT})) end", x=node.expression)


def _or_null(function: type[exp.Func]) -> Callable[[exp.Expr], exp.Expr]:
    """GREATEST and LEAST: nothing, if one of the values is."""

    def spell(node: exp.Expr) -> exp.Expr:
        values = [node.this, *node.expressions]
        missing = exp.or_(*(_made("x is null", x=value) for value in values))
        call = function(this=values[0].copy(), expressions=[one.copy() for one in values[1:]], ignore_nulls=True)
        return exp.Case(ifs=[exp.If(this=missing, true=exp.null())], default=call)

    return spell


def _divided(node: exp.Expr) -> exp.Expr:
    """By zero: null, or one user's zero would make a whole view unreadable."""
    if isinstance(node.expression, (exp.Literal, exp.Nullif)):
        return node.copy()
    found = node.copy()
    found.set("expression", exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0)))
    return found


# -- texts -----------------------------------------------------------------------------------------------------------


def _joined(node: exp.Expr) -> exp.Expr:
    parts = [exp.Paren(this=one.copy()) if isinstance(one, exp.Binary) else one.copy() for one in node.expressions]
    found = parts[0]
    for part in parts[1:]:
        found = exp.DPipe(this=found, expression=part)
    return found


def _substring(node: exp.Expr) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("length")
    if _number(start, 1_000_000, "SUBSTR from a place that is not 1 or more") < 1:
        raise Unknown("SUBSTR from place 0")
    if length is not None:
        _number(length, 1_000_000, "SUBSTR of a length that is not written out")
    return node.copy()


def _end(node: exp.Expr) -> exp.Expr:
    _number(node.expression, 1_000_000, "LEFT or RIGHT of a length that is not written out")
    return node.copy()


def _like(node: exp.Expr) -> exp.Expr:
    if not isinstance(node.expression, exp.Literal) or "\\" in node.expression.name:
        raise Unknown("LIKE with a pattern that is not written out, or has a backslash")
    return node.copy()


def _trim(node: exp.Expr) -> exp.Expr:
    if node.expression is not None:
        raise Unknown("TRIM of other than blanks")
    return node.copy()


SPELLED: Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Extract: _extract,
    exp.DateTrunc: _truncated,
    exp.DateDiff: _difference,
    exp.DateAdd: _moved(1),
    exp.DateSub: _moved(-1),
    exp.Date: lambda node: _made("cast(d as date)", d=node.this),
    exp.Cast: _cast,
    exp.Round: _round,
    exp.Ln: lambda node: _made("case when x > 0 then ln(x) end", x=node.this),
    exp.Log: _log,
    exp.Sqrt: lambda node: _made("case when x >= 0 then sqrt(x) end", x=node.this),
    exp.Greatest: _or_null(exp.Greatest),
    exp.Least: _or_null(exp.Least),
    exp.Div: _divided,
    exp.Mod: _divided,
    exp.IntDiv: lambda node: _made(
        "cast((a - mod(a, nullif(b, 0))) / nullif(b, 0) as bigint)", a=node.this, b=node.expression
    ),
    exp.Concat: _joined,
    exp.Substring: _substring,
    exp.Left: _end,
    exp.Right: _end,
    exp.Like: _like,
    exp.Trim: _trim,
    exp.Length: lambda node: exp.Length(this=node.this.copy()),
    exp.StartsWith: lambda node: _made("left(a, length(b)) = b", a=node.this, b=node.expression),
    exp.EndsWith: lambda node: _made("right(a, length(b)) = b", a=node.this, b=node.expression),
}
