"""KPIs unfolded: a formula over terms, each an aggregate over users and days that can be stored, and where it counts.

`{kpi.y}` within a KPI is replaced by y's own formula, whose aggregates take over the outer conditions. Conditions on
cohort_day and registration_date hold for whole cells, so they are left to the view: D1, D7 and D30 retention are terms
over one stored aggregate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from runner.doors.semantic.formulas import HOLISTIC, Formula, conjuncts, slot_of
from runner.doors.semantic.kinds.computed import Computed, is_never_null
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.registration import Registration
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Config, Kpi, Property

STORED = {exp.Sum: "sum", exp.Count: "sum", exp.Min: "min", exp.Max: "max"}  # how cells of a function merge
USERS = ""  # the base of components that look at every user on every day


@dataclass(frozen=True)
class Component:
    """One aggregate over users and days; `name` is its column in a KPI table, `merge` how cells of it merge."""

    name: str
    function: str
    argument: Formula  # names properties
    where: tuple[Formula, ...]
    merge: str
    base: str  # an event, whose days are all that can count; or USERS
    zero: bool  # 0, not null, where nothing counts


@dataclass(frozen=True)
class Term:
    """A component as a KPI uses it: with the conditions that hold for whole cells."""

    name: str
    component: Component
    cells: tuple[Formula, ...]


@dataclass(frozen=True)
class Unfolded:
    """A KPI: a formula whose names are those of terms. `holistic`: some aggregate cannot be merged, so none is stored."""

    kpi: Kpi
    formula: Formula
    terms: tuple[Term, ...]
    holistic: bool


def unfold(config: Config, kpi: Kpi) -> Unfolded:
    """The KPI's formula over terms. The configuration has been checked: no cycles, no unknown names."""
    unfolding = _Unfolding(config)
    text = unfolding.text(kpi, ())
    return Unfolded(kpi, Formula(text, kpi.place), tuple(unfolding.terms.values()), unfolding.holistic)


