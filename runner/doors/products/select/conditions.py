"""The rules of a specification as SQL over one element: enum, const, type, minimum, maximum, required.

A null is like no value: it breaks no rule but `required`. A value that its schema does not allow breaks every other.
What SQL is not written for is refused with its line.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from runner.doors.products.layouts import EventLayout
from runner.doors.products.layouts.base import NUMBERS
from runner.doors.products.values import BaseType, Json, Property, PropertyRule, Rules, Use
from runner.errors import Place, Problems, did_you_mean, show

INFERRED = "use --match snowtype, or --lenient, which leaves it out"
NOT_IN_SQL = "not in SQL"  # the code of a rule that --lenient leaves out: more events match than should
_DOCUMENTS = frozenset({"object", "array"})
_HOLDS = {
    BaseType.TEXT: {"string"},
    BaseType.TSTAMP: {"string"},
    BaseType.DATE: {"string"},
    BaseType.SMALLINT: {"integer", "number"},
    BaseType.INTEGER: {"integer", "number"},
    BaseType.BIGINT: {"integer", "number"},
    BaseType.HUGE: {"integer", "number"},
    BaseType.DECIMAL: {"number"},
    BaseType.NUMBER: {"number"},
    BaseType.BOOLEAN: {"boolean"},
}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_DIGITS = 38  # of a whole number in SQL; Redshift takes no more


class Element(ABC):
    """One element of an event or entity, as SQL reaches its properties."""

    layout: EventLayout

    @abstractmethod
    def raw(self, one: Property) -> str:
        """What is null where there is no value; Redshift has no text for a boolean."""

    def forgets(self, one: Property) -> bool:
        """Whether no value and an empty one are the same."""
        return False

    @abstractmethod
    def text(self, one: Property) -> str:
        """A property as text."""

    @abstractmethod
    def typed(self, one: Property) -> str:
        """A property in the engine's type."""

    @abstractmethod
    def is_a(self, one: Property, json_type: str) -> str | None:
        """Whether the value is a string, number, boolean, object or array of JSON; None where the layout forgets."""


def conditions(use: Use, properties: tuple[Property, ...], element: Element, problems: Problems) -> list[str]:
    """Conditions that an element which obeys the rules fulfils; what cannot be written is a problem."""
    rules: Rules = use.rules
    known = {one.name: one for one in properties}
    for other in rules.unsupported:
        hint = f"type, enum, const, minimum, maximum and required can be; take it out, or {INFERRED}"
        problems.add(
            other.place,
            f"the rule {show(other.keyword)} cannot be put into SQL",
            hint,
            "" if other.compound else NOT_IN_SQL,
        )
    found = []
    for name in rules.required:
        if name in known and element.forgets(known[name]):
            _forgotten(name, use.place, element, problems)
        elif name in known:
            found.append(f"{element.raw(known[name])} is not null")
        else:
            _unknown(name, use, known, use.place, problems)
    for rule in rules.properties:
        if rule.name in known:
            one = known[rule.name]
            if element.forgets(one) and (rule.values is not None or "array" not in (rule.types or ["array"])):
                _forgotten(rule.name, rule.place, element, problems)
                continue
            found += [_null_or(condition, one, element) for condition in _of_property(rule, one, element, problems)]
        else:
            _unknown(rule.name, use, known, rule.place, problems)
    return found


def _forgotten(name: str, place: Place, element: Element, problems: Problems) -> None:
    what = (
        f"whether {show(name)} is there cannot be told in layout {element.layout.name}, where no array is an empty one"
    )
    problems.add(place, what, f"take the rule out, or {INFERRED}", NOT_IN_SQL)


def _unknown(name: str, use: Use, known: dict[str, Property], place: Place, problems: Problems) -> None:
    problems.add(place, f"{use.uri} has no property {show(name)}", did_you_mean(name, known))


def _null_or(condition: str, one: Property, element: Element) -> str:
    """The condition, which a null keeps, too, and a value that cannot be compared does not."""
    return f"({element.raw(one)} is null or coalesce({condition}, false))"


def _of_property(rule: PropertyRule, one: Property, element: Element, problems: Problems) -> Iterator[str]:
    if rule.values is not None:
        yield _among(AllowedValues.of(rule.values), rule, one, element, problems)
    for bound, sign in ((rule.minimum, ">="), (rule.maximum, "<=")):
        if bound is not None and one.type.base in NUMBERS:
            yield f"{element.typed(one)} {sign} {bound}"
        elif bound is not None:
            what = f"a range of {show(one.name)}, which is no number in its schema, cannot be put into SQL"
            problems.add(rule.place, what, f"take the range out, or {INFERRED}", NOT_IN_SQL)
    if rule.types is not None:
        yield from _of_types(rule.types, rule, one, element, problems)


def _of_types(
    types: tuple[str, ...], rule: PropertyRule, one: Property, element: Element, problems: Problems
) -> Iterator[str]:
    if one.type.mixed:
        what = f"a type of {show(one.name)}, which has several in its schema, cannot be put into SQL"
        problems.add(rule.place, what, f"take the type out, or {INFERRED}", NOT_IN_SQL)
    elif one.type.base is BaseType.JSON:
        yield from _of_documents(_DOCUMENTS & set(types), rule, one, element, problems)
    elif not _HOLDS[one.type.base] & set(types):
        integer = one.type.base in (BaseType.NUMBER, BaseType.DECIMAL) and "integer" in types
        yield f"{element.typed(one)} = floor({element.typed(one)})" if integer else "false"


