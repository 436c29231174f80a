"""What a user may do next, as values: each front door words them in its own commands when they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.names import TableName


@dataclass(frozen=True)
class Run:
    """Bring the models up to date."""


@dataclass(frozen=True)
class FullRefresh:
    """Build a model in full, and `also` others; None: one that the user is to name."""

    table: TableName | None
    also: tuple[TableName, ...] = ()


@dataclass(frozen=True)
class Renew:
    """Begin the state that an older runner wrote anew; `retract`: although rows may leave the models by it."""

    retract: bool = False


@dataclass(frozen=True)
class Adopt:
    """Let a model, and `also` others, have a table that is not ours, and replace what is in it."""

    table: TableName
    also: tuple[TableName, ...] = ()


@dataclass(frozen=True)
class Retract:
    """Let the rows of vanished batches leave the models."""


@dataclass(frozen=True)
class LetGo:
    """Let the events that are gone within batches leave the models."""


@dataclass(frozen=True)
class TakeLess:
    """Publish fewer batches at once."""


@dataclass(frozen=True)
class Wait:
    """Wait until another process lets go of the warehouse."""


@dataclass(frozen=True)
class Unlock:
    """Wait until another run gives its lease back, or break the lease of a dead one."""


@dataclass(frozen=True)
class Verify:
    """Compare what is stored with a full recompute."""


@dataclass(frozen=True)
class History:
    """Look whether a run is published."""


@dataclass(frozen=True)
class AllowCopies:
    """Say less of what tells the rows of a table apart: of a look-up, or of a model."""

    table: TableName
    is_lookup: bool = False


Action = Run | FullRefresh | Renew | Adopt | Retract | LetGo | TakeLess | Wait | Unlock | Verify | History | AllowCopies
Hint = str | Action | tuple[str | Action, ...]  # a text, something to do, or several ways out
Commands = Callable[[Action], str]  # how a front door words an action


def worded(hint: Hint, commands: Commands) -> str:
    """A hint as a door shows it."""
    ways = hint if isinstance(hint, tuple) else (hint,)
    return "; or ".join(way if isinstance(way, str) else commands(way) for way in ways)


def plain(action: Action) -> str:
    """An action in words, for where there is no command line."""
    match action:
        case Run():
            return "run it"
        case FullRefresh(table, also):
            return f"rebuild {', '.join(map(str, (table or 'the model', *also)))} in full"
        case Renew(retract):
            return f"begin it anew, which builds every model in full{', and retract' if retract else ''}"
        case Adopt(table, also):
            return f"adopt {', '.join(map(str, (table, *also)))}: what is in {'them' if also else 'it'} is replaced"
        case Retract():
            return "retract, if their rows should leave the models"
        case LetGo():
            return "look whether the source was loaded anew in part; retract, if it should have lost them"
        case TakeLess():
            return "take fewer batches at once"
        case Wait():
            return "wait until it has ended"
        case Unlock():
            return "wait until it has ended; if that run is surely dead, break its lease"
        case Verify():
            return "verify it"
        case History():
            return "the history of its runs shows it; running again is safe either way"
        case AllowCopies(table):
            return f"say less of what tells the rows of {table} apart"
