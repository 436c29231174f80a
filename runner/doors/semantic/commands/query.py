"""A KPI as a table: from its view, or from users and days where several groups are asked for at once."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from runner.doors.semantic.commands.loaded import LoadedModel
from runner.doors.semantic.components import Unfolded
from runner.doors.semantic.values import Axis, Kpi, Total
from runner.errors import BadInput, Place, Problem
from runner.names import TableName
from runner.sql.references import parse_select
from runner.sql.select import splice
from runner.warehouse.base import Warehouse

TOTALS = {
    Total.SUM: sum,
    Total.AVG: lambda values: sum(values) / len(values),
    Total.COUNT: len,
    Total.MIN: min,
    Total.MAX: max,
}


@dataclass(frozen=True)
class QueryOptions:
    """The flags of query."""

    kpi: str
    by: tuple[str, ...] = ()
    axis: Axis = Axis.DATE
    since: date | None = None
    until: date | None = None


def query(loaded: LoadedModel, options: QueryOptions, form: str) -> None:
    """Print it as 'text', 'csv' or 'json' (a list of objects)."""
    kpi = _kpi(loaded, options)
    with loaded.warehouse("query", read_only=True) as warehouse:
        loaded.check_current(warehouse, _read(loaded, options))
        headers, rows = fetch(loaded, warehouse, options)
    if form == "json":
        listed = [dict(zip(headers, map(_plain, row), strict=True)) for row in rows]
        loaded.process.out.write(json.dumps(listed, ensure_ascii=False, indent=1) + "\n")
    elif form == "csv":
        writer = csv.writer(loaded.process.out, lineterminator="\n")
        writer.writerow(headers)
        writer.writerows([[_text(value) for value in row] for row in rows])
    else:
        shown = [(*map(_text, row[:-1]), _with_unit(kpi, row[-1])) for row in rows]
        report = loaded.process.report(False)
        report.table(headers, shown)
        if (total := _total(kpi, options, rows)) is not None:
            report.line(f"{total[0]}: {_with_unit(kpi, total[1])}")


def _read(loaded: LoadedModel, options: QueryOptions) -> tuple[TableName, ...]:
    """The views that an answer is read from."""
    names = loaded.compiled.names
    stored = names.kpi_view(options.kpi, options.axis is Axis.COHORT_DAY)
    return (stored,) if _is_stored(options) else (stored, names.users("totals"))


def _is_stored(options: QueryOptions) -> bool:
    """Whether the KPI's view has the groups that are asked for."""
    own = {"date", "registration_date", "cohort_day"}
    return not options.by or (len(options.by) == 1 and options.by[0] not in own)


def fetch(
    loaded: LoadedModel, warehouse: Warehouse, options: QueryOptions
) -> tuple[list[str], Sequence[tuple[Any, ...]]]:
    """(headers, rows) in the order of the axis and the groups."""
    unfolded = next(one for one in loaded.compiled.kpis if one.kpi.name == options.kpi)
    text = _select(loaded, unfolded, options)
    rows = warehouse.execute("model:query", physical(loaded, warehouse, text)).rows
    return [options.axis.value, *options.by, options.kpi], rows


def physical(loaded: LoadedModel, warehouse: Warehouse, text: str) -> str:
    """A SELECT over the model's tables and views, with their names in the warehouse."""
    select, _ = parse_select(text, warehouse.engine.name, Place())

    def name(table: TableName) -> str:
        return warehouse.engine.table(loaded.stored(table))

    return splice(select, lambda r: name(r.table), warehouse.engine.quote)


def _select(loaded: LoadedModel, unfolded: Unfolded, options: QueryOptions) -> str:
    compiled, axis = loaded.compiled, options.axis.value
    view = compiled.names.kpi_view(options.kpi, options.axis is Axis.COHORT_DAY)
    if not options.by:
        inner = f"select {axis}, {options.kpi} from {view} where dimension = ''"
    elif _is_stored(options):
        inner = (
            f"select {axis}, value as {options.by[0]}, {options.kpi} from {view} where dimension = '{options.by[0]}'"
        )
    else:
        inner = compiled.views.over_users(unfolded, options.axis, options.by)
    listed = ", ".join([axis, *options.by, options.kpi])
    ends = [f"{axis} >= {_end(options.axis, options.since)}"] if options.since else []
    ends += [f"{axis} <= {_end(options.axis, options.until)}"] if options.until else []
    where = f" where {' and '.join(ends)}" if ends else ""
    return f"select {listed} from ({inner}) q{where} order by {', '.join([axis, *options.by])}"


def _end(axis: Axis, day: date) -> str:
    return f"date '{day.isoformat()}'"


def _kpi(loaded: LoadedModel, options: QueryOptions) -> Kpi:
    config = loaded.config
    loaded.check_name(options.kpi, [one.name for one in config.kpis])
    kpi = config.kpi(options.kpi)
    if not kpi.has(options.axis):
        axes = ", ".join(axis for axis, _ in kpi.axes)
        raise BadInput(Problem(kpi.place, f"KPI {kpi.name} is not drawn over {options.axis}", f"its axes: {axes}"))
    for name in options.by:
        known = next((one for one in config.properties if one.name == name), None)
        if known is not None and not known.can_group_by:
            hint = "write can_group_by: true there, and apply; a list cannot be grouped by"
            raise BadInput(Problem(known.place, f"{name} is not grouped by: its can_group_by is false", hint))
        loaded.check_name(name, [one.name for one in config.properties if one.can_group_by])
    if options.axis is Axis.COHORT_DAY and (options.since or options.until):
        raise BadInput(Problem(Place(), "--from and --to are dates, and the axis is cohort_day", "leave them out"))
    return kpi


def _total(kpi: Kpi, options: QueryOptions, rows: Sequence[tuple[Any, ...]]) -> tuple[str, Any] | None:
    """One number for the whole table, where the KPI says how."""
    function = dict(kpi.axes)[options.axis]
    values = [row[-1] for row in rows if row[-1] is not None]
    if function is None or options.by or not values:
        return None
    if function in (Total.SUM, Total.AVG) and not all(isinstance(value, (int, float, Decimal)) for value in values):
        return None  # dates and texts
    return str(function), TOTALS[function](values)  # type: ignore[operator]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _text(value: Any) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain)


def _with_unit(kpi: Kpi, value: Any) -> str:
    if value is None:
        return "-"
    plain = _plain(value)
    number = f"{plain:,}" if isinstance(plain, int) else f"{plain:,.2f}" if isinstance(plain, float) else str(plain)
    return f"{kpi.unit}{number}" if kpi.unit_first else f"{number}{kpi.unit}"
