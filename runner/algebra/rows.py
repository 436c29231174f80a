"""A model's inputs and its new rows: the SELECT of its author with restricted inputs spliced in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from runner.algebra.texts import Algebra, as_ks, condition, ks
from runner.algebra.values import BoundSource, Copies, Cut, Extent, FrozenSource, Inputs, Planned, Staged
from runner.names import TableName
from runner.playbook.values import Fold
from runner.program.values import PREDICATE, CompiledModel
from runner.sql.select import ClockCall, Moment, Reference, Select, splice
from runner.warehouse.values import Column, Relation

AFFECTED = TableName(("affected",))  # how `affected: rows:` names the keys that are recomputed
BARE_COLUMN = re.compile(r'[^\W\d][\w$]*|"(?:[^"]|"")+"')
FEW = 10_000  # values that are looked up one by one in an index rather than joined
PLAIN_TSTAMP = ("timestamp", "timestamp without time zone")
Where = Sequence[Sequence[str]]  # which rows: those of which all conditions of any one of these hold; no row has two
ALL: Where = ((),)


# -- inputs ----------------------------------------------------------------------------------------------------------


def columns_read(select: Select, relation: Relation, reference: Reference) -> tuple[Column, ...]:
    """The input's columns that the SELECT can mean; at least one, so that rows can be counted."""
    meant = select.means(relation.names, reference)
    return tuple(column for column in relation.columns if column.name in meant) or relation.columns[:1]


def columns_read_of(select: Select, relation: Relation, table: TableName) -> tuple[Column, ...]:
    """The input's columns that any of the SELECT's references to it can mean."""
    read = [columns_read(select, relation, one) for one in select.references if one.table == table]
    return tuple(column for column in relation.columns if any(column in columns for columns in read))


def of_source(
    algebra: Algebra,
    source: FrozenSource,
    columns: Sequence[Column],
    where: Where,
    *,
    few: bool,
    apart: bool = True,
) -> str:
    """Rows of a source, of no batch but those whose counts the manifest will have, and of copies only the one that counts.

    Only rows whose id stands more than once are ranked, by all columns that may decide which copy counts: copies are
    rare, and sorting a stream's wide rows costs more than reading its ids before. `few`: `where` leaves a small part of
    the source, in which a window counts the ids; sorting all of them would cost more than reading them twice. `apart`:
    it may leave out copies of the rows that it leaves.
    """
    listed = algebra.listed(columns)
    where = _each(where, not_held(algebra, source)) if source.has_held else where
    if not source.source.dedupe:
        return f"(select {listed} {_from(algebra, source, where)})"
    if few and apart and source.copies:
        return _of_copies_apart(algebra, source, source.copies, columns, where)
    id_ = f"({source.source.dedupe[0].text})"
    if few:
        by_row = source.row_id and len(where) == 1
        row = f", {_row_id(algebra, source)} as runner_row" if by_row else ""
        known = f"select {listed}, {id_} as runner_id, count(*) over (partition by {id_}) as runner_copies{row}"
        ids = f"runner_known as ({known} {_from(algebra, source, where)})"
        once = "from runner_known where runner_copies = 1 or runner_id is null"
        several = "from runner_known where runner_copies > 1 and runner_id is not null"
        twice: Where = _each(where, f"{id_} in (select runner_id {several})")
        if by_row:
            twice = [[f"{_row_id(algebra, source)} in (select runner_row {several})"]]
    else:
        ids = f"select {id_} as runner_id {_from(algebra, source, where)} group by {id_} having count(*) > 1"
        ids, twice = f"runner_twice as ({ids})", _each(where, f"{id_} in (select runner_id from runner_twice)")
        # The id is taken in a scope of its own: beside other names DuckDB has functions for some columns (session_user).
        named = f"(select {listed}, {id_} as runner_id {_from(algebra, source, where)}) runner_o"
        once = f"from {named} where not exists (select 1 from runner_twice where runner_twice.runner_id = runner_o.runner_id)"
    ranked = f"select {listed}, {_rank(algebra, source, columns)} {_from(algebra, source, twice)}"
    return (
        f"(with {ids} select {listed} {once} union all select {listed} from ({ranked}) runner_r where runner_copy = 1)"
    )


