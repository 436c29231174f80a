"""The KPI tables: components by date, cohort and group, and which dates a change of their inputs reaches.

A cell is (date, registration_date, dimension, value): dimension '' holds all users, others one property that KPIs may
be grouped by. Every date of the calendar has a cell, if an empty one. Cohort days are dates less registration dates, so one table serves both axes. The key is the date: all
cells of a date are recomputed together, so a user who leaves a group or cohort leaves the old one and enters the new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runner.doors.semantic.compile.property_values import PropertyValues, day_alias
from runner.doors.semantic.components import Component, Unfolded, cell_dimensions, sum_type
from runner.doors.semantic.dialect import COMMA, UNION, Dialect
from runner.doors.semantic.names import Names, bad_of
from runner.doors.semantic.values import Config
from runner.playbook.values import Affected

IN_DATES = "date in (select date from affected)"
IN_REACH = "valid_to > (select min(date) from affected) and valid_from <= (select max(date) from affected)"


@dataclass(frozen=True)
class KpiTable:
    """One KPI table: the components of one base."""

    config: Config
    dialect: Dialect
    names: Names
    values: PropertyValues
    base: str
    components: tuple[Component, ...]

    @property
    def _date(self) -> str:
        return f"{day_alias(self.base)}.date" if self.base else "c.date"

    @property
    def _properties(self) -> tuple[str, ...]:
        """Every property that a cell is made of."""
        formulas = [f for c in self.components for f in (c.argument, *c.where)]
        named = [name for formula in formulas for name in formula.names if name != "date"]
        return tuple(dict.fromkeys([*named, *(one.name for one in cell_dimensions(self.config))]))

    @property
    def events(self) -> tuple[str, ...]:
        """The events whose days are read."""
        found = self.values.events_of(self._properties)
        return tuple(dict.fromkeys([*([self.base] if self.base else []), *found]))

    @property
    def span_columns(self) -> tuple[str, ...]:
        """The columns of the spans that are read."""
        return tuple(dict.fromkeys(["registered_on", *self.values.spans_of(self._properties)]))

    def select(self) -> str:
        """The SELECT of the table."""
        dimensions = cell_dimensions(self.config)
        listed = [f"{self._date} as date", "s.registered_on as registration_date"]
        listed += [f"{self._value(one.name)} as g_{one.name}" for one in dimensions]
        listed += [f"{self._argument(component)} as {component.name}" for component in self.components]
        listed += [f"case when {bad} then 1 end as {bad_of(name)}" for name, bad in self.outside.items()]
        rows = f"select {COMMA.join(listed)}\n{self._from()}"
        branches = [self._grouped("''", f"cast(null as {self.dialect.text})", "")]
        branches += [
            self._grouped(f"'{one.name}'", f"cast(g_{one.name} as {self.dialect.text})", f", g_{one.name}")
            for one in dimensions
        ]
        if self.base:
            branches.append(self._every_date())
        return f"with user_days as (\n{rows}\n)\n{UNION.join(branches)}"

    def _from(self) -> str:
        others = [event for event in self.events if event != self.base]
        if not self.base:
            spans = "c.date >= s.valid_from and c.date < s.valid_to"
            return f"from {self.names.calendar} as c\njoin {self.names.spans} as s on {spans}{self.values.join_days(others)}"
        d = day_alias(self.base)
        spans = f"s.user_id = {d}.user_id and {d}.date >= s.valid_from and {d}.date < s.valid_to"
        joins = self.values.join_days(others, self._date)
        if self.config.settings.run_date:  # what comes later than today has happened already, and does not count yet
            joins += f"\njoin {self.names.calendar} as c on c.date = {d}.date"
        return f"from {self.names.days(self.base)} as {d}\njoin {self.names.spans} as s on {spans}{joins}"

    def _value(self, name: str) -> str:
        return self.values.value(name, self._date)

    def _argument(self, component: Component) -> str:
        value = self.values.formula(component.argument, self._date)
        if component.function == "count":
            value = f"case when {value} is not null then 1 end"
        else:
            type_ = sum_type(self.config, component)
            value = self.dialect.worked_out(component.argument, value, type_, self.values.type_of)
        conditions = " and ".join(f"({self.values.formula(one, self._date)})" for one in component.where)
        return f"case when {conditions} then {value} end" if conditions else value

    @property
    def outside(self) -> dict[str, str]:
        """For components that may have no value on some days of some users: the condition of these."""
        found = {}
        for one in self.components:
            conditions = "".join(f"({self.values.formula(where, self._date)}) and " for where in one.where)
            bad = [self.values.outside(where, self._date) for where in one.where]
            if argument := self.values.outside(one.argument, self._date):
                bad.append(f"{conditions}({argument})")
            if any(bad):
                found[one.name] = " or ".join(f"({part})" for part in bad if part)
        return found

    def _grouped(self, dimension: str, value: str, group: str) -> str:
        aggregates = []
        for component in self.components:
            merged = merge(self.dialect, self.config, component, component.name)
            merged = self.dialect.summed(merged, sum_type(self.config, component))
            aggregates.append(f"{merged} as {component.name}")
        for name in self.outside:  # of all users alone: groups would count them again
            count = "null" if group else f"nullif(count({bad_of(name)}), 0)"
            aggregates.append(f"cast({count} as bigint) as {bad_of(name)}")
        columns = f"date, registration_date, {dimension} as dimension, {value} as value, {', '.join(aggregates)}"
        return f"select {columns} from user_days group by date, registration_date{group}"

    def _every_date(self) -> str:
        """An empty cell a date: nothing counted is not the same as not looked at yet."""
        nulls = "".join(
            f", cast(null as {self.dialect.type(sum_type(self.config, c))}) as {c.name}" for c in self.components
        ) + "".join(f", cast(null as bigint) as {bad_of(name)}" for name in self.outside)
        return (
            f"select date, cast(null as date) as registration_date, '' as dimension, cast(null as {self.dialect.text})"
            f" as value{nulls} from {self.names.calendar}"
        )

    # -- which dates -----------------------------------------------------------------------------------------------

    def affected(self) -> tuple[Affected, ...]:
        """For each input: the dates that a change of it reaches, and the rows that these need."""
        by_date = "select date from changed group by date"
        found = [Affected(self.names.calendar, by_date, IN_DATES)]
        found += [Affected(self.names.days(event), by_date, IN_DATES) for event in self.events]
        return (*found, Affected(self.names.spans, self._moved(), IN_REACH))

    def _moved(self) -> str:
        """Dates on which a user's span is another one in a column that counts: others cancel out."""
        listed = "".join(f", h.{name}" for name in self.span_columns)
        if self.base:
            other, on = (
                self.names.days(self.base),
                "k.user_id = h.user_id and k.date >= h.valid_from and k.date < h.valid_to",
            )
        else:
            other, on = self.names.calendar, "k.date >= h.valid_from and k.date < h.valid_to"
        return (
            "select date from (select h.user_id, k.date as date, sum(h.runner_now - h.runner_was) as runner_moved"
            f" from changed as h join {other} as k on {on} group by h.user_id, k.date{listed}"
            " having sum(h.runner_now - h.runner_was) <> 0) runner_c group by date"
        )


def merge(dialect: Dialect, config: Config, component: Component, column: str) -> str:
    """Cells of a component into one."""
    if component.merge == "sum":
        return f"sum({column})"
    return dialect.extreme(component.merge, column, sum_type(config, component))


def components_by_base(unfolded: Iterable[Unfolded]) -> dict[str, tuple[Component, ...]]:
    """The components to be stored, by base, each once."""
    found: dict[str, dict[str, Component]] = {}
    for one in unfolded:
        for term in () if one.holistic else one.terms:
            found.setdefault(term.component.base, {}).setdefault(term.component.name, term.component)
    return {base: tuple(found[base].values()) for base in sorted(found)}


def stored_in(unfolded: Unfolded, tables: Sequence[KpiTable]) -> tuple[KpiTable, ...]:
    """The tables that a KPI's view reads."""
    wanted = {term.component.base for term in unfolded.terms} if not unfolded.holistic else set()
    return tuple(one for one in tables if one.base in wanted)
