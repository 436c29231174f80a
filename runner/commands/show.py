"""Results of commands as a user sees them: tables and lines, which the report writes as text or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner import actions
from runner.report import Report
from runner.state.runs import RunRow

if TYPE_CHECKING:
    from runner.commands.plan import PlannedModel, PlanResult
    from runner.commands.rewind import RewindResult
    from runner.commands.status import StatusResult
    from runner.commands.unlock import UnlockResult
    from runner.comparison.values import VerifyResult

MODELS_SHOWN = 10  # of a run that history names


def plan(result: PlanResult, report: Report) -> None:
    """What a run would do."""
    if result.queries:
        report.table(["step", "query"], [(query.step, query.path) for query in result.queries])
        return
    for pending in result.pending:
        if pending.source in result.stopping:
            report.line("a run would stop at the vanished batches (exit 6), unless --retract is given")
        report.emit(pending)
    for shrunk in result.shrunk:
        report.line(f"{shrunk}; a run would stop (exit 6), unless --retract is given")
    for null in result.null_keys:
        report.emit(null)
    for written in result.touched:
        report.line(f"{written}; a run would stop (exit 6), unless it is given --full-refresh for it")
    for lookup in result.lookups:
        report.line(str(lookup))
    for note in result.notes:
        report.line(note)
    if result.nothing_to_do:
        report.line("nothing to do: no pending batches")
    else:
        report.table(["model", "how", "what"], [(m.table, m.how, _planned(m)) for m in result.models])


def _planned(model: PlannedModel) -> str:
    if model.how == "left out":
        return "its keys are kept for later"
    if model.how == "as it is":
        return "nothing that it reads has changed"
    if model.how in ("built in full", "made"):
        return model.reason
    if model.key_count is None:
        return "keys whose input rows differ"
    return f"{'' if model.exact else 'at most '}{model.key_count:,} keys"


def rewind(result: RewindResult, report: Report) -> None:
    """Which batches are pending again."""
    what = f"{result.batch_count:,} batches, {result.event_count:,} events"
    if result.dry_run:
        report.line(f"would rewind {what}")
    elif result.batch_count:
        report.line(f"rewound {what}" + (f" for {', '.join(result.models)}" if result.models else ""))
        report.next(actions.Run())
    else:
        report.line("no processed batches in that range")


def status(result: StatusResult, report: Report) -> None:
    """How a playbook stands."""
    if result.present:
        rows = [
            (s.source, s.batch_count, s.event_count, s.newest_etl_tstamp, s.rewound_count, s.commit_tstamp)
            for s in result.sources
        ]
        report.table(["source", "batches", "events", "newest etl_tstamp", "rewound", "last commit (UTC)"], rows)
    else:
        report.line(f"playbook {result.playbook} has not run here yet")
    for pending in result.pending:
        if pending.batch_count:
            report.emit(pending)
        else:
            report.line(f"{pending.source}: nothing pending")
    for model in result.owed:
        owes = "a full build" if model.everything else "keys"
        report.line(f"{model.table} owes {owes}; the next run that takes it catches up")
    for written in result.touched:
        report.line(str(written))
    if result.unbuilt and result.present:
        report.line(f"not built yet: {', '.join(result.unbuilt)}")
    if result.lease:
        lease = result.lease
        report.line(f"being run by run {lease.run_id} since {lease.since} UTC (lease until {lease.until})")
    elif result.present and result.has_leases:
        report.line("no run at work")
    if not result.after_done:
        report.line("the `after` queries of the last run have not finished; the next run repeats them")


def history(playbook: str, runs: Sequence[RunRow] | None, report: Report) -> None:
    """Runs, newest first; None where nothing has run yet."""
    if runs is None:
        report.line(f"playbook {playbook} has not run here yet")
        return
    headers = ["run", "status", "started (UTC)", "duration_s", "batches", "events", "models", "note", "version"]
    report.table(headers, [_run(run) for run in runs])


def _run(run: RunRow) -> tuple[object, ...]:
    changed = [
        f"{m.table.split('.')[-1]} +{m.inserted} ~{m.updated} -{m.deleted}" for m in run.models if m.extent != "none"
    ]
    more = f" and {len(changed) - MODELS_SHOWN} more" if len(changed) > MODELS_SHOWN else ""
    note = _end(run.error.splitlines()[0]) if run.error else ("" if run.after_done else "after: not finished")
    models = ", ".join(changed[:MODELS_SHOWN]) + more
    counts = (run.duration_s, run.batch_count, run.event_count)
    return run.run_id, run.status, run.started[:19], *counts, models, note, run.runner_version


def _end(text: str) -> str:
    """The end of a long message: it begins with a path."""
    return text if len(text) <= 80 else f"…{text[-79:]}"


def verify(result: VerifyResult, report: Report) -> None:
    """What was compared, and what differs. Raises VerifyFound (exit 9) if anything does."""
    for model in result.models:
        report.emit(model)
    for difference in result.differences:
        report.emit(difference)
    for text in result.miscounted:
        report.line(text)
    result.check()
    if result.equal:
        report.line(
            "every row compared equals a full recompute over the manifest's batches; of floats nine digits count"
        )
        return
    report.line("nothing to compare: no model has rows that must be right before the next run")
    report.next(actions.Run())


def unlock(result: UnlockResult, report: Report) -> None:
    """Whose lease was broken."""
    if not result.present:
        report.line(f"playbook {result.playbook} has not run here yet; there is no lease")
    elif result.holder:
        report.line(f"lease of {result.holder} broken; that run cannot publish any more")
    else:
        report.line("no run held the lease")