def _of_copies_apart(
    algebra: Algebra, source: FrozenSource, copies: Copies, columns: Sequence[Column], where: Where
) -> str:
    """A part of the source, where copies of its rows may lie outside of it.

    Which ids stand more than once, and in which batches, is known. Where all copies of an id lie within the part
    (`near`) they are ranked there; only of others (`far`) copies are read elsewhere, by their numbers: a list of ids
    would have DuckDB read all ids of the source first.
    """
    listed, name = algebra.listed(columns), algebra.engine.quote(source.source.table.table)
    if not copies.has_several:
        return f"(select {listed} {_from(algebra, source, where)})"
    several, ids = algebra.scratch.several(copies.number), [e.text for e in source.source.dedupe]
    numbered = ", ".join(f"{text} as runner_i{n}" for n, text in enumerate(ids, 1))
    as_keys = ", ".join(f"runner_known.runner_i{n} as k{n}" for n in range(1, len(ids) + 1))
    rank = _rank(algebra, source, columns)
    near = _each(where, algebra.is_in(ids, "runner_near"))
    batches = f"select etl_tstamp from {several} where k1 in (select runner_h from runner_far)"
    elsewhere = [lying_in(algebra, source, batches), f"{copies.id} in (select runner_h from runner_far)"]
    elsewhere += [not_held(algebra, source)] if source.has_held else []
    far = f"(select *, {rank} from {algebra.from_source(source)}{condition(elsewhere)}) as {name}"
    found = [f"select {listed} from {far}{condition(['runner_copy = 1', *conditions])}" for conditions in where]
    return f"""(with runner_known as (select {listed}, {numbered}, {copies.id} as runner_h {_from(algebra, source, where)}),
runner_mine as (select runner_h, count(*) as runner_here from runner_known where runner_h in (select k1 from {several}) group by runner_h),
runner_far as (select runner_h from runner_mine join {several} runner_s on runner_s.k1 = runner_h
    group by runner_h, runner_here having sum(runner_s.event_count) > runner_here),
runner_near as (select distinct {as_keys} from runner_known join runner_mine on runner_mine.runner_h = runner_known.runner_h
    where not exists (select 1 from runner_far where runner_far.runner_h = runner_known.runner_h))
select {listed} from runner_known
    where not exists (select 1 from runner_mine where runner_mine.runner_h = runner_known.runner_h)
union all select {listed} from (select {listed}, {rank} {_from(algebra, source, near)}) runner_r where runner_copy = 1
union all {" union all ".join(found)})"""


def lying_in(algebra: Algebra, source: FrozenSource, batches: str) -> str:
    """True for rows of the batches that a SELECT of `etl_tstamp` gives, and perhaps for rows without one."""
    text = source.source.batch.text
    if is_plain_tstamp(source) and _quick(source.relation, text, source.pending_count):
        return f"({algebra.engine.found_by_index(text, batches)} or {text} is null)"
    return f"{algebra.batch(source.source)} in ({batches})"


def is_plain_tstamp(source: BoundSource) -> bool:
    """Whether a row's batch is a column's own value."""
    plain = {c.name.lower() for c in source.relation.columns if c.type.lower() in PLAIN_TSTAMP}
    return source.source.batch.text.lower() in plain


def deciding(relation: Relation, columns: Iterable[Column]) -> tuple[Column, ...]:
    """The columns of a source that decide which copy of an event a reader of `columns` sees: those up to the last of them.

    All readers see the same copy, the first by `order_by` and then by all columns as they stand in the source. Copies
    that are the same up to a column are the same to who reads no later one; so columns that are added change nothing.
    """
    read = {column.name for column in columns}
    last = max((n for n, column in enumerate(relation.columns, 1) if column.name in read), default=0)
    return relation.columns[:last]


def _rank(algebra: Algebra, source: FrozenSource, columns: Sequence[Column]) -> str:
    """The number of a row among its copies."""
    order = [e.text for e in source.source.order_by]
    order += algebra.told_apart(deciding(source.relation, columns))
    copies = ", ".join(e.text for e in source.source.dedupe)
    listed = ", ".join(f"{expression} nulls last" for expression in order)
    return f"row_number() over (partition by {copies} order by {listed}) as runner_copy"


def _from(algebra: Algebra, source: BoundSource, where: Where) -> str:
    """FROM and WHERE; several sets of conditions are read one after the other, not joined by OR, which loses indexes."""
    rows = algebra.from_source(source)
    if len(where) == 1:
        return f"from {rows}{condition(where[0])}"
    parts = " union all ".join(f"select * from {rows}{condition(conditions)}" for conditions in where)
    return f"from ({parts}) as {algebra.engine.quote(source.source.table.table)}"


