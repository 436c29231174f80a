"""Look-ups with a key: which of their rows the last run saw otherwise, and the rows that the next one compares with.

The state keeps their rows as they were processed, of the columns that models read: so the old rows are known as well as
the new ones. A look-up of which nothing differs costs one statement. Rows that differ change the state's table within
the publish, key by key; a table that cannot be trusted, or is to have other columns, is made before it and trusted by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from runner import actions
from runner.algebra import lookups as texts
from runner.algebra.rows import columns_read
from runner.algebra.values import RowChanges, TrackedLookup
from runner.errors import Stopped
from runner.increment.catalogue.bind import Bound
from runner.increment.freeze import Frozen
from runner.increment.work import Work
from runner.names import TableName
from runner.playbook.values import Lookup
from runner.program.values import CompiledModel
from runner.state import lookups as state_lookups
from runner.state.manifest import KeptRows, State
from runner.warehouse.values import Column, Relation


def compared(work: Work, state: State, bound: Bound, frozen: Frozen, *, checked: bool = True) -> Frozen:
    """The freeze with the look-ups that its models read. Raises Stopped, if `checked`, where a key is not unique.

    Those that only models read which this run leaves out stay as they are: their rows are compared when these are taken.
    """
    found = tuple(_compared(work, state, bound, lookup) for lookup in _taken(work, bound))
    for lookup in found if checked else ():
        _check_unique(work, lookup)
    return replace(frozen, lookups=found)


def _taken(work: Work, bound: Bound) -> Iterator[TrackedLookup]:
    for number, lookup in enumerate(work.program.playbook.lookups):
        relation = bound.lookups.get(lookup.table)
        readers = (model.table for model in _readers(work, lookup.table))
        if lookup.key and relation is not None and not work.taken.isdisjoint(readers):
            yield _tracked(work, bound, lookup, relation, number)


def _readers(work: Work, lookup: TableName) -> list[CompiledModel]:
    return [model for model in work.program.models if lookup in model.lookups]


def _tracked(work: Work, bound: Bound, lookup: Lookup, relation: Relation, number: int) -> TrackedLookup:
    """The look-up with the columns that are kept of it; its key is there, `bind` has seen to that."""
    spelled = {column.name.lower(): column.name for column in relation.columns}
    key = tuple(spelled[name.lower()] for name in lookup.key)
    read = {column.name for model in _readers(work, lookup.table) for column in read_of(model, relation)}
    columns = tuple(column for column in relation.columns if column.name in read.union(key))
    told = "\x1f".join(f"{column.name} {column.type} {column.sense}" for column in columns)
    rows = bound.lookup_rows.get(lookup.table, work.warehouse.engine.table(lookup.table))
    digest = hashlib.sha256(f"{key}{told}".encode()).hexdigest()
    return TrackedLookup(lookup.table, number, key, rows, columns, digest)


def read_of(model: CompiledModel, relation: Relation) -> tuple[Column, ...]:
    """The columns that a model reads of a look-up."""
    references = [one for one in model.select.references if one.table == relation.name]
    read = {column.name for one in references for column in columns_read(model.select, relation, one)}
    return tuple(column for column in relation.columns if column.name in read)


def _compared(work: Work, state: State, bound: Bound, lookup: TrackedLookup) -> TrackedLookup:
    """The look-up with its rows that differ; without them where those that the last run saw are not known."""
    anew = replace(lookup, is_anew=True)
    kept = state.kept.get(str(lookup.table))
    if kept is None or all(work.request.refreshes(model.table) for model in _readers(work, lookup.table)):
        return anew
    same = kept.digest == lookup.digest
    shared = lookup.columns if same else _shared(work, lookup, kept)
    if not shared:
        return anew
    differing = work.algebra.scratch.moved_rows(lookup.number)
    lookup = replace(lookup, was=kept.table, shared=shared, differing=differing, was_checked=same, is_anew=not same)
    if not work.make("freeze:lookup", differing, texts.differing(work.algebra, lookup, kept.row_count)):
        return lookup
    counts = work.warehouse.execute("freeze:lookup-counts", texts.summary(work.algebra, lookup)).one()
    *changes, alone, held = (int(count or 0) for count in counts)
    if held != kept.row_count:
        work.warehouse.execute("freeze:forget", f"drop table {differing}")
        return anew
    return replace(lookup, changes=RowChanges(*changes), is_anew=lookup.is_anew or alone > 0)


def _shared(work: Work, lookup: TrackedLookup, kept: KeptRows) -> tuple[Column, ...]:
    """The columns that the state's table holds as well, in the same type, whatever the limits of texts."""
    unlimited = work.warehouse.engine.unlimited
    was = {(column.name, unlimited(column.type)) for column in work.warehouse.columns_of(kept.table)}
    return tuple(column for column in lookup.columns if (column.name, unlimited(column.type)) in was)


