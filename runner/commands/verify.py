"""Verify: in one snapshot, which batches changed since they were processed; then every model beside a full recompute."""

from __future__ import annotations

from dataclasses import replace

from runner import actions
from runner.comparison.manifest import miscounted
from runner.comparison.models import Checker
from runner.comparison.values import VerifyResult
from runner.errors import Stopped
from runner.increment import freeze, stage
from runner.increment.catalogue.bind import Bound, bind
from runner.increment.freeze import Frozen
from runner.increment.others import still
from runner.increment.others.owed import settled
from runner.increment.work import Work, read_only_work
from runner.names import TableName
from runner.program.values import Program
from runner.state.manifest import State
from runner.warehouse.base import Warehouse


def verify(
    program: Program,
    warehouse: Warehouse,
    models: tuple[TableName, ...],
    sample: int | None,
    run_id: str,
) -> VerifyResult:
    """Compare; what the id of the run is, decides about a sample. Raises Stopped where nothing is published yet."""
    with read_only_work(program, warehouse, run_id=run_id) as work:
        state = work.manifest.look(counted=False)
        if not state.models:
            what = f"nothing to compare: playbook {program.playbook.name} has not published anything here yet"
            raise Stopped(what, actions.Run())
        bound = bind(program, warehouse, state)
        work, program = replace(work, program=bound.program), bound.program
        state = settled(work, state, bound)
        with still.snapshot(warehouse, bound.relations, "verify") as held:
            bound = freeze.pin(work, bound, whole=True)
            frozen = _freeze(work, state, bound)
            counted = miscounted(work, frozen, whole=sample is None)
            checker = Checker(work, state, bound, frozen, sample)
            found = [checker.check(m) for m in program.models if not models or m.table in models]
            freeze.check_files(work, frozen)
            held.check()
        if not warehouse.engine.snapshots and work.manifest.version() != state.version:
            raise Stopped("another run published, or a rewind was asked, while this one compared", "verify again")
    differences = tuple(difference for one in found for difference in one.differences)
    return VerifyResult(tuple(one.model for one in found), differences, counted)


def _freeze(work: Work, state: State, bound: Bound) -> Frozen:
    """Batches that changed since they were processed, and their keys; new batches are held out."""
    frozen = freeze.count_batches(work, bound)
    sources = {}
    for table, source in frozen.sources.items():
        name, held = work.algebra.scratch.batches(source.number), work.algebra.scratch.held(source.number)
        select = f"select etl_tstamp from {name} where reason = 'new'"
        work.warehouse.execute("verify:held", work.warehouse.engine.temporary_table(held, select))
        work.warehouse.execute("verify:hold", f"delete from {name} where reason = 'new'")
        processed = work.manifest.processed(source.source)
        listed = f"select etl_tstamp as runner_t, fingerprint as runner_f from ({processed}) runner_p"
        same = f"select 1 from ({listed}) m where m.runner_t = etl_tstamp and m.runner_f = fingerprint"
        work.warehouse.execute(
            "verify:processed",
            f"delete from {name} where reason = 'rewound' and event_count = previous_count"
            f" and (fingerprint is null or exists ({same}))",
        )
        sources[table] = replace(source, has_held=True)
    return freeze.find_keys(
        work, state, replace(frozen, sources=sources), stage.outdated(work, state, bound), as_listed=True
    )
