"""What passes between the parts of a trial: made-up rows, the steps that they are played in, and what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from runner.names import TableName
from runner.program.values import Program

DIGITS = 9  # of numbers that are not whole: the last ones of a sum hang on the order of additions
_NUMBER = re.compile(r"-?\d+\.\d+(e[-+]?\d+)?|-?\d+e[-+]?\d+")
TIME_UP = "the time was up"
"""Why a model was not tried, where it may be the next time."""

Values = tuple[str | None, ...]
"""A row as texts: the engine casts them to the types of its columns."""


@dataclass(frozen=True)
class Row:
    """A made-up row; no other row of the history has its number."""

    number: int
    values: Values


@dataclass(frozen=True)
class Step:
    """What the tables hold before a run."""

    name: str
    tables: Mapping[TableName, tuple[Row, ...]]


class Kind(Enum):
    """What a difference shows."""

    KEY = "the increment is not what the SELECT gives over all rows"
    ORDER = "the answer hangs on the order in which rows are stored"
    CLOCK = "the SELECT gives another answer whenever it is asked"
    SAME = "what is stored is equal to what the SELECT gives, but not the same"
    WRITES = "publish would delete or insert other rows than the increment recomputed"
    COLUMNS = "the increment has other columns than the SELECT gives"


@dataclass(frozen=True)
class Difference:
    """A counterexample: the rows that only one side has, in the `step`-th run (from 0) of a history."""

    kind: Kind
    table: TableName
    step: int
    columns: tuple[str, ...] = ()
    increment: tuple[Values, ...] = ()
    full: tuple[Values, ...] = ()


@dataclass(frozen=True)
class Found:
    """A difference, and the history that leads to it."""

    difference: Difference
    history: tuple[Step, ...]


@dataclass(frozen=True)
class Played:
    """How one history went: the differences by model, and the models that it says nothing of, with the reason."""

    differences: Mapping[TableName, Difference]
    mute: Mapping[TableName, str]
    run_count: int


@dataclass(frozen=True)
class Subject:
    """What is on trial: a program of the tried models and of those that they read."""

    program: Program
    tables: tuple[TableName, ...]
    """In the order of their dependencies: the tried ones."""


def rounded(text: str | None) -> str | None:
    """The text with every number that is not whole to nine digits."""
    return _NUMBER.sub(_to_digits, text) if text else text


def _to_digits(number: re.Match[str]) -> str:
    value = float(number[0])
    small = value and abs(value) < 10**-DIGITS  # what is left of a difference of equal sums
    return f"{0.0 if small else value:.{DIGITS}g}"
