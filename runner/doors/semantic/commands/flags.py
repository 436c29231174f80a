"""The command line of the semantic layer: `runner config …` and `runner model …`. Flags only; the work is elsewhere."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.doors.semantic.commands.query.flags import list_, query
from runner.errors import BadInput, Place, Problem

if TYPE_CHECKING:
    from runner.doors.semantic.commands.loaded import LoadedModel

FolderArgument = Annotated[Path, typer.Argument(metavar="[DIR]", help="the folder with config.yml; default: here")]
TargetOption = Annotated[
    str | None, typer.Option("--target", metavar="URL", help="the warehouse; default: RUNNER_TARGET, or the config's")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of text")]
KpisOption = Annotated[
    list[str], typer.Option("--kpi", metavar="NAME", help="only what this KPI needs; may be given again")
]
PropertiesOption = Annotated[
    list[str], typer.Option("--property", metavar="NAME", help="only what this property needs")
]
EventsOption = Annotated[list[str], typer.Option("--event", metavar="NAME", help="only this event's tables")]
KpiOption = Annotated[str, typer.Option("--kpi", metavar="NAME", help="the KPI")]
PruneOption = Annotated[bool, typer.Option("--prune", help="drop what the model has no longer")]
WaitOption = Annotated[float, typer.Option(min=0, metavar="S", help="wait so many seconds for another run")]
RetractOption = Annotated[bool, typer.Option("--retract", help="let vanished batches leave the tables")]
HERE = Path()


def add_to(app: typer.Typer) -> None:
    """Put both groups into the command line."""
    config = typer.Typer(rich_markup_mode=None, help="The files of a semantic model.", no_args_is_help=True)
    config.command()(validate)
    config.command()(push)
    app.add_typer(config, name="config")
    app.add_typer(model_group(), name="model")


def model_group() -> typer.Typer:
    """The commands of `runner model`."""
    model = typer.Typer(
        rich_markup_mode=None, help="The tables, views and KPIs of a semantic model.", no_args_is_help=True
    )
    for command in (plan, apply, update, refresh, watch, rewind, verify, status, query, explain):
        model.command()(command)
    model.command("list")(list_)
    return model


def _loaded(ctx: typer.Context, folder: Path, target: str | None) -> LoadedModel:
    from runner.doors.semantic.commands.loaded import load

    return load(ctx.obj, folder, target)


def _day(text: str | None, flag: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(Problem(Place(), f"{flag} {text}: not a date", f"{flag} 2026-01-31")) from None


def days_between(since: str | None, until: str | None) -> tuple[date | None, date | None]:
    """--from and --to as dates. Raises BadInput."""
    first, last = _day(since, "--from"), _day(until, "--to")
    if first and last and first > last:
        raise BadInput(Problem(Place(), f"--from {first} is after --to {last}", "swap the two"))
    return first, last


# -- config ----------------------------------------------------------------------------------------------------------


def validate(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    live: Annotated[bool, typer.Option("--live", help="also against the warehouse's tables")] = False,
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Every mistake at once, with code, file and line; nothing is connected without --live."""
    from runner.doors.semantic.commands.validate import validate as do_validate

    ctx.obj.code = do_validate(ctx.obj, folder, live, target, json)


def push(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    target: TargetOption = None,
    prune: PruneOption = False,
    json: JsonOption = False,
) -> None:
    """The same as `runner model apply`."""
    apply(ctx, folder, target=target, prune=prune, json=json)


# -- model -----------------------------------------------------------------------------------------------------------


def plan(
    ctx: typer.Context, folder: FolderArgument = HERE, target: TargetOption = None, json: JsonOption = False
) -> None:
    """What a change of the configuration means, and what is pending; reads only."""
    from runner.doors.semantic.commands.plan import plan as do_plan

    do_plan(_loaded(ctx, folder, target), json)


