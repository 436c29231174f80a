"""What a run does once everything is staged: check, publish, after. Imported by runs that have something to publish."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from runner.events import Published
from runner.increment import publish, scripts, tables, views
from runner.increment.catalogue.bind import Bound
from runner.increment.check import check
from runner.increment.freeze import Frozen
from runner.increment.stage import Outcome
from runner.increment.work import Request, Work
from runner.playbook.values import Phase
from runner.state.manifest import State
from runner.state.runs import RunRecord
from runner.warehouse.values import WarehouseError


def finish(
    work: Work,
    state: State,
    bound: Bound,
    frozen: Frozen,
    outcomes: Sequence[Outcome],
    started: float,
) -> RunRecord:
    """Make it public, and give the run's row. `started`: when the run began, by its clock."""
    scripts.run_queries(work, Phase.STAGE)
    check(work, bound, outcomes)
    indexes = tables.prepare(work, state, frozen, outcomes)

    record = RunRecord(
        run_id=_record_id(work.request, frozen, state),
        started=work.request.started,
        duration_s=work.clock.monotonic() - started,
        batch_count=frozen.batch_count,
        event_count=frozen.event_count,
        models=publish.model_rows(outcomes),
        digest=work.program.digest,
        after_done=not scripts.has_queries(work, Phase.AFTER),
    )
    queries = partial(scripts.run_queries, work, Phase.PUBLISH)
    publish.publish(work, state, bound, frozen, outcomes, indexes, record, queries)
    work.emit(Published(record.run_id, work.clock.monotonic() - started))
    if not work.warehouse.engine.transactional_ddl:
        with scripts.published():
            remade = views.to_remake(work, state, bound, outcomes)
            if replaced := views.in_the_way(work, state, remade):
                views.drop(work, [view for view in remade if view.table in replaced], (), replaced)
            views.create(work, bound, remade, record.run_id)
    with suppress(WarehouseError):  # only tidying
        tables.drop_forgotten(work, state, frozen, outcomes)
    scripts.run_after(work, record.run_id)
    return record


def _record_id(request: Request, frozen: Frozen, state: State) -> str:
    """The run's id; a part of a chunked one adds the version it publishes, which no other part ever has."""
    return f"{request.run_id}.{state.version + 1}" if request.chunk and frozen.chunked_count else request.run_id
