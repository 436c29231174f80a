"""What every kind of property says of itself: what it is made of, how far it looks, what it is on days without events.

The answers here are those of most kinds; a kind gives its own where it has another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from runner.doors.semantic.kinds.days import Laid, Level
from runner.doors.semantic.names import Names
from runner.doors.semantic.types import Aggregate, AtRest
from runner.errors import Place
from runner.names import TableName


class Known(Protocol):
    """The properties that there are, by name: a configuration without cycles."""

    def kind(self, name: str) -> PropertyKind:
        """The kind of one."""
        ...


class PropertyKind:
    """One kind of property, as one property has it; `word` is its key in the files."""

    word: ClassVar[str]

    @property
    def sources(self) -> tuple[str, ...]:
        """The properties that it is made of, each once."""
        return ()

    @property
    def reads(self) -> str:
        """The event, or built-in one, whose rows it is made of; '' for none."""
        return ""

    @property
    def is_daily(self) -> bool:
        """Whether it can be another value on each day of a user, so that a window over it says something."""
        return True

    @property
    def behind(self) -> int:
        """For how many days after its own an event counts in a moving window."""
        return 0

    @property
    def ahead(self) -> int:
        """How many days ahead a moving window looks."""
        return 0

    def at_rest(self, known: Known) -> AtRest:
        """What it is for ever after the last event has left every window."""
        return AtRest.VALUE

    def is_always_there(self, known: Known) -> bool:
        """Whether every user has a value on every day of his, for sure."""
        return False

    def is_list(self, known: Known) -> bool:
        """Whether it is a list of values."""
        return False

    def is_sum_of_parts(self, known: Known) -> bool:
        """Whether it can be put together from what the parts of a life come to, with no day laid out but its own ones."""
        return True

    def table(self, names: Names) -> TableName | None:
        """The generated table that holds it; none if it is worked out wherever it is read."""
        return names.spans


@dataclass(frozen=True)
class Window(PropertyKind):
    """What looks at other days than its own: an aggregate of the values of `source`."""

    source: str
    function: Aggregate
    at: Place = field(default_factory=Place, compare=False, kw_only=True)  # where the source is named

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def is_list(self, known: Known) -> bool:
        return self.function is Aggregate.ARRAY

    def level(self, laid: Laid) -> Level:
        """What it is on each of the days that are laid out."""
        raise NotImplementedError(self.word)


def made_of_days(source: str, known: Known) -> bool:
    """Whether a value is made of events of its own day and of formulas alone."""
    kind = known.kind(source)
    if isinstance(kind, Window) or not kind.is_daily:
        return False
    return all(made_of_days(name, known) for name in kind.sources)
