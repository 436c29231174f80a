"""Go's own template functions but comparisons and escaping: not, len, index, slice; and the table of them all.

`and`, `or` and `call` stand in it for their names and parameters only, execution has them built in: the first two stop
at the argument that decides, the last one needs to know how its argument was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from runner.doors.sqlrunner.gotemplate.functions import comparing, escaping
from runner.doors.sqlrunner.gotemplate.functions.function import Function, Parameter
from runner.doors.sqlrunner.gotemplate.functions.printf import format_values
from runner.doors.sqlrunner.gotemplate.functions.printing import print_line, print_values
from runner.doors.sqlrunner.gotemplate.values import (
    MISSING,
    CallError,
    Result,
    Slice,
    Uint8,
    from_bytes,
    is_integer,
    to_bytes,
    truth,
    type_name,
)


def _not(value: Result) -> bool:
    return not truth(value)


def _len(value: Result) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(to_bytes(value))
    if isinstance(value, (list, dict)):
        return len(value)
    if value is None:
        raise CallError("len of nil pointer", 'the value is null; give it one with or: len (or .x "")')
    if value is MISSING:
        hint = 'there is no such variable; give it a value with or: len (or .x "")'
        raise CallError("reflect: call of reflect.Value.Type on zero Value", hint)
    raise CallError(f"len of type {type_name(value)}", "lists, maps and strings have a length")


def _position(index: Result, most: int) -> int:
    """An index as a number from 0 to `most`."""
    if index is None or index is MISSING:
        raise CallError("cannot index slice/array with nil", "give a whole number, counted from 0")
    if not isinstance(index, int) or not is_integer(index):
        raise CallError(f"cannot index slice/array with type {type_name(index)}", "give a whole number, counted from 0")
    number = int(index) - (1 << 64) if index >= 1 << 63 else int(index)
    if not 0 <= number <= most:
        raise CallError(f"index out of range: {number}", "indexes count from 0")
    return number


def _index(item: Result, *indexes: Result) -> Result:
    if item is None or item is MISSING:
        raise CallError("index of untyped nil", "the first argument has no value")
    for index in indexes:
        if item is None:
            raise CallError("index of nil pointer", "what was found before the last index has no value")
        if isinstance(item, dict):
            item = _entry(item, index)
        elif isinstance(item, list):
            at = _position(index, len(item))
            if at == len(item):
                raise CallError("reflect: slice index out of range", "indexes count from 0")
            item = item[at]
        elif isinstance(item, str):
            data = to_bytes(item)
            at = _position(index, len(data))
            if at == len(data):
                raise CallError("reflect: string index out of range", "indexes count from 0")
            item = Uint8(data[at])
        else:
            raise CallError(f"can't index item of type {type_name(item)}", "lists, maps and strings have items")
    return item


def _entry(item: dict[str, Result], key: Result) -> Result:
    if key is None or key is MISSING:
        raise CallError("value is nil; should be of type string", "the key of a map is a string")
    if not isinstance(key, str):
        raise CallError(f"value has type {type_name(key)}; should be string", "the key of a map is a string, in quotes")
    return item.get(key)


def _slice(item: Result, *indexes: Result) -> Result:
    if item is None or item is MISSING:
        raise CallError("slice of untyped nil", "the first argument has no value")
    if len(indexes) > 3:
        raise CallError(f"too many slice indexes: {len(indexes)}")
    if isinstance(item, str):
        if len(indexes) == 3:
            raise CallError("cannot 3-index slice a string", "give two indexes at most")
        data = to_bytes(item)
        start, stop, _ = _bounds(indexes, len(data), len(data))
        return from_bytes(data[start:stop])
    if not isinstance(item, list):
        raise CallError(f"can't slice item of type {type_name(item)}", "lists and strings can be sliced")
    beyond = item.beyond if isinstance(item, Slice) else []
    everything = [*item, *beyond]
    start, stop, end = _bounds(indexes, len(item), len(everything))
    return Slice(everything[start:stop], everything[stop:end])


def _bounds(indexes: tuple[Result, ...], length: int, capacity: int) -> tuple[int, int, int]:
    found = [_position(index, capacity) for index in indexes]
    start, stop, end = (*found, *(0, length, capacity)[len(found) :])
    for low, high in ((start, stop), (stop, end)):
        if low > high:
            raise CallError(f"invalid slice index: {low} > {high}")
    return start, stop, end


def no_function(name: str, callee: Result) -> CallError:
    """The error of `call`, which always fails: no value is a function. `name`: how the callee was written."""
    if callee is None or callee is MISSING:
        return CallError("call of nil", "nothing has this name")
    hint = "no variable of a playbook is a function: write a function's name without call"
    return CallError(f"non-function {name} of type {type_name(callee)}", hint)


def _part_of_execution(*_: Result) -> Result:
    raise NotImplementedError


_ANY, _FACE, _STRING = Parameter.VALUE, Parameter.INTERFACE, Parameter.STRING

BUILTINS: Final[Mapping[str, Function]] = MappingProxyType(
    {
        "and": Function(_part_of_execution, (_ANY, _ANY), variadic=True),
        "or": Function(_part_of_execution, (_ANY, _ANY), variadic=True),
        "not": Function(_not, (_ANY,)),
        "len": Function(_len, (_ANY,)),
        "index": Function(_index, (_ANY, _ANY), variadic=True),
        "slice": Function(_slice, (_ANY, _ANY), variadic=True),
        "call": Function(_part_of_execution, (_ANY, _ANY), variadic=True),
        "eq": Function(comparing.equal, (_ANY, _ANY), variadic=True),
        "ne": Function(comparing.not_equal, (_ANY, _ANY)),
        "lt": Function(comparing.less, (_ANY, _ANY)),
        "le": Function(comparing.less_or_equal, (_ANY, _ANY)),
        "gt": Function(comparing.greater, (_ANY, _ANY)),
        "ge": Function(comparing.greater_or_equal, (_ANY, _ANY)),
        "print": Function(print_values, (_FACE,), variadic=True),
        "println": Function(print_line, (_FACE,), variadic=True),
        "printf": Function(format_values, (_STRING, _FACE), variadic=True),
        "html": Function(escaping.html, (_FACE,), variadic=True),
        "js": Function(escaping.js, (_FACE,), variadic=True),
        "urlquery": Function(escaping.urlquery, (_FACE,), variadic=True),
    }
)
