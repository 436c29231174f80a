"""Where strings, comments, brackets and statements begin and end in a SQL text, as DuckDB and Postgres see it.

It parses nothing. It is the second opinion on every text that is going to a warehouse: a parser that takes a piece of
code for a piece of a string lets a statement through that nobody has looked at. Linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from runner.files.text import HIDDEN, named

MAX_DEPTH = 100

_LETTER = r"A-Za-z_\x80-\U0010ffff"
_PIECE = re.compile(
    rf"""
    (?P<blank>[ \t\n\r]+) | (?P<line>--[^\n\r]*) | (?P<comment>/\*)
    | (?P<escaped>[eE]') | (?P<text>'(?!(?:[^']|'')*+')) | (?P<name>") | (?P<dollar>\$(?:[{_LETTER}][{_LETTER}0-9]*)?\$) | (?P<end>;[ ;\t\n]*)
    | (?P<code>(?:(?![eE]')[{_LETTER}0-9][{_LETTER}0-9$]*+ | [^{_LETTER}0-9$'";/-]++ | '(?:[^']|'')*+' | /(?!\*) | -(?!-))++ | .)
    """,
    re.VERBOSE | re.DOTALL,
)
_CURLY = "‘’‚‛“”„‟"
_BARE = re.compile(r"\r(?!\n)")
_BRACKET = re.compile(r"[(\[{)\]}]")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_STRING = re.compile(r"'(?:[^']|'')*+'")
_QUOTED = {
    "text": (_STRING, "a string"),
    "escaped": (re.compile(r"(?:[^'\\]|\\.|'')*+'", re.DOTALL), "a string"),
    "name": (re.compile(r'(?:[^"]|"")*+"'), "a quoted name"),
}
# Strings that only a line break parts are one string, and what a backslash means holds for all of it.
_GOES_ON = re.compile(r"(?:[ \t]|--[^\n\r]*)*[\n\r](?:[ \t\n\r]|--[^\n\r]*[\n\r])*'")


@dataclass(frozen=True)
class Flaw:
    """What makes a text unfit to be sent, and where."""

    line: int
    what: str
    hint: str


@dataclass(frozen=True)
class Scan:
    """What was found. `statements`: the line on which each begins; `comments`: whether there is any."""

    statements: tuple[int, ...] = ()
    comments: bool = False
    flaw: Flaw | None = None


def scan(text: str, *, brackets: bool = True) -> Scan:
    """Look at a text from end to end; with `brackets`, also at how deep they are nested."""
    if found := HIDDEN.search(text):
        return Scan(flaw=_hidden(text, found.start()))
    return _Scanner(text, brackets).result()


def _hidden(text: str, at: int) -> Flaw:
    return Flaw(_line(text, at), f"{named(text[at])} in the text", "delete it; write chr(…) if a value needs it")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


class _Scanner:
    """One pass over a text."""

    def __init__(self, text: str, brackets: bool) -> None:
        self._text, self._at, self._depth, self._brackets = text, 0, 0, brackets
        self._starts: list[int] = []
        self._fresh = True  # nothing of a statement has been seen since the last semicolon
        self._comments = False

    def result(self) -> Scan:
        while self._at < len(self._text):
            piece = _PIECE.match(self._text, self._at)
            if piece is None:  # pragma: no cover - the last alternative takes any character
                break
            self._at = piece.end()
            if flaw := self._take(piece.lastgroup or "", piece[0], piece.start()):
                return Scan(flaw=flaw)
        text, line, lines, before = self._text, 1, [], 0
        for start in self._starts:
            line += text.count("\n", before, start)
            lines.append(line)
            before = start
        return Scan(tuple(lines), self._comments)

    def _take(self, kind: str, piece: str, start: int) -> Flaw | None:
        if kind == "code" and "'" in piece:  # all that follows is about what is not in quotes
            piece = _STRING.sub(lambda found: "x" * len(found[0]), piece)
        if kind in ("blank", "code", "end") and "\r" in piece and (flaw := self._bare_return(piece, start)):
            return flaw
        if kind == "blank":
            return None
        if kind in ("line", "comment"):
            self._comments = True
            return self._comment(start) if kind == "comment" else None
        if kind == "end":
            self._fresh = True
            return None
        if self._fresh:
            self._starts.append(start)
            self._fresh = False
        if kind != "code":
            return self._quoted(kind, piece, start)
        return self._odd(piece, start) or (self._nested(piece, start) if self._brackets else None)

    def _comment(self, start: int) -> Flaw | None:
        """Both engines let comments nest."""
        depth = 1
        while depth:
            edge = _COMMENT_EDGE.search(self._text, self._at)
            if edge is None:
                return Flaw(_line(self._text, start), "a comment that opens here is never closed", "write */")
            depth += 1 if edge[0] == "/*" else -1
            self._at = edge.end()
        return None

    def _bare_return(self, piece: str, start: int) -> Flaw | None:
        after = self._text[self._at : self._at + 1]
        found = _BARE.search(piece + after)
        if found is None:
            return None
        hint = "save the file with line feeds: parsers disagree about whether a line ends there"
        return Flaw(_line(self._text, start + found.start()), "a carriage return without a line feed", hint)

    def _nested(self, piece: str, start: int) -> Flaw | None:
        for found in _BRACKET.finditer(piece):
            self._depth = self._depth + 1 if found[0] in "([{" else max(0, self._depth - 1)
            if self._depth > MAX_DEPTH:
                what = f"brackets are nested deeper than {MAX_DEPTH} levels"
                hint = "take a part out: with name as (select …)"
                return Flaw(_line(self._text, start + found.start()), what, hint)
        return None

    def _quoted(self, kind: str, piece: str, start: int) -> Flaw | None:
        if kind == "dollar":
            end = self._text.find(piece, self._at)
            if end < 0:
                return Flaw(
                    _line(self._text, start), f"a string that opens here is never closed by {piece}", "close it"
                )
            self._at = end + len(piece)
            return None
        pattern, what = _QUOTED[kind]
        while True:
            rest = pattern.match(self._text, self._at)
            if rest is None:
                hint = f"close it; a {piece[-1]} within is written twice"
                return Flaw(_line(self._text, start), f"{what} that opens here is never closed", hint)
            inside, self._at = rest[0], rest.end()
            if kind == "name" and (flaw := self._odd(inside, start, blanks=True)):
                return flaw
            more = _GOES_ON.match(self._text, self._at) if kind == "escaped" else None
            if more is None:
                return None
            self._at = more.end()

    def _odd(self, piece: str, start: int, *, blanks: bool = False) -> Flaw | None:
        """Characters that cannot be seen, in a name or between words."""
        if piece.isascii():
            return None
        for n, char in enumerate(piece):
            category = unicodedata.category(char)
            if char in _CURLY and not blanks:
                what = f"a typographic quote, {char}, outside of a string"
                return Flaw(_line(self._text, start + n), what, "write ' around a text and \" around a name")
            if category == "Cf" or (category == "Zs" and char != " " and not blanks):
                what = f"the invisible character U+{ord(char):04X} outside of a string"
                return Flaw(_line(self._text, start + n), what, "write a plain blank, or delete it")
        return None
