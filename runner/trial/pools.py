"""Small pools of values per type, chosen to hurt: ties, case, borders of days, equal but not the same, nulls.

Every value is a text that the engine casts to the column's type, or None.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from runner.trial.looks import Look
from runner.warehouse.grounds.base import Ground

Type = exp.DataType
TEXTS = ("a", "A", "b", "c", "")
FLAVOURS = (
    TEXTS,
    ("1", "2", "10", "9", "01", "1.0"),
    ("day", "month", "hour", "week"),
    ("2024-01-01", "2024-01-01 23:30:00", "2024-01-02"),
)
LATE_TEXTS = ("z", "99", "year", "2024-03-09", '{"z": 9}')
"""What texts look like, and what late ones do: where the user's own SELECT fails on the first, the others are tried."""
TIMES = (
    "2024-01-01 23:30:00",
    "2024-01-02 00:15:00",
    "2024-01-02 12:00:00",
    "2024-01-05 22:30:00",
    "2024-01-31 23:30:00",
    "2024-02-01 00:00:00",
)
DATES = ("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05", "2024-01-31", "2024-02-01")
FLOATS = ("0.0", "-0.0", "1.5", "0.25", "-2.0", "3.0")  # sums of these are exact in any order
NUMBERS = ("0", "1", "2", "3", "9", "10")  # 9 and 10: as texts the other way round
TWINS = {
    "a": "A",
    "b": "B",
    "z": "Z",
    "1 month": "30 days",
    "720 hours": "1 month",
    "0.0": "-0.0",
    "true": "false",
    "1.0": "1.00",
    "2024-01-01 23:30:00": "2024-01-01 12:00:00",
    "2024-01-02 00:15:00": "2024-01-01 23:30:00",
}
TWINS |= {twin: value for value, twin in TWINS.items() if twin not in TWINS}
"""What is equal to a value, or nearly so."""
LIKE = {value: min(value, twin) for value, twin in TWINS.items()}
"""One of a value and its twins, for all of them."""

_T = exp.DataType.Type
_PLAIN: dict[Any, tuple[str, ...]] = {
    _T.BOOLEAN: ("true", "false"),
    _T.DATE: DATES,
    _T.TIME: ("23:30:00", "00:15:00", "12:00:00"),
    _T.INTERVAL: ("1 month", "30 days", "720 hours", "1 day", "0 days"),
    _T.UUID: ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"),
    _T.VARBINARY: ("a", "b"),
    _T.BINARY: ("a", "b"),
    _T.BIT: ("101", "110"),
    _T.INET: ("10.0.0.1", "10.0.0.2"),
}


def type_of(text: str, dialect: str) -> Type:
    """A column's type, as the engine spells it."""
    return exp.DataType.build(text, dialect=dialect, udt=True)


def is_time(type_: Type) -> bool:
    """Whether it is a point in time."""
    return type_.is_type(*exp.DataType.TEMPORAL_TYPES) and type_.this not in (_T.DATE, _T.TIME, _T.TIMETZ)


def is_text(type_: Type) -> bool:
    """Whether it is a text of some length."""
    return type_.is_type(*exp.DataType.TEXT_TYPES)


def is_ordered(type_: Type) -> bool:
    """Whether engines order it by its value, not by a text."""
    return type_.is_type(
        *exp.DataType.NUMERIC_TYPES, *exp.DataType.TEMPORAL_TYPES, *exp.DataType.TEXT_TYPES, _T.BOOLEAN
    )


def is_inexact(type_: Type) -> bool:
    """Whether the last digits of its sums depend on the order of rows, within it or its parts."""
    return any(part.is_type(_T.DOUBLE, _T.FLOAT) for part in type_.find_all(exp.DataType))


def pool(
    type_: Type, constants: Sequence[str], keys: Sequence[str], ground: Ground, look: Look = Look.WORD
) -> tuple[str | None, ...]:
    """The values that a column may get; `constants` are those that the SQL compares it with, `keys` those of JSON."""
    if type_.is_type(_T.JSON, _T.JSONB, _T.VARIANT, _T.SUPER) or (look is Look.JSON and is_text(type_)):
        return (*(text for text in _documents(keys) if _fits(text, type_)), None)
    return (*_values(type_, constants, ground, look), None)


