"""Values of template variables: how YAML text and `--var name=value` become typed values.

Types only where nothing is lost: true, false, null, whole numbers and decimals that print as they were written.
Dates and times of day stay texts, as their authors mean them (`start_date: 2024-01-01`); what YAML 1.1 reads in
surprising ways (`no`, `0123`, `1.10`, `0x1F`, `1_000`) is an error that asks for quotes. A value of the environment is
a text wherever that would be asked.
A value may differ by engine: `{default: …, snowflake: …}`, all of one type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from runner.errors import BadInput, Place, Problem, Problems, did_you_mean, show
from runner.files.schema import Kind, Scope, Wrong, described, mapping
from runner.files.yaml import Mapping, Node, Scalar, Sequence, parse
from runner.playbook.values import Playbook, Simple, Value, Variable
from runner.warehouse.engines import ENGINES

DEFAULT = "default"

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,29})")
_DECIMAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_ODD = re.compile(r"[-+]?(0x[0-9a-f_]+|0b[01_]+|0o?[0-7_]+|[0-9][0-9_]*|\.inf|\.nan)|yes|no|on|off", re.IGNORECASE)


@dataclass(frozen=True)
class ByEngine:
    """A value for each engine, and perhaps one for all others."""

    values: tuple[tuple[str, Value], ...]


def _one(node: Node, scope: Scope) -> Value:
    if isinstance(node, Scalar):
        return _simple(node)
    if isinstance(node, Sequence) and all(isinstance(item, Scalar) for item in node.items):
        return tuple(_simple(item) for item in node.items if isinstance(item, Scalar))
    raise Wrong("must be a single value or a flat list of them", "write one variable for each value")


def _engine(node: Node, scope: Scope) -> str:
    text = node.text if isinstance(node, Scalar) else ""
    if text not in (DEFAULT, *ENGINES):
        raise Wrong(
            f"has a value for {show(text)}, which is no engine", did_you_mean(text.lower(), (DEFAULT, *ENGINES))
        )
    return text


_BY_ENGINE = mapping(Kind(_engine, ""), Kind(_one, None, null=True), "engine: value", empty=False)


def _value(node: Node, scope: Scope) -> Value | ByEngine:
    if not isinstance(node, Mapping):
        return _one(node, scope)
    before = len(scope.problems.found)
    values = _BY_ENGINE.read(node, scope)
    if len({_type(value) for _, value in values}) > 1 and len(scope.problems.found) == before:
        said = ", ".join(f"{engine} has {_type(value)}" for engine, value in values)
        raise Wrong(f"must have one type on all engines: {said}", "--var is read as that type; quote what is a text")
    return ByEngine(values)


VALUE: Kind[Value | ByEngine] = Kind(_value, None, null=True)


def _type(value: Value) -> str:
    """What kind of value it is; a number is whole or not."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", tuple: "a list"}
    return names.get(type(value), "null")


def variable(name: str, value: Value | ByEngine, place: Place) -> Variable:
    """A variable as a playbook gives it."""
    if not isinstance(value, ByEngine):
        return Variable(name, value, place=place)
    return Variable(name, value.values[0][1] if value.values else None, value.values, place)


def for_engine(playbook: Playbook, engine: str) -> Playbook:
    """The playbook with the values of its variables for one engine. Raises BadInput where one has none."""
    problems: list[Problem] = []
    found = []
    for one in playbook.variables:
        values = dict(one.by_engine)
        if values and engine not in values and DEFAULT not in values:
            what = f"the variable {show(one.name)} has no value for {engine}"
            problems.append(Problem(one.place, what, f"add {engine}: or default: to it, or say --var {one.name}=…"))
        picked = values.get(engine, values.get(DEFAULT, one.value))
        found.append(replace(one, value=picked, by_engine=()) if values else one)
    if problems:
        raise BadInput(problems)
    return replace(playbook, variables=tuple(found))


def _simple(node: Scalar) -> Simple:
    if not node.plain:
        return node.text
    if not node.text and not node.from_environment:
        raise Wrong("has no value", "write null or '' if that is what it should be", node.place)
    try:
        return typed(node.text)
    except Wrong as wrong:
        if node.from_environment:
            return node.text
        raise Wrong(wrong.what, wrong.hint, node.place) from None


def typed(text: str) -> Simple:
    """The value of an unquoted text. Raises Wrong where readers could disagree about it."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lower() in ("null", "~"):
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and not text.lstrip("-+").isdigit():
        number = float(text)
        if repr(number) != text.lstrip("+").lower():
            raise Wrong(f"would read as {number!r}, not {show(text)}", f'write {number!r}, or quote it: "{text}"')
        return number
    if _ODD.fullmatch(text):
        hint = "write true or false" if text.isalpha() else "write it in plain digits"
        raise Wrong(f"has a value that YAML versions read differently: {show(text)}", f'{hint}, or quote it: "{text}"')
    return text


def override(variable: Variable, text: str) -> Variable:
    """The variable with the value of `--var` on every engine, read as the type that the playbook gives. Raises Wrong."""
    if any("\ud800" <= char <= "\udfff" or char == "\0" for char in text):
        raise Wrong("is not UTF-8 text, or holds a NUL", "say it in UTF-8")
    if isinstance(variable.values[0], tuple):
        lists = (value for value in variable.values if isinstance(value, tuple))
        types = {type(item) for items in lists for item in items if item is not None}
        kind = types.pop() if len(types) == 1 else type(None)
        return replace(variable, value=tuple(_as(kind, item) for item in _items(text)), by_engine=())
    kinds: set[type] = {type(value) for value in variable.values}
    return replace(variable, value=_as(float if float in kinds else kinds.pop(), text), by_engine=())


def _as(kind: type, text: str) -> Simple:
    """`text` read as a value of this type; where the playbook gives null, as YAML would read it."""
    if kind is bool:
        if text not in ("true", "false"):
            raise Wrong(f"must be true or false, as in the playbook, not {show(text)}")
        return text == "true"
    if kind is int:
        if not _WHOLE.fullmatch(text):
            raise Wrong(f"must be a whole number, as in the playbook, not {show(text)}")
        return int(text)
    if kind is float:
        if not _DECIMAL.fullmatch(text) or float(text) in (float("inf"), float("-inf")):
            raise Wrong(f"must be a number, as in the playbook, not {show(text)}")
        return float(text)
    if kind is str:
        return text
    try:
        return typed(text)
    except Wrong:
        return text


def _items(text: str) -> list[str]:
    """The entries of a list: `[a, b]` as in YAML, or `a,b`."""
    if not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",")] if text.strip() else []
    try:
        problems = Problems()
        node = parse(text, Path("--var"), problems)
        problems.finish()
    except BadInput:
        raise Wrong(f"must be a list, not {show(text)}", "write [a, b] or a,b") from None
    if not isinstance(node, Sequence) or not all(isinstance(item, Scalar) for item in node.items):
        raise Wrong(f"must be a flat list, not {described(node)}", "write [a, b] or a,b")
    return [item.text for item in node.items if isinstance(item, Scalar)]