class _Unfolding:
    """Collects the terms of one KPI."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.terms: dict[tuple[str, tuple[Formula, ...]], Term] = {}
        self.holistic = False

    def text(self, kpi: Kpi, outer: tuple[Formula, ...]) -> str:
        where = (*outer, *map(of_properties, conjuncts(kpi.where)))
        names = kpi.select.names
        parts: list[str] = []

        def slot(text: str) -> exp.Expression:
            parts.append(text)
            return exp.column(f"runner_part_{len(parts) - 1}")

        def replaced(node: exp.Expression) -> exp.Expression:
            if isinstance(node, exp.AggFunc):
                return slot(self._aggregate(node, names, where))
            at = slot_of(node)
            if at is not None and names[at].startswith("kpi."):
                return slot(f"({self.text(self.config.kpi(names[at][4:]), where)})")
            return node

        tree = kpi.select.tree.copy().transform(replaced)
        return re.sub(r"\brunner_part_(\d+)\b", lambda m: parts[int(m[1])], tree.sql("bigquery"))

    def _aggregate(self, node: exp.AggFunc, names: tuple[str, ...], where: tuple[Formula, ...]) -> str:
        if isinstance(node, exp.Avg) and not isinstance(node.this, exp.Distinct):
            total, count = (self._aggregate(kind(this=node.this.copy()), names, where) for kind in (exp.Sum, exp.Count))
            return f"SAFE_DIVIDE({total}, {count})"
        if isinstance(node, exp.CountIf):
            counted = exp.Count(this=exp.Case(ifs=[exp.If(this=node.this.copy(), true=exp.Literal.number(1))]))
            return self._aggregate(counted, names, where)
        inner = node.this.sql("bigquery") if isinstance(node.this, exp.Expression) else "1"
        text = re.sub(r"\brunner_slot_(\d+)\b", lambda m: f"{{{names[int(m[1])]}}}", inner)
        if isinstance(node.this, exp.Star):
            text = "1"
        argument = of_properties(Formula(text))
        merge = STORED.get(type(node), "")
        if not merge or node.find(*HOLISTIC):
            self.holistic = True
            whole = re.sub(r"\brunner_slot_(\d+)\b", lambda m: f"{{{names[int(m[1])]}}}", node.sql("bigquery"))
            return self._term(Component("", "raw", of_properties(Formula(whole)), where, "", USERS, zero=False), ())
        cells = tuple(one for one in where if is_of_cells(self.config, one))
        rows = tuple(one for one in where if one not in cells)
        function = "count" if isinstance(node, exp.Count) else merge
        base, zero = _base(self.config, function, argument), _counts(self.config, function, argument)
        name = _name(function, argument, rows)
        return self._term(Component(name, function, argument, rows, merge, base, zero), cells)

    def _term(self, component: Component, cells: tuple[Formula, ...]) -> str:
        key = (repr(component), cells)
        term = self.terms.setdefault(key, Term(f"t{len(self.terms) + 1}", component, cells))
        return f"{{{term.name}}}"


def of_properties(formula: Formula) -> Formula:
    """The same with bare property names."""
    return Formula(re.sub(r"\{\s*property\.", "{", formula.text), formula.place)


def is_of_cells(config: Config, condition: Formula) -> bool:
    """Whether a condition is about the cohort or its age alone, as cells know them."""
    return bool(condition.names) and all(is_cell_value(config, name) for name in condition.names)


def is_cell_value(config: Config, name: str) -> bool:
    """Whether a property is what the columns of a cell say: the registration date, or the day since then."""
    kind = config.property(name).kind
    if name == "cohort_day":
        wanted = "DATE_DIFF({date}, {registration_date}, DAY)"
        return isinstance(kind, Computed) and kind.select.text.replace(" ", "") == wanted.replace(" ", "")
    return (
        name == "registration_date" and isinstance(kind, Registration) and kind.column in ("date", "asemic_date", name)
    )


def cell_dimensions(config: Config) -> tuple[Property, ...]:
    """The properties that KPI tables are grouped by, beside the columns that every cell has."""
    return tuple(one for one in config.properties if one.can_group_by and not is_cell_value(config, one.name))


def _base(config: Config, function: str, argument: Formula) -> str:
    """Which rows can count: those of an event's days, if on all other days the value is 0 in a sum, or null."""
    bare = argument.bare()
    kind = config.property(bare).kind if bare else None
    if isinstance(kind, EventValue) and (kind.default is None or (function == "sum" and kind.default.is_zero)):
        return kind.event
    return USERS


def _counts(config: Config, function: str, argument: Formula) -> bool:
    """Whether an aggregate is 0, not null, where nothing counts: COUNT, and SUM of what every user has on every day.

    So one count is one number, however it is spelled: COUNT, SUM of 1 with a condition, SUM(IF(…, 1, 0)), COUNTIF.
    """
    return function == "count" or (function == "sum" and is_never_null(argument.tree, argument.names, config))


def _name(function: str, argument: Formula, where: tuple[Formula, ...]) -> str:
    bare = argument.bare()
    what = bare or _hash(argument.text)
    filtered = f"_{_hash(*(one.text for one in where))}" if where else ""
    return f"{function}_{what}{filtered}"[:60]


def _hash(*texts: str) -> str:
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:8]


def sum_type(config: Config, component: Component) -> DataType:
    """INTEGER for counts and for sums and extremes of integer properties; the property's own for other extremes."""
    bare = component.argument.bare()
    if component.function == "count" or component.argument.text == "1":
        return DataType.INTEGER
    if bare:
        return config.property(bare).type
    return DataType.NUMBER


def properties_in(unfolded: Unfolded) -> Iterator[str]:
    """The properties that a KPI's terms name."""
    for term in unfolded.terms:
        for formula in (term.component.argument, *term.component.where, *term.cells):
            yield from (name for name in formula.names if name != "date")
