"""Reads tokens into the syntax tree of nodes.py, with Go's rules and Go's messages: statements and their nesting."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from runner.doors.sqlrunner.gotemplate.syntax.expressions import Expressions
from runner.doors.sqlrunner.gotemplate.syntax.lexer import Token
from runner.doors.sqlrunner.gotemplate.syntax.literals import quoted
from runner.doors.sqlrunner.gotemplate.syntax.nodes import (
    Action,
    Block,
    Break,
    Command,
    Comment,
    Continue,
    Define,
    Field,
    If,
    Pipe,
    Range,
    Statement,
    TemplateCall,
    Text,
    With,
)
from runner.doors.sqlrunner.gotemplate.syntax.tokens import Scope

_BRANCHES: dict[str, type[If | Range | With]] = {"if": If, "range": Range, "with": With}


@dataclass(frozen=True)
class Parsed:
    """The statements of the main template, and the bodies of all templates by name."""

    root: tuple[Statement, ...]
    templates: dict[str, tuple[Statement, ...]]


def parse_text(text: str, name: str, functions: Container[str]) -> Parsed:
    """Read a template; `functions` are all that it may call."""
    return _Parser(text, name, functions).run()


def is_empty(body: tuple[Statement, ...]) -> bool:
    """Is there nothing but space, comments and definitions?"""
    return all(
        isinstance(node, (Comment, Define)) or (isinstance(node, Text) and not node.text.strip()) for node in body
    )


def _field_action(name: str, offset: int, line: int) -> Action:
    command = Command(offset, line, (Field(offset, line, (name,)),))
    return Action(offset, line, Pipe(offset, line, (), False, (command,)))


class _Parser(Expressions):
    """Recursive descent over statements; `_ending` is the `end` or `else` that the last list of them ended with."""

    def __init__(self, text: str, name: str, functions: Container[str]) -> None:
        super().__init__(text, name, functions)
        self._templates: dict[str, tuple[Statement, ...]] = {}
        self._ending: Token = self._tokens[0]

    def run(self) -> Parsed:
        root: list[Statement] = []
        while (kind := self._peek()[0]) != "eof":
            if kind == "left":
                start = self._at
                self._next()
                if self._next_word()[0] == "define":
                    root.append(self._define(self._tokens[start]))
                    continue
                self._at = start
            node = self._statement()
            if node is None:
                self._fail(f"unexpected {{{{{self._ending[0]}}}}}", "there is no if, range or with open here")
            root.append(node)
        body = tuple(root)
        self._add(self._name, body)
        return Parsed(body, self._templates)

    def _add(self, name: str, body: tuple[Statement, ...]) -> None:
        known = self._templates.get(name)
        if known is None or is_empty(known):
            self._templates[name] = body
        elif not is_empty(body):
            self._fail(f"template: multiple definition of template {quoted(name)}", "give one of them another name")

    def _body(self, opening: Token) -> tuple[Statement, ...]:
        """Statements up to an `{{end}}` or `{{else}}`, which is left in `_ending`."""
        body: list[Statement] = []
        while self._peek_word()[0] != "eof":
            node = self._statement()
            if node is None:
                return tuple(body)
            body.append(node)
        self._fail("unexpected EOF", f"{{{{{opening[0]}}}}} of line {opening[3]} has no {{{{end}}}}")

    def _statement(self) -> Statement | None:
        """Text, a comment or an action; None at the end of a list."""
        token = self._next_word()
        kind, value, offset, line = token
        if kind == "text":
            return Text(offset, line, value)
        if kind == "field action":
            return _field_action(value, offset, line)
        if kind == "left":
            self._scope.action_line = line
            node = self._action()
            self._scope.action_line = 0
            return node
        if kind == "comment":
            return Comment(offset, line, value)
        self._unexpected(token, "input")

    def _action(self) -> Statement | None:
        token = self._next_word()
        kind, _, offset, line = token
        if kind in _BRANCHES:
            return self._branch(token)
        if kind == "end":
            self._ending = token
            self._expect("right", "end")
            return None
        if kind == "else":
            self._ending = token
            if self._peek_word()[0] not in ("if", "with"):
                self._expect("right", "else")
            return None
        if kind == "template":
            return self._call()
        if kind == "block":
            return self._block(token)
        if kind in ("break", "continue"):
            right = self._next_word()
            if right[0] != "right":
                self._unexpected(right, f"{{{{{kind}}}}}")
            if not self._scope.ranges:
                self._fail(f"{{{{{kind}}}}} outside {{{{range}}}}")
            return Break(offset, line) if kind == "break" else Continue(offset, line)
        self._at -= 1
        return Action(offset, line, self._pipeline("command", "right"))

    def _branch(self, opening: Token) -> If | Range | With:
        """What follows the word `if`, `range` or `with`, up to its end."""
        context, scope = opening[0], self._scope
        known = len(scope.variables)
        pipe = self._pipeline(context, "right")
        scope.ranges += context == "range"
        body = self._body(opening)
        scope.ranges -= context == "range"
        orelse: tuple[Statement, ...] | None = None
        if self._ending[0] == "else":
            if context != "range" and self._peek()[0] == context:
                orelse = (self._branch(self._next()),)
            else:
                orelse = self._body(opening)
                if self._ending[0] != "end":
                    self._fail("expected end; found {{else}}", f"the {context} has an else already")
        del scope.variables[known:]
        kind: type[If | Range | With] = _BRANCHES[context]
        return kind(pipe.offset, pipe.line, pipe, body, orelse)

    def _call(self) -> TemplateCall:
        token = self._next_word()
        name = self._template_name(token, "template clause")
        pipe = None
        if self._next_word()[0] != "right":
            self._at -= 1
            pipe = self._pipeline("template clause", "right")
        return TemplateCall(token[2], token[3], name, pipe)

    def _template_name(self, token: Token, context: str) -> str:
        if token[0] not in ("string", "raw"):
            self._unexpected(token, context)
        return self._unquoted(token[1])

    def _block(self, opening: Token) -> Block:
        token = self._next_word()
        name = self._template_name(token, "block clause")
        pipe = self._pipeline("block clause", "right")
        line = self._tokens[self._read][3]
        body = self._template(name, opening, "block clause", line)
        return Block(token[2], token[3], name, pipe, body)

    def _define(self, left: Token) -> Define:
        opening = self._tokens[self._at - 1]
        self._scope, outer = Scope(), self._scope
        token = self._next_word()
        name = self._template_name(token, "define clause")
        self._expect("right", "define clause")
        self._scope = outer
        return Define(left[2], left[3], name, self._template(name, opening, "define clause", 0))

    def _template(self, name: str, opening: Token, context: str, line: int) -> tuple[Statement, ...]:
        """The body of a template of its own: variables and loops around it do not reach into it."""
        self._scope, outer = Scope(), self._scope
        body = self._body(opening)
        if self._ending[0] != "end":
            self._fail(f"unexpected {{{{else}}}} in {context}", line=line)
        self._add(name, body)
        self._scope = outer
        return body
