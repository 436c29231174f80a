"""SQL Runner's playbooks through `runner run`, `plan`, `check` and `render`, and `runner migrate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.doors.sqlrunner.cli import context_of, outside, sql_root, threads
from runner.doors.sqlrunner.flags import Options
from runner.errors import BadInput, Exit, Place, Problem, Problems
from runner.session import session
from runner.session.process import Process

if TYPE_CHECKING:
    from runner.doors.sqlrunner.files.playbook import OldPlaybook
    from runner.doors.sqlrunner.files.queries import ReadyStep
    from runner.doors.sqlrunner.log import Log
    from runner.warehouse.target import Target

ONLY_FOR_MODELS = ("--until", "--chunk", "--model", "--full-refresh", "--retract", "--adopt", "--wait", "--run-id")


@dataclass(frozen=True)
class RunnerFlags:
    """The flags of `runner` that such a playbook knows."""

    playbook: Path
    variables: Mapping[str, str]
    target: Target | None = None
    from_step: str = ""
    dry_run: bool = False
    threads: int | None = None
    json: bool = False

    @property
    def options(self) -> Options:
        """The same as SQL Runner's flags."""
        return Options(
            playbook=str(self.playbook),
            variables=self.variables,
            from_step=self.from_step,
            dry_run=self.dry_run,
            threads=self.threads or threads(),
        )


def flags_of(
    process: Process,
    playbook: Path,
    var: Iterable[str],
    target: str | None = None,
    *,
    json: bool = False,
    dry_run: bool = False,
    from_step: str | None = None,
    threads: int | None = None,
) -> RunnerFlags:
    """The flags as they were typed; a password in the target is hidden from now on. Raises BadInput."""
    from runner.playbook.load import given_target

    variables, problems = session.variables(var), Problems()
    elsewhere = given_target(target, process.env, problems) if target else None
    problems.finish()
    if target and elsewhere:
        process.hide_target(elsewhere, target)
    return RunnerFlags(playbook, variables, elsewhere, from_step or "", dry_run, threads, json)


def only_for_models(*values: object) -> None:
    """Raises BadInput for flags of `runner run` that such a playbook has nothing for."""
    typed = [name for name, value in zip(ONLY_FOR_MODELS, values, strict=True) if value]
    if typed:
        what = f"{', '.join(typed)}: an SQL Runner playbook has no models and no manifest"
        raise BadInput(Problem(Place(), what, "runner migrate PLAYBOOK makes a native one"))


def run(flags: RunnerFlags, process: Process) -> None:
    """`runner run OLD`: SQL Runner's semantics and exit codes, the runner's own lines."""
    from runner.doors.sqlrunner import command
    from runner.doors.sqlrunner.log import JsonLog, LineLog

    log: Log = JsonLog(process.out) if flags.json else LineLog(process.out, process.err, dry=flags.dry_run)
    log.message(f"{flags.playbook.stem} (SQL Runner playbook)")
    context = context_of(process, log)
    process.code = command.run(flags.options, sql_root(flags.options), flags.target, context)


def check(flags: RunnerFlags, process: Process) -> None:
    """`runner check OLD`: everything that can be known without connecting; --live is a dry run. Raises BadInput."""
    from runner.doors.sqlrunner.targets import errors_of

    playbook, steps = _ready(flags, process)
    problems = [Problem(target.place, error) for target in playbook.targets for error in errors_of(target)]
    if problems and not flags.target:
        raise BadInput(problems)
    if flags.dry_run:
        run(flags, process)
        return
    queries = sum(len(step.queries) for step in steps)
    said = f"{flags.playbook}: fine ({len(playbook.targets)} targets, {len(steps)} steps, {queries} queries)"
    process.report(flags.json).line(said)


def render(flags: RunnerFlags, process: Process) -> None:
    """`runner render OLD`: the SQL that would be sent. Raises BadInput."""
    _, steps = _ready(flags, process)
    texts = [f"-- {step.name} / {query.name}: {query.path}\n{query.text}" for step in steps for query in step.queries]
    process.out.write("\n".join(text.rstrip("\n") + "\n" for text in texts))


def _ready(flags: RunnerFlags, process: Process) -> tuple[OldPlaybook, tuple[ReadyStep, ...]]:
    from runner.doors.sqlrunner import command
    from runner.doors.sqlrunner.files.queries import Unready

    playbook = command.load(flags.options, outside(process))
    try:
        return playbook, command.ready(flags.options, playbook, sql_root(flags.options), outside(process))
    except Unready as unready:
        raise BadInput([Problem(Place(), error) for error in unready.errors]) from None


def add_to(app: typer.Typer) -> None:
    """Put the command into the command line."""
    app.command()(migrate)


def migrate(
    ctx: typer.Context,
    playbook: Annotated[Path, typer.Argument(metavar="PLAYBOOK", help="the playbook, a YAML file")],
    var: Annotated[
        list[str],
        typer.Option("--var", metavar="NAME=VALUE", help="set a variable of the playbook; may be given again"),
    ] = [],
) -> None:
    """Make a native playbook of one of SQL Runner, beside it, that sends the same SQL."""
    from runner.doors.sqlrunner.migrate.migrate import migrate as write
    from runner.playbook.load import is_sqlrunner_file

    process: Process = ctx.obj
    if not is_sqlrunner_file(playbook):
        what = "not a playbook of SQL Runner" if playbook.exists() else "no such file"
        raise BadInput(Problem(Place(playbook), what, "it has targets: and steps:, with or without colons before them"))
    flags = flags_of(process, playbook, var)
    done = write(playbook, sql_root(flags.options), flags.variables, outside(process))
    process.out.write(f"wrote {done.playbook} and {len(done.files)} SQL files\n")
    for note in done.notes:
        process.out.write(f"note: {note}\n")
    if done.undone:
        for problem in done.undone:
            process.err.write(f"{problem}\n")
        mend = f"mend these by hand; `runner check {done.playbook}` refuses what is not translated"
        process.err.write(f"  hint: {mend}\n")
        process.code = Exit.FAILED
        return
    process.out.write(f"every file renders to the same SQL\nnext: runner check {done.playbook}\n")
