"""The key-wise rule asked again once the catalogue is known: what hung on the columns of the inputs is decided here.

A star over a table that nobody has described leaves open what a name means. With every column known it is not, and this
answer counts. That a program has passed with these columns is noted beside it, so that a run with nothing to do reads
no SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import Problem
from runner.names import TableName
from runner.program import cache
from runner.program.values import CompiledModel, Program, renamed
from runner.state.manifest import State

if TYPE_CHECKING:
    from runner.program.strategy import Asked

Columns = Mapping[TableName, tuple[str, ...]]


def keys_missing(program: Program, inputs: Columns) -> list[Problem]:
    """Columns that keys read of sources and models, and that these do not have."""
    known = {**inputs, **{model.table: model.select.outputs for model in program.models if model.select.outputs}}
    absent = [
        (model, table)
        for model in program.models
        for table in {one.table: None for one in model.named}
        if (columns := known.get(table)) is not None
        and not {one.name for one in model.named if one.table == table} <= {name.lower() for name in columns}
    ]
    if not absent:
        return []
    from runner.program import named

    return [problem for model, table in absent for problem in named.missing(model, table, known[table])]


@dataclass(frozen=True)
class Decided:
    """What is known of the program's models once the catalogue is."""

    problems: tuple[Problem, ...]  # why models may not be recomputed by key
    needs_ids: frozenset[TableName]  # models whose order is total only if no row of their inputs lacks its id


def decided(program: Program, state: State, inputs: Columns, stored: Columns) -> Decided:
    """What offline was left open; `inputs` are the columns of sources and look-ups, `stored` of models."""
    doubtful = [model.table for model in program.models if model.doubtful]
    needs_ids = {model.table for model in program.models if model.needs_ids and not model.doubtful}
    if not doubtful:
        return Decided((), frozenset(needs_ids))
    kept = {table: names for table, names in stored.items() if _is_current(program, state, table)}
    passed = repr((sorted(inputs.items()), sorted(kept.items())))
    if cache.is_noted(program, passed):
        noted = {table for table in doubtful if cache.is_noted(program, f"{passed} ids of {table}")}
        return Decided((), frozenset(needs_ids | noted))
    problems: list[Problem] = []
    for table, said in _asked(program, inputs, kept):
        problems += said.problems
        if said.needs_ids:
            needs_ids.add(table)
            cache.note(program, f"{passed} ids of {table}")
    if not problems:
        cache.note(program, passed)
    return Decided(tuple(problems), frozenset(needs_ids))


def _is_current(program: Program, state: State, table: TableName) -> bool:
    """Whether a model's table was made by its SELECT as it is now, so that its columns are those to come."""
    known = state.models.get(str(renamed(program.playbook, table)))
    return known is not None and known.digest == program.model(table).digest


def _asked(program: Program, inputs: Columns, stored: Columns) -> Iterator[tuple[TableName, Asked]]:
    from runner.program import strategy

    columns: dict[TableName, tuple[str, ...]] = {**inputs, **stored}
    for model in program.models:
        columns.update(_of_model(model, program, columns))
        if model.doubtful:
            yield model.table, strategy.asked(model, program.playbook, program.engine, columns)


def _of_model(model: CompiledModel, program: Program, columns: Columns) -> Columns:
    """The columns that a model will have, where others read it and its SELECT tells."""
    from runner.program import strategy

    if not any(model.table in reader.models for reader in program.models if reader.doubtful):
        return {}
    names = strategy.columns_of(model, program.engine, columns)
    return {model.table: names} if names else {}
