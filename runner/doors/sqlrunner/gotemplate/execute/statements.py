"""Statements as Python functions of the state and dot; each returns None, BREAK or CONTINUE."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from runner.doors.sqlrunner.gotemplate.execute.operands import Evaluate, last_seen
from runner.doors.sqlrunner.gotemplate.execute.pipelines import Evaluation
from runner.doors.sqlrunner.gotemplate.execute.state import MAX_DEPTH, MAX_STEPS, Here, State
from runner.doors.sqlrunner.gotemplate.functions.function import Function
from runner.doors.sqlrunner.gotemplate.functions.printing import MAX_TEXT, plain, shown
from runner.doors.sqlrunner.gotemplate.syntax.literals import quoted
from runner.doors.sqlrunner.gotemplate.syntax.nodes import (
    Action,
    Block,
    Break,
    Comment,
    Continue,
    Define,
    Field,
    If,
    Range,
    Statement,
    TemplateCall,
    Text,
    With,
)
from runner.doors.sqlrunner.gotemplate.values import (
    MISSING,
    CallError,
    Result,
    basic_kind,
    is_integer,
    sorted_keys,
    truth,
)

BREAK, CONTINUE = "break", "continue"
Run: TypeAlias = Callable[[State, Result], str | None]


def compile_template(
    name: str, body: tuple[Statement, ...], functions: Mapping[str, Function], program: Mapping[str, Run]
) -> Run:
    """The template as a function; `program` holds the templates it may call, once it runs."""
    return _Compiler(name, functions, program).body(body)


class _Compiler:
    """Compiles the statements of one template."""

    def __init__(self, name: str, functions: Mapping[str, Function], program: Mapping[str, Run]) -> None:
        self._here = Here(name)
        self._fail = self._here.fail
        self._evaluation = Evaluation(self._here, functions)
        self._program = program

    def body(self, body: tuple[Statement, ...]) -> Run:
        """Statements one after the other."""
        steps = [self._statement(node) for node in body if not isinstance(node, (Comment, Define))]
        if len(steps) == 1:
            return steps[0]

        def run(state: State, dot: Result) -> str | None:
            for step in steps:
                signal = step(state, dot)
                if signal is not None:
                    return signal
            return None

        return run

    def _statement(self, node: Statement) -> Run:
        if isinstance(node, Text):
            return self._text(node)
        if isinstance(node, Action):
            return self._action(node)
        if isinstance(node, (If, With)):
            return self._choice(node)
        if isinstance(node, Range):
            return self._range(node)
        if isinstance(node, (TemplateCall, Block)):
            return self._call(node)
        signal = BREAK if isinstance(node, Break) else CONTINUE if isinstance(node, Continue) else None
        return lambda _, __: signal

    def _written(self, state: State, text: str, node: Statement) -> None:
        state.out.append(text)
        state.size += len(text)
        if state.size > MAX_TEXT:
            self._fail(node, f"more than {MAX_TEXT:,} characters of output", "no query is as long as that")

    def _text(self, node: Text) -> Run:
        text, written = node.text, self._written
        return lambda state, _: written(state, text, node)

    def _action(self, node: Action) -> Run:
        words = node.pipe.commands[0].words
        if (
            isinstance(words[0], Field)
            and len(words) == len(words[0].names) == len(node.pipe.commands) == 1
            and not node.pipe.variables
        ):
            return self._field(node, words[0])
        value, written = self._evaluation.pipeline(node.pipe), self._written
        if node.pipe.variables:

            def declare(state: State, dot: Result) -> None:
                value(state, dot)

            return declare

        def action(state: State, dot: Result) -> None:
            found = value(state, dot)
            written(state, found if type(found) is str else self._shown(found, node), node)

        return action

    def _shown(self, value: Result, node: Action) -> str:
        try:
            return shown(value)
        except CallError as error:
            self._fail(node, error.message, error.hint)

    def _field(self, node: Action, field: Field) -> Run:
        """`{{.name}}`, which is what most templates consist of."""
        name, written, one_field = field.names[0], self._written, self._evaluation.one_field

        def action(state: State, dot: Result) -> None:
            found = dot.get(name, MISSING) if type(dot) is dict else MISSING
            if type(found) is str:
                written(state, found, node)
                return
            if found is MISSING:
                found = one_field(state, dot, name, field)
            written(state, self._shown(found, node), node)

        return action

    def _choice(self, node: If | With) -> Run:
        """`if` or `with`; a chain of else ifs is one loop, so that it may be long."""
        branches = [(self._evaluation.pipeline(node.pipe), self.body(node.body))]
        rest = node.orelse or ()
        while len(rest) == 1 and isinstance(rest[0], (If, With)) and type(rest[0]) is type(node):
            branches.append((self._evaluation.pipeline(rest[0].pipe), self.body(rest[0].body)))
            rest = rest[0].orelse or ()
        otherwise = self.body(rest)
        sets_dot = isinstance(node, With)

        def choose(state: State, dot: Result) -> str | None:
            mark = len(state.order)
            for value, body in branches:
                found = value(state, dot)
                if truth(found):
                    signal = body(state, found if sets_dot else dot)
                    break
            else:
                signal = otherwise(state, dot)
            if len(state.order) > mark:
                state.forget(mark)
            return signal

        return choose

    def _range(self, node: Range) -> Run:
        value, body = self._evaluation.pipeline(node.pipe), self.body(node.body)
        orelse = self.body(node.orelse) if node.orelse is not None else None
        setting = self._loop_variables(node)
        weight = 1 + len(node.body)
        fail = self._fail

        def loop(state: State, dot: Result) -> str | None:
            mark = len(state.order)
            found = value(state, dot)
            inner = len(state.order)
            signal = None
            empty = True
            for index, item in self._items(found, node):
                empty = False
                state.steps += weight
                if state.steps > MAX_STEPS:
                    fail(node, f"more than {MAX_STEPS:,} steps", "the loop is far longer than a query can be")
                if setting:
                    setting(state, index, item)
                signal = body(state, item)
                if len(state.order) > inner:
                    state.forget(inner)
                if signal == BREAK:
                    break
            signal = orelse(state, dot) if empty and orelse else None
            if len(state.order) > mark:
                state.forget(mark)
            return None if signal == BREAK else signal  # as in Go, a break in the else is over with its range

        return loop

    def _items(self, found: Result, node: Range) -> Iterator[tuple[Result, Result]]:
        """Index and item of all that a value has: a list, a map in the order of its keys, a number's predecessors."""
        if isinstance(found, list):
            yield from enumerate(found)
        elif isinstance(found, dict):
            for key in sorted_keys(found):
                yield key, found[key]
        elif isinstance(found, int) and is_integer(found):
            if len(node.pipe.variables) > 1:
                what = f"can't use {plain(found)} to iterate over more than one variable"
                self._fail(last_seen(node.pipe), what, "a range over a number has one variable")
            kind = type(found)
            for number in range(found):
                yield MISSING, kind(number)
        elif found is not MISSING and found is not None:
            hint = f"a {basic_kind(found)} has no items; a list, a map and a whole number have"
            self._fail(last_seen(node.pipe), f"range can't iterate over {plain(found)}", hint)

    def _loop_variables(self, node: Range) -> Callable[[State, Result, Result], None] | None:
        """Sets the variables of a loop, which are the last ones declared, or those that it assigns to."""
        names = [variable.name for variable in node.pipe.variables]
        set_variable, at = self._evaluation.set_variable, last_seen(node.pipe)
        if not names:
            return None
        if node.pipe.assigns:

            def assign(state: State, index: Result, item: Result) -> None:
                if len(names) > 1:
                    set_variable(state, names[0], index, at)
                set_variable(state, names[-1], item, at)

            return assign

        def declare(state: State, index: Result, item: Result) -> None:
            state.order[-1][1][0] = item
            if len(names) > 1:
                state.order[-2][1][0] = index

        return declare

    def _call(self, node: TemplateCall | Block) -> Run:
        value: Evaluate = self._evaluation.pipeline(node.pipe) if node.pipe else lambda _, __: MISSING
        name, program, fail, own = node.name, self._program, self._fail, self._here.template

        def call(state: State, dot: Result) -> None:
            body = program.get(name)
            if body is None:
                known = ", ".join(sorted(set(program) - {own})) or "none"
                hint = f"defined here: {known}; other files cannot be included"
                fail(node, f"template {quoted(name)} not defined", hint)
            if state.depth == MAX_DEPTH:
                fail(node, f"exceeded maximum template depth ({MAX_DEPTH})", "the template calls itself without end")
            inner = value(state, dot)
            state.steps += 1
            if state.steps > MAX_STEPS:
                fail(node, f"more than {MAX_STEPS:,} steps", "the templates call each other far too often")
            around = state.inside(inner)
            body(state, inner)
            state.outside(around)

        return call
