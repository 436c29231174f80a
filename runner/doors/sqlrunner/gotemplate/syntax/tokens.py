"""The tokens of a template one by one, what is known while they are read, and the errors told on the way."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import NoReturn

from runner.doors.sqlrunner.gotemplate.syntax.lexer import KEYWORDS, Token, tokens
from runner.doors.sqlrunner.gotemplate.syntax.literals import quoted


class ParseError(Exception):
    """A template that Go refuses: its message, the line, and a hint of ours."""

    def __init__(self, message: str, line: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.hint = message, line, hint


@dataclass
class Scope:
    """What is known while one template is read: the main one, a definition or a block."""

    variables: list[str] = field(default_factory=lambda: ["$"])
    ranges: int = 0
    parentheses: int = 0
    action_line: int = 0


def _shown(token: Token) -> str:
    kind, value, _, _ = token
    if kind in ("eof", "error"):
        return value
    if kind in KEYWORDS or kind == "dot":
        return f"<{value}>"
    if len(value.encode("utf-8", "replace")) > 10:
        return f"{quoted(value[:10])}..."
    return quoted(value)


class Reading:
    """Goes through tokens; `_read` is the furthest one looked at, whose line errors are told with, as Go does."""

    def __init__(self, text: str, name: str, functions: Container[str]) -> None:
        found = tokens(text)
        self._tokens = found + found[-1:] * 4  # so that looking ahead finds the end again
        self._at = self._read = 0
        self._name, self._functions = name, functions
        self._scope = Scope()

    def _next(self) -> Token:
        at = self._at
        self._at = at + 1
        self._read = max(self._read, at)
        return self._tokens[at]

    def _next_word(self) -> Token:
        """The next token that is no space."""
        token = self._next()
        while token[0] == "space":
            token = self._next()
        return token

    def _peek(self) -> Token:
        token = self._next()
        self._at -= 1
        return token

    def _peek_word(self) -> Token:
        """The next token that is no space; spaces before it are gone."""
        token = self._next_word()
        self._at -= 1
        return token

    def _expect(self, kind: str, context: str) -> Token:
        token = self._next_word()
        if token[0] != kind:
            self._unexpected(token, context)
        return token

    def _fail(self, message: str, hint: str = "", line: int = 0) -> NoReturn:
        raise ParseError(message, line or self._tokens[self._read][3], hint)

    def _unexpected(self, token: Token, context: str) -> NoReturn:
        kind, value, _, line = token
        if kind != "error":
            self._fail(f"unexpected {_shown(token)} in {context}")
        extra, started = "", self._scope.action_line
        if started not in (0, line):
            extra = f" started at {self._name}:{started}"
            extra = extra if value.endswith(" action") else f" in action{extra}"
        self._fail(value + extra)
