"""The command line: the only place that prints, exits, and reaches for the clock, the environment and signals.

Everything heavy is imported inside the commands, so that `runner --help` loads no driver, no SQLAlchemy, no sqlglot.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from runner import __version__
from runner.cli import commands
from runner.session.process import Process, ended, leave

if TYPE_CHECKING:
    from runner.clock import Clock
    from runner.warehouse.values import Watch

DOORS = ("migrate", "generate", "config", "model")  # words whose commands a door brings


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


def entry() -> None:
    """The console script."""
    leave(main())


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
    own = {command.__name__: command for command in commands.COMMANDS}
    everything = name not in own and name not in DOORS
    for word, command in own.items():
        if everything or word == name:
            app.command()(command)
    if everything or name == "migrate":
        from runner.doors.sqlrunner import dispatch as sqlrunner

        sqlrunner.add_to(app)
    if everything or name == "generate":
        from runner.doors.products import flags as products

        products.add_to(app)
    if everything or name in ("config", "model"):
        from runner.doors.semantic.commands import flags as semantic

        semantic.add_to(app)
    return typer.main.get_command(app)


def root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="show the version")] = False,
) -> None:
    process: Process = ctx.obj
    if version:
        process.out.write(f"runner {__version__}\n")
    elif ctx.invoked_subcommand is None:
        process.out.write(ctx.get_help() + "\n")
