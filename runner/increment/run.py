"""One run, top to bottom: lock, freeze, stage, check, publish, after. Holds no SQL.

A crash anywhere leaves the old state or the new one, and the next run starts again from the first step. Safety comes
from the fence and the single publish transaction; the lease only saves wasted work.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from runner import actions
from runner.algebra.scratch import Scratch
from runner.algebra.texts import Algebra
from runner.clock import Clock
from runner.errors import (
    CannotConnect,
    Failure,
    Fenced,
    Locked,
    OutcomeUnknown,
    Place,
    Publication,
    RunnerError,
    StatementFailed,
    Stopped,
)
from runner.events import Emit, Note, Nothing
from runner.increment import freeze, scripts, stage
from runner.increment.catalogue.bind import Bound, bind, check_ownership
from runner.increment.freeze import Frozen
from runner.increment.freezing import listed
from runner.increment.guard import Trusted, heed, remember
from runner.increment.others import lookups, owed, still, touched
from runner.increment.work import Guard, Request, Work
from runner.names import TableName
from runner.playbook.values import Phase, Vanished
from runner.program.values import Program
from runner.state import lease
from runner.state.manifest import Manifest, State
from runner.state.renewal import damage, is_older, mend, renew
from runner.state.runs import RunRecord, write_failure
from runner.warehouse.base import Warehouse
from runner.warehouse.values import FORBIDDEN, Trouble, WarehouseError


@dataclass(frozen=True)
class Cycle:
    """How one freeze-to-publish cycle ended."""

    published: RunRecord | None
    left: int  # new batches that wait for the next cycle of --chunk


def run(
    program: Program, warehouse: Warehouse, request: Request, clock: Clock, emit: Emit, guard: Guard | None = None
) -> tuple[RunRecord, ...]:
    """Bring all models up to date, and give what was published: one record, or one for each part of --chunk.

    No record where there was nothing to do, which is a success too, and of a playbook without a source, which publishes nothing.

    Raises BadInput, Locked, Fenced, Stopped, StatementFailed, CannotConnect, OutcomeUnknown; the `published` of each
    says what readers see now.
    """
    if not program.playbook.sources:
        scripts.run_script(program, warehouse, request, clock, emit)
        return ()
    manifest = Manifest(warehouse, program.playbook.name, program.playbook.state_schema)
    try:
        return _run(program, manifest, request, clock, emit, guard)
    except RunnerError as error:
        raise _with_published(_explain(program, manifest, error)) from None


def _run(
    program: Program, manifest: Manifest, request: Request, clock: Clock, emit: Emit, guard: Guard | None
) -> tuple[RunRecord, ...]:
    warehouse = manifest.warehouse
    if request.full_refresh and not request.models:
        _begin_anew(program, manifest, request, emit)
    if lost := manifest.ensure():
        emit(Note(f"gone from schema {manifest.schema}, and made anew: {', '.join(lost)}"))
    with lease.held(manifest, request.run_id, request.lease, clock.sleep):
        warehouse.sweep_scratch(manifest.scratch_name)
        if not warehouse.engine.file_lock:
            from runner.increment import tables

            tables.drop_leftovers(manifest, manifest.held_version, manifest.trusted())
        request = replace(request, run_id=manifest.free_name(request.run_id))
        published: list[RunRecord] = []
        while True:
            try:
                cycle = _cycle(program, manifest, request, clock, emit, guard, len(published) + 1)
            except RunnerError as error:
                if beyond := _beyond(program, request, error):
                    request = replace(request, everywhere=(*request.everywhere, beyond))
                    continue
                raise _with_published(_explain(program, manifest, error), len(published)) from None
            if cycle.published:
                published.append(cycle.published)
            if not (request.chunk and cycle.published and cycle.left):
                return tuple(published)


def _beyond(program: Program, request: Request, error: RunnerError) -> TableName | None:
    """The model of which the engine could not say which keys changes reach: all are taken, and the cycle begins anew.

    A derived text asks its conditions of rows that the user's query may never come to.
    """
    label = error.failure.label if isinstance(error, StatementFailed) else ""
    tables = (m.table for m in program.models if label == f"{stage.REACH}{m.table}")
    return next((table for table in tables if table not in request.everywhere), None)


def _begin_anew(program: Program, manifest: Manifest, request: Request, emit: Emit) -> None:
    """What an older runner wrote, or what is not whole. Raises Stopped where rows that cannot be built again would be lost."""
    older = is_older(manifest)
    wrong = "" if older else damage(manifest)
    if not (older or wrong):
        return
    kept = [str(source.table) for source in program.playbook.sources if source.vanished is Vanished.KEEP]
    if kept and not request.retract:
        what = f"{', '.join(kept)}: vanished is keep, and a new state knows of no batch that is gone from the source"
        raise Stopped(f"{what}: its rows would leave the models", actions.Renew(retract=True))
    if wrong:
        mend(manifest)
        emit(Note(f"{wrong}; it is begun anew"))
        return
    others = renew(manifest)
    also = f"; so was that of {', '.join(others)}: each has to begin its own anew" if others else ""
    emit(Note(f"the state in schema {manifest.schema} was written by an older runner and is begun anew{also}"))


def _cycle(
    program: Program, manifest: Manifest, request: Request, clock: Clock, emit: Emit, guard: Guard | None, number: int
) -> Cycle:
    """From the version to the publish, once; scratch is made and dropped around it."""
    warehouse = manifest.warehouse
    scratch = _open_scratch(program, manifest, manifest.scratch_id(request.run_id, number))
    work = Work(program, warehouse, manifest, _algebra(program, warehouse, scratch), request, clock, emit, guard)
    started = clock.monotonic()
    try:
        return _work(work, started)
    except RunnerError as error:
        explained = _explain(program, manifest, error)
        if not _beyond(program, request, explained):
            _note_failure(work, explained, clock.monotonic() - started)
        raise explained from None
    finally:
        work.drop_scratch()


def _open_scratch(program: Program, manifest: Manifest, run: str) -> str:
    """In a schema of its own; within the one that the playbook names, or beside the state for who may make no schema."""
    warehouse, playbook = manifest.warehouse, program.playbook
    if playbook.scratch_schema is not None:
        return warehouse.open_scratch_within(playbook.scratch_schema, manifest.scratch_name, run)
    try:
        return warehouse.open_scratch(manifest.scratch_name, run)
    except WarehouseError as error:
        if error.state != FORBIDDEN:
            raise
        return warehouse.open_scratch_within(playbook.state_schema, manifest.scratch_name, run)


def _algebra(program: Program, warehouse: Warehouse, scratch: str) -> Algebra:
    return Algebra(warehouse.engine, program.playbook, Scratch(warehouse.engine, scratch))


def _work(work: Work, started: float) -> Cycle:
    state = work.manifest.read()
    try:
        return _freeze_to_after(work, state, started)
    except (Locked, CannotConnect, OutcomeUnknown):
        raise
    except RunnerError as error:
        if error.published is None:
            _overtaken(work, state)
        raise


def _overtaken(work: Work, state: State) -> None:
    """A run that lost its lease to another fails over what that one made or dropped. Raises Fenced if it is so."""
    with suppress(WarehouseError):
        if work.manifest.version() != state.version:
            raise Fenced(
                "another run took over or published, or a rewind was asked, while this one worked",
                "run it again",
            )


def _with_published(error: RunnerError, parts: int = 0) -> RunnerError:
    """The error with what readers see: nothing of this run, or the parts that --chunk has published before it failed."""
    if error.published is None:
        error.published, error.parts = Publication.PARTS if parts else Publication.NOTHING, parts
    return error


def _freeze_to_after(work: Work, state: State, started: float) -> Cycle:
    scripts.run_queries(work, Phase.SETUP)
    bound = bind(work.program, work.warehouse, state)
    work = replace(work, program=bound.program)
    check_ownership(work.program, work.warehouse, state, bound, work.request.adopt)
    touched.check_hooks(work, bound)
    trusted = heed(work, state, bound)
    work = replace(work, trials=trusted.tables)
    state = owed.settled(work, touched.check_rows(work, state, bound), bound)

    stale = _has_stale_views(work, state, bound)  # before the snapshot: a view that is broken would end it
    found = _freeze_and_stage(work, state, bound, stale)
    if found is None:
        remember(work, trusted)
        _say(work, trusted)
        scripts.repeat(work, state)
        work.emit(Nothing("no pending batches"))
        return Cycle(None, left=0)
    from runner.increment.finish import finish  # only where something is published

    frozen, outcomes = found
    record = finish(work, state, bound, frozen, outcomes, started)
    _say(work, trusted)
    return Cycle(record, left=frozen.chunked_count)


def _say(work: Work, trusted: Trusted) -> None:
    for text in trusted.notes:
        work.emit(Note(text))


def _freeze_and_stage(work: Work, state: State, bound: Bound, stale: bool) -> tuple[Frozen, list[stage.Outcome]] | None:
    """All reads of the sources, in one snapshot. None if nothing is pending and no model needs work."""
    with still.snapshot(work.warehouse, bound.relations, "freeze") as held:
        live, bound = bound, freeze.pin(work, bound, copies=False)
        frozen = lookups.compared(work, state, bound, freeze.count_batches(work, bound))
        decision = stage.decide(work, state, bound, frozen)
        has_work = frozen.batch_count or decision.reasons or lookups.have_work(frozen)
        if not (has_work or _owing(work, state) or stale):
            return None
        if not freeze.holds_still(work, live):  # copies are made only where there is something to do
            bound = freeze.pin(work, live)
            freeze.forget(work, frozen)
            frozen = lookups.compared(work, state, bound, freeze.count_batches(work, bound))
            decision = stage.decide(work, state, bound, frozen)
        for pending in frozen.pending:
            work.emit(pending)
        for text in (*frozen.shrunk, *lookups.told(frozen)):
            work.emit(Note(text))
        if decision.reasons and (known := _namesake(work, state, decision)):
            work.emit(Note(known))
        _check_ids(work, state, bound, frozen, decision)
        outdated = stage.outdated(work, state, bound) | decision.reasons.keys()
        frozen = listed.known(work, freeze.find_keys(work, state, frozen, outdated))
        outcomes = stage.stage(work, state, bound, frozen, decision)
        lookups.keep(work, frozen)
        frozen = listed.renewed(work, frozen, {o.staged.compiled.table for o in outcomes if o.is_rebuilt})
        scripts.make_named_tables(work, frozen)
        freeze.check_files(work, frozen)
        held.check()
        return frozen, outcomes


def _namesake(work: Work, state: State, decision: stage.Decision) -> str:
    from runner.increment.others import namesakes  # seldom: where something is built in full

    return namesakes.note(work, state, decision)


def _check_ids(work: Work, state: State, bound: Bound, frozen: Frozen, decision: stage.Decision) -> None:
    from runner.increment.check import check_ids

    check_ids(work, state, bound, frozen, decision)


def _has_stale_views(work: Work, state: State, bound: Bound) -> bool:
    if not work.program.views:
        return False
    from runner.increment.views import stale

    return bool(stale(work, state, bound))


def _owing(work: Work, state: State) -> bool:
    """True if a model that this run takes owes keys or a full build."""
    owed = {table for table, model in state.models.items() if model.owes}
    return any(stage.table_key(work, m) in owed for m in work.program.models if m.table in work.taken)


def _explain(program: Program, manifest: Manifest, error: RunnerError) -> RunnerError:
    """A warehouse's error with the file it is about, and what to do."""
    if not isinstance(error, WarehouseError):
        return error
    told = manifest.explained(error) if error.published is None else error
    explained = _explained(program, manifest, error) if told is error else told
    explained.published = error.published
    return explained


