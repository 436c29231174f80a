"""Functions of the user's own: what they do is part of a model's definition, and what they read has to be tracked.

The catalogue tells of each what it is. Where its text is SQL it is read; of other languages its declaration is
believed. That a program has passed with these functions is noted beside it, so that a run with nothing to do reads
no SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from runner.errors import Place, Problem
from runner.names import TableName
from runner.program import cache
from runner.program.values import CompiledModel, Program
from runner.sql.select import Call
from runner.warehouse.base import Warehouse
from runner.warehouse.engines.base import Engine
from runner.warehouse.values import UserFunction

CALLED = re.compile(r'(?:"((?:[^"]|"")+)"|(\b[^\W\d][\w$]*))\s*\(')
ATTRIBUTE = re.compile(r'\)\s*\.\s*"?([^\W\d][\w$]*)"?(?!\s*\()')
CallsOf = Mapping[TableName, tuple[Call, ...]]  # by model
NEVER_OWN = frozenset("as in and or not over values when then else case cast select from where coalesce".split())


@dataclass(frozen=True)
class Functions:
    """The functions of a user's own that are called, by their bare names, and what each calls in turn."""

    by_name: Mapping[str, tuple[UserFunction, ...]] = field(default_factory=dict)
    everywhere: tuple[UserFunction, ...] = ()  # operators and casts: they have no name that is called

    def of(self, calls: Iterable[Call]) -> tuple[UserFunction, ...]:
        """All that these calls come to, through other functions too."""
        found: dict[str, tuple[UserFunction, ...]] = {}
        queue = [call.name.table for call in calls]
        while queue:
            name = queue.pop().lower()
            if name in self.by_name and name not in found:
                found[name] = self.by_name[name]
                queue += [called for function in found[name] for called in called_in(function.body)]
        return (*(function for name in sorted(found) for function in found[name]), *self.everywhere)

    def called_by(self, text: str) -> tuple[UserFunction, ...]:
        """All that the calls of a view's text come to."""
        return Functions(self.by_name).of(_calls_in(text))


def called_in(text: str) -> tuple[str, ...]:
    """The words of a text that a parenthesis follows: the functions that it calls are among them."""
    found = (quoted or plain.lower() for quoted, plain in CALLED.findall(text))
    return tuple(dict.fromkeys(name for name in found if name not in NEVER_OWN))


def calls_by_model(program: Program, engine: Engine, columns: Mapping[TableName, tuple[str, ...]]) -> CallsOf:
    """What each model calls, in the attribute notation too: `e.f` and `(e).f` are f(e) where the row has no column f."""
    if not engine.dots_call:
        return {model.table: model.calls for model in program.models}
    return {model.table: (*model.calls, *_dotted(model, columns)) for model in program.models}


def _dotted(model: CompiledModel, columns: Mapping[TableName, tuple[str, ...]]) -> Iterator[Call]:
    known: dict[str, set[str]] = {}
    for reference in model.select.references:
        alias = (reference.alias or reference.table.table).lower()
        known.setdefault(alias, set()).update(name.lower() for name in columns.get(reference.table, ()))
    names = {name for alias, name in model.select.members if name and name not in known.get(alias, {name})}
    names |= {found[1].lower() for found in ATTRIBUTE.finditer(model.select.text)} - set().union(*known.values())
    for name in sorted(names):
        before, _, _ = model.select.text.lower().partition(f".{name}")
        yield Call(TableName((name,)), before.count("\n") + 1, in_from=False)


def find_functions(program: Program, warehouse: Warehouse, called: CallsOf, texts: Iterable[str] = ()) -> Functions:
    """The functions of the user's own that models call, or the `texts` of views that they read."""
    calls = {call.name: call for of_model in called.values() for call in of_model}
    for text in texts:
        calls |= {call.name: call for call in _calls_in(text) if call.name not in calls}
    found: dict[str, tuple[UserFunction, ...]] = {}
    queue = list(calls.values())
    seen = set(calls)
    functions = warehouse.functions(_possible(queue, warehouse))
    everywhere = tuple(function for function in functions if not function.is_called)
    while functions:
        for function in (one for one in functions if one.is_called):
            key = function.bare.lower()
            found[key] = (*found.get(key, ()), function) if function not in found.get(key, ()) else found[key]
        queue = [c for f in functions for c in _calls_in(f.body) if c.name not in seen]
        seen |= {call.name for call in queue}
        functions = warehouse.functions(_possible(queue, warehouse)) if queue else ()
    return Functions(found, everywhere)


def _calls_in(text: str) -> list[Call]:
    return [Call(TableName((name,)), 0, in_from=False) for name in called_in(text)]


def _possible(calls: Iterable[Call], warehouse: Warehouse) -> list[Call]:
    """Those that may be of a user's own."""
    if not warehouse.engine.keeps_names:
        return list(calls)
    from runner.porting.functions import FUNCTIONS

    own = FUNCTIONS.get(warehouse.engine.name, frozenset())
    return [call for call in calls if call.name.table not in own]


def refused_functions(program: Program, functions: Functions, called: CallsOf) -> list[Problem]:
    """What calls of these functions would make of models: an answer that changes, rows that nobody tracks."""
    if not functions.by_name and not functions.everywhere:
        return []
    passed = repr(functions)
    if cache.is_noted(program, passed):
        return []
    problems = [
        problem for model in program.models for problem in _of_calls(program, model, functions, called[model.table])
    ]
    if not problems:
        cache.note(program, passed)
    return list(dict.fromkeys(problems))


def _of_calls(program: Program, model: CompiledModel, functions: Functions, calls: Iterable[Call]) -> Iterator[Problem]:
    from runner.proof.behind.bodies import answer

    if model.model.unproven:
        return
    static = frozenset(lookup.table for lookup in program.playbook.lookups if lookup.static)
    keyed = bool(model.model.key)
    for call in calls:
        for function in Functions(functions.by_name).of([call]):
            found = answer(function, program.engine, static, keyed=keyed)
            if found is not None:
                through = "" if function.bare.lower() == call.name.table.lower() else f"{call.name}() calls "
                place = Place(call.path or model.select.place.path, 0 if model.ported else call.line)
                yield Problem(place, f"{model.table}: {through}{found[0]}", found[1])
    for function in functions.everywhere:
        before, meant, _ = model.select.text.partition(function.name.split()[-1])
        found = answer(function, program.engine, static, keyed=keyed) if meant else None
        if found is not None:
            place = Place(model.select.place.path, 0 if model.ported else before.count("\n") + 1)
            yield Problem(place, f"{model.table}: {found[0]}", found[1])
