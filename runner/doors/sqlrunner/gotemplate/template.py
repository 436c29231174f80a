"""A parsed template, and rendering it: whatever is wrong with it is a TemplateError."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

_TOO_DEEP = "nested too deeply"
_SIMPLER = "split the template, or nest less in it"
MAX_MESSAGE = 300  # characters of `what`


class TemplateError(Exception):
    """A template that cannot be read or executed: in which line of its text (0: unknown), what is wrong, and a hint.

    `go_message` is what Go's text/template would say.
    """

    def __init__(self, line: int, what: str, hint: str, go_message: str) -> None:
        self.line, self.hint, self.go_message = line, hint, go_message
        self.what = what if len(what) <= MAX_MESSAGE else f"{what[: MAX_MESSAGE - 1]}…"
        super().__init__(self.what)


@dataclass(frozen=True)
class Template:
    """A parsed template: `root` are its statements, `templates` the bodies of all that are defined in it, and its own."""

    name: str
    text: str
    root: tuple[Statement, ...]
    templates: Mapping[str, tuple[Statement, ...]]
    functions: Mapping[str, Function]

    @cached_property
    def _program(self) -> Mapping[str, Run]:
        program: dict[str, Run] = {}
        for name, body in self.templates.items():
            program[name] = compile_template(name, body, self.functions, program)
        return program

    def execute(self, data: Value, *, missing_is_error: bool = False) -> str:
        """The text that the template makes of its data; with `missing_is_error` no key may be missing (missingkey=error).

        Raises TemplateError.
        """
        try:
            state = State(MISSING if data is None else data, strict=missing_is_error)
            self._program[self.name](state, state.cells["$"][0][0])
            return joined(state.out)
        except ExecError as error:
            self._failed(error)
        except CallError as error:
            raise TemplateError(0, error.message, error.hint, error.message) from None
        except RecursionError:
            raise TemplateError(0, _TOO_DEEP, _SIMPLER, _TOO_DEEP) from None

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
        raise TemplateError(node.line, shown, error.hint, said) from None


class _Names:
    """What a template may call: Go's functions and those given."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions

    def __contains__(self, name: object) -> bool:
        return name in BUILTINS or name in self._functions


def parse(text: str, name: str, functions: Mapping[str, Function]) -> Template:
    """Read a template, which Go's messages call by its name. Raises TemplateError."""
    try:
        parsed = parse_text(text, name, _Names(functions))
    except ParseError as error:
        said = f"template: {name}:{error.line}: {error.message}"
        raise TemplateError(error.line, error.message, error.hint, said) from None
    except RecursionError:
        raise TemplateError(0, _TOO_DEEP, _SIMPLER, _TOO_DEEP) from None
    return Template(name, text, parsed.root, parsed.templates, functions)


def render(text: str, data: Value, functions: Mapping[str, Function], name: str = "template") -> str:
    """What the text makes of the data. Raises TemplateError."""
    if "{{" not in text:
        return text
    return parse(text, name, functions).execute(data)
