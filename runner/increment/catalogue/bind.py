"""What needs the catalogue: every name of the program resolved, and what must not be read or owned refused.

Nothing has run yet when these checks fail.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from runner import actions
from runner.algebra.rows import columns_read, deciding
from runner.algebra.texts import Algebra
from runner.algebra.values import BoundSource, Planned
from runner.errors import BadInput, Place, Problem, Stopped, did_you_mean
from runner.increment.catalogue import ids, key_types
from runner.increment.catalogue.functions import Functions, calls_by_model, find_functions, refused_functions
from runner.increment.catalogue.keys_known import keys_missing
from runner.increment.catalogue.moving import moving_texts
from runner.increment.catalogue.views import Views, find_views, refused_views
from runner.increment.joins.derived import settled
from runner.names import TableName, is_own
from runner.program.values import CompiledModel, CompiledView, Program, renamed
from runner.sql.select import COLUMNS_FIRST
from runner.state.manifest import State
from runner.warehouse.base import Warehouse
from runner.warehouse.values import FileMark, Relation, UserFunction, types_of

Reader = CompiledModel | CompiledView
LENGTH = re.compile(r"(?<=char)\(\d+\)|(?<=varying)\(\d+\)", re.IGNORECASE)  # of a text: its values stay the same


@dataclass(frozen=True)
class Bound:
    """The program's tables as the warehouse has them."""

    program: Program  # with what is derived from their columns
    sources: Mapping[TableName, BoundSource]
    lookups: Mapping[TableName, Relation]
    stored: Mapping[TableName, Relation | None]  # a model's table; None where it is not there yet
    inputs: Mapping[TableName, str]  # of a model: names what it reads, see `_inputs`
    needs_ids: frozenset[TableName]  # models whose order is total only if no row of their inputs lacks its id
    views: tuple[Relation, ...] = ()  # that sources and look-ups are made of
    lookup_rows: Mapping[TableName, str] = field(default_factory=dict)  # what stands after FROM, within a snapshot
    beneath: Mapping[TableName, str] = field(default_factory=dict)  # of a view: names the look-ups' columns under it

    @property
    def streams(self) -> Mapping[TableName, Relation]:
        """The sources that the catalogue knows, by their names."""
        return {table: source.relation for table, source in self.sources.items() if not source.files}

    @property
    def relations(self) -> Mapping[TableName, Relation]:
        """All that the catalogue told of: sources, look-ups, what they are made of, and the models' own tables."""
        stored = (relation for relation in self.stored.values() if relation is not None)
        return {**self.streams, **self.lookups, **{relation.name: relation for relation in (*self.views, *stored)}}

    def planned(self, number: int, model: CompiledModel, algebra: Algebra) -> Planned:
        """A model of the program, before anything of it is recomputed."""
        table = model.table
        return Planned(model, number, algebra.physical(table), self.stored[table], self.inputs[table])


