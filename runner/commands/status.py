"""How a playbook stands in its warehouse, its runs, and breaking a lease."""

from __future__ import annotations

from runner.increment import freeze
from runner.increment.bind import bind
from runner.increment.stage import table_key
from runner.increment.work import read_only_work
from runner.playbook.values import Playbook
from runner.program.values import Program
from runner.report import Report
from runner.state import runs
from runner.state.manifest import Manifest
from runner.state.runs import RunRow
from runner.warehouse.base import Warehouse

SHOWN = 10  # models of a run that history names


def status(program: Program, warehouse: Warehouse, report: Report) -> None:
    """Manifest, pending batches, lag, lock and keys owed."""
    with read_only_work(program, warehouse) as work:
        state = work.manifest.look()
        if not work.manifest.present:
            report.line(f"playbook {program.playbook.name} has not run here yet")
        else:
            rows = work.manifest.summary()
            report.table(["source", "batches", "events", "newest etl_tstamp", "rewound", "last commit (UTC)"], rows)
        bound = bind(program, warehouse, state)
        with warehouse.snapshot("status"):
            frozen = freeze.count_batches(work, bound)
            for pending in frozen.pending:
                if pending.batch_count:
                    report.emit(pending)
                else:
                    report.line(f"{pending.source}: nothing pending")
        owed = [(table, s.owes) for table, s in sorted(state.models.items()) if s.owes]
        for table, owes in owed:
            report.line(
                f"{table} owes {'a full build' if owes == 'all' else 'keys'}; the next run that takes it catches up"
            )
        unbuilt = [str(m.table) for m in program.models if table_key(work, m) not in state.models]
        if unbuilt and work.manifest.present:
            report.line(f"not built yet: {', '.join(unbuilt)}")
        if work.manifest.present and not warehouse.engine.file_lock:
            _lock(work.manifest, report)
        if not state.after_done:
            report.line("the `after` queries of the last run have not finished; the next run repeats them")


def _lock(manifest: Manifest, report: Report) -> None:
    rows = manifest.warehouse.execute("status:lease", manifest.sql("lease-holder")).rows
    if rows and rows[0][0]:
        report.line(f"being run by run {rows[0][0]} since {rows[0][1]} UTC (lease until {rows[0][2]})")
    else:
        report.line("no run at work")


def history(playbook: Playbook, warehouse: Warehouse, limit: int, report: Report) -> None:
    """Runs, newest first."""
    manifest = Manifest(warehouse, playbook.name, playbook.state_schema)
    manifest.look()
    if not manifest.present:
        report.line(f"playbook {playbook.name} has not run here yet")
        return
    headers = ["run", "status", "started (UTC)", "duration_s", "batches", "events", "models", "note", "version"]
    report.table(headers, [_shown(run) for run in runs.history(manifest, limit)])


def _shown(run: RunRow) -> tuple[object, ...]:
    changed = [
        f"{m.table.split('.')[-1]} +{m.inserted} ~{m.updated} -{m.deleted}" for m in run.models if m.extent != "none"
    ]
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    note = _end(run.error.splitlines()[0]) if run.error else ("" if run.after_done else "after: not finished")
    models = ", ".join(changed[:SHOWN]) + more
    counts = (run.duration_s, run.batch_count, run.event_count)
    return run.run_id, run.status, run.started[:19], *counts, models, note, run.runner_version


def _end(text: str) -> str:
    """The end of a long message: it begins with a path."""
    return text if len(text) <= 80 else f"…{text[-79:]}"


def unlock(playbook: Playbook, warehouse: Warehouse, report: Report) -> None:
    """Free the lease and raise the version, so that whoever held it cannot publish."""
    manifest = Manifest(warehouse, playbook.name, playbook.state_schema)
    manifest.look()
    if not manifest.present:
        report.line(f"playbook {playbook.name} has not run here yet; there is no lease")
        return
    broken = manifest.break_lease()
    report.line(f"lease of {broken} broken; that run cannot publish any more" if broken else "no run held the lease")
