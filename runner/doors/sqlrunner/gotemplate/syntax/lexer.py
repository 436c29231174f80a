"""Cuts the text of a Go template into tokens. An error is the last token: the parser may find a mistake before it."""

from __future__ import annotations

import re
from typing import Final, NoReturn, TypeAlias

from runner.doors.sqlrunner.gotemplate.syntax.literals import quoted

# What a token is, its text, its offset and its line. The kind of a keyword is the keyword; a `field action` is all of
# {{.name}}, with the name as its text.
Token: TypeAlias = tuple[str, str, int, int]

KEYWORDS: Final = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with")
)
SPACES: Final = " \t\r\n"
_ENDS = r"(?=[ \t\r\n.,|:()]|\}\}|\Z)"
_DECIMAL = r"[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?"
_NUMBER = (
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    rf"|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|{_DECIMAL})i?"
)
_TOKEN = re.compile(
    rf"""
    (?P<right>[ \t\r\n]-\}}\}}|\}}\}})
    | (?P<field>\.(?![0-9])\w+{_ENDS})
    | (?P<space>[ \t\r\n]+(?=[ \t\r\n]-\}}\}})|[ \t\r\n]+)
    | (?P<number>(?:(?=[+0-9-])|(?=\.(?:[0-9]|\Z))){_NUMBER})
    | (?P<identifier>\w+{_ENDS})
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
    | (?P<variable>\$\w*{_ENDS})
    | (?P<dot>\.{_ENDS})
    | (?P<raw>`[^`]*`)
    | (?P<constant>'(?:[^'\\\n]|\\[^\n])*')
    | (?P<declare>:=) | (?P<assign>=) | (?P<pipe>\|) | (?P<open>\() | (?P<close>\))
    | (?P<char>[!\#%&*,/;<>?@\[\\\]^{{}}~])
    """,
    re.VERBOSE,
)
_FIELD_ACTION = re.compile(r"\{\{\.([A-Za-z_][A-Za-z0-9_]*)\}\}")
_SECOND = re.compile(_NUMBER)
_NAMES = ("identifier", "field", "variable")
_MAY_BREAK = ("space", "raw")
_QUOTES = {
    '"': "unterminated quoted string",
    "'": "unterminated character constant",
    "`": "unterminated raw quoted string",
}


def unicode_name(char: str) -> str:
    """A character as Go's errors name it: its code, and itself if it can be seen."""
    if "\ud800" <= char <= "\udfff":
        char = "\ufffd"
    return f"U+{ord(char):04X}" + (f" '{char}'" if char.isprintable() else "")


def is_word(char: str) -> bool:
    """May the character stand in a name? Letters, decimal digits and the underscore may."""
    return char == "_" or char.isalpha() or char.isdecimal()


class _Wrong(Exception):
    """A mistake at a place of the text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


class _Lexer:
    """One pass over a text; `line` is that of the offset `_counted`."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens = text, list[Token]()
        self._counted, self._line = 0, 1

    def run(self) -> list[Token]:
        try:
            self._texts()
        except _Wrong as wrong:
            self._add("error", wrong.message, wrong.offset)
        else:
            self._add("eof", "EOF", len(self._text))
        return self._tokens

    def _add(self, kind: str, value: str, offset: int) -> None:
        self._tokens.append((kind, value, offset, self._line_at(offset)))

    def _line_at(self, offset: int) -> int:
        """The line of an offset, which never goes back."""
        if offset > self._counted:
            self._line += self._text.count("\n", self._counted, offset)
            self._counted = offset
        return self._line

    def _texts(self) -> None:
        """From one action to the next."""
        text, at = self._text, 0
        while True:
            left = text.find("{{", at)
            stop = len(text) if left < 0 else left
            inner = left + 2
            trims = left >= 0 and text.startswith("-", inner) and text[inner + 1 : inner + 2] in (*SPACES,)
            piece = text[at:stop].rstrip(SPACES) if trims else text[at:stop]
            if piece:
                self._add("text", piece, at)
            if left < 0:
                return
            # Most actions of real templates are {{.name}}: one token for all of it.
            if field := _FIELD_ACTION.match(text, left):
                self._add("field action", field[1], inner)
                at = field.end()
            elif text.startswith("/*", inner + 2 * trims):
                at = self._comment(inner + 2 * trims)
            else:
                self._add("left", "{{", left)
                at = self._action(inner + 2 * trims)

    def _comment(self, at: int) -> int:
        text = self._text
        end = text.find("*/", at + 2)
        if end < 0:
            raise _Wrong("unclosed comment", at)
        end += 2
        trims = text[end : end + 1] in (*SPACES,) and text.startswith("-}}", end + 1)
        if not trims and not text.startswith("}}", end):
            raise _Wrong("comment ends before closing delimiter", at)
        self._add("comment", text[at:end], at)
        return self._past_spaces(end + 4) if trims else end + 2

    def _past_spaces(self, at: int) -> int:
        text = self._text
        while at < len(text) and text[at] in SPACES:
            at += 1
        return at

    def _action(self, at: int) -> int:
        """The tokens of an action; returns where the text behind it begins."""
        text, match, depth = self._text, _TOKEN.match, 0
        add, line = self._tokens.append, self._line_at(at)
        while True:
            found = match(text, at)
            if found is None:
                self._no_token(at)
            kind, value, end = found.lastgroup or "", found[0], found.end()
            if kind == "right":
                if depth:
                    raise _Wrong("unclosed left paren", at)
                trims = len(value) > 2
                self._add("right", "}}", at + 2 * trims)
                return self._past_spaces(end) if trims else end
            if kind == "number":
                kind, end = self._number(at, end)
                value = text[at:end]
            elif kind in _NAMES:
                if not value.isascii() and not all(map(is_word, value if kind == "identifier" else value[1:])):
                    self._no_token(at)  # the regular expression takes more for letters than Go does
                if value in KEYWORDS:
                    kind = value
                elif value in ("true", "false"):
                    kind = "bool"
            elif kind == "open":
                depth += 1
            elif kind == "close":
                depth -= 1
                if depth < 0:
                    raise _Wrong("unexpected right paren", at)
            add((kind, value, at, line))
            if kind in _MAY_BREAK:
                line += value.count("\n")
            at = end

    def _number(self, at: int, end: int) -> tuple[str, int]:
        self._ends_number(at, end)
        if self._text[end : end + 1] not in ("+", "-"):
            return "number", end
        second = _SECOND.match(self._text, end)
        end = second.end() if second else end
        self._ends_number(at, end)
        if self._text[end - 1] != "i":
            raise _Wrong(f"bad number syntax: {quoted(self._text[at:end])}", at)
        return "complex", end

    def _ends_number(self, at: int, end: int) -> None:
        if end < len(self._text) and is_word(self._text[end]):
            raise _Wrong(f"bad number syntax: {quoted(self._text[at : end + 1])}", at)

    def _no_token(self, at: int) -> NoReturn:
        """Say what is wrong with the characters here."""
        text = self._text
        char = text[at : at + 1]
        if not char:
            raise _Wrong("unclosed action", at)
        if char == ":":
            raise _Wrong("expected :=", at)
        if char in _QUOTES:
            raise _Wrong(_QUOTES[char], at)
        if char not in ".$" and not is_word(char):
            raise _Wrong(f"unrecognized character in action: {unicode_name(char)}", at)
        end = at + 1
        while is_word(text[end]):
            end += 1
        raise _Wrong(f"bad character {unicode_name(text[end])}", at)


def tokens(text: str) -> list[Token]:
    """All tokens of a text; the last one is of kind `eof` or `error`."""
    return _Lexer(text).run()
