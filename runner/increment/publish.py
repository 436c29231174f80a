"""The one transaction that changes derived tables and manifest together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial

from runner.algebra import changes
from runner.algebra.texts import ks
from runner.algebra.values import Extent, Staged
from runner.clock import retry
from runner.errors import Locked
from runner.events import Note
from runner.increment import fate, tables, views
from runner.increment.catalogue.bind import Bound
from runner.increment.freeze import Frozen
from runner.increment.others import counts, ddl, lookups, touched
from runner.increment.others.counts import Rows
from runner.increment.stage import Outcome, table_key
from runner.increment.tables import misfits, replaces_columns, widens
from runner.increment.work import Work
from runner.state.lookups import write_fingerprints
from runner.state.manifest import State
from runner.state.runs import ModelRow, RunRecord, write_published
from runner.warehouse.values import Trouble, WarehouseError

ATTEMPTS = 5


def _replace_columns(work: Work, staged: Staged) -> None:
    """Within the publish transaction, where DDL can be part of it: readers never see the table half changed."""
    new = {column.name.lower(): column for column in staged.columns}
    for column in misfits(staged):
        name, engine = work.warehouse.engine.quote(column.name), work.warehouse.engine
        does_widen = widens(work, staged, column)
        wider = engine.retyped(staged.table, column.name, new[column.name.lower()].type) if does_widen else ""
        if wider:
            work.warehouse.execute("publish:widen", wider)
            continue
        work.warehouse.execute("publish:drop-column", f"alter table {staged.table} drop column {name}")
        if column.name.lower() in new:
            type_ = new[column.name.lower()].type
            work.warehouse.execute("publish:add-column", f"alter table {staged.table} add column {name} {type_}")


def publish(
    work: Work,
    state: State,
    bound: Bound,
    frozen: Frozen,
    outcomes: Sequence[Outcome],
    indexes: dict[int, str],
    record: RunRecord,
    queries: Callable[[], None],
) -> None:
    """The publish transaction, retried as a whole where the engine says so.

    Raises Fenced, Locked (other transactions were in the way every time), CannotConnect, StatementFailed, OutcomeUnknown,
    and WarehouseError for what `run` explains.
    """
    whole = work.warehouse.engine.transactional_ddl
    remade = views.to_remake(work, state, bound, outcomes) if whole else ()
    replaced = views.in_the_way(work, state, remade)
    gone = views.left_over(work, state) if remade else ()

    def once() -> None:
        with work.warehouse.transaction("publish"):
            work.manifest.fence(state.version, record.run_id)
            queries()
            views.drop(work, remade, gone, replaced)
            _write(work, state, frozen, outcomes, indexes, record)
            views.create(work, bound, remade, record.run_id)

    alone = [work.algebra.physical(view.table) for view in remade]
    alone += [o.staged.table for o in outcomes if _reshapes(work, o) and misfits(o.staged)]
    most = None if alone else ATTEMPTS
    try:
        with ddl.impatient(work) if alone else nullcontext(), ddl.explained(work, alone):
            fitting = partial(_fitting, work, outcomes, once)
            retry(fitting, ddl.is_locked, work.clock.sleep, most=most, budget_s=ddl.PAUSES_S)
        work.manifest.held_version = state.version + 1
        if gone:
            work.emit(Note(f"dropped views that are no longer part of it: {', '.join(map(str, gone))}"))
    except WarehouseError as error:
        if work.warehouse.in_doubt:
            fate.resolve(work, record.run_id, state.version, error)
            return
        if error.trouble is Trouble.RETRY:
            what = f"{error.label}: {error.what}; tried {f'{ATTEMPTS} times' if most else f'for {ddl.PAUSES_S:g} s'}"
            raise Locked(what, "run it again; see what else locks or writes the derived tables") from None
        raise
    except BaseException:
        if work.warehouse.in_doubt:
            fate.tell(work, record, state.version)
        raise


def _fitting(work: Work, outcomes: Sequence[Outcome], once: Callable[[], None]) -> None:
    """The transaction; where a key is too long for an index of the runner's, again without the index."""
    by_label = {f"publish:insert:{o.staged.compiled.table}": o.staged for o in outcomes if o.writes}
    while True:
        try:
            return once()
        except WarehouseError as error:
            staged = by_label.pop(error.label, None)
            if error.trouble is not Trouble.TOO_LONG or staged is None:
                raise
            tables.give_way(work, staged)
            work.emit(Note(f"{staged.compiled.table}: a key is too long for an index, which gave way to it"))


