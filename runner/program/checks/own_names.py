"""Names that begin with `runner_` are the runner's own: its statements have columns and tables that are called so.

A user's name of that kind could be taken for one of them, and rows would be lost without an error. What can be read in
the playbook and its SQL is refused here; columns that only the catalogue knows are looked at once it is connected.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from runner.errors import Place, Problem
from runner.names import is_own
from runner.playbook.values import Expression, Model, Playbook, Source
from runner.sql.meaning import STRINGS
from runner.sql.select import Select

WHY = "names that begin with runner_ are the runner's own"
HINT = f"give it another name: {WHY}"


def of_select(select: Select, tree: exp.Query) -> list[Problem]:
    """Aliases, CTEs, columns and outputs of a model's SELECT; not the names of tables that it reads."""
    tables = {identifier.meta.get("start") for table in tree.find_all(exp.Table) for identifier in table.parts}
    called = {reference.table.table.lower() for reference in select.references}
    found = {}
    for token, following in _own_words(select.text, select.dialect):
        qualifies = following == TokenType.DOT and token.text.lower() in called
        if token.start not in tables and not qualifies:
            found[token.text.lower()] = _problem(token.text, Place(select.place.path, token.line))
    for name in select.outputs:
        if is_own(name):
            found.setdefault(name.lower(), _problem(name, select.place))
    return list(found.values())


def of_playbook(playbook: Playbook, dialect: str) -> Iterator[Problem]:
    """The tables, names and SQL fragments of a playbook's sources and models."""
    tables = [(source.table, source.place) for source in playbook.sources]
    tables += [(one.table, one.place) for one in playbook.owned]
    for table, place in tables:
        if is_own(table.table):
            yield _problem(str(table), place)
    parts = [part for source in playbook.sources for part in _of_source(source)]
    parts += [part for model in playbook.models for part in _of_model(model)]
    for part in parts:
        for token, _ in _own_words(part.text, dialect):
            yield _problem(token.text, part.place)


def _of_source(source: Source) -> Iterator[Expression]:
    for part in (source.batch, *source.dedupe, *source.order_by, *source.keys):
        yield part if part.place.path else Expression(part.text, source.place)


def _of_model(model: Model) -> Iterator[Expression]:
    """What an author may write of a model; `affected` of a front door is made by the runner."""
    texts = [column.name for column in model.key] + list(model.unique)
    texts += [e.text for column in model.key for e in (column.expression, *(e for _, e in column.per_input)) if e]
    texts += [text for fold in model.merge for text in (fold.name, fold.of, *fold.by) if text]
    if model.sql.text is None:
        texts += [text for affected in model.affected for text in (affected.keys, affected.rows) if text]
    for text in dict.fromkeys(texts):
        yield Expression(text, model.place)
    for check in model.checks:
        yield check if check.place.path else Expression(check.text, model.place)


def _own_words(text: str, dialect: str) -> Iterator[tuple[Token, TokenType]]:
    """Every word that is the runner's own and that no function is called, with the kind of what follows it."""
    if "runner_" not in text.lower():
        return
    try:
        tokens = sqlglot.tokenize(text, read=dialect)
    except SqlglotError:  # it is reported where the text is parsed
        return
    kinds = [token.token_type for token in tokens[1:]] + [TokenType.SEMICOLON]
    for token, following in zip(tokens, kinds, strict=True):
        if is_own(token.text) and token.token_type not in STRINGS and following != TokenType.L_PAREN:
            yield token, following


def _problem(name: str, place: Place) -> Problem:
    return Problem(place, f"{name} is one of the runner's own names", HINT)
