"""The trial as a run's guard: which tables have to be copied, how long it may take, and its verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from runner.clock import Clock
from runner.increment.catalogue.bind import Bound
from runner.increment.guard import Counterexample, Guard, Verdict
from runner.names import TableName
from runner.program.values import Program
from runner.trial.values import TIME_UP
from runner.warehouse.base import Warehouse
from runner.warehouse.grounds.base import Input

VERSION = 1  # of the trial: what an older one has passed is tried again


def guard_of(limit_s: float, clock: Clock) -> Guard | None:
    """A guard that takes so long at most; None for 0: nothing is tried."""
    if not limit_s:
        return None

    def attack(program: Program, warehouse: Warehouse, bound: Bound, tables: Sequence[TableName]) -> Verdict:
        return _verdict(program, warehouse, bound, tables, limit_s, clock)

    return Guard(f"{VERSION}/{_runner_version()}", attack)


def _runner_version() -> str:
    try:
        return version("sql-model-runner")
    except PackageNotFoundError:
        return ""


def _verdict(
    program: Program, warehouse: Warehouse, bound: Bound, tables: Sequence[TableName], limit_s: float, clock: Clock
) -> Verdict:
    from runner.trial import trial, words  # only where something is new: it needs the parser

    inputs = inputs_of(program, warehouse, bound, tables)
    budget = trial.Budget(min(limit_s, warehouse.engine.trial_s * len(tables)))
    held = trial.attack(program, tables, warehouse, inputs, budget, clock)
    columns = {one.name: one.columns for one in held.shapes}
    names = {table: tuple(column.name for column in found) for table, found in columns.items()}
    against = tuple(
        Counterexample(found.difference.table, words.what(found, names), words.hint(found)) for found in held.found
    )
    late = tuple(table for table, reason in held.untried.items() if reason == TIME_UP)
    untried = {table: reason for table, reason in held.untried.items() if reason != TIME_UP}
    return Verdict(frozenset(held.rounds), against, untried, late)


def inputs_of(program: Program, warehouse: Warehouse, bound: Bound, tables: Sequence[TableName]) -> list[Input]:
    """The sources and look-ups that the models read, directly or through others."""
    models = [program.model(table) for table in program.ancestors(tables)]
    sources = dict.fromkeys(table for model in models for table in model.sources)
    lookups = dict.fromkeys(table for model in models for table in model.lookups)
    found = [Input(table, bound.sources[table].rows, bound.sources[table].relation.is_view) for table in sources]
    found += [Input(table, warehouse.engine.table(table), bound.lookups[table].is_view) for table in lookups]
    return found
