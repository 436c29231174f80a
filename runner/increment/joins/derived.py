"""Models whose inputs do not all carry their key: which keys a change reaches, derived now that columns are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runner.errors import Problem
from runner.increment.catalogue.keys_known import Columns, Decided, columns_known, decided, is_current
from runner.joins.values import Derived, Input, Moves
from runner.names import TableName
from runner.program import cache
from runner.program.values import CompiledModel, Program, SourceKey
from runner.state.manifest import State
from runner.warehouse.engines import ENGINES, Engine
from runner.warehouse.values import Relation, types_of


@dataclass(frozen=True)
class Settled:
    """The program with all that its models' columns tell, or what is wrong with it."""

    program: Program
    problems: tuple[Problem, ...]
    needs_ids: frozenset[TableName]  # models whose order is total only if no row of their inputs lacks its id


def settled(
    program: Program,
    state: State,
    inputs: Mapping[TableName, Relation],
    stored: Mapping[TableName, Relation | None],
) -> Settled:
    """What offline was left open decided, and what is derived. `inputs`: sources and look-ups; `stored`: models' tables.

    It is kept beside the program: a run with nothing to do reads no SQL.
    """
    there = {table: relation for table, relation in stored.items() if relation is not None}
    told = repr([_told(program, state, table, relation) for table, relation in sorted({**inputs, **there}.items())])
    if (kept := cache.completed(program, told)) is not None:
        return Settled(kept, (), frozenset(model.table for model in kept.models if model.needs_ids))
    names = {table: relation.names for table, relation in there.items()}
    known = decided(program, state, {table: relation.names for table, relation in inputs.items()}, names)
    if known.problems:
        return Settled(program, known.problems, known.needs_ids)
    made = _joined(program, state, known, inputs, there)
    if made is not program:
        cache.complete(program, told, made)
    return Settled(made, (), known.needs_ids)


def _told(program: Program, state: State, table: TableName, relation: Relation) -> tuple[object, ...]:
    """What the derivation asks of a table."""
    is_made = any(model.table == table for model in program.models) and is_current(program, state, table)
    return str(table), [(column.name, column.type) for column in relation.columns], is_made


def _joined(
    program: Program,
    state: State,
    known: Decided,
    inputs: Mapping[TableName, Relation],
    stored: Mapping[TableName, Relation],
) -> Program:
    """The program with what is derived for its models; itself where nothing is."""
    told = tuple(
        replace(m, costs=m.costs or known.costs.get(m.table, ()), needs_ids=m.table in known.needs_ids)
        for m in program.models
    )
    if not any(model.costs or _follows(program, model) for model in told):
        return program
    from runner.program.copies import ids_of

    tables = {**inputs, **stored}
    listed = {table: relation.names for table, relation in tables.items()}
    columns = columns_known(program, state, {t: listed[t] for t in inputs}, listed)
    models = [_derived(m, program, columns, tables) if m.costs or _follows(program, m) else m for m in told]
    own = {key for model in models if not model.is_joined for key in model.source_keys}
    of_ids = {one.key for one in program.ids}
    asked = [k for k in program.source_keys if k not in of_ids and (k in own or not _is_of_models(program, k))]
    keys = {(key.source.table, key.texts): key for key in asked}
    for model in models:
        keys |= {(key.source.table, key.texts): key for key in model.source_keys if model.is_joined}
    names = tuple((name, _number(program, keys, at)) for name, at in program.key_names)
    ids = ids_of(keys.values(), ENGINES[program.engine], program.engine)
    all_keys = (*keys.values(), *(one.key for one in ids))
    return replace(program, models=tuple(models), source_keys=all_keys, key_names=names, ids=ids)


def _follows(program: Program, model: CompiledModel) -> bool:
    """Whether it reads a look-up whose old rows are known, so that a change may be followed to its keys."""
    one = model.model
    return bool(one.key) and not (one.merge or one.affected or one.unproven) and bool(_keyed(program, model))


def _keyed(program: Program, model: CompiledModel) -> frozenset[TableName]:
    return frozenset(one.table for one in program.playbook.lookups if one.key and one.table in model.lookups)


def _is_of_models(program: Program, key: SourceKey) -> bool:
    return any(key in model.source_keys for model in program.models)


def _number(program: Program, keys: Mapping[tuple[TableName, tuple[str, ...]], SourceKey], at: int) -> int:
    """The number that a key of scripts has now."""
    key = program.source_keys[at]
    return next((n for n, known in enumerate(keys) if known == (key.source.table, key.texts)), at)


def _derived(
    model: CompiledModel, program: Program, columns: Columns, tables: Mapping[TableName, Relation]
) -> CompiledModel:
    from runner.joins.derive import derive
    from runner.program import strategy
    from runner.sql.references import parse_select

    if model.is_dimension and not strategy.is_determined(model, program.playbook, program.engine, columns):
        return model  # built in full then
    keyed = _keyed(program, model)
    engine = ENGINES[program.engine]
    inputs = {
        table: Input(columns.get(table, ()), _moves(model, table, keyed), _unequal(columns, tables, table, engine))
        for table in model.select.tables
    }
    _, tree = parse_select(model.select.text, program.engine, model.select.place)
    found = derive(tree, model.select.references, model.key_names, inputs, engine)
    if not model.costs:
        return replace(model, derived=found)
    keys = tuple(dict.fromkeys(source_key(program, found, number) for number, texts in found.values.items() if texts))
    return replace(model, derived=found, source_keys=keys, named=())


def source_key(program: Program, found: Derived, number: int) -> SourceKey:
    """The values that have to be known of a source's rows, as a key that an index is kept for."""
    source = next(one for one in program.playbook.sources if one.table == found.tables[number])
    return SourceKey(source, found.values[number], found.values[number])


def _unequal(
    columns: Columns, tables: Mapping[TableName, Relation], table: TableName, engine: Engine
) -> frozenset[str]:
    """The columns of which equal values may differ: all those whose types are not known, too."""
    from runner.joins.normal import compared

    known = types_of(tables[table].columns) if table in tables else {}
    loose = [n for n in columns.get(table, ()) if not engine.same_if_equal.fullmatch(known.get(n.lower(), ""))]
    return frozenset(compared(loose, engine))


def _moves(model: CompiledModel, table: TableName, keyed: frozenset[TableName]) -> Moves:
    """How the changes of an input are known; where the inputs carry the key, those of look-ups alone are followed."""
    if table in keyed:
        return Moves.SIGNED
    if not model.costs:
        return Moves.NOT
    if table in model.sources:
        return Moves.VALUES
    return Moves.SIGNED if table in model.models else Moves.NOT
