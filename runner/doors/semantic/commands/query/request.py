"""What is asked for, looked at before anything is connected: every mistake at once, each with its true reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from runner.doors.semantic.commands.query.periods import Grain
from runner.doors.semantic.commands.query.users import only_term
from runner.doors.semantic.compile.playbook import Compiled
from runner.doors.semantic.components import Unfolded, of_properties, sum_type
from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.rules.findings import Findings
from runner.doors.semantic.rules.kpis import check_where
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Axis, Config, Kpi, Total
from runner.errors import BadInput, Place, Problem, did_you_mean

NUMBERS = (DataType.NUMBER, DataType.INTEGER)
_BARE = re.compile(r"\{\s*(\w+)\s*\}")
PREVIOUS, CHANGE = "_previous", "_change"  # what the columns of --compare end in


@dataclass(frozen=True)
class QueryOptions:
    """The flags of query, as they were given."""

    kpis: tuple[str, ...]
    by: tuple[str, ...] = ()
    axis: Axis = Axis.DATE
    grain: Grain = Grain.DAY
    cohort: Grain | None = None
    days: tuple[int, ...] = ()
    since: date | None = None
    until: date | None = None
    where: str = ""
    order: tuple[str, ...] = ()
    limit: int | None = None
    compare: bool = False


@dataclass(frozen=True)
class Order:
    """A column of the answer to sort by."""

    column: str
    descending: bool = False


@dataclass(frozen=True)
class Request:
    """A query that has been checked: its KPIs unfolded, its condition over properties."""

    options: QueryOptions
    kpis: tuple[Unfolded, ...]
    where: Formula | None
    order: tuple[Order, ...]

    @property
    def axis(self) -> Axis:
        """What the KPIs are drawn over: a triangle is over the days of its cohorts."""
        return Axis.COHORT_DAY if self.options.cohort else self.options.axis

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the answer's columns."""
        return headers(self.options)

    @property
    def is_sparse(self) -> bool:
        """Whether there may be days on which nobody is asked about."""
        return bool(self.options.by or self.where)

    def total(self, kpi: Kpi) -> Total | None:
        """How a KPI's days become the value of a longer period, where it says so."""
        return None if self.options.grain is Grain.DAY else dict(kpi.axes)[self.axis]


def headers(options: QueryOptions) -> tuple[str, ...]:
    """The names of an answer's columns: where it is read, groups, values."""
    if options.cohort:
        return ("cohort", *options.by, "users", *(f"day_{day}" for day in options.days))
    values = [
        name for kpi in options.kpis for name in ((kpi, kpi + PREVIOUS, kpi + CHANGE) if options.compare else (kpi,))
    ]
    return (options.axis, *options.by, *values)


def checked(compiled: Compiled, options: QueryOptions) -> Request:
    """The request, each name once. Raises BadInput with every problem."""
    config = compiled.config
    days = options.days or config.settings.cohort_days
    options = replace(
        options,
        kpis=tuple(dict.fromkeys(options.kpis)),
        by=tuple(dict.fromkeys(options.by)),
        days=tuple(sorted(set(days))) if options.cohort else options.days,
    )
    problems = [*_kpis(config, options), *_groups(compiled, options), *_together(options)]
    where, wrong = _where(compiled, options.where)
    order = tuple(map(_order, options.order))
    problems += [*wrong, *_sorted(options, order)]
    if problems:
        raise BadInput(problems)
    unfolded = {one.kpi.name: one for one in compiled.kpis}
    request = Request(options, tuple(unfolded[name] for name in options.kpis), where, order)
    if problems := list(_numbers(config, request)):
        raise BadInput(problems)
    return request


def _kpis(config: Config, options: QueryOptions) -> Iterator[Problem]:
    known = {one.name: one for one in config.kpis}
    axis = Axis.COHORT_DAY if options.cohort else options.axis
    for name in options.kpis:
        if (kpi := known.get(name)) is None:
            hint = did_you_mean(name, known, "runner model list shows them all")
            yield Problem(Place(config.path), f"there is no KPI {name}", hint)
        elif not kpi.has(axis):
            axes = ", ".join(axis for axis, _ in kpi.axes)
            yield Problem(kpi.place, f"KPI {name} is not drawn over {axis}", f"its axes: {axes}")


