"""What can go wrong, as a user is told of it: where, what, and the next command; each kind with its exit code.

Exit codes are DESIGN-level contract and the same for every command (see README, "Exit codes"). While something is read
its problems are collected in `Problems`, so that a user gets all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import NoReturn

from runner.actions import Commands, Hint, plain, worded
from runner.names import TableName
from runner.secrets import Secrets

MAX_PROBLEMS = 100
_QUOTED = re.compile(r"'.*'|\".*\"", re.DOTALL)


class Exit(IntEnum):
    """Exit codes of the command line. 0, 3, 5, 6 and 8 mean what SQL Runner's operators know."""

    DONE = 0
    USAGE = 2
    LOCKED = 3
    CONNECT = 5
    FAILED = 6
    NO_STEPS = 8
    DIFFERENT = 9
    UNKNOWN = 10


class Publication(StrEnum):
    """What readers see of a run that ended with an error; the values are those of `--json`."""

    NOTHING = "nothing"
    PARTS = "parts"
    """What `--chunk` had published before, and nothing after it."""
    DATA = "data"
    """All of it; what comes after the publish is not done."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, order=True)
class Place:
    """A place in a file that the user wrote; line and column count from 1, 0 means "the whole file"."""

    path: Path | None = None
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if self.path is None:
            return ""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


@dataclass(frozen=True, order=True)
class Problem:
    """One thing the user has to mend: *where: what*, then a hint with what to write or run instead."""

    place: Place
    what: str
    hint: str = ""
    code: str = field(default="", compare=False)  # of the rule that found it: a front door's, or a reader's own

    def __str__(self) -> str:
        where = str(self.place)
        text = f"{where}: {self.what}" if where else self.what
        return f"{text}\n  hint: {self.hint}" if self.hint else text


def _reading_order(problem: Problem) -> tuple[str, int, int, str]:
    place = problem.place
    return str(place.path or ""), place.line, place.column, problem.what


class RunnerError(Exception):
    """Base of all errors that are meant for a user: a line that says what, and a hint that says what to do next.

    `hint`: a text, or what to do next as a value, which each front door words in its own commands.
    `published`: what readers see of the run that it ended; None where it is about no run.
    """

    exit_code: Exit = Exit.FAILED
    published: Publication | None = None
    parts: int = 0  # of --chunk, that are published

    def __init__(self, what: str, hint: Hint = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def mask(self, secrets: Secrets) -> None:
        """Take secrets out of its texts."""
        self.what = secrets.masked(self.what)
        self.args = (self.what,)
        if isinstance(self.hint, str):
            self.hint = secrets.masked(self.hint)

    @property
    def message(self) -> str:
        """What went wrong, and what is published."""
        if self.published is None:
            return self.what
        joint = "\n" if "\n" in self.what else "; "
        return f"{self.what}{joint}{_published(self.published, self.parts)}"

    def __str__(self) -> str:
        return self.worded(plain)

    def worded(self, commands: Commands) -> str:
        """All of it, with what to do next in a door's commands."""
        return f"{self.message}\n  hint: {worded(self.hint, commands)}" if self.hint else self.message


def _published(published: Publication, parts: int) -> str:
    """What readers see, in words."""
    match published:
        case Publication.NOTHING:
            return "nothing was published"
        case Publication.PARTS:
            return f"{parts} {'part' if parts == 1 else 'parts'} of this run {'is' if parts == 1 else 'are'} published, and nothing after"
        case Publication.DATA:
            return "the data is published"
        case Publication.UNKNOWN:
            return "whether it is published is unknown"


class BadInput(RunnerError):
    """The playbook, its SQL or the command line is wrong; carries *all* problems found, nothing has run (exit 2)."""

    exit_code = Exit.USAGE

    def __init__(self, problems: list[Problem] | tuple[Problem, ...] | Problem) -> None:
        found = (problems,) if isinstance(problems, Problem) else tuple(sorted(set(problems), key=_reading_order))
        self.problems: tuple[Problem, ...] = found
        super().__init__("\n".join(map(str, found)))

    def mask(self, secrets: Secrets) -> None:
        """Take secrets out of its texts."""
        super().mask(secrets)
        self.problems = tuple(
            replace(one, what=secrets.masked(one.what), hint=secrets.masked(one.hint)) for one in self.problems
        )


