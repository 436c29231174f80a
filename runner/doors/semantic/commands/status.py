"""How a model stands in its warehouse: applied or changed, dates, pending batches, keys owed, the next update."""

from __future__ import annotations

from runner.commands import show
from runner.commands.status import status as run_status
from runner.doors.semantic.commands.loaded import LoadedModel
from runner.doors.semantic.commands.unreadable import unreadable
from runner.doors.semantic.commands.update import due_after, last_published


def status(loaded: LoadedModel, json: bool) -> None:
    """Print it."""
    report = loaded.process.report(json)
    with loaded.warehouse("status", read_only=True) as warehouse:
        state = loaded.state(warehouse)
        if not state.models:
            report.line(f"not applied here yet; next: {loaded.command('apply')}")
            return
        changed = loaded.changed(state)
        if changed:
            what = f"{len(changed)} tables and views are not as the configuration says now"
            report.line(f"{what}; {loaded.command('plan')}")
        if left := loaded.left_over(state):
            report.line(f"no longer part of the model: {', '.join(left)}; {loaded.command('apply')} --prune drops them")
        calendar = loaded.stored(loaded.compiled.names.calendar)
        if calendar in warehouse.describe([calendar]):
            sql = f"select min(date), max(date), count(*) from {warehouse.engine.table(calendar)}"
            first, last, count = warehouse.execute("status:calendar", sql).one()
            report.line(f"dates: {first} … {last} ({count:,})" if count else "dates: none, no events yet")
        quarantine = loaded.compiled.names.quarantine
        if quarantine in {view.table for view in loaded.program.views} and not changed:
            sql = f"select count(*) from {warehouse.engine.table(loaded.stored(quarantine))}"
            held = int(warehouse.execute("status:quarantine", sql).one()[0])
            report.line(f"{held:,} events are from the future; {quarantine} lists them")
        for found in unreadable(loaded, warehouse, state):
            report.emit(found)
        show.status(run_status(loaded.program, warehouse), report)
        if last := last_published(loaded, warehouse):
            report.line(f"last published run: {last} UTC; due again: {due_after(loaded, last)} UTC")
