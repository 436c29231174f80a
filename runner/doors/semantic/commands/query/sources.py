"""What an answer is read from: the cells of KPI tables where they have what is asked for, else users and days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.doors.semantic.commands.query.periods import date_literal
from runner.doors.semantic.commands.query.request import Request
from runner.doors.semantic.dialect import COMMA
from runner.doors.semantic.values import Axis
from runner.warehouse.engines import Engine

Columns = Mapping[str, str]


@dataclass(frozen=True)
class Source:
    """Rows with a date, and what they are called there; `groups` in the order of the request."""

    relation: str
    date: str
    registered: str
    groups: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()

    def rows(self, request: Request, engine: Engine, given: Columns, columns: Columns) -> str:
        """Its part of an answer: `given` values of all `columns`, which come with what each is where it is not given."""
        places = [*self.places(request, engine), *self.groups]
        names = [*place_names(request), *group_names(request)]
        listed = [f"{place} as {name}" for place, name in zip(places, names, strict=True)]
        listed += [f"{given.get(name, missing)} as {name}" for name, missing in columns.items()]
        conditions = (*self.reached(request), *self.conditions)
        where = f"\nwhere {' and '.join(conditions)}" if conditions else ""
        return f"select {COMMA.join(listed)}\nfrom {self.relation}{where}\ngroup by {', '.join(places)}"

    def places(self, request: Request, engine: Engine) -> tuple[str, ...]:
        """Where on the axis a row is: a period, a cohort's day, or a cohort and its day."""
        options, day = request.options, f"{self.date} - {self.registered}"
        if options.cohort:
            return options.cohort.start(engine, self.registered), day
        return (day,) if request.axis is Axis.COHORT_DAY else (options.grain.start(engine, self.date),)

    def reached(self, request: Request) -> tuple[str, ...]:
        """Which rows are on the part of the axis that is asked for."""
        options = request.options
        if request.axis is Axis.DATE:
            return self.within(request, self.date)
        since = f"{self.date} >= {self.registered}"
        if options.cohort is None:
            return (since,)
        days = f"{self.date} - {self.registered} in ({', '.join(map(str, options.days))})"
        return since, days, *self.within(request, self.registered)

    @staticmethod
    def within(request: Request, day: str) -> tuple[str, ...]:
        """From --from to --to; with a comparison from a period before it on."""
        options = request.options
        since = options.since
        if since and options.compare:
            since = options.grain.before(since)
        ends = [f"{day} >= {date_literal(since)}"] if since else []
        ends += [f"{day} <= {date_literal(options.until)}"] if options.until else []
        return tuple(ends)


def place_names(request: Request) -> tuple[str, ...]:
    """What places are called within the SELECT."""
    return ("p1", "p2") if request.options.cohort else ("p1",)


def group_names(request: Request) -> tuple[str, ...]:
    """What groups are called within the SELECT."""
    return tuple(f"g{number}" for number in range(1, len(request.options.by) + 1))
