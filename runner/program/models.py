"""A model of the playbook → the same with its SELECT read: rendered, ported, parsed, its inputs told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlglot import exp
from sqlglot.errors import SqlglotError

from runner.errors import BadInput, Place, Problem, show
from runner.names import TableName
from runner.playbook.values import Affected, Model
from runner.porting import portable
from runner.program.checks import own_names
from runner.program.checks.parts import too_long
from runner.program.selects.clock import clocks, moving
from runner.program.selects.views import Views
from runner.program.texts import Texts, readable
from runner.program.values import PREDICATE, CompiledAffected, CompiledModel, SourceKey
from runner.sql import parser
from runner.sql.calls import calls
from runner.sql.references import items_of, parse_select
from runner.sql.select import Call, Select
from runner.sql.spelling import name_of, normalise
from runner.sql.templates import render


@dataclass(frozen=True)
class ReadModel:
    """A model whose SELECT has been read, with its tree."""

    compiled: CompiledModel
    tree: exp.Query


def read_model(model: Model, texts: Texts, views: Views, problems: list[Problem]) -> ReadModel | None:
    """The model as the engine is to run it, the texts of views taken in; None where a problem of it was added."""
    found: list[Problem] = []
    try:
        file, template = texts.read(model.sql)
        place = Place(file or model.place.path)
        rendered = render(template, texts.values, place)
        with readable(place):
            ported = texts.is_foreign(file)
            text = texts.ported(rendered, place) if ported else rendered
            select, tree = parse_select(text, texts.dialect, place)
            problems += too_long(select, texts.engine)
            if model.sql.text is None:
                found += own_names.of_select(select, tree)
            found += portable.check_select(select.text, tree, texts.engine, place, texts.functions)
            select, tree = views.taken_in(select, tree, texts.engine)
            if not model.key:
                told = clocks(select.text, tree, texts.dialect, place)
                select, found = replace(select, clocks=told.calls), [*found, *told.problems]
            compiled = _compiled(_spelled(model, select), select, texts, found)
            skips_null = _skips_null(tree, compiled, texts.dialect)
            called = (*calls(select.text, tree, texts.dialect), *_called_beside(compiled, texts))
            texts_of_time = moving(select.text, texts.dialect)
            compiled = replace(compiled, ported=ported, skips_null=skips_null, calls=called, moving=texts_of_time)
    except BadInput as error:
        problems += error.problems
        return None
    problems += found
    return None if found else ReadModel(compiled, tree)


def _compiled(model: Model, select: Select, texts: Texts, problems: list[Problem]) -> CompiledModel:
    of_sources = {source.table: source for source in texts.playbook.sources}
    owned = {one.table for one in texts.playbook.models}
    sources = tuple(table for table in select.tables if table in of_sources)
    models = tuple(table for table in select.tables if table in owned)
    lookups = tuple(table for table in select.tables if table not in of_sources and table not in owned)
    names = tuple(column.name for column in model.key)
    keys = [
        SourceKey(of_sources[table], _key_texts(model, table, texts.dialect, problems), names)
        for table in (sources if model.key else ())
    ]
    affected = tuple(_affected(one, model.place, texts.dialect) for one in model.affected)
    digest = _digest(model, select, sources, texts)
    return CompiledModel(
        model, select, sources, models, lookups, tuple(keys), {}, affected, skips_null=False, digest=digest
    )


def _called_beside(compiled: CompiledModel, texts: Texts) -> list[Call]:
    """What the expressions of its key and of its sources call."""
    parts = [e for key in compiled.model.key for e in (key.expression, *(e for _, e in key.per_input)) if e]
    for source in (one for one in texts.playbook.sources if one.table in compiled.sources):
        parts += [source.batch, *source.dedupe, *source.order_by]
    found = []
    for part in (one for one in parts if "(" in one.text):
        place = part.place if part.place.path else compiled.model.place
        with suppress(SqlglotError):  # it is reported elsewhere
            tree = parser.expression(part.text, texts.dialect)
            found += [replace(c, line=place.line, path=place.path) for c in calls(part.text, tree, texts.dialect)]
    return found


def _skips_null(tree: exp.Query, compiled: CompiledModel, dialect: str) -> bool:
    """Whether each block that reads a tracked input says `where key is not null` of it."""
    if len(compiled.model.key) != 1 or compiled.affected:
        return False
    tracked = {*compiled.sources, *compiled.models}
    unseen = sum(name_of(table) in tracked for table in tree.find_all(exp.Table))
    for select in tree.find_all(exp.Select):
        read = items_of(select)
        for table in (one for one in read if isinstance(one, exp.Table) and name_of(one) in tracked):
            key = normalise(compiled.model.key[0].over(name_of(table)), dialect, name_of(table))
            if key not in _not_null(select, table, len(read) == 1, dialect):
                return False
            unseen -= 1
    return unseen == 0


def _not_null(select: exp.Select, table: exp.Table, alone: bool, dialect: str) -> set[str]:
    """The expressions over a table that are not null on any row of the block, as its WHERE says.

    Names without a table count where the table stands `alone`: beside others they may be theirs.
    """
    where = select.args.get("where")
    conditions = list(where.this.flatten() if isinstance(where.this, exp.And) else [where.this]) if where else []
    found = set()
    for told in filter(None, map(_told, conditions)):
        value = told.this.copy()
        columns = list(value.find_all(exp.Column))
        if not isinstance(told.expression, exp.Null) or any(not (alone or column.table) for column in columns):
            continue
        for column in columns:
            if column.table.lower() == table.alias_or_name.lower() and not column.args.get("db"):
                column.set("table", None)
        found.add(normalise(value.sql(dialect), dialect, name_of(table)))
    return found


def _told(condition: exp.Expr) -> exp.Is | None:
    """`x is not null`, in either form that the parser gives it."""
    if isinstance(condition, exp.Not):
        return condition.this if isinstance(condition.this, exp.Is) else None
    return condition if isinstance(condition, exp.Is) and condition.args.get("negate") else None


def _key_texts(model: Model, table: TableName, dialect: str, problems: list[Problem]) -> tuple[str, ...]:
    """The model's key over a row of the table, in the one spelling in which keys are compared."""
    found = []
    for text in (column.over(table) for column in model.key):
        try:
            found.append(normalise(text, dialect, table))
        except SqlglotError as error:
            what = f"the key {show(text)} cannot be read as SQL: {str(error).splitlines()[0]}"
            problems.append(Problem(model.place, what, "write one SQL expression over a row of the input"))
    return tuple(found)


