"""Layouts that keep each structure in a table of its own: a row an element, tied to its event by root_id and root_tstamp."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from runner.doors.products.columns import parted
from runner.doors.products.layouts.base import EventLayout, name_of
from runner.doors.products.layouts.stored import Stored
from runner.doors.products.values import BaseType, Family, Property, Type

PAIRS = 40  # so many properties go into one call: engines take a hundred arguments
COPIES = "sum(r.row_count) over (partition by r.event_id, r.collector_tstamp)"
# So long and with so small an exponent that no engine finds the number too large or too small.
_NUMBER_PATTERN = "^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,2})?$"
_NUMBER_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class TableLayout(EventLayout):
    """The names in its SQL are those of the SELECT: event_rows as r, rows_N as v, counts_N as c, structure_N as sN."""

    name: str = "shredded"
    home_is: str = "table"
    json_typeof: str
    """The function that says the type of a JSON value."""
    materializes: bool
    """The planner takes what is first of its kind for one row in all, and goes through what it joins again and again:
    CTEs are to be kept apart, and what is chosen is to be chosen after the joins.
    """

    def home(self, family: Family, is_event: bool) -> str:
        return self.table(family)

    def table(self, family: Family) -> str:
        """The table of a structure's elements."""
        return f"atomic.{self.kept(name_of(family))}"

    def kept(self, name: str) -> str:
        """What the engine keeps of a name in snake_case."""
        return name[: self.engine.name_bytes]

    def stored(self, one: Property) -> tuple[Stored, ...]:
        """A column a leaf, called by its way through the objects: geo.lat; the object's own where it is kept whole."""
        return self._leaves(one, ())

    def _leaves(self, one: Property, above: tuple[str, ...]) -> tuple[Stored, ...]:
        path = (*above, one.name)
        column = Stored(path, self.kept(".".join(map(parted, path))), self.loaded(one.type), one, one.type.mixed)
        leaves = tuple(leaf for field in one.fields for leaf in self._leaves(field, path))
        return (column, *leaves) if one.whole else leaves

    @abstractmethod
    def loaded(self, type_: Type) -> str:
        """The type that the loader gives a column."""

    def text(self, column: str) -> str:
        """A column as a text."""
        return f"cast({column} as {self.engine.text_type})"

    def unquoted(self, column: str) -> str:
        """A column of a property that may be of several types, as a text."""
        return self.text(column)

    @abstractmethod
    def typed(self, column: str, type_: Type) -> str:
        """A column in a type."""

    def member(self, column: str, type_: Type) -> str:
        """A column as a property of an object of JSON."""
        return self.typed(column, type_)

    def number(self, text: str) -> str:
        well_formed = f"{self.engine.matches(text, _NUMBER_PATTERN)} and length({text}) <= {_NUMBER_LENGTH}"
        return f"case when {well_formed} then cast({text} as {self.engine.double_type}) end"

    def is_a(self, value: str, type_: Type, json_type: str) -> str | None:
        """Whether a value is an object or array of JSON; None where it is neither, but a text of several types."""
        return f"{self.json_typeof}({value}) = '{json_type}'" if type_.base is BaseType.JSON else None

    def serialized(self, document: str) -> str:
        """An object of JSON as a text."""
        return self.text(document)

    @abstractmethod
    def first_events(self, names: Sequence[str], same: int) -> list[str]:
        """The CTE `events`, and those that it reads: of all event_rows with the same first `names`, so many of them,
        the first in the order of the others; with the number of its copies.
        """

    @abstractmethod
    def first_rows(self, number: int, columns: Sequence[str]) -> str:
        """The CTE `structure_N`, in which the first of all rows_N of an event can be told."""

    @abstractmethod
    def is_first(self, number: int) -> str:
        """What a join with structure_N asks for besides, so that it finds that row alone; '' if there is no other."""

    @abstractmethod
    def element(self, pairs: Sequence[str]) -> str:
        """An object of JSON, out of names and values; such that it can be grouped and ordered by."""

    @abstractmethod
    def document(self, pairs: Sequence[str]) -> str:
        """An object of JSON, out of names and values, as a value."""

    @abstractmethod
    def array(self, times: str) -> str:
        """The aggregate of a group's elements, each so many times."""

    chains: bool = False
    """Its planner takes a filter through DISTINCT ON and GROUP BY of the columns that it is on."""

    def gathered(self, element: str) -> str:
        """The aggregate of a group's elements, without those that are null; where it chains."""
        raise NotImplementedError(self.name)

    def uncopied(self, array: str, copies: str) -> str:
        """An array that holds the elements of so many copies, as one copy has it; where it chains."""
        raise NotImplementedError(self.name)

    @abstractmethod
    def repeated(self, times: str) -> str:
        """What has to be joined for that; '' for nothing."""


def chunks(pairs: Sequence[str]) -> list[str]:
    """The arguments of as many calls as names and values need."""
    return [", ".join(pairs[at : at + PAIRS]) for at in range(0, len(pairs), PAIRS)] or [""]
