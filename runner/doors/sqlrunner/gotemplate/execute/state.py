"""What one execution of a template carries along: its output, its variables, and how much it may still do."""

from __future__ import annotations

from typing import NoReturn

from runner.doors.sqlrunner.gotemplate.syntax.nodes import Expression, Statement
from runner.doors.sqlrunner.gotemplate.values import Result

MAX_STEPS = 1_000_000  # statements run in loops and templates: about a second
MAX_WORK = 200_000_000  # characters that functions made or looked through
MAX_DEPTH = 100  # templates within templates; Go allows 100,000, which Python's stack does not


class ExecError(Exception):
    """Execution stopped at a node of a template: Go's message, and a hint of ours."""

    def __init__(self, template: str, node: Expression | Statement, message: str, hint: str) -> None:
        super().__init__(message)
        self.template, self.node, self.message, self.hint = template, node, message, hint


class State:
    """Variables are found by name as Go finds them, the last one declared first; `order` is what a scope takes back."""

    __slots__ = ("cells", "depth", "order", "out", "size", "steps", "strict", "work")

    def __init__(self, data: Result, *, strict: bool) -> None:
        self.out: list[str] = []
        self.size = self.steps = self.work = self.depth = 0
        self.strict = strict
        self.cells: dict[str, list[list[Result]]] = {}
        self.order: list[tuple[str, list[Result]]] = []
        self.declare("$", data)

    def declare(self, name: str, value: Result) -> None:
        """A new variable, which hides one of the same name."""
        cell = [value]
        self.cells.setdefault(name, []).append(cell)
        self.order.append((name, cell))

    def forget(self, mark: int) -> None:
        """Take back what was declared since `order` was `mark` long."""
        order = self.order
        while len(order) > mark:
            self.cells[order.pop()[0]].pop()

    def inside(self, dot: Result) -> tuple[dict[str, list[list[Result]]], list[tuple[str, list[Result]]]]:
        """Variables as a template begins with them; returns those around it, for `outside`."""
        around = self.cells, self.order
        self.cells, self.order = {}, []
        self.declare("$", dot)
        self.depth += 1
        return around

    def outside(self, around: tuple[dict[str, list[list[Result]]], list[tuple[str, list[Result]]]]) -> None:
        """Back in the template that called."""
        self.cells, self.order = around
        self.depth -= 1


class Here:
    """Where expressions and statements of one template are compiled: makes the errors of its nodes."""

    __slots__ = ("template",)

    def __init__(self, template: str) -> None:
        self.template = template

    def fail(self, node: Expression | Statement, message: str, hint: str = "") -> NoReturn:
        """Stop here."""
        raise ExecError(self.template, node, message, hint)
