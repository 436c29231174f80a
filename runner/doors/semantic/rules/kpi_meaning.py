"""KPIs that do not mean what they are called: totals, units, active users that are days, conditions nobody can meet."""

from __future__ import annotations

import re

from sqlglot import exp

from runner.doors.semantic.components import is_cell_value, of_properties
from runner.doors.semantic.formulas import APPROXIMATE, Formula, conjuncts, slot_of
from runner.doors.semantic.kinds.computed import Computed
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.sliding import Sliding
from runner.doors.semantic.rules.findings import Findings
from runner.doors.semantic.types import Aggregate, DataType
from runner.doors.semantic.values import Config, Kpi, Total

_ACTIVE = re.compile(r"\b(mau|wau|dau|active[ _]users)\b", re.IGNORECASE)
_DIVIDES = (exp.Div, exp.SafeDivide, exp.IntDiv)
_MERGED = (exp.Sum, exp.Count, exp.Min, exp.Max, exp.Avg)
_NUMBERS = (DataType.NUMBER, DataType.INTEGER)


def check(config: Config, kpi: Kpi, findings: Findings) -> None:
    """Of a KPI that has no mistake of form."""
    for axis, total in kpi.axes:
        if total is Total.SUM and not _additive(config, kpi):
            what = f"KPI {kpi.called} is added up over {axis}, and it is a ratio, an average or a distinct count"
            findings.add("E22", kpi.place, what, "leave total_function out, or write avg")
    if kpi.unit == "%" and not _divides(config, kpi):
        what = f"KPI {kpi.called} has the unit % and divides nothing"
        findings.add("E23", kpi.place, what, "write SAFE_DIVIDE(a * 100, b), or another unit")
    _functions(config, kpi, findings)
    if _ACTIVE.search(f"{kpi.name.replace('_', ' ')} {kpi.label}") and not _divides(config, kpi):
        _active_users(config, kpi, findings)
    if kpi.where is not None:
        if "config" not in config.unread:
            _days(config, kpi, kpi.where, findings)
        _conflicts(config, kpi, findings)


def kpis_in(formula: Formula) -> list[str]:
    """The KPIs that a formula names, as often as it does."""
    return [name[4:] for name in formula.all_names if name.startswith("kpi.")]


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
        queue += kpis_in(kpi.select)
    return found


def _within(config: Config, kpi: Kpi) -> list[Kpi]:
    """A KPI and those in it, each once."""
    found = {kpi.name: kpi}
    queue = [kpi]
    while queue:
        more = [config.kpi(name) for name in kpis_in(queue.pop().select) if name not in found]
        found |= {one.name: one for one in more}
        queue += more
    return list(found.values())


def _divides(config: Config, kpi: Kpi) -> bool:
    """Whether it is a ratio; an average is one of a sum and a count."""
    return any(one.select.tree.find(*_DIVIDES, exp.Avg) for one in _within(config, kpi))


def _additive(config: Config, kpi: Kpi) -> bool:
    aggregates = (call for one in _within(config, kpi) for call in one.select.tree.find_all(exp.AggFunc))
    plain = all(
        isinstance(call, (exp.Sum, exp.Count, exp.CountIf)) and not call.find(exp.Distinct) for call in aggregates
    )
    return plain and not _divides(config, kpi)


def _functions(config: Config, kpi: Kpi, findings: Findings) -> None:
    """What its aggregates are of, and whether cells of them can be merged."""
    tree, place = kpi.select.tree, kpi.select.place
    calls = list(tree.find_all(exp.AggFunc))
    if tree.find(*APPROXIMATE):
        what = f"KPI {kpi.called} is approximate: it may differ from run to run"
        findings.add("W04", place, what, "COUNT(DISTINCT …) is exact")
    elif any(not isinstance(call, _MERGED) or call.find(exp.Distinct) for call in calls):
        what = f"KPI {kpi.called} cannot be merged from parts: its view computes it from all users and days"
        findings.add("W03", place, what, "it takes longer to read; a sum, count, min, max or avg can be merged")
    for name in _arguments(kpi, exp.Sum, exp.Avg):
        type_ = config.property(name).type
        if config.kind(name).is_list(config) or type_ not in _NUMBERS:
            is_ = "a list" if config.kind(name).is_list(config) else f"of type {type_}"
            what = f"KPI {kpi.called} adds up {name}, which is {is_}"
            findings.add("E20", place, what, "count it, or take a property of type NUMBER or INTEGER")


