"""What the derivation works on and what it gives.

Texts in here are SQL in which inputs stand as marks: `"runner_now_3"` is the fourth reference of the SELECT as the run
will leave it, `"runner_was_3"` as it was, `"runner_diff_3"` its old and new rows that differ (all with the columns of the
reference, the last with `runner_sign` too: -1 old, 1 new). A user's names never begin with `runner_`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from runner.names import TableName

SIGN = "runner_sign"
NOW, WAS, DIFF = "now", "was", "diff"
MARK = re.compile(r'"?\brunner_(now|was|diff)_(\d+)\b"?', re.IGNORECASE)


def mark(kind: str, number: int) -> str:
    """The name under which a reference stands in a derived text."""
    return f"runner_{kind}_{number}"


def filled(text: str, given: Callable[[str, int], str]) -> str:
    """A derived text with each mark replaced by what stands for it after FROM."""
    return MARK.sub(lambda found: given(found[1].lower(), int(found[2])), text)


class Moves(Enum):
    """How an input's changes are known."""

    NOT = "it never changes while a run uses it"
    SIGNED = "its old rows are stored: old and new rows that differ, and the whole table as it was"
    VALUES = "of each batch, the values of some expressions over its rows, old and new together: a key index"


@dataclass(frozen=True)
class Input:
    """A table that a SELECT reads: its columns as the catalogue has them, and how its changes are known."""

    columns: tuple[str, ...]
    moves: Moves
    unequal: frozenset[str] = frozenset()
    """Columns (as the parser's optimizer compares them) of which equal values may differ: 1 month and 30 days."""


@dataclass(frozen=True)
class Part:
    """What stands after FROM in a derived text, under an alias of its own."""

    alias: str
    text: str
    lateral: bool = False  # it reads items before it
    columns: tuple[str, ...] = ()  # `as x(a, b)`


@dataclass(frozen=True)
class Piece:
    """A SELECT that gives keys which a change of one input reaches."""

    origin: TableName  # the input that changed
    text: str  # its outputs are the key's columns, by their names


@dataclass(frozen=True)
class Derived:
    """The keys that changes reach: pieces, and for inputs whose changes reach all keys the reason and its line."""

    pieces: tuple[Piece, ...]
    everywhere: Mapping[TableName, tuple[str, int]] = field(default_factory=dict)
    values: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Of a source, by number: the expressions over its rows whose values have to be known, k1, k2 … in the pieces."""
    named: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    """Of a source, by number: the names under which pieces read expressions over its rows as they are now."""
    exact: frozenset[int] = frozenset()
    """Of references, by number: sources among them are read as the model itself reads them, since something between
    counts or chooses their rows."""
    cuts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Of a reference: the key over its rows, where only rows of the affected keys are needed; '' for a part that it
    does not hold."""
    tables: Mapping[int, TableName] = field(default_factory=dict)
    """What the numbers in marks stand for."""