def bind(program: Program, warehouse: Warehouse, state: State) -> Bound:
    """Resolve all names. Raises BadInput with every problem found."""
    playbook = program.playbook
    in_place = {s.table for s in playbook.sources if s.files and warehouse.engine.reads_files}
    lookups = {table for model in program.models for table in model.lookups}
    beside = {table for view in program.views for table in view.lookups} - lookups
    physical = {model.table: renamed(playbook, model.table) for model in program.models}
    wanted = [*lookups, *beside, *physical.values(), *(s.table for s in playbook.sources if s.table not in in_place)]
    found = warehouse.describe(wanted)
    problems: list[Problem] = []
    sources = dict(_sources(program, warehouse, found, in_place, problems))
    relations = {**found, **{table: source.relation for table, source in sources.items()}}
    read_by = {table: one for one in reversed(program.readers) for table in one.lookups}
    _missing(program, found, problems)
    _lookup_keys(program, warehouse, found, problems)
    _spellings(program, warehouse, read_by, problems)
    views = find_views(warehouse, {t: found[t] for t in (*lookups, *sources) if t in found})
    of_views = find_views(warehouse, {t: found[t] for t in beside if t in found})
    _tracked_views(program, warehouse, {**views.reached, **of_views.reached}, problems)
    _foreign(program, state, read_by, problems)
    _own_columns(program, relations, problems)
    _clock_columns(program, relations, problems)
    for model in program.models:
        stored_as = found.get(physical[model.table])
        if stored_as and stored_as.is_view:
            what = f"{model.table} is a view; a model owns a table"
            problems.append(Problem(model.model.place, what, "drop the view"))
    called = calls_by_model(program, warehouse.engine, {table: one.names for table, one in relations.items()})
    own = find_functions(program, warehouse, called, [text for table in views.made_of for text in views.texts(table)])
    problems += refused_functions(program, own, called)
    problems += refused_views(program, warehouse, views, own)
    problems += moving_texts(program, warehouse, found)
    if problems:
        raise BadInput(problems)
    read = {table: relations[table] for table in (*sources, *lookups)}
    tables = {table: found.get(name) for table, name in physical.items()}
    known = settled(program, state, read, tables)
    if known.problems:
        raise BadInput(known.problems)
    program = known.program
    deduped = {source.table for source in playbook.sources if source.dedupe}
    inputs = {
        model.table: _inputs(model, read, deduped, own.of(called[model.table]), own, views) for model in program.models
    }
    problems += ids.with_several_texts(program, sources, warehouse.engine)
    problems += keys_missing(program, {table: relations[table].names for table in sources})
    if problems:
        raise BadInput(problems)
    if problems := key_types.apart(program, warehouse, state, sources, tables, inputs):
        raise BadInput(problems)
    behind = tuple(view for made in views.made_of.values() for view in made)
    beneath = {view.table: _beneath(view, found) for view in program.views}
    known_lookups = {t: found[t] for t in lookups}
    return Bound(program, sources, known_lookups, tables, inputs, known.needs_ids, behind, beneath=beneath)


def _sources(
    program: Program,
    warehouse: Warehouse,
    found: Mapping[TableName, Relation],
    in_place: Container[TableName],
    problems: list[Problem],
) -> Iterator[tuple[TableName, BoundSource]]:
    """The sources, by their names; what is `in_place` is read from files."""
    for number, source in enumerate(program.playbook.sources):
        files: tuple[FileMark, ...] = ()
        if source.table in in_place:
            files = warehouse.find_files(source.files)
            rows = warehouse.engine.files(files)
            relation = Relation(source.table, warehouse.describe_query(f"select * from {rows}"))
        elif source.table in found:
            rows, relation = warehouse.engine.table(source.table), found[source.table]
        else:
            problems.append(Problem(source.place, f"source {source.table}: no such table in the warehouse"))
            continue
        yield source.table, BoundSource(source, number, relation, rows, files)


def _inputs(
    model: CompiledModel,
    relations: Mapping[TableName, Relation],
    deduped: Container[TableName],
    called: Iterable[UserFunction],
    own: Functions,
    views: Views,
) -> str:
    """Names what a model reads: columns with their types, the SELECTs of views, functions of the user's own.

    A column of another type holds other values, though every count and every row of a look-up be the same. Of sources
    that may hold copies the columns are among them that decide which copy counts.
    """
    texts = [f"{function.name} {function.volatility} {function.body}" for function in called]
    for table in (*model.sources, *model.lookups):
        relation = relations[table]
        columns = {
            c for r in model.select.references if r.table == table for c in columns_read(model.select, relation, r)
        }
        texts += sorted(f"{table}.{c.name} {LENGTH.sub('', c.type)} {c.sense}" for c in columns)
        if table in deduped:
            texts += [f"{table}: {c.name} {c.type}" for c in deciding(relation, columns)]
        texts += views.texts(table)
        texts += [f"{f.name} {f.volatility} {f.body}" for text in views.texts(table) for f in own.called_by(text)]
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()


