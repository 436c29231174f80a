"""JSON schemas as far as columns and rules need them: a structure's properties with their types, a use's rules.

A schema that is not one (an unknown type, `required` that is no list) is an error with its line. Other keywords say
nothing about a column and are left aside; in the rules of a specification they are kept as unsupported.
"""

from __future__ import annotations

import math

from runner.problems import Problems, show
from runner.products.documents import entry, scalar_value, text_of
from runner.products.values import NO_RULES, Json, Kind, Property, PropertyRule, Rules, Type, Unsupported
from runner.yamlfile import Broken, Mapping, Node, Scalar, Sequence
from runner.yamlschema import described, did_you_mean

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
ANNOTATIONS = frozenset({"$schema", "$comment", "title", "description", "default", "examples", "format"})
_ALLOWED = frozenset({"type", "properties", "required", "additionalProperties"}) | ANNOTATIONS
_RULES = frozenset({"type", "enum", "const", "minimum", "maximum"}) | ANNOTATIONS
_INVALID = "invalid JSON schema: "
MIXED = Type(Kind.TEXT, mixed=True)


def properties_of(schema: Node, problems: Problems) -> tuple[Property, ...]:
    """The properties of a structure, in the order of its file."""
    if not isinstance(schema, Mapping):
        _invalid(problems, schema, f"must be a mapping, not {described(schema)}", "write type: object and properties:")
        return ()
    _types(schema, problems)
    names(schema, problems)
    listed = _properties(schema, problems)
    return tuple(
        Property(key.text, _type(node, problems), text_of(entry(node, "description")), key.place)
        for key, node in listed
    )


def rules_of(schema: Node | None, problems: Problems) -> Rules:
    """What the schema of a use asks for, part by part; what SQL is not written for stands under `unsupported`."""
    if schema is None or isinstance(schema, Broken):
        return NO_RULES
    if not isinstance(schema, Mapping):
        _invalid(problems, schema, f"must be a mapping, not {described(schema)}", "write type: object and properties:")
        return NO_RULES
    unsupported = _others(schema, _ALLOWED)
    types = _types(schema, problems)
    if types and types != ("object",):
        _invalid(problems, schema, "the type of an event or entity is object", "write type: object")
    found = []
    for key, node in _properties(schema, problems):
        unsupported += _others(node, _RULES)
        found.append(_rule(key.text, node, problems))
    return Rules(names(schema, problems), tuple(found), tuple(unsupported))


def _rule(name: str, node: Node, problems: Problems) -> PropertyRule:
    const = entry(node, "const")
    values = _values(node, problems)
    if const is not None:
        fixed = _value(const, problems)
        values = (fixed,) if values is None else tuple(v for v in values if v == fixed)
    least, most = (_number(node, word, problems) for word in ("minimum", "maximum"))
    return PropertyRule(name, _types(node, problems) or None, values, least, most, node.place)


def _others(node: Node, known: frozenset[str]) -> list[Unsupported]:
    entries = node.entries if isinstance(node, Mapping) else ()
    return [Unsupported(key.text, key.place) for key, _ in entries if key.text not in known]


def _invalid(problems: Problems, node: Node, what: str, hint: str) -> None:
    if not isinstance(node, Broken):
        problems.add(node.place, _INVALID + what, hint)


def _properties(schema: Node, problems: Problems) -> tuple[tuple[Scalar, Node], ...]:
    listed = entry(schema, "properties")
    if listed is None or isinstance(listed, Broken):
        return ()
    if not isinstance(listed, Mapping):
        _invalid(problems, listed, f"'properties' must be a mapping, not {described(listed)}", "write name: {type: …}")
        return ()
    for _, node in listed.entries:
        if not isinstance(node, Mapping):
            _invalid(problems, node, f"a property must be a mapping, not {described(node)}", "write {type: string}")
    return tuple(pair for pair in listed.entries if isinstance(pair[1], Mapping))


