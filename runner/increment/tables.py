"""The DDL that goes before a publish: tables, columns, indexes. All of it can be done again, and readers see no gap."""

from __future__ import annotations

from collections.abc import Sequence

from runner import actions
from runner.algebra.texts import ks
from runner.algebra.values import Planned, Staged
from runner.errors import Stopped
from runner.increment.freeze import Frozen, FrozenKey
from runner.increment.others import ddl, lookups
from runner.increment.stage import Outcome, table_key
from runner.increment.work import Work
from runner.names import TableName
from runner.state.manifest import Manifest, State
from runner.warehouse.values import Column, types_of

MANY = 1000  # rows of one key for which a hash index is no good
REPLACES_COLUMNS = ("--full-refresh", "adopted")  # why a full build may change types and drop columns


def replaces_columns(work: Work, outcome: Outcome) -> bool:
    """Whether the model's table may lose columns and change types in this run."""
    return work.request.reshape or outcome.reason in REPLACES_COLUMNS


def prepare(work: Work, state: State, frozen: Frozen, outcomes: Sequence[Outcome]) -> dict[int, str]:
    """DDL that goes before publish; all of it can be done again. Gives the names of new key indexes by key number."""
    warehouse = work.warehouse
    made: set[str] = set()
    check_shapes(work, state, outcomes)
    for outcome in outcomes:
        known = state.models.get(table_key(work, outcome.staged.compiled))
        if outcome.taken and known and known.owes == "keys":
            make_dirty(work, outcome.staged)  # it may be lost, or have held keys of other types
        if not outcome.taken and outcome.owes != "keys":
            continue
        schema = outcome.staged.table.rsplit(".", 1)[0]
        if outcome.writes and "." in outcome.staged.table and schema not in made:
            made.add(schema)
            warehouse.create_schema("ddl:schema", schema)
        if outcome.writes:
            _shape(work, state, outcome)
        if outcome.owes == "keys" and outcome.staged.key_count:
            make_dirty(work, outcome.staged)
    names: dict[int, str] = {}
    makes = any(key.kept is None for key in frozen.keys) or any(lookup.is_anew for lookup in frozen.lookups)
    if work.warehouse.engine.file_lock and makes:
        drop_leftovers(work.manifest, state.version, state.trusted)
    lookups.prepare(work, frozen)
    for key in frozen.keys:
        if key.kept is None:
            source = str(key.key.source.table)
            name = work.manifest.new_index_name(source + key.key.digest, work.request.run_id)
            table = work.manifest.table(name)
            warehouse.execute("ddl:index", f"drop table if exists {table}")
            is_of_ids = frozen.copies(key) is not None
            warehouse.execute("ddl:index", f"create table {table} as {_pairs(work, key, is_of_ids=is_of_ids)}")
            if warehouse.engine.indexes:
                warehouse.execute("ddl:index", f"create index on {table} (etl_tstamp)")
            if warehouse.engine.indexes and is_of_ids:
                warehouse.execute("ddl:index", f"create index on {table} (k1)")
                warehouse.execute("ddl:index", f"create index on {table} (etl_tstamp) where copied")
            names[key.number] = name
    return names


def drop_leftovers(manifest: Manifest, version: int, trusted: frozenset[str]) -> None:
    """Drop the key indexes, and kept rows of look-ups, of runs that never published; only where the version is still ours.

    The version, asked last, is what makes it safe. While it is ours, nobody has taken over or published: every table
    that is there and not `trusted` was left by a run that is outlawed. One that takes over later makes its tables later.

    Where the file lock is the lease only a run that makes an index looks for them: the next run after a crash makes
    the lost one anew, and to ask the catalogue every time would cost 30 ms there.
    """
    found = {manifest.table(name) for name in manifest.warehouse.tables(manifest.schema, manifest.index_prefix)}
    left = found - trusted
    if left and manifest.version() == version:
        for table in sorted(left):
            manifest.warehouse.execute("ddl:drop-index", f"drop table if exists {table}")