def _row_id(algebra: Algebra, source: FrozenSource) -> str:
    return f"{algebra.engine.quote(source.source.table.table)}.{source.row_id}"


def _each(where: Where, more: str) -> Where:
    return [[*conditions, more] for conditions in where]


def not_held(algebra: Algebra, source: FrozenSource) -> str:
    """True for rows of batches that this run may read."""
    held = f"(select etl_tstamp as k1 from {algebra.scratch.held(source.number)}) runner_h"
    return algebra.not_in([algebra.batch(source.source)], held)


def pending(algebra: Algebra, source: FrozenSource) -> str:
    """True for rows of the pending batches."""
    batches = f"select etl_tstamp from {algebra.scratch.batches(source.number)}"
    text = source.source.batch.text
    if is_plain_tstamp(source) and not source.no_tstamp and _quick(source.relation, text, source.pending_count):
        return algebra.engine.found_by_index(text, batches)
    return f"{algebra.batch(source.source)} in ({batches})"


def of_model(algebra: Algebra, upstream: Staged, columns: Sequence[Column], where: Callable[[bool], Where]) -> str:
    """A model's rows as they will be after this run: stored rows of unaffected keys, and staged rows.

    `where(True)` gives conditions on stored rows, `where(False)` on staged ones.
    """
    name = algebra.engine.quote(upstream.compiled.table.table)
    listed = algebra.listed(columns)
    new = algebra.scratch.new(upstream.number)

    def of(table: str, where: Where) -> str:
        return " union all ".join(f"select {listed} from {table} as {name}{condition(one)}" for one in where)

    if upstream.extent is Extent.NONE or upstream.unchanged:
        return f"({of(upstream.table, where(True))})"
    if upstream.extent is Extent.ALL and not upstream.has_frozen:
        return f"({of(new, where(False))})"
    kept = [[_untouched(algebra, upstream), *conditions] for conditions in where(True)]
    return f"({of(upstream.table, kept)} union all {of(new, where(False))})"


def _untouched(algebra: Algebra, staged: Staged) -> str:
    """True for stored rows that this run does not replace."""
    alias = algebra.engine.quote(staged.compiled.table.table)
    names = algebra.quoted(staged.compiled.key_names, f"{alias}.")
    if staged.extent is Extent.ALL:
        return algebra.is_in(names, algebra.scratch.frozen_of(staged.number), types=staged.key_types, has_null=True)
    affected = algebra.scratch.affected(staged.number)
    return algebra.not_in(names, affected, staged.key_types, has_null=staged.has_null)


# -- a model's new rows ----------------------------------------------------------------------------------------------


def of_select(algebra: Algebra, planned: Planned, inputs: Inputs, cut: Cut | None) -> str:
    """The model's SELECT with every tracked input cut to the keys that are asked for (None: all keys)."""
    compiled, engine = planned.compiled, algebra.engine

    def replace(reference: Reference) -> str | None:
        table, held = reference.table, _held(compiled, reference)
        if table in inputs.sources:
            columns = columns_read(compiled.select, inputs.sources[table].relation, reference)
            if table in inputs.shared:
                return f"(select {algebra.listed(columns)} from {inputs.shared[table]})"
            return _source_input(algebra, planned, inputs, table, columns, cut, held)
        if table in inputs.upstream:
            above = inputs.upstream[table]
            columns = columns_read(compiled.select, Relation(table, above.columns), reference)
            return of_model(
                algebra, above, columns, lambda stored: _conditions(algebra, planned, inputs, table, cut, held, stored)
            )
        return inputs.lookups.get(table)

    text = splice(compiled.select, replace, engine.quote, lambda call: _instant(algebra, call, inputs.instant))
    named = algebra.quoted(compiled.key_names)
    if (compiled.model.affected or compiled.is_joined) and cut:
        return f"select * from (\n{text}\n) runner_m where {algebra.is_in(named, cut.keys, cut.where, planned.key_types, has_null=cut.has_null)}"
    return text


def _held(compiled: CompiledModel, reference: Reference) -> tuple[str, ...]:
    """The key over the rows of a reference; '' for a part that they do not hold: all of them are read then."""
    if compiled.is_joined:
        number = compiled.select.references.index(reference)
        return compiled.derived.cuts.get(number, ()) if compiled.derived else ()
    return tuple(column.over(reference.table) for column in compiled.model.key)


