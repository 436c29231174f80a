"""A strict reader of YAML files: text → nodes that know their line and column, with no guessing of types.

Every front door reads its files through here. What YAML allows and a configuration never needs is refused with the
line and what to write instead: anchors, aliases, tags, merge keys, several documents, duplicate keys, deep nesting.
The nodes are built from the parser's events, one at a time, so that a YAML bomb is seen before it takes memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runner.errors import BadInput, Place, Problems, show
from runner.files.hints import MAX_DEPTH, TOO_DEEP, TOO_DEEP_HINT, said_better
from runner.files.text import CONTROL, HIDDEN, Bounds, read
from runner.secrets import looks_secret

BOUNDS = Bounds(1_000_000, "data belongs into tables, SQL into .sql files", CONTROL, "save it as plain UTF-8 text")
MAX_VALUES = 20_000
DUPLICATE_KEY = "duplicate key"  # the code of such problems

# libyaml is about ten times faster; both give the same events, and only the wording of syntax errors differs.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KEY_OF_LINE = re.compile(r"([\w.-]+)[\"']?\s*[:=]")
_QUOTED = re.compile(r"'[^']*'")


@dataclass(frozen=True)
class Scalar:
    """One value. `written` is the text of the file, which messages show; `text` has its ${VAR} filled in."""

    place: Place
    text: str
    written: str
    plain: bool  # not in quotes: YAML 1.1 would guess a type from its looks

    @property
    def from_environment(self) -> bool:
        return self.text != self.written

    @property
    def empty(self) -> bool:
        """`key:` with nothing, `~` and `null`: what YAML calls null."""
        return self.plain and self.text.lower() in ("", "~", "null")


@dataclass(frozen=True)
class Sequence:
    """A YAML list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Mapping:
    """A YAML mapping, its keys in the order of the file."""

    place: Place
    entries: tuple[tuple[Scalar, Node], ...]


@dataclass(frozen=True)
class Broken:
    """Stands where a problem has been reported already: readers say nothing more about it."""

    place: Place


Node = Scalar | Sequence | Mapping | Broken


def read_text(path: Path, problems: Problems) -> str:
    """The text of a YAML or JSON file, with plain line ends."""
    try:
        if not path.is_file():
            hint = "runner init DIR makes a project to start from"
            problems.stop(Place(path), "not a regular file" if path.exists() else "no such file", hint)
        return read(path, BOUNDS, problems).replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        problems.stop(Place(path), f"cannot be read: {said}", "name a file that this user may read")


def parse(text: str, path: Path, problems: Problems) -> Node:
    """The one document of `text`. Raises BadInput where nothing can be read any more; smaller problems are added."""
    return _Reader(text, path, problems).document()


@dataclass(frozen=True)
class _Piece:
    """A plain scalar inside `{…}` or `[…]`, kept to see whether a comma split an expression in two."""

    is_key: bool
    start: int
    end: int
    place: Place
    parens: int  # opened minus closed
    odd_quotes: bool


