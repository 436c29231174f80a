"""`runner model query`: what is asked for, checked, read and shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from runner.doors.semantic.commands.loaded import LoadedModel
from runner.doors.semantic.commands.query.periods import Grain
from runner.doors.semantic.commands.query.printing import Answer, Column, as_csv, as_json, as_lines, readable
from runner.doors.semantic.commands.query.request import CHANGE, PREVIOUS, QueryOptions, Request, checked, kpi_type
from runner.doors.semantic.commands.query.select import QuerySelect
from runner.doors.semantic.components import Unfolded
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Axis, Total
from runner.errors import Place
from runner.names import TableName
from runner.sql.references import parse_select
from runner.sql.select import splice
from runner.warehouse.base import Warehouse
from runner.warehouse.engines import Engine

TOTALS = {
    Total.SUM: sum,
    Total.AVG: lambda values: sum(values) / len(values),
    Total.COUNT: len,
    Total.MIN: min,
    Total.MAX: max,
}
_OF_PERIODS = (Total.SUM, Total.MIN, Total.MAX)  # totals of days that are those of their weeks too


class Form(StrEnum):
    """How an answer is given."""

    TEXT = "a table"
    CSV = "--csv"
    JSON = "--json"
    SQL = "--sql"
    PARQUET = "--parquet"


def query(loaded: LoadedModel, options: QueryOptions, form: Form, file: Path | None = None) -> None:
    """Print the answer, or its SELECT, or write it to a Parquet file."""
    request = checked(loaded.compiled, options)
    out = loaded.process.out
    if form is Form.SQL:
        select = QuerySelect(loaded.compiled, request).sql()
        out.write(f"{physical(loaded, loaded.compiled.views.dialect.engine, select)}\n")
        return
    if file is not None:
        from runner.doors.semantic.commands.query.parquet import check_file

        check_file(file)
    with loaded.warehouse("query", read_only=True) as warehouse:
        found = answer(loaded, warehouse, request)
    if file is not None:
        from runner.doors.semantic.commands.query.parquet import write

        write(found, loaded.config.settings.scale, file)
        loaded.process.report(False).line(f"{len(found.rows):,} rows → {file}")
    elif form in (Form.JSON, Form.CSV):
        out.write(as_json(found) if form is Form.JSON else as_csv(found))
    else:
        report = loaded.process.report(False)
        for line in (*as_lines(_filled(request, found)), *_totals(request, found)):
            report.line(line)


def answer(loaded: LoadedModel, warehouse: Warehouse, request: Request) -> Answer:
    """What the warehouse says. Raises Stopped where the files are not what was applied."""
    names = loaded.compiled.names
    select = physical(loaded, warehouse.engine, text := QuerySelect(loaded.compiled, request).sql())
    views = [names.kpi_view(one.kpi.name, request.axis is Axis.COHORT_DAY) for one in request.kpis]
    totals = names.users("totals")
    loaded.check_current(warehouse, [*views, *([totals] if str(totals) in text else [])])
    rows = warehouse.execute("model:query", select).rows
    return Answer(tuple(_columns(loaded, request)), rows)


def physical(loaded: LoadedModel, engine: Engine, text: str) -> str:
    """A SELECT over the model's tables and views, with their names in the warehouse."""
    select, _ = parse_select(text, engine.name, Place())

    def name(table: TableName) -> str:
        return engine.table(loaded.stored(table))

    return splice(select, lambda r: name(r.table), engine.quote)


# -- columns -----------------------------------------------------------------------------------------------------------


def _columns(loaded: LoadedModel, request: Request) -> Iterator[Column]:
    options = request.options
    if options.cohort:
        yield Column("cohort", "cohort", DataType.DATE)
    elif options.axis is Axis.COHORT_DAY:
        yield Column(options.axis, options.axis, DataType.INTEGER, is_number=True)
    else:
        yield Column(options.axis, options.axis if options.grain is Grain.DAY else options.grain, DataType.DATE)
    for name in options.by:
        one = loaded.config.property(name)
        yield Column(name, one.label or name, one.type, one.type in (DataType.NUMBER, DataType.INTEGER))
    if options.cohort:
        yield Column("users", "users", DataType.INTEGER, is_number=True)
        for day in options.days:
            yield _of_kpi(loaded, request, request.kpis[0], f"day_{day}", f"day {day}")
        return
    for unfolded in request.kpis:
        name = unfolded.kpi.name
        label = unfolded.kpi.label or name
        yield _of_kpi(loaded, request, unfolded, name, label)
        if options.compare:
            yield _of_kpi(loaded, request, unfolded, name + PREVIOUS, "previous")
            yield Column(name + CHANGE, "change", None, is_number=True, unit="%", signed=True)


def _of_kpi(loaded: LoadedModel, request: Request, unfolded: Unfolded, name: str, label: str) -> Column:
    """A column of a KPI's values; means and counts of days are no longer of its own type."""
    kpi, type_ = unfolded.kpi, kpi_type(loaded.config, unfolded)
    is_number = type_ in (None, DataType.NUMBER, DataType.INTEGER)
    stored = None if request.total(kpi) in (Total.AVG, Total.COUNT) else type_
    return Column(name, label, stored, is_number, kpi.unit, kpi.unit_first)


def _filled(request: Request, found: Answer) -> Answer:
    """Without the days of a triangle that no cohort has come to."""
    if not request.options.cohort:
        return found
    empty = {
        at
        for at, column in enumerate(found.columns)
        if column.name.startswith("day_") and all(row[at] is None for row in found.rows)
    }
    rows = [tuple(value for at, value in enumerate(row) if at not in empty) for row in found.rows]
    return Answer(tuple(column for at, column in enumerate(found.columns) if at not in empty), rows)


def _totals(request: Request, found: Answer) -> Iterator[str]:
    """One number for all rows, where a KPI says how, and no row is left out or a part of another."""
    options = request.options
    if options.by or options.cohort or options.limit:
        return
    for unfolded in request.kpis:
        kpi = unfolded.kpi
        function = dict(kpi.axes)[request.axis]
        at = [column.name for column in found.columns].index(kpi.name)
        values = [row[at] for row in found.rows if row[at] is not None]
        if function is None or not values or (options.grain is not Grain.DAY and function not in _OF_PERIODS):
            continue
        if function in (Total.SUM, Total.AVG) and not all(isinstance(v, (int, float, Decimal)) for v in values):
            continue  # dates and texts
        whose = "" if len(request.kpis) == 1 else f"{found.columns[at].label} "
        yield f"{whose}{function}: {_total(found.columns[at], function, values)}"


def _total(column: Column, function: Total, values: Sequence[Any]) -> str:
    return readable(column, TOTALS[function](values))  # type: ignore[operator]
