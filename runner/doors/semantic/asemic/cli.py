"""The console script `asemic-cli`: what a user of the vendor's tool types, done by the commands of `runner`.

`config` and `model` are the groups that `runner` has; what needs the vendor's server says what to do instead.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from runner import __version__
from runner.doors.semantic.asemic import user_entity
from runner.doors.semantic.asemic.project import VersionOption, named_folder, refuse_version
from runner.doors.semantic.commands import flags
from runner.errors import BadInput, Place, Problem
from runner.session.process import Process, ended, leave

if TYPE_CHECKING:
    from runner.warehouse.values import Watch

# What pages of the vendor's call the generators to this day, in the words of its tool.
OLDER = {
    "action": ["event"],
    "activity-action": ["event", "--skip-registrations-tag"],
    "first-appearance-action": ["event", "--skip-activity-tag"],
    "payment-transaction-action": ["payment-transaction-event"],
}


def main(
    args: list[str] | None = None, watch: Watch | None = None, out: TextIO | None = None, err: TextIO | None = None
) -> int:
    """Run one command line and give its exit code; never raises, never shows a traceback."""
    words = sys.argv[1:] if args is None else args
    process = Process(out or sys.stdout, err or sys.stderr, os.environ, watch, words=list(words))
    process.help = "asemic-cli --help"
    return ended(process, lambda: _run(_modern(words), process))


def entry() -> None:
    """The console script."""
    leave(main())


def _modern(words: list[str]) -> list[str]:
    if words[:1] == ["user-entity-model"] and len(words) > 1:
        return [words[0], *OLDER.get(words[1], [words[1]]), *words[2:]]
    return words


def _run(words: list[str], process: Process) -> Any:
    command: Any = typer.main.get_command(_app())
    folder = {"folder": named_folder(process)}
    groups = {name: dict.fromkeys(command.commands[name].commands, folder) for name in ("config", "model")}
    return command(words, standalone_mode=False, obj=process, prog_name="asemic-cli", default_map=groups)


def _app() -> typer.Typer:
    app = typer.Typer(
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="The semantic layer in the words of Asemic's tool. The folder is ASEMIC_APP_ID_DIR, or where you are.",
    )
    app.callback(invoke_without_command=True)(root)
    config = typer.Typer(rich_markup_mode=None, help="The files of a semantic model.", no_args_is_help=True)
    for command in (flags.validate, push, pull, auth):
        config.command()(command)
    app.add_typer(config, name="config")
    app.add_typer(flags.model_group(), name="model")
    app.add_typer(user_entity.group(), name="user-entity-model")
    return app


def root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", "-V", help="show the version")] = False,
) -> None:
    process: Process = ctx.obj
    if version:
        process.out.write(f"asemic-cli (runner {__version__})\n")
    elif ctx.invoked_subcommand is None:
        process.out.write(ctx.get_help() + "\n")


def push(
    ctx: typer.Context,
    folder: flags.FolderArgument = flags.HERE,
    version: VersionOption = None,
    target: flags.TargetOption = None,
    prune: flags.PruneOption = False,
    json: flags.JsonOption = False,
) -> None:
    """The same as `runner model apply`: make the tables as the files say, and fill them."""
    refuse_version(version)
    flags.push(ctx, folder, target=target, prune=prune, json=json)


def pull(folder: flags.FolderArgument = flags.HERE, version: VersionOption = None) -> None:
    """There is no server to pull from; says what there is instead."""
    what = f"there is no server that keeps a configuration: it is the files in {_shown(folder)}; nothing was changed"
    hint = "keep them under version control; `asemic-cli model plan` says how they differ from what is applied"
    raise BadInput(Problem(Place(), what, hint))


def auth(folder: flags.FolderArgument = flags.HERE) -> None:
    """There is no server that keeps credentials; says what there is instead."""
    what = "there is no server that keeps credentials; nothing was asked and nothing stored"
    hint = (
        "the warehouse is target: in model_settings of config.yml, or RUNNER_TARGET, or --target, with a password from "
        "the environment: postgresql://me:${PGPASSWORD}@host/db; `asemic-cli config validate --live` tries it"
    )
    raise BadInput(Problem(Place(), what, hint))


def _shown(folder: Path) -> str:
    return "this folder" if folder == flags.HERE else str(folder)
