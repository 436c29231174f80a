"""Calls on days: weeks that begin on Sunday, ISO weeks, borders between months, dates that are moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from runner.doors.semantic.functions.pieces import Unknown, made, written_out

WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
PARTS = ("YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE")
FARTHEST = 3_652_059  # days: all that there are in BigQuery's calendar
PERIODS = ("MONTH", "QUARTER", "YEAR")


def _since(day: exp.Expr, first: str) -> exp.Expr:
    """Days since the last such weekday, 0 to 6. Day 0 of the calendar is a Sunday here: 1970-01-04."""
    date = f"1970-01-{4 + WEEKDAYS.index(first):02}"
    return made(f"mod(mod(cast(d as date) - cast('{date}' as date), 7) + 7, 7)", d=day)


def _later(day: exp.Expr, count: exp.Expr, unit: str = "DAY") -> exp.Expr:
    """A date so many days or months later, in each engine's own words."""
    date = exp.cast(exp.Paren(this=day.copy()), "date")
    return exp.cast(exp.DateAdd(this=date, expression=exp.Paren(this=count.copy()), unit=exp.Var(this=unit)), "date")


def _week_of(day: exp.Expr, first: str) -> exp.Expr:
    return _later(day, made("-n", n=_since(day, first)))


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
        return made(f"cast(extract({part} from cast(d as timestamp)) as bigint)", d=value)
    if part == "SECOND":
        return made("cast(floor(extract(second from cast(d as timestamp))) as bigint)", d=value)
    if part == "DATE":
        return made("cast(d as date)", d=value)
    if part == "DAYOFWEEK":
        return made("n + 1", n=_since(value, "SUNDAY"))
    if part == "DAYOFYEAR":
        return made("cast(d as date) - cast(date_trunc('year', cast(d as date)) as date) + 1", d=value)
    if part == "ISOYEAR":
        return made("cast(extract(year from d) as bigint)", d=_thursday(value))
    if part == "ISOWEEK":
        days = made("d - cast(date_trunc('year', d) as date)", d=_thursday(value))
        return made("cast((n - mod(n, 7)) / 7 as bigint) + 1", n=days)
    raise Unknown(f"EXTRACT({node.this.sql('bigquery')} FROM …)")


def _truncated(node: exp.Expr) -> exp.Expr:
    unit, value = node.args.get("unit"), node.this
    if first := _week(unit):
        return _week_of(value, first)
    name = unit.name.upper() if unit is not None else ""
    if name == "DAY":
        return made("cast(d as date)", d=value)
    if name in PERIODS:
        return made(f"cast(date_trunc('{name.lower()}', cast(d as date)) as date)", d=value)
    raise Unknown(f"DATE_TRUNC(…, {name})")


def _difference(node: exp.Expr) -> exp.Expr:
    """Boundaries between two dates, as BigQuery counts them."""
    unit, later, earlier = node.args.get("unit"), node.this, node.expression
    name = unit.name.upper() if unit is not None else "DAY"
    if first := _week(unit):
        days = made("a - b", a=_week_of(later, first), b=_week_of(earlier, first))
        return made("cast(n / 7 as bigint)", n=days)
    if name in ("", "DAY"):
        return made("cast(a as date) - cast(b as date)", a=later, b=earlier)
    if name not in PERIODS:
        raise Unknown(f"DATE_DIFF(…, {name})")
    counted = {
        "YEAR": "cast(extract(year from cast(d as date)) as bigint)",
        "QUARTER": "cast(extract(year from cast(d as date)) * 4 + extract(quarter from cast(d as date)) as bigint)",
        "MONTH": "cast(extract(year from cast(d as date)) * 12 + extract(month from cast(d as date)) as bigint)",
    }[name]
    return made("a - b", a=made(counted, d=later), b=made(counted, d=earlier))


def _moved(sign: int) -> Callable[[exp.Expr], exp.Expr]:
    """Days and weeks by any number; months and years by one that is written out: their last days are met."""

    def spell(node: exp.Expr) -> exp.Expr:
        name, count = node.args["unit"].name.upper(), node.expression
        if isinstance(count, exp.Literal):
            count = exp.Literal.number(count.name)
        if name in ("DAY", "WEEK"):
            days = made(f"{7 * sign if name == 'WEEK' else sign} * n", n=count)
            later = _later(node.this, days)
            if isinstance(count, exp.Literal):
                return later
            return made(f"case when n between -{FARTHEST} and {FARTHEST} then d end", n=days, d=later)
        if name in PERIODS:
            months = written_out(count, 10_000, f"an INTERVAL of {name}") * {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[name]
            return _later(node.this, exp.Literal.number(sign * months), "MONTH")
        raise Unknown(f"INTERVAL … {name}")

    return spell


DAYS: Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Extract: _extract,
    exp.DateTrunc: _truncated,
    exp.DateDiff: _difference,
    exp.DateAdd: _moved(1),
    exp.DateSub: _moved(-1),
    exp.Date: lambda node: made("try_cast(d as date)", d=node.this),
}
