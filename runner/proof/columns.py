"""What a relation of the key-wise rule puts out: its columns by position, and what is known of them.

A column is known by its *place*: the number of the output, and within a run of unlisted columns its name as well. A name
is only the way to a place, and where two columns may have it the way is not certain: after `*` over a table that nobody
has described, a name may mean a column of that table or the one that is written after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

Canon = Any  # a nested tuple: two expressions with equal canons give the same value on the same row
Place = tuple[int, str]
LEAVES = frozenset({"column", "own", "unknown", "merged", "query"})


class Dependence(Enum):
    """How the rows of a relation hang on the tracked inputs."""

    CONSTANT = "reads no tracked input, or belongs to the row beside it (lateral, correlated on the whole key)"
    KEYED = "its rows fall apart by key"


@dataclass(frozen=True)
class Out:
    """An output column: the key components that it equals always (strong), or whenever it is not null (weak).

    Its name is '' where the engine makes one up.
    """

    name: str
    strong: frozenset[int] = frozenset()
    weak: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Unlisted:
    """A run of output columns that nobody has listed (`*` over a real table), and what is known of it."""

    known: tuple[Out, ...] = ()
    without: frozenset[str] = frozenset()  # names that are not among them
    unsure: frozenset[str] = frozenset()  # names that two of them may have
    closed: bool = False  # there are no others; only their order is open

    def may_have(self, name: str) -> bool:
        """Whether a column of the run may have this name."""
        return self.has(name) or (not self.closed and name not in self.without)

    def has(self, name: str) -> bool:
        """Whether one has it for certain."""
        return any(out.name == name for out in self.known)


@dataclass(frozen=True)
class Relation:
    """What a table, a CTE or a subquery gives. `unique` and `keys` are written over its own columns, by place."""

    dependence: Dependence
    outputs: tuple[Out | Unlisted, ...]
    unique: frozenset[frozenset[Canon]] = frozenset()
    keys: tuple[Canon | None, ...] = ()  # the key as expressions over its columns, where they are known
    refused: bool = False  # already refused: what follows from it is not worth a second message
    correlated: bool = False  # reads tracked rows of the enclosing row's key

    @property
    def is_open(self) -> bool:
        """Whether it may have columns that nobody has named."""
        return any(isinstance(output, Unlisted) and not output.closed for output in self.outputs)

    def placed(self) -> Iterator[tuple[Place, Out]]:
        """All columns that it is known to have."""
        for at, output in enumerate(self.outputs):
            if isinstance(output, Out):
                yield (at, ""), output
            else:
                for out in output.known:
                    yield (at, out.name), out

    def has(self, name: str) -> bool:
        """Whether it has a column of this name for certain."""
        return any(out.name == name for _, out in self.placed())

    def may_have(self, name: str) -> bool:
        """Whether a column may have this name: one that is not listed, or that the engine gives its name."""
        return any(o.name in {name, ""} if isinstance(o, Out) else o.may_have(name) for o in self.outputs)

    def find(self, name: str) -> Place | None:
        """The column that a name means, None if that is not certain: of two of one name it is the first."""
        maybe: Place | None = None
        for at, output in enumerate(self.outputs):
            if isinstance(output, Out):
                if output.name == name:
                    return None if maybe else (at, "")
            elif name in output.unsure:
                return None
            elif output.has(name):
                return None if maybe else (at, name)
            elif output.may_have(name):
                if maybe:
                    return None
                maybe = (at, name)
        return maybe

    def named(self, name: str) -> Out | None:
        """What is known of the column of this name."""
        place = self.find(name)
        return next((out for at, out in self.placed() if at == place), None)


def own(place: Place) -> Canon:
    """A relation's own column, whatever the relation is called where it is read."""
    return ("own", place)


def through(of: Canon, given: Callable[[Canon], Canon | None]) -> Canon | None:
    """An expression with each part replaced by what is given for it; None if a column of it has nothing."""
    if not isinstance(of, tuple) or not of:
        return of
    found = given(of)
    if found is not None or of[0] in LEAVES:
        return found
    parts = tuple(through(part, given) for part in of)
    return None if None in parts else parts


def leaves(of: Canon) -> Iterator[Canon]:
    """The columns, and what else has no parts, in an expression."""
    if isinstance(of, tuple) and of:
        if of[0] in LEAVES:
            yield of
        else:
            for part in of:
                yield from leaves(part)