def _explained(program: Program, manifest: Manifest, error: WarehouseError) -> RunnerError:
    if error.trouble is Trouble.LOST and error.published is None:
        from runner.increment import fate

        return fate.lost(manifest, error)
    model = next((m for m in program.models if error.label.endswith(f":{m.table}")), None)
    place = model.select.place if model else Place(program.playbook.path)
    if error.trouble is Trouble.RETRY and error.published is None:
        return Locked(f"{place}: {error.label}: {error.what}", error.hint)
    mend: actions.Hint = "mend it and run again: a run starts from its first step"
    if error.label == "freeze:batches" and error.trouble is Trouble.REFUSED:
        lenient = manifest.warehouse.engine.lenient_tstamp
        texts = dict.fromkeys(source.batch.text for source in program.playbook.sources)
        batches = " or ".join(f'batch: "{lenient.format(text=text)}"' for text in texts)
        mend = f"if a row has no timestamp there, {batches} makes such rows a batch of their own"
    if error.trouble is Trouble.TOO_LONG:
        mend = "it is an index that the runner has not made: drop it, or make it one that holds any value (using hash)"
    if error.state == FORBIDDEN:
        from runner.increment.catalogue import rights

        with suppress(WarehouseError):
            mend = "; ".join(rights.lacking(program, manifest.warehouse, to_run=True)) or mend
    if error.trouble in (Trouble.FULL, Trouble.FATAL):
        mend = ("make room (disk, memory limit) and run again", actions.TakeLess())
    what = f"{place}: {error.label}: {error.what}"
    return StatementFailed(what, mend, Failure(error.label, place))


def _note_failure(work: Work, error: RunnerError, duration_s: float) -> None:
    """Leave a row that says so; never hides the error itself."""
    if not isinstance(error, (StatementFailed, Stopped)):
        return
    record = RunRecord(work.request.run_id, work.request.started, duration_s, work.program.digest)
    with suppress(WarehouseError):
        write_failure(work.manifest, record, error.what)
