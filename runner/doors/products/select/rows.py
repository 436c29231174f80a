"""A row of a structure's table as an element: its columns, and the objects that loaders have laid out flat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.doors.products.columns import quoted
from runner.doors.products.layouts import Stored, TableLayout
from runner.doors.products.select.conditions import Element
from runner.doors.products.values import BaseType, Property


def columns_of(properties: Iterable[Property], layout: TableLayout) -> list[str]:
    """The columns of some properties, each once, in quotes where they need them."""
    stored = (one.name for each in properties for one in layout.stored(each))
    return list(dict.fromkeys(quoted(name, layout.engine) for name in stored))


def same_text(one: Stored, alias: str, layout: TableLayout, *, there: bool) -> str:
    """A column as a text of its name, whatever type it has in a table; null where it is not there. Truth values have no
    text everywhere.
    """
    name = quoted(one.name, layout.engine)
    column = f"{alias}.{name}"
    is_truth = one.property.type.base is BaseType.BOOLEAN
    if not there:
        return f"cast(null as {layout.type(one.property.type) if is_truth else layout.engine.text_type}) as {name}"
    if is_truth:
        return column
    return f"{layout.unquoted(column) if one.as_json else layout.text(column)} as {name}"


@dataclass(frozen=True)
class Row(Element):
    """A row of a structure's table."""

    layout: TableLayout
    alias: str
    kept: tuple[str, ...] = ()
    """The columns, in quotes, where they are called by their numbers."""

    def _column(self, one: Stored) -> str:
        if self.kept:
            return f"{self.alias}_{self.kept.index(quoted(one.name, self.layout.engine)) + 1}"
        return f"{self.alias}.{quoted(one.name, self.layout.engine)}"

    def raw(self, one: Property) -> str:
        stored = self.layout.stored(one)
        if len(stored) == 1:
            return self._column(stored[0])
        return f"case when {self._some(stored)} then 1 end"

    def _some(self, stored: Iterable[Stored]) -> str:
        """That some column has a value."""
        return " or ".join(f"{self._column(one)} is not null" for one in stored) or "false"

    def text(self, one: Property) -> str:
        if one.fields:
            return self.typed(one)
        (stored,) = self.layout.stored(one)
        column = self._column(stored)
        return self.layout.unquoted(column) if stored.as_json else self.layout.text(column)

    def typed(self, one: Property) -> str:
        return self._value(one, self.layout.stored(one), ())

    def _value(self, one: Property, stored: tuple[Stored, ...], above: tuple[str, ...], within: bool = False) -> str:
        """A property in its type, or as it stands in an object of JSON; an object that is laid out flat is built."""
        path = (*above, one.name)
        read = self.layout.member if within else self.layout.typed
        own = next((each for each in stored if each.path == path), None)
        values = [read(self._column(own), one.type)] if own else []
        if one.fields:
            built = self._object(one, tuple(each for each in stored if each.path[: len(path)] == path), path)
            values.append(built if one.type.base is BaseType.JSON or within else self.layout.serialized(built))
        return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"

    def _object(self, one: Property, stored: tuple[Stored, ...], path: tuple[str, ...]) -> str:
        """The object; null where none of its leaves has a value."""
        literal = self.layout.engine.literal
        pairs = [f"{literal(field.name)}, {self._value(field, stored, path, True)}" for field in one.fields]
        some = self._some(each for each in stored if each.path != path)
        return f"case when {some} then {self.layout.document(pairs)} end"

    def member(self, one: Property) -> str:
        """A name and a value, for an object of JSON."""
        return f"{self.layout.engine.literal(one.name)}, {self._value(one, self.layout.stored(one), (), True)}"

    def is_a(self, one: Property, json_type: str) -> str | None:
        return self.layout.is_a(self.typed(one), one.type, json_type)
