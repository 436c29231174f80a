"""The command line: the only place that prints, exits, and reaches for the clock, the environment and signals.

Everything heavy is imported inside the commands, so that `runner --help` loads no driver, no SQLAlchemy, no sqlglot.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from runner import __version__
from runner.errors import BadInput, Place, Problem, did_you_mean
from runner.session import session
from runner.session.process import Process, ended, leave

if TYPE_CHECKING:
    from runner.clock import Clock
    from runner.doors.sqlrunner.cli import RunnerFlags
    from runner.names import TableName
    from runner.playbook.values import Playbook
    from runner.program.values import Program
    from runner.warehouse.values import Watch


DOORS = ("generate", "config", "model")  # words whose commands a door brings
THREADS = 4  # plain queries of a step at once

PlaybookArgument = Annotated[Path, typer.Argument(metavar="PLAYBOOK", help="the playbook, a YAML file")]
VarOption = Annotated[
    list[str], typer.Option("--var", metavar="NAME=VALUE", help="set a variable of the playbook; may be given again")
]
TargetOption = Annotated[
    str | None, typer.Option("--target", metavar="URL", help="another warehouse than the playbook's")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines instead of text")]
ModelOption = Annotated[list[str], typer.Option("--model", metavar="TABLE", help="only this model; may be given again")]


@cache
def _command(name: str | None) -> Any:
    """The command line with one command, or all for help: to build them all takes longer than a small run."""
    app = typer.Typer(
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Keeps SQL models up to date over an event stream that grows in batches.",
    )
    app.callback(invoke_without_command=True)(root)
    commands = (run, plan, rewind, status, history, verify, check, render, unlock, init, migrate)
    own = {command.__name__: command for command in commands}
    everything = name not in own and name not in DOORS
    for word, command in own.items():
        if everything or word == name:
            app.command()(command)
    if everything or name == "generate":
        from runner.doors.products import flags as products

        products.add_to(app)
    if everything or name in ("config", "model"):
        from runner.doors.semantic.commands import flags as semantic

        semantic.add_to(app)
    return typer.main.get_command(app)


def main(
    args: list[str] | None = None,
    watch: Watch | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    clock: Clock | None = None,
) -> int:
    """Run one command line and give its exit code; never raises, never shows a traceback."""
    words = sys.argv[1:] if args is None else args
    process = Process(out or sys.stdout, err or sys.stderr, os.environ, watch, words=list(words), clock=clock)
    named = next((word for word in words if not word.startswith("-")), None)
    return ended(process, lambda: _command(named)(words, standalone_mode=False, obj=process, prog_name="runner"))


# -- loading ---------------------------------------------------------------------------------------------------------


def _process(ctx: typer.Context) -> Process:
    process: Process = ctx.obj
    return process


def _variables(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadInput(Problem(Place(), f"--var {pair}: not NAME=VALUE", "runner run PLAYBOOK --var heartbeat_s=5"))
        found[name] = value
    return found


def _playbook(process: Process, path: Path, var: list[str], target: str | None) -> Playbook:
    from runner.cli.wording import commands_of
    from runner.playbook.load import load

    process.commands = commands_of(path)
    if not os.path.lexists(path):
        raise BadInput(Problem(Place(), f"{path}: no such file", "runner init DIR makes a project to start from"))
    loaded = load(path.absolute(), process.env, _variables(var), target or None)
    variables = [(variable.name, value) for variable in loaded.variables for value in variable.values]
    process.secrets = process.secrets.of_target(loaded.target.url).of_variables(variables)
    return loaded


def _old(process: Process, path: Path, **flags: Any) -> RunnerFlags | None:
    """The flags for a playbook of SQL Runner; None for one of ours."""
    from runner.errors import Problems
    from runner.playbook.load import given_target, is_sqlrunner_file

    if not is_sqlrunner_file(path):
        return None
    from runner.doors.sqlrunner.cli import RunnerFlags

    var, target, problems = flags.pop("var"), flags.pop("target", None), Problems()
    aim = given_target(target, process.env, problems) if target else None
    problems.finish()
    if aim:
        process.secrets = process.secrets.of_target(aim.url)
    return RunnerFlags(path, _variables(var), aim, **flags)


def _tables(program: Program, names: list[str]) -> tuple[TableName, ...]:
    """`derived.sessions`, or `sessions` where that is clear."""
    found = []
    for name in names:
        hits = [m.table for m in program.models if name.lower() in (str(m.table).lower(), m.table.table.lower())]
        if len(hits) != 1:
            known = [str(m.table) for m in program.models]
            hint = did_you_mean(name, known, f"its models are {', '.join(known)}", cutoff=0.4)
            raise BadInput(Problem(Place(program.playbook.path), f"no model is called {name}", hint))
        found.append(hits[0])
    return tuple(found)


# -- commands ----------------------------------------------------------------------------------------------------------


def root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="show the version")] = False,
) -> None:
    process = _process(ctx)
    if version:
        process.out.write(f"runner {__version__}\n")
    elif ctx.invoked_subcommand is None:
        process.out.write(ctx.get_help() + "\n")


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
    retract: Annotated[bool, typer.Option("--retract", help="let vanished batches leave the models")] = False,
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
        str | None, typer.Option(metavar="ID", help="name this run; a finished run of that name is not repeated")
    ] = None,
    from_step: Annotated[str | None, typer.Option(metavar="S", help="start at this step (plain scripts only)")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what a run would do, and do nothing")] = False,
) -> None:
    """Bring all models up to date; nothing pending is success."""
    from runner.events import Started
    from runner.increment.run import run as run_program
    from runner.increment.work import Request
    from runner.state.lease import LeaseTerms

    process = _process(ctx)
    flags = {"from_step": from_step or "", "dry_run": dry_run, "threads": threads, "json": json}
    if old := _old(process, playbook, var=var, target=target, **flags):
        _only_for_models(until, chunk, model, full_refresh, retract, adopt, wait, run_id)
        return _run_old(process, old)
    if dry_run:
        return plan(ctx, playbook, var, until, model, full_refresh, target, json)
    loaded = _playbook(process, playbook, var, target)
    program = process.program(loaded)
    if from_step and loaded.sources:
        raise BadInput(
            Problem(
                Place(loaded.path),
                "--from-step is for playbooks without a source",
                "a run over a source always starts at its first step; that is safe",
            )
        )
    request = Request(
        run_id=_checked_run_id(run_id) or session.new_run_id(),
        started=session.now_utc(),
        until=session.tstamp(until, "--until"),
        chunk=chunk,
        models=_tables(program, model),
        full_refresh=full_refresh,
        retract=retract,
        adopt=_tables(program, adopt),
        threads=threads or THREADS,
        from_step=from_step,
        patience_s=process.patience_s,
        lease=LeaseTerms(process.lease_s, wait),
    )
    emit = process.emitting(process.report(json))
    emit(Started(loaded.name, f"{program.engine} {loaded.target.shown}", request.run_id))
    with process.warehouse(loaded, request.run_id, wait_s=wait, patience_s=request.patience_s) as warehouse:
        run_program(program, warehouse, request, process.clock, emit)


def _run_old(process: Process, given: RunnerFlags) -> None:
    """SQL Runner's exit codes come with its playbooks."""
    from runner.doors.sqlrunner.cli import run as run_old

    process.code = run_old(given, process)


