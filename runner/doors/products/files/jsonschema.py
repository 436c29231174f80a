"""JSON schemas as far as columns and rules need them: a structure's properties with their types, a use's rules.

A schema that is not one (an unknown type, `required` that is no list) is an error with its line. Schemas within schemas
($ref, allOf, anyOf, oneOf) are followed for properties and their types; where none of them says a type the property is a
text and says why. Other keywords say nothing about a column and are left aside; in the rules
of a specification they are kept as unsupported.
"""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from functools import reduce

from runner.doors.products.files.documents import entry, scalar_value, text_of
from runner.doors.products.files.references import References
from runner.doors.products.values import NO_RULES, BaseType, Json, Property, PropertyRule, Rules, Type, Unsupported
from runner.errors import Place, Problems, did_you_mean, show
from runner.files.schema import described
from runner.files.yaml import Broken, Mapping, Node, Scalar, Sequence

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_WHOLE = {BaseType.SMALLINT, BaseType.INTEGER, BaseType.BIGINT}
ANNOTATIONS = frozenset({"$schema", "$comment", "title", "description", "default", "examples", "format"})
_ALLOWED = frozenset({"type", "properties", "required", "additionalProperties"}) | ANNOTATIONS
_RULES = frozenset({"type", "enum", "const", "minimum", "maximum"}) | ANNOTATIONS
_INSTEAD = ("$ref", "allOf", "anyOf", "oneOf")  # of a type
_INVALID = "invalid JSON schema: "
MIXED = Type(BaseType.TEXT, mixed=True)
MOST_DIGITS = 12  # behind the point of a decimal; steps finer than that are numbers


def properties_of(schema: Node, problems: Problems) -> tuple[Property, ...]:
    """The properties of a structure, in the order of its file."""
    if not isinstance(schema, Mapping):
        _invalid(problems, schema, f"must be a mapping, not {described(schema)}", "write type: object and properties:")
        return ()
    references = References(schema, problems)
    whole = references.structure(schema)
    _types(whole, problems)
    needed = names(whole, problems)
    return tuple(_followed(key, node, references, needed, problems) for key, node in _properties(whole, problems))


def _followed(key: Scalar, node: Node, references: References, needed: tuple[str, ...], problems: Problems) -> Property:
    """A property of a structure. Loaders do not follow $ref: what stands behind it they keep in one piece, as JSON."""
    written = references.followed(node)
    found = _property(key.text, key.place, written, problems)
    found = replace(found, needed=key.text in needed and _has_no_null(written))
    if entry(node, "$ref") is None and entry(node, "allOf") is None:
        return found
    type_ = MIXED if found.type.base is BaseType.TEXT and not _told(node) else found.type
    return replace(found, type=type_, fields=() if not _told(node) else found.fields, whole=True)


def _property(name: str, place: Place, node: Node, problems: Problems) -> Property:
    type_ = _type(node, problems)
    fields: tuple[Property, ...] = ()
    if type_ == Type(BaseType.JSON, only="object") and "object" in _types(node, Problems()):
        fields = tuple(_property(key.text, key.place, inner, problems) for key, inner in _properties(node, problems))
    items = entry(node, "items") if type_ == Type(BaseType.JSON, only="array") else None
    element = _property("", items.place, items, problems) if isinstance(items, Mapping) else None
    description = text_of(entry(node, "description"))
    return Property(name, type_, description, _untold(node), place, fields, not fields, element, _values(node))


def _told(node: Node) -> bool:
    """Whether a schema says a type of its own."""
    return any(entry(node, word) is not None for word in ("type", "enum", "const"))


def _untold(node: Node) -> str:
    """The keyword behind which a property's type stands, where it has none of its own and that says none."""
    if _told(node) or _alternatives(node, Problems()):
        return ""
    return next((word for word in _INSTEAD if entry(node, word) is not None), "")


def _alternatives(node: Node, problems: Problems) -> list[Type]:
    """The types of anyOf and oneOf; none where one of them says no type."""
    parts = next((found for word in ("anyOf", "oneOf") if isinstance(found := entry(node, word), Sequence)), None)
    if parts is None or not all(_told(part) for part in parts.items):
        return []
    return [_type(part, problems) for part in parts.items if set(_types(part, Problems())) != {"null"}]


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
        unsupported += _others(node, _RULES) + _compounds(node)
        found.append(_rule(key.text, node, problems))
    return Rules(names(schema, problems), tuple(found), tuple(unsupported))


def _rule(name: str, node: Node, problems: Problems) -> PropertyRule:
    const = entry(node, "const")
    listed = _listed(node, problems)
    values = None if listed is None else tuple(_value(item, problems) for item in listed)
    if const is not None:
        fixed = _value(const, problems)
        values = (
            (fixed,)
            if values is None
            else tuple(v for v in values if v == fixed and isinstance(v, bool) is isinstance(fixed, bool))
        )
    least, most = (_number(node, word, problems) for word in ("minimum", "maximum"))
    if least is not None and most is not None and least > most:
        problems.add(node.place, f"minimum {least} is more than maximum {most}", "no value can have both: mend one")
    return PropertyRule(name, _types(node, problems) or None, values, least, most, node.place)


def _compounds(node: Node) -> list[Unsupported]:
    """Lists and mappings among the values of a rule."""
    enum, const = entry(node, "enum"), entry(node, "const")
    values = [*(enum.items if isinstance(enum, Sequence) else ()), *([const] if const else ())]
    return [
        Unsupported("a list or mapping among values", v.place, compound=True)
        for v in values
        if isinstance(v, (Mapping, Sequence))
    ]


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
    """A scalar among the values of an enum or const; of anything else nothing."""
    value = scalar_value(node) if isinstance(node, Scalar) else None
    if isinstance(value, float) and not math.isfinite(value):
        _invalid(problems, node, f"{described(node)} is larger than any number", "write a number below 1e308")
    return value


