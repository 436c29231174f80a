"""Keys of several inputs are compared with each other: refused where their types are not to be compared.

A full build compares them only where the SELECT does, so without this question only the first increment would fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.algebra.texts import as_ks, ks
from runner.algebra.values import BoundSource
from runner.errors import Problem
from runner.names import TableName
from runner.program.values import CompiledModel, Program, renamed
from runner.state.manifest import State
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Relation, Trouble, WarehouseError, types_of


@dataclass(frozen=True)
class _Side:
    """One input of a model: how its rows are read, and its key's expressions with their types ('' unknown)."""

    table: TableName
    rows: str
    texts: tuple[str, ...]
    types: tuple[str, ...]


def apart(
    program: Program,
    warehouse: Warehouse,
    state: State,
    sources: Mapping[TableName, BoundSource],
    stored: Mapping[TableName, Relation | None],
    inputs: Mapping[TableName, str],
) -> list[Problem]:
    """What keys cannot be compared. Costs a query only where types differ or are not known, and were not asked before."""
    problems: list[Problem] = []
    for model in program.models:
        sides = list(_sides(program, warehouse, model, sources, stored))
        known = state.models.get(str(renamed(program.playbook, model.table)))
        asked = known is not None and known.is_of(model.digest, inputs[model.table])
        for other in sides[1:] if model.model.key and not model.model.affected and not model.is_joined else ():
            same = sides[0].types == other.types and all(other.types)
            if not same and not (asked and not model.models):
                problems += _asked(warehouse, model, sides[0], other)
    return problems


def _sides(
    program: Program,
    warehouse: Warehouse,
    model: CompiledModel,
    sources: Mapping[TableName, BoundSource],
    stored: Mapping[TableName, Relation | None],
) -> Iterator[_Side]:
    for table in (*model.sources, *model.models):
        relation = sources[table].relation if table in sources else stored.get(table)
        if relation is None:
            continue  # not built yet
        rows = sources[table].rows if table in sources else warehouse.engine.table(renamed(program.playbook, table))
        types = types_of(relation.columns)
        texts = tuple(column.over(table) for column in model.model.key)
        yield _Side(table, rows, texts, tuple(types.get(text.lower(), "") for text in texts))


def _asked(warehouse: Warehouse, model: CompiledModel, one: _Side, other: _Side) -> Iterator[Problem]:
    for n, column in enumerate(model.model.key):
        types = (one.types[n], other.types[n])
        if not all(types) or types[0] != types[1]:
            said = _of_other_kinds(warehouse, *types) or _refused(warehouse, one, other, n)
            if said:
                what = (
                    f"{model.table}: its key {column.name} cannot be compared: {_shown(one, n)} and {_shown(other, n)}"
                )
                cast = f"cast({other.texts[n]} as {one.types[n] or warehouse.engine.text_type})"
                hint = f'cast one of them, in the SELECT too: key: {{{column.name}: {{{other.table}: "{cast}"}}}}'
                yield Problem(model.model.place, f"{what} ({said})", hint)


def _of_other_kinds(warehouse: Warehouse, one: str, other: str) -> str:
    """Why two types are not to be compared, where the engine would try to cast every value."""
    kinds = [warehouse.engine.kind(type_) for type_ in (one, other)]
    return "" if None in kinds or kinds[0] == kinds[1] else "of one each value would be cast"


def _refused(warehouse: Warehouse, one: _Side, other: _Side, n: int) -> str:
    """What the engine says to a comparison of the keys; '' if it takes it. No row is read."""
    quote, (k,) = warehouse.engine.quote, ks(1)
    left, right = (
        f"(select {as_ks([side.texts[n]])} from {side.rows} as {quote(side.table.table)} where 1 = 0)"
        for side in (one, other)
    )
    try:
        warehouse.execute(
            "catalogue:keys", f"select 1 from {left} runner_a where {k} in (select {k} from {right} runner_b)"
        )
    except WarehouseError as error:
        if error.trouble is not Trouble.REFUSED:
            raise
        return error.what.splitlines()[0]
    return ""


def _shown(side: _Side, n: int) -> str:
    return f"{side.texts[n]} of {side.table}{f' is {side.types[n]}' if side.types[n] else ''}"
