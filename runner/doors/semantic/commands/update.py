"""apply, update, refresh and watch: runs of the compiled playbook, and what goes before and after them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from runner.doors.semantic.commands.loaded import LoadedModel
from runner.doors.semantic.commands.unreadable import unreadable
from runner.doors.semantic.commands.verify import verify
from runner.errors import CannotConnect, Locked, Stopped
from runner.events import Note, Started
from runner.increment.run import run as run_program
from runner.increment.views import is_view
from runner.increment.work import Request
from runner.names import TableName
from runner.state.lease import LeaseTerms
from runner.state.runs import last_start
from runner.trial.guard import guard_of
from runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class UpdateOptions:
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


def update(loaded: LoadedModel, options: UpdateOptions) -> bool:
    """One run. True if something was published. Raises what a run raises, and Stopped for a model not applied yet."""
    tables = loaded.tables(options.kpis, options.properties, options.events)
    process, report = loaded.process, loaded.process.report(options.json)
    run_id, patience_s, emit = process.new_run_id(), process.patience_s, process.emitting(report)
    emit(
        Started(loaded.program.playbook.name, f"{loaded.program.engine} {loaded.program.playbook.target.shown}", run_id)
    )
    with loaded.warehouse(run_id, wait_s=options.wait_s, patience_s=patience_s) as warehouse:
        if options.reshape:
            _check_views(loaded, warehouse)
        else:
            _check_unchanged(loaded, warehouse, tables)
        if options.if_due and (due := _due(loaded, warehouse)) is not None:
            report.line(f"not due before {due} UTC (incremental_update_frequency)")
            return False
        request = Request(
            run_id=run_id,
            started=process.now_utc(),
            since=f"{options.since} 00:00:00" if options.since else None,
            until=f"{options.until + timedelta(days=1)} 00:00:00" if options.until else None,
            models=tables,
            full_refresh=options.full,
            retract=options.retract,
            reshape=options.reshape,
            patience_s=patience_s,
            lease=LeaseTerms(process.lease_s, options.wait_s),
        )
        guard = guard_of(process.trial_s(loaded.program.playbook), process.clock)
        published = bool(run_program(loaded.program, warehouse, request, process.clock, emit, guard))
        state = loaded.state(warehouse)
        for found in unreadable(loaded, warehouse, state):
            emit(found)
        left = loaded.left_over(state)
        if left and options.prune:
            _prune(loaded, warehouse, left)
            emit(Note(f"dropped what the model has no longer: {', '.join(left)}"))
        elif left and options.reshape:
            emit(Note(f"no longer part of the model: {', '.join(left)}; {loaded.command('apply')} --prune drops them"))
    return published


def _check_views(loaded: LoadedModel, warehouse: Warehouse) -> None:
    """A table or view of another that has the name of one of our views is not touched. Raises Stopped."""
    owned = loaded.manifest(warehouse).owned()
    names = [loaded.stored(view.table) for view in loaded.program.views]
    new = [name for name in names if str(name) not in owned]
    if found := sorted(map(str, warehouse.describe(new))):
        what = f"{found[0]} is there already and was not made by this model; nothing was done"
        raise Stopped(what, "drop it, if nobody needs it, or choose another data_model_schema")


def _check_unchanged(loaded: LoadedModel, warehouse: Warehouse, tables: tuple[TableName, ...]) -> None:
    """An update keeps up what was applied; a changed definition is looked at first. Raises Stopped."""
    state = loaded.applied(warehouse)
    taken = loaded.program.ancestors(tables) if tables else None
    changed = [str(t) for t in loaded.changed(state) if taken is None or t in taken]
    if changed:
        listed = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        what = f"the configuration has changed since it was applied: {listed}; nothing was done"
        raise Stopped(what, f"{loaded.command('plan')} says what it means, {loaded.command('apply')} does it")


def last_published(loaded: LoadedModel, warehouse: Warehouse) -> str | None:
    """When the newest published run began, in UTC."""
    manifest = loaded.manifest(warehouse)
    manifest.look()
    if not manifest.present:
        return None
    last = last_start(manifest)
    return last[:19] if last else None


def due_after(loaded: LoadedModel, last: str) -> str:
    """When the next update is due, in UTC, after a run that began then."""
    due = datetime.fromisoformat(last) + timedelta(seconds=loaded.config.settings.frequency_s)
    return f"{due:%Y-%m-%d %H:%M:%S}"


def _due(loaded: LoadedModel, warehouse: Warehouse) -> str | None:
    """When the next update is due, if that is later than now."""
    last = last_published(loaded, warehouse)
    if last is None:
        return None
    due = due_after(loaded, last)
    return due if due > loaded.process.now_utc()[:19] else None


def _prune(loaded: LoadedModel, warehouse: Warehouse, left: tuple[str, ...]) -> None:
    """Drop tables and views that the model has no longer, views first, and forget them."""
    manifest = loaded.manifest(warehouse)
    names = [TableName(tuple(name.split("."))) for name in left]
    kinds = {name: "view" if is_view(warehouse, name) else "table" for name in names}
    for name in sorted(names, key=lambda one: kinds[one] == "table"):
        warehouse.execute("prune:drop", f"drop {kinds[name]} if exists {warehouse.engine.table(name)}")
        manifest.forget_model(str(name))


def watch(loaded: LoadedModel, options: UpdateOptions, most: int | None) -> None:
    """Update again and again at the model's frequency, until a signal. Ticks that were missed are one.

    A lease that another run holds, or a warehouse that is away, is said and waited out until the next tick.
    """
    process, settings = loaded.process, loaded.config.settings
    clock, report = process.clock, process.report(options.json)
    process.stopped = "watching ended; what was published stays"
    started = verified = clock.monotonic()
    while True:
        try:
            update(loaded, options)
            process.published = None  # and done with: a signal while waiting is not about it
            if settings.verify_s is not None and clock.monotonic() - verified >= settings.verify_s:
                verified = clock.monotonic()
                verify(loaded, settings.verify_keys, options.json)
        except (Locked, CannotConnect) as error:
            report.line(f"{error.message}; trying again at the next tick")
        most = None if most is None else most - 1
        if most == 0:
            return
        ticks = int((clock.monotonic() - started) // settings.frequency_s) + 1
        clock.sleep(max(0.0, started + ticks * settings.frequency_s - clock.monotonic()))
