"""Days put together: on which day a period begins, in SQL for any engine and for a day of the command line."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from runner.doors.semantic.formulas import Formula
from runner.warehouse.engines import Engine


class Grain(StrEnum):
    """How long a period is. The words are those of DATE_TRUNC in formulas: WEEK begins on Sunday, ISOWEEK on Monday."""

    DAY = "day"
    WEEK = "week"
    ISOWEEK = "isoweek"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    def start(self, engine: Engine, day: str) -> str:
        """The first day of the period that a day lies in."""
        if self is Grain.DAY:
            return day
        return Formula(f"DATE_TRUNC({{day}}, {self.upper()})").sql(engine, lambda _: day)

    def next(self, engine: Engine, start: str) -> str:
        """The first day of the period behind one."""
        unit = "WEEK" if self is Grain.ISOWEEK else self.upper()
        return Formula(f"DATE_ADD({{day}}, INTERVAL 1 {unit})").sql(engine, lambda _: start)

    def begins(self, day: date) -> date:
        """`start` for a day that is known here."""
        match self:
            case Grain.DAY:
                return day
            case Grain.WEEK:
                return day - timedelta(days=day.isoweekday() % 7)
            case Grain.ISOWEEK:
                return day - timedelta(days=day.weekday())
            case Grain.MONTH:
                return day.replace(day=1)
            case Grain.QUARTER:
                return day.replace(month=day.month - (day.month - 1) % 3, day=1)
            case Grain.YEAR:
                return day.replace(month=1, day=1)

    def before(self, start: date) -> date:
        """The first day of the period before one."""
        return self.begins(start - timedelta(days=1))


def date_literal(day: date) -> str:
    """A date in SQL."""
    return f"date '{day.isoformat()}'"