def _values(node: Node) -> tuple[Json, ...]:
    """What an enum or const allows; nothing where it has lists or mappings."""
    const, own = entry(node, "const"), Problems()
    listed = _listed(node, own) or ((const,) if const is not None else ())
    return tuple(_value(item, own) for item in listed) if all(isinstance(item, Scalar) for item in listed) else ()


def _has_no_null(node: Node) -> bool:
    """Whether a schema says what it allows, and null is not among it."""
    types = _types(node, Problems())
    allowed = types or tuple("null" if value is None else "a value" for value in _values(node))
    return bool(allowed) and "null" not in allowed


def _listed(node: Node, problems: Problems) -> tuple[Node, ...] | None:
    """What stands under `enum`."""
    written = entry(node, "enum")
    if written is None or isinstance(written, Broken):
        return None
    if not isinstance(written, Sequence) or not written.items:
        _invalid(problems, written, "'enum' must be a list of values", "write enum: [a, b]")
        return None
    return written.items


def _number(node: Node, word: str, problems: Problems) -> int | float | None:
    written = entry(node, word)
    if written is None:
        return None
    value = scalar_value(written) if isinstance(written, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        _invalid(problems, written, f"{show(word)} must be a number, not {described(written)}", f"write {word}: 10")
        return None
    return value


def _length(node: Node, problems: Problems) -> int:
    """A text's longest; 0 where nothing is said."""
    written = entry(node, "maxLength")
    if written is None:
        return 0
    value = scalar_value(written) if isinstance(written, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != value // 1:
        what = f"'maxLength' must be a whole number, zero or more, not {described(written)}"
        _invalid(problems, written, what, "write maxLength: 255")
        return 0
    return int(value)


def _type(node: Node, problems: Problems) -> Type:
    const = entry(node, "const")
    listed = _listed(node, problems) or ((const,) if const is not None else ())
    values = [_value(item, problems) for item in listed]
    least, most = (_number(node, word, problems) for word in ("minimum", "maximum"))
    length = _length(node, problems)
    types = set(_types(node, problems)) - {"null"} or {_type_of(item) for item in listed} - {"null"}
    if types == {"integer", "number"}:
        types = {"number"}
    if not types and (found := _alternatives(node, problems)):
        both = reduce(wider, found)
        return MIXED if both.base is BaseType.TEXT else both  # untyped to loaders, who keep it as JSON
    if not types or (len(types) > 1 and not types <= {"object", "array"}):
        return MIXED
    if types <= {"object", "array"}:
        return Type(BaseType.JSON, only=types.pop() if len(types) == 1 else "")
    (only,) = types
    if only == "string":
        form = text_of(entry(node, "format"))
        if form in ("date-time", "date"):
            return Type(BaseType.TSTAMP if form == "date-time" else BaseType.DATE)
        return Type(BaseType.TEXT, max((len(v) for v in values if isinstance(v, str)), default=0) or length)
    if only == "integer":
        whole = [v for v in values if isinstance(v, int)]
        return Type(_integer(min(whole) if whole else least, max(whole) if whole else most))
    if only == "number" and (scale := _scale(node, problems)):
        return Type(BaseType.DECIMAL, scale=scale)
    return Type(BaseType.BOOLEAN if only == "boolean" else BaseType.NUMBER)


def _scale(node: Node, problems: Problems) -> int:
    """How many digits the multiples of 0.01 and the like have behind the point; 0 for other numbers."""
    step = _number(node, "multipleOf", problems)
    exponent = Decimal(str(step)).normalize().as_tuple().exponent if step else 0
    return -exponent if isinstance(exponent, int) and -MOST_DIGITS <= exponent < 0 else 0


def _type_of(node: Node) -> str:
    if not isinstance(node, Scalar):
        return "array" if isinstance(node, Sequence) else "object"
    value = scalar_value(node)
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    return {int: "integer", float: "number"}.get(type(value), "string")


def _integer(least: float | None, most: float | None) -> BaseType:
    """By the maximum, as loaders do it; a minimum far below counts, too."""
    low = 0 if least is None else least
    if most is None:
        return BaseType.BIGINT if low >= -(2**63) else BaseType.HUGE
    for bits, base in ((15, BaseType.SMALLINT), (31, BaseType.INTEGER), (63, BaseType.BIGINT)):
        if most < 2**bits and low >= -(2**bits):
            return base
    return BaseType.HUGE


def wider(one: Type, other: Type) -> Type:
    """A type that holds the values of both versions of a property."""
    if one == other:
        return one
    if one.base == other.base:
        length = max(one.length, other.length) if one.length and other.length else 0
        scale = max(one.scale, other.scale)
        return Type(one.base, length, scale, one.mixed or other.mixed)  # objects and arrays: either
    if BaseType.DECIMAL in (one.base, other.base) and {one.base, other.base} & _WHOLE:
        return one if one.base is BaseType.DECIMAL else other
    order = (BaseType.SMALLINT, BaseType.INTEGER, BaseType.BIGINT, BaseType.HUGE, BaseType.NUMBER)
    numbers = [Type(BaseType.NUMBER) if type_.base is BaseType.DECIMAL else type_ for type_ in (one, other)]
    if all(type_.base in order for type_ in numbers):
        return max(numbers, key=lambda type_: order.index(type_.base))
    return MIXED
