"""Load a program: the playbook's SQL rendered, parsed and checked, all problems at once; nothing is connected yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from sqlglot import exp
from sqlglot.errors import SqlglotError

from runner.errors import BadInput, NoSteps, Place, Problem, did_you_mean, show
from runner.names import TableName
from runner.playbook.values import Affected, Model, Playbook, Query, Vanished, View
from runner.porting import portable
from runner.porting.transpile import transpile
from runner.program import check as playbook_check
from runner.program import script_check as scriptcheck
from runner.program import scripts
from runner.program.fragments import filled, ported
from runner.program.values import (
    PREDICATE,
    CompiledAffected,
    CompiledModel,
    CompiledView,
    PlainQuery,
    Program,
    SourceKey,
)
from runner.proof import keywise
from runner.proof import merge as merging
from runner.sql import files
from runner.sql.parser import DEEP, DEEP_HINT
from runner.sql.references import parse_select
from runner.sql.select import Select
from runner.sql.spelling import columns_in, normalise
from runner.sql.templates import render


def load(playbook: Playbook, kind: str, dialect: str) -> Program:
    """Read all SQL of the playbook for an engine. Raises BadInput with every problem found, NoSteps if it is empty."""
    if not playbook.steps:
        raise NoSteps(f"{playbook.path}: no steps and no models, so there is nothing to run")
    problems: list[Problem] = []
    playbook = filled(playbook, problems)
    if problems:
        raise BadInput(problems)
    playbook = ported(playbook, kind, dialect, problems)
    problems += playbook_check.check(playbook, kind, dialect)
    loader = _Loader(playbook, kind, dialect, problems)
    models = [compiled for model in playbook.models if (compiled := loader.model(model)) is not None]
    keys = _source_keys(playbook, models, dialect)
    key_names = _key_names(playbook, models, keys, dialect)
    queries = loader.queries(key_names)
    views = [seen for view in playbook.views if (seen := loader.view(view)) is not None]
    ordered = _in_order(models, problems)
    if problems:
        raise BadInput(problems)
    digest = hashlib.sha256("\x1f".join([m.digest for m in ordered] + [q.text for q in queries]).encode()).hexdigest()
    return Program(playbook, kind, tuple(ordered), keys, key_names, tuple(queries), digest, tuple(views))


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
                found.append(SourceKey(source, (normalise(key.text, dialect),), (key.text,)))
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


class _Loader:
    """Reads the SQL of one playbook; collects problems instead of stopping at the first."""

    def __init__(self, playbook: Playbook, kind: str, dialect: str, problems: list[Problem]) -> None:
        self.playbook, self.kind, self.dialect, self.problems = playbook, kind, dialect, problems
        self.values = {variable.name: variable.value for variable in playbook.variables}
        self.sources = {source.table: source for source in playbook.sources}
        self.owned = {model.table: model for model in playbook.models}
        self.known = frozenset(playbook.functions)
        self.ported: set[Path | None] = set()  # files whose text is not the one that runs: their lines are not known

    def text(self, query: Query) -> tuple[Path | None, str]:
        if query.text is not None:
            return None, query.text
        file = files.find(self.playbook.sql_root, query.path, self.kind, query.place)
        return file, files.read(file, query.place)

    def model(self, model: Model) -> CompiledModel | None:
        try:
            file, template = self.text(model.sql)
            place = Place(file or model.place.path)
            rendered = render(template, self.values, place)
            with _readable(place):
                rendered = self._in_dialect(rendered, file, place)
                select, tree = parse_select(rendered, self.dialect, place)
                self.problems += playbook_check.too_long(select, self.kind)
                before = len(self.problems)
                self.problems += portable.check_select(select.text, tree, self.kind, place, self.known)
                model = _spelled(model, select)
                compiled = self._compile(model, select)
                if len(self.problems) == before:
                    self._check(compiled, tree)
        except BadInput as error:
            self.problems += error.problems
            return None
        if len(self.problems) > before:
            return None
        return (
            replace(compiled, stored_order=merging.stored_order(model, tree, self.dialect)) if model.merge else compiled
        )

    def view(self, view: View) -> CompiledView | None:
        place = view.sql.place
        try:
            with _readable(place):
                select, tree = parse_select(view.sql.text or "", self.dialect, place)
                found = portable.check_select(select.text, tree, self.kind, place, self.known)
        except BadInput as error:
            self.problems += error.problems
            return None
        self.problems += found
        return None if found else CompiledView(view, select)

    def _foreign(self, file: Path | None) -> bool:
        """Whether a file is in another dialect than the target's: `x.<kind>.sql` never is."""
        own = file is not None and file.stem.endswith(f".{self.kind}")
        return self.playbook.dialect not in (None, self.dialect) and not own

    def _in_dialect(self, rendered: str, file: Path | None, place: Place) -> str:
        if not self._foreign(file):
            return rendered
        self.ported.add(place.path)
        return transpile(rendered, self.playbook.dialect or self.dialect, self.dialect, place, self.known)

    def _compile(self, model: Model, select: Select) -> CompiledModel:
        sources = tuple(table for table in select.tables if table in self.sources)
        models = tuple(table for table in select.tables if table in self.owned)
        lookups = tuple(table for table in select.tables if table not in self.sources and table not in self.owned)
        keys: list[SourceKey] = []
        if model.key:
            for table in sources:
                texts = tuple(self._expression(column.over(table), model.place) for column in model.key)
                keys.append(SourceKey(self.sources[table], texts, tuple(column.name for column in model.key)))
        digest = self._digest(model, select, sources)
        affected = tuple(self._affected(a, model.place) for a in model.affected)
        return CompiledModel(model, select, sources, models, lookups, tuple(keys), {}, affected, digest)

    def _affected(self, affected: Affected, place: Place) -> CompiledAffected:
        keys, _ = parse_select(affected.keys, self.dialect, place)
        rows = parse_select(PREDICATE + affected.rows, self.dialect, place)[0] if affected.rows else None
        return CompiledAffected(affected.input, keys, rows)

    def _expression(self, text: str, place: Place) -> str:
        try:
            return normalise(text, self.dialect)
        except SqlglotError as error:
            what = f"the key {show(text)} cannot be read as SQL: {str(error).splitlines()[0]}"
            self.problems.append(Problem(place, what, "write one SQL expression over a row of the input"))
            return text

    def _digest(self, model: Model, select: Select, sources: Sequence[TableName]) -> str:
        """The definition of a model: what changes it asks for a full build; comments and layout do not count."""
        parts = [select.digest, self.dialect, "merge" if model.merge else "key" if model.key else "full"]
        for column in model.key:
            parts += [column.name, *(f"{table}={column.over(table)}" for table in select.tables)]
        parts += [f"{c.name}:{c.fold}:{c.of}:{c.by}" for c in model.merge]
        parts += [f"{a.input}:{a.keys}:{a.rows}" for a in model.affected]
        for table in sources:
            source = self.sources[table]
            parts += [
                str(table),
                source.batch.text,
                *(e.text for e in source.dedupe),
                "by",
                *(e.text for e in source.order_by),
            ]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    def _check(self, compiled: CompiledModel, tree: exp.Query) -> None:
        model, select = compiled.model, compiled.select
        self._check_columns(compiled)
        if model.table in compiled.models:
            self._problem(select.place, f"{model.table} reads itself", "a model is a SELECT over its inputs only")
            return
        if not model.key:
            self._check_full(compiled)
            return
        if not compiled.sources and not compiled.models:
            what = f"{model.table} has a key but reads no source and no model of this playbook"
            self._problem(select.place, what, "leave key: out, or see that FROM names the table of the source")
            return
        if not model.merge:
            self._check_dedupe(compiled)
        self._check_strategy(compiled, tree)

    def _check_columns(self, compiled: CompiledModel) -> None:
        """What the playbook says of a model's columns is about columns that it has, where they can be told."""
        model, outputs = compiled.model, compiled.select.outputs
        known = {name.lower() for name in outputs}
        named = [*compiled.key_names, *model.unique, *(c.name for c in model.merge), *model.layout.columns]
        for name in dict.fromkeys(named) if known else ():
            if name.lower() not in known:
                what = f"{model.table}: {name} is not a column of its SELECT"
                self._problem(model.place, what, did_you_mean(name, outputs))

    def _check_full(self, compiled: CompiledModel) -> None:
        for table in compiled.sources:
            if self.sources[table].vanished is Vanished.KEEP:
                what = f"{compiled.table} has no key, so it cannot keep the rows of batches that {table} has dropped"
                self._problem(compiled.model.place, what, "give it a key, or set vanished: to stop or retract")

    def _check_dedupe(self, compiled: CompiledModel) -> None:
        for key in compiled.source_keys:
            if not key.source.dedupe:
                continue
            try:
                listed = {normalise(e.text, self.dialect) for e in key.source.dedupe}
            except SqlglotError:  # it was reported
                continue
            plain = {column for text in listed for column in [text] if column.isidentifier()}
            for text in key.texts:
                if (text not in listed and not (used := columns_in(text, self.dialect)) <= plain | {""}) or not text:
                    what = f"dedupe of {key.source.table} does not hold {text}, the key of {compiled.table}"
                    hint = (
                        f"add {', '.join(sorted(used)) or text} to dedupe:, so that copies mean the same in every model"
                    )
                    self._problem(key.source.place, what, hint)

    def _check_strategy(self, compiled: CompiledModel, tree: exp.Query) -> None:
        model = compiled.model
        if model.affected or (model.unproven and not model.merge):
            return
        if model.merge:
            source = compiled.sources[0] if len(compiled.sources) == 1 and not compiled.models else None
            if source is None:
                self._problem(
                    compiled.select.place,
                    f"{model.table}: merge reads exactly one source",
                    "use the key alone: recompute",
                )
                return
            refusals = merging.check_merge(tree, model, source, self.dialect)
        else:
            refusals = keywise.check(tree, compiled.key_names, self._tracked(compiled), self.dialect)
        path = compiled.select.place.path
        for refusal in refusals:
            line = 0 if path in self.ported else refusal.line
            self._problem(Place(path, line), f"{model.table}: {refusal.reason}", refusal.hint)

    def _tracked(self, compiled: CompiledModel) -> dict[TableName, keywise.Tracked]:
        found: dict[TableName, keywise.Tracked] = {}
        columns = compiled.model.key
        for table in compiled.sources:
            unique = tuple(e.text for e in self.sources[table].dedupe)
            found[table] = keywise.Tracked(tuple(c.over(table) for c in columns), (unique,) if unique else ())
        for table in compiled.models:
            owner = self.owned[table]
            sets = tuple(s for s in (owner.unique, tuple(c.name for c in owner.key) if owner.merge else ()) if s)
            found[table] = keywise.Tracked(tuple(c.over(table) for c in columns), sets)
        return found

    def queries(self, key_names: Sequence[tuple[str, int]]) -> list[PlainQuery]:
        found = []
        for step in self.playbook.steps:
            for query in step.queries:
                try:
                    file, text = self.text(query)
                    if self._foreign(file):
                        what = f"{query.path} is in {self.playbook.dialect}, and scripts are not transpiled"
                        hint = f"write it for {self.kind} as {Path(query.path).stem}.{self.kind}.sql beside it"
                        raise BadInput(Problem(query.place, what, hint))
                    plain = PlainQuery(step.name, step.phase, query, file, text)
                    names = scripts.example_names(self.playbook, key_names)
                    scriptcheck.check(plain, self.playbook, names, self.values, self.kind, self.dialect)
                    found.append(plain)
                except BadInput as error:
                    self.problems += error.problems
        return found

    def _problem(self, place: Place, what: str, hint: str = "") -> None:
        self.problems.append(Problem(place, what, hint))


def _spelled(model: Model, select: Select) -> Model:
    """The model with its output columns spelled as its SELECT gives them: in a playbook the case does not count."""
    known = {name.lower(): name for name in select.outputs} | {name: name for name in select.outputs}

    def own(name: str) -> str:
        return known.get(name) or known.get(name.lower()) or name

    lies = model.layout
    return replace(
        model,
        key=tuple(replace(column, name=own(column.name)) for column in model.key),
        unique=tuple(map(own, model.unique)),
        merge=tuple(replace(column, name=own(column.name)) for column in model.merge),
        layout=replace(
            lies,
            distkey=own(lies.distkey),
            sortkey=tuple(map(own, lies.sortkey)),
            cluster_by=tuple(map(own, lies.cluster_by)),
        ),
    )


@contextmanager
def _readable(place: Place) -> Iterator[None]:
    """What the parser's own passes over a tree cannot do is a problem of the text, too."""
    try:
        yield
    except RecursionError:
        raise BadInput(Problem(Place(place.path, 1), DEEP, DEEP_HINT)) from None
    except SqlglotError as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "runner render shows the text with its variables filled in"
        raise BadInput(Problem(Place(place.path, 1), f"cannot be read as SQL: {said}", hint)) from None


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
