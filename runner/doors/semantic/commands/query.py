"""A KPI as a table: from its view, or from users and days where several groups are asked for at once."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from runner.doors.semantic.commands.model import Door, check_shown, ordered, warehouse_of
from runner.doors.semantic.components import Unfolded
from runner.doors.semantic.values import Axis, Kpi, Total
from runner.errors import BadInput, Place, Problem
from runner.names import TableName
from runner.program.values import renamed
from runner.session.process import Process
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
class Asked:
    """The flags of query."""

    kpi: str
    by: tuple[str, ...] = ()
    axis: Axis = Axis.DATE
    since: date | None = None
    until: date | None = None


def query(process: Process, door: Door, asked: Asked, form: str) -> None:
    """Print it as 'text', 'csv' or 'json' (a list of objects)."""
    kpi = _kpi(door, asked)
    with warehouse_of(process, door, "query", read_only=True) as warehouse:
        check_shown(door, warehouse, _read(door, asked))
        headers, rows = fetch(door, warehouse, asked)
    if form == "json":
        listed = [dict(zip(headers, map(_plain, row), strict=True)) for row in rows]
        process.out.write(json.dumps(listed, ensure_ascii=False, indent=1) + "\n")
    elif form == "csv":
        writer = csv.writer(process.out, lineterminator="\n")
        writer.writerow(headers)
        writer.writerows([[_text(value) for value in row] for row in rows])
    else:
        shown = [(*map(_text, row[:-1]), _with_unit(kpi, row[-1])) for row in rows]
        report = process.report(False)
        report.table(headers, shown)
        if (total := _total(kpi, asked, rows)) is not None:
            report.line(f"{total[0]}: {_with_unit(kpi, total[1])}")


def _read(door: Door, asked: Asked) -> tuple[TableName, ...]:
    """The views that an answer is read from."""
    names = door.compiled.names
    stored = names.kpi_view(asked.kpi, asked.axis is Axis.COHORT_DAY)
    return (stored,) if _is_stored(asked) else (stored, names.users("totals"))


def _is_stored(asked: Asked) -> bool:
    """Whether the KPI's view has the groups that are asked for."""
    own = {"date", "registration_date", "cohort_day"}
    return not asked.by or (len(asked.by) == 1 and asked.by[0] not in own)


def fetch(door: Door, warehouse: Warehouse, asked: Asked) -> tuple[list[str], Sequence[tuple[Any, ...]]]:
    """(headers, rows) in the order of the axis and the groups."""
    unfolded = next(one for one in door.compiled.kpis if one.kpi.name == asked.kpi)
    text = _select(door, unfolded, asked)
    rows = warehouse.execute("model:query", physical(door, warehouse, text)).rows
    return [asked.axis.value, *asked.by, asked.kpi], rows


def physical(door: Door, warehouse: Warehouse, text: str) -> str:
    """A SELECT over the model's tables and views, with their names in the warehouse."""
    select, _ = parse_select(text, warehouse.engine.name, Place())

    def name(table: TableName) -> str:
        return warehouse.engine.table(renamed(door.program.playbook, table))

    return splice(select, lambda r: name(r.table), warehouse.engine.quote)


def _select(door: Door, unfolded: Unfolded, asked: Asked) -> str:
    compiled, axis = door.compiled, asked.axis.value
    view = compiled.names.kpi_view(asked.kpi, asked.axis is Axis.COHORT_DAY)
    if not asked.by:
        inner = f"select {axis}, {asked.kpi} from {view} where dimension = ''"
    elif _is_stored(asked):
        inner = f"select {axis}, value as {asked.by[0]}, {asked.kpi} from {view} where dimension = '{asked.by[0]}'"
    else:
        inner = compiled.views.over_users(unfolded, asked.axis, asked.by)
    listed = ", ".join([axis, *asked.by, asked.kpi])
    ends = [f"{axis} >= {_end(asked.axis, asked.since)}"] if asked.since else []
    ends += [f"{axis} <= {_end(asked.axis, asked.until)}"] if asked.until else []
    where = f" where {' and '.join(ends)}" if ends else ""
    return f"select {listed} from ({inner}) q{where} order by {', '.join([axis, *asked.by])}"


def _end(axis: Axis, day: date) -> str:
    return f"date '{day.isoformat()}'"


def _kpi(door: Door, asked: Asked) -> Kpi:
    config = door.config
    ordered(asked.since, asked.until)
    door.known(asked.kpi, [one.name for one in config.kpis])
    kpi = config.kpi(asked.kpi)
    if not kpi.has(asked.axis):
        axes = ", ".join(axis for axis, _ in kpi.axes)
        raise BadInput(Problem(kpi.place, f"KPI {kpi.name} is not drawn over {asked.axis}", f"its axes: {axes}"))
    for name in asked.by:
        door.known(name, [one.name for one in config.properties if one.can_group_by])
    if asked.axis is Axis.COHORT_DAY and (asked.since or asked.until):
        raise BadInput(Problem(Place(), "--from and --to are dates, and the axis is cohort_day", "leave them out"))
    return kpi


def _total(kpi: Kpi, asked: Asked, rows: Sequence[tuple[Any, ...]]) -> tuple[str, Any] | None:
    """One number for the whole table, where the KPI says how."""
    function = dict(kpi.axes)[asked.axis]
    values = [row[-1] for row in rows if row[-1] is not None]
    if function is None or asked.by or not values:
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