def _beneath(view: CompiledView, found: Mapping[TableName, Relation]) -> str:
    """Names the columns of the look-ups under a view: where they are others, it has to be made anew."""
    texts = [f"{table}.{c.name} {c.type}" for table in sorted(view.lookups, key=str) for c in found[table].columns]
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest() if texts else ""


def _missing(program: Program, found: Mapping[TableName, Relation], problems: list[Problem]) -> None:
    known = [str(t) for t in [*(s.table for s in program.playbook.sources), *(m.table for m in program.models)]]
    for model in program.readers:
        for reference in model.select.references:
            if reference.table in model.lookups and reference.table not in found:
                elsewhere = next((k for k in known if k.split(".")[-1] == reference.table.table), "")
                otherwise = (
                    f"did you mean {elsewhere}?" if elsewhere else "a model reads sources, models and tables that exist"
                )
                hint = did_you_mean(str(reference.table), known, otherwise)
                place = Place(model.select.place.path, reference.line)
                problems.append(Problem(place, f"{reference.table}: no such table in the warehouse", hint))


def _lookup_keys(
    program: Program, warehouse: Warehouse, found: Mapping[TableName, Relation], problems: list[Problem]
) -> None:
    """Refuse a key that a look-up has not, or whose values cannot be compared."""
    for lookup in (one for one in program.playbook.lookups if one.table in found):
        types = types_of(found[lookup.table].columns)
        for name in lookup.key:
            if name.lower() not in types:
                what = f"{lookup.table}: its key {name} is no column of it"
                problems.append(Problem(lookup.place, what, did_you_mean(name.lower(), types)))
            elif name not in warehouse.engine.told_apart(name, types[name.lower()]):
                what = (
                    f"{lookup.table}: its key {name} is of type {types[name.lower()]}, whose values cannot be compared"
                )
                problems.append(Problem(lookup.place, what, f"write {lookup.table}: fingerprint"))


def _spellings(
    program: Program, warehouse: Warehouse, read_by: Mapping[TableName, Reader], problems: list[Problem]
) -> None:
    """Refuse a source or a model's table under another name than the playbook's: its changes would not be tracked."""
    default = warehouse.engine.default_schema
    known = {s.table.within(default).parts[-2:]: s.table for s in program.playbook.sources}
    known |= {renamed(program.playbook, m.table).within(default).parts[-2:]: m.table for m in program.models}
    for table, reader in read_by.items():
        tracked = known.get(table.within(default).parts[-2:])
        if tracked is not None:
            what = f"{table} is {tracked} of the playbook"
            problems.append(Problem(_place(reader, table), what, f"write {tracked}"))


def _place(reader: Reader, table: TableName) -> Place:
    """Where a model or view names a table; a view may read it by way of another."""
    line = next((reference.line for reference in reader.select.references if reference.table == table), 0)
    return Place(reader.select.place.path, line)


def _tracked_views(
    program: Program,
    warehouse: Warehouse,
    reached: Mapping[TableName, frozenset[TableName]],
    problems: list[Problem],
) -> None:
    """Refuse inputs that are views over a source or a model: the runner could not tell what changed in them."""
    playbook = program.playbook
    default = warehouse.engine.default_schema
    tracked = {renamed(playbook, m.table).within(default): m.table for m in program.models}
    streams = {s.table.within(default): s.table for s in playbook.sources}
    for table, tables in reached.items():
        own = streams if table.within(default) not in streams else {}
        for hit in dict.fromkeys(filter(None, (tracked.get(t) or own.get(t) for t in sorted(tables, key=str)))):
            reader = next((one for one in program.readers if table in one.select.tables), None)
            hint = f"read {hit} itself, so that its changes are tracked"
            place = _place(reader, table) if reader else Place()
            problems.append(Problem(place, f"{table} is a view over {hit}", hint))


