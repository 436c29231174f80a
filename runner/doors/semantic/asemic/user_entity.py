"""`asemic-cli user-entity-model …`: the vendor's options. Flags only; the work is elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.doors.semantic.asemic.project import Project, VersionOption, named_folder, refuse_app, refuse_version
from runner.doors.semantic.commands import flags
from runner.doors.semantic.commands.query.flags import query
from runner.errors import BadInput, Place, Problem
from runner.session.process import Process

if TYPE_CHECKING:
    from runner.doors.semantic.asemic.event_files import Named

TableOption = Annotated[str | None, typer.Option("--table", metavar="NAME", help="full table name")]
EventNameOption = Annotated[str | None, typer.Option("--event-name", metavar="NAME", help="name of the event")]
DateOption = Annotated[str | None, typer.Option("--date-column", metavar="C", help="its date column; - for none")]
TimestampOption = Annotated[str | None, typer.Option("--timestamp-column", metavar="C", help="its timestamp column")]
UserOption = Annotated[str | None, typer.Option("--user-id-column", metavar="C", help="its user id column")]
EventIdOption = Annotated[
    str | None, typer.Option("--event-id-column", metavar="C", help="its event id column; - for none")
]
EtlOption = Annotated[
    str | None, typer.Option("--etl-timestamp-column", metavar="C", help="when a row was loaded; - for none")
]
AmountOption = Annotated[
    str | None, typer.Option("--transaction-amount-column", metavar="C", help="its transaction amount column")
]
SubschemaOption = Annotated[bool, typer.Option("--subschema", help="events of one kind in a table of several")]
TypeColumnOption = Annotated[
    str | None, typer.Option("--subschema-type-column", metavar="C", help="the column that tells kinds apart")
]
TypeValueOption = Annotated[
    str | None, typer.Option("--subschema-type-value", metavar="V", help="its value for this event")
]
ParamsOption = Annotated[
    str | None, typer.Option("--subschema-params-column", metavar="C", help="the column with this event's fields")
]
NoRegistrationsOption = Annotated[bool, typer.Option("--skip-registrations-tag", help="no user begins by this event")]
NoActivityOption = Annotated[bool, typer.Option("--skip-activity-tag", help="who does this counts not as active")]
NoWizardOption = Annotated[bool, typer.Option("--no-wizard", help="ask nothing: guess, or fail")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="write files anew that are there already")]
FromOption = Annotated[datetime, typer.Option("--date-from", formats=["%Y-%m-%d"], metavar="D", help="first day")]
ToOption = Annotated[datetime, typer.Option("--date-to", formats=["%Y-%m-%d"], metavar="D", help="last day")]
AppOption = Annotated[str | None, typer.Option("--app-id", metavar="ID", hidden=True)]


PAYMENT = "payment-transaction-event"


def group() -> typer.Typer:
    """The commands of `asemic-cli user-entity-model`."""
    found = typer.Typer(
        rich_markup_mode=None, help="Write a model from live tables, and fill it.", no_args_is_help=True
    )
    found.command(PAYMENT, help="Write the file of an event by which users pay, from a table's columns.")(event)
    for command in (event, events, entity, backfill, backfill_statistics, kpi_query):
        found.command()(command)
    return found


# -- files -----------------------------------------------------------------------------------------------------------


def event(
    ctx: typer.Context,
    table: TableOption = None,
    event_name: EventNameOption = None,
    date_column: DateOption = None,
    timestamp_column: TimestampOption = None,
    user_id_column: UserOption = None,
    event_id_column: EventIdOption = None,
    etl_timestamp_column: EtlOption = None,
    transaction_amount_column: AmountOption = None,
    subschema: SubschemaOption = False,
    subschema_type_column: TypeColumnOption = None,
    subschema_type_value: TypeValueOption = None,
    subschema_params_column: ParamsOption = None,
    skip_registrations_tag: NoRegistrationsOption = False,
    skip_activity_tag: NoActivityOption = False,
    no_wizard: NoWizardOption = False,
    overwrite: OverwriteOption = False,
    target: flags.TargetOption = None,
) -> None:
    """Write the file of an event, from a table's columns."""
    from runner.doors.semantic.asemic.event_files import EventOptions, Named, Subschema, generate_event
    from runner.doors.semantic.asemic.guesses import AMOUNT
    from runner.doors.semantic.asemic.wizard import Wizard
    from runner.doors.semantic.values import EventTag

    pays = ctx.info_name == PAYMENT or transaction_amount_column is not None
    named = _named(date_column, timestamp_column, user_id_column, event_id_column, etl_timestamp_column)
    named += (Named(AMOUNT, transaction_amount_column),) if pays else ()
    tags = (
        *(() if skip_registrations_tag else (EventTag.REGISTRATION,)),
        *(() if skip_activity_tag else (EventTag.ACTIVITY,)),
        *((EventTag.PAYMENT,) if pays else ()),
    )
    parts = (subschema_type_column, subschema_type_value, subschema_params_column)
    part = Subschema(*parts) if subschema or any(parts) else None
    options = EventOptions(table, event_name, named, tags, part, overwrite)
    generate_event(Project.of(ctx.obj), Wizard.of(ctx.obj, no_wizard), options, target)