def _of_documents(
    allowed: frozenset[str], rule: PropertyRule, one: Property, element: Element, problems: Problems
) -> Iterator[str]:
    """An object or an array where the schema may allow both."""
    if not allowed:
        yield "false"
    elif len(allowed) == 1:
        (only,) = allowed
        told = element.is_a(one, only)
        if told is not None:
            yield told
        elif one.type.only and one.type.only != only:
            yield "false"
        elif not one.type.only:
            what = f"objects and arrays in {show(one.name)} cannot be told apart in layout {element.layout.name}"
            problems.add(rule.place, what, f"take the type out, or {INFERRED}", NOT_IN_SQL)


def _among(allowed: AllowedValues, rule: PropertyRule, one: Property, element: Element, problems: Problems) -> str:
    """Equal to one of the values: numbers as numbers, times as instants, and 1 is not "1"."""
    base = one.type.base
    if not allowed:
        return "false"  # null alone
    if one.type.mixed:
        return _among_mixed(allowed, rule, one, element, problems)
    if base in NUMBERS:
        values = allowed.plain_numbers()
    elif base is BaseType.BOOLEAN:
        values = allowed.plain_booleans()
    elif base in (BaseType.TSTAMP, BaseType.DATE):
        values = [element.layout.constant(text, one.type) for text in allowed.instants(base is BaseType.DATE)]
    else:
        values = [element.layout.engine.literal(text) for text in allowed.texts] if base is BaseType.TEXT else []
    if not values:
        what = (
            f"none of the values that {show(one.name)} may have here is one that its schema allows: {allowed.shown()}"
        )
        problems.add(rule.place, what, f"write values of its type ({base}); texts stand in quotes")
    return f"{element.typed(one)} in ({', '.join(values)})" if values else "false"


def _among_mixed(
    allowed: AllowedValues, rule: PropertyRule, one: Property, element: Element, problems: Problems
) -> str:
    """The same where the schema has several types, so that the value's own type has to be told."""
    layout, text = element.layout, element.text(one)
    choices = (
        ("string", text, [layout.engine.literal(value) for value in allowed.texts]),
        ("number", layout.number(text), allowed.plain_numbers()),
        ("boolean", text, [f"'{value}'" for value in allowed.plain_booleans()]),
    )
    found = [
        (element.is_a(one, json_type), f"{value} in ({', '.join(values)})")
        for json_type, value, values in choices
        if values
    ]
    if any(told is None for told, _ in found) and (twin := allowed.without_twin()):
        what = f"in layout {layout.name} {show(one.name)} is a text, in which {twin} cannot be told apart"
        problems.add(rule.place, what, f"list both, or {INFERRED}", NOT_IN_SQL)
    return " or ".join(f"({told} and {condition})" if told else condition for told, condition in found)


@dataclass(frozen=True)
class AllowedValues:
    """The values of an enum or const by their JSON types; null is none of them: it keeps every rule but `required`."""

    texts: tuple[str, ...]
    numbers: tuple[int | float, ...]
    booleans: tuple[bool, ...]

    @staticmethod
    def of(values: Iterable[Json]) -> AllowedValues:
        given = tuple(values)
        return AllowedValues(
            tuple(value for value in given if isinstance(value, str)),
            tuple(value for value in given if isinstance(value, (int, float)) and not isinstance(value, bool)),
            tuple(value for value in given if isinstance(value, bool)),
        )

    def __bool__(self) -> bool:
        return bool(self.texts or self.numbers or self.booleans)

    def shown(self) -> str:
        """All of them, for a message."""
        return ", ".join([*map(show, self.texts), *map(str, self.numbers), *map(json.dumps, self.booleans)])

    def plain_numbers(self) -> list[str]:
        """The numbers as SQL of all engines."""
        return [str(one) if abs(one) < 10**_DIGITS else repr(float(one)) for one in self.numbers]

    def plain_booleans(self) -> list[str]:
        """The truth values as SQL of all engines."""
        return [json.dumps(value) for value in self.booleans]

    def instants(self, dates: bool) -> list[str]:
        """The texts that are times (UTC where they have no offset) or dates, in SQL's form."""
        read = _date if dates else _instant
        return [found for text in self.texts if (found := read(text))]

    def without_twin(self) -> str:
        """The first value that a text could be besides one that is listed: 1 where "1" is not, and the other way."""
        texts = {text for text in self.texts if _NUMBER.fullmatch(text) or text in ("true", "false")}
        others = {*map(str, self.numbers), *self.plain_booleans()}
        lonely = sorted((others - texts) | (texts - others))
        return f'{lonely[0]} and "{lonely[0]}"' if lonely else ""


def _instant(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
        return str((found.astimezone(UTC) if found.tzinfo else found).replace(tzinfo=None))
    except (ValueError, OverflowError):
        return ""


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""
