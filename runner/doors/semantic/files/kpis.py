"""One entry of kpis/ → a KPI, or one for each day of its template."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from runner.doors.semantic.files.kinds import FORMULA, NAME, NO_HINTS, TEXT
from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.settings import Settings
from runner.doors.semantic.values import Axis, Kpi, Total
from runner.errors import Problems, show
from runner.files.schema import FLAG, Kind, Row, Scope, Wrong, choice, record
from runner.files.yaml import Mapping as YamlMapping
from runner.files.yaml import Node, Scalar
from runner.files.yaml import Sequence as YamlSequence

NO_UNIT = ("", False)
# Columns of the views of KPIs, which properties may share.
TAKEN = ("cohort_day",)


def read(name: Scalar, node: Node, settings: Settings, days: frozenset[str], problems: Problems) -> tuple[Kpi, ...]:
    """The KPIs; none if they cannot be read. `days`: other names of the axis `date`, those of the events' columns."""
    reader = _Reader(name, settings, days, problems)
    blank: tuple[Kpi, ...] = ()
    what = f"KPI {name.text}"
    return Scope(problems, what).read(record(what, reader.build, blank, NO_HINTS), node)


@dataclass
class _Reader:
    """Reads one entry."""

    name: Scalar
    settings: Settings
    days: frozenset[str]
    problems: Problems

    def build(self, row: Row) -> tuple[Kpi, ...]:
        kpi = self._as_written(row)
        template: Kind[tuple[int, ...]] = Kind(self._template, ())
        days = row.get("template", template, None)
        if days is None:
            if "{}" in self.name.text:
                hint = "add template: cohort_day, or take {} out of the name"
                self.problems.add(self.name.place, "{} stands for a day of a template", hint, "E10")
                return ()
            for formula in filter(None, (kpi.select, kpi.where)):
                if "{}" in formula.text:
                    hint = f"add template: cohort_day, and {{}} to the name: {self.name.text}_d{{}}"
                    self.problems.add(formula.place, "{} stands for a day of a template", hint, "E10")
                    return ()
            return (kpi,) if self._named(kpi) else ()
        if "{}" not in self.name.text:
            what = f"the name of the template {self.name.text} has no {{}} for the day"
            row.wrong("template", what, f"call it {self.name.text}_d{{}}", "E10")
            return ()
        unfolded = tuple(_unfolded(kpi, day) for day in days)
        return unfolded if not unfolded or self._named(unfolded[0]) else ()

    def _as_written(self, row: Row) -> Kpi:
        """With {} in it where it is a template."""
        select = row.need("select", FORMULA, "write a formula, such as 'SUM({property.revenue_on_day})'")
        where = row.get("where", FORMULA, None)
        kind: Kind[tuple[tuple[Axis, Total | None], ...]] = Kind(self._axes, ())
        axes = row.need("x_axis", kind, "write x_axis: {date: {}}")
        total = row.get("total_function", choice(Total, Total.SUM), None)
        unit, first = row.get("unit", record("a unit", _unit, NO_UNIT, NO_HINTS), NO_UNIT)
        return Kpi(
            name=self.name.text,
            select=select,
            where=where,
            axes=tuple((axis, own or total) for axis, own in axes),
            label=row.get("label", TEXT, ""),
            description=row.get("description", TEXT, ""),
            unit=unit,
            unit_first=first,
            place=self.name.place,
            written=self.name.text,
        )

    def _axes(self, node: Node, scope: Scope) -> tuple[tuple[Axis, Total | None], ...]:
        if not isinstance(node, YamlMapping) or not node.entries:
            raise Wrong("must be a mapping of axes", "write {date: {}, cohort_day: {}}")
        found = []
        for name, value in node.entries:
            word = Axis.DATE if name.text in self.days else name.text
            if word not in list(Axis):
                scope.problems.add(name.place, f"{show(name.text)} is not an axis", "write date or cohort_day")
                continue
            total: Kind[Total | None] = Kind(_total, None, null=True)
            found.append((Axis(word), scope.read(total, value, f"x_axis {name.text}")))
        return tuple(found)

    def _named(self, kpi: Kpi) -> bool:
        """Whether a KPI's name can be that of a column and a view."""
        scope = Scope(self.problems, "a KPI")
        if kpi.name in TAKEN:
            what = f"a KPI may not be called {kpi.name}: its view has a column of that name"
            self.problems.add(kpi.place, what, f"call it {kpi.name}_1, or what it is about", "E03")
            return False
        return bool(scope.read(NAME, Scalar(kpi.place, kpi.name, kpi.called, plain=False)))

    def _template(self, node: Node, scope: Scope) -> tuple[int, ...]:
        if isinstance(node, Scalar) and node.text == "cohort_day":
            return tuple(dict.fromkeys(self.settings.cohort_days))
        if not isinstance(node, YamlSequence) or not node.items:
            raise Wrong("must be cohort_day or a list of days", "write template: cohort_day", code="E10")
        days = []
        for item in node.items:
            text = item.text if isinstance(item, Scalar) else ""
            if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) in days:
                what = f"must be a list of different days, and {show(text)} is none"
                raise Wrong(what, "write template: [1, 7, 30]", item.place, "E10")
            days.append(int(text))
            if self.settings.cohort_days and days[-1] not in self.settings.cohort_days:
                what = f"day {text} of the template is not in cohorted_daily_kpis_days"
                scope.problems.add(item.place, what, "add it there, in config.yml, or take it out here", "E15")
        return tuple(days)


def _unit(row: Row) -> tuple[str, bool]:
    return row.need("symbol", TEXT, "write symbol: '%'"), row.get("is_prefix", FLAG, False)


def _total(node: Node, scope: Scope) -> Total | None:
    if isinstance(node, Scalar) and node.empty:
        return None
    kind = record("an axis", lambda row: row.get("total_function", choice(Total, Total.SUM), None), None, NO_HINTS)
    return kind.read(node, scope)


def _unfolded(kpi: Kpi, day: int) -> Kpi:
    def put(text: str) -> str:
        return text.replace("{}", str(day))

    where = Formula(put(kpi.where.text), kpi.where.place) if kpi.where else None
    return replace(
        kpi,
        name=put(kpi.name),
        label=put(kpi.label),
        select=Formula(put(kpi.select.text), kpi.select.place),
        where=where,
    )