def _foreign(program: Program, state: State, read_by: Mapping[TableName, Reader], problems: list[Problem]) -> None:
    declared = {lookup.table for lookup in program.playbook.lookups}
    for table, reader in read_by.items():
        owner = state.owners.get(str(table))
        if owner and table not in declared:
            hint = f"include: that playbook, or declare it under lookups: ({table}: fingerprint)"
            problems.append(Problem(_place(reader, table), f"{table} belongs to playbook {owner}", hint))


def _own_columns(program: Program, relations: Mapping[TableName, Relation], problems: list[Problem]) -> None:
    """Refuse columns with names of the runner's own where a statement of the runner's may list them."""
    relations = {table: relation for table, relation in relations.items() if any(map(is_own, relation.names))}
    for model in program.models if relations else ():
        for reference in model.select.references:
            relation = relations.get(reference.table)
            read = columns_read(model.select, relation, reference) if relation else ()
            place = Place(model.select.place.path, reference.line)
            problems += [_own_column(reference.table, column.name, place) for column in read if is_own(column.name)]
    for source in program.playbook.sources if program.queries else ():
        if source.dedupe and source.table in relations:  # {{ history }} lists them all
            names = filter(is_own, relations[source.table].names)
            problems += [_own_column(source.table, name, source.place) for name in names]


def _own_column(table: TableName, name: str, place: Place) -> Problem:
    hint = "read it through a view that renames it: names that begin with runner_ are the runner's own"
    return Problem(place, f"{table} has a column {name}, which is one of the runner's own names", hint)


def _clock_columns(program: Program, relations: Mapping[TableName, Relation], problems: list[Problem]) -> None:
    """Refuse a word that is a column of an input as well as the clock: the run's instant must not stand in for it."""
    for model in program.models if program.engine in COLUMNS_FIRST else ():
        select = model.select
        words = {c.word: c for c in select.clocks if select.text[c.start : c.end].lower() == c.word}
        for reference in select.references if words else ():
            relation = relations.get(renamed(program.playbook, reference.table))
            made = program.model(reference.table).select.outputs if reference.table in model.models else ()
            for name in relation.names if relation else made:
                if call := words.get(name.lower()):
                    place = Place(select.place.path, 0 if model.ported else call.line)
                    what = f"{model.table}: {call.word} is a column of {reference.table}, and the clock elsewhere"
                    hint = f'write the column in quotes, "{name}", and the clock as a call: now(), today()'
                    problems.append(Problem(place, what, hint))


def check_ownership(
    program: Program, warehouse: Warehouse, state: State, bound: Bound, adopt: Iterable[TableName]
) -> None:
    """A table that exists, has rows and is not ours is not touched. Raises Stopped."""
    adopted, strange = set(adopt), []
    for model in program.models:
        physical = renamed(program.playbook, model.table)
        owner = state.owners.get(str(physical))
        if owner:
            raise Stopped(f"{physical} belongs to playbook {owner}", "give the model another table")
        if str(physical) in state.models or bound.stored[model.table] is None or model.table in adopted:
            continue
        if warehouse.execute("catalogue:rows", f"select 1 from {warehouse.engine.table(physical)} limit 1").rows:
            strange.append(model.table)
    if strange:
        what = [f"{renamed(program.playbook, table)} exists, has rows and was not made by" for table in strange]
        raise Stopped(
            "\n".join(f"{one} playbook {program.playbook.name}" for one in what),
            actions.Adopt(strange[0], tuple(strange[1:])),
        )
    _check_views(program, warehouse, state)


def _check_views(program: Program, warehouse: Warehouse, state: State) -> None:
    """What stands in the place of a view is not touched either, unless the playbook has made it. Raises Stopped."""
    new = {renamed(program.playbook, view.table): view for view in program.views}
    new = {name: view for name, view in new.items() if str(name) not in state.models}
    found = warehouse.describe(new) if new else {}
    for name, view in new.items():
        if owner := state.owners.get(str(name)):
            raise Stopped(f"{name} belongs to playbook {owner}", "give the view another name")
        if name in found:
            what = f"{name} exists and was not made by playbook {program.playbook.name}"
            raise Stopped(what, f"drop it, or give the view {view.table} another name")