def names(schema: Node, problems: Problems) -> tuple[str, ...]:
    """The names under `required`."""
    node = entry(schema, "required")
    if node is None:
        return ()
    if not isinstance(node, Sequence) or not all(isinstance(item, Scalar) for item in node.items):
        _invalid(problems, node, "'required' must be a list of names", "write required: [id]")
        return ()
    return tuple(item.text for item in node.items if isinstance(item, Scalar))


def _types(node: Node, problems: Problems) -> tuple[str, ...]:
    written = entry(node, "type")
    if written is None or isinstance(written, Broken):
        return ()
    items = written.items if isinstance(written, Sequence) else (written,)
    for item in items:
        text = text_of(item) or (item.text if isinstance(item, Scalar) else "")
        if text not in TYPES:
            what = f"{described(item)} is not a type"
            _invalid(problems, item, what, did_you_mean(text, TYPES))
    return tuple(item.text for item in items if isinstance(item, Scalar) and item.text in TYPES)


def _value(node: Node, problems: Problems) -> Json:
    if isinstance(node, Scalar):
        return scalar_value(node)
    _invalid(problems, node, "a list or mapping among values", "write texts, numbers, true, false or null")
    return None


def _values(node: Node, problems: Problems) -> tuple[Json, ...] | None:
    written = entry(node, "enum")
    if written is None or isinstance(written, Broken):
        return None
    if not isinstance(written, Sequence) or not written.items:
        _invalid(problems, written, "'enum' must be a list of values", "write enum: [a, b]")
        return None
    return tuple(_value(item, problems) for item in written.items)


def _number(node: Node, word: str, problems: Problems) -> int | float | None:
    written = entry(node, word)
    if written is None:
        return None
    value = scalar_value(written) if isinstance(written, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        _invalid(problems, written, f"{show(word)} must be a number, not {described(written)}", f"write {word}: 10")
        return None
    return value


def _type(node: Node, problems: Problems) -> Type:
    values = _values(node, problems)
    least, most = (_number(node, word, problems) for word in ("minimum", "maximum"))
    length = _number(node, "maxLength", problems)
    types = set(_types(node, problems)) - {"null"}
    if not types and values is not None:
        types = {_type_of(value) for value in values if value is not None}
    if not types or (len(types) > 1 and not types <= {"object", "array"}):
        return MIXED
    if types <= {"object", "array"}:
        return Type(Kind.JSON)
    (only,) = types
    if only == "string":
        form = text_of(entry(node, "format"))
        if form in ("date-time", "date"):
            return Type(Kind.TSTAMP if form == "date-time" else Kind.DATE)
        longest = max((len(v) for v in values or () if isinstance(v, str)), default=0) if values else 0
        return Type(Kind.TEXT, longest or int(length or 0))
    if only == "integer":
        listed = [v for v in values or () if isinstance(v, int)]
        return Type(_integer(min(listed) if listed else least, max(listed) if listed else most))
    return Type(Kind.BOOLEAN if only == "boolean" else Kind.NUMBER)


def _type_of(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    return {int: "integer", float: "number", str: "string"}.get(type(value), "string")


def _integer(least: int | float | None, most: int | float | None) -> Kind:
    """By the maximum, as loaders do it; a minimum far below counts, too."""
    low = 0 if least is None else least
    if most is None:
        return Kind.BIGINT if low >= -(2**63) else Kind.HUGE
    for bits, kind in ((15, Kind.SMALLINT), (31, Kind.INTEGER), (63, Kind.BIGINT)):
        if most < 2**bits and low >= -(2**bits):
            return kind
    return Kind.HUGE


def wider(one: Type, other: Type) -> Type:
    """A type that holds the values of both versions of a property."""
    if one == other:
        return one
    if one.kind == other.kind:
        length = max(one.length, other.length) if one.length and other.length else 0
        return Type(one.kind, length, one.mixed or other.mixed)
    order = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.HUGE, Kind.NUMBER)
    if one.kind in order and other.kind in order:
        return max(one, other, key=lambda type_: order.index(type_.kind))
    return MIXED