def _affected(affected: Affected, place: Place, dialect: str) -> CompiledAffected:
    keys, _ = parse_select(affected.keys, dialect, place)
    rows = parse_select(PREDICATE + affected.rows, dialect, place)[0] if affected.rows else None
    return CompiledAffected(affected.input, keys, rows)


def _digest(model: Model, select: Select, sources: Sequence[TableName], texts: Texts) -> str:
    """The definition of a model: what changes it asks for a full build; comments and layout do not count."""
    parts = [select.digest, texts.dialect, "merge" if model.merge else "key" if model.key else "full"]
    for column in model.key:
        parts += [column.name, *(f"{table}={column.over(table)}" for table in select.tables)]
    parts += [f"{c.name}:{c.fold}:{c.of}:{c.by}" for c in model.merge]
    parts += [f"{a.input}:{a.keys}:{a.rows}" for a in model.affected]
    for source in (source for table in sources for source in texts.playbook.sources if source.table == table):
        parts += [str(source.table), source.batch.text, *(e.text for e in source.dedupe)]
        parts += ["by", *(e.text for e in source.order_by)]
    read = (lookup for lookup in texts.playbook.lookups if lookup.key and lookup.table in select.tables)
    parts += [f"{lookup.table} by {', '.join(lookup.key)}" for lookup in read]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


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
