"""How the values of a YAML file are read: a Kind a value, a Row a mapping, all problems with line and hint.

A schema is a set of Kinds and of functions Row → value, in which each key stands once, with its Kind. Keys that a
function did not ask for are unknown. A value that was refused is reported, and its Kind's `blank` stands in for it,
so that reading goes on; blanks never leave a loader, since a loader with problems raises.

Scalars are read by the Kind that the schema gives, not by YAML 1.1's guesses: where a text is wanted, an unquoted
`no`, `12:30`, `1.10`, `0123` or `2024-01-01` is an error that asks for quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from runner.errors import Place, Problems, did_you_mean, show
from runner.files.yaml import Broken, Mapping, Node, Scalar, Sequence

UNKNOWN_KEY = "unknown key"  # the code of such problems
T = TypeVar("T")
K = TypeVar("K")
D = TypeVar("D")
E = TypeVar("E", bound=StrEnum)


class Wrong(Exception):
    """A value cannot be what its Kind wants: `what` completes "'batch' in a source …". Scope.read reports it."""

    def __init__(self, what: str, hint: str = "", place: Place | None = None, code: str = "") -> None:
        super().__init__(what)
        self.what, self.hint, self.place, self.code = what, hint, place, code


@dataclass(frozen=True)
class Kind(Generic[T]):
    """One kind of value: how it is read (raising Wrong), and what stands in for it once it was refused."""

    read: Callable[[Node, Scope], T]
    blank: T
    null: bool = False  # whether `key:` with nothing is read, too


@dataclass(frozen=True)
class Scope:
    """Where problems go, and how the value at hand is called in messages, such as "'batch' in a source"."""

    problems: Problems
    label: str

    def read(self, kind: Kind[T], node: Node, label: str | None = None) -> T:
        scope = self if label is None else Scope(self.problems, label)
        if isinstance(node, Broken):
            return kind.blank
        try:
            if isinstance(node, Scalar) and node.empty and not kind.null:
                raise Wrong("has no value", "write a value, or leave the key out")
            return kind.read(node, scope)
        except Wrong as wrong:
            self.problems.add(wrong.place or node.place, f"{scope.label} {wrong.what}", wrong.hint, wrong.code)
            return kind.blank


@dataclass(frozen=True)
class Hints:
    """What to say about keys that are not part of a schema: those of other tools, and those of another mapping."""

    other_tools: dict[str, str]
    homes: dict[str, str]


class Row:
    """A mapping that is read key by key. `what` names it in messages: "a model"."""

    def __init__(self, node: Mapping, what: str, problems: Problems) -> None:
        self.node, self.what, self.problems = node, what, problems
        self.place = node.place
        self._entries = {key.text: (key, value) for key, value in node.entries}
        self._asked: list[str] = []

    def has(self, key: str) -> bool:
        return key in self._entries

    def place_of(self, key: str) -> Place:
        return self._entries[key][0].place if key in self._entries else self.place

    def get(self, key: str, kind: Kind[T], default: D) -> T | D:
        """The value of a key that may be left out."""
        self._asked.append(key)
        if key not in self._entries:
            return default
        return Scope(self.problems, f"{show(key)} in {self.what}").read(kind, self._entries[key][1])

    def need(self, key: str, kind: Kind[T], hint: str = "") -> T:
        """The value of a key that must be there."""
        if key not in self._entries:
            self.problems.add(self.place, f"{self.what} needs {show(key)}", hint)
        return self.get(key, kind, kind.blank)

    def wrong(self, key: str, what: str, hint: str = "", code: str = "") -> None:
        """Problems a problem at a key, e.g. that it does not go with another."""
        self.problems.add(self.place_of(key), what, hint, code)

    def finish(self, hints: Hints) -> None:
        """Problems the keys that nobody asked for."""
        for key, _ in self._entries.values():
            if key.text not in self._asked:
                what = f"unknown key {show(key.text)} in {self.what}"
                self.problems.add(key.place, what, self._hint(key.text, hints), UNKNOWN_KEY)

    def _hint(self, key: str, hints: Hints) -> str:
        word = key.strip().lower().lstrip(":").replace("-", "_")
        if word in self._asked and word not in self._entries:
            return f"did you mean {word}?"
        if word in hints.other_tools:
            return hints.other_tools[word]
        if word in hints.homes:
            return f"{word} belongs in {hints.homes[word]}"
        return did_you_mean(word, self._asked)


@dataclass(frozen=True)
class At(Generic[T]):
    """A value with its place, for problems that only show once everything was read."""

    value: T
    place: Place


def located(kind: Kind[T]) -> Kind[At[T]]:
    """`kind`, with the place where it stands."""
    return Kind(lambda node, scope: At(kind.read(node, scope), node.place), At(kind.blank, Place()), kind.null)


def record(what: str, build: Callable[[Row], T], blank: T, hints: Hints, several: str = "") -> Kind[T]:
    """A mapping with fixed keys, read by `build`; `several` is the hint where a list was given."""

    def read(node: Node, scope: Scope) -> T:
        if not isinstance(node, Mapping):
            hint = several if several and isinstance(node, Sequence) else "write key: value pairs"
            raise Wrong(f"must be a mapping, not {described(node)}", hint)
        row = Row(node, what, scope.problems)
        built = build(row)
        row.finish(hints)
        return built

    return Kind(read, blank)


def many(kind: Kind[T], *, or_one: bool = False, empty: bool = True) -> Kind[tuple[T, ...]]:
    """A list of `kind`, or with `or_one` also a bare one."""

    def read(node: Node, scope: Scope) -> tuple[T, ...]:
        if or_one and not isinstance(node, Sequence):
            return (kind.read(node, scope),)
        if not isinstance(node, Sequence):
            hint = f"write [{node.written}]" if isinstance(node, Scalar) else "begin each entry with '- '"
            raise Wrong(f"must be a list, not {described(node)}", hint)
        if not node.items and not empty:
            raise Wrong("is an empty list", "write a value, or leave the key out")
        return tuple(scope.read(kind, item) for item in node.items)

    return Kind(read, ())


def mapping(key: Kind[K], value: Kind[T], of: str, *, empty: bool = True) -> Kind[tuple[tuple[K, T], ...]]:
    """A mapping with keys of the user's choice; `of` describes it: "column: expression"."""

    def read(node: Node, scope: Scope) -> tuple[tuple[K, T], ...]:
        if not isinstance(node, Mapping):
            raise Wrong(f"must be a mapping, {of}, not {described(node)}", f"write {{{of}}}")
        if not node.entries and not empty:
            raise Wrong("is an empty mapping", "write a value, or leave the key out")
        pairs = []
        for name, entry in node.entries:
            # A key is a name by its place: there is no type to guess, so that `on: 1` names the column on.
            read_key = scope.read(key, Scalar(name.place, name.text, name.text, plain=False))
            pairs.append((read_key, scope.read(value, entry, f"{show(name.text)} in {scope.label}")))
        return tuple(pairs)

    return Kind(read, ())


