"""The rules for KPIs: references, aggregates, axes, conditions; what they mean is looked at by kpi_meaning.py."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from runner.doors.semantic.formulas import Formula, slot_of
from runner.doors.semantic.rules import kpi_meaning
from runner.doors.semantic.rules.composition import TOO_MUCH, circles, usable
from runner.doors.semantic.rules.findings import Findings
from runner.doors.semantic.rules.formulas import check_condition, readable, tree_of
from runner.doors.semantic.rules.kpi_meaning import kpis_in
from runner.doors.semantic.values import Axis, Config, Kpi
from runner.errors import did_you_mean


def check(config: Config, properties: frozenset[str], findings: Findings) -> None:
    """Every KPI; what those mean whose properties can be used and whose names are known."""
    known = {one.name: one for one in config.kpis}
    unsound = {kpi.name for kpi in config.kpis if not _kpi(config, kpi, properties, known, findings)}
    made_of = {kpi.name: kpis_in(kpi.select) for kpi in config.kpis}
    for chain in circles(made_of):
        what = f"KPI {known[chain[0]].called} is made of itself: {' → '.join(chain)}"
        findings.add("E07", known[chain[0]].place, what, "break the circle")
    sound, too_much = usable({name: of for name, of in made_of.items() if name not in unsound})
    for name in too_much:
        findings.add("E07", known[name].place, f"KPI {known[name].called} {TOO_MUCH}", "build it from fewer")
    for kpi in config.kpis:
        if kpi.name in sound:
            kpi_meaning.check(config, kpi, findings)
    _views(config, known, findings)


def _kpi(config: Config, kpi: Kpi, properties: frozenset[str], known: Mapping[str, Kpi], findings: Findings) -> bool:
    """Whether it can be read, and what it names is known and can be used."""
    read = [readable(formula, findings, "property.") for formula in (kpi.select, kpi.where) if formula is not None]
    if tree_of(kpi.select) is not None:
        _names(config, kpi, known, findings)
        _aggregates(kpi, findings)
    if kpi.where is not None and tree_of(kpi.where) is not None:
        _condition(config, kpi.where, f"KPI {kpi.called}", properties, findings)
    named = {name.partition(".")[2] for name in kpi.select.names if name.startswith("property.")}
    named |= {name.partition(".")[2] for name in (kpi.where.names if kpi.where else ())}
    return (
        all(read) and named <= properties and all(n.partition(".")[0] in ("property", "kpi") for n in kpi.select.names)
    )


def _names(config: Config, kpi: Kpi, known: Mapping[str, Kpi], findings: Findings) -> None:
    properties = {one.name for one in config.properties}
    for name in kpi.select.names:
        kind, _, what = name.partition(".")
        if kind not in ("property", "kpi") or not what:
            near = "kpi" if name in known else "property"
            if not name or name in known or name in properties:
                hint = f"write {{{near}.{name}}}" if name else "{} is for templates"
            else:
                hint = f"write {{property.x}} or {{kpi.x}}; {did_you_mean(name, {*properties, *known})}"
            findings.add("E06", kpi.select.place, f"{{{name}}} in KPI {kpi.called} does not say what it is", hint)
        elif kind == "property" and what not in properties:
            text = f"unknown property {what} in KPI {kpi.called}"
            if what in known:
                findings.add("E06", kpi.select.place, text, f"{what} is a KPI: write {{kpi.{what}}}")
            else:
                findings.unknown(config, "property", what, kpi.select.place, text, properties)
        elif kind == "kpi" and what not in known:
            text = f"unknown KPI {what} in KPI {kpi.called}"
            if what in properties:
                findings.add("E06", kpi.select.place, text, f"{what} is a property: write SUM({{property.{what}}})")
            else:
                findings.unknown(config, "kpi", what, kpi.select.place, text, set(known) - {kpi.name})
        elif kind == "kpi":
            for axis, _ in kpi.axes:
                if not known[what].has(axis):
                    text = f"KPI {kpi.called} is drawn over {axis}, and KPI {what} in it is not"
                    findings.add("E09", kpi.select.place, text, f"add {axis}: {{}} to the x_axis of {what}")


def check_where(config: Config, where: Formula, of: str, findings: Findings) -> None:
    """A condition that is not written in the files: those have been checked. `of` is what it belongs to."""
    if readable(where, findings, "property."):
        _condition(config, where, of, frozenset(one.name for one in config.properties), findings)


def _condition(config: Config, where: Formula, of: str, sound: frozenset[str], findings: Findings) -> None:
    properties = {one.name: one for one in config.properties}
    for name in where.names:
        kind, _, what = name.partition(".")
        if kind != "property" or not what:
            near = f"write {{property.{name}}}" if name in properties else "it may name {property.x} only"
            text = f"the condition of {of} names {name or '{}'}, which is no property.x"
            findings.add("E06" if name in properties else "E16", where.place, text, near)
        elif what not in properties:
            text = f"unknown property {what} in {of}"
            findings.unknown(config, "property", what, where.place, text, properties)
        elif not properties[what].can_filter and not properties[what].implied:
            text = f"{what}, in the condition of {of}, has can_filter: false"
            findings.add("E16", where.place, text, "take it out, or let it be a filter")
        elif what in sound and config.kind(what).is_list(config):
            text = f"{what}, in the condition of {of}, is a list: no user has one value of it a day"
            findings.add("E16", where.place, text, "take another property")
    if where.aggregates():
        text = f"the condition of {of} aggregates"
        findings.add("E08", where.place, text, "it is for one user and day: aggregate in select")
    types = {f"property.{one.name}": one.type for one in config.properties}
    known = {**types, **{name.removeprefix("property."): type_ for name, type_ in types.items()}}
    check_condition(where, f"the condition of {of}", known, findings)


def _aggregates(kpi: Kpi, findings: Findings) -> None:
    names, tree, place = kpi.select.names, kpi.select.tree, kpi.select.place
    for at, name in enumerate(names):
        columns = [column for column in tree.find_all(exp.Column) if slot_of(column) == at]
        inside = [column for column in columns if column.find_ancestor(exp.AggFunc) is not None]
        if name.startswith("property.") and len(inside) < len(columns):
            text = f"{{{name}}} in KPI {kpi.called} is not aggregated"
            findings.add("E08", place, text, f"write SUM({{{name}}})")
        if name.startswith("kpi.") and inside:
            text = f"{{{name}}} in KPI {kpi.called} is aggregated once more"
            findings.add("E08", place, text, "a KPI is an aggregate already")
    if any(node.find_ancestor(exp.AggFunc) for node in tree.find_all(exp.AggFunc)):
        findings.add("E08", place, f"KPI {kpi.called} has an aggregate within an aggregate", "use one of them")
    if not names and not kpi.select.aggregates():
        findings.add("E08", place, f"KPI {kpi.called} has no aggregate", "write SUM({property.x})")


def _views(config: Config, known: Mapping[str, Kpi], findings: Findings) -> None:
    """No two KPIs have one view, and readers can tell them apart."""
    labels: dict[str, Kpi] = {}
    for kpi in config.kpis:
        if kpi.name == "cohort_day":
            hint = "call it something else, and put these words into label:"
            findings.add("E03", kpi.place, "a KPI may not be called cohort_day: its view has that column", hint)
        other = known.get(kpi.name.removesuffix("_cohort"))
        if other is not None and other is not kpi and kpi.has(Axis.DATE) and other.has(Axis.COHORT_DAY):
            what = f"KPIs {other.called} and {kpi.called} would both have the view v_kpi_{kpi.name}"
            findings.add("E02", kpi.place, what, "call it something else")
        first = labels.setdefault(kpi.label, kpi)
        if kpi.label and first.name != kpi.name:
            what = f"KPIs {first.called} and {kpi.called} have one label: {kpi.label}"
            findings.add("W02", kpi.place, what, "give each a label of its own; in a template, with {} in it")