def _instant(algebra: Algebra, call: ClockCall, utc: str) -> str:
    """The constant that stands for a call of the clock."""
    engine = algebra.engine
    types = {Moment.INSTANT: engine.instant_type, Moment.TIMESTAMP: engine.timestamp_type}
    types |= {Moment.DATE: "date", Moment.TIME: "time", Moment.TIME_OF_DAY: "timetz"}
    return engine.moment(utc, types[call.moment], call.precision)


def shared(algebra: Algebra, planned: Planned, inputs: Inputs, cut: Cut | None) -> dict[TableName, tuple[str, str]]:
    """Sources that the SELECT reads more than once and that have copies to take out: (scratch table, its rows).

    Copies are then taken out once, not once a reference.
    """
    select = planned.compiled.select
    found = {}
    for table in planned.compiled.sources:
        references = [reference for reference in select.references if reference.table == table]
        source = inputs.sources[table]
        if len(references) < 2 or not source.source.dedupe:
            continue
        columns = columns_read_of(select, source.relation, table)
        held = {_held(planned.compiled, reference) for reference in references}
        rows = _source_input(algebra, planned, inputs, table, columns, cut, held.pop() if len(held) == 1 else ())
        found[table] = (algebra.scratch.rows(planned.number, source.number), f"select * from {rows} runner_s")
    return found


def _source_input(
    algebra: Algebra,
    planned: Planned,
    inputs: Inputs,
    table: TableName,
    columns: Sequence[Column],
    cut: Cut | None,
    held: Sequence[str],
) -> str:
    source = inputs.sources[table]
    where = _conditions(algebra, planned, inputs, table, cut, held, stored=True)
    if cut and cut.only_pending:
        where = [[pending(algebra, source), *conditions] for conditions in where]
    return of_source(algebra, source, columns, where, few=where != ALL, apart=are_apart(planned.compiled, source))


def are_apart(compiled: CompiledModel, source: FrozenSource) -> bool:
    """Whether copies of an event may lie in different keys of a model that reads the source."""
    if compiled.is_joined:
        return source.copies is not None
    keys = [key.texts for key in compiled.source_keys if key.source.table == source.source.table]
    return source.copies is not None and (not keys or not source.copies.apart.isdisjoint(keys))


def copied(algebra: Algebra, planned: Planned, inputs: Inputs, cut: Cut) -> str:
    """The cut's keys (k1 … kn) with an event of which the source holds copies, for a model that reads one source."""
    (table,) = planned.compiled.sources
    source = inputs.sources[table]
    keys = [column.over(table) for column in planned.compiled.model.key]
    where = _each(
        _conditions(algebra, planned, inputs, table, cut, keys, stored=True),
        f"({source.source.dedupe[0].text}) is not null",
    )
    where = _each(where, not_held(algebra, source)) if source.has_held else where
    groups = ", ".join([*keys, *(e.text for e in source.source.dedupe)])
    return f"select {as_ks(keys)} {_from(algebra, source, where)} group by {groups} having count(*) > 1"


def _conditions(
    algebra: Algebra,
    planned: Planned,
    inputs: Inputs,
    table: TableName,
    cut: Cut | None,
    held: Sequence[str],
    stored: bool,
) -> Where:
    """Conditions that keep the rows of an input which the keys need: `held` is the key over them.

    `stored`: rows of a table with its indexes.
    """
    model = planned.compiled.model
    if not model.key or model.affected:
        return [_affected_rows(algebra, planned, table, cut.keys)] if cut else ALL
    if cut is None or not held:
        return ALL
    if not all(held):
        return [[_holds_some(algebra, table, cut, held, n) for n, text in enumerate(held) if text]]
    key = [_owned(algebra, text, table) for text in held]
    relation = inputs.sources[table].relation if table in inputs.sources else inputs.upstream[table].stored
    if stored and len(key) == 1 and _quick(relation, held[0], cut.count):
        found = algebra.engine.found_by_index(key[0], f"select k1 from {cut.keys}{cut.condition}")
    else:
        found = algebra.is_in(key, cut.keys, cut.where, planned.key_types)
    found_rows = [[found]]
    if len(key) == 1 and cut.has_null:
        found_rows.append([algebra.is_null(key[0], cut.keys, cut.where)])
    lying = cut.lying.get((table, tuple(held)))
    return _in_batches(algebra, inputs.sources[table], found_rows, lying) if lying else found_rows


