"""The rules of a specification as SQL over one element: enum, const, type, minimum, maximum, required.

A null is like no value: it breaks no rule but `required`. What SQL is not written for is refused with its line.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from runner.errors import Place
from runner.problems import Problems, show
from runner.products.naming import literal
from runner.products.values import Json, Kind, Property, PropertyRule, Rules, Use
from runner.yamlschema import did_you_mean

NUMBERS = frozenset({Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.HUGE, Kind.NUMBER})
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
    Kind.JSON: {"object", "array"},
}


class Element(ABC):
    """One element of an event or entity, as SQL reaches its properties."""

    engine: str

    @abstractmethod
    def text(self, one: Property) -> str:
        """A property as text."""

    @abstractmethod
    def typed(self, one: Property) -> str:
        """A property in the engine's type."""


def conditions(use: Use, properties: tuple[Property, ...], element: Element, problems: Problems) -> list[str]:
    """Conditions that an element which obeys the rules fulfils; what cannot be written is a problem."""
    rules: Rules = use.rules
    known = {one.name: one for one in properties}
    for other in rules.unsupported:
        hint = "type, enum, const, minimum, maximum and required can be; take it out, or use --match snowtype"
        problems.add(other.place, f"the rule {show(other.keyword)} cannot be put into SQL", hint)
    found = []
    for name in rules.required:
        if name in known:
            found.append(f"{element.text(known[name])} is not null")
        else:
            _unknown(name, use, known, use.place, problems)
    for rule in rules.properties:
        if rule.name in known:
            found += _of_property(rule, known[rule.name], element, rule.name in rules.required, problems)
        else:
            _unknown(rule.name, use, known, rule.place, problems)
    return found


def _unknown(name: str, use: Use, known: dict[str, Property], place: Place, problems: Problems) -> None:
    problems.add(place, f"{use.uri} has no property {show(name)}", did_you_mean(name, known))


def _of_property(
    rule: PropertyRule, one: Property, element: Element, required: bool, problems: Problems
) -> Iterator[str]:
    if rule.values is not None:
        yield _among(rule.values, one, element, required)
    for bound, sign in ((rule.minimum, ">="), (rule.maximum, "<=")):
        if bound is not None and one.type.kind in NUMBERS:
            value = element.typed(one)
            yield _kept(value, f"{value} {sign} {bound}", required)
        elif bound is not None:
            what = f"a range of {show(one.name)}, which is no number in its schema, cannot be put into SQL"
            problems.add(rule.place, what, "take the range out, or use --match snowtype")
    if rule.types is not None:
        if one.type.mixed:
            what = f"a type of {show(one.name)}, which has several in its schema, cannot be put into SQL"
            problems.add(rule.place, what, "take the type out, or use --match snowtype")
        elif not _HOLDS[one.type.kind] & set(rule.types):
            if one.type.kind is Kind.NUMBER and "integer" in rule.types:
                value = element.typed(one)
                yield _kept(value, f"{value} = floor({value})", required)
            else:
                yield f"{element.text(one)} is null"


def _kept(value: str, condition: str, required: bool) -> str:
    """The condition, which a null keeps, too; of a required property there is none."""
    return condition if required else f"({value} is null or {condition})"


def _among(values: tuple[Json, ...], one: Property, element: Element, required: bool) -> str:
    given = [value for value in values if value is not None]
    numbers = [value for value in given if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if not given:
        return f"{element.text(one)} is null"
    if numbers and len(numbers) == len(given) and one.type.kind in NUMBERS:
        value = element.typed(one)
        return _kept(value, f"{value} in ({', '.join(map(str, numbers))})", required)
    texts = ", ".join(literal(_plain(value), element.engine) for value in given)
    value = element.text(one)
    return _kept(value, f"{value} in ({texts})", required)


def _plain(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
