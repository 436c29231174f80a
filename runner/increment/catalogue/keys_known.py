"""The key-wise rule asked again once the catalogue is known: what hung on the columns of the inputs is decided here.

A star over a table that nobody has described leaves open what a name means. With every column known it is not, and this
answer counts. That a program has passed with these columns is noted beside it, so that a run with nothing to do reads
no SQL.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
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
    costs: Mapping[TableName, tuple[Problem, ...]] = field(default_factory=dict)
    """Of models whose inputs cannot all be cut to their key: why."""


def decided(program: Program, state: State, inputs: Columns, stored: Columns) -> Decided:
    """What offline was left open; `inputs` are the columns of sources and look-ups, `stored` of models."""
    lacking = _lacking(program, inputs)
    doubtful = [model.table for model in program.models if model.doubtful or model.table in lacking]
    needs_ids = {model.table for model in program.models if model.needs_ids and model.table not in doubtful}
    if not doubtful:
        return Decided((), frozenset(needs_ids))
    kept = {table: names for table, names in stored.items() if is_current(program, state, table)}
    passed = repr((sorted(inputs.items()), sorted(kept.items())))
    if cache.is_noted(program, passed):
        noted = {table for table in doubtful if cache.is_noted(program, f"{passed} ids of {table}")}
        return Decided((), frozenset(needs_ids | noted))
    problems: list[Problem] = []
    costs: dict[TableName, tuple[Problem, ...]] = {}
    for table, said in _asked(program, inputs, kept, doubtful):
        problems += said.problems
        if said.costs and not said.problems:
            costs[table] = said.costs
        if said.needs_ids:
            needs_ids.add(table)
            cache.note(program, f"{passed} ids of {table}")
    if not problems and not costs:  # those have to be told again, until what follows from them is kept
        cache.note(program, passed)
    return Decided(tuple(problems), frozenset(needs_ids), costs)


def columns_known(program: Program, state: State, inputs: Columns, stored: Columns) -> dict[TableName, tuple[str, ...]]:
    """The columns of all that models read, as far as they can be told."""
    kept = {table: names for table, names in stored.items() if is_current(program, state, table)}
    found: dict[TableName, tuple[str, ...]] = {**inputs, **kept}
    from runner.program import strategy

    for model in program.models:
        if model.table not in found and (names := strategy.columns_of(model, program.engine, found)):
            found[model.table] = names
    return found


def is_current(program: Program, state: State, table: TableName) -> bool:
    """Whether a model's table was made by its SELECT as it is now, so that its columns are those to come."""
    known = state.models.get(str(renamed(program.playbook, table)))
    return known is not None and known.digest == program.model(table).digest


def _lacking(program: Program, inputs: Columns) -> frozenset[TableName]:
    """Models that were read as if an input had a column of its key's name, which it has not."""
    found = (
        model for model in program.models if not (model.model.merge or model.model.affected or model.model.unproven)
    )
    return frozenset(
        model.table
        for model in found
        for one in model.named
        if one.table in inputs
        and one.name not in _folded(inputs, one.table)
        and _is_made(model, program, inputs, one.name)
    )


def _is_made(model: CompiledModel, program: Program, inputs: Columns, name: str) -> bool:
    """Whether another input has a column of this name, or the SELECT gives it to something."""
    if any(name in _folded(inputs, table) for table in model.select.tables):
        return True
    from runner.program import strategy

    return strategy.gives_name(model, program.engine, name)


def _folded(inputs: Columns, table: TableName) -> frozenset[str]:
    return frozenset(name.lower() for name in inputs.get(table, ()))


def _asked(
    program: Program, inputs: Columns, stored: Columns, doubtful: Container[TableName]
) -> Iterator[tuple[TableName, Asked]]:
    from runner.program import strategy

    columns: dict[TableName, tuple[str, ...]] = {**inputs, **stored}
    for model in program.models:
        columns.update(_of_model(model, program, columns, doubtful))
        if model.table in doubtful:
            yield model.table, strategy.asked(model, program.playbook, program.engine, columns)


def _of_model(model: CompiledModel, program: Program, columns: Columns, doubtful: Container[TableName]) -> Columns:
    """The columns that a model will have, where others read it and its SELECT tells."""
    from runner.program import strategy

    if not any(model.table in reader.models for reader in program.models if reader.table in doubtful):
        return {}
    names = strategy.columns_of(model, program.engine, columns)
    return {model.table: names} if names else {}
