"""The commands over a playbook: flags in, a call, what came of it out. The work is elsewhere, and imported when asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.cli.options import JsonOption, ModelOption, PlaybookArgument, TargetOption, VarOption
from runner.session import session
from runner.session.process import Process

if TYPE_CHECKING:
    from runner.commands.loaded import LoadedPlaybook

THREADS = 4  # plain queries of a step at once


def _loaded(ctx: typer.Context, path: Path, var: list[str], target: str | None) -> LoadedPlaybook:
    from runner.cli.wording import commands_of
    from runner.commands.loaded import load

    process: Process = ctx.obj
    process.commands = commands_of(path)
    return load(process, path, session.variables(var), target or None)


def _is_old(path: Path) -> bool:
    """Whether it is a playbook of SQL Runner, which has a door of its own."""
    from runner.playbook.load import is_sqlrunner_file

    return is_sqlrunner_file(path)


def run(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    var: VarOption = [],
    until: Annotated[
        str | None, typer.Option(metavar="T", help="new batches before this etl_tstamp (UTC) only")
    ] = None,
    chunk: Annotated[int | None, typer.Option(min=1, metavar="N", help="publish after every N new batches")] = None,
    model: ModelOption = [],
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="build all models, or those of --model, in full")
    ] = False,
    retract: Annotated[
        bool, typer.Option("--retract", help="let vanished batches and lost events leave the models")
    ] = False,
    adopt: Annotated[
        list[str], typer.Option(metavar="TABLE", help="replace a table that is not ours; may be given again")
    ] = [],
    wait: Annotated[float, typer.Option(min=0, metavar="S", help="wait so many seconds for another run")] = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help=f"plain queries of a step at once ({THREADS})")
    ] = None,
    target: TargetOption = None,
    json: JsonOption = False,
    run_id: Annotated[
        str | None, typer.Option(metavar="ID", help="name this run; the second one of a name is ID.2")
    ] = None,
    from_step: Annotated[str | None, typer.Option(metavar="S", help="start at this step (plain scripts only)")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what a run would do, and do nothing")] = False,
) -> None:
    """Bring all models up to date; nothing pending is success."""
    from runner.commands.run import RunOptions

    process: Process = ctx.obj
    if _is_old(playbook):
        from runner.doors.sqlrunner import dispatch

        dispatch.only_for_models(until, chunk, model, full_refresh, retract, adopt, wait, run_id)
        how = {"json": json, "dry_run": dry_run}
        flags = dispatch.flags_of(process, playbook, var, target, from_step=from_step, threads=threads, **how)
        return dispatch.run(flags, process)
    if dry_run:
        return plan(ctx, playbook, var, until, model, full_refresh, target, json)
    loaded = _loaded(ctx, playbook, var, target)
    options = RunOptions(
        run_id=run_id,
        until=session.tstamp(until, "--until"),
        chunk=chunk,
        models=tuple(model),
        full_refresh=full_refresh,
        retract=retract,
        adopt=tuple(adopt),
        wait_s=wait,
        threads=threads or THREADS,
        from_step=from_step,
    )
    loaded.run(options, process.emitting(process.report(json)))


def plan(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    var: VarOption = [],
    until: Annotated[str | None, typer.Option(metavar="T", help="as for run")] = None,
    model: ModelOption = [],
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="as for run")] = False,
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a run would do; connects and reads only."""
    from runner.commands import show

    process: Process = ctx.obj
    if _is_old(playbook):
        from runner.doors.sqlrunner import dispatch

        return dispatch.run(dispatch.flags_of(process, playbook, var, target, json=json, dry_run=True), process)
    loaded = _loaded(ctx, playbook, var, target)
    show.plan(loaded.plan(session.tstamp(until, "--until"), model, full_refresh), process.report(json))


def rewind(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    since: Annotated[str, typer.Option(metavar="T", help="batches from this etl_tstamp (UTC) on")],
    until: Annotated[str | None, typer.Option(metavar="T", help="and before this one")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="batches that hold events with this column in the range")
    ] = None,
    model: ModelOption = [],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say which batches")] = False,
    var: VarOption = [],
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Make processed batches pending again; the next run recomputes what they touch, without a gap for readers."""
    from runner.commands import show
    from runner.commands.rewind import Range

    process: Process = ctx.obj
    loaded = _loaded(ctx, playbook, var, target)
    wanted = Range(str(session.tstamp(since, "--since")), session.tstamp(until, "--until"), by)
    show.rewind(loaded.rewind(wanted, model, dry_run), process.report(json))


def status(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    var: VarOption = [],
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Manifest, pending batches, lag, lock and keys still owed."""
    from runner.commands import show

    process: Process = ctx.obj
    show.status(_loaded(ctx, playbook, var, target).status(), process.report(json))


def history(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    limit: Annotated[int, typer.Option(min=1, max=10000, metavar="N", help="so many runs")] = 20,
    target: TargetOption = None,
    var: VarOption = [],
    json: JsonOption = False,
) -> None:
    """The runs, newest first, with what they did and how long it took."""
    from runner.commands import show

    process: Process = ctx.obj
    loaded = _loaded(ctx, playbook, var, target)
    show.history(loaded.playbook.name, loaded.history(limit), process.report(json))


def verify(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    model: ModelOption = [],
    sample: Annotated[int | None, typer.Option(min=1, metavar="N", help="only N keys of each model")] = None,
    var: VarOption = [],
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Recompute in scratch and compare row by row; exit 9 if anything differs."""
    from runner.commands import show

    process: Process = ctx.obj
    show.verify(_loaded(ctx, playbook, var, target).verify(model, sample), process.report(json))


def check(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    live: Annotated[bool, typer.Option("--live", help="also against the warehouse's catalogue")] = False,
    var: VarOption = [],
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """All that can be known without connecting; with --live also what needs the catalogue."""
    process: Process = ctx.obj
    if _is_old(playbook):
        from runner.doors.sqlrunner import dispatch

        return dispatch.check(dispatch.flags_of(process, playbook, var, target, json=json, dry_run=live), process)
    loaded = _loaded(ctx, playbook, var, target)
    for event in loaded.check(live):
        process.report(json).emit(event)
    from runner.commands.check import open_questions

    for text in open_questions(loaded.program, str(playbook)) if not live else ():
        process.report(json).line(text)
    models, queries = len(loaded.program.models), len(loaded.program.queries)
    process.report(json).line(
        f"{playbook}: fine ({models} models, {queries} plain queries{', checked against the warehouse' if live else ''})"
    )


def render(ctx: typer.Context, playbook: PlaybookArgument, var: VarOption = [], target: TargetOption = None) -> None:
    """The SQL that would run, with variables filled in."""
    process: Process = ctx.obj
    if _is_old(playbook):
        from runner.doors.sqlrunner import dispatch

        return dispatch.render(dispatch.flags_of(process, playbook, var, target), process)
    from runner.commands.check import rendered

    process.out.write(rendered(_loaded(ctx, playbook, var, target).program))


def unlock(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    var: VarOption = [],
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Break a lease that a dead run left; a run that is still alive will not be able to publish."""
    from runner.commands import show

    process: Process = ctx.obj
    show.unlock(_loaded(ctx, playbook, var, target).unlock(), process.report(json))


def init(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="a folder that is not there yet, or empty")],
) -> None:
    """A new project: playbook, SQL and sample events, ready to run."""
    from runner.commands.init import make

    process: Process = ctx.obj
    for line in make(directory):
        process.out.write(line + "\n")


COMMANDS = (run, plan, rewind, status, history, verify, check, render, unlock, init)
