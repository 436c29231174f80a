"""Pipelines and their commands as Python functions of the state and dot."""

from __future__ import annotations

from runner.doors.sqlrunner.gotemplate.execute.calls import Calls
from runner.doors.sqlrunner.gotemplate.execute.operands import Evaluate, Piped, last_seen
from runner.doors.sqlrunner.gotemplate.execute.state import State
from runner.doors.sqlrunner.gotemplate.syntax.nodes import (
    Bool,
    Chain,
    Command,
    Expression,
    Field,
    Identifier,
    Nil,
    Number,
    Pipe,
    String,
    Variable,
)
from runner.doors.sqlrunner.gotemplate.values import MISSING, Result


def _without_nil(evaluate: Evaluate) -> Evaluate:
    """A nil that comes out of a pipeline is "no value"."""

    def run(state: State, dot: Result) -> Result:
        value = evaluate(state, dot)
        return MISSING if value is None else value

    return run


def _has_fields(word: Expression) -> bool:
    return isinstance(word, Chain) or (isinstance(word, Variable) and bool(word.fields))


def _not_a_function(word: Expression) -> tuple[str, str]:
    shown = str(word)
    return (
        f"can't give argument to non-function {shown}",
        f"{shown} is a value; functions come first, as in: eq {shown} 1",
    )


class Evaluation(Calls):
    """Compiles the expressions of one template."""

    def pipeline(self, pipe: Pipe) -> Evaluate:
        """The value of a pipeline; its variables are set."""
        value = self._commands(pipe)
        if not pipe.variables:
            return value
        names = tuple(variable.name for variable in pipe.variables)
        if not pipe.assigns:

            def declare(state: State, dot: Result) -> Result:
                found = value(state, dot)
                for name in names:
                    state.declare(name, found)
                return found

            return declare
        node = last_seen(pipe)

        def assign(state: State, dot: Result) -> Result:
            found = value(state, dot)
            for name in names:
                self.set_variable(state, name, found, node)
            return found

        return assign

    def set_variable(self, state: State, name: str, value: Result, node: Expression) -> None:
        """Assign to the variable that was declared last under this name."""
        cells = state.cells.get(name)
        if not cells:
            self._fail(node, f"undefined variable: {name}", f"declare it with {name} := first, outside of the block")
        cells[-1][0] = value

    def _commands(self, pipe: Pipe) -> Evaluate:
        """The value of the last command; nil becomes "no value" on the way from one to the next, and at the end."""
        command = pipe.commands[0]
        first = self._first(command, pipe)
        if len(pipe.commands) == 1:
            return first if isinstance(command.words[0], (Bool, Number, String)) else _without_nil(first)
        rest = [
            self._piped(command, last_seen(before))
            for before, command in zip(pipe.commands, pipe.commands[1:], strict=False)
        ]

        def run(state: State, dot: Result) -> Result:
            value = first(state, dot)
            for step in rest:
                value = step(state, dot, MISSING if value is None else value)
            return MISSING if value is None else value

        return run

    def _first(self, command: Command, pipe: Pipe) -> Evaluate:
        """The first command of a pipeline, which is given nothing."""
        word = command.words[0]
        if isinstance(word, Identifier):
            return self._function(word, command, command.words[1:])
        if len(command.words) > 1 and not isinstance(word, Field) and not _has_fields(word):
            return self._failing(pipe if isinstance(word, Pipe) else word, *_not_a_function(word))
        if isinstance(word, Pipe):
            return self.pipeline(word)
        if isinstance(word, (Field, Variable, Chain)):
            return self._fields(word, with_arguments=len(command.words) > 1)
        if isinstance(word, Nil):
            return self._failing(word, "nil is not a command", "nil can only be an argument: eq .x nil")
        return self._constant(word)

    def _piped(self, command: Command, before: Expression) -> Piped:
        """A later command of a pipeline, which is given the value before it as its last argument."""
        word = command.words[0]
        if isinstance(word, Identifier):
            return self._piped_function(word, command, command.words[1:])
        if isinstance(word, Field) or _has_fields(word):
            failing = self._fields(word, with_arguments=True)
        else:
            node = before if isinstance(word, Pipe) else word
            failing = self._failing(node, *_not_a_function(word))
        return lambda state, dot, _: failing(state, dot)
