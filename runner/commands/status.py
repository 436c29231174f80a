"""How a playbook stands in its warehouse, and the runs that it has had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner.events import PendingBatches
from runner.increment import freeze
from runner.increment.catalogue.bind import bind
from runner.increment.others import still, touched
from runner.increment.others.owed import settled
from runner.increment.others.touched import TouchedTable
from runner.increment.stage import table_key
from runner.increment.work import read_only_work
from runner.playbook.values import Playbook
from runner.program.values import Program
from runner.state import runs
from runner.state.manifest import Manifest
from runner.state.runs import RunRow
from runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class SourceStatus:
    """What the manifest says of one source."""

    source: str
    batch_count: int
    event_count: int
    newest_etl_tstamp: str
    rewound_count: int
    commit_tstamp: str
    """When a batch of it was published last."""


@dataclass(frozen=True)
class LeaseHolder:
    """The run that is at work."""

    run_id: str
    since: str
    until: str
    """When its lease ends, if it is not renewed."""


@dataclass(frozen=True)
class OwedModel:
    """A model that is not up to date; the next run that takes it catches up."""

    table: str
    everything: bool
    """True: it is built in full; False: some of its keys are recomputed."""


@dataclass(frozen=True)
class StatusResult:
    """How a playbook stands in its warehouse."""

    playbook: str
    present: bool
    """False: it has not run here yet."""
    sources: tuple[SourceStatus, ...]
    pending: tuple[PendingBatches, ...]
    """One for each source, whether or not something is pending."""
    owed: tuple[OwedModel, ...]
    unbuilt: tuple[str, ...]
    """Models that no run has built yet."""
    has_leases: bool
    """False: the lock of the DuckDB file is the lease."""
    lease: LeaseHolder | None
    after_done: bool
    """False: the `after` queries of the last run have not finished; the next run repeats them."""
    touched: tuple[TouchedTable, ...] = ()
    """Tables that others have written; a run stops there until they are built in full."""


def status(program: Program, warehouse: Warehouse) -> StatusResult:
    """Manifest, pending batches, lock and keys owed."""
    with read_only_work(program, warehouse) as work:
        state, present = work.manifest.look(), work.manifest.present
        sources = map(_source, work.manifest.summary()) if present else ()
        bound = bind(program, warehouse, state)
        work, program = replace(work, program=bound.program), bound.program
        state = settled(work, state, bound)
        written = touched.look(work, state, bound)
        with still.snapshot(warehouse, bound.streams, "status") as held:
            frozen = freeze.count_batches(work, bound)
            held.check()
        has_leases = not warehouse.engine.file_lock
        return StatusResult(
            playbook=program.playbook.name,
            present=present,
            sources=tuple(sources),
            pending=tuple(frozen.pending),
            owed=tuple(OwedModel(table, s.owes == "all") for table, s in sorted(state.models.items()) if s.owes),
            unbuilt=tuple(str(m.table) for m in program.models if table_key(work, m) not in state.models),
            has_leases=has_leases,
            lease=_lease(work.manifest) if present and has_leases else None,
            after_done=state.after_done,
            touched=written,
        )


def _source(row: Sequence[object]) -> SourceStatus:
    source, batches, events, newest, rewound, commit = map(str, row)
    return SourceStatus(source, int(batches), int(events), newest, int(rewound), commit)


def _lease(manifest: Manifest) -> LeaseHolder | None:
    rows = manifest.warehouse.execute("status:lease", manifest.sql("lease-holder")).rows
    return LeaseHolder(*map(str, rows[0][:3])) if rows and rows[0][0] else None


def history(playbook: Playbook, warehouse: Warehouse, limit: int) -> Sequence[RunRow] | None:
    """Runs, newest first; None if none has been here yet."""
    manifest = Manifest(warehouse, playbook.name, playbook.state_schema)
    manifest.look()
    return runs.history(manifest, limit) if manifest.present else None
