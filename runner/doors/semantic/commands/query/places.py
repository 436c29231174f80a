"""Values of KPIs by place and group: what each source gives is a branch, and the formulas are put over all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner.doors.semantic.commands.query.parts import Part
from runner.doors.semantic.commands.query.periods import Grain
from runner.doors.semantic.commands.query.request import Request
from runner.doors.semantic.commands.query.sources import Columns, Source, group_names, place_names
from runner.doors.semantic.compile.playbook import Compiled
from runner.doors.semantic.dialect import COMMA, UNION
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Axis


@dataclass(frozen=True)
class KpiValues:
    """Builds the SELECT of them for a request: columns p1 (and p2), g1 …, k1 …"""

    compiled: Compiled
    request: Request
    dense: bool = True  # with a row for each place, where there are no groups

    @property
    def _parts(self) -> tuple[Part, ...]:
        kpis = enumerate(self.request.kpis, 1)
        return tuple(Part(self.compiled, self.request, number, one) for number, one in kpis)

    def sql(self) -> str:
        """A row for each place and group, with a column for each KPI."""
        columns = {name: missing for part in self._parts for name, missing in part.columns().items()}
        bases = sorted({base for part in self._parts for base in part.bases})
        columns |= {_seen(bases, base): "0" for base in bases}
        if self._may_miss_days:
            columns["missing"] = "null"
        branches = [self._of_days(columns)] if any(part.total for part in self._parts) else []
        branches += [self._of_cells(base, bases, columns) for base in bases]
        if users := {name: value for part in self._parts for name, value in part.of_users().items()}:
            branches.append(self._rows(self.users, users, columns))
        is_filled = self.dense and not self.request.options.by
        if is_filled and (self.request.where or users or self.request.axis is Axis.COHORT_DAY):
            branches.append(self._rows(self.everywhere, {}, columns))
        places = [*place_names(self.request), *group_names(self.request)]
        can_miss = not self.request.options.by and self.request.axis is Axis.DATE and len(branches) > 1
        listed = [*places, *(f"{self._value(part, bases if can_miss else [])} as {part.name}" for part in self._parts)]
        return f"select {COMMA.join(listed)}\nfrom (\n{UNION.join(branches)}\n) terms\ngroup by {', '.join(places)}"

    @property
    def _may_miss_days(self) -> bool:
        return self.request.is_sparse and any(part.total for part in self._parts)

    @staticmethod
    def _value(part: Part, bases: list[str]) -> str:
        """Null where a KPI table has not been brought up to date yet, and another one has: that is not 0."""
        seen = " and ".join(f"max({_seen(bases, base)}) = 1" for base in part.bases if base in bases)
        return f"case when {seen} then {part.value()} end" if seen else part.value()

    # -- branches ------------------------------------------------------------------------------------------------------

    def _rows(self, source: Source, given: Columns, columns: Columns) -> str:
        return source.rows(self.request, self.compiled.views.dialect.engine, given, columns)

    def _of_cells(self, base: str, bases: list[str], columns: Columns) -> str:
        given = {name: value for part in self._parts for name, value in part.of_cells(base).items()}
        return self._rows(self._cells(base), {**given, _seen(bases, base): "1"}, columns)

    def _of_days(self, columns: Columns) -> str:
        """The values of days put together. It is the first branch: a bare null takes its type from it."""
        options, engine = self.request.options, self.compiled.views.dialect.engine
        parts = [part for part in self._parts if part.total]
        since = options.grain.before(options.since) if options.since and options.compare else options.since
        of_a_day = replace(options, grain=Grain.DAY, compare=False, since=since)
        request = replace(self.request, options=of_a_day, kpis=tuple(part.unfolded for part in parts))
        days = KpiValues(self.compiled, request, dense=not self.request.is_sparse)
        given = {n: v for number, part in enumerate(parts, 1) for n, v in part.of_days(f"d.k{number}").items()}
        period, groups = options.grain.start(engine, "d.p1"), group_names(self.request)
        relation = f"(\n{days.sql()}\n) d"
        if self._may_miss_days:
            start = options.grain.start(engine, "date")
            ends = self.everywhere.within(self.request, "date")
            where = f" where {' and '.join(ends)}" if ends else ""
            calendar = (
                f"select {start} as p0, count(*) as days from {self.compiled.names.calendar}{where} group by {start}"
            )
            relation += f" join (\n{calendar}\n) c on c.p0 = {period}"
            given["missing"] = "max(c.days) - count(*)"
        listed = [f"{period} as p1", *(f"d.{name} as {name}" for name in groups)]
        listed += [f"{given.get(name, missing)} as {name}" for name, missing in columns.items()]
        grouped = ", ".join([period, *(f"d.{name}" for name in groups)])
        return f"select {COMMA.join(listed)}\nfrom {relation}\ngroup by {grouped}"

    # -- sources -------------------------------------------------------------------------------------------------------

    def _cells(self, base: str) -> Source:
        """A KPI table: its groups are texts."""
        by = self.request.options.by
        groups = tuple(self._typed(name) for name in by)
        return Source(
            str(self.compiled.names.kpi_table(base)),
            "date",
            "registration_date",
            groups,
            (f"dimension = '{by[0] if by else ''}'",),
        )

    def _typed(self, name: str) -> str:
        type_ = self.compiled.config.property(name).type
        return "value" if type_ is DataType.STRING else f"cast(value as {self.compiled.views.dialect.type(type_)})"

    @property
    def users(self) -> Source:
        """Users on days."""
        where, engine = self.request.where, self.compiled.views.dialect.engine
        conditions = (f"({where.sql(engine, lambda name: name)})",) if where else ()
        totals = str(self.compiled.names.users("totals"))
        return Source(totals, "date", "registered_on", self.request.options.by, conditions)

    @property
    def everywhere(self) -> Source:
        """Every date, or every day of every cohort: nothing counts there by itself."""
        names = self.compiled.names
        if self.request.axis is Axis.DATE:
            return Source(str(names.calendar), "date", "date")
        registered = f"(select registration_date from {names.registrations} group by registration_date) r"
        relation = f"{names.calendar} as c join {registered} on c.date >= r.registration_date"
        return Source(relation, "c.date", "r.registration_date")


def _seen(bases: list[str], base: str) -> str:
    """The column that says whether a KPI table has a place."""
    return f"seen{bases.index(base) + 1}"
