"""Which values could not be read or worked out, counted: what a run and `model status` say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runner.doors.semantic.commands.loaded import LoadedModel
from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.kinds.computed import Computed
from runner.doors.semantic.names import bad_of
from runner.doors.semantic.values import Config
from runner.events import Unreadable, ValueCount
from runner.names import TableName
from runner.state.manifest import State
from runner.warehouse.base import Warehouse

NEXT = "an IF in it can say what they should be"


def unreadable(loaded: LoadedModel, warehouse: Warehouse, state: State) -> Iterator[Unreadable]:
    """Of what has been applied, if that is what the files say: of columns by event, of formulas by file and line."""
    if loaded.changed(state):
        return
    yield from _columns(loaded, warehouse)
    yield from _properties(loaded, warehouse)
    yield from _kpis(loaded, warehouse)


def _columns(loaded: LoadedModel, warehouse: Warehouse) -> Iterator[Unreadable]:
    view = loaded.compiled.names.unreadable
    if view not in {one.table for one in loaded.program.views}:
        return
    table = warehouse.engine.table(loaded.stored(view))
    sql = f"select event, unreadable, count(*) from {table} group by event, unreadable"
    found: dict[str, Counter[str]] = {}
    for event, columns, count in warehouse.execute("status:unreadable", sql).rows:
        for column in str(columns).split(", "):
            found.setdefault(str(event), Counter())[column] += int(count)
    for one in loaded.config.events:
        counted = found.get(one.name, Counter())
        counts = tuple(ValueCount(c.name, counted[c.name]) for c in one.columns if counted[c.name])
        if counts:
            yield Unreadable(f"event {one.name}", counts, f"select * from {view}")


def _properties(loaded: LoadedModel, warehouse: Warehouse) -> Iterator[Unreadable]:
    """Formulas of event properties, counted by day."""
    tables = loaded.compiled.event_tables
    for event in tables.day_events():
        risky = [(one, kind) for one, kind in tables.values_of(event) if tables.outside(event, kind)]
        names = [one.name for one, _ in risky]
        found = _sums(loaded, warehouse, loaded.compiled.names.days(event), names, "")
        for (one, kind), count in zip(risky, found, strict=True):
            if count:
                yield Unreadable(f"{kind.select.place}", (ValueCount(one.name, count),), NEXT, formula=True)


def _kpis(loaded: LoadedModel, warehouse: Warehouse) -> Iterator[Unreadable]:
    """Formulas over properties, counted by date as KPIs look at them."""
    counts: dict[str, int] = {}
    for table in loaded.compiled.kpi_tables:
        names = list(table.outside)
        stored = loaded.compiled.names.kpi_table(table.base)
        counts |= dict(zip(names, _sums(loaded, warehouse, stored, names, " where dimension = ''"), strict=True))
    found: dict[str, dict[str, int]] = {}
    for kpi in loaded.compiled.kpis:
        for term in kpi.terms:
            if count := counts.get(term.component.name):
                formula = _written(loaded.config, term.component.argument) or kpi.kpi.select
                found.setdefault(str(formula.place), {})[kpi.kpi.name] = count
    for place, by_kpi in found.items():
        counted = tuple(ValueCount(f"KPI {name}", count) for name, count in by_kpi.items())
        yield Unreadable(place, counted, NEXT, formula=True)


def _written(config: Config, formula: Formula) -> Formula | None:
    """The formula of a computed property, if one names it alone."""
    kind = config.property(bare).kind if (bare := formula.bare()) and bare != "date" else None
    return (_written(config, kind.select) or kind.select) if isinstance(kind, Computed) else None


def _sums(loaded: LoadedModel, warehouse: Warehouse, table: TableName, names: list[str], where: str) -> list[int]:
    if not names:
        return []
    listed = ", ".join(f"sum({bad_of(name)})" for name in names)
    sql = f"select {listed} from {warehouse.engine.table(loaded.stored(table))}{where}"
    return [int(count or 0) for count in warehouse.execute("status:unreadable", sql).one()]
