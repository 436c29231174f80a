"""The key-wise rule asked again once the catalogue is known: what hung on the columns of the inputs is decided here.

A star over a table that nobody has described leaves open what a name means. With every column known it is not, and this
answer counts. That a program has passed with these columns is noted beside it, so that a run with nothing to do reads
no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.errors import Problem
from runner.names import TableName
from runner.program import cache
from runner.program.values import CompiledModel, Program, renamed
from runner.state.manifest import State

Columns = Mapping[TableName, tuple[str, ...]]


def still_refused(program: Program, state: State, inputs: Columns, stored: Columns) -> list[Problem]:
    """Why models may not be recomputed by key; `inputs` are the columns of sources and look-ups, `stored` of models."""
    if not any(model.doubtful for model in program.models):
        return []
    kept = {table: names for table, names in stored.items() if _is_current(program, state, table)}
    passed = repr((sorted(inputs.items()), sorted(kept.items())))
    if cache.is_noted(program, passed):
        return []
    problems = list(_asked(program, inputs, kept))
    if not problems:
        cache.note(program, passed)
    return problems


def _is_current(program: Program, state: State, table: TableName) -> bool:
    """Whether a model's table was made by its SELECT as it is now, so that its columns are those to come."""
    known = state.models.get(str(renamed(program.playbook, table)))
    return known is not None and known.digest == program.model(table).digest


def _asked(program: Program, inputs: Columns, stored: Columns) -> list[Problem]:
    from runner.program import strategy

    columns: dict[TableName, tuple[str, ...]] = {**inputs, **stored}
    problems: list[Problem] = []
    for model in program.models:
        columns.update(_of_model(model, program, columns))
        if model.doubtful:
            problems += strategy.asked(model, program.playbook, program.engine, columns)
    return problems


def _of_model(model: CompiledModel, program: Program, columns: Columns) -> Columns:
    """The columns that a model will have, where others read it and its SELECT tells."""
    from runner.program import strategy

    if not any(model.table in reader.models for reader in program.models if reader.doubtful):
        return {}
    names = strategy.columns_of(model, program.engine, columns)
    return {model.table: names} if names else {}
