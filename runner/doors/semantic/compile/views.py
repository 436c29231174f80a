"""The views: users on days with all their properties, and each KPI over dates and over cohort days.

A KPI's view has a row for all users (dimension '') of every date, and one for every value of every group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.doors.semantic.compile.kpi_tables import KpiTable, merge, stored_in
from runner.doors.semantic.compile.property_values import PropertyValues
from runner.doors.semantic.components import Term, Unfolded, cell_dimensions, sum_type
from runner.doors.semantic.dialect import COMMA, UNION, Dialect
from runner.doors.semantic.formulas import Formula, where_only
from runner.doors.semantic.names import Names
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Axis, Config, EventType, Kpi


@dataclass(frozen=True)
class Views:
    """Builds the SELECTs of the views."""

    config: Config
    dialect: Dialect
    names: Names
    values: PropertyValues

    # -- users on days -----------------------------------------------------------------------------------------------

    def shown(self) -> tuple[str, ...]:
        """The properties that a user has on a day."""
        return tuple(one.name for one in self.config.properties if not one.is_inner)

    def totals(self) -> str:
        """Every user on every date from the first event on, with all properties."""
        names = self.shown()
        listed = "".join(f",\n    {self.values.value(name)} as {name}" for name in names)
        return (
            f"select c.date, s.user_id, s.registered_on{listed}\nfrom {self.names.calendar} as c\n"
            f"join {self.names.spans} as s on c.date >= s.valid_from and c.date < s.valid_to"
            f"{self.values.join_days(self.values.events_of(names))}"
        )

    def users(self, what: str) -> str:
        """A part of them: daily (seen that day), active (seen within active_days), cohort (on the cohort days)."""
        config = self.config.settings
        days = ", ".join(map(str, config.cohort_days))
        condition = {
            "daily": "days_since_last_active = 0",
            "active": f"days_since_last_active <= {config.active_days}",
            "cohort": f"date - registered_on in ({days})",
        }[what]
        return f"select * from {self.names.users('totals')} where {condition}"

    def quarantine(self, events: Sequence[EventType]) -> str:
        """Events with a time further ahead of their load time than allowed."""
        return self._events(events, "", "is_quarantined")

    def unreadable(self, events: Sequence[EventType]) -> str:
        """Events with values that are not of their column's type."""
        return self._events(events, ", unreadable, unreadable_values", "unreadable is not null")

    def _events(self, events: Sequence[EventType], more: str, condition: str) -> str:
        parts = [
            f"select '{event.name}' as event, cast(event_id as {self.dialect.text}) as event_id,"
            f" cast(user_id as {self.dialect.text}) as user_id, event_tstamp, etl_tstamp{more}"
            f" from {self.names.events(event.name)} where {condition}"
            for event in events
        ]
        return UNION.join(parts)

    # -- KPIs --------------------------------------------------------------------------------------------------------

    def kpi(self, unfolded: Unfolded, axis: Axis, tables: Sequence[KpiTable]) -> str:
        """One KPI over one axis."""
        on_axis = "date" if axis is Axis.DATE else "cohort_day"
        branches = [self._holistic(unfolded, axis)] if unfolded.holistic else []
        branches += [self._stored(unfolded, axis, one) for one in stored_in(unfolded, tables)]
        if axis is Axis.COHORT_DAY:
            branches += [self._every_day(unfolded, one) for one in stored_in(unfolded, tables)[:1]]
        listed = COMMA.join([on_axis, "dimension", "value", f"{self._formula(unfolded)} as {unfolded.kpi.name}"])
        return f"select {listed}\nfrom (\n{UNION.join(branches)}\n) cells\ngroup by {on_axis}, dimension, value"

    def _formula(self, unfolded: Unfolded) -> str:
        terms = {term.name: term for term in unfolded.terms}

        def value(name: str) -> str:
            component = terms[name].component
            merged = f"max({name})" if unfolded.holistic else merge(self.dialect, self.config, component, name)
            return f"coalesce({merged}, 0)" if component.zero else merged

        return unfolded.formula.sql(self.dialect.engine, value)

    def _stored(self, unfolded: Unfolded, axis: Axis, table: KpiTable) -> str:
        on_axis = "date" if axis is Axis.DATE else "date - registration_date"
        listed = [f"{on_axis} as {'date' if axis is Axis.DATE else 'cohort_day'}", "dimension", "value"]
        for term in unfolded.terms:
            if term.component.base == table.base:
                listed.append(f"{self.typed(term, self.merged(term))} as {term.name}")
            else:
                listed.append(f"cast(null as {self.type_of(term)}) as {term.name}")
        conditions = [] if axis is Axis.DATE else ["date >= registration_date"]
        where = f" where {' and '.join(conditions)}" if conditions else ""
        return f"select {COMMA.join(listed)}\nfrom {self.names.kpi_table(table.base)}{where}\ngroup by {on_axis}, dimension, value"

    def type_of(self, term: Term) -> str:
        """The type of a term's values."""
        return self.dialect.type(
            DataType.NUMBER if term.component.function == "raw" else sum_type(self.config, term.component)
        )

    def typed(self, term: Term, value: str) -> str:
        """A term's value as its type."""
        if term.component.function == "raw":
            return self.dialect.engine.try_cast(value, self.type_of(term))
        return self.dialect.summed(value, sum_type(self.config, term.component))

    def merged(self, term: Term) -> str:
        """A term over the cells of its KPI table."""
        column = term.component.name
        if term.cells:
            conditions = " and ".join(f"({one.sql(self.dialect.engine, _of_cell)})" for one in term.cells)
            column = f"case when {conditions} then {column} end"
        return merge(self.dialect, self.config, term.component, column)

    def _every_day(self, unfolded: Unfolded, table: KpiTable) -> str:
        """A row for each cohort day that there has been, so that one where nothing counts is there too."""
        nulls = "".join(f", cast(null as {self.type_of(term)}) as {term.name}" for term in unfolded.terms)
        first = f"(select min(registration_date) as first_date from {self.names.registrations}) f"
        return (
            f"select c.date - f.first_date as cohort_day, '' as dimension, cast(null as {self.dialect.text}) as value"
            f"{nulls} from {self.names.kpi_table(table.base)} as c cross join {first} where c.date >= f.first_date"
            " group by c.date, f.first_date"
        )

    def _holistic(self, unfolded: Unfolded, axis: Axis) -> str:
        """Aggregates that cannot be merged, from all users and days."""
        dimensions = ["", *(one.name for one in cell_dimensions(self.config))]
        on_axis = "date" if axis is Axis.DATE else "date - registered_on"
        where = "" if axis is Axis.DATE else " where date >= registered_on"
        terms = ", ".join(f"{self.typed(term, self.raw(term))} as {term.name}" for term in unfolded.terms)
        branches = []
        for name in dimensions:
            value = f"cast({name} as {self.dialect.text})" if name else f"cast(null as {self.dialect.text})"
            group = f", {name}" if name else ""
            branches.append(
                f"select {on_axis} as {'date' if axis is Axis.DATE else 'cohort_day'}, '{name}' as dimension,"
                f" {value} as value, {terms} from {self.names.users('totals')}{where} group by {on_axis}{group}"
            )
        return UNION.join(branches)

    def raw(self, term: Term) -> str:
        """A term over the rows of users and days, nothing merged."""
        component = term.component
        conditions = " and ".join(f"({self._of_user(one)})" for one in (*component.where, *term.cells))
        if component.function == "raw":
            if conditions:
                return where_only(component.argument, self.dialect.engine, _bare, conditions)
            return component.argument.sql(self.dialect.engine, _bare)
        value = self._of_user(component.argument)
        if component.function != "count":
            type_ = sum_type(self.config, component)
            value = self.dialect.worked_out(component.argument, value, type_, self.values.type_of)
        value = f"case when {conditions} then {value} end" if conditions else value
        if component.function == "count":
            return f"count({value})"
        return merge(self.dialect, self.config, component, value)

    def _of_user(self, formula: Formula) -> str:
        return formula.of_row(self.dialect.engine, _bare, self.values.is_whole)

    def users_of(self, term: Term) -> str:
        """How many users a term counts over the rows of users and days, each once: those with other than 0 or null."""
        component = term.component
        conditions = [f"({self._of_user(one)})" for one in (*component.where, *term.cells)]
        value = self._of_user(component.argument)
        conditions.append(f"({value}) is not null" if component.function == "count" else f"({value}) <> 0")
        return f"count(distinct case when {' and '.join(conditions)} then user_id end)"


def _of_cell(name: str) -> str:
    return "registration_date" if name == "registration_date" else "(date - registration_date)"


def _bare(name: str) -> str:
    return name


def axes_of(kpi: Kpi) -> tuple[Axis, ...]:
    """What a KPI is drawn over."""
    return tuple(axis for axis, _ in kpi.axes)
