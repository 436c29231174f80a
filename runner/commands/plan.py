"""What a run would do: pending batches and why, affected keys, models to be built in full. Reads only."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from runner.algebra.values import RowChanges, TrackedLookup
from runner.commands import shapes
from runner.commands.costs import costs
from runner.events import NullKey, PendingBatches
from runner.increment import freeze, stage, tables, views
from runner.increment.catalogue.bind import bind, check_ownership
from runner.increment.check import check_ids
from runner.increment.freeze import Frozen
from runner.increment.guard import heed
from runner.increment.others import lookups, namesakes, still, touched
from runner.increment.others.owed import settled
from runner.increment.others.touched import TouchedTable
from runner.increment.stage import Decision
from runner.increment.work import Guard, Work, read_only_work
from runner.names import TableName
from runner.playbook.values import Shrank, Vanished
from runner.program.values import CompiledModel, Program
from runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class PlannedModel:
    """What a run would do with one model.

    `how`: 'built in full', 'recomputed', 'merged', 'as it is' (nothing that it reads has changed), 'left out' (its keys
    are kept for later) or 'made' (it is a view).
    """

    table: str
    how: str
    reason: str = ""
    """Why it is built in full, or what else it is."""
    key_count: int | None = None
    """How many keys; None where it is built in full, or only the run finds out."""
    exact: bool = False
    """False: at most so many keys."""


@dataclass(frozen=True)
class ChangedLookup:
    """A look-up with a key of which rows are others than the last run saw."""

    table: str
    added_count: int
    changed_count: int
    gone_count: int

    def __str__(self) -> str:
        return f"rows of {self.table}: {RowChanges(self.added_count, self.changed_count, self.gone_count)}"


@dataclass(frozen=True)
class PlannedQuery:
    """A script of a playbook without a source."""

    step: str
    path: str


@dataclass(frozen=True)
class PlanResult:
    """What a run would do now."""

    pending: tuple[PendingBatches, ...] = ()
    """One for each source."""
    stopping: tuple[str, ...] = ()
    """Sources whose vanished batches would stop it (exit 6), unless they are to be retracted."""
    shrunk: tuple[str, ...] = ()
    """Sources that have lost most of their events within batches: they would stop it too, and what is to be said."""
    null_keys: tuple[NullKey, ...] = ()
    """Pending events whose key is NULL, by source and key: they are one key."""
    models: tuple[PlannedModel, ...] = ()
    """In the order of their dependencies; none where there is nothing to do."""
    queries: tuple[PlannedQuery, ...] = ()
    """Of a playbook without a source: its scripts, in order."""
    touched: tuple[TouchedTable, ...] = ()
    """Tables that others have written: they would stop it (exit 6), unless they are built in full."""
    lookups: tuple[ChangedLookup, ...] = ()
    """Of those with a key; one that has only a fingerprint is the reason of a full build."""
    notes: tuple[str, ...] = ()
    """What its user should know."""

    @property
    def nothing_to_do(self) -> bool:
        """True if a run would publish nothing."""
        return not self.models and not self.queries


def plan(
    program: Program,
    warehouse: Warehouse,
    until: str | None = None,
    models: tuple[TableName, ...] = (),
    full_refresh: bool = False,
    guard: Guard | None = None,
) -> PlanResult:
    """What a run would do. Raises what a run would raise before it stages anything."""
    if not program.playbook.sources:
        return PlanResult(queries=tuple(PlannedQuery(query.step, query.query.path) for query in program.queries))
    with read_only_work(program, warehouse, until=until, models=models, full_refresh=full_refresh, guard=guard) as work:
        state = work.manifest.look()
        bound = bind(program, warehouse, state)
        work, program = replace(work, program=bound.program), bound.program
        state = settled(work, state, bound)
        check_ownership(program, warehouse, state, bound, ())
        touched.check_hooks(work, bound)
        written = touched.look(work, state, bound)
        trusted = heed(work, state, bound, dry=True)
        made = [PlannedModel(str(view.table), "made", "a view") for view in views.stale(work, state, bound)]
        with still.snapshot(warehouse, bound.relations, "plan") as held:
            bound = freeze.pin(work, bound, copies=False)
            frozen = lookups.compared(work, state, bound, freeze.count_batches(work, bound))
            decision = stage.decide(work, state, bound, frozen)
            check_ids(work, state, bound, frozen, decision)
            outdated = stage.outdated(work, state, bound) | decision.reasons.keys()
            frozen = freeze.find_keys(work, state, frozen, outdated)
            lost = {
                m.table: why for m in program.models if m.table in work.taken and (why := stage.lost_index(frozen, m))
            }
            decision = replace(decision, reasons={**lost, **decision.reasons})
            tables.check_shapes(work, state, shapes.empty(work, bound, frozen, decision))
            some = frozen.batch_count or decision.reasons or lookups.have_work(frozen)
            planned = (*(_models(work, frozen, decision) if some else ()), *made)
            shrunk = (s.shrunk for s in frozen.sources.values() if s.source.shrank is Shrank.NOTE)
            notes = (*filter(None, [namesakes.note(work, state, decision), *shrunk]), *trusted.notes, *costs(program))
            null_keys = freeze.null_events(work, frozen)
            freeze.check_files(work, frozen)
            held.check()
    return PlanResult(
        tuple(frozen.pending),
        _stopping(program, frozen.pending),
        tuple(s.shrunk for s in frozen.sources.values() if s.shrunk and s.source.shrank is Shrank.STOP),
        null_keys,
        planned,
        touched=written,
        lookups=tuple(map(_changed, filter(lambda one: one.is_changed, frozen.lookups))),
        notes=notes,
    )


def _changed(lookup: TrackedLookup) -> ChangedLookup:
    counts = lookup.changes
    return ChangedLookup(str(lookup.table), counts.added, counts.changed, counts.gone)


def _models(work: Work, frozen: Frozen, decision: Decision) -> tuple[PlannedModel, ...]:
    found: list[PlannedModel] = []
    bounds: dict[TableName, int | None] = {}
    for model in work.program.models:
        name = str(model.table)
        if model.table not in work.taken:
            found.append(PlannedModel(name, "left out"))
        elif model.table not in decision.reasons and _is_as_it_is(model, frozen, bounds):
            bounds[model.table] = 0
            found.append(PlannedModel(name, "as it is", key_count=0, exact=True))
        elif model.table in decision.reasons or not model.model.key:
            bounds[model.table] = None
            found.append(PlannedModel(name, "built in full", decision.reasons.get(model.table, "it has no key")))
        elif model.is_joined:
            may_differ = {table for table in model.models if bounds.get(table) != 0}
            bounds[model.table] = None
            found.append(_joined(model, frozen, may_differ))
        else:
            exact = sum(_count(work, frozen.key(key).number) for key in model.source_keys)
            above = [bounds.get(table) for table in model.models]
            above += [None for one in frozen.lookups if one.is_changed and one.table in model.lookups]
            bound = None if any(b is None for b in above) else exact + sum(2 * (b or 0) for b in above)
            bounds[model.table] = bound
            how = "merged" if model.model.merge else "recomputed"
            found.append(PlannedModel(name, how, key_count=bound, exact=not model.models))
    return tuple(found)


def _joined(model: CompiledModel, frozen: Frozen, may_differ: Container[TableName]) -> PlannedModel:
    """Which keys changes reach through joins, only the run finds out; `may_differ`: models of which rows may change."""
    for table, (reason, line) in model.derived.everywhere.items() if model.derived else ():
        if table in frozen.sources and frozen.sources[table].pending_count:
            return PlannedModel(str(model.table), "built in full", f"{table}, line {line}: {reason}")
        if table in may_differ:
            why = f"where rows of {table} differ, line {line}: {reason}"
            return PlannedModel(str(model.table), "built in full", why)
    return PlannedModel(str(model.table), "recomputed")


def _is_as_it_is(model: CompiledModel, frozen: Frozen, bounds: Mapping[TableName, int | None]) -> bool:
    """Whether no input of a model without a key, or without sources, has other rows than when it was built."""
    pending = any(frozen.sources[table].pending_count for table in model.sources)
    news = pending or any(bounds.get(table) != 0 for table in model.models)
    changed = any(one.is_changed and one.table in model.lookups for one in frozen.lookups)
    return (model.is_dimension and not changed) or not (model.model.key or news)


def _count(work: Work, number: int) -> int:
    sql = f"select count(*) from {work.algebra.scratch.keys(number)}"
    return int(work.warehouse.execute("plan:keys", sql).one()[0])


def _stopping(program: Program, pending: Iterable[PendingBatches]) -> tuple[str, ...]:
    strict = {str(source.table) for source in program.playbook.sources if source.vanished is Vanished.STOP}
    vanished = [found.source for found in pending if any(group.reason == "vanished" for group in found.groups)]
    return tuple(source for source in vanished if source in strict)