def events(
    ctx: typer.Context,
    schema: Annotated[str | None, typer.Option("--schema", metavar="S", help="the schema of the tables")] = None,
    date_column: DateOption = None,
    timestamp_column: TimestampOption = None,
    user_id_column: UserOption = None,
    event_id_column: EventIdOption = None,
    etl_timestamp_column: EtlOption = None,
    no_wizard: NoWizardOption = False,
    overwrite: OverwriteOption = False,
    target: flags.TargetOption = None,
) -> None:
    """Write the file of an event for each table of a schema; columns are guessed, and only the schema is asked."""
    from runner.doors.semantic.asemic.event_files import generate_events
    from runner.doors.semantic.asemic.wizard import Wizard

    name = Wizard.of(ctx.obj, no_wizard).need(schema, "--schema", "Enter schema name")
    named = _named(date_column, timestamp_column, user_id_column, event_id_column, etl_timestamp_column)
    generate_events(Project.of(ctx.obj), name, named, overwrite, target)


def entity(
    ctx: typer.Context,
    schema: Annotated[
        str | None, typer.Option("--schema", metavar="S", help="the schema of the generated tables; default: sl")
    ] = None,
    no_wizard: NoWizardOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Write config.yml, and the properties and KPIs to begin with, from the files of the events."""
    from runner.doors.semantic.asemic.entity_files import generate_entity
    from runner.doors.semantic.asemic.wizard import Wizard

    generate_entity(Project.of(ctx.obj), Wizard.of(ctx.obj, no_wizard), schema, overwrite)


def _named(
    date_column: str | None, timestamp: str | None, user_id: str | None, event_id: str | None, etl: str | None
) -> tuple[Named, ...]:
    """What the options say of columns, in the order in which they are asked."""
    from runner.doors.semantic.asemic import guesses
    from runner.doors.semantic.asemic.event_files import Named

    return (
        Named(guesses.DATE, date_column),
        Named(guesses.TSTAMP, timestamp),
        Named(guesses.USER, user_id),
        Named(guesses.EVENT_ID, event_id),
        Named(guesses.ETL_TSTAMP, etl),
    )


# -- tables ----------------------------------------------------------------------------------------------------------


def backfill(
    ctx: typer.Context,
    date_from: FromOption,
    date_to: ToOption,
    days_per_query: Annotated[
        int | None, typer.Option("--days-per-query", min=1, metavar="N", help="so many days at a time; default: all")
    ] = None,
    version: VersionOption = None,
    app_id: AppOption = None,
    target: flags.TargetOption = None,
) -> None:
    """Compute these days anew, and all that hangs on them: rewind, then update."""
    from runner.doors.semantic.commands.loaded import load
    from runner.doors.semantic.commands.rewind import rewind
    from runner.doors.semantic.commands.update import UpdateOptions, update

    folder = _folder(ctx.obj, version, app_id)
    first, last = _days(date_from, date_to)
    loaded = load(ctx.obj, folder, target)
    for since, until in _chunks(first, last, days_per_query):
        ctx.obj.out.write(f"Backfilling ({since} - {until}) / {last}\n")
        rewind(loaded, (since, until), (), (), False, False)
        update(loaded, UpdateOptions())


def backfill_statistics(
    ctx: typer.Context,
    date_from: FromOption,
    date_to: ToOption,
    version: VersionOption = None,
    app_id: AppOption = None,
    target: flags.TargetOption = None,
) -> None:
    """What is filled and what is pending: the same as `runner model status`."""
    folder = _folder(ctx.obj, version, app_id)
    _days(date_from, date_to)
    ctx.obj.out.write("every property is filled on every date that there is; a count by day would say no more\n")
    flags.status(ctx, folder, target=target)


def kpi_query(
    ctx: typer.Context,
    kpi: Annotated[str, typer.Option("--kpi", metavar="NAME", help="the KPI")],
    date_from: FromOption,
    date_to: ToOption,
    app_id: AppOption = None,
    target: flags.TargetOption = None,
    json: flags.JsonOption = False,
) -> None:
    """A KPI by date: the same as `runner model query`."""
    first, last = _days(date_from, date_to)
    folder = _folder(ctx.obj, None, app_id)
    query(ctx, folder, kpi=[kpi], since=str(first), until=str(last), target=target, json=json)


def _folder(process: Process, version: str | None, app_id: str | None) -> Path:
    """The folder; what only the vendor's server could know is refused. Raises BadInput."""
    refuse_version(version)
    folder = named_folder(process)
    refuse_app(folder, app_id)
    return folder


def _days(date_from: datetime, date_to: datetime) -> tuple[date, date]:
    first, last = date_from.date(), date_to.date()
    if first > last:
        raise BadInput(Problem(Place(), f"--date-from {first} is after --date-to {last}", "swap the two"))
    return first, last


def _chunks(first: date, last: date, days: int | None) -> Iterator[tuple[date, date]]:
    """The days in parts of so many."""
    while first <= last:
        end = min(last, first + timedelta(days=days - 1)) if days else last
        yield first, end
        first = end + timedelta(days=1)
