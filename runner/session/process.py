"""A command and its process: streams, environment, signals, exit codes; shared by the command lines.

Whatever a command does, it ends here: with an exit code and a line for the user, never with a traceback, never with a
secret in it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from runner.actions import Commands, History, plain
from runner.errors import Exit, RunnerError
from runner.secrets import masking
from runner.session.session import Session

if TYPE_CHECKING:
    from runner.clock import Clock
    from runner.events import Emit, Event
    from runner.report import Report
    from runner.warehouse.values import Watch


STOP_S = 4.5  # after a signal: who sends one waits only so long before it kills


class Stop(BaseException):
    """SIGTERM, SIGINT or SIGHUP. Not a KeyboardInterrupt: the command line library would make an exit of its own of that."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Process(Session):
    """A session with what a process, or a test, gives it besides: streams, words, and an exit code to set."""

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        env: Mapping[str, str],
        watch: Watch | None = None,
        *,
        words: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        super().__init__(env, watch, words=words, clock=clock)
        self.words, self.code = words, int(Exit.DONE)
        self.published: str | None = None  # the run that this command has published, once it has
        self.in_doubt: str | None = None  # the run whose publish was cut off, and nobody could tell how it ended
        self.stopped: str | None = None  # what a signal leaves behind, where it is no run that publishes
        self.help = "runner --help"  # what to type after a mistake in a command line
        self.commands: Commands = plain  # how what to do next is worded
        self.at_exit: list[Callable[[], None]] = []  # also if the process has to be given up

        def masked(text: str) -> str:
            return self.secrets.masked(text)

        self.out, self.err = masking(out, masked), masking(err, masked)

    def say(self, text: str) -> None:
        """Tell why nothing happens for a while, or less quickly than it could."""
        self.err.write(f"{text}\n")

    def left_behind(self) -> str:
        """What a signal leaves in the warehouse."""
        if self.in_doubt:
            return f"whether run {self.in_doubt} is published is unknown: {self.commands(History())}"
        if self.published:
            return (
                f"run {self.published} is published; the next run repeats its `after` queries if they had not finished"
            )
        return self.stopped or "rolled back, nothing was published"

    def emitting(self, report: Report) -> Emit:
        """Hand events to the report, and remember what was published."""
        from runner.events import InDoubt, Published

        def emit(event: Event) -> None:
            if isinstance(event, Published):
                self.published = event.run_id
            elif isinstance(event, InDoubt):
                self.in_doubt = event.run_id
            with suppress(BrokenPipeError):  # nobody reads any more: no reason to stop halfway
                report.emit(event)

        return emit

    def report(self, json: bool) -> Report:
        """Where events, lines and errors of the command go."""
        from runner.report import JsonReport, TextReport

        return JsonReport(self.out, self.commands) if json else TextReport(self.out, self.err, self.commands)


def ended(process: Process, command: Callable[[], object]) -> int:
    """Run a command and give its exit code; never raises, never shows a traceback."""
    with _signals(process):
        try:
            process.watch = process.watch or _fault(process.env)
            result = command()
            return int(process.code or (result if isinstance(result, int) else 0))
        except RunnerError as error:
            process.report("--json" in process.words).error(error, int(error.exit_code))
            return int(error.exit_code)
        except Stop as stop:
            process.err.write(f"stopped by {signal.Signals(stop.number).name}; {process.left_behind()}\n")
            return 128 + stop.number
        except KeyboardInterrupt:
            process.err.write(f"interrupted; {process.left_behind()}\n")
            return 130
        except BrokenPipeError:
            return 0
        except Exception as error:
            return _other(error, process)
        finally:
            _leave(process)


def _leave(process: Process) -> None:
    while process.at_exit:
        with suppress(Exception):
            process.at_exit.pop()()


def _fault(env: Mapping[str, str]) -> Watch | None:
    """What tests of real processes ask for."""
    if env.get("RUNNER_TESTING") != "1":
        return None
    from runner.session.faults import from_environment

    return from_environment(env)


def _other(error: Exception, process: Process) -> int:
    """Usage errors of the command line library, and what should not happen: a line, not a traceback."""
    shown = getattr(error, "format_message", None)
    if callable(shown):
        process.err.write(f"{shown()}\n  hint: {process.help}\n")
        return int(Exit.USAGE)
    if type(error).__name__ in ("Exit", "Abort"):
        return int(getattr(error, "exit_code", Exit.USAGE))
    if process.env.get("RUNNER_TRACEBACK"):
        import traceback

        process.err.write("".join(traceback.format_exception(error)))
        return int(Exit.FAILED)
    process.err.write(
        f"internal error: {type(error).__name__}: {error}\n  hint: set RUNNER_TRACEBACK=1 to see where, and report it\n"
    )
    return int(Exit.FAILED)


@contextmanager
def _signals(process: Process) -> Iterator[None]:
    """The first SIGTERM, SIGINT or SIGHUP raises Stop; those after it are heard no more, and what does not end is ended."""
    guards: list[threading.Timer] = []

    def stop(number: int, _frame: object) -> None:
        if guards:
            return
        guards.append(threading.Timer(STOP_S, _give_up, (number, process)))
        guards[0].daemon = True
        guards[0].start()
        raise Stop(number)

    heard = [signal.SIGTERM, signal.SIGINT]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asks not to
        heard.append(signal.SIGHUP)
    try:
        before = {number: signal.signal(number, stop) for number in heard}
    except ValueError:  # not the main thread: a test, or embedded
        yield
        return
    try:
        yield
    finally:
        for guard in guards:
            guard.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _give_up(number: int, process: Process) -> None:
    """The warehouse did not let go in time: leave as a crash would, which is safe at any point."""
    known = process.published or process.in_doubt or process.stopped
    said = process.left_behind() if known else "the next run starts again from its first step"
    with suppress(Exception):
        process.err.write(f"stopped by {signal.Signals(number).name}, without an answer from the warehouse; {said}\n")
        process.err.flush()
    _leave(process)
    os._exit(128 + number)


def leave(code: int) -> None:
    """Leave without the interpreter's tear-down: a DuckDB import costs 40 ms of it, and nothing is left to do."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