def _shape(work: Work, state: State, outcome: Outcome) -> None:
    """Make the model's table, or give it its new columns."""
    warehouse, staged = work.warehouse, outcome.staged
    new = work.algebra.scratch.new(staged.number)
    known = table_key(work, staged.compiled) in state.models
    if _is_left(outcome, known=known) and misfits(staged):
        ddl.execute(work, "ddl:recreate", staged.table, f"drop table {staged.table}")
    elif staged.stored is not None:
        _alter(work, outcome)
        return
    layout = staged.compiled.model.layout
    warehouse.execute(
        "ddl:create", warehouse.engine.derived_table(staged.table, f"select * from {new} where 1 = 0", layout)
    )
    if warehouse.engine.indexes:
        for columns in _index_columns(work, staged):
            warehouse.execute("ddl:create-index", warehouse.engine.create_index(staged.table, columns))


def give_way(work: Work, staged: Staged) -> None:
    """Drop the runner's indexes on a model's table: a value does not fit into one of them, and they serve speed only.

    A hash holds values of any size, but is slow to fill where many rows have one value, and is of one column.
    """
    warehouse, new = work.warehouse, work.algebra.scratch.new(staged.number)
    schema = staged.table.rsplit(".", 1)[0]
    for columns in _index_columns(work, staged):
        name = warehouse.engine.index_name(staged.table, columns)
        ddl.execute(work, "ddl:drop-index", staged.table, f"drop index if exists {schema}.{name}")
        if len(columns) > 1:
            continue
        (column,) = work.algebra.quoted(columns)
        many = f"select 1 from {new} group by {column} having count(*) > {MANY} limit 1"
        if not warehouse.execute("ddl:many", many).rows:
            warehouse.execute("ddl:create-index", warehouse.engine.create_index(staged.table, columns, "hash"))


def _index_columns(work: Work, staged: Staged) -> list[tuple[str, ...]]:
    """The model's own key, and plain columns by which models below it look its rows up."""
    names = {column.name.lower() for column in staged.columns}
    found = [staged.compiled.key_names] if staged.compiled.key_names else []
    for below in work.program.models:
        if staged.compiled.table in below.models and below.model.key:
            texts = tuple(column.over(staged.compiled.table) for column in below.model.key)
            if all(text.lower() in names for text in texts):
                found.append(texts)
    return list(dict.fromkeys(found))


def misfits(staged: Staged) -> list[Column]:
    """Stored columns that are gone or have another type in the staged rows."""
    new = types_of(staged.columns)
    return [c for c in (staged.stored.columns if staged.stored else ()) if new.get(c.name.lower()) != c.type]


def _is_left(outcome: Outcome, *, known: bool) -> bool:
    """Whether the table is empty, and was left by a run that crashed."""
    return outcome.staged.stored is not None and not known and outcome.reason == "new"


def widens(work: Work, staged: Staged, column: Column) -> bool:
    """Whether a stored column is a text that only has to get longer."""
    new = types_of(staged.columns)
    return work.warehouse.engine.holds(new.get(column.name.lower(), ""), column.type)


def check_shapes(work: Work, state: State, outcomes: Sequence[Outcome]) -> None:
    """Raises Stopped for columns that are gone or get another type, of all models, unless that was asked for."""
    unfit: dict[TableName, tuple[Staged, list[Column]]] = {}
    for outcome in outcomes:
        staged = outcome.staged
        known = table_key(work, staged.compiled) in state.models
        if not outcome.writes or staged.stored is None or _is_left(outcome, known=known):
            continue
        asked = replaces_columns(work, outcome) and work.warehouse.engine.transactional_ddl
        found = [] if asked else [column for column in misfits(staged) if not widens(work, staged, column)]
        if found:
            unfit[staged.compiled.table] = staged, found
    if not unfit:
        return
    what = "\n".join(_misfit_text(staged, columns) for staged, columns in unfit.values())
    if not work.warehouse.engine.transactional_ddl:
        drops = ", ".join(f"drop table {staged.table}" for staged, _ in unfit.values())
        raise Stopped(what, f"readers would see it half changed here; {drops}, and run again: it is built in full")
    alters = [alter for staged, columns in unfit.values() for alter in _alters(work, staged, columns)]
    one, *others = unfit
    rebuild = actions.FullRefresh(one, tuple(others))
    raise Stopped(what, ("; ".join(alters), rebuild) if all(alters) else rebuild)


