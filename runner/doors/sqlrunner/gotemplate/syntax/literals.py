"""Go's literals: quoted strings and characters, read and written, and numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.doors.sqlrunner.gotemplate.values import from_bytes, to_bytes

_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_SHORT = {7: "\\a", 8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t", 11: "\\v"}
_ESCAPED = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\])|(?P<quote>['\"])|x(?P<byte>[0-9a-fA-F]{2})|(?P<octal>[0-7]{3})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))"
)
_LONE = re.compile("[\ud800-\udfff]")
_FLOAT = r"(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)"
_COMPLEX = re.compile(rf"([+-]?{_FLOAT})([+-]{_FLOAT})i")
_BAD_UNDERSCORE = re.compile(r"[^0-9a-fA-FxX]_|_(?:[^0-9a-fA-F]|\Z)")


class BadLiteral(Exception):
    """A literal that Go would refuse; the message is Go's."""


@dataclass(frozen=True)
class Quantity:
    """What a number means: its value as a constant of its own, and as an int if it is whole."""

    value: int | float | complex | None
    integer: int | None


def _escaped_char(char: str, quote: str, ascii_only: bool) -> str:
    if char in (quote, "\\"):
        return "\\" + char
    code = ord(char)
    if (code < 0x7F if ascii_only else True) and char.isprintable():
        return char
    if code in _SHORT:
        return _SHORT[code]
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quoted(text: str, *, ascii_only: bool = False) -> str:
    """The text as a Go string constant in double quotes."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_escaped_char(char, '"', ascii_only) for char in text) + '"'


def quoted_char(code: int, *, ascii_only: bool = False) -> str:
    """A character as a Go constant in single quotes; what is no character is U+FFFD."""
    return f"'{_escaped_char(character(code), chr(39), ascii_only)}'"


def character(code: int) -> str:
    """The character of a code point, U+FFFD if there is none."""
    return chr(code) if 0 <= code < 0xD800 or 0xE000 <= code <= 0x10FFFF else "\ufffd"


def can_backquote(text: str) -> bool:
    """Can the text stand between backquotes on one line?"""
    return not any(
        char in "`\x7f\ufeff" or (char < " " and char != "\t") or "\ud800" <= char <= "\udfff" for char in text
    )


def unquoted(text: str) -> str:
    """What a string constant means, in double quotes or backquotes (which are balanced)."""
    if text[0] == "`":
        return text[1:-1].replace("\r", "")
    inner = _LONE.sub("\ufffd", text[1:-1])
    if "\\" not in inner:
        return inner
    pieces = bytearray()
    at = 0
    while at < len(inner):
        stop = inner.find("\\", at)
        stop = len(inner) if stop < 0 else stop
        pieces += to_bytes(inner[at:stop])
        if stop == len(inner):
            break
        code, is_byte, at = _escape(inner, stop, '"')
        pieces += bytes((code,)) if is_byte else chr(code).encode()
    return from_bytes(bytes(pieces))


def _escape(text: str, at: int, quote: str) -> tuple[int, bool, int]:
    """The code that a backslash sequence stands for, whether it is a byte, and where the text goes on."""
    found = _ESCAPED.match(text, at)
    if not found or found["quote"] not in (None, quote):
        raise BadLiteral("invalid syntax")
    kind, word = found.lastgroup, found[found.lastgroup or 0]
    if kind == "simple":
        return _SIMPLE[word], True, found.end()
    if kind == "quote":
        return ord(word), True, found.end()
    code = int(word, 8 if kind == "octal" else 16)
    is_byte = kind in ("octal", "byte")
    if code > (0xFF if is_byte else 0x10FFFF) or (not is_byte and 0xD800 <= code <= 0xDFFF):
        raise BadLiteral("invalid syntax")
    return code, is_byte, found.end()


def char_constant(text: str) -> int:
    """The code of a character constant, in its single quotes."""
    if text == "''":
        raise BadLiteral("invalid syntax")
    if text[1] == "\\":
        code, _, end = _escape(text, 1, "'")
    else:
        code, end = ord(text[1]), 2
        code = 0xFFFD if 0xD800 <= code <= 0xDFFF else code
    if text[end:] != "'":
        raise BadLiteral(f"malformed character constant: {text}")
    return code


def number(text: str) -> Quantity:
    """What a number without a complex part of two numbers means."""
    if text.endswith("i") and (imaginary := _float(text[:-1])) is not None:
        return _from_complex(complex(0, imaginary))
    whole = _integer(text)
    if whole is not None and -(1 << 63) <= whole < 1 << 63:
        return Quantity(whole, whole)
    if whole is not None and 0 <= whole < 1 << 64 and text[0] != "+":
        return Quantity(None, None)
    value = _float(text)
    if value is None:
        raise BadLiteral(f"illegal number syntax: {quoted(text)}")
    if not any(mark in text for mark in ".eEpP"):
        raise BadLiteral(f"integer overflow: {quoted(text)}")
    return Quantity(value, _whole(value))


def complex_number(text: str) -> Quantity:
    """What two numbers and an i mean."""
    found = _COMPLEX.fullmatch(text)
    if not found or found[2] in ("+", "-"):
        raise BadLiteral("syntax error scanning complex number")
    parts = []
    for word in found.groups():
        part = _float(word)
        if part is None:
            raise BadLiteral(f"strconv.ParseFloat: parsing {quoted(word)}: invalid syntax")
        parts.append(part)
    return _from_complex(complex(parts[0], parts[1]))


def _from_complex(value: complex) -> Quantity:
    return Quantity(value, _whole(value.real) if value.imag == 0 else None)


def _whole(value: float) -> int | None:
    return int(value) if value == value // 1 and abs(value) < 1 << 63 else None


def _integer(text: str) -> int | None:
    try:
        unsigned = text.lstrip("+-")
        if len(unsigned) > 1 and unsigned[0] == "0" and unsigned[1] in "01234567_":
            return int(text, 8)
        return int(text, 0)
    except ValueError:
        return None


def _float(text: str) -> float | None:
    """A float as Go reads it; None for what it refuses, numbers too large included."""
    try:
        if text[:3].lstrip("+-")[:2] in ("0x", "0X"):
            if not re.search("[pP]", text) or _BAD_UNDERSCORE.search(text):
                return None
            value = float.fromhex(text.replace("_", ""))
        else:
            value = float(text)
    except (ValueError, OverflowError):
        return None
    return value if abs(value) != float("inf") else None
