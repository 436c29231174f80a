"""The rules for KPIs: references, aggregates, axes, totals, units, and formulas that do not mean what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from runner.semantic.checks import Checks
from runner.semantic.components import is_cell_value
from runner.semantic.formulas import APPROXIMATE, HOLISTIC, Formula, Unreadable, loose_columns, slot_of
from runner.semantic.values import (
    Aggregate,
    Axis,
    Config,
    DataType,
    EventValue,
    Kpi,
    Sliding,
    Total,
)
from runner.yamlschema import did_you_mean

_ACTIVE = re.compile(r"\b(mau|wau|dau|active[ _]users)\b", re.IGNORECASE)
_AGE = re.compile(r"days_since_last_active")


def check(config: Config, checks: Checks) -> None:
    """Every KPI, once the properties are known to be sound."""
    properties, kpis = {one.name for one in config.properties}, {one.name for one in config.kpis}
    for kpi in config.kpis:
        if not _readable(kpi, checks):
            continue
        _names(config, kpi, properties, kpis, checks)
    for kpi in config.kpis:
        if (chain := _circle(config, kpi)) is not None:
            checks.add("E07", kpi.place, f"KPI {kpi.name} is made of itself: {' → '.join(chain)}", "break the circle")
    if any(finding.is_error for finding in checks.found):
        return
    for kpi in config.kpis:
        _meaning(config, kpi, checks)


def _readable(kpi: Kpi, checks: Checks) -> bool:
    fine = True
    for formula in filter(None, (kpi.select, kpi.where)):
        try:
            tree = formula.tree
        except Unreadable as error:
            checks.add("E12", formula.place, f"{formula.text} cannot be read as SQL: {error}", "one SQL expression")
            fine = False
            continue
        checks.words(formula, tree)
        for name in loose_columns(tree):
            checks.add("E06", formula.place, f"{name} in KPI {kpi.name} is not in braces", f"write {{property.{name}}}")
    return fine


def _names(config: Config, kpi: Kpi, properties: set[str], kpis: set[str], checks: Checks) -> None:
    for name in kpi.select.names:
        kind, _, what = name.partition(".")
        if kind not in ("property", "kpi") or not what:
            near = "kpi" if name in kpis else "property"
            hint = f"write {{{near}.{name}}}" if name else "{} is for templates"
            checks.add("E06", kpi.select.place, f"{{{name}}} in KPI {kpi.name} says not what it is", hint)
        elif what not in (properties if kind == "property" else kpis):
            hint = did_you_mean(what, properties if kind == "property" else kpis)
            checks.add("E06", kpi.select.place, f"unknown {'property' if kind == 'property' else 'KPI'} {what}", hint)
        elif kind == "kpi":
            for axis, _ in kpi.axes:
                if not config.kpi(what).has(axis):
                    text = f"KPI {kpi.name} is drawn over {axis}, and KPI {what} in it is not"
                    checks.add("E09", kpi.select.place, text, f"add {axis}: {{}} to the x_axis of {what}")
    for name in kpi.where.names if kpi.where else ():
        where = kpi.where.place if kpi.where else kpi.place
        kind, _, what = name.partition(".")
        if kind != "property":
            checks.add("E16", where, f"the condition of KPI {kpi.name} names {name}", "it may name {property.x} only")
        elif what not in properties:
            checks.add("E06", where, f"unknown property {what}", did_you_mean(what, properties))
        elif not config.property(what).can_filter and not config.property(what).implied:
            checks.add("E16", where, f"{what} has can_filter: false", "take it out, or let it be a filter")
        elif (kind_of := config.property(what).kind) and getattr(kind_of, "function", None) is Aggregate.ARRAY:
            checks.add("E16", where, f"{what} is a list: no user has one value of it a day", "take another property")
    if kpi.where and kpi.where.aggregates():
        checks.add("E08", kpi.where.place, f"the condition of KPI {kpi.name} aggregates", "it is for one user and day")
    _aggregates(kpi, checks)


def _aggregates(kpi: Kpi, checks: Checks) -> None:
    names = kpi.select.names
    seen = False
    for column in kpi.select.tree.find_all(exp.Column):
        at = slot_of(column)
        if at is None:
            continue
        inside = column.find_ancestor(exp.AggFunc) is not None
        if names[at].startswith("property.") and not inside:
            text = f"{{{names[at]}}} in KPI {kpi.name} is not aggregated"
            checks.add("E08", kpi.select.place, text, f"write SUM({{{names[at]}}})")
        if names[at].startswith("kpi.") and inside:
            text = f"{{{names[at]}}} in KPI {kpi.name} is aggregated once more"
            checks.add("E08", kpi.select.place, text, "a KPI is an aggregate already")
        seen = seen or names[at].startswith("kpi.")
    for node in kpi.select.tree.find_all(exp.AggFunc):
        seen = True
        if node.find_ancestor(exp.AggFunc):
            checks.add(
                "E08", kpi.select.place, f"KPI {kpi.name} has an aggregate within an aggregate", "use one of them"
            )
    if not seen:
        checks.add("E08", kpi.select.place, f"KPI {kpi.name} has no aggregate", "write SUM({property.x})")


def _circle(config: Config, kpi: Kpi) -> list[str] | None:
    known = {one.name: one for one in config.kpis}

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name] if path[0] == name else None
        for inner in _kpis_in(known[name].select) if name in known else ():
            if (found := visit(inner, [*path, name])) is not None:
                return found
        return None

    return visit(kpi.name, [])


def _kpis_in(formula: Formula) -> Iterator[str]:
    try:
        yield from (name[4:] for name in formula.names if name.startswith("kpi."))
    except Unreadable:
        return


def properties_of(config: Config, name: str) -> set[str]:
    """The properties that a KPI and those within it name."""
    known = {one.name: one for one in config.kpis}
    found: set[str] = set()
    seen: set[str] = set()
    queue = [name]
    while queue:
        kpi = known.get(queue.pop())
        if kpi is None or kpi.name in seen:
            continue
        seen.add(kpi.name)
        for formula in filter(None, (kpi.select, kpi.where)):
            found |= {one.removeprefix("property.") for one in formula.names if one.startswith("property.")}
        queue += _kpis_in(kpi.select)
    return found


# -- what a KPI means ------------------------------------------------------------------------------------------------


def _meaning(config: Config, kpi: Kpi, checks: Checks) -> None:
    tree = kpi.select.tree
    divides = tree.find(exp.Div, exp.SafeDivide) is not None
    additive = _additive(config, kpi)
    for axis, total in kpi.axes:
        if total is Total.SUM and not additive:
            what = f"KPI {kpi.name} is added up over {axis}, and it is a ratio, an average or a distinct count"
            checks.add("E22", kpi.place, what, "leave total_function out, or write avg")
    if kpi.unit == "%" and not divides and not any(_divides(config, one) for one in _kpis_in(kpi.select)):
        checks.add("E23", kpi.place, f"KPI {kpi.name} has the unit % and divides nothing", "SAFE_DIVIDE(a * 100, b)")
    if tree.find(*APPROXIMATE):
        checks.warn(
            "W04", kpi.place, f"KPI {kpi.name} is approximate: it may differ from run to run", "COUNT(DISTINCT …)"
        )
    elif tree.find(*HOLISTIC):
        what = f"KPI {kpi.name} cannot be merged from parts: its view computes it from all users and days"
        checks.warn("W03", kpi.place, what, "")
    _active_users(config, kpi, checks)
    _filters(config, kpi, checks)


def _divides(config: Config, name: str) -> bool:
    inner = config.kpi(name)
    return inner.select.tree.find(exp.Div, exp.SafeDivide) is not None or any(
        _divides(config, one) for one in _kpis_in(inner.select)
    )


def _additive(config: Config, kpi: Kpi) -> bool:
    tree = kpi.select.tree
    if tree.find(exp.Div, exp.SafeDivide, exp.Avg, exp.Min, exp.Max, *HOLISTIC, *APPROXIMATE):
        return False
    return all(_additive(config, config.kpi(name)) for name in _kpis_in(kpi.select))


def _active_users(config: Config, kpi: Kpi, checks: Checks) -> None:
    """A sum over users of a sum over days counts user-days, not users."""
    if not _ACTIVE.search(f"{kpi.name.replace('_', ' ')} {kpi.label}"):
        return
    for name in properties_of(config, kpi.name):
        kind = config.property(name).kind
        if not isinstance(kind, Sliding) or kind.function is not Aggregate.SUM:
            continue
        source = config.property(kind.source)
        if source.type is DataType.INTEGER and isinstance(source.kind, EventValue) and source.kind.select.text == "1":
            what = f"KPI {kpi.name} adds up {name}, which sums days: it counts days of users, not users"
            checks.add("E21", kpi.place, what, f"window_function: max in {name}")


def _filters(config: Config, kpi: Kpi, checks: Checks) -> None:
    if kpi.where is None:
        return
    for node in kpi.where.tree.find_all(exp.EQ, exp.LTE, exp.LT):
        name, number = _compared(kpi.where, node)
        if number is None:
            continue
        on_day = name == "cohort_day" and is_cell_value(config, name) and isinstance(node, exp.EQ)
        if on_day and number not in config.settings.cohort_days:
            what = f"KPI {kpi.name} asks for cohort day {number}, which is not in cohorted_daily_kpis_days"
            checks.add("E15", kpi.where.place, what, "add it there")
        if name == "days_since_last_active" and number > config.settings.active_days:
            what = f"KPI {kpi.name} looks at users last seen {number} days ago, and active_days is {config.settings.active_days}"
            checks.add("E14", kpi.where.place, what, "raise active_days")


def _compared(formula: Formula, node: exp.Binary) -> tuple[str, int | None]:
    at = slot_of(node.left)
    if at is None or not isinstance(node.right, exp.Literal) or not node.right.is_int:
        return "", None
    return formula.names[at].removeprefix("property."), int(node.right.name)


__all__ = ["Axis", "check", "properties_of"]
