"""The incremental algebra: from a model's SELECT and what is pending to the SQL that stages and publishes its rows.

Pure text to text: nothing in here runs a statement. Vocabulary of the scratch tables, numbered by source, source key
or model: `batches_i` pending batches, `held_i` new batches that this run leaves for later, `pairs_j` (k1 … kn,
etl_tstamp, event_count) of pending batches, `keys_j` (k1 … kn, recompute) affected keys of a source key, `frozen_j`
keys whose history is gone, `affected_m` (k1 … kn, recompute) affected keys of a model, `new_m` its new rows,
`diff_m` (its columns, runner_was, runner_now) old and new rows that differ, as multisets, `changed_m` (k1 … kn, runner_was, runner_now) keys
whose rows differ, `moved_m` (k1 … kn) values of its `unique` columns in rows that differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from runner.names import TableName
from runner.playbook.values import Fold, Playbook, Source
from runner.program.values import PREDICATE, CompiledModel, SourceKey, renamed
from runner.sql.select import Reference, Select, splice
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Column, FileMark, Relation

CHANGED, AFFECTED = TableName(("changed",)), TableName(("affected",))
BARE_COLUMN = re.compile(r'[^\W\d][\w$]*|"(?:[^"]|"")+"')
SHORTEST_LIMIT = 63  # Postgres cuts longer names, in the catalogue and in queries alike
FEW = 10_000  # values that are looked up one by one in an index rather than joined
PLAIN_TSTAMP = ("timestamp", "timestamp without time zone")
NO_TSTAMP = "timestamp '0001-01-01 00:00:00'"


class Extent(Enum):
    """How much of a model a run recomputes."""

    NONE = "nothing"
    KEYS = "the affected keys"
    ALL = "all rows"


@dataclass(frozen=True)
class SourceState:
    """A source as this run's freeze sees it."""

    source: Source
    number: int
    relation: Relation
    rows: str  # what stands after FROM: a table's name, or a reader over a list of files
    files: tuple[FileMark, ...] = ()
    has_held: bool = False
    chunked_count: int = 0  # new batches that the next cycle of --chunk takes
    has_kept: bool = False
    pending_count: int = 0
    no_tstamp: bool = False  # the batch of rows without an etl_tstamp is pending


@dataclass(frozen=True)
class Staged:
    """A model in this run: how much of it is recomputed, and what its staged table looks like."""

    compiled: CompiledModel
    number: int
    table: str  # physical name, quoted
    stored: Relation | None  # None: the table is not there yet
    extent: Extent = Extent.NONE
    columns: tuple[Column, ...] = ()
    key_types: tuple[str, ...] = ()
    key_count: int = 0
    has_frozen: bool = False
    unchanged: bool = False  # staged, and every row came out as it was


@dataclass(frozen=True)
class Inputs:
    """What a model may read in this run; `shared`: sources whose rows for the model lie in a scratch table already."""

    sources: Mapping[TableName, SourceState]
    upstream: Mapping[TableName, Staged]
    shared: Mapping[TableName, str] = field(default_factory=dict)
    lookups: Mapping[TableName, str] = field(default_factory=dict)  # what to read them from


