"""The SELECT of a query: values by place and group, then with the period before beside, or laid out as a triangle.

On a period longer than a day a KPI's value is, where it has a total_function, that of the values of the days; else the
formula over all users and days of the period: sums are summed, ratios divided anew, distinct counts counted anew, and
what counts users counts each of them once.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.commands.query.periods import date_literal
from runner.doors.semantic.commands.query.places import KpiValues
from runner.doors.semantic.commands.query.request import Request
from runner.doors.semantic.commands.query.sources import Source, group_names
from runner.doors.semantic.compile.playbook import Compiled
from runner.doors.semantic.dialect import COMMA, UNION
from runner.doors.semantic.formulas import Formula

_CHANGE = Formula("SAFE_DIVIDE(({now} - {before}) * 100, ABS({before}))")


@dataclass(frozen=True)
class QuerySelect:
    """Builds it for a request, in the model's own names of tables; its columns are the request's headers."""

    compiled: Compiled
    request: Request

    def sql(self) -> str:
        """The SELECT."""
        options = self.request.options
        if options.cohort:
            text = self._triangle()
        elif options.compare:
            text = self._compared()
        else:
            text = f"select {self._named(['p1', *self._groups, *self._kpis])}\nfrom (\n{self._values.sql()}\n) kpis"
        limit = f"\nlimit {options.limit}" if options.limit else ""
        return f"{text}\norder by {self._order()}{limit}"

    @property
    def _values(self) -> KpiValues:
        return KpiValues(self.compiled, self.request)

    @property
    def _groups(self) -> list[str]:
        return [*group_names(self.request)]

    @property
    def _kpis(self) -> list[str]:
        return [f"k{number}" for number in range(1, len(self.request.kpis) + 1)]

    def _named(self, listed: list[str]) -> str:
        return COMMA.join(f"{value} as {name}" for value, name in zip(listed, self.request.headers, strict=True))

    def _order(self) -> str:
        """What is asked for, then the place and the groups."""
        names = self.request.headers
        asked = [
            f"{names.index(one.column) + 1}{' desc' if one.descending else ''} nulls last" for one in self.request.order
        ]
        return ", ".join([*asked, *(f"{number} nulls last" for number in range(1, len(self._groups) + 2))])

    def _compared(self) -> str:
        """Each period with the one before it: that is its row, moved on by one."""
        options, engine = self.request.options, self.compiled.views.dialect.engine
        columns = ", ".join([*self._groups, *self._kpis])
        both = (
            f"select p1, {columns}, 1 as side from kpis{UNION}"
            f"select {options.grain.next(engine, 'p1')} as p1, {columns}, 2 as side from kpis"
        )
        sides = [
            f"max(case when side = {side} then {kpi} end) as {kpi}_{side}" for kpi in self._kpis for side in (1, 2)
        ]
        ends = ["p1 <= (select max(p1) from kpis)"]
        ends += [f"p1 >= {date_literal(options.since)}"] if options.since else []
        places = ["p1", *self._groups]
        listed = [*places]
        for kpi in self._kpis:
            values = {"now": f"{kpi}_1", "before": f"{kpi}_2"}
            listed += [*values.values(), _CHANGE.sql(engine, values.__getitem__)]
        return (
            f"with kpis as (\n{self._values.sql()}\n)\nselect {self._named(listed)}\nfrom (\n"
            f"select {COMMA.join([*places, *sides])}\nfrom (\n{both}\n) sides\nwhere {' and '.join(ends)}\n"
            f"group by {', '.join(places)}\n) compared"
        )

    def _triangle(self) -> str:
        """A row a cohort, a column a day, and how many users there are."""
        places = ["p1", *self._groups]
        columns = ", ".join(["p1", "p2", *self._groups, "k1", "cast(null as bigint) as users"])
        parts = f"select {columns} from (\n{self._values.sql()}\n) kpis{UNION}{self._sizes()}"
        days = (f"max(case when p2 = {day} then k1 end)" for day in self.request.options.days)
        listed = self._named([*places, "max(users)", *days])
        return f"select {listed}\nfrom (\n{parts}\n) cohorts\ngroup by {', '.join(places)}"

    def _sizes(self) -> str:
        """How many users a cohort has: of a group or condition, those who were in it on any of their days."""
        source, names = self._values.users, self.compiled.names
        if not (self.request.options.by or self.request.where):
            source = Source(str(names.registrations), f"(select max(date) from {names.calendar})", "registration_date")
        cohort = source.places(self.request, self.compiled.views.dialect.engine)[0]
        groups = [f"{value} as {name}" for value, name in zip(source.groups, self._groups, strict=True)]
        listed = [f"{cohort} as p1", "null as p2", *groups, "null as k1", "count(distinct user_id) as users"]
        ends = [f"{source.date} >= {source.registered}", *source.within(self.request, source.registered)]
        return (
            f"select {', '.join(listed)}\nfrom {source.relation}\nwhere {' and '.join([*ends, *source.conditions])}\n"
            f"group by {', '.join([cohort, *source.groups])}"
        )
