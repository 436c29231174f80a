"""Rewind by the days of events: the batches that hold such events now, and those that held them when they were read."""

from __future__ import annotations

from datetime import date

from runner.commands import show
from runner.commands.rewind import Chosen
from runner.commands.rewind import rewind as rewind_batches
from runner.doors.semantic.commands.loaded import LoadedModel
from runner.doors.semantic.values import EventType
from runner.names import TableName
from runner.warehouse.base import Warehouse


def rewind(
    loaded: LoadedModel,
    days: tuple[date | None, date | None],
    properties: tuple[str, ...],
    events: tuple[str, ...],
    dry_run: bool,
    json: bool,
) -> None:
    """Make the batches pending again. Raises BadInput for unknown names, Stopped where nothing was applied yet."""
    chosen = _events(loaded, properties, events)
    with loaded.warehouse("rewind") as warehouse:
        loaded.applied(warehouse)
        conditions = _conditions(loaded, warehouse, chosen, days)
        found = rewind_batches(loaded.program, warehouse, Chosen(conditions), (), dry_run)
    show.rewind(found, loaded.process.report(json))


def _events(loaded: LoadedModel, properties: tuple[str, ...], events: tuple[str, ...]) -> tuple[EventType, ...]:
    config = loaded.config
    found: dict[str, EventType] = {}
    for name in properties:
        loaded.check_name(name, [one.name for one in config.properties])
        found |= {event.name: event for event in loaded.compiled.events_of_property(name)}
    for name in events:
        loaded.check_name(name, [event.name for event in config.events])
        found[name] = config.event(name)
    return tuple(found.values()) or config.events


def _conditions(
    loaded: LoadedModel, warehouse: Warehouse, events: tuple[EventType, ...], days: tuple[date | None, date | None]
) -> tuple[tuple[TableName, str], ...]:
    """For each source: a batch holds a row of one of its events in the range, or held one when it was read."""
    tables, names = loaded.compiled.event_tables, loaded.compiled.names
    owned = {model.table for model in loaded.program.models}
    found: dict[TableName, list[str]] = {}
    for event in events:
        alias = warehouse.engine.quote(event.table.table)
        day = tables.event_date(event)
        batch = f"cast({tables.batch(event)} as timestamp)"
        live = f"select {batch} from {warehouse.engine.table(event.table)} as {alias} where {_within(day, days)}"
        parts = found.setdefault(event.table, [])
        parts.append(f"etl_tstamp in ({live})")
        if names.events(event.name) in owned:
            place = warehouse.engine.table(loaded.stored(names.events(event.name)))
            parts.append(f"etl_tstamp in (select etl_tstamp from {place} where {_within('event_date', days)})")
    return tuple((table, f"({' or '.join(parts)})") for table, parts in found.items())


def _within(day: str, days: tuple[date | None, date | None]) -> str:
    """Both ends included; `date.isoformat` gives nothing but digits and dashes."""
    since, until = days
    parts = [f"{day} >= date '{since.isoformat()}'"] if since else []
    parts += [f"{day} <= date '{until.isoformat()}'"] if until else []
    return " and ".join(parts) or "1 = 1"
