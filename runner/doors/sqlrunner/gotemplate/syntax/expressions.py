"""Reads what stands in an action: pipelines, commands, operands."""

from __future__ import annotations

from typing import Final

from runner.doors.sqlrunner.gotemplate.syntax.literals import (
    BadLiteral,
    char_constant,
    complex_number,
    number,
    quoted,
    unquoted,
)
from runner.doors.sqlrunner.gotemplate.syntax.nodes import (
    Bool,
    Chain,
    Command,
    Dot,
    Expression,
    Field,
    Identifier,
    Nil,
    Number,
    Pipe,
    String,
    Variable,
)
from runner.doors.sqlrunner.gotemplate.syntax.tokens import Reading

MAX_PARENTHESES: Final = 10_000
_STARTS_COMMAND = frozenset(
    ("bool", "constant", "complex", "dot", "field", "identifier", "number", "nil", "raw", "string", "variable", "open")
)
_NOT_CALLABLE = (Bool, Dot, Nil, Number, String)


class Expressions(Reading):
    """Recursive descent over the tokens of an action."""

    def _pipeline(self, context: str, end: str) -> Pipe:
        token = self._peek_word()
        offset, line = token[2], token[3]
        variables: tuple[Variable, ...] = ()
        assigns = False
        if token[0] == "variable":
            variables, assigns = self._declarations(context)
        commands: list[Command] = []
        while True:
            token = self._next_word()
            if token[0] == end:
                break
            if token[0] not in _STARTS_COMMAND:
                self._unexpected(token, context)
            self._at -= 1
            commands.append(self._command())
        if not commands:
            self._fail(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.words[0], _NOT_CALLABLE):
                hint = "after a | there is a function, which is given the value before it as its last argument"
                self._fail(f"non executable command in pipeline stage {stage}", hint)
        return Pipe(offset, line, variables, assigns, tuple(commands))

    def _declarations(self, context: str) -> tuple[tuple[Variable, ...], bool]:
        """`$x :=`, `$x =` or, in a range, `$i, $x :=`; nothing is taken if there is no such thing here."""
        found: list[Variable] = []
        while self._peek_word()[0] == "variable":
            start = self._at
            _, name, offset, line = self._next()
            sign = self._peek_word()
            if sign[0] not in ("assign", "declare") and sign[1] != ",":
                self._at = start
                break
            self._next()
            found.append(Variable(offset, line, name))
            self._scope.variables.append(name)
            if sign[0] != "char":
                return tuple(found), sign[0] == "assign"
            if context != "range" or len(found) > 1:
                self._fail(f"too many declarations in {context}")
            if self._peek_word()[0] not in ("variable", "right", "close"):
                self._fail("range can only initialize variables")
        return tuple(found), False

    def _command(self) -> Command:
        _, _, offset, line = self._peek_word()
        words: list[Expression] = []
        while True:
            self._peek_word()
            operand = self._operand()
            if operand is not None:
                words.append(operand)
            token = self._next()
            if token[0] == "space":
                continue
            if token[0] in ("right", "close"):
                self._at -= 1
            elif token[0] != "pipe":
                self._unexpected(token, "operand")
            break
        if not words:
            self._fail("empty command")
        return Command(offset, line, tuple(words))

    def _operand(self) -> Expression | None:
        """A term with the fields that are written right behind it."""
        term = self._term()
        if term is None or self._peek()[0] != "field":
            return term
        _, _, offset, line = self._peek()
        fields: list[str] = []
        while self._peek()[0] == "field":
            fields.append(self._next()[1][1:])
        if isinstance(term, Field):
            return Field(offset, line, (*term.names, *fields))
        if isinstance(term, Variable):
            return Variable(offset, line, term.name, tuple(fields))
        if isinstance(term, (Pipe, Identifier)):
            return Chain(offset, line, term, tuple(fields))
        self._fail(f"unexpected . after term {quoted(str(term))}")

    def _term(self) -> Expression | None:
        kind, value, offset, line = self._next_word()
        if kind == "field":
            return Field(offset, line, (value[1:],))
        if kind == "identifier":
            if value not in self._functions:
                self._fail(f"function {quoted(value)} not defined", _unknown(value))
            return Identifier(offset, line, value)
        if kind == "variable":
            if value not in self._scope.variables:
                self._fail(f"undefined variable {quoted(value)}", f"declare it first: {{{{{value} := …}}}}")
            return Variable(offset, line, value)
        if kind == "bool":
            return Bool(offset, line, value == "true")
        if kind in ("string", "raw"):
            return String(offset, line, value, self._unquoted(value))
        if kind in ("number", "constant", "complex"):
            return self._number(kind, value, offset, line)
        if kind == "dot":
            return Dot(offset, line)
        if kind == "nil":
            return Nil(offset, line)
        if kind == "open":
            return self._parenthesized()
        self._at -= 1
        return None

    def _parenthesized(self) -> Pipe:
        scope = self._scope
        if scope.parentheses >= MAX_PARENTHESES:
            self._fail("max expression depth exceeded")
        scope.parentheses += 1
        pipe = self._pipeline("parenthesized pipeline", "close")
        scope.parentheses -= 1
        return pipe

    def _number(self, kind: str, text: str, offset: int, line: int) -> Number:
        try:
            if kind == "constant":
                code = char_constant(text)
                return Number(offset, line, text, code, code)
            quantity = complex_number(text) if kind == "complex" else number(text)
        except BadLiteral as error:
            self._fail(str(error))
        return Number(offset, line, text, quantity.value, quantity.integer)

    def _unquoted(self, text: str) -> str:
        try:
            return unquoted(text)
        except BadLiteral as error:
            self._fail(
                str(error), rf"{text[:60]} is no Go string; write \\ for a backslash, or quote it with backquotes"
            )


def _unknown(name: str) -> str:
    return f"write .{name} for a variable; functions are those of Go templates and of SQL Runner"