def _only_for_models(*flags: object) -> None:
    """Flags that an SQL Runner playbook has nothing for."""
    names = ("--until", "--chunk", "--model", "--full-refresh", "--retract", "--adopt", "--wait", "--run-id")
    given = [name for name, value in zip(names, flags, strict=True) if value]
    if given:
        what = f"{', '.join(given)}: an SQL Runner playbook has no models and no manifest"
        raise BadInput(Problem(Place(), what, "runner migrate PLAYBOOK makes a native one"))


def _checked_run_id(run_id: str | None) -> str | None:
    import re

    if run_id is not None and not re.fullmatch(r"[A-Za-z0-9_.:+-]{1,80}", run_id):
        raise BadInput(
            Problem(Place(), f"--run-id {run_id[:90]}: not 1 to 80 letters, digits or _ . : + -", "--run-id 2024-03-01")
        )
    return run_id


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
    from runner.commands.plan import plan as make_plan

    process = _process(ctx)
    if old := _old(process, playbook, var=var, target=target, dry_run=True, json=json):
        return _run_old(process, old)
    loaded = _playbook(process, playbook, var, target)
    program = process.program(loaded)
    moment = session.tstamp(until, "--until")
    with process.warehouse(loaded, "plan", read_only=True) as warehouse:
        make_plan(program, warehouse, moment, _tables(program, model), full_refresh, process.report(json))


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
    from runner.commands.rewind import Range
    from runner.commands.rewind import rewind as do_rewind

    process = _process(ctx)
    loaded = _playbook(process, playbook, var, target)
    program = process.program(loaded)
    wanted = Range(str(session.tstamp(since, "--since")), session.tstamp(until, "--until"), by)
    with process.warehouse(loaded, "rewind") as warehouse:
        do_rewind(program, warehouse, wanted, _tables(program, model), dry_run, process.report(json))


