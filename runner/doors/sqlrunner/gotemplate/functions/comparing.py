"""Go's comparisons in templates: eq, ne, lt, le, gt, ge. Types must agree; only signed and unsigned numbers may differ."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from runner.doors.sqlrunner.gotemplate.functions.printf import format_values
from runner.doors.sqlrunner.gotemplate.values import MISSING, CallError, Result, basic_kind, to_bytes, type_name

_BAD_TYPE = "invalid type for comparison"
_WHOLE = ("int", "uint")


def equal(first: Result, *others: Result) -> bool:
    """Is the first equal to any of the others?"""
    if not others:
        raise CallError("missing argument for comparison", "write what to compare with: eq .x 1")
    kind = basic_kind(first)
    for other in others:
        other_kind = basic_kind(other)
        if kind == other_kind or (kind in _WHOLE and other_kind in _WHOLE):
            same = first == other if kind else _equal_without_order(first, other)
        elif _is_nothing(first) or _is_nothing(other):
            same = False
        else:
            raise _incompatible(first, other)
        if same:
            return True
    return False


def not_equal(first: Result, second: Result) -> bool:
    """Are the two different?"""
    return not equal(first, second)


def _is_nothing(value: Result) -> bool:
    return value is None or value is MISSING


def _incompatible(first: Result, other: Result) -> CallError:
    names = type_name(first), type_name(other)
    hint = f"the first is {names[0]}, the second {names[1]}"
    if "string" in names:
        hint += '; values from --var and -var are always strings: compare with a text in quotes, as in eq .x "true"'
    return CallError(f"incompatible types for comparison: {names[0]} and {names[1]}", hint)


def _equal_without_order(first: Result, other: Result) -> bool:
    """Nil is equal to nil; lists and maps cannot be compared with anything but nil."""
    if _is_nothing(first) or _is_nothing(other):
        return _is_nothing(first) and _is_nothing(other)
    hint = "lists and maps can be compared with nil only; compare their items, or their len"
    if isinstance(first, list) != isinstance(other, list):
        form = "non-comparable types %s: %v, %s: %v"
        raise CallError(_told(form, first, type_name(first), type_name(other), other), hint)
    raise CallError(_told("non-comparable type %s: %v", other, type_name(other)), hint)


def _told(form: str, *values: Any) -> str:
    return format_values(form, *values)


def _ordered(compare: Callable[[Any, Any], bool], first: Result, second: Result) -> bool:
    kind, other_kind = basic_kind(first), basic_kind(second)
    if not kind or not other_kind:
        missing = _is_nothing(first) or _is_nothing(second)
        raise CallError(
            _BAD_TYPE, "a value that is missing has no order; or gives it one: lt (or .x 0) 1" if missing else ""
        )
    if kind != other_kind and not (kind in _WHOLE and other_kind in _WHOLE):
        raise _incompatible(first, second)
    if kind in ("bool", "complex"):
        raise CallError(_BAD_TYPE, f"a {type_name(first)} has no order; use eq or ne")
    if isinstance(first, str) and isinstance(second, str) and not (first.isascii() and second.isascii()):
        return compare(to_bytes(first), to_bytes(second))
    return compare(first, second)


def less(first: Result, second: Result) -> bool:
    """First < second"""
    return _ordered(operator.lt, first, second)


def less_or_equal(first: Result, second: Result) -> bool:
    """First <= second"""
    return less(first, second) or equal(first, second)


def greater(first: Result, second: Result) -> bool:
    """First > second, which Go takes for "not less or equal": so it holds for what is no number."""
    return not less_or_equal(first, second)


def greater_or_equal(first: Result, second: Result) -> bool:
    """First >= second, which Go takes for "not less"."""
    return not less(first, second)
