"""Texts that may be clocks: `t < 'today'` counts from today where t is a date or time, `page = 'today'` never does.

As what a text is read the engine itself says: with a text in its place that is no date, a SELECT in which it would
become one cannot be planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from runner.errors import Place, Problem
from runner.names import TableName
from runner.program import cache
from runner.program.values import CompiledModel, Program, renamed
from runner.sql.select import Reference, splice
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Relation, WarehouseError

NO_DATE = "22007"  # invalid_datetime_format
NO_TIME = "runner"  # in the place of `today`: '{today}' is a list of moments only if it stays a list


def moving_texts(program: Program, warehouse: Warehouse, found: Mapping[TableName, Relation]) -> list[Problem]:
    """The texts of models that the engine reads as dates or times, and that are others on every day."""
    models = [model for model in program.models if model.moving and not model.model.unproven]
    passed = repr(sorted((str(table), relation.columns) for table, relation in found.items())) if models else ""
    if not models or cache.is_noted(program, passed):
        return []
    problems = [problem for model in models for problem in _of_model(program, warehouse, found, model)]
    if not problems:
        cache.note(program, passed)
    return problems


def _of_model(
    program: Program, warehouse: Warehouse, found: Mapping[TableName, Relation], model: CompiledModel
) -> Iterator[Problem]:
    for call in model.moving:
        probe = replace(model, select=replace(model.select, clocks=(call,)))
        try:
            warehouse.execute("catalogue:moving", f"explain {_text(program, warehouse, found, probe)}")
        except WarehouseError as error:
            if error.state == NO_DATE:
                place = Place(model.select.place.path, 0 if model.ported else call.line)
                known = "use a column of the events, e.g. collector_tstamp"
                hint = known if model.model.key else "write current_timestamp or current_date"
                yield Problem(place, f"{model.table}: {call.word} is read as a time, another one on every day", hint)


def _text(program: Program, warehouse: Warehouse, found: Mapping[TableName, Relation], model: CompiledModel) -> str:
    """The SELECT over what there is: models that have no table yet are read by their own SELECTs."""
    from runner.sql.volatile import MOVING

    def read(reference: Reference) -> str | None:
        if reference.table not in model.models:
            return None
        table = renamed(program.playbook, reference.table)
        if table in found:
            return warehouse.engine.table(table)
        return f"({_text(program, warehouse, found, program.model(reference.table))})"

    literal = warehouse.engine.literal
    texts = {c: literal(MOVING.sub(NO_TIME, c.word[1:-1])) for c in model.select.clocks if c in model.moving}
    probe = replace(model.select, clocks=tuple(texts))
    return splice(probe, read, warehouse.engine.quote, lambda call: texts[call])
