"""A trial's verdict as a run's guard gives it: which tables have to be copied, how long it may take, the finds in words."""

from __future__ import annotations

from collections.abc import Sequence

from runner.clock import Clock
from runner.increment.catalogue.bind import Bound
from runner.increment.work import Counterexample, Verdict
from runner.names import TableName
from runner.program.values import CompiledModel, Program
from runner.trial import trial, words
from runner.trial.values import TIME_UP
from runner.warehouse.base import Warehouse
from runner.warehouse.grounds.base import Input

ASKED_S = 300.0  # where nobody waits for a run


def verdict(
    program: Program, warehouse: Warehouse, bound: Bound, tables: Sequence[TableName], limit_s: float, clock: Clock
) -> Verdict:
    """Try these models. Never raises for what they do: what cannot be tried is untried."""
    inputs = inputs_of(program, warehouse, bound, tables)
    engine = warehouse.engine
    budget = trial.Budget(min(limit_s if engine.tried_by_runs else ASKED_S, engine.trial_s * len(tables)))
    held = trial.attack(program, tables, warehouse, inputs, budget, clock)
    columns = {one.name: one.columns for one in held.shapes}
    names = {table: tuple(column.name for column in found) for table, found in columns.items()}
    against = tuple(
        Counterexample(
            found.difference.table,
            words.what(found, names, _keys(program.model(found.difference.table))),
            words.hint(found),
        )
        for found in held.found
    )
    late = tuple(table for table, reason in held.untried.items() if reason == TIME_UP)
    untried = {table: reason for table, reason in held.untried.items() if reason != TIME_UP}
    return Verdict(frozenset(held.rounds), against, untried, late)


def _keys(model: CompiledModel) -> list[str]:
    return list(dict.fromkeys(", ".join(key.texts) for key in model.source_keys))


def inputs_of(program: Program, warehouse: Warehouse, bound: Bound, tables: Sequence[TableName]) -> list[Input]:
    """The sources and look-ups that the models read, directly or through others."""
    models = [program.model(table) for table in program.ancestors(tables)]
    sources = dict.fromkeys(table for model in models for table in model.sources)
    lookups = dict.fromkeys(table for model in models for table in model.lookups)
    found = [Input(table, bound.sources[table].rows, bound.sources[table].relation.is_view) for table in sources]
    found += [Input(table, warehouse.engine.table(table), bound.lookups[table].is_view) for table in lookups]
    return found
