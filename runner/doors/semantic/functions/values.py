"""Calls on numbers and texts: halves that go away from zero, nothing outside of a function's domain, arguments in bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from runner.doors.semantic.functions.pieces import Unknown, made, written_out

EXACT = "decimal(38, 9)"
WHOLE = "decimal(38, 0)"  # of what is multiplied and added
MOST_DIGITS = 9
MOST_POWER = 700  # of e: a double holds no more
MOST_EXACT = "1e28"  # what EXACT holds
NUMBERS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.IntDiv, exp.Neg, exp.Abs, exp.Sign, exp.Floor, exp.Ceil)
READ = (
    exp.DType.DOUBLE,
    exp.DType.DATE,
    exp.DType.DATETIME,
    exp.DType.TIMESTAMP,
    exp.DType.TIMESTAMPTZ,
    exp.DType.BOOLEAN,
)


def _cast(node: exp.Expr) -> exp.Expr:
    """To whole numbers halves are rounded away from zero, as exact numbers are everywhere; NUMERIC has nine digits."""
    to = node.args["to"]
    if to.this is exp.DType.DECIMAL and not to.expressions:
        return _exact(node.this)
    if to.this is exp.DType.DECIMAL or to.this in READ:
        return exp.TryCast(this=node.this.copy(), to=to.copy())
    if to.this is not exp.DType.BIGINT:
        return node.copy()
    if isinstance(node.this.unnest(), (exp.Predicate, exp.And, exp.Or, exp.Not)):
        return made("case when x then 1 when not x then 0 end", x=node.this)
    within = "n between -9223372036854775808 and 9223372036854775807"
    around = node.find_ancestor(exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Abs, exp.Func)
    whole = WHOLE if isinstance(around, (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Abs)) else "bigint"
    return made(f"case when {within} then cast(n as {whole}) end", n=_exact(node.this))


def _exact(value: exp.Expr) -> exp.Expr:
    """With nine digits; null where a text is no number, or there is no room for it."""
    inner = value.unnest()
    is_number = isinstance(inner, NUMBERS) or (isinstance(inner, exp.Literal) and not inner.is_string)
    return _bounded(value) if is_number else made(f"try_cast(x as {EXACT})", x=value)


def _bounded(number: exp.Expr) -> exp.Expr:
    """The same of what is a number for sure."""
    return made(f"case when abs(x) < {MOST_EXACT} then cast(x as {EXACT}) end", x=number)


def _round(node: exp.Expr) -> exp.Expr:
    digits = node.args.get("decimals")
    count = written_out(digits, MOST_DIGITS, "ROUND to other than 0 to 9 digits") if digits is not None else 0
    return made(f"cast(round(x, {count}) as double)", x=_bounded(node.this))


def _whole(node: exp.Expr) -> exp.Expr:
    if node.args.get("decimals") is not None:
        raise Unknown("FLOOR or CEIL to digits")
    return node.copy()


def _power(node: exp.Expr) -> exp.Expr:
    """Not of zero to less than zero, and of negative numbers to whole ones only."""
    missing = "(x = 0 and y < 0) or (x < 0 and y <> floor(y))"
    size = "y * ln(abs(x))"
    small = f"when {size} > {MOST_POWER} then null when {size} < -{MOST_POWER} then 0 else power(x, y)"
    text = f"case when {missing} then null when x = 0 then power(x, y) {small} end"
    return made(text, x=node.this, y=node.expression)


def _log(node: exp.Expr) -> exp.Expr:
    base = written_out(node.this, 1_000_000, "LOG of a base that is not a whole number")
    if base < 2 or node.expression is None:
        raise Unknown("LOG of such a base")
    return made(f"case when x > 0 then log({base}, n) end", x=node.expression, n=_bounded(node.expression))


def _or_null(function: type[exp.Func]) -> Callable[[exp.Expr], exp.Expr]:
    """GREATEST and LEAST: nothing, if one of the values is."""

    def spell(node: exp.Expr) -> exp.Expr:
        values = [node.this, *node.expressions]
        missing = exp.or_(*(made("x is null", x=value) for value in values))
        call = function(this=values[0].copy(), expressions=[one.copy() for one in values[1:]], ignore_nulls=True)
        return exp.Case(ifs=[exp.If(this=missing, true=exp.null())], default=call)

    return spell


def _divided(node: exp.Expr) -> exp.Expr:
    """By zero: null, or one user's zero would make a whole view unreadable."""
    divisor = node.expression
    if isinstance(divisor, exp.Nullif) or (isinstance(divisor, exp.Literal) and divisor.name.strip("0.")):
        return node.copy()
    found = node.copy()
    found.set("expression", exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0)))
    return found


def _joined(node: exp.Expr) -> exp.Expr:
    parts = [exp.Paren(this=one.copy()) if isinstance(one, exp.Binary) else one.copy() for one in node.expressions]
    found = parts[0]
    for part in parts[1:]:
        found = exp.DPipe(this=found, expression=part)
    return found


def _substring(node: exp.Expr) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("length")
    if written_out(start, 1_000_000, "SUBSTR from a place that is not 1 or more") < 1:
        raise Unknown("SUBSTR from place 0")
    if length is not None:
        written_out(length, 1_000_000, "SUBSTR of a length that is not written out")
    return node.copy()


def _end(node: exp.Expr) -> exp.Expr:
    written_out(node.expression, 1_000_000, "LEFT or RIGHT of a length that is not written out")
    return node.copy()


def _like(node: exp.Expr) -> exp.Expr:
    if not isinstance(node.expression, exp.Literal) or "\\" in node.expression.name:
        raise Unknown("LIKE with a pattern that is not written out, or has a backslash")
    return node.copy()


def _trim(node: exp.Expr) -> exp.Expr:
    if node.expression is not None:
        raise Unknown("TRIM of other than blanks")
    return node.copy()


VALUES: Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Cast: _cast,
    exp.Round: _round,
    exp.Floor: _whole,
    exp.Ceil: _whole,
    exp.Pow: _power,
    exp.Exp: lambda node: made(
        f"case when x < -{MOST_POWER} then 0 when x < {MOST_POWER} then exp(x) end", x=node.this
    ),
    exp.Ln: lambda node: made("case when x > 0 then ln(x) end", x=node.this),
    exp.Log: _log,
    exp.Sqrt: lambda node: made("case when x >= 0 then sqrt(x) end", x=node.this),
    exp.Greatest: _or_null(exp.Greatest),
    exp.Least: _or_null(exp.Least),
    exp.Div: _divided,
    exp.Mod: _divided,
    exp.IntDiv: lambda node: made(
        "case when n between -9223372036854775808 and 9223372036854775807 then cast(n as bigint) end",
        n=made("(a - mod(a, nullif(b, 0))) / nullif(b, 0)", a=node.this, b=node.expression),
    ),
    exp.Concat: _joined,
    exp.Substring: _substring,
    exp.Left: _end,
    exp.Right: _end,
    exp.Like: _like,
    exp.Trim: _trim,
    exp.Length: lambda node: exp.Length(this=node.this.copy()),
    exp.StartsWith: lambda node: made("left(a, length(b)) = b", a=node.this, b=node.expression),
    exp.EndsWith: lambda node: made("right(a, length(b)) = b", a=node.this, b=node.expression),
}
