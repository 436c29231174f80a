"""Views of the playbook → the same with their SELECTs read, in an order in which they can be made; and taken in.

A model that reads a view is a model that reads what the view reads: wherever its SELECT names the view, the view's own
SELECT stands as a subquery from then on. So a change of either is a change of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import Token

from runner.errors import BadInput, Place, Problem
from runner.names import TableName
from runner.playbook.values import View
from runner.porting import portable
from runner.program.checks import own_names
from runner.program.checks.parts import too_long
from runner.program.texts import Texts, readable
from runner.program.values import CompiledView
from runner.sql.meaning import STRINGS
from runner.sql.references import parse_select
from runner.sql.select import Select, splice
from runner.sql.templates import render
from runner.warehouse.engines import ENGINES


@dataclass(frozen=True)
class _ReadView:
    """A view whose SELECT has been read, with its tree."""

    view: View
    select: Select
    tree: exp.Query


@dataclass(frozen=True)
class Views:
    """The views of a playbook as they can be made one after the other, and what readers take in of each."""

    compiled: tuple[CompiledView, ...] = ()
    whole: Mapping[TableName, Select] = field(default_factory=dict)
    """Their SELECTs, with those of other views taken in."""

    def taken_in(self, select: Select, tree: exp.Query, engine: str) -> tuple[Select, exp.Query]:
        """A SELECT with those of the views that it reads in their places; lines stay. Raises BadInput."""
        read = [reference for reference in select.references if reference.table in self.whole]
        if not read:
            return select, tree
        named = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
        for reference in read:
            for table in self.whole[reference.table].tables:
                if len(table.parts) == 1 and table.table.lower() in named:
                    what = f"{reference.table} reads {table}, and {table} is a CTE here"
                    hint = f"call the CTE otherwise, or write the table's schema in the view: schema.{table}"
                    raise BadInput(Problem(Place(select.place.path, reference.line), what, hint))
        texts = {table: f"({_in_one_line(whole)})" for table, whole in self.whole.items()}
        text = splice(select, lambda reference: texts.get(reference.table), ENGINES[engine].quote)
        return parse_select(text, select.dialect, select.place)


def read_views(texts: Texts, problems: list[Problem]) -> Views:
    """All views of the playbook, each after those that it reads."""
    read = {view.table: one for view in texts.playbook.views if (one := _read(view, texts, problems)) is not None}
    views = Views()
    for table in _in_order(read, problems):
        one = read[table]
        try:
            with readable(one.select.place):
                whole, _ = views.taken_in(one.select, one.tree, texts.engine)
        except BadInput as error:
            problems += error.problems
            continue
        owned = {model.table for model in texts.playbook.models}
        sources = {source.table for source in texts.playbook.sources}  # a front door's views may read them
        models = tuple(table for table in whole.tables if table in owned)
        lookups = tuple(table for table in whole.tables if table not in owned | sources)
        compiled = CompiledView(one.view, one.select, models, lookups)
        views = Views((*views.compiled, compiled), {**views.whole, table: whole})
    return views


def _read(view: View, texts: Texts, problems: list[Problem]) -> _ReadView | None:
    """A view's SELECT, rendered, ported and parsed; None where a problem of it was added."""
    found: list[Problem] = []
    try:
        file, text = texts.read(view.sql)
        place = Place(file) if file else view.sql.place
        with readable(place):
            if file:
                text = render(text, texts.values, place)
                text = texts.ported(text, place) if texts.is_foreign(file) else text
            select, tree = parse_select(text, texts.dialect, place)
            if file:
                found += [*too_long(select, texts.engine), *own_names.of_select(select, tree)]
                found += _over_sources(view, select, texts)
            found += portable.check_select(select.text, tree, texts.engine, place, texts.functions)
    except BadInput as error:
        problems += error.problems
        return None
    problems += found
    return None if found else _ReadView(view, select, tree)


def _over_sources(view: View, select: Select, texts: Texts) -> Iterator[Problem]:
    """Refuses a view that reads a source."""
    sources = {source.table for source in texts.playbook.sources}
    for reference in (one for one in select.references if one.table in sources):
        what = f"{view.table} is a view and reads {reference.table}"
        hint = "leave out as: view, so that it is a table, or read a model"
        place = Place(select.place.path, reference.line)
        yield Problem(place, f"{what}: it would show events that the manifest does not list", hint)


def _in_order(read: Mapping[TableName, _ReadView], problems: list[Problem]) -> list[TableName]:
    """The views, each after those that it reads; a cycle is a problem, and ends the list."""
    ordered: list[TableName] = []
    left = {table: {one for one in found.select.tables if one in read} for table, found in read.items()}
    while left:
        ready = [table for table, needs in left.items() if needs.issubset(ordered)]
        if not ready:
            table = next(iter(left))
            what = f"views read each other in a cycle: {', '.join(map(str, left))}"
            problems.append(Problem(read[table].select.place, what, "make one of them a table"))
            return ordered
        ordered += ready
        left = {table: needs for table, needs in left.items() if table not in ready}
    return ordered


def _in_one_line(select: Select) -> str:
    """A SELECT without comments and line breaks, but for those within strings and between two of them."""
    text, tokens = select.text, sqlglot.tokenize(select.text, read=select.dialect)
    parts = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        parts.append(text[token.start : token.end + 1])
        if following is not None:
            parts.append(_between(text[token.end + 1 : following.start], token, following))
    return "".join(parts)


def _between(gap: str, token: Token, following: Token) -> str:
    """What stands between two tokens: strings that a line break parts are one string."""
    if "\n" in gap and token.token_type in STRINGS and following.token_type in STRINGS:
        return "\n"
    return " " if gap else ""
