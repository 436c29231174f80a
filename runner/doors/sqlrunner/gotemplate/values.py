"""The values of Go templates: which Python value stands for which Go value, and what Go's reflection says of it.

Go's strings are bytes. They are kept as str here, bytes that are no UTF-8 as surrogates (`surrogateescape`), always in
the shortest form: `joined` mends the seams where two halves of a character meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, TypeAlias

Value: TypeAlias = bool | int | float | complex | str | list[Any] | dict[str, Any] | None


class Int64(int):
    """Go's int64: what SQL Runner makes of a negative whole number in YAML. A plain int is Go's int."""

    __slots__ = ()


class Uint64(int):
    """Go's uint64: what SQL Runner makes of a whole number in YAML that is not negative."""

    __slots__ = ()


class Uint8(int):
    """Go's byte: what indexing a string gives."""

    __slots__ = ()


class Slice(list[Any]):
    """A list cut out of another: `beyond` is what lies behind its end, which Go lets one slice into again."""

    __slots__ = ("beyond",)

    def __init__(self, items: Iterable[Any], beyond: list[Any]) -> None:
        super().__init__(items)
        self.beyond = beyond


class Missing(Enum):
    """Go's "no value", which a key that a map does not have gives. A nil that is there is None."""

    MISSING = "<no value>"


MISSING = Missing.MISSING
Result: TypeAlias = Value | Missing


class CallError(Exception):
    """A function cannot do what it was asked: Go's message, and a hint of ours."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


_TYPE_NAMES: dict[type, str] = {
    type(None): "interface {}",
    bool: "bool",
    int: "int",
    Int64: "int64",
    Uint64: "uint64",
    Uint8: "uint8",
    float: "float64",
    complex: "complex128",
    str: "string",
    list: "[]interface {}",
    Slice: "[]interface {}",
    dict: "map[string]interface {}",
}
_KINDS: dict[type, str] = {
    bool: "bool",
    int: "int",
    Int64: "int",
    Uint64: "uint",
    Uint8: "uint",
    float: "float",
    complex: "complex",
    str: "string",
}
_INTEGERS = frozenset((int, Int64, Uint64, Uint8))
_SEAM = re.compile("[\udc80-\udcff]{2}")


def type_name(value: Result) -> str:
    """Go's name for the type of a value."""
    found = _TYPE_NAMES.get(type(value))
    if found is None:
        raise CallError(f"a Python {type(value).__name__} is no value of a template")
    return found


def basic_kind(value: Result) -> str:
    """`bool`, `int`, `uint`, `float`, `complex` or `string`; empty for what has no order and no literal."""
    return _KINDS.get(type(value), "")


def is_integer(value: Result) -> bool:
    """Is this one of Go's integer types? (A bool is not.)"""
    return type(value) in _INTEGERS


def truth(value: Result) -> bool:
    """What `if` makes of a value: false, 0, nil, no value and everything empty are false."""
    return value is not MISSING and bool(value)


def to_bytes(text: str) -> bytes:
    """The bytes of a Go string; a surrogate that stands for no byte is written as U+FFFD, as Go would."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", text).encode("utf-8", "surrogateescape")


def from_bytes(data: bytes) -> str:
    """The string that these bytes are."""
    return data.decode("utf-8", "surrogateescape")


def joined(pieces: list[str]) -> str:
    """The pieces as one string; bytes that make a character together become that character."""
    text = "".join(pieces)
    return text if text.isascii() or not _SEAM.search(text) else from_bytes(to_bytes(text))


def sorted_keys(values: dict[str, Any]) -> list[str]:
    """The keys of a map in Go's order, which is that of their bytes."""
    return sorted(values, key=None if all(map(str.isascii, values)) else to_bytes)