def apply(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    since: Annotated[
        str | None, typer.Option("--from", metavar="D", help="begin with the batches of this day …")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="D", help="… to this one, both included (UTC)")] = None,
    prune: PruneOption = False,
    retract: RetractOption = False,
    wait: WaitOption = 0,
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Make schema, tables, indexes and views as the configuration says, and fill them; in one transaction."""
    from runner.doors.semantic.commands.update import UpdateOptions
    from runner.doors.semantic.commands.update import update as do_update

    first, last = days_between(since, until)
    options = UpdateOptions(since=first, until=last, reshape=True, prune=prune, retract=retract, wait_s=wait, json=json)
    do_update(_loaded(ctx, folder, target), options)


def update(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    kpi: KpisOption = [],
    prop: PropertiesOption = [],
    event: EventsOption = [],
    if_due: Annotated[
        bool, typer.Option("--if-due", help="only if incremental_update_frequency has passed since the last one")
    ] = False,
    retract: RetractOption = False,
    wait: WaitOption = 0,
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Bring the tables up to date with what is pending; what is left out catches up later."""
    from runner.doors.semantic.commands.update import UpdateOptions
    from runner.doors.semantic.commands.update import update as do_update

    options = UpdateOptions(
        tuple(kpi), tuple(prop), tuple(event), retract=retract, if_due=if_due, wait_s=wait, json=json
    )
    do_update(_loaded(ctx, folder, target), options)


def refresh(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    retract: RetractOption = False,
    wait: WaitOption = 0,
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Rebuild everything from the events, publish it in one transaction, and say what was different."""
    from runner.doors.semantic.commands.update import UpdateOptions
    from runner.doors.semantic.commands.update import update as do_update

    options = UpdateOptions(reshape=True, full=True, retract=retract, wait_s=wait, json=json)
    do_update(_loaded(ctx, folder, target), options)


def watch(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    times: Annotated[int | None, typer.Option(min=1, metavar="N", help="end after so many updates")] = None,
    retract: RetractOption = False,
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Update at the model's own frequency, in the foreground, until SIGTERM or SIGINT."""
    from runner.doors.semantic.commands.update import UpdateOptions
    from runner.doors.semantic.commands.update import watch as do_watch

    do_watch(_loaded(ctx, folder, target), UpdateOptions(retract=retract, json=json), times)


def rewind(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    since: Annotated[str | None, typer.Option("--from", metavar="D", help="events from this day …")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="D", help="… to this one, both included")] = None,
    prop: PropertiesOption = [],
    event: EventsOption = [],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say which batches")] = False,
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Make batches with events of these days pending again, after data was corrected in place; then update."""
    from runner.doors.semantic.commands.rewind import rewind as do_rewind

    days = days_between(since, until)
    do_rewind(_loaded(ctx, folder, target), days, tuple(prop), tuple(event), dry_run, json)


def verify(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    sample: Annotated[int | None, typer.Option(min=1, metavar="N", help="only N keys of each table")] = None,
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Recompute in scratch and compare row by row; exit 9 if anything differs."""
    from runner.doors.semantic.commands.verify import verify as do_verify

    do_verify(_loaded(ctx, folder, target), sample, json)


def status(
    ctx: typer.Context, folder: FolderArgument = HERE, target: TargetOption = None, json: JsonOption = False
) -> None:
    """What is applied, what is pending, which tables owe keys, and when the next update is due."""
    from runner.doors.semantic.commands.status import status as do_status

    do_status(_loaded(ctx, folder, target), json)


def explain(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    kpi: KpiOption = "",
    day: Annotated[str, typer.Option("--date", metavar="D", help="the date")] = "",
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """The numbers behind one value: terms, users, batches."""
    from runner.doors.semantic.commands.explain import explain as do_explain

    if not kpi or not (found := _day(day or None, "--date")):
        raise BadInput(
            Problem(Place(), "--kpi and --date are needed", "runner model explain --kpi dau --date 2026-01-31")
        )
    do_explain(_loaded(ctx, folder, target), kpi, found, json)
