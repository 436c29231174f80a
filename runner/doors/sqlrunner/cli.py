"""The console script `sql-runner`: SQL Runner's flags, lines and exit codes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from runner import __version__
from runner.doors.sqlrunner import flags
from runner.doors.sqlrunner.flags import BadFlag, HelpAsked, Options
from runner.secrets import SHOWN, Secrets, looks_secret
from runner.session.process import Process, ended, leave

if TYPE_CHECKING:
    from runner.doors.sqlrunner.command import Context
    from runner.doors.sqlrunner.files.functions import Outside
    from runner.doors.sqlrunner.log import Log
    from runner.warehouse.base import Warehouse
    from runner.warehouse.target import Target
    from runner.warehouse.values import Watch

THREADS_PER_CORE = 10  # as many connections as SQL Runner's driver keeps
STOPPED = "what had ended before is done, what ran was cancelled"


def main(
    args: list[str] | None = None, watch: Watch | None = None, out: TextIO | None = None, err: TextIO | None = None
) -> int:
    """Run one command line and give its exit code; never raises, never shows a traceback."""
    words = sys.argv[1:] if args is None else args
    process = Process(out or sys.stdout, err or sys.stderr, os.environ, watch, words=list(words))
    return ended(process, lambda: _command(words, process))


def entry() -> None:
    """The console script."""
    leave(main())


def _command(words: list[str], process: Process) -> int:
    process.secrets = process.secrets.also((value, SHOWN) for value in _given_secrets(words))
    try:
        options = flags.parse(words)
    except BadFlag as bad:
        process.err.write(f"{bad}\nUsage of Options:\n{flags.usage()}")
        return 2
    except HelpAsked:
        process.err.write(f"Usage of Options:\n{flags.usage()}")
        return 0
    if options.version or options.help or not words:
        process.out.write(f"sql-runner version: {__version__}\n")
        if not options.version:
            process.out.write(f"{flags.DESCRIPTION}\nUsage:\n{flags.usage()}")
        return 0
    return _asked(options, process)


def _asked(options: Options, process: Process) -> int:
    from runner.doors.sqlrunner import command
    from runner.doors.sqlrunner.log import GoLog, JsonLog

    log: Log = JsonLog(process.out) if options.json else GoLog(process.out, process.err, _now)
    if options.consul or options.consul_only_for_lock:
        process.err.write("consul is not supported: name a playbook file with -playbook, and a lock file with -lock\n")
        return 2
    if options.check_lock:
        return command.check_lock(options.check_lock, log)
    if options.delete_lock:
        return command.delete_lock(options.delete_lock, log)
    if not options.playbook:
        process.out.write("required flag not defined: -playbook\n")
        return 2
    if options.sqlroot == flags.PLAYBOOK_CHILD:
        process.out.write(
            f"Error resolving -sqlroot: {options.sqlroot}\nCannot use {options.sqlroot} option without -consul argument\n"
        )
        return 2
    options = replace(options, threads=options.threads or threads())
    return command.run(options, sql_root(options), None, context_of(process, log))


def sql_root(options: Options) -> str:
    """The folder that files of queries are found in."""
    if options.sqlroot == flags.PLAYBOOK:
        return str(Path(options.playbook).absolute().parent)
    if options.sqlroot == flags.BINARY:
        return str(Path(sys.argv[0]).resolve().parent)
    return options.sqlroot


def outside(process: Process) -> Outside:
    """What templates may reach: the clock, the environment, random numbers; secrets that they make are masked."""
    from random import SystemRandom

    from runner.doors.sqlrunner.files.functions import Outside

    def secret(value: str) -> None:
        process.secrets = process.secrets.also([(value, SHOWN)])

    def hide(found: Secrets, public: Collection[str]) -> None:
        process.publish(public)
        process.secrets = process.secrets.joined(found)

    return Outside(_now, process.env, lambda: SystemRandom().getrandbits(63), secret, hide)


def context_of(process: Process, log: Log) -> Context:
    """What a run needs of its process."""
    from socket import gethostname

    from runner.doors.sqlrunner.command import Context

    def open_session(target: Target, session: str, timeout_s: float) -> Warehouse:
        from runner.warehouse import connect

        return connect(target, session, plain=True, timeout_s=timeout_s, watch=process.watch, secrets=process.secrets)

    process.stopped = STOPPED
    owner = f"sql-runner pid {os.getpid()} on {gethostname()}"
    return Context(log, outside(process), process.clock, open_session, owner, process.at_exit.append)


def threads() -> int:
    """How many queries of a target run at once, unless the command line says otherwise."""
    return THREADS_PER_CORE * (os.cpu_count() or 1)


def _given_secrets(words: list[str]) -> list[str]:
    """Values of variables on the command line whose names say that they are secret."""
    lists = [re.sub(r"^--?var=", "", word) for word in words]
    pairs = [pair.partition("=") for text in lists for pair in text.split(",")]
    return [value for name, _, value in pairs if looks_secret(name)]


def _now() -> datetime:
    return datetime.now().astimezone()
