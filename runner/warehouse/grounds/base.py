"""The contract between the trial and an engine: two catalogues with the inputs' own columns and types, and no rows.

In one the runner works, in the other the user's text runs untouched, under its own names. Neither is the user's: what
is written there is gone when the ground is closed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.names import TableName
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Column, WarehouseError

if TYPE_CHECKING:
    from runner.sql.select import Select


@dataclass(frozen=True)
class Input:
    """A table that a program reads, as the trial has to make it: `rows` is what stands after FROM for it."""

    name: TableName
    rows: str
    is_view: bool


@dataclass(frozen=True)
class Wanted:
    """What a ground has to hold: inputs, and what the SQL of models calls and nobody can run without.

    What is `owned`, tables and views of models, is not made: the runner makes it.
    """

    inputs: Sequence[Input]
    texts: Sequence[str] = ()
    owned: frozenset[TableName] = frozenset()


@dataclass(frozen=True)
class Shape:
    """A table of the ground that rows are made for. Names in `required` and `unique` are in lower case."""

    name: TableName
    columns: tuple[Column, ...]
    required: frozenset[str] = frozenset()
    unique: tuple[tuple[str, ...], ...] = ()
    conditions: tuple[str, ...] = ()


class Ground(ABC):
    """A pair of catalogues; `begin` makes them anew."""

    shapes: tuple[Shape, ...]
    texts: tuple[str, ...]  # of views and functions that came along: their constants are worth trying
    runner: Warehouse
    judge: Warehouse
    row_name: str  # SQL that tells a row of a table from all others; '' where the engine has none

    @abstractmethod
    def begin(self) -> None:
        """Both catalogues as at first, without rows. Raises WarehouseError where the shapes cannot be made."""

    @abstractmethod
    def close(self) -> None:
        """Leave nothing behind."""

    def send(self, side: Warehouse, label: str, statements: Iterable[str]) -> None:
        """Run these, as one text where the engine takes several at once."""
        side.execute(label, ";\n".join(statements))

    def insert_text(self, table: str, columns: Sequence[Column], rows: Iterable[Sequence[str | None]]) -> str:
        """An INSERT of values that are given as texts."""
        literal = self.judge.engine.literal
        listed = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in rows)
        return f"insert into {table} values {listed}"

    def text_of(self, column: Column) -> str:
        """A column's values as texts that differ wherever they do."""
        engine = self.judge.engine
        return f"cast({engine.quote(column.name)} as {engine.text_type})"

    def edits(self, select: Select) -> Sequence[tuple[int, int, str]]:
        """What the judge has to exchange in a user's text, by position: where names mean other tables, they do.

        Raises WarehouseError where that would not be enough.
        """
        return ()

    def check(self, text: str) -> None:  # noqa: B027 - where texts stand as they are, there is nothing to check
        """Raises WarehouseError for a SELECT of the judge's that would read or call what is not the ground's."""

    @abstractmethod
    def list_text(self, values: Sequence[str | None]) -> str:
        """The text that is cast to an array of these."""

    @abstractmethod
    def row_text(self, fields: Iterable[tuple[str, str | None]]) -> str | None:
        """The text that is cast to a row (struct) of these; None where there is none."""

    @abstractmethod
    def map_text(self, entries: Iterable[tuple[str, str | None]]) -> str | None:
        """The text that is cast to a map of these; None where there is none."""


def make(side: Warehouse, text: str) -> bool:
    """Make a thing that came along; False where the engine does not."""
    try:
        side.execute("trial:object", text)
    except WarehouseError:
        return False
    return True


def make_all(side: Warehouse, texts: Iterable[str]) -> None:
    """One may need another: go round until none is left, or none can be made. What is missing then, a SELECT will say."""
    later = list(texts)
    while later:
        left = [text for text in later if not make(side, text)]
        if len(left) == len(later):
            return
        later = left
