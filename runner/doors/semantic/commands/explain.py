"""The numbers behind one value of a KPI: its terms, the users who count, and the batches that their events came in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from runner.doors.semantic.commands.loaded import LoadedModel
from runner.doors.semantic.commands.query.command import answer, physical
from runner.doors.semantic.commands.query.request import QueryOptions, checked
from runner.doors.semantic.components import Term, Unfolded, properties_in
from runner.doors.semantic.values import Axis, EventType
from runner.warehouse.base import Warehouse

SHOWN = 5


def explain(loaded: LoadedModel, kpi: str, day: date, json: bool) -> None:
    """Print the value, each of its terms, the first users and the batches of that day."""
    loaded.check_name(kpi, [one.name for one in loaded.config.kpis])
    unfolded = next(one for one in loaded.compiled.kpis if one.kpi.name == kpi)
    report = loaded.process.report(json)
    with loaded.warehouse("explain", read_only=True) as warehouse:
        names = loaded.compiled.names
        views = [names.kpi_view(kpi, cohort=False)] if unfolded.kpi.has(Axis.DATE) else []
        loaded.check_current(warehouse, [names.users("totals"), *views])
        value = None
        if unfolded.kpi.has(Axis.DATE):
            rows = answer(loaded, warehouse, checked(loaded.compiled, QueryOptions((kpi,), since=day, until=day))).rows
            value = rows[0][-1] if rows else None
        report.line(f"{kpi} on {day} = {'no value' if value is None else value}")
        report.line(f"formula: {unfolded.formula.text}")
        report.table(
            ["term", "aggregate", "where", "value", "users"], [_term(loaded, warehouse, t, day) for t in unfolded.terms]
        )
        for term in unfolded.terms:
            if users := _users(loaded, warehouse, term, day):
                report.table([f"users of {term.name}", "share"], users)
        for text in _joins(loaded, unfolded):
            report.line(text)
        report.table(
            ["event", "etl_tstamp", "events", "in manifest", "run"], _batches(loaded, warehouse, unfolded, day)
        )


def _where(term: Term) -> str:
    return " and ".join(one.text for one in (*term.component.where, *term.cells))


def _term(loaded: LoadedModel, warehouse: Warehouse, term: Term, day: date) -> tuple[object, ...]:
    views, component = loaded.compiled.views, term.component
    totals = loaded.compiled.names.users("totals")
    counted = f"select {views.raw(term)} as v, count(*) as n from {totals} where date = date '{day.isoformat()}'"
    value, users = warehouse.execute("model:explain", physical(loaded, warehouse.engine, counted)).one()
    what = (
        component.argument.text if component.function == "raw" else f"{component.function}({component.argument.text})"
    )
    return term.name, what, _where(term) or "-", value, users


def _users(loaded: LoadedModel, warehouse: Warehouse, term: Term, day: date) -> Sequence[tuple[object, ...]]:
    """The users with the largest share of a term."""
    views = loaded.compiled.views
    totals = loaded.compiled.names.users("totals")
    inner = f"select user_id, {views.raw(term)} as share from {totals} where date = date '{day.isoformat()}' group by user_id"
    counts = " and share <> 0" if term.component.merge == "sum" else ""
    text = f"select user_id, share from ({inner}) q where share is not null{counts} order by share desc, user_id limit {SHOWN}"
    return warehouse.execute("model:explain", physical(loaded, warehouse.engine, text)).rows


def _events(loaded: LoadedModel, unfolded: Unfolded) -> tuple[EventType, ...]:
    """The events that a KPI goes back to."""
    found = {e.name: e for name in properties_in(unfolded) for e in loaded.compiled.events_of_property(name)}
    return tuple(found.values())


def _joins(loaded: LoadedModel, unfolded: Unfolded) -> Iterator[str]:
    """What these events are joined to, and how."""
    for event in _events(loaded, unfolded):
        for one in event.enrichments:
            table = loaded.config.logical_table(one.logical_table)
            pairs = " and ".join(f"{pair.source} = {pair.target}" for pair in one.on)
            yield f"{event.name} is joined to {table.table if table else one.logical_table} where {pairs}"


def _batches(loaded: LoadedModel, warehouse: Warehouse, unfolded: Unfolded, day: date) -> list[tuple[object, ...]]:
    """The batches that events of that day came in, with the run that read them last."""
    manifest = loaded.manifest(warehouse)
    found: list[tuple[object, ...]] = []
    for event in _events(loaded, unfolded):
        place = warehouse.engine.table(loaded.stored(loaded.compiled.names.events(event.name)))
        source = warehouse.engine.literal(str(event.table))
        sql = (
            f"select cast(e.etl_tstamp as varchar(30)), e.n, m.event_count, m.run_id from (select etl_tstamp, count(*) as n"
            f" from {place} where event_date = date '{day.isoformat()}' group by etl_tstamp) e"
            f" left join {manifest.table('manifest')} m on m.etl_tstamp = e.etl_tstamp and m.source = {source}"
            f" and m.playbook = {warehouse.engine.literal(loaded.program.playbook.name)} order by 1"
        )
        rows = warehouse.execute("model:explain", sql).rows
        found += [(event.name, *row) for row in rows]
    return found