class _Reader:
    """Builds nodes from events; one object a document."""

    def __init__(self, text: str, path: Path, problems: Problems) -> None:
        self._text, self._path, self._problems = text, path, problems
        self._events: Iterator[Any] = self._parsed()
        self._values = 0

    def document(self) -> Node:
        start = next(self._events)
        while isinstance(start, yaml.StreamStartEvent):
            start = next(self._events)
        node: Node | None = None if isinstance(start, yaml.StreamEndEvent) else self._node(next(self._events), 1)
        if node is None or (isinstance(node, Scalar) and node.empty):
            hint = "runner init DIR makes a project to start from"
            self._problems.stop(Place(self._path), "the file is empty", hint)
        next(self._events)  # the end of the document
        if not isinstance(more := next(self._events), yaml.StreamEndEvent):
            hint = "write one document to a file, without ---"
            self._problems.stop(self._place(more.start_mark), "a second document begins here", hint)
        return node

    def _parsed(self) -> Iterator[Any]:
        """The events of the parser; a syntax error becomes a problem."""
        try:
            yield from yaml.parse(self._text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            better = said_better(error, self._text)
            place = self._place(better.mark)
            # A line that has been complained about needs no second, vaguer complaint.
            if not any(problem.place.line == place.line for problem in self._problems.found):
                self._problems.add(place, better.what, better.hint)
        except yaml.YAMLError as error:
            hint = "save it as plain UTF-8 text"
            self._problems.add(Place(self._path), f"not valid YAML: {str(error).splitlines()[0]}", hint)
        else:
            return
        raise BadInput(self._problems.found)

    def _place(self, mark: Any) -> Place:
        return Place(self._path, mark.line + 1, mark.column + 1)

    def _node(self, event: Any, depth: int) -> Node:
        place = self._place(event.start_mark)
        self._values += 1
        if depth > MAX_DEPTH:
            self._problems.stop(place, TOO_DEEP, TOO_DEEP_HINT)
        if self._values > MAX_VALUES:
            hint = "data belongs into tables, SQL into .sql files"
            self._problems.stop(place, f"more than {MAX_VALUES:,} values in one file", hint)
        ornament = self._ornament(event, place)
        if isinstance(event, yaml.AliasEvent):
            return Broken(place)
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, place, depth)
        else:
            node = self._mapping(event, place, depth)
        return Broken(place) if ornament else node

    def _ornament(self, event: Any, place: Place) -> bool:
        """Problems an alias, anchor or tag: each is a way for a small file to become something else."""
        if isinstance(event, yaml.AliasEvent):
            text = self._quoted(f"*{event.anchor}", place)
            self._problems.add(place, f"{show(text)} is a YAML alias, which is not supported", f'quote it: "{text}…"')
        elif event.anchor is not None:
            text = self._quoted(f"&{event.anchor}", place)
            hint = "write the value out where it is used; quote a text that begins with &"
            self._problems.add(place, f"{show(text)} is a YAML anchor, which is not supported", hint)
        elif getattr(event, "tag", None) is not None:
            hint = "write the value without it; quote a text that begins with !"
            text = self._quoted(str(event.tag), place)
            self._problems.add(place, f"{show(text)} is a YAML tag, which is not supported", hint)
        else:
            return False
        return True

    def _quoted(self, text: str, place: Place) -> str:
        """A piece of the file for a message; of a line that gives something secret a value only its first sign."""
        line = self._text.split("\n")[place.line - 1]
        secret = any(looks_secret(word[1]) for word in _KEY_OF_LINE.finditer(line))
        return f"{text[:1]}…" if secret else text

    def _scalar(self, event: Any, place: Place) -> Scalar | Broken:
        if found := HIDDEN.search(event.value):
            what = f"an invisible character, U+{ord(found[0]):04X}, in {show(self._quoted(event.value, place))}"
            self._problems.add(place, what, "type the value again")
            return Broken(place)
        return Scalar(place, event.value, event.value, not event.style)

    def _sequence(self, event: Any, place: Place, depth: int) -> Node:
        items, pieces = [], []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            pieces += self._piece(item, is_key=False)
            items.append(self._node(item, depth + 1))
        if event.flow_style and self._was_split(pieces):
            return Broken(place)
        return Sequence(place, tuple(items))

    def _mapping(self, event: Any, place: Place, depth: int) -> Node:
        entries: dict[str, tuple[Scalar, Node]] = {}
        pieces: list[_Piece] = []
        whole = True
        while not isinstance(first := next(self._events), yaml.MappingEndEvent):
            pieces += self._piece(first, is_key=True)
            key = self._node(first, depth + 1)
            second = next(self._events)
            pieces += self._piece(second, is_key=False)
            value = self._node(second, depth + 1)
            if isinstance(key, Scalar):
                whole = self._enter(entries, key, value) and whole
            else:
                self._not_a_key(key, first)
                whole = False
        if event.flow_style and self._was_split(pieces):
            whole = False
        return Mapping(place, tuple(entries.values())) if whole else Broken(place)

    def _enter(self, entries: dict[str, tuple[Scalar, Node]], key: Scalar, value: Node) -> bool:
        if key.plain and key.text == "<<":
            self._problems.add(key.place, "'<<' is a YAML merge key, which is not supported", "write the keys out")
            return False
        if key.text in entries:
            line = entries[key.text][0].place.line
            what = f"duplicate key {show(key.text)}, first at line {line}"
            self._problems.add(key.place, what, "keep one of the two", DUPLICATE_KEY)
        else:
            entries[key.text] = (key, value)
        return True

    def _not_a_key(self, key: Node, event: Any) -> None:
        if isinstance(event, yaml.MappingStartEvent) and event.flow_style:
            mark: Any = event.start_mark
            start = mark.index
            end = self._text.find("}}", start)
            text = self._quoted(self._text[start - 1 : end + 2] if end > 0 else "{{ … }}", key.place)
            what = f"{show(text)} is a YAML mapping, not a template"
            self._problems.add(key.place, what, f'quote the expression: "{_one_line(text)}"')
        elif not isinstance(key, Broken):
            self._problems.add(key.place, "a key must be a plain word", "write key: value")

    def _piece(self, event: Any, *, is_key: bool) -> list[_Piece]:
        if not isinstance(event, yaml.ScalarEvent) or event.style or "\n" in event.value:
            return []
        bare = _QUOTED.sub("", event.value)
        parens = bare.count("(") - bare.count(")")
        start: Any = event.start_mark
        end: Any = event.end_mark
        return [_Piece(is_key, start.index, end.index, self._place(start), parens, "'" in bare)]

    def _was_split(self, pieces: list[_Piece]) -> bool:
        """Whether a comma of an unquoted expression, as in {d: date_trunc('day', t)}, was taken for YAML's; say so."""
        for index, left in enumerate(pieces):
            if left.parens <= 0 and not left.odd_quotes:
                continue
            for right in reversed(pieces[index + 1 :]):
                # A value is no second half; two words with an apostrophe each are only suspect where one is a key.
                if (left.parens > 0 > right.parens) or (left.odd_quotes and right.odd_quotes and right.is_key):
                    text = self._quoted(_one_line(self._text[left.start : right.end]), left.place)
                    hint = f"quote the expression: {_in_quotes(text)}"
                    self._problems.add(left.place, f"the comma in {show(text)} ends the value here", hint)
                    return True
        return False


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:99] + "…"


def _in_quotes(text: str) -> str:
    return f'"{text}"' if '"' not in text else "'" + text.replace("'", "''") + "'"