def status(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    var: VarOption = [],
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Manifest, pending batches, lag, lock and keys still owed."""
    from runner.commands.status import status as show

    process = _process(ctx)
    loaded = _playbook(process, playbook, var, target)
    program = process.program(loaded)
    with process.warehouse(loaded, "status", read_only=True) as warehouse:
        show(program, warehouse, process.report(json))


def history(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    limit: Annotated[int, typer.Option(min=1, max=10000, metavar="N", help="so many runs")] = 20,
    target: TargetOption = None,
    var: VarOption = [],
    json: JsonOption = False,
) -> None:
    """The runs, newest first, with what they did and how long it took."""
    from runner.commands.status import history as show

    process = _process(ctx)
    loaded = _playbook(process, playbook, var, target)
    with process.warehouse(loaded, "history", read_only=True) as warehouse:
        show(loaded, warehouse, limit, process.report(json))


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
    from runner.commands.verify import verify as do_verify

    process = _process(ctx)
    loaded = _playbook(process, playbook, var, target)
    program = process.program(loaded)
    with process.warehouse(loaded, "verify") as warehouse:
        do_verify(
            program,
            warehouse,
            _tables(program, model),
            sample,
            session.new_run_id(),
            process.clock,
            process.report(json),
        )


def check(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    live: Annotated[bool, typer.Option("--live", help="also against the warehouse's catalogue")] = False,
    var: VarOption = [],
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """All that can be known without connecting; with --live also what needs the catalogue."""
    process = _process(ctx)
    if old := _old(process, playbook, var=var, target=target, dry_run=live, json=json):
        from runner.doors.sqlrunner.cli import check as check_old

        said = check_old(old, process)
        return _run_old(process, old) if live else process.report(json).line(said)
    loaded = _playbook(process, playbook, var, target)
    program = process.program(loaded)
    if live:
        from runner.commands.status import check_live

        with process.warehouse(loaded, "check", read_only=True) as warehouse:
            check_live(program, warehouse)
    models, queries = len(program.models), len(program.queries)
    process.report(json).line(
        f"{playbook}: fine ({models} models, {queries} plain queries{', checked against the warehouse' if live else ''})"
    )


def render(ctx: typer.Context, playbook: PlaybookArgument, var: VarOption = [], target: TargetOption = None) -> None:
    """The SQL that would run, with variables filled in."""
    from runner.commands.status import rendered

    process = _process(ctx)
    if old := _old(process, playbook, var=var, target=target):
        from runner.doors.sqlrunner.cli import render as render_old

        process.out.write(render_old(old, process))
        return
    loaded = _playbook(process, playbook, var, target)
    process.out.write(rendered(process.program(loaded)))


def unlock(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    var: VarOption = [],
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Break a lease that a dead run left; a run that is still alive will not be able to publish."""
    from runner.commands.status import unlock as do_unlock

    process = _process(ctx)
    loaded = _playbook(process, playbook, var, target)
    with process.warehouse(loaded, "unlock") as warehouse:
        do_unlock(loaded, warehouse, process.report(json))


def init(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="a folder that is not there yet, or empty")],
) -> None:
    """A new project: playbook, SQL and sample events, ready to run."""
    from runner.commands.init import make

    for line in make(directory):
        _process(ctx).out.write(line + "\n")


def migrate(
    ctx: typer.Context,
    playbook: PlaybookArgument,
    var: VarOption = [],
) -> None:
    """Make a native playbook of one of SQL Runner, beside it, that sends the same SQL."""
    from runner.doors.sqlrunner.cli import migrate as do_migrate

    process = _process(ctx)
    old = _old(process, playbook, var=var)
    if old is None:
        what = "no such file" if not playbook.exists() else "not a playbook of SQL Runner"
        raise BadInput(Problem(Place(playbook), what, "it has targets: and steps:, with or without colons before them"))
    process.code = do_migrate(old, process)


def entry() -> None:
    """The console script."""
    leave(main())