class Problems:
    """The problems found so far; what came from the environment is masked in them, and no foreign file is quoted."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.foreign: set[Path] = set()  # files without a key of their format: they may be of passwords
        self.secrets = Secrets()  # whatever came from the environment: messages show what the file says

    def add(self, place: Place, what: str, hint: str = "", code: str = "") -> None:
        if len(self.found) >= MAX_PROBLEMS:
            raise BadInput([*self.found, Problem(place, "and more", f"mend these {MAX_PROBLEMS} first")])
        if place.path in self.foreign:
            what, hint = _unquoted(what), _unquoted(hint)
        self.found.append(Problem(place, self.secrets.masked(what), self.secrets.masked(hint), code))

    def stop(self, place: Place, what: str, hint: str = "", code: str = "") -> NoReturn:
        """Add a problem that nothing can be read behind."""
        self.add(place, what, hint, code)
        raise BadInput(self.found)

    def finish(self) -> None:
        if self.found:
            raise BadInput(self.found)


class NoSteps(RunnerError):
    """A playbook without steps or models (exit 8)."""

    exit_code = Exit.NO_STEPS


class Locked(RunnerError):
    """Another run holds the lease, or published first: this one did nothing (exit 3)."""

    exit_code = Exit.LOCKED


class Fenced(Locked):
    """The playbook's version moved while this run worked: its work is out of date and was not published."""


class CannotConnect(RunnerError):
    """The warehouse cannot be reached, or the connection was lost (exit 5).

    `passing`: it may be over in a moment (the server starts, is full, the network stutters).
    """

    exit_code = Exit.CONNECT

    def __init__(self, what: str, hint: Hint = "", *, passing: bool = False) -> None:
        super().__init__(what, hint)
        self.passing = passing


class Stopped(RunnerError):
    """The run refuses to go on without the user's word (exit 6)."""


class Damaged(Stopped):
    """Tables of the runner's own are gone, empty or of another day (exit 6): nothing is built on them."""


class Disturbed(Stopped):
    """A publish deleted or inserted other rows of a table than were staged (exit 6); `table` as the playbook names it."""

    def __init__(self, table: TableName, what: str, hint: Hint = "") -> None:
        super().__init__(f"{table}: {what}", hint)
        self.table = table


@dataclass(frozen=True)
class Failure:
    """Where in a run a statement failed: its label in the log, the file and line it came from, if any."""

    label: str
    place: Place = field(default_factory=Place)


class StatementFailed(RunnerError):
    """The warehouse refused a statement, or it timed out (exit 6)."""

    def __init__(self, what: str, hint: Hint = "", failure: Failure | None = None) -> None:
        super().__init__(what, hint)
        self.failure = failure or Failure("")


class VerifyFound(RunnerError):
    """`verify` found rows that differ from a full recompute (exit 9)."""

    exit_code = Exit.DIFFERENT


class OutcomeUnknown(RunnerError):
    """The connection was lost during COMMIT and the warehouse stayed away: look for the run id (exit 10)."""

    exit_code = Exit.UNKNOWN
    published = Publication.UNKNOWN


def show(text: str) -> str:
    """A value for a message: in quotes, shortened, with control and other invisible characters escaped."""
    short = text if len(text) <= 60 else text[:59] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short) + "'"


def _unquoted(message: str) -> str:
    """A message without what it quotes."""
    return _QUOTED.sub(lambda found: f"{found[0][0]}…{found[0][0]}", message)


def did_you_mean(word: str, known: Iterable[str], otherwise: str | None = None, *, cutoff: float = 0.6) -> str:
    """A hint with the closest known word; where none is as close as `cutoff`, `otherwise`, or all of them."""
    from difflib import get_close_matches  # only when there is an error: its import takes a while

    words = sorted(set(known))
    if close := get_close_matches(word, words, n=1, cutoff=cutoff):
        return f"did you mean {close[0]}?"
    if otherwise is not None:
        return otherwise
    return f"known: {', '.join(words)}" if words else ""
