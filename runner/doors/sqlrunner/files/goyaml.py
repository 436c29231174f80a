"""YAML as SQL Runner reads it: the same text gives the same values, whatever PyYAML would make of it.

SQL Runner reads playbooks with goccy/go-yaml: `yes`, dates and `1e3` are texts there, `0644` is octal, whole numbers
are unsigned unless they have a minus, and keys that nobody asks for are left aside. Every value knows its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runner.doors.sqlrunner.gotemplate import Int64, Uint64, Value
from runner.errors import BadInput, Place, Problem

MAX_DEPTH = 100
MAX_VALUES = 100_000  # with every alias counted as what it stands for
_Base: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SPECIAL = re.compile(r"(-?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGERS = (
    (re.compile(r"(-?)0b([01_]+)"), 2),
    (re.compile(r"(-?)0x([0-9a-fA-F_]+)"), 16),
    (re.compile(r"(-?)0o?([0-7_]+)"), 8),
    (re.compile(r"([-+]?)(0|[1-9][0-9_]*)"), 10),
)
_FLOAT = re.compile(r"[-+]?(?=[0-9_]*\.[0-9_]*)[0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?")


class _Loader(_Base):  # type: ignore[misc]
    """Gives no tags to what has none: then `!!str 5` can be told from 5."""

    def resolve(self, kind: type, value: object, implicit: object) -> str:
        return ""


@dataclass(frozen=True)
class Scalar:
    """One value: its text, and whether it stands without quotes and tags."""

    line: int
    text: str
    plain: bool
    tag: str = ""

    @property
    def value(self) -> Value:
        """What a template sees."""
        return typed(self.text) if self.plain else _tagged(self.tag, self.text)


@dataclass(frozen=True)
class Sequence:
    """A list."""

    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Mapping:
    """A mapping; of a key that comes twice the last one counts."""

    line: int
    entries: tuple[tuple[str, Node], ...]

    def get(self, key: str) -> Node | None:
        """The value of a key."""
        return next((value for name, value in reversed(self.entries) if name == key), None)


Node = Scalar | Sequence | Mapping


def parse(text: str, path: Path) -> Node | None:
    """The document of a playbook; None if it is empty. Raises BadInput with file and line."""
    try:
        tree = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(part for part in (error.context, error.problem) if part)
        raise _wrong(path, mark.line + 1 if mark else 0, f"not YAML: {said}") from None
    except yaml.YAMLError as error:
        raise _wrong(path, 0, f"not YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise _wrong(path, 0, "nested too deeply") from None
    return None if tree is None else _Reader(path).node(tree, 0)


def value_of(node: Node) -> Value:
    """A node as a template sees it."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [value_of(item) for item in node.items]
    return {key: value_of(value) for key, value in node.entries}


def typed(text: str) -> Value:
    """The value of a text without quotes."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if special := _SPECIAL.fullmatch(text):
        return float("nan") if special[3] else float(f"{special[1]}inf")
    for pattern, base in _INTEGERS:
        found = pattern.fullmatch(text)
        if found and (digits := found[2].replace("_", "")):
            number = int(digits, base)
            return _whole(-number if found[1] == "-" else number, text, negative=found[1] == "-")
    if _FLOAT.fullmatch(text) and re.search("[0-9]", text):
        return float(text.replace("_", ""))
    return text


def _whole(number: int, text: str, *, negative: bool) -> Value:
    """Go's 64 bits; what does not fit stays a text."""
    if negative:
        return Int64(number) if number >= -(2**63) else text
    return Uint64(number) if number < 2**64 else text


def _tagged(tag: str, text: str) -> Value:
    if tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null"):
        return typed(text)
    return text


class _Reader:
    """Nodes of PyYAML → ours. An alias is the node that it names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[int, Node] = {}
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def node(self, tree: yaml.Node, depth: int) -> Node:
        if id(tree) in self._done:
            return self._done[id(tree)]
        line = tree.start_mark.line + 1
        if depth > MAX_DEPTH or id(tree) in self._open:
            raise _wrong(self._path, line, "an alias within itself" if depth <= MAX_DEPTH else "nested too deeply")
        self._open.add(id(tree))
        found: Node
        if isinstance(tree, yaml.MappingNode):
            found = Mapping(line, tuple(self._entries(tree, depth)))
        elif isinstance(tree, yaml.SequenceNode):
            found = Sequence(line, tuple(self.node(item, depth + 1) for item in tree.value))
        else:
            quoted = bool(getattr(tree, "style", None))
            found = Scalar(line, str(tree.value), not quoted and not tree.tag, tree.tag)
        self._open.discard(id(tree))
        self._done[id(tree)] = found
        size = 1 + sum(self._sizes[id(part)] for part in _parts(tree))
        if size > MAX_VALUES:
            raise _wrong(self._path, line, f"more than {MAX_VALUES:,} values, aliases included")
        self._sizes[id(tree)] = size
        return found

    def _entries(self, tree: yaml.MappingNode, depth: int) -> Iterator[tuple[str, Node]]:
        own: list[tuple[str, Node]] = []
        for key, value in tree.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong(self._path, key.start_mark.line + 1, "a key that is a list or a mapping")
            node = self.node(value, depth + 1)
            if key.value != "<<" or key.style:
                own.append((str(key.value), node))
                continue
            for part in node.items if isinstance(node, Sequence) else (node,):
                if isinstance(part, Mapping):
                    yield from part.entries  # before the mapping's own, which win
        yield from own


def _parts(tree: yaml.Node) -> list[yaml.Node]:
    """What a node of PyYAML is made of."""
    if isinstance(tree, yaml.MappingNode):
        return [value for _, value in tree.value]
    return list(tree.value) if isinstance(tree, yaml.SequenceNode) else []


def _wrong(path: Path, line: int, what: str) -> BadInput:
    return BadInput(Problem(Place(path, line), what, "the text is read after its templates were filled in"))