def _documents(keys: Sequence[str]) -> tuple[str, ...]:
    """JSON with these keys, in an object and in an array of one."""
    values = ('"a"', "1", "null", '"A"')
    turns = [
        "{"
        + ", ".join(f'"{key}": {values[(at + turn) % len(values)]}' for at, key in enumerate(keys or ("a", "k")))
        + "}"
        for turn in range(len(values))
    ]
    return (*turns, f"[{turns[0]}]", f"[{turns[1]}]", "{}")


def _values(type_: Type, constants: Sequence[str], ground: Ground, look: Look) -> tuple[str, ...]:
    kind = type_.this
    if kind in (_T.STRUCT, _T.OBJECT):
        return _rows(type_, constants, ground)
    if kind in (_T.ARRAY, _T.LIST):
        inner = _values(_child(type_, 0), constants, ground, Look.WORD) or ("",)
        one, two, three = (inner[at % len(inner)] for at in range(3))
        lists: tuple[list[str | None], ...] = ([one], [two, three], [], [two, None])
        return tuple(map(ground.list_text, lists))
    if kind is _T.MAP:
        inner = _values(_child(type_, 1), constants, ground, Look.WORD) or ("",)
        maps: tuple[list[tuple[str, str | None]], ...] = (
            [],
            [("a", inner[0])],
            [("a", inner[1 % len(inner)]), ("b", inner[0])],
        )
        return tuple(text for e in maps if (text := ground.map_text(e)) is not None)
    if kind in (_T.ENUM, _T.ENUM8, _T.ENUM16):
        return tuple(label.name for label in type_.expressions)
    if kind in (_T.JSON, _T.JSONB, _T.VARIANT, _T.SUPER):
        return _documents(constants)
    if is_text(type_):
        return (
            *(c for c in constants if _fits(c, type_)),
            *(t for t in FLAVOURS[look] if _fits(t, type_)),
        )
    return _scalars(type_, constants)


def _scalars(type_: Type, constants: Sequence[str]) -> tuple[str, ...]:
    if type_.this in _PLAIN:
        return _PLAIN[type_.this]
    if is_time(type_):
        return TIMES
    if type_.is_type(_T.DOUBLE, _T.FLOAT):
        return FLOATS
    if type_.is_type(*exp.DataType.INTEGER_TYPES):
        return (*NUMBERS, *(c for c in constants if c.lstrip("-").isdigit()))
    if type_.is_type(*exp.DataType.NUMERIC_TYPES):
        return ("0", "1", "2", "-1") if type_.expressions else ("0", "1.0", "1.00", "2", "-1", "1.5")
    return ()  # a type that nobody here knows: nulls alone


def late(type_: Type, look: Look = Look.WORD) -> tuple[str, ...]:
    """Values beyond all others, that only later steps bring: what is counted or compared over all keys moves."""
    if type_.this is _T.DATE:
        return ("2024-03-09", "2023-12-31")
    if is_time(type_):
        return ("2024-03-09 10:00:00", "2023-12-31 23:59:00")
    if type_.is_type(_T.DOUBLE, _T.FLOAT):
        return ("99.5",)
    if type_.is_type(*exp.DataType.NUMERIC_TYPES):
        return ("11", "-1") if type_.is_type(*exp.DataType.SIGNED_INTEGER_TYPES) else ("11",)
    return (LATE_TEXTS[look],) if is_text(type_) else ()


def _rows(type_: Type, constants: Sequence[str], ground: Ground) -> tuple[str, ...]:
    fields = [
        (field.name, _values(field.args["kind"], constants, ground, Look.WORD) or ("",)) for field in type_.expressions
    ]
    width = max((len(values) for _, values in fields), default=0)
    texts = [  # each field begins elsewhere, so that fields and columns of one name differ
        ground.row_text([(name, values[(turn + at + 1) % len(values)]) for at, (name, values) in enumerate(fields)])
        for turn in range(width)
    ]
    return tuple(text for text in texts if text is not None)


def _child(type_: Type, at: int) -> Type:
    child = type_.expressions[at] if at < len(type_.expressions) else None
    return child if isinstance(child, exp.DataType) else exp.DataType.build("text")


def _fits(text: str, type_: Type) -> bool:
    """Whether a text of limited length holds it."""
    size = type_.expressions[0].name if type_.expressions else ""
    return not size.isdigit() or len(text) <= int(size)