def _alter(work: Work, outcome: Outcome) -> None:
    staged, warehouse = outcome.staged, work.warehouse
    stored = {column.name.lower() for column in staged.stored.columns} if staged.stored else set()
    new = types_of(staged.columns)
    for column in misfits(staged) if not warehouse.engine.transactional_ddl else ():  # else within the publish
        wider = warehouse.engine.retyped(staged.table, column.name, new[column.name.lower()])
        ddl.execute(work, "ddl:widen", staged.table, wider)
    for column in staged.columns:
        if column.name.lower() not in stored:
            added = f"add column {warehouse.engine.quote(column.name)} {column.type}"
            ddl.execute(work, "ddl:add-column", staged.table, f"alter table {staged.table} {added}")


def _misfit_text(staged: Staged, unfit: Sequence[Column]) -> str:
    new = types_of(staged.columns)
    parts = [
        f"{c.name} changes from {c.type} to {new[c.name.lower()]}" if c.name.lower() in new else f"{c.name} is gone"
        for c in unfit
    ]
    return f"{staged.compiled.table}: {', '.join(parts)}"


def _alters(work: Work, staged: Staged, unfit: Sequence[Column]) -> list[str]:
    new = types_of(staged.columns)
    engine = work.warehouse.engine
    return [
        engine.retyped(staged.table, c.name, new[c.name.lower()])
        if c.name.lower() in new
        else f"alter table {staged.table} drop column {engine.quote(c.name)}"
        for c in unfit
    ]


def _pairs(work: Work, key: FrozenKey, *, is_of_ids: bool) -> str:
    """What a new key index holds; texts without a limit, which may get longer. One of ids marks those that stand more
    than once.
    """
    scratch = work.algebra.scratch
    pairs = scratch.renewed(key.number) if key.is_renewed else scratch.pairs(key.number)
    types = types_of(work.warehouse.columns_of(pairs))
    names = ks(len(key.key.texts))
    columns = [*(_roomy(work, name, types[name]) for name in names), "etl_tstamp", "event_count"]
    if is_of_ids:
        several = f"select k1 from {scratch.stirred(key.number)} where stands > 1"
        if key.is_renewed:
            several = f"select k1 from {pairs} where k1 is not null group by k1 having sum(event_count) > 1"
        columns.append(f"case when k1 in ({several}) then true else false end as copied")
    return f"select {', '.join(columns)} from {pairs}"


def make_dirty(work: Work, model: Planned) -> None:
    """The table of the keys that a model owes, if it is not there yet."""
    compiled = model.compiled
    table = work.manifest.dirty_table(table_key(work, compiled), compiled.key_names, model.key_types)
    names = zip(work.algebra.quoted(compiled.key_names), model.key_types, strict=True)
    listed = ", ".join(_roomy(work, name, type_) for name, type_ in names)
    work.warehouse.create_once("ddl:dirty", table, f"select {listed} from {model.table} where 1 = 0")


def _roomy(work: Work, name: str, type_: str) -> str:
    kept = work.warehouse.engine.unlimited(type_)
    return name if kept == type_ else f"cast({name} as {kept}) as {name}"


def drop_forgotten(work: Work, state: State, frozen: Frozen, outcomes: Sequence[Outcome]) -> None:
    """Drop what this run's publish has stopped trusting, and tables of keys in types they had before."""
    left = set(state.indexes.values()) - {key.kept for key in frozen.keys}
    left |= {rows.table for rows in lookups.forgotten(work, state, frozen)}
    for staged in (outcome.staged for outcome in outcomes if outcome.writes and outcome.staged.stored):
        names, table = staged.compiled.key_names, table_key(work, staged.compiled)
        types = types_of(staged.columns)
        now = tuple(types.get(name.lower(), "") for name in names)
        then, kept = (work.manifest.dirty_table(table, names, one) for one in (staged.key_types, now))
        left |= {then} - {kept}
    for table in sorted(left):
        work.warehouse.execute("after:drop-index", f"drop table if exists {table}")
