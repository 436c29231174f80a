"""How a model stands in its warehouse: applied or changed, dates, pending batches, keys owed, the next update."""

from __future__ import annotations

from datetime import datetime, timedelta

from runner.commands import show
from runner.commands.status import status as run_status
from runner.doors.semantic.commands.model import Door, state_of, warehouse_of
from runner.doors.semantic.commands.update import last_published
from runner.program.values import renamed
from runner.session.process import Process


def status(process: Process, door: Door, json: bool) -> None:
    """Print it."""
    report = process.report(json)
    with warehouse_of(process, door, "status", read_only=True) as warehouse:
        state = state_of(door, warehouse)
        if not state.models:
            report.line(f"not applied here yet; next: {door.command('apply')}")
            return
        changed = door.changed(state)
        if changed:
            what = f"{len(changed)} tables and views are not as the configuration says now"
            report.line(f"{what}; {door.command('plan')}")
        if left := door.left_over(state):
            report.line(f"no longer part of the model: {', '.join(left)}; {door.command('apply')} --prune drops them")
        calendar = renamed(door.program.playbook, door.compiled.names.calendar)
        if calendar in warehouse.describe([calendar]):
            sql = f"select min(date), max(date), count(*) from {warehouse.engine.table(calendar)}"
            first, last, count = warehouse.execute("status:calendar", sql).one()
            report.line(f"dates: {first} … {last} ({count:,})" if count else "dates: none, no events yet")
        quarantine = door.compiled.names.quarantine
        if quarantine in {view.table for view in door.program.views} and not changed:
            sql = f"select count(*) from {warehouse.engine.table(renamed(door.program.playbook, quarantine))}"
            held = int(warehouse.execute("status:quarantine", sql).one()[0])
            report.line(f"{held:,} events are from the future; {quarantine} lists them")
        show.status(run_status(door.program, warehouse), report)
        if last := last_published(door, warehouse):
            due = datetime.fromisoformat(last) + timedelta(seconds=door.config.settings.frequency_s)
            report.line(f"last published run: {last} UTC; due again: {due:%Y-%m-%d %H:%M:%S} UTC")
