"""What a run would do: pending batches and why, affected keys, models to be built in full. Reads only."""

from __future__ import annotations

from runner.events import PendingBatches
from runner.increment import freeze, stage
from runner.increment.bind import bind, check_ownership
from runner.increment.freeze import Frozen
from runner.increment.stage import Decision
from runner.increment.work import Work, read_only_work
from runner.names import TableName
from runner.playbook.values import Vanished
from runner.program.values import Program
from runner.report import Report
from runner.warehouse.base import Warehouse


def plan(
    program: Program,
    warehouse: Warehouse,
    until: str | None,
    models: tuple[TableName, ...],
    full_refresh: bool,
    report: Report,
) -> None:
    """Show the plan. Raises what a run would raise before it stages anything."""
    if not program.playbook.sources:
        rows = [(query.step, query.query.path) for query in program.queries]
        report.table(["step", "query"], rows)
        return
    with read_only_work(program, warehouse, until=until, models=models, full_refresh=full_refresh) as work:
        state = work.manifest.look()
        bound = bind(program, warehouse, state)
        check_ownership(program, warehouse, state, bound, ())
        with warehouse.snapshot("plan"):
            bound = freeze.pin(work, bound, copies=False)
            frozen = freeze.count_batches(work, bound)
            decision = stage.decide(work, state, bound)
            frozen = freeze.find_keys(work, state, frozen)
            _show(work, state.models, frozen, decision, report)


def _show(work: Work, known: object, frozen: Frozen, decision: Decision, report: Report) -> None:
    for pending in frozen.pending:
        _warn_vanished(work, pending, report)
        report.emit(pending)
    if not frozen.batch_count and not decision.reasons:
        report.line("nothing to do: no pending batches")
        return
    rows: list[tuple[object, ...]] = []
    bounds: dict[TableName, int | None] = {}
    for model in work.program.models:
        if model.table not in work.taken:
            rows.append((str(model.table), "left out", "its keys are kept for later"))
        elif model.table in decision.reasons:
            bounds[model.table] = None
            rows.append((str(model.table), "built in full", decision.reasons[model.table]))
        elif not model.model.key:
            bounds[model.table] = None
            rows.append((str(model.table), "built in full", "it has no key"))
        else:
            exact = sum(_count(work, frozen.key(key).number) for key in model.source_keys)
            above = [bounds.get(table) for table in model.models]
            bound = None if any(b is None for b in above) else exact + sum(2 * (b or 0) for b in above)
            bounds[model.table] = bound
            shown = (
                "keys whose input rows differ"
                if bound is None
                else f"{'at most ' if model.models else ''}{bound:,} keys"
            )
            rows.append((str(model.table), "merged" if model.model.merge else "recomputed", shown))
    report.table(["model", "how", "what"], rows)


def _count(work: Work, number: int) -> int:
    sql = f"select count(*) from {work.algebra.scratch.keys(number)}"
    return int(work.warehouse.execute("plan:keys", sql).one()[0])


def _warn_vanished(work: Work, pending: PendingBatches, report: Report) -> None:
    source = next(s for s in work.program.playbook.sources if str(s.table) == pending.source)
    if source.vanished is Vanished.STOP and any(group.reason == "vanished" for group in pending.groups):
        report.line("a run would stop at the vanished batches (exit 6), unless --retract is given")