def _groups(compiled: Compiled, options: QueryOptions) -> Iterator[Problem]:
    config = compiled.config
    known = {one.name: one for one in config.properties if one.name in compiled.views.shown()}
    for name in options.by:
        if (one := known.get(name)) is None:
            able = [one.name for one in known.values() if one.can_group_by]
            yield Problem(Place(config.path), f"there is no property {name}", did_you_mean(name, able))
        elif config.kind(name).is_list(config):
            yield Problem(
                one.place, f"{name} is a list: no user has one value of it a day", "group by another property"
            )
        elif not one.can_group_by:
            hint = "write can_group_by: true there, and apply"
            if one.implied:
                hint = f"it is built in; {did_you_mean('', [one.name for one in known.values() if one.can_group_by])}"
            yield Problem(one.place, f"{name} is not grouped by: its can_group_by is false", hint)


def _together(options: QueryOptions) -> Iterator[Problem]:
    """What does not go with what."""
    on_dates = options.axis is Axis.DATE and options.cohort is None
    if options.cohort and options.axis is Axis.COHORT_DAY:
        yield _clash("--cohort is over the days of cohorts anyway", "leave --axis out")
    if options.cohort and len(options.kpis) > 1:
        yield _clash("--cohort shows one KPI, and there are several", "ask once for each --kpi")
    if options.cohort and not options.days:
        yield _clash("no days are named for the columns of --cohort", "--days 0,1,7,30")
    if options.days and not options.cohort:
        yield _clash("--days are the columns of --cohort", "add --cohort day, week or month")
    if options.grain is not Grain.DAY and not on_dates:
        yield _clash(f"--grain {options.grain} is about dates", "--cohort week or month puts cohorts together")
    if options.compare and not on_dates:
        yield _clash("--compare is about dates: a day of a cohort has no period before it", "leave it out")
    if (options.since or options.until) and not on_dates and not options.cohort:
        hint = "leave them out, or pick cohorts: --cohort day --from D --to D"
        yield _clash("--from and --to are dates, and the axis is cohort_day", hint)
    if options.compare and options.since and options.grain.begins(options.since) != options.since:
        start = options.grain.begins(options.since)
        what = f"--from {options.since} is within a {options.grain}: it would be compared with a whole one"
        yield _clash(what, f"--from {start}")
    names = headers(options)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _clash(f"two columns would be called {name}", "leave one of them out")


def _clash(what: str, hint: str) -> Problem:
    return Problem(Place(), what, hint)


def _where(compiled: Compiled, text: str) -> tuple[Formula | None, list[Problem]]:
    """A condition over {x} or {property.x}, and what is wrong with it."""
    if not text:
        return None, []
    named, findings = Formula(_BARE.sub(r"{property.\1}", text)), Findings()
    check_where(compiled.config, named, "the query", findings)
    known = compiled.views.shown()
    for name in of_properties(named).names:
        if any(one.name == name and one.is_inner for one in compiled.config.properties):
            findings.add("E06", named.place, f"{name} is the source of another property", did_you_mean(name, known))
    problems = [Problem(one.place, f"{one.code} {one.what}", one.hint) for one in findings.found if one.is_error]
    return of_properties(named), problems


def _order(text: str) -> Order:
    """`dau`, or as in SQL `dau desc`."""
    column, _, way = text.strip().partition(" ")
    return Order(column if way.lower().strip() in ("", "asc", "desc") else text, way.lower().strip() == "desc")


def _sorted(options: QueryOptions, order: tuple[Order, ...]) -> Iterator[Problem]:
    names = headers(options)
    for one in order:
        if one.column not in names:
            hint = did_you_mean(one.column, names)
            yield _clash(f"--order {one.column}: not a column of the answer", hint)


def _numbers(config: Config, request: Request) -> Iterator[Problem]:
    """Dates and texts are neither averaged nor compared."""
    for unfolded in request.kpis:
        kpi, type_ = unfolded.kpi, kpi_type(config, unfolded)
        if type_ is None or type_ in NUMBERS:
            continue
        if request.options.compare:
            yield _clash(f"--compare is for numbers, and KPI {kpi.name} is a {type_}", "leave --compare out")
        total = request.total(kpi)
        if total in (Total.SUM, Total.AVG):
            what = f"KPI {kpi.name} is a {type_}, and total_function: {total} is for numbers"
            yield Problem(kpi.place, what, "write min or max, or leave total_function out")


def kpi_type(config: Config, unfolded: Unfolded) -> DataType | None:
    """What a KPI's values are, where it is one aggregate; a formula gives what its engine makes of it."""
    term = only_term(unfolded)
    if term is None:
        return None
    return DataType.NUMBER if term.component.function == "raw" else sum_type(config, term.component)