def _active_users(config: Config, kpi: Kpi, findings: Findings) -> None:
    """A sum over users of a sum over days counts user-days, not users."""
    summed = {name for one in _within(config, kpi) for name in _arguments(one, exp.Sum)}
    for name in sorted(summed):
        kind = config.property(name).kind
        if not isinstance(kind, Sliding) or kind.function is not Aggregate.SUM:
            continue
        source = config.property(kind.source)
        ones = isinstance(source.kind, (EventValue, Computed)) and source.kind.select.text == "1"
        if source.type is DataType.INTEGER and ones:
            what = f"KPI {kpi.called} adds up {name}, which sums days: it counts days of users, not users"
            findings.add("W21", kpi.place, what, f"window_function: max in {name}")


def _arguments(kpi: Kpi, *functions: type[exp.AggFunc]) -> list[str]:
    """The properties that aggregates are directly of."""
    slots = (slot_of(call.this) for call in kpi.select.tree.find_all(*functions))
    names = [kpi.select.names[at] for at in slots if at is not None]
    return [name.removeprefix("property.") for name in names if name.startswith("property.")]


# -- conditions ------------------------------------------------------------------------------------------------------


def _days(config: Config, kpi: Kpi, where: Formula, findings: Findings) -> None:
    """Cohort days that no view has, and users who are no longer looked at."""
    for name, number in _equal(where):
        if name == "cohort_day" and is_cell_value(config, name) and number not in config.settings.cohort_days:
            what = f"KPI {kpi.called} asks for cohort day {number}, which is not in cohorted_daily_kpis_days"
            findings.add("E15", where.place, what, "add it there, in config.yml")
    reaches = [one.kind.behind for one in config.properties]
    longest = max(config.settings.active_days, *reaches, 0)
    for name, number in (*_equal(where), *_at_most(where)):
        if name == "days_since_last_active" and number > longest:
            what = f"KPI {kpi.called} looks at users last seen {number} days ago, and active_days is {config.settings.active_days}"
            findings.add("E14", where.place, what, f"active_days: {number} in config.yml, or fewer days here")


def _equal(where: Formula) -> list[tuple[str, int]]:
    """What is compared with which whole numbers, by = or IN."""
    found = []
    for node in where.tree.find_all(exp.EQ, exp.In):
        left, values = node.this, node.expressions if isinstance(node, exp.In) else [node.expression]
        if slot_of(left) is None and isinstance(node, exp.EQ):
            left, values = node.expression, [node.this]
        at = slot_of(left)
        if at is not None:
            name = where.names[at].removeprefix("property.")
            found += [(name, int(v.name)) for v in values if isinstance(v, exp.Literal) and v.is_int]
    return found


def _at_most(where: Formula) -> list[tuple[str, int]]:
    """What is bounded from above, and the greatest whole number that is let through."""
    found = []
    for node in where.tree.find_all(exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between):
        below = isinstance(node, (exp.LT, exp.LTE, exp.Between))
        left, right = node.this, node.args["high"] if isinstance(node, exp.Between) else node.expression
        if slot_of(left) is None:
            below, left, right = not below, right, left
        at = slot_of(left)
        if at is not None and below and isinstance(right, exp.Literal) and right.is_int:
            most = int(right.name) - isinstance(node, (exp.LT, exp.GT))
            found.append((where.names[at].removeprefix("property."), most))
    return found


def _conflicts(config: Config, kpi: Kpi, findings: Findings) -> None:
    """Conditions of a KPI and of those within it hold together; no value is equal to two constants."""
    for inner in _within(config, kpi):
        asked: dict[str, str] = {}
        parts = [part for where in {kpi.where, inner.where} for part in conjuncts(where)]
        for part in parts:
            tree, names = part.tree, part.names
            at = slot_of(tree.this) if isinstance(tree, exp.EQ) else None
            if at is None or not isinstance(tree.expression, exp.Literal):
                continue
            name, value = of_properties(Formula(f"{{{names[at]}}}")).names[0], tree.expression.sql("bigquery")
            if asked.setdefault(name, value) != value and kpi.where is not None:
                values = " and ".join(sorted((asked[name], value)))
                what = f"KPI {kpi.called} asks for users whose {name} is {values} at once: there are none"
                findings.add("E16", kpi.where.place, what, "take one of the two out, or write IN (…)")
                return
