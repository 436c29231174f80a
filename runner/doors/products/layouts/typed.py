"""Layouts whose columns are structs with fields of the schema's types: a field is read by its name, not out of a document.

What is no value of its type never came into its column: a cast is but for versions of a schema that say other types.
Which columns are there cannot be asked for, so that recovered ones are not read.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner.doors.products.columns import quoted
from runner.doors.products.layouts.documents import DocumentLayout
from runner.doors.products.layouts.stored import Stored
from runner.doors.products.values import BaseType, Property, Type


@dataclass(frozen=True, kw_only=True)
class TypedLayout(DocumentLayout):
    """A place is the field itself."""

    snake_keys: bool = True
    element: str = "i"
    merges: bool = True
    safe_cast: str
    """The cast that gives NULL for what is no value of the type."""

    def interval(self, number: str, unit: str) -> str:
        return f"interval {number} {unit}"

    def instant(self, utc: str) -> str:
        return f"timestamp '{utc}+00:00'"

    def constant(self, text: str, type_: Type) -> str:
        return self.instant(text) if type_.base is BaseType.TSTAMP else f"date '{text}'"

    def stored(self, one: Property) -> tuple[Stored, ...]:
        """One field; JSON where it is not of one type, or an object that does not say its properties."""
        (field,) = super().stored(one)
        untold = one.type.base is BaseType.JSON and one.type.only != "array" and not (one.fields and one.type.only)
        as_json = one.type.mixed or untold
        return (replace(field, sql_type=self.engine.json_type if as_json else self.type(one.type), as_json=as_json),)

    def loaded(self, column: str) -> str:
        return f"a.{column}"

    def joined(self, arrays: Sequence[str]) -> str:
        raise NotImplementedError(self.name)  # no catalogue tells of a second column

    def at(self, document: str, step: str, key: str) -> str:
        return f"{document}{step}.{quoted(key, self.engine)}"

    def text(self, at: str) -> str:
        return at

    def utc(self, text: str) -> str:
        return f"{self.safe_cast}({text} as {self.engine.timestamp_type})"

    def number(self, text: str) -> str:
        return f"{self.safe_cast}({text} as {self.engine.double_type})"

    def value(self, text: str, type_: Type) -> str:
        return text if type_.base is BaseType.TEXT else f"{self.safe_cast}({text} as {self.type(type_)})"

    @abstractmethod
    def elements(self, column: str, properties: tuple[Property, ...]) -> str:
        """All elements of a column as JSON."""
