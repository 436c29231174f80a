"""apply, update, refresh and watch: runs of the compiled playbook, and what goes before and after them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from runner.commands import show
from runner.commands.verify import verify as run_verify
from runner.doors.semantic.commands.model import Door, applied, state_of, warehouse_of
from runner.errors import CannotConnect, Locked, Stopped
from runner.events import Note, Started
from runner.increment.run import run as run_program
from runner.increment.views import is_view
from runner.increment.work import Request
from runner.names import TableName
from runner.program.values import renamed
from runner.session.process import Process
from runner.state.lease import LeaseTerms
from runner.state.manifest import Manifest
from runner.state.runs import last_start
from runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class Wanted:
    """The flags of apply, update and refresh."""

    kpis: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    since: date | None = None  # batches from this day on …
    until: date | None = None  # … to this one, both included
    reshape: bool = False  # the definitions may have changed
    full: bool = False
    retract: bool = False
    prune: bool = False
    if_due: bool = False
    wait_s: float = 0
    json: bool = False


def run(process: Process, door: Door, wanted: Wanted) -> bool:
    """One run. True if something was published. Raises what a run raises, and Stopped for a model not applied yet."""
    tables = door.chosen(list(wanted.kpis), list(wanted.properties), list(wanted.events))
    run_id, patience_s = process.new_run_id(), process.patience_s
    emit = process.emitting(process.report(wanted.json))
    emit(Started(door.program.playbook.name, f"{door.program.engine} {door.program.playbook.target.shown}", run_id))
    with warehouse_of(process, door, run_id, wait_s=wanted.wait_s, patience_s=patience_s) as warehouse:
        if wanted.reshape:
            _own_views(door, warehouse)
        else:
            _applied(door, warehouse, tables)
        if wanted.if_due and (due := _due(process, door, warehouse)) is not None:
            process.report(wanted.json).line(f"not due before {due} UTC (incremental_update_frequency)")
            return False
        request = Request(
            run_id=run_id,
            started=process.now_utc(),
            since=f"{wanted.since} 00:00:00" if wanted.since else None,
            until=f"{wanted.until + timedelta(days=1)} 00:00:00" if wanted.until else None,
            models=tables,
            full_refresh=wanted.full,
            retract=wanted.retract,
            reshape=wanted.reshape,
            patience_s=patience_s,
            lease=LeaseTerms(process.lease_s, wanted.wait_s),
        )
        published = bool(run_program(door.program, warehouse, request, process.clock, emit))
        left = door.left_over(state_of(door, warehouse))
        if left and wanted.prune:
            _prune(door, warehouse, left)
            emit(Note(f"dropped what the model has no longer: {', '.join(left)}"))
        elif left and wanted.reshape:
            emit(Note(f"no longer part of the model: {', '.join(left)}; {door.command('apply')} --prune drops them"))
    return published


def _own_views(door: Door, warehouse: Warehouse) -> None:
    """A table or view of another that has the name of one of our views is not touched. Raises Stopped."""
    known = state_of(door, warehouse).models
    names = [renamed(door.program.playbook, view.table) for view in door.program.views]
    new = [name for name in names if str(name) not in known]
    if found := sorted(map(str, warehouse.describe(new))):
        what = f"{found[0]} is there already and was not made by this model; nothing was done"
        raise Stopped(what, "drop it, if nobody needs it, or choose another data_model_schema")


def _applied(door: Door, warehouse: Warehouse, tables: tuple[TableName, ...]) -> None:
    """An update keeps up what was applied; a changed definition is looked at first. Raises Stopped."""
    state = applied(door, warehouse)
    taken = door.program.ancestors(tables) if tables else None
    changed = [str(t) for t in door.changed(state) if taken is None or t in taken]
    if changed:
        listed = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        what = f"the configuration has changed since it was applied: {listed}; nothing was done"
        raise Stopped(what, f"{door.command('plan')} says what it means, {door.command('apply')} does it")


def last_published(door: Door, warehouse: Warehouse) -> str | None:
    """When the newest published run began, in UTC."""
    playbook = door.program.playbook
    manifest = Manifest(warehouse, playbook.name, playbook.state_schema)
    manifest.look()
    if not manifest.present:
        return None
    last = last_start(manifest)
    return last[:19] if last else None


def _due(process: Process, door: Door, warehouse: Warehouse) -> str | None:
    """When the next update is due, if that is later than now."""
    last = last_published(door, warehouse)
    if last is None:
        return None
    due = datetime.fromisoformat(last) + timedelta(seconds=door.config.settings.frequency_s)
    return f"{due:%Y-%m-%d %H:%M:%S}" if f"{due:%Y-%m-%d %H:%M:%S}" > process.now_utc()[:19] else None


def _prune(door: Door, warehouse: Warehouse, left: tuple[str, ...]) -> None:
    """Drop tables and views that the model has no longer, views first, and forget them."""
    playbook = door.program.playbook
    manifest = Manifest(warehouse, playbook.name, playbook.state_schema)
    names = [TableName(tuple(name.split("."))) for name in left]
    kinds = {name: "view" if is_view(warehouse, name) else "table" for name in names}
    for name in sorted(names, key=lambda one: kinds[one] == "table"):
        warehouse.execute("prune:drop", f"drop {kinds[name]} if exists {warehouse.engine.table(name)}")
        manifest.forget_model(str(name))


def watch(process: Process, door: Door, wanted: Wanted, most: int | None) -> None:
    """Update again and again at the model's frequency, until a signal. Ticks that were missed are one.

    A lease that another run holds, or a warehouse that is away, is said and waited out until the next tick.
    """
    clock, settings = process.clock, door.config.settings
    process.stopped = "watching ended; what was published stays"
    started = verified = clock.monotonic()
    while True:
        try:
            run(process, door, wanted)
            process.published = None  # and done with: a signal while waiting is not about it
            if settings.verify_s is not None and clock.monotonic() - verified >= settings.verify_s:
                verified = clock.monotonic()
                verify(process, door, settings.verify_keys, wanted.json)
        except (Locked, CannotConnect) as error:
            process.report(wanted.json).line(f"{error.message}; trying again at the next tick")
        most = None if most is None else most - 1
        if most == 0:
            return
        ticks = int((clock.monotonic() - started) // settings.frequency_s) + 1
        clock.sleep(max(0.0, started + ticks * settings.frequency_s - clock.monotonic()))


def verify(process: Process, door: Door, sample: int | None, json: bool, tables: tuple[TableName, ...] = ()) -> None:
    """Recompute in scratch and compare. Raises VerifyFound if anything differs."""
    with warehouse_of(process, door, "verify") as warehouse:
        applied(door, warehouse)
        found = run_verify(door.program, warehouse, tables, sample, process.new_run_id())
    show.verify(found, process.report(json))
