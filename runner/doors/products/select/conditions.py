"""The rules of a specification as SQL over one element: enum, const, type, minimum, maximum, required.

A null is like no value: it breaks no rule but `required`. A value that its schema does not allow breaks every other.
What SQL is not written for is refused with its line.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from runner.doors.products.layouts import Engine
from runner.doors.products.select.casts import NUMBER, from_text
from runner.doors.products.select.listed import Listed
from runner.doors.products.values import Kind, Property, PropertyRule, Rules, Use
from runner.errors import Place, Problems, did_you_mean, show

NUMBERS = frozenset({Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.HUGE, Kind.NUMBER})
INFERRED = "use --match snowtype"
_DOCUMENTS = frozenset({"object", "array"})
_HOLDS = {
    Kind.TEXT: {"string"},
    Kind.TSTAMP: {"string"},
    Kind.DATE: {"string"},
    Kind.SMALLINT: {"integer", "number"},
    Kind.INTEGER: {"integer", "number"},
    Kind.BIGINT: {"integer", "number"},
    Kind.HUGE: {"integer", "number"},
    Kind.NUMBER: {"number"},
    Kind.BOOLEAN: {"boolean"},
}


class Element(ABC):
    """One element of an event or entity, as SQL reaches its properties."""

    setting: Engine

    @abstractmethod
    def held(self, one: Property) -> str:
        """What is null where there is no value; Redshift has no text for a boolean."""

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
        problems.add(other.place, f"the rule {show(other.keyword)} cannot be put into SQL", hint)
    found = []
    for name in rules.required:
        if name in known:
            found.append(f"{element.held(known[name])} is not null")
        else:
            _unknown(name, use, known, use.place, problems)
    for rule in rules.properties:
        if rule.name in known:
            one = known[rule.name]
            found += [_kept(condition, one, element) for condition in _of_property(rule, one, element, problems)]
        else:
            _unknown(rule.name, use, known, rule.place, problems)
    return found


def _unknown(name: str, use: Use, known: dict[str, Property], place: Place, problems: Problems) -> None:
    problems.add(place, f"{use.uri} has no property {show(name)}", did_you_mean(name, known))


def _kept(condition: str, one: Property, element: Element) -> str:
    """The condition, which a null keeps, too, and a value that cannot be compared does not."""
    return f"({element.held(one)} is null or coalesce({condition}, false))"


def _of_property(rule: PropertyRule, one: Property, element: Element, problems: Problems) -> Iterator[str]:
    if rule.values is not None:
        yield _among(Listed.of(rule.values), rule, one, element, problems)
    for bound, sign in ((rule.minimum, ">="), (rule.maximum, "<=")):
        if bound is not None and one.type.kind in NUMBERS:
            yield f"{element.typed(one)} {sign} {bound}"
        elif bound is not None:
            what = f"a range of {show(one.name)}, which is no number in its schema, cannot be put into SQL"
            problems.add(rule.place, what, f"take the range out, or {INFERRED}")
    if rule.types is not None:
        yield from _of_types(rule.types, rule, one, element, problems)


def _of_types(
    types: tuple[str, ...], rule: PropertyRule, one: Property, element: Element, problems: Problems
) -> Iterator[str]:
    if one.type.mixed:
        what = f"a type of {show(one.name)}, which has several in its schema, cannot be put into SQL"
        problems.add(rule.place, what, f"take the type out, or {INFERRED}")
    elif one.type.kind is Kind.JSON:
        yield from _of_documents(_DOCUMENTS & set(types), rule, one, element, problems)
    elif not _HOLDS[one.type.kind] & set(types):
        integer = one.type.kind is Kind.NUMBER and "integer" in types
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
            what = f"objects and arrays in {show(one.name)} cannot be told apart in layout {element.setting.layout}"
            problems.add(rule.place, what, f"take the type out, or {INFERRED}")


def _among(listed: Listed, rule: PropertyRule, one: Property, element: Element, problems: Problems) -> str:
    """Equal to one of the values: numbers as numbers, times as instants, and 1 is not "1"."""
    setting, kind = element.setting, one.type.kind
    if not listed:
        return "false"  # null alone
    if one.type.mixed:
        return _among_mixed(listed, rule, one, element, problems)
    if kind in NUMBERS:
        values = listed.plain_numbers()
    elif kind is Kind.BOOLEAN:
        values = listed.plain_booleans()
    elif kind in (Kind.TSTAMP, Kind.DATE):
        values = [f"cast('{text}' as {setting.type(one.type)})" for text in listed.instants(kind is Kind.DATE)]
    else:
        values = listed.literals(setting.name) if kind is Kind.TEXT else []
    if not values:
        what = f"none of the values that {show(one.name)} may have here is one that its schema allows: {listed.shown()}"
        problems.add(rule.place, what, f"write values of its type ({kind}); texts stand in quotes")
    return f"{element.typed(one)} in ({', '.join(values)})" if values else "false"


def _among_mixed(listed: Listed, rule: PropertyRule, one: Property, element: Element, problems: Problems) -> str:
    """The same where the schema has several types, so that the value's own type has to be told."""
    text = element.text(one)
    number = from_text(text, NUMBER, element.setting)
    pairs = (
        ("string", text, listed.literals(element.setting.name)),
        ("number", number, listed.plain_numbers()),
        ("boolean", text, [f"'{value}'" for value in listed.plain_booleans()]),
    )
    found = [
        (element.is_a(one, json_type), f"{value} in ({', '.join(values)})")
        for json_type, value, values in pairs
        if values
    ]
    if any(told is None for told, _ in found) and (twin := listed.without_twin()):
        what = f"in layout {element.setting.layout} {show(one.name)} is a text, in which {twin} cannot be told apart"
        problems.add(rule.place, what, f"list both, or {INFERRED}")
    return " or ".join(f"({told} and {condition})" if told else condition for told, condition in found)