class Algebra:
    """Builds the SQL of one run. `scratch` is the run's private schema."""

    def __init__(self, warehouse: Warehouse, playbook: Playbook, scratch: str) -> None:
        self.warehouse, self.playbook, self.scratch = warehouse, playbook, scratch

    # -- small parts -------------------------------------------------------------------------------------------------

    def name(self, what: str, number: int) -> str:
        """A scratch table's name."""
        return self.warehouse.engine.scratch_table(self.scratch, f"{what}_{number}")

    def physical(self, table: TableName) -> str:
        """The table's name in the warehouse, quoted."""
        return self.warehouse.engine.table(renamed(self.playbook, table))

    def quoted(self, names: Sequence[str], prefix: str = "") -> list[str]:
        """Column names, quoted."""
        return [prefix + self.warehouse.engine.quote(name) for name in names]

    def batch(self, source: Source) -> str:
        """A row's batch: its etl_tstamp in UTC, or the sentinel."""
        return f"coalesce(cast({source.batch.text} as timestamp), {NO_TSTAMP})"

    def from_source(self, state: SourceState) -> str:
        """The source's rows under its own name."""
        return f"{state.rows} as {self.warehouse.engine.quote(state.source.table.table)}"

    def all_null(self, expressions: Sequence[str]) -> str:
        """True for a row that belongs to no group."""
        return "(" + " and ".join(f"({e}) is null" for e in expressions) + ")"

    def is_in(self, expressions: Sequence[str], keys: str, where: str = "", types: Sequence[str] = ()) -> str:
        """True if the key is among the rows of a keys table; keys that are partly null compare null-safe."""
        if len(expressions) == 1:
            return f"({expressions[0]}) in (select k1 from {keys}{f' where {where}' if where else ''})"
        return self._exists("exists", expressions, keys, where, types)

    def not_in(self, expressions: Sequence[str], keys: str, types: Sequence[str] = ()) -> str:
        """True if the key is not among the rows of a keys table. Never NOT IN: one null would empty it."""
        return self._exists("not exists", expressions, keys, "", types)

    def _exists(self, exists: str, expressions: Sequence[str], keys: str, where: str, types: Sequence[str]) -> str:
        ks = ", ".join(f"k{n} as runner_k{n}" for n in range(1, len(expressions) + 1))
        listed = f"(select {ks} from {keys}{f' where {where}' if where else ''}) runner_k"  # renamed: k1 may be a user's column
        if len(expressions) == 1:
            return f"{exists} (select 1 from {listed} where runner_k.runner_k1 = ({expressions[0]}))"
        pairs = [
            self.warehouse.engine.same(f"runner_k.runner_k{n}", f"({e})", types[n - 1] if types else "")
            for n, e in enumerate(expressions, 1)
        ]
        return f"{exists} (select 1 from {listed} where {' and '.join(pairs)})"

    # -- inputs ------------------------------------------------------------------------------------------------------

    def columns_read(self, select: Select, relation: Relation, reference: Reference) -> tuple[Column, ...]:
        """The input's columns that the SELECT can mean; at least one, so that rows can be counted."""
        if select.star or reference.positional:
            return relation.columns
        words = select.words | {word[:SHORTEST_LIMIT] for word in select.words}
        return tuple(c for c in relation.columns if c.name.lower() in words) or relation.columns[:1]

    def source_rows(
        self, state: SourceState, columns: Sequence[Column], where: Sequence[str], *, dedupe: bool, few: bool
    ) -> str:
        """Rows of a source that rule R lets a run read, de-duplicated if asked, as a subquery.

        `few`: `where` leaves a small part of the source. Otherwise only rows whose id stands more than once are
        ranked: copies are rare, and sorting a stream's wide rows costs more than reading it three times.
        """
        listed = ", ".join(self.quoted([c.name for c in columns]))
        conditions = [*([self._not_held(state)] if state.has_held else []), *where]
        source = state.source
        if not dedupe or not source.dedupe:
            return f"(select {listed} {self._from(state, conditions)})"
        id_ = f"({source.dedupe[0].text})"
        order = [f"{e.text} nulls last" for e in source.order_by]
        order += [
            f"{self.warehouse.engine.sortable(self.warehouse.engine.quote(c.name), c.type)} nulls last"
            for c in sorted(columns, key=lambda c: c.name)
        ]
        rank = (
            f"row_number() over (partition by {', '.join(e.text for e in source.dedupe)} order by {', '.join(order)})"
        )
        first = f"select {listed} from (select {listed}, {id_} is null as runner_lone, {rank} as runner_copy"
        if few:
            return f"({first} {self._from(state, conditions)}) runner_r where runner_copy = 1 or runner_lone)"
        twice = f"select {id_} as runner_id {self._from(state, conditions)} group by {id_} having count(*) > 1"
        once = f"not exists (select 1 from runner_twice where runner_twice.runner_id = {id_})"
        copied = f"{id_} in (select runner_id from runner_twice)"
        return (
            f"(with runner_twice as ({twice}) select {listed} {self._from(state, [*conditions, once])} union all"
            f" {first} {self._from(state, [*conditions, copied])}) runner_r where runner_copy = 1)"
        )

    def _from(self, state: SourceState, conditions: Sequence[str]) -> str:
        return f"from {self.from_source(state)}{_where(conditions)}"

    def model_rows(self, upstream: Staged, columns: Sequence[Column], where: Callable[[bool], Sequence[str]]) -> str:
        """A model's rows as they will be after this run: stored rows of unaffected keys, and staged rows.

        `where(True)` gives conditions on stored rows, `where(False)` on staged ones.
        """
        name = self.warehouse.engine.quote(upstream.compiled.table.table)
        listed = ", ".join(self.quoted([c.name for c in columns]))
        fresh = f"select {listed} from {self.name('new', upstream.number)} as {name}{_where(where(False))}"
        stored = f"select {listed} from {upstream.table} as {name}"
        if upstream.extent is Extent.NONE or upstream.unchanged:
            return f"({stored}{_where(where(True))})"
        if upstream.extent is Extent.ALL and not upstream.has_frozen:
            return f"({fresh})"
        return f"({stored}{_where([self.untouched(upstream), *where(True)])} union all {fresh})"

    def untouched(self, staged: Staged) -> str:
        """True for stored rows that this run does not replace."""
        alias = self.warehouse.engine.quote(staged.compiled.table.table)
        names = self.quoted(staged.compiled.key_names, f"{alias}.")
        if staged.extent is Extent.ALL:
            return self.is_in(names, self.name("frozen_of", staged.number), types=staged.key_types)
        return self.not_in(names, self.name("affected", staged.number), staged.key_types)

    # -- a model's new rows ------------------------------------------------------------------------------------------

    def restricted(
        self, staged: Staged, inputs: Inputs, keys: str | None, where: str = "", *, only_pending: bool = False
    ) -> str:
        """The model's SELECT with every tracked input cut to the keys of table `keys` (None: all keys)."""
        compiled = staged.compiled

        def replace(reference: Reference) -> str | None:
            table = reference.table
            if table in inputs.sources:
                columns = self.columns_read(compiled.select, inputs.sources[table].relation, reference)
                if table in inputs.shared:
                    return f"(select {', '.join(self.quoted([c.name for c in columns]))} from {inputs.shared[table]})"
                return self._source_input(staged, inputs, table, columns, keys, where, only_pending)
            if table in inputs.upstream:
                above = inputs.upstream[table]
                columns = self.columns_read(compiled.select, Relation(table, above.columns), reference)
                return self.model_rows(
                    above, columns, lambda stored: self._cut(staged, inputs, table, keys, where, stored)
                )
            return inputs.lookups.get(table)

        text = splice(compiled.select, replace, self.warehouse.engine.quote)
        if compiled.model.affected and keys:
            named = self.quoted(compiled.key_names)
            return f"select * from (\n{text}\n) runner_m where {self.is_in(named, keys, where, staged.key_types)}"
        if compiled.model.affected and compiled.model.key:
            return f"select * from (\n{text}\n) runner_m where not {self.all_null(self.quoted(compiled.key_names))}"
        return text

    def shared_rows(self, staged: Staged, inputs: Inputs, keys: str | None) -> dict[TableName, tuple[str, str]]:
        """Sources that the SELECT reads more than once and that have copies to take out: (scratch table, its rows).

        Copies are then taken out once, not once a reference.
        """
        select = staged.compiled.select
        found = {}
        for table in staged.compiled.sources:
            references = [reference for reference in select.references if reference.table == table]
            state = inputs.sources[table]
            if len(references) < 2 or not state.source.dedupe or staged.compiled.model.merge:
                continue
            columns = max((self.columns_read(select, state.relation, r) for r in references), key=len)
            rows = self._source_input(staged, inputs, table, columns, keys, "", only_pending=False)
            found[table] = (f"{self.name('rows', staged.number)}_{state.number}", f"select * from {rows} runner_s")
        return found

    def _source_input(
        self,
        staged: Staged,
        inputs: Inputs,
        table: TableName,
        columns: Sequence[Column],
        keys: str | None,
        where: str,
        only_pending: bool,
    ) -> str:
        state = inputs.sources[table]
        cut = self._cut(staged, inputs, table, keys, where, stored=True)
        if only_pending:
            cut.insert(0, self.pending(state))
        return self.source_rows(state, columns, cut, dedupe=not staged.compiled.model.merge, few=keys is not None)

    def _cut(
        self, staged: Staged, inputs: Inputs, table: TableName, keys: str | None, where: str, stored: bool
    ) -> list[str]:
        """Conditions that keep the rows of an input which the keys need. `stored`: rows of a table with its indexes."""
        model = staged.compiled.model
        key = [self._owned(column.over(table), table) for column in model.key]
        if not key or model.affected:
            return self._affected_rows(staged, table, keys) if keys else []
        if keys is None:
            return [f"not {self.all_null(key)}"]
        relation = inputs.sources[table].relation if table in inputs.sources else inputs.upstream[table].stored
        if stored and len(key) == 1 and self._quick(relation, model.key[0].over(table), staged.key_count):
            return [
                self.warehouse.engine.found_by_index(
                    key[0], f"select k1 from {keys}{f' where {where}' if where else ''}"
                )
            ]
        return [self.is_in(key, keys, where, staged.key_types)]

    def _owned(self, expression: str, table: TableName) -> str:
        """A bare column with its table: within a subquery DuckDB takes "user" and its like for functions otherwise."""
        return (
            f"{self.warehouse.engine.quote(table.table)}.{expression}"
            if BARE_COLUMN.fullmatch(expression)
            else expression
        )

    def _affected_rows(self, staged: Staged, table: TableName, keys: str) -> list[str]:
        """The rows of an input that the affected keys need, as the model's author says it."""
        named = ", ".join(f"k{n} as {q}" for n, q in enumerate(self.quoted(staged.compiled.key_names), 1))
        rows = next((a.rows for a in staged.compiled.affected if a.input == table and a.rows), None)
        if rows is None:
            return []
        text = splice(
            rows,
            lambda r: f"(select {named} from {keys})" if r.table == AFFECTED else None,
            self.warehouse.engine.quote,
        )
        return [f"({text.removeprefix(PREDICATE)})"]

    def _quick(self, relation: Relation | None, expression: str, value_count: int) -> bool:
        """True if few values are looked for in a bare column that has an index."""
        indexed = {column.name.lower() for column in relation.columns if column.indexed} if relation else set()
        return expression.lower() in indexed and value_count <= FEW

    def pending(self, state: SourceState) -> str:
        """True for rows of the pending batches."""
        batches = f"select etl_tstamp from {self.name('batches', state.number)}"
        plain = {c.name.lower() for c in state.relation.columns if c.type.lower() in PLAIN_TSTAMP}
        text = state.source.batch.text
        if text.lower() in plain and not state.no_tstamp and self._quick(state.relation, text, state.pending_count):
            return self.warehouse.engine.found_by_index(text, batches)
        return f"{self.batch(state.source)} in (select etl_tstamp from {self.name('batches', state.number)})"

    def merged(self, staged: Staged, fresh: str) -> str:
        """Stored rows and rows of new batches folded into one row a key, without reading history."""
        model, quote = staged.compiled.model, self.warehouse.engine.quote
        keys = self.quoted(staged.compiled.key_names)
        columns = self.quoted([column.name for column in staged.columns])
        by_key = ", ".join(keys)
        chosen = self.is_in(keys, self.name("affected", staged.number), "recompute = 0", staged.key_types)
        folded = []
        for column in model.merge:
            name = quote(column.name)
            if column.fold in (Fold.MIN, Fold.MAX):
                folded.append(f"{column.fold.value}({name}) over (partition by {by_key}) as {name}")
                continue
            order = [
                f"{quote(c)}{' desc' if down else ''} nulls last"
                for c, down in staged.compiled.stored_order[column.name]
            ]
            frame = "rows between unbounded preceding and unbounded following"
            folded.append(
                f"first_value({name}) over (partition by {by_key} order by {', '.join(order)} {frame}) as {name}"
            )
        candidates = f"select {', '.join(columns)} from {staged.table} where {chosen}\nunion all\nselect {', '.join(columns)} from (\n{fresh}\n) runner_f"
        return (
            f"select {', '.join(columns)} from (select {', '.join([*keys, *folded])},"
            f" row_number() over (partition by {by_key} order by {by_key}) as runner_n"
            f" from (\n{candidates}\n) runner_c) runner_w where runner_n = 1"
        )

    # -- which keys --------------------------------------------------------------------------------------------------

    def pairs(self, key: SourceKey, state: SourceState, everything: bool) -> str:
        """(key, etl_tstamp, event_count) of the pending batches; of all batches to fill a new index."""
        ks = ", ".join(f"{text} as k{n}" for n, text in enumerate(key.texts, 1))
        groups = ", ".join(str(n) for n in range(1, len(key.texts) + 2))
        where = (
            ""
            if everything and not state.has_held
            else f" where {self._not_held(state) if everything else self.pending(state)}"
        )
        return f"select {ks}, {self.batch(key.source)} as etl_tstamp, count(*) as event_count from {self.from_source(state)}{where} group by {groups}"

    def _not_held(self, state: SourceState) -> str:
        """True for rows of batches that this run may read. The held column is renamed: it must not capture the source's."""
        held = f"(select etl_tstamp as runner_t from {self.name('held', state.number)}) runner_h"
        return f"not exists (select 1 from {held} where runner_h.runner_t = {self.batch(state.source)})"

    def keys_of(self, key: SourceKey, number: int, state: SourceState, index: str | None) -> str:
        """Affected keys of a source: those of pending rows, and those that the index lists for pending batches.

        `recompute` is 1 where any of the key's pending batches has been processed before: only then can rows of the
        key have changed or gone, so only then a merge is not enough.
        """
        ks = self._ks(len(key.texts))
        batches, pairs = self.name("batches", state.number), self.name("pairs", number)
        parts = [
            (
                f"select {', '.join('p.' + k for k in ks)}, case when b.reason = 'new' then 0 else 1 end as recompute"
                f" from {pairs} p join {batches} b on b.etl_tstamp = p.etl_tstamp"
            )
        ]
        if index:
            parts.append(
                f"select {', '.join('x.' + k for k in ks)}, 1 as recompute from {index} x"
                f" where x.etl_tstamp in (select etl_tstamp from {batches})"
            )
        inner = "\nunion all\n".join(parts)
        return f"select {', '.join(ks)}, max(recompute) as recompute from (\n{inner}\n) runner_p where not {self.all_null(ks)} group by {', '.join(ks)}"

    def frozen(self, key: SourceKey, state: SourceState, index: str) -> str:
        """Keys with rows in batches that the source has dropped (`vanished: keep`)."""
        ks = ", ".join(self._ks(len(key.texts)))
        return f"select distinct {ks} from {index} where etl_tstamp in (select etl_tstamp from {self.name('kept', state.number)})"

    def union_keys(self, parts: Sequence[str], width: int) -> str:
        """One keys table from several; `recompute` if any part says so."""
        ks = self._ks(width)
        inner = "\nunion all\n".join(parts)
        return f"select {', '.join(ks)}, max(recompute) as recompute from (\n{inner}\n) runner_p where not {self.all_null(ks)} group by {', '.join(ks)}"

    def keys_from(self, table: str, width: int) -> str:
        """The keys of a scratch table that already has k1 … kn and recompute."""
        return f"select {', '.join(self._ks(width))}, recompute from {table}"

    def keys_from_dirty(self, table: str, names: Sequence[str]) -> str:
        """The keys that a model still owes."""
        return f"select {self._as_ks(self.quoted(names))}, 1 as recompute from {table}"

    def keys_from_diff(self, compiled: CompiledModel, upstream: Staged, upstreams: Mapping[TableName, Staged]) -> str:
        """Keys of the old and the new rows of an input that differ."""
        changed = self.name("diff", upstream.number)
        for affected in compiled.affected:
            if affected.input == upstream.compiled.table:
                text = splice(
                    affected.keys, lambda r: self._affected_input(r, changed, upstreams), self.warehouse.engine.quote
                )
                return (
                    f"select {self._as_ks(self.quoted(compiled.key_names))}, 1 as recompute from (\n{text}\n) runner_a"
                )
        expressions = [column.over(upstream.compiled.table) for column in compiled.model.key]
        alias = self.warehouse.engine.quote(upstream.compiled.table.table)
        return f"select {self._as_ks(expressions)}, 1 as recompute from {changed} as {alias}"

    def _affected_input(self, reference: Reference, changed: str, upstreams: Mapping[TableName, Staged]) -> str | None:
        if reference.table == CHANGED:
            return changed
        above = upstreams.get(reference.table)
        return self.model_rows(above, above.columns, lambda _: ()) if above else None

    def _ks(self, width: int) -> list[str]:
        return [f"k{n}" for n in range(1, width + 1)]

    def _as_ks(self, expressions: Sequence[str]) -> str:
        return ", ".join(f"{e} as k{n}" for n, e in enumerate(expressions, 1))

    # -- what changed ------------------------------------------------------------------------------------------------

    def old_rows(self, staged: Staged, columns: Sequence[str]) -> str:
        """Stored rows that this run may replace."""
        listed = ", ".join(self.quoted(columns))
        where = "" if staged.extent is Extent.ALL and not staged.has_frozen else f" where {self._replaced(staged)}"
        return f"select {listed} from {staged.table}{where}"

    def _replaced(self, staged: Staged) -> str:
        names = self.quoted(staged.compiled.key_names)
        if staged.extent is Extent.ALL:
            return self.not_in(names, self.name("frozen_of", staged.number), staged.key_types)
        return self.is_in(names, self.name("affected", staged.number), types=staged.key_types)

    def diff(self, staged: Staged, common: Sequence[Column]) -> str:
        """Old and new rows that differ, compared as multisets: `group by` all columns, never EXCEPT."""
        names = [column.name for column in common]
        listed = ", ".join(self.quoted(names))
        groups, shown = ", ".join(self.sortable_columns(common)), ", ".join(self.shown_columns(common))
        old = f"select {listed}, 1 as runner_was, 0 as runner_now from ({self.old_rows(staged, names)}) runner_o"
        new = f"select {listed}, 0 as runner_was, 1 as runner_now from {self.name('new', staged.number)}"
        return (
            f"select {shown}, sum(runner_was) as runner_was, sum(runner_now) as runner_now from (\n{old}\nunion all\n{new}\n) runner_u"
            f" group by {groups} having sum(runner_was) <> sum(runner_now)"
        )

    def sortable_columns(self, columns: Sequence[Column]) -> list[str]:
        """What to group by, so that types without an order or equality of their own can be compared."""
        return [self.warehouse.engine.sortable(self.warehouse.engine.quote(c.name), c.type) for c in columns]

    def shown_columns(self, columns: Sequence[Column]) -> list[str]:
        """The columns themselves, in a query that groups by `sortable_columns`."""
        pairs = [(c, self.warehouse.engine.quote(c.name)) for c in columns]
        return [
            q if self.warehouse.engine.sortable(q, c.type) == q else f"{self.warehouse.engine.any_of(q, c.type)} as {q}"
            for c, q in pairs
        ]

    def changed(self, staged: Staged) -> str:
        """Keys whose rows differ, and whether they had rows before and have rows now."""
        key = self._as_ks(self.quoted(staged.compiled.key_names))
        ks = self._ks(len(staged.compiled.key_names))
        names = list(staged.compiled.key_names)
        return (
            f"with differing as (select distinct {key} from {self.name('diff', staged.number)})"
            f" select {', '.join(ks)}, max(runner_was) as runner_was, max(runner_now) as runner_now from ("
            f"select {key}, 1 as runner_was, 0 as runner_now from ({self.old_rows(staged, names)}) runner_o"
            f" union all select {key}, 0 as runner_was, 1 as runner_now from {self.name('new', staged.number)}) runner_u"
            f" where {self.is_in(ks, 'differing', types=staged.key_types)} group by {', '.join(ks)}"
        )

    # -- publish -----------------------------------------------------------------------------------------------------

    def finer(self, staged: Staged) -> tuple[str, ...]:
        """`unique` columns that tell the rows of a key apart: then only rows that differ are replaced, not whole keys.

        They hold the key, so all rows that they name belong to keys that are staged as a whole.
        """
        key, unique = (
            {name.lower() for name in names} for names in (staged.compiled.key_names, staged.compiled.model.unique)
        )
        return staged.compiled.model.unique if key and key < unique and staged.extent is Extent.KEYS else ()

    def moved(self, staged: Staged) -> str:
        """The values of `finer` in rows that differ."""
        return f"select distinct {self._as_ks(self.quoted(self.finer(staged)))} from {self.name('diff', staged.number)}"

    def publish(self, staged: Staged) -> list[tuple[str, str]]:
        """(what, statement): replace the rows that differ, those of the keys that differ, or all rows."""
        new, columns = self.name("new", staged.number), ", ".join(self.quoted([c.name for c in staged.columns]))
        insert = f"insert into {staged.table} ({columns}) select {columns} from {new}"
        if staged.extent is Extent.ALL:
            where = f" where {self._replaced(staged)}" if staged.has_frozen else ""
            return [("delete", f"delete from {staged.table}{where}"), ("insert", insert)]
        finer = self.finer(staged)
        types = {column.name.lower(): column.type for column in staged.columns}
        names, keys = (finer, "moved") if finer else (staged.compiled.key_names, "changed")
        differs = self.is_in(
            self.quoted(names), self.name(keys, staged.number), types=[types.get(name.lower(), "") for name in names]
        )
        return [("delete", f"delete from {staged.table} where {differs}"), ("insert", f"{insert} where {differs}")]

    def duplicates(self, staged: Staged) -> str:
        """Values of the model's `unique` columns that would stand twice after publish; nulls are never equal.

        Where `unique` holds the whole key, two such rows have one key, and all rows of a recomputed key are staged.
        """
        names = list(staged.compiled.model.unique)
        listed = ", ".join(self.quoted(names))
        rows = self.name("new", staged.number)
        key = {name.lower() for name in staged.compiled.key_names}
        if not key or not key <= {name.lower() for name in names}:
            rows = self.model_rows(staged, tuple(Column(name, "") for name in names), lambda _: ())
        known = " and ".join(f"{name} is not null" for name in self.quoted(names))
        return f"select {listed}, count(*) as copies from {rows} runner_u where {known} group by {listed} having count(*) > 1 limit 5"

    def failing(self, staged: Staged, check: str) -> str:
        """The number of staged rows for which a row-level check is not true."""
        return f"select count(*) from {self.name('new', staged.number)} where not coalesce(({check}), false)"


def _where(conditions: Sequence[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""
