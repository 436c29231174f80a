"""Rewind: make processed batches pending again, in one transaction. Nothing derived changes until the next run.

The rows of the manifest stay, marked, so that batches which have since gone upstream are still found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner import actions
from runner.algebra import keys
from runner.algebra.texts import as_ks, ks
from runner.algebra.values import BoundSource, Planned
from runner.errors import BadInput, Place, Problem, Stopped
from runner.increment.catalogue.bind import Bound, bind
from runner.increment.others.owed import settled
from runner.increment.stage import table_key
from runner.increment.tables import make_dirty
from runner.increment.work import Work, read_only_work
from runner.names import TableName
from runner.program.values import CompiledModel, Program
from runner.state.manifest import State
from runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class RewindResult:
    """The batches that were made pending again, or would be."""

    batch_count: int
    event_count: int
    models: tuple[str, ...] = ()
    """The models whose keys alone are to be recomputed; none: the batches as a whole."""
    dry_run: bool = False


@dataclass(frozen=True)
class Range:
    """[since, until) in UTC, by etl_tstamp or by a column of the events."""

    since: str
    until: str | None
    by: str | None


@dataclass(frozen=True)
class Chosen:
    """Batches that a front door chooses: a condition over `etl_tstamp` for each source; no condition, no batch."""

    conditions: tuple[tuple[TableName, str], ...]


def rewind(
    program: Program,
    warehouse: Warehouse,
    wanted: Range | Chosen,
    models: tuple[TableName, ...],
    dry_run: bool,
) -> RewindResult:
    """Mark the batches in range, or note their keys as owed by `models`. Raises Stopped if nothing has run here yet."""
    with read_only_work(program, warehouse) as work:
        state = work.manifest.look()
        if not work.manifest.present:
            raise Stopped(f"playbook {program.playbook.name} has not run here yet", actions.Run())
        bound = bind(program, warehouse, state)
        work, program = replace(work, program=bound.program), bound.program
        state = settled(work, state, bound)
        count, events = _choose(work, bound, wanted)
        reached = {table: _keys(work, state, bound, program.model(table), {}) for table in models} if count else {}
        if count and not dry_run:
            planned = {t: bound.planned(0, program.model(t), work.algebra) for t in models}
            for model in planned.values():  # before the transaction: DDL commits on some engines
                if model.compiled.model.key and model.stored is not None:
                    make_dirty(work, model)
            with warehouse.transaction("rewind"):
                work.manifest.lock("rewind:lock")
                work.manifest.raise_version()  # a run at work has read what is rewound now: it must not publish
                for table in models:
                    known = state.models.get(table_key(work, planned[table].compiled))
                    _owe(work, planned[table], reached[table] if known and known.owes != "all" else None)
                for source in bound.sources.values() if not models else ():
                    work.manifest.mark_rewound(source.source, work.algebra.scratch.batches(source.number))
        return RewindResult(count, events, tuple(map(str, models)), dry_run)


def _choose(work: Work, bound: Bound, wanted: Range | Chosen) -> tuple[int, int]:
    """Make `batches_i` of each source; gives how many batches and events."""
    warehouse = work.warehouse
    conditions = dict(wanted.conditions) if isinstance(wanted, Chosen) else _conditions(work, bound, wanted)
    count = events = 0
    for source in bound.sources.values():
        table = work.algebra.scratch.batches(source.number)
        condition = conditions.get(source.source.table, "1 = 0")
        select = f"select etl_tstamp, event_count from ({work.manifest.processed(source.source)}) m where {condition}"
        warehouse.execute("rewind:batches", warehouse.engine.temporary_table(table, select))
        row = warehouse.execute(
            "rewind:count", f"select count(*), cast(coalesce(sum(event_count), 0) as bigint) from {table}"
        ).one()
        count, events = count + int(row[0]), events + int(row[1])
    return count, events


def _conditions(work: Work, bound: Bound, wanted: Range) -> dict[TableName, str]:
    """For each source that has the column. Raises BadInput if none has."""
    fitting = [
        s
        for s in bound.sources.values()
        if wanted.by is None or wanted.by.lower() in {n.lower() for n in s.relation.names}
    ]
    if not fitting:
        places = ", ".join(str(table) for table in bound.sources)
        raise BadInput(Problem(Place(work.program.playbook.path), f"--by {wanted.by}: no such column in {places}"))
    return {source.source.table: _condition(work, source, wanted) for source in fitting}


def _condition(work: Work, source: BoundSource, wanted: Range) -> str:
    literal = work.warehouse.engine.literal
    parts = [f"{{c}} >= timestamp {literal(wanted.since)}"]
    if wanted.until:
        parts.append(f"{{c}} < timestamp {literal(wanted.until)}")
    condition = " and ".join(parts)
    if wanted.by is None:
        return condition.format(c="etl_tstamp")
    column = next(n for n in source.relation.names if n.lower() == wanted.by.lower())
    inner = condition.format(c=f"cast({work.warehouse.engine.quote(column)} as timestamp)")
    batch = work.algebra.batch(source.source)
    return f"etl_tstamp in (select distinct {batch} from {work.algebra.from_source(source)} where {inner})"


def _owe(work: Work, planned: Planned, affected: str | None) -> None:
    """Note what a model owes: the keys that the chosen batches reach, or everything where they cannot be told."""
    model = planned.compiled
    name = table_key(work, model)
    if affected is None:
        work.manifest.owe(name, "all")
        return
    listed = ", ".join(work.algebra.quoted(model.key_names))
    names = ", ".join(ks(len(model.key_names)))
    dirty = work.manifest.dirty_table(name, model.key_names, planned.key_types)
    work.warehouse.execute("rewind:dirty", f"insert into {dirty} ({listed}) select {names} from {affected}")
    work.manifest.owe(name, "keys", dirty)


def _keys(
    work: Work, state: State, bound: Bound, model: CompiledModel, made: dict[TableName, str | None]
) -> str | None:
    """A scratch table of the model's keys that the chosen batches reach, which dimensions have none of; None: cannot be
    told, all rows.
    """
    if model.table in made:
        return made[model.table]
    made[model.table] = None
    stored = bound.stored[model.table]
    if not model.model.key or model.model.affected or model.is_joined or stored is None:
        return None
    algebra, width = work.algebra, len(model.key_names)
    parts = []
    for key in model.source_keys:
        index = state.indexes.get((str(key.source.table), key.digest))
        if index is None:
            return None
        batches = algebra.scratch.batches(bound.sources[key.source.table].number)
        chosen = f"etl_tstamp in (select etl_tstamp from {batches})"
        parts.append(f"{keys.all_of_table(index, width)} where {chosen}")
    for table in (one for one in model.models if not work.program.model(one).is_dimension):
        above = _keys(work, state, bound, work.program.model(table), made)
        relation = bound.stored[table]
        if above is None or relation is None:
            return None
        upstream = work.program.model(table)
        own = algebra.is_in(algebra.quoted(upstream.key_names), above, has_null=True)
        expressions, alias = (
            as_ks([column.over(table) for column in model.model.key]),
            algebra.engine.quote(table.table),
        )
        parts.append(f"select {expressions}, 1 as recompute from {algebra.physical(table)} as {alias} where {own}")
    if not parts:
        return None
    number = next(n for n, m in enumerate(work.program.models) if m.table == model.table)
    name = f"{algebra.scratch.affected(number)}_{len(made)}"
    work.warehouse.execute("rewind:keys", algebra.engine.temporary_table(name, keys.union(parts, width)))
    made[model.table] = name
    return name