def _reshapes(work: Work, outcome: Outcome) -> bool:
    """Whether the table may lose columns and change types within the publish."""
    staged = outcome.staged
    replaced = outcome.writes and staged.stored is not None and staged.extent is Extent.ALL
    may = replaces_columns(work, outcome) or all(widens(work, staged, column) for column in misfits(staged))
    return replaced and may and work.warehouse.engine.transactional_ddl


def _write(
    work: Work, state: State, frozen: Frozen, outcomes: Sequence[Outcome], indexes: dict[int, str], record: RunRecord
) -> None:
    manifest, algebra = work.manifest, work.algebra
    for outcome in outcomes:
        _write_model(work, state, outcome, record.run_id)
    for source in frozen.sources.values():
        manifest.write_batches(source.source, algebra.scratch.batches(source.number), record.run_id)
    kept = {key.kept for key in frozen.keys}
    for (source_name, digest), index in sorted(state.indexes.items()):
        if index not in kept:  # first: a new one may stand in its place
            manifest.forget_index(source_name, digest)
    for key in frozen.keys:
        if key.kept is None:
            manifest.register_index(key.key, indexes[key.number], record.run_id)
            continue
        batches = algebra.scratch.batches(frozen.sources[key.key.source.table].number)
        manifest.write_pairs(key.kept, len(key.key.texts), batches, algebra.scratch.pairs(key.number))
        copies = frozen.copies(key)
        if copies and copies.has_spread:
            manifest.mark_copies(key.kept, algebra.scratch.stirred(key.number))
    lookups.publish(work, state, frozen, record.run_id)
    stored_as = {str(o.staged.compiled.table): table_key(work, o.staged.compiled) for o in outcomes}
    write_published(manifest, record, state.version + 1, stored_as)


def _write_model(work: Work, state: State, outcome: Outcome, run_id: str) -> None:
    manifest, staged = work.manifest, outcome.staged
    table = table_key(work, staged.compiled)
    dirty = manifest.dirty_table(table, staged.compiled.key_names, staged.key_types)
    if not outcome.taken:
        if outcome.owes == "missed":
            return
        if outcome.owes == "keys" and staged.key_count:
            listed = ", ".join(work.algebra.quoted(staged.compiled.key_names))
            names = ", ".join(ks(len(staged.compiled.key_names)))
            affected = work.algebra.scratch.affected(staged.number)
            work.warehouse.execute("publish:dirty", f"insert into {dirty} ({listed}) select {names} from {affected}")
        manifest.account_model(table, outcome.owes, run_id, dirty)
        return
    done = Rows()
    if outcome.writes:
        if _reshapes(work, outcome):
            _replace_columns(work, staged)
        done = _replace_rows(work, staged)
        counts.compare(staged, outcome.rows, done)
    if table in state.models and state.models[table].owes == "keys":
        work.warehouse.execute("publish:dirty-clear", f"delete from {dirty}")
    instant = work.request.started if staged.compiled.select.clocks else ""
    known = state.models.get(table) if staged.stored is not None else None
    trace = touched.traced(staged, known, done)
    made = "" if known and known.trace.storage else work.warehouse.engine.storage_of(staged.table)
    trial = work.trials.get(staged.compiled.table, "")
    manifest.write_model(table, staged.compiled.digest, staged.inputs, instant, run_id, trace, made, trial)
    if outcome.lookups or any(reader == table for reader, _ in state.lookups):
        write_fingerprints(manifest, table, outcome.lookups or {})


def _replace_rows(work: Work, staged: Staged) -> Rows:
    """Delete and insert; gives how many rows the engine says that it were."""
    done: dict[str, int | None] = {"delete": 0, "insert": 0}
    for what, statement in changes.publish(work.algebra, staged):
        count = work.warehouse.execute(f"publish:{what}:{staged.compiled.table}", statement).row_count
        known = done[what]
        done[what] = None if known is None or count < 0 else known + count
    return Rows(done["delete"], done["insert"])


def model_rows(outcomes: Sequence[Outcome]) -> tuple[ModelRow, ...]:
    """What a run did with each model, for the log of runs."""
    return tuple(
        ModelRow(
            table=str(o.staged.compiled.table),
            extent=o.staged.extent.name.lower() if o.taken else "left out",
            reason=o.reason,
            key_count=o.staged.key_count,
            inserted=o.counts.inserted,
            updated=o.counts.updated,
            deleted=o.counts.deleted,
            duration_s=o.duration_s,
        )
        for o in outcomes
    )