def described(node: Node) -> str:
    """What a node is, for a message; a scalar by its text in the file."""
    if isinstance(node, Scalar):
        return show(node.written)
    return "a list" if isinstance(node, Sequence) else "a mapping"


# What YAML 1.1 would make of an unquoted scalar: (pattern, what it says), first match wins.
_GUESSES = tuple(
    (re.compile(pattern, re.IGNORECASE), what)
    for pattern, what in (
        (r"yes|no|on|off|true|false", "true or false to YAML"),
        (r"[-+]?0[0-7_]+", "an octal number to YAML"),
        (r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", "a number in base 60 to YAML"),
        (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([t ].*)?", "a date to YAML"),
        (
            r"[-+]?(0x[0-9a-f_]+|0b[01_]+|[0-9][0-9_]*|[0-9][0-9_]*\.[0-9_]*|\.[0-9_]+)(e[-+]?[0-9]+)?",
            "a number to YAML",
        ),
        (r"[-+]?\.(inf|nan)|=", "a special value to YAML"),
    )
)


def guessed(node: Scalar) -> str | None:
    """What YAML would take an unquoted text for, if not for a text. Values of the environment are texts."""
    if not node.plain or node.from_environment:
        return None
    return next((what for pattern, what in _GUESSES if pattern.fullmatch(node.text)), None)


def _text(node: Node, scope: Scope) -> str:
    if not isinstance(node, Scalar):
        raise Wrong(f"must be a text, not {described(node)}", "quote the value if it begins with [ or {")
    if what := guessed(node):
        raise Wrong(f"must be a text, but {show(node.written)} is {what}", f'quote it: "{node.written}"')
    if not node.text.strip():
        raise Wrong("is empty", "write a value, or leave the key out")
    return node.text


def _prose(node: Node, scope: Scope) -> str:
    # Text for readers: whatever YAML would have guessed, the words on the line are what was meant (`2024`, `no`).
    if not isinstance(node, Scalar):
        raise Wrong(f"must be a text, not {described(node)}", "quote the value if it begins with [ or {")
    return node.text


def _flag(node: Node, scope: Scope) -> bool:
    text = node.text if isinstance(node, Scalar) and (node.plain or node.from_environment) else ""
    if text not in ("true", "false"):
        raise Wrong(f"must be true or false, not {described(node)}", "write true or false, without quotes")
    return text == "true"


def _seconds(node: Node, scope: Scope) -> float:
    text = node.text if isinstance(node, Scalar) else ""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not float(text):
        raise Wrong(f"must be a number of seconds above 0, not {described(node)}", "write digits only, such as 600")
    return float(text)


ANYTHING: Kind[None] = Kind(lambda node, scope: None, None, null=True)  # of a key that is refused whatever it holds
TEXT = Kind(_text, "")
PROSE = Kind(_prose, "")
FLAG = Kind(_flag, False)
SECONDS: Kind[float | None] = Kind(_seconds, None)


def choice(words: type[E], blank: E) -> Kind[E]:
    """One of the words of an enum."""

    def read(node: Node, scope: Scope) -> E:
        if isinstance(node, Scalar) and node.text in list(words):
            return words(node.text)
        known = ", ".join(words)
        hint = did_you_mean(node.text.lower(), list(words)) if isinstance(node, Scalar) else f"known: {known}"
        raise Wrong(f"must be one of {known}, not {described(node)}", hint)

    return Kind(read, blank)
