"""A program as JSON, for the cache: numbers, texts and names of value classes, and nothing that could be run.

A list of values, each after those that it is made of and each once: `[class, part, …]`, a part being a plain value, or
`[n]` for the n-th of the list. The last one is the program. What names a class that is not listed here is no program.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any

from runner.errors import Place, Problem
from runner.joins import values as joins
from runner.names import Layout, TableName
from runner.playbook import values as playbooks
from runner.program import values as programs
from runner.program.values import Program
from runner.secrets import Hidden, Secrets
from runner.sql import select
from runner.warehouse.target import Target

CLASSES: tuple[type, ...] = (
    *(Place, Problem, Layout, TableName, Target, Secrets, Hidden),
    *(playbooks.Vanished, playbooks.Shrank, playbooks.OnChange, playbooks.Phase, playbooks.Fold, select.Moment),
    *(playbooks.Expression, playbooks.Query, playbooks.Source, playbooks.Lookup, playbooks.KeyColumn),
    *(playbooks.MergeColumn, playbooks.Affected, playbooks.Model, playbooks.View, playbooks.Step),
    *(playbooks.Variable, playbooks.Playbook),
    *(select.Reference, select.Qualifier, select.ClockCall, select.Call, select.Select),
    *(programs.SourceKey, programs.Ids, programs.CompiledAffected, programs.NamedColumn, programs.CompiledModel),
    *(programs.CompiledView, programs.PlainQuery, programs.Program, joins.Derived, joins.Piece),
)
PLAIN = (str, int, float, bool, type(None))
_MAKERS: dict[str, Callable[..., object]] = {
    **{one.__name__: one for one in CLASSES},
    "tuple": lambda *parts: parts,
    "frozenset": lambda *parts: frozenset(parts),
    "dict": lambda *pairs: dict(pairs),
    "Path": Path,
}


def text_of(program: Program) -> str:
    """The program as a text."""
    numbers: dict[str, int] = {}
    _number(program, numbers)
    return f"[{','.join(numbers)}]"


def program_of(text: str) -> Program:
    """The program of a text. Raises some error if the text is not one that `text_of` gave."""
    made: list[object] = []
    for name, *parts in json.loads(text):
        made.append(_MAKERS[name](*[made[part[0]] if type(part) is list else part for part in parts]))
    program = made[-1]
    if not isinstance(program, Program):
        raise TypeError(type(program).__name__)
    return program


def _number(value: object, numbers: dict[str, int]) -> int:
    """Which of the list a value is; it is added where it is new."""
    name, parts = _taken_apart(value)
    written = [part if type(part) in PLAIN else [_number(part, numbers)] for part in parts]
    return numbers.setdefault(json.dumps([name, *written], separators=(",", ":")), len(numbers))


def _taken_apart(value: Any) -> tuple[str, list[Any]]:
    kind = type(value)
    if isinstance(value, Enum):
        return kind.__name__, [value.value]
    if kind in CLASSES:
        return kind.__name__, [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, Path):
        return "Path", [str(value)]
    if isinstance(value, Mapping):
        return "dict", list(value.items())
    if kind is frozenset:
        return "frozenset", sorted(value)
    if kind is tuple:
        return "tuple", list(value)
    raise TypeError(f"{kind.__name__} is not listed in {__name__}")
