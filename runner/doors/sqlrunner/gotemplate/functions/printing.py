"""How Go prints values without a format: what an action prints, and the functions print and println."""

from __future__ import annotations

from runner.doors.sqlrunner.gotemplate.functions.floats import format_float
from runner.doors.sqlrunner.gotemplate.values import MISSING, CallError, Result, Value, joined, sorted_keys, type_name

MAX_TEXT = 50_000_000  # characters; no text that a template makes may be longer
PIECE = 10  # what a piece of text costs beside its characters


def too_long() -> CallError:
    """The error for a text beyond all measure."""
    return CallError(f"more than {MAX_TEXT:,} characters", "the template makes far more text than a query can be")


def shown(value: Result) -> str:
    """What an action prints for a value."""
    if type(value) is str:
        return value
    if value is None or value is MISSING:
        return "<no value>"
    return plain(value)


def plain(value: Value) -> str:
    """Go's `%v`."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "<nil>"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return format_float(value, "g", -1)
    pieces: list[str] = []
    _Collector(pieces).add(value)
    return joined(pieces)


class _Collector:
    """Writes a value in pieces and stops where it becomes too long: lists may hold each other many times over."""

    def __init__(self, pieces: list[str]) -> None:
        self._write, self._size = pieces.append, 0

    def add(self, value: Value) -> None:
        if isinstance(value, list):
            self._write("[")
            for index, item in enumerate(value):
                if index:
                    self._write(" ")
                self.add(item)
            self._write("]")
            self._size += (len(value) + 2) * PIECE
        elif isinstance(value, dict):
            self._write("map[")
            for index, key in enumerate(sorted_keys(value)):
                self._write(f" {key}:" if index else f"{key}:")
                self._size += len(key) + PIECE
                self.add(value[key])
            self._write("]")
            self._size += len(value) + PIECE
        elif isinstance(value, complex):
            self._write(_complex(value))
        else:
            type_name(value)
            text = plain(value)
            self._size += len(text)
            self._write(text)
        if self._size > MAX_TEXT:
            raise too_long()


def _complex(value: complex) -> str:
    real, imaginary = format_float(value.real, "g", -1), format_float(value.imag, "g", -1)
    return f"({real}{'' if imaginary[0] in '+-' else '+'}{imaginary}i)"


def print_values(*values: Value) -> str:
    """Go's Sprint: a space between two values of which neither is a string."""
    pieces: list[str] = []
    after_string = True
    for value in values:
        is_string = isinstance(value, str)
        if not (is_string or after_string):
            pieces.append(" ")
        pieces.append(plain(value))
        after_string = is_string
    return checked(pieces)


def print_line(*values: Value) -> str:
    """Go's Sprintln: a space between all values, and a line break at the end."""
    return checked([" ".join(map(plain, values)), "\n"])


def checked(pieces: list[str]) -> str:
    """The pieces as one text, if it is not too long."""
    if sum(map(len, pieces)) > MAX_TEXT:
        raise too_long()
    return joined(pieces)
