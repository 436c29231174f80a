r"""A strict reader of JSON texts: the same nodes with places that YAML files give.

JSON is no part of YAML as far as texts go: \ud83d\ude00 is one character of two escapes, and a tab may indent.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from pathlib import Path
from typing import NoReturn

from runner.errors import Place, Problems, show
from runner.files.hints import MAX_DEPTH
from runner.files.text import HIDDEN
from runner.files.yaml import DUPLICATE_KEY, MAX_VALUES, Broken, Mapping, Node, Scalar, Sequence

_PIECE = re.compile(r'[ \t\n]*("(?:[^"\\\n]|\\.)*"|[][{},:]|[^\s"][^][{},:"\s]*|)')
_WORD = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def parse(text: str, path: Path, problems: Problems) -> Node:
    """The one value of `text`. Raises BadInput where nothing can be read any more; smaller problems are added."""
    return _Reader(text, path, problems).document()


class _Reader:
    """Reads one text; `_at` is where the piece at hand begins."""

    def __init__(self, text: str, path: Path, problems: Problems) -> None:
        self._text, self._path, self._problems = text, path, problems
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._values = 0
        self._end = 0
        self._next()

    def document(self) -> Node:
        node = self._node(1)
        if self._piece:
            self._wrong("is more than one value", "one file holds one value, { … }")
        return node

    def _next(self) -> None:
        found = _PIECE.match(self._text, self._end)
        self._piece, self._at = (found[1], found.start(1)) if found else ("", self._end)
        self._end = self._at + len(self._piece)
        if not self._piece and self._at < len(self._text):
            self._wrong("is not closed", 'end the text with " on the same line')

    def _place(self) -> Place:
        line = bisect_right(self._lines, self._at)
        return Place(self._path, line, self._at - self._lines[line - 1] + 1)

    def _wrong(self, what: str, hint: str) -> NoReturn:
        rest = self._piece or self._text[self._at : self._at + 60].partition("\n")[0]
        self._problems.stop(self._place(), f"not valid JSON: {show(rest) if rest else 'the end'} {what}", hint)

    def _take(self, sign: str, hint: str) -> None:
        if self._piece != sign:
            self._wrong(f"stands where {show(sign)} belongs", hint)
        self._next()

    def _node(self, depth: int) -> Node:
        self._values += 1
        if depth > MAX_DEPTH:
            self._problems.stop(
                self._place(), f"nested deeper than {MAX_DEPTH} levels", "close the [ and { that are open"
            )
        if self._values > MAX_VALUES:
            self._problems.stop(self._place(), f"more than {MAX_VALUES:,} values in one file", "split the file")
        if self._piece == "{":
            return self._mapping(depth)
        if self._piece == "[":
            return self._sequence(depth)
        return self._scalar()

    def _scalar(self) -> Scalar | Broken:
        piece, place = self._piece, self._place()
        if not piece.startswith('"'):
            if not _WORD.fullmatch(piece):
                self._wrong("is no value", "texts stand in double quotes; numbers, true, false and null do not")
            self._next()
            return Scalar(place, piece, piece, plain=True)
        try:
            text = str(json.loads(piece)) if "\\" in piece or "\t" in piece else piece[1:-1]
        except ValueError as error:
            self._wrong(f"is no text: {getattr(error, 'msg', error)}".lower(), r'in a text \ is written \\ and " is \"')
        self._next()
        if found := HIDDEN.search(text):
            what = f"an invisible character, U+{ord(found[0]):04X}, in {show(text)}"
            self._problems.add(place, what, "type the value again")
            return Broken(place)
        return Scalar(place, text, text, plain=False)

    def _sequence(self, depth: int) -> Node:
        place, items = self._place(), []
        self._next()
        while self._piece != "]":
            items.append(self._node(depth + 1))
            self._comma("]")
        self._next()
        return Sequence(place, tuple(items))

    def _mapping(self, depth: int) -> Node:
        place = self._place()
        entries: dict[str, tuple[Scalar, Node]] = {}
        self._next()
        while self._piece != "}":
            if not self._piece.startswith('"'):
                self._wrong("is no key", 'a key is a text in double quotes: "name": …')
            key = self._scalar()
            self._take(":", 'write "name": value')
            value = self._node(depth + 1)
            self._comma("}")
            if isinstance(key, Broken):
                continue
            if key.text in entries:
                line = entries[key.text][0].place.line
                what = f"duplicate key {show(key.text)}, first at line {line}"
                self._problems.add(key.place, what, "keep one of the two", DUPLICATE_KEY)
            else:
                entries[key.text] = (key, value)
        self._next()
        return Mapping(place, tuple(entries.values()))

    def _comma(self, end: str) -> None:
        if self._piece != end:
            self._take(",", f"values are separated by commas, and {end} ends them")
            if self._piece == end:
                self._wrong("stands behind a comma", "the last value has no comma")
