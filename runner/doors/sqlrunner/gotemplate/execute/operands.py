"""Constants, fields and variables as Python functions of the state and dot.

Nodes in errors are those that Go's executor would be at: the last one it looked at, see `last_seen`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TypeAlias

from runner.doors.sqlrunner.gotemplate.execute.state import Here, State
from runner.doors.sqlrunner.gotemplate.functions.function import Function, Parameter
from runner.doors.sqlrunner.gotemplate.syntax.nodes import (
    Bool,
    Chain,
    Command,
    Dot,
    Expression,
    Field,
    Identifier,
    Number,
    Pipe,
    String,
    Variable,
)
from runner.doors.sqlrunner.gotemplate.values import MISSING, Result, type_name

Evaluate: TypeAlias = Callable[[State, Result], Result]
# A command is also given the value of the command before it.
Piped: TypeAlias = Callable[[State, Result, Result], Result]


def last_seen(node: Expression | Command) -> Expression:
    """The node that was looked at last when `node` has been evaluated."""
    while True:
        if isinstance(node, Pipe):
            node = node.commands[-1]
        elif isinstance(node, Chain):
            node = node.base
        elif isinstance(node, Command):
            node = node.words[-1] if isinstance(node.words[0], Identifier) else node.words[0]
        else:
            return node


def dot_itself(_: State, dot: Result) -> Result:
    """The value of `.`."""
    return dot


class Operands(ABC):
    """Compiles the operands of one template that call nothing."""

    def __init__(self, here: Here, functions: Mapping[str, Function]) -> None:
        self._fail, self._functions = here.fail, functions

    @abstractmethod
    def _argument(self, node: Expression, parameter: Parameter) -> Evaluate:
        """An argument for a parameter of this type."""

    def _failing(self, node: Expression, message: str, hint: str) -> Evaluate:
        def fail(state: State, dot: Result) -> Result:
            self._fail(node, message, hint)

        return fail

    def _constant(self, node: Expression) -> Evaluate:
        if isinstance(node, Dot):
            return lambda _, dot: dot
        if isinstance(node, Number) and node.value is None:
            return self._failing(node, f"{node.text} overflows int", "Go's int ends at 9223372036854775807")
        value: Result = node.value if isinstance(node, (Bool, Number, String)) else MISSING
        return lambda _, __: value

    def _fields(self, node: Expression, *, with_arguments: bool = False) -> Evaluate:
        """A field, a variable or a chain, with the fields behind it."""
        at: Expression = node
        base: Evaluate
        if isinstance(node, Field):
            base, names = dot_itself, node.names
        elif isinstance(node, Variable):
            base, names = self._variable(node), node.fields
        elif isinstance(node, Chain):
            base = self._argument(node.base, Parameter.VALUE)
            names, at = node.fields, last_seen(node)
        else:
            raise TypeError(node)
        if not names:
            return base
        last = len(names) - 1
        if last == 0 and not with_arguments:
            return self._field(base, names[0], at)

        def walk(state: State, dot: Result) -> Result:
            value = base(state, dot)
            for index, name in enumerate(names):
                value = self.one_field(state, value, name, at, with_arguments=with_arguments and index == last)
            return value

        return walk

    def _field(self, base: Evaluate, name: str, at: Expression) -> Evaluate:
        """The usual case: one field of a map."""

        def field(state: State, dot: Result) -> Result:
            value = base(state, dot)
            if type(value) is dict and name in value:
                found: Result = value[name]
                return found
            return self.one_field(state, value, name, at)

        def field_of_dot(state: State, dot: Result) -> Result:
            if type(dot) is dict and name in dot:
                found: Result = dot[name]
                return found
            return self.one_field(state, dot, name, at)

        return field_of_dot if base is dot_itself else field

    def one_field(
        self, state: State, value: Result, name: str, at: Expression, *, with_arguments: bool = False
    ) -> Result:
        if value is MISSING:
            if state.strict:
                self._fail(at, f'nil data; no entry for key "{name}"', "what stands before the dot has no value")
            return MISSING
        if value is None:
            hint = f"what stands before .{name} is null; test it first: {{{{with …}}}}{{{{.{name}}}}}{{{{end}}}}"
            self._fail(at, f"nil pointer evaluating interface {{}}.{name}", hint)
        if not isinstance(value, dict):
            hint = f"only a map has fields; write $.{name} for a variable of the playbook inside range or with"
            self._fail(at, f"can't evaluate field {name} in type {type_name(value)}", hint)
        if with_arguments:
            hint = f".{name} is a variable, not a function; a | gives a value to a function"
            self._fail(at, f"{name} is not a method but has arguments", hint)
        if name in value:
            found: Result = value[name]
            return found
        if state.strict:
            known = ", ".join(sorted(map(str, value))[:20]) or "none"
            self._fail(
                at, f'map has no entry for key "{name}"', f"give it a value under variables: (there are: {known})"
            )
        return MISSING

    def _variable(self, node: Variable) -> Evaluate:
        name = node.name

        def variable(state: State, dot: Result) -> Result:
            cells = state.cells.get(name)
            if not cells:
                hint = f"{name} is declared in a part that was not executed; declare it before"
                self._fail(node, f"undefined variable: {name}", hint)
            return cells[-1][0]

        return variable
