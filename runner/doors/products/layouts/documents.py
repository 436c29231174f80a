"""Layouts whose events hold a structure in a column of its own: an event's as a document, an entity's as an array of them.

A value is cast to the type that its schema asks for, or NULL where it is no such value: it is to harm no other event.
These engines try a cast; what it would round or put into the session's time zone is told by a pattern before.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from runner.doors.products.columns import snake
from runner.doors.products.layouts.base import WHOLE, WHOLE_PATTERN, EventLayout, decimal_pattern, name_of
from runner.doors.products.layouts.stored import Stored
from runner.doors.products.values import BaseType, Family, Property, Type

ZONED_PATTERN = "^.*:[0-9.:]+ ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$"
JSON_TYPES = {"array": "'ARRAY'", "boolean": "'BOOLEAN'", "object": "'OBJECT'", "string": "'VARCHAR'"}


@dataclass(frozen=True)
class Exists:
    """A condition that an event has some element, and the CTE that it reads; '' where it reads none."""

    condition: str
    cte: str = ""


@dataclass(frozen=True, kw_only=True)
class DocumentLayout(EventLayout):
    """A place within a document is a text that `at` gives and the others take."""

    home_is: str = "column"
    snake_keys: bool
    """Keys of documents are in snake_case; elsewhere as the schema has them."""
    first: str
    """The step from an array to its first element."""
    element: str = "i.value"
    """An element of an array, within `has_element`."""

    def home(self, family: Family, is_event: bool) -> str:
        return f"{'unstruct_event' if is_event else 'contexts'}_{name_of(family)}"

    def stored(self, one: Property) -> tuple[Stored, ...]:
        """One field, in fields of structs as lakes name and type them: what fits no type is JSON there."""
        if not self.snake_keys:
            return (Stored((one.name,), one.name, self.engine.json_type, one),)
        name = snake(one.name)
        name = f"_{name}" if name[:1].isdigit() else name
        as_json = one.type.mixed or (one.type.base is BaseType.JSON and not one.fields and one.type.only != "array")
        return (Stored((one.name,), name, self.engine.text_type if as_json else self.type(one.type), one, as_json),)

    def key(self, one: Property) -> str:
        """A property's key in the documents."""
        (field,) = self.stored(one)
        return field.name

    def merged(self, properties: tuple[Property, ...]) -> tuple[Property, ...]:
        """Two properties that have one name in a struct are one field: the loader takes the type of the first by name."""
        first: dict[str, Property] = {}
        for one in properties:
            name = self.key(one)
            first[name] = min(first.get(name, one), one, key=lambda p: p.name)
        return tuple(first.values())

    @abstractmethod
    def loaded(self, column: str) -> str:
        """A column of the events as documents."""

    @abstractmethod
    def joined(self, arrays: Sequence[str]) -> str:
        """The elements of all arrays in one; null where all are."""

    @abstractmethod
    def at(self, document: str, step: str, key: str) -> str:
        """The place of a key; `step` leads from the document to the element that has it."""

    def ordered(self, column: str) -> str:
        """What to order the documents of a column by."""
        return f"cast({column} as varchar)"

    def forgets(self, one: Property) -> bool:
        """Whether no value and an empty one are the same."""
        return False

    @abstractmethod
    def text(self, at: str) -> str:
        """What stands at a place, as a text; NULL for null."""

    @abstractmethod
    def unquoted(self, at: str) -> str:
        """The text that stands at a place as JSON, without its quotes; other values as their JSON."""

    @abstractmethod
    def json(self, at: str) -> str:
        """The object or array at a place; NULL for null."""

    def whole(self, at: str, one: Property) -> str:
        """An object or array with what it holds as the schema's types say, where fields of it are texts of JSON."""
        return self.json(at)

    def elements(self, column: str, properties: tuple[Property, ...]) -> str:
        """All elements of a column that is an array of them, likewise."""
        return column

    @abstractmethod
    def is_a(self, at: str, type_: Type, json_type: str) -> str | None:
        """Whether a string, number, boolean, object or array of JSON stands there; None where the layout forgets."""

    @abstractmethod
    def length(self, column: str) -> str:
        """How many elements an array has."""

    @abstractmethod
    def has_element(self, column: str, condition: str, number: int) -> Exists:
        """That some element of an array is like this; `number` is of this condition, in names of CTEs."""

    @abstractmethod
    def has_id(self, column: str, ids: str, number: int) -> Exists:
        """That some element of an array has one of these ids."""

    @abstractmethod
    def utc(self, text: str) -> str:
        """A text that says its time zone as a timestamp in UTC."""

    def value(self, text: str, type_: Type) -> str:
        """A text in a type; a time without a zone is UTC, whatever zone the reader's session has."""
        if type_.base is BaseType.TEXT:
            return text
        if type_.base is BaseType.NUMBER:
            return self.number(text)
        if type_.base is BaseType.DECIMAL:
            return self.matching(text, decimal_pattern(type_.scale), type_)
        if type_.base in WHOLE:
            return self.matching(text, WHOLE_PATTERN, type_)
        tried = f"try_cast({text} as {self.type(type_)})"
        if type_.base is BaseType.TSTAMP:
            zoned = self.engine.matches(text, ZONED_PATTERN)
            return f"case when {zoned} then {self.utc(text)} else {tried} end"
        return tried

    def matching(self, text: str, pattern: str, type_: Type) -> str:
        """A text in a type, if it is as a pattern says; else NULL."""
        return f"case when {self.engine.matches(text, pattern)} then try_cast({text} as {self.type(type_)}) end"
