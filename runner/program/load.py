"""Load a program: the playbook's SQL rendered, parsed and checked, all problems at once; nothing is connected yet."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlglot.errors import SqlglotError

from runner.errors import BadInput, NoSteps, Problem
from runner.names import TableName
from runner.playbook.values import Playbook, Query, Step
from runner.program import scripts
from runner.program.checks import own_names, parts
from runner.program.checks import scripts as script_checks
from runner.program.copies import ids_of
from runner.program.fragments import filled, ported
from runner.program.models import read_model
from runner.program.selects.views import read_views
from runner.program.strategy import proved
from runner.program.texts import Texts
from runner.program.values import CompiledModel, PlainQuery, Program, SourceKey
from runner.sql.spelling import normalise
from runner.warehouse.engines import ENGINES


def load(playbook: Playbook, engine: str, dialect: str) -> Program:
    """Read all SQL of the playbook for an engine. Raises BadInput with every problem found, NoSteps if it is empty."""
    if not playbook.steps:
        raise NoSteps(f"{playbook.path}: no steps and no models, so there is nothing to run")
    problems: list[Problem] = []
    playbook = filled(playbook, problems)
    if problems:
        raise BadInput(problems)
    playbook = ported(playbook, engine, dialect, problems)
    problems += parts.check(playbook, engine, dialect)
    problems += own_names.of_playbook(playbook, dialect)
    texts = Texts(playbook, engine, dialect)
    views = read_views(texts, problems)
    read = [one for model in playbook.models if (one := read_model(model, texts, views, problems)) is not None]
    models = [model for one in read if (model := proved(one, playbook, dialect, problems)) is not None]
    keys = _source_keys(playbook, models, dialect)
    key_names = _key_names(playbook, models, keys, dialect)
    queries = _queries(texts, scripts.example_names(playbook, key_names), problems)
    ordered = _in_order(models, problems)
    if problems:
        raise BadInput(problems)
    ids = ids_of(keys, ENGINES[engine], dialect)
    keys = (*keys, *(one.key for one in ids))
    digest = hashlib.sha256("\x1f".join([m.digest for m in ordered] + [q.text for q in queries]).encode()).hexdigest()
    return Program(playbook, engine, tuple(ordered), keys, key_names, tuple(queries), digest, views.compiled, ids)


def _source_keys(playbook: Playbook, models: Sequence[CompiledModel], dialect: str) -> tuple[SourceKey, ...]:
    """Every key expression over a source once, whatever the models call it."""
    found: dict[tuple[TableName, tuple[str, ...]], SourceKey] = {}
    for key in [*(key for model in models for key in model.source_keys), *_asked(playbook, dialect)]:
        found.setdefault((key.source.table, key.texts), key)
    return tuple(found.values())


def _asked(playbook: Playbook, dialect: str) -> list[SourceKey]:
    """The keys of `source.keys`."""
    found = []
    for source in playbook.sources:
        for key in source.keys:
            with suppress(SqlglotError):  # it was reported
                found.append(SourceKey(source, (normalise(key.text, dialect, source.table),), (key.text,)))
    return found


def _key_names(
    playbook: Playbook, models: Sequence[CompiledModel], keys: Sequence[SourceKey], dialect: str
) -> tuple[tuple[str, int], ...]:
    """What scripts may call the keys of one column, and the key's number: `user_id`, or `atomic.events.user_id`."""
    numbers = {(key.source.table, key.texts): number for number, key in enumerate(keys)}
    found: dict[tuple[str, int], None] = {}
    for key in [*_asked(playbook, dialect), *(key for model in models for key in model.source_keys)]:
        if len(key.names) == 1:
            number = numbers[key.source.table, key.texts]
            found |= {(key.names[0], number): None, (f"{key.source.table}.{key.names[0]}", number): None}
    return tuple(found)


def _queries(texts: Texts, names: scripts.RunNames, problems: list[Problem]) -> list[PlainQuery]:
    found = []
    for step in texts.playbook.steps:
        for query in step.queries:
            try:
                plain = _plain(step, query, texts)
                script_checks.check(plain, texts.playbook, names, texts.values, texts.engine, texts.dialect)
                found.append(plain)
            except BadInput as error:
                problems += error.problems
    return found


def _plain(step: Step, query: Query, texts: Texts) -> PlainQuery:
    file, text = texts.read(query)
    if texts.is_foreign(file):
        what = f"{query.path} is in {texts.playbook.dialect}, and scripts are not transpiled"
        hint = f"write it for {texts.engine} as {Path(query.path).stem}.{texts.engine}.sql beside it"
        raise BadInput(Problem(query.place, what, hint))
    return PlainQuery(step.name, step.phase, query, file, text)


def _in_order(models: Sequence[CompiledModel], problems: list[Problem]) -> list[CompiledModel]:
    """Each model after those that it reads; otherwise in the order of the file."""
    by_table = {model.table: model for model in models}
    ordered: dict[TableName, CompiledModel] = {}
    path: list[TableName] = []

    def visit(model: CompiledModel) -> bool:
        if model.table in ordered:
            return True
        if model.table in path:
            circle = " → ".join(map(str, [*path[path.index(model.table) :], model.table]))
            hint = "a model reads models that do not need it: take one of these out of its FROM"
            problems.append(Problem(model.model.place, f"models read each other in a circle: {circle}", hint))
            return False
        path.append(model.table)
        fine = all(visit(by_table[table]) for table in model.models if table in by_table)
        path.pop()
        ordered[model.table] = model
        return fine

    for model in models:
        if not visit(model):
            break
    return list(ordered.values())