def _check_unique(work: Work, lookup: TrackedLookup) -> None:
    """Raises Stopped for a value of the key that stands twice; only those of new rows are looked at, where others were."""
    if lookup.was_checked and not (lookup.changes.added or lookup.changes.changed):
        return
    found = work.warehouse.execute("freeze:lookup-key", texts.duplicates(work.algebra, lookup)).rows
    if not found:
        return
    *values, count = found[0]
    declared = next(one for one in work.program.playbook.lookups if one.table == lookup.table)
    what = f"{declared.place}: {lookup.table}: {', '.join(lookup.key)} is not unique: {', '.join(map(str, values))}"
    mend = (f"mend {lookup.table} and run again", actions.AllowCopies(lookup.table, is_lookup=True))
    raise Stopped(f"{what} stands {count} times", mend)


# -- what follows from it ----------------------------------------------------------------------------------------------


def follows(model: CompiledModel, lookup: TrackedLookup) -> bool:
    """Whether the rows that differ tell which keys of the model they reach; else it is built in full."""
    return model.derived is not None and lookup.table not in model.derived.everywhere


def reason(model: CompiledModel, frozen: Frozen, bound: Bound) -> str:
    """Why a model has to be built in full for a look-up that it reads; '' where it has not to be."""
    for lookup in (one for one in frozen.lookups if one.table in model.lookups):
        shared = {column.name for column in lookup.shared}
        if lookup.was is None:
            return f"the rows of {lookup.table} that it was built from are not known"
        if not shared.issuperset(column.name for column in read_of(model, bound.lookups[lookup.table])):
            return f"other columns of {lookup.table} were kept when it was built"
        if lookup.is_changed and not follows(model, lookup):
            about, line = model.derived.everywhere.get(lookup.table, ("", 0)) if model.derived else ("", 0)
            return f"{lookup.table} changed" + (f", and that is about all keys (line {line}: {about})" if about else "")
    return ""


def told(frozen: Frozen) -> tuple[str, ...]:
    """What is to be said of the look-ups of which rows differ."""
    return tuple(f"rows of {lookup.table}: {lookup.changes}" for lookup in frozen.lookups if lookup.is_changed)


def have_work(frozen: Frozen) -> bool:
    """Whether rows of a look-up differ that a model of this run reads."""
    return any(lookup.is_changed for lookup in frozen.lookups)


# -- the rows that the next run compares with --------------------------------------------------------------------------


def keep(work: Work, frozen: Frozen) -> None:
    """Within the snapshot: the rows of look-ups of which the state gets a new table."""
    for lookup in frozen.lookups:
        if lookup.is_anew:
            listed = work.algebra.listed(lookup.columns)
            copy = work.algebra.scratch.kept_rows(lookup.number)
            select = f"select {listed} from {lookup.rows}"
            work.warehouse.execute("freeze:lookup-rows", work.warehouse.engine.temporary_table(copy, select))


def _new_name(work: Work, table: TableName) -> str:
    return work.manifest.new_index_name(str(table), work.request.run_id)


def prepare(work: Work, frozen: Frozen) -> None:
    """Make the new tables: nobody trusts them before the publish."""
    for lookup in frozen.lookups:
        if lookup.is_anew:
            table = work.manifest.table(_new_name(work, lookup.table))
            copy = work.algebra.scratch.kept_rows(lookup.number)
            work.warehouse.execute("ddl:lookup", f"drop table if exists {table}")
            work.warehouse.execute("ddl:lookup", f"create table {table} as select * from {copy}")


def publish(work: Work, state: State, frozen: Frozen, run_id: str) -> None:
    """Within the publish: the state's rows are those that this run saw."""
    manifest, algebra = work.manifest, work.algebra
    for rows in forgotten(work, state, frozen):
        state_lookups.forget(manifest, rows)
    for lookup in frozen.lookups:
        if lookup.is_anew:
            name = _new_name(work, lookup.table)
            state_lookups.register(manifest, str(lookup.table), lookup.key, lookup.digest, name, run_id)
        elif lookup.is_changed:
            rows, columns = state.kept[str(lookup.table)], algebra.listed(lookup.columns)
            found = texts.moved(algebra, lookup)
            state_lookups.replace(manifest, rows, found, columns, lookup.differing, run_id)


def forgotten(work: Work, state: State, frozen: Frozen) -> list[KeptRows]:
    """The tables that this run makes anew, and those of look-ups that have no key any more or that nobody reads."""
    anew = {str(lookup.table) for lookup in frozen.lookups if lookup.is_anew}
    read = {table for model in work.program.models for table in model.lookups}
    keyed = {str(lookup.table) for lookup in work.program.playbook.lookups if lookup.key and lookup.table in read}
    return [rows for table, rows in sorted(state.kept.items()) if table in anew or table not in keyed]
