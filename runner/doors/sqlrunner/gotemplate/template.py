"""A parsed template, and rendering it: the place where Go's errors become the runner's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

from runner.doors.sqlrunner.gotemplate.execute.state import ExecError, State
from runner.doors.sqlrunner.gotemplate.execute.statements import Run, compile_template
from runner.doors.sqlrunner.gotemplate.functions.builtin import BUILTINS
from runner.doors.sqlrunner.gotemplate.functions.function import Function
from runner.doors.sqlrunner.gotemplate.syntax.literals import quoted
from runner.doors.sqlrunner.gotemplate.syntax.nodes import Node, Statement
from runner.doors.sqlrunner.gotemplate.syntax.parser import parse_text
from runner.doors.sqlrunner.gotemplate.syntax.tokens import ParseError
from runner.doors.sqlrunner.gotemplate.values import MISSING, CallError, Value, joined, to_bytes
from runner.errors import BadInput, Place, Problem

_TOO_DEEP = "nested too deeply"
_SIMPLER = "split the template, or nest less in it"


class TemplateError(BadInput):
    """A template that cannot be read or executed; `go_message` is what Go's text/template would say."""

    def __init__(self, problem: Problem, go_message: str) -> None:
        super().__init__(problem)
        self.go_message = go_message


@dataclass(frozen=True)
class Template:
    """A parsed template: `root` are its statements, `templates` the bodies of all that are defined in it, and its own.

    `place` is where its text begins: errors count their lines from there.
    """

    name: str
    text: str
    root: tuple[Statement, ...]
    templates: Mapping[str, tuple[Statement, ...]]
    functions: Mapping[str, Function]
    place: Place = field(default_factory=Place)

    @cached_property
    def _program(self) -> Mapping[str, Run]:
        program: dict[str, Run] = {}
        for name, body in self.templates.items():
            program[name] = compile_template(name, body, self.functions, program)
        return program

    def execute(self, data: Value, *, missing_is_error: bool = False) -> str:
        """The text that the template makes of its data; with `missing_is_error` no key may be missing (missingkey=error)."""
        try:
            state = State(MISSING if data is None else data, strict=missing_is_error)
            self._program[self.name](state, state.cells["$"][0][0])
            return joined(state.out)
        except ExecError as error:
            self._failed(error)
        except CallError as error:
            raise _error(self.place, 0, error.message, error.hint, error.message) from None
        except RecursionError:
            raise _error(self.place, 0, _TOO_DEEP, _SIMPLER, _TOO_DEEP) from None

    def _failed(self, error: ExecError) -> NoReturn:
        node = error.node
        try:
            context = str(node) if type(node).__str__ is not Node.__str__ else ""
        except RecursionError:
            context = ""
        start = self.text.rfind("\n", 0, node.offset) + 1
        column = len(to_bytes(self.text[start : node.offset]))
        said = f"template: {self.name}:{node.line}:{column}: executing {quoted(error.template)} at <{context}>: {error.message}"
        shown = f"{error.message} (at {context})" if context and context not in error.message else error.message
        raise _error(self.place, node.line, shown, error.hint, said) from None


def _error(place: Place, line: int, message: str, hint: str, said: str) -> TemplateError:
    first = max(place.line, 1)
    short = message if len(message) <= 300 else f"{message[:299]}…"
    return TemplateError(Problem(Place(place.path, first - 1 + line if line else place.line), short, hint), said)


class _Names:
    """What a template may call: Go's functions and those given."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions

    def __contains__(self, name: object) -> bool:
        return name in BUILTINS or name in self._functions


def parse(text: str, name: str, functions: Mapping[str, Function], place: Place | None = None) -> Template:
    """Read a template; a mistake is BadInput at its line."""
    where = place or Place()
    try:
        parsed = parse_text(text, name, _Names(functions))
    except ParseError as error:
        said = f"template: {name}:{error.line}: {error.message}"
        raise _error(where, error.line, error.message, error.hint, said) from None
    except RecursionError:
        raise _error(where, 0, _TOO_DEEP, _SIMPLER, _TOO_DEEP) from None
    return Template(name, text, parsed.root, parsed.templates, functions, where)


def render(text: str, data: Value, functions: Mapping[str, Function], place: Place) -> str:
    """What the text makes of the data; errors are told at `place`, whose line, if any, is that of the first line."""
    if "{{" not in text:
        return text
    return parse(text, place.path.name if place.path else "template", functions, place).execute(data)