def _in_batches(algebra: Algebra, source: FrozenSource, where: Where, batches: str) -> Where:
    """Rows in some batches, a table of them: all others are passed over unread. Those without an etl_tstamp are read apart."""
    own = _owned(algebra, source.source.batch.text, source.source.table)
    within = _each(where, f"{own} in (select etl_tstamp from {batches})")
    return [*within, *_each(where, f"{own} is null")] if source.has_untimed else within


def batches_of(algebra: Algebra, planned: Planned, source: FrozenSource, index: str, cut: Cut) -> str:
    """The batches that the cut's keys can have rows in: those that the key index lists for them, and the pending ones,
    for what has changed since the index was written is pending.
    """
    width = len(planned.compiled.key_names)
    listed = algebra.is_in(ks(width), cut.keys, cut.where, planned.key_types, has_null=cut.has_null)
    return (
        f"select etl_tstamp from {index} where {listed}"
        f" union select etl_tstamp from {algebra.scratch.batches(source.number)}"
    )


def cuts(compiled: CompiledModel, source: FrozenSource) -> frozenset[tuple[str, ...]]:
    """The key as the model's references to a source hold it, where an index of the source lists it."""
    references = [one for one in compiled.select.references if one.table == source.source.table]
    return frozenset(_held(compiled, one) for one in references) & source.indexes.keys()


def _holds_some(algebra: Algebra, table: TableName, cut: Cut, held: Sequence[str], n: int) -> str:
    """True for rows whose part of the key is that of some affected key."""
    some = f"(select distinct k{n + 1} as k1 from {cut.keys}{cut.condition}) runner_s"
    return algebra.is_in([_owned(algebra, held[n], table)], some, has_null=True)


def _owned(algebra: Algebra, expression: str, table: TableName) -> str:
    """A bare column with its table: within a subquery DuckDB takes "user" and its like for functions otherwise."""
    return f"{algebra.engine.quote(table.table)}.{expression}" if BARE_COLUMN.fullmatch(expression) else expression


def _affected_rows(algebra: Algebra, planned: Planned, table: TableName, keys: str) -> list[str]:
    """The rows of an input that the affected keys need, as the model's author says it."""
    named = ", ".join(f"k{n} as {q}" for n, q in enumerate(algebra.quoted(planned.compiled.key_names), 1))
    rows = next((a.rows for a in planned.compiled.affected if a.input == table and a.rows), None)
    if rows is None:
        return []
    text = splice(
        rows, lambda r: f"(select {named} from {keys})" if r.table == AFFECTED else None, algebra.engine.quote
    )
    return [f"({text.removeprefix(PREDICATE)})"]


def _quick(relation: Relation | None, expression: str, value_count: int) -> bool:
    """True if few values are looked for in a bare column that has an index; of arrays none can be made of the values."""
    columns = relation.columns if relation else ()
    indexed = {column.name.lower() for column in columns if column.indexed and not column.type.endswith("]")}
    return expression.lower() in indexed and value_count <= FEW


def folded(algebra: Algebra, planned: Planned, cut: Cut, fresh: str) -> str:
    """Stored rows of the cut's keys and rows of new batches folded into one row a key, without reading history."""
    quote = algebra.engine.quote
    keys = algebra.quoted(planned.compiled.key_names)
    columns = algebra.listed(planned.stored_columns)
    by_key = ", ".join(keys)
    chosen = algebra.is_in(keys, cut.keys, cut.where, planned.key_types, has_null=cut.has_null)
    folds = []
    for column in planned.compiled.model.merge:
        name = quote(column.name)
        if column.fold in (Fold.MIN, Fold.MAX):
            folds.append(f"{column.fold.value}({name}) over (partition by {by_key}) as {name}")
            continue
        order = [
            f"{quote(c)}{' desc' if down else ''} nulls last" for c, down in planned.compiled.stored_order[column.name]
        ]
        frame = "rows between unbounded preceding and unbounded following"
        folds.append(f"first_value({name}) over (partition by {by_key} order by {', '.join(order)} {frame}) as {name}")
    candidates = (
        f"select {columns} from {planned.table} where {chosen}\nunion all\nselect {columns} from (\n{fresh}\n) runner_f"
    )
    return (
        f"select {columns} from (select {', '.join([*keys, *folds])},"
        f" row_number() over (partition by {by_key} order by {by_key}) as runner_n"
        f" from (\n{candidates}\n) runner_c) runner_w where runner_n = 1"
    )
