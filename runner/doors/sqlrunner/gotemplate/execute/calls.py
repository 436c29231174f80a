"""Calls of functions as Python functions of the state and dot; their arguments are checked as Go checks them.

What can be known before a template runs is decided once: numbers of arguments, the types of literals.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from runner.doors.sqlrunner.gotemplate.execute.operands import Evaluate, Operands, Piped, dot_itself, last_seen
from runner.doors.sqlrunner.gotemplate.execute.state import MAX_WORK, State
from runner.doors.sqlrunner.gotemplate.functions.builtin import BUILTINS, no_function
from runner.doors.sqlrunner.gotemplate.functions.function import Function, Parameter
from runner.doors.sqlrunner.gotemplate.syntax.nodes import (
    Bool,
    Command,
    Dot,
    Expression,
    Identifier,
    Nil,
    Number,
    Pipe,
    String,
)
from runner.doors.sqlrunner.gotemplate.values import MISSING, CallError, Result, truth, type_name

_GO_TYPES: dict[Parameter, tuple[type, ...]] = {
    Parameter.STRING: (str,),
    Parameter.INT: (int,),
    Parameter.FLOAT: (float,),
    Parameter.BOOL: (bool,),
}
_WORDS = {Parameter.STRING: "string", Parameter.INT: "integer", Parameter.FLOAT: "float", Parameter.BOOL: "bool"}


def _deciding(arguments: list[Evaluate], *, stop: bool) -> Evaluate:
    """`and` and `or`: the first argument that decides, or the last one."""

    def decide(state: State, dot: Result) -> Result:
        value: Result = MISSING
        for argument in arguments:
            value = argument(state, dot)
            if truth(value) == stop:
                return value
        return value

    return decide


def _wrong_number(name: str, function: Function, given: int, written: int) -> str:
    wanted = len(function.parameters)
    if function.variadic:
        return (
            f"wrong number of args for {name}: want at least {wanted - 1} got {written}" if given < wanted - 1 else ""
        )
    return f"wrong number of args for {name}: want {wanted} got {given}" if given != wanted else ""


def _takes(name: str, function: Function) -> str:
    kinds = [parameter.value if parameter is not Parameter.VALUE else "value" for parameter in function.parameters]
    if function.variadic:
        kinds[-1] += "…"
    return f"write {' '.join((name, *kinds))}"


class Calls(Operands):
    """Compiles the calls of one template."""

    @abstractmethod
    def pipeline(self, pipe: Pipe) -> Evaluate:
        """The value of a pipeline; its variables are set."""

    def _function(self, word: Identifier, command: Expression | Command, words: tuple[Expression, ...]) -> Evaluate:
        function, builtin = self._found(word.name)
        wrong = _wrong_number(word.name, function, len(words), len(words))
        if wrong:
            return self._failing(word, wrong, _takes(word.name, function))
        arguments = [self._argument(node, function.parameter(index)) for index, node in enumerate(words)]
        if builtin and word.name in ("and", "or"):
            return _deciding(arguments, stop=word.name == "or")
        invoke = self._invoke(word, command, function, builtin, str(words[0]) if words else "")
        if len(arguments) == 2:
            one, two = arguments
            return lambda state, dot: invoke(state, (one(state, dot), two(state, dot)))
        return lambda state, dot: invoke(state, tuple([evaluate(state, dot) for evaluate in arguments]))

    def _piped_function(self, word: Identifier, command: Command, words: tuple[Expression, ...]) -> Piped:
        function, builtin = self._found(word.name)
        wrong = _wrong_number(word.name, function, len(words) + 1, len(words))
        if wrong:
            failing = self._failing(word, wrong, _takes(word.name, function))
            return lambda state, dot, _: failing(state, dot)
        arguments = [self._argument(node, function.parameter(index)) for index, node in enumerate(words)]
        accepted = self._accepted(function.parameter(len(words)), last_seen(command))
        if builtin and word.name in ("and", "or"):
            decide, stop = _deciding(arguments, stop=word.name == "or"), word.name == "or"

            def decided(state: State, dot: Result, final: Result) -> Result:
                value = decide(state, dot) if arguments else MISSING
                return value if arguments and truth(value) == stop else final

            return decided
        invoke = self._invoke(word, command, function, builtin, str(words[0]) if words else "")
        return lambda state, dot, final: invoke(
            state, (*[evaluate(state, dot) for evaluate in arguments], accepted(final))
        )

    def _found(self, name: str) -> tuple[Function, bool]:
        function = self._functions.get(name)
        return (function, False) if function else (BUILTINS[name], True)

    def _invoke(
        self, word: Identifier, command: Expression | Command, function: Function, builtin: bool, callee: str
    ) -> Callable[[State, tuple[Any, ...]], Result]:
        """Calls the function; its errors are told at the command."""
        call, name = function.call, word.name
        if builtin and name == "call":

            def call(*values: Result) -> Result:
                first = values[0]
                raise no_function(callee or (first if isinstance(first, str) else f"<{type_name(first)} Value>"), first)

        node: Any = command

        def invoke(state: State, values: tuple[Any, ...]) -> Result:
            try:
                value: Result = call(*values)
            except CallError as error:
                self._fail(node, f"error calling {name}: {error.message}", error.hint)
            if type(value) is str:
                state.work += len(value)
            for given in values:
                if type(given) is str and len(given) > 1000:
                    state.work += len(given)
            if state.work > MAX_WORK:
                self._fail(node, f"more than {MAX_WORK:,} characters of work", "the template repeats itself too often")
            return value

        return invoke

    def _argument(self, node: Expression, parameter: Parameter) -> Evaluate:
        """An argument for a parameter of this type."""
        if isinstance(node, Nil):
            if parameter in _GO_TYPES:
                return self._failing(node, f"cannot assign nil to {parameter.value}", f"give a {parameter.value}")
            return lambda _, __: MISSING if parameter is Parameter.VALUE else None
        if isinstance(node, (Bool, Number, String)):
            return self._literal(node, parameter)
        value: Evaluate
        if isinstance(node, Pipe):
            value = self.pipeline(node)
        elif isinstance(node, Identifier):
            value = self._function(node, node, ())
        elif isinstance(node, Dot):
            value = dot_itself
        else:
            value = self._fields(node)
        if parameter is Parameter.VALUE:
            return value
        accepted = self._accepted(parameter, last_seen(node))
        return lambda state, dot: accepted(value(state, dot))

    def _accepted(self, parameter: Parameter, node: Expression) -> Callable[[Result], Result]:
        """Checks that a value is of the type of a parameter."""
        if parameter is Parameter.VALUE:
            return lambda value: value
        if parameter is Parameter.INTERFACE:
            return lambda value: None if value is MISSING else value
        allowed, name = _GO_TYPES[parameter], parameter.value

        def check(value: Result) -> Result:
            if type(value) in allowed:
                return value
            if value is MISSING:
                self._fail(
                    node, f"invalid value; expected {name}", f"{node} has no value: give it one under variables:"
                )
            hint = f"{node} is no {name}; print makes a string of anything: (print {node})"
            self._fail(node, f"wrong type for value; expected {name}; got {type_name(value)}", hint)

        return check

    def _literal(self, node: Bool | Number | String, parameter: Parameter) -> Evaluate:
        if parameter in (Parameter.VALUE, Parameter.INTERFACE):
            return self._constant(node)
        value: Result = MISSING
        if parameter is Parameter.INT and isinstance(node, Number):
            value = MISSING if node.integer is None else node.integer
        elif parameter is Parameter.FLOAT and isinstance(node, Number):
            value = float(node.value) if isinstance(node.value, (int, float)) else MISSING
        elif type(node.value) in _GO_TYPES[parameter]:
            value = node.value
        if value is MISSING:
            word = _WORDS[parameter]
            return self._failing(node, f"expected {word}; found {node}", f"give a {word} here")
        return lambda _, __: value
