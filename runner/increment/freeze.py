"""The freeze: within one snapshot, which batches are pending, and which keys they touch.

What is counted here is what the manifest will say; nothing later reads the source outside this snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from runner import actions
from runner.algebra import batches, keys
from runner.algebra.copies import of_key
from runner.algebra.rows import deciding
from runner.algebra.texts import condition, ks
from runner.algebra.values import BoundSource, Copies, FrozenSource, TrackedLookup
from runner.errors import Stopped
from runner.events import BatchGroup, Note, NullKey, PendingBatches
from runner.increment.catalogue.bind import Bound
from runner.increment.freezing import copies
from runner.increment.others import losses
from runner.increment.work import Work
from runner.names import TableName
from runner.playbook.values import Source, Vanished
from runner.program.values import SourceKey, renamed
from runner.state.manifest import State
from runner.warehouse.values import Relation, types_of

WORD = re.compile(r'[^\W\d][\w$]*|"(?:[^"]|"")+"')


@dataclass(frozen=True)
class FrozenKey:
    """A source key in this run: its number, and the table of its key index (None: a new one is made)."""

    key: SourceKey
    number: int
    index: str | None
    has_frozen: bool = False
    lost: bool = False
    """The state had an index that is not what it was, or should have had one."""
    is_renewed: bool = False
    """A model was built in full from the source: whatever it saw there is found by the index from now on."""

    @property
    def kept(self) -> str | None:
        """The table that the publish writes on; None: this run makes a new one, of all batches."""
        return None if self.is_renewed else self.index


@dataclass(frozen=True)
class Frozen:
    """What the freeze found."""

    sources: Mapping[TableName, FrozenSource]
    keys: tuple[FrozenKey, ...]
    pending: tuple[PendingBatches, ...]
    lookups: tuple[TrackedLookup, ...] = ()
    """Those with a key that a model of this run reads."""

    @property
    def batch_count(self) -> int:
        """Pending batches that this run takes."""
        return sum(source.batch_count for source in self.pending)

    @property
    def chunked_count(self) -> int:
        """New batches that the next cycle of --chunk takes."""
        return sum(source.chunked_count for source in self.sources.values())

    @property
    def event_count(self) -> int:
        """Events in the batches that this run takes."""
        return sum(source.event_count for source in self.pending)

    @property
    def shrunk(self) -> tuple[str, ...]:
        """What is to be said of sources that have lost most of their events."""
        return tuple(source.shrunk for source in self.sources.values() if source.shrunk)

    def key(self, key: SourceKey) -> FrozenKey:
        """The key's entry."""
        return next(k for k in self.keys if k.key.texts == key.texts and k.key.source.table == key.source.table)

    def copies(self, key: FrozenKey) -> Copies | None:
        """What is known of copies, for the key of a source's ids."""
        known = self.sources[key.key.source.table].copies
        return known if known and known.number == key.number else None

    def has_lost_ids(self, key: SourceKey) -> bool:
        """Whether it is not known any more where copies of rows that are gone lie, which may differ in the key."""
        known = self.sources[key.source.table].copies
        return known is not None and key.texts in known.apart and self.keys[known.number].lost


def pin(work: Work, bound: Bound, *, copies: bool = True, whole: bool = False) -> Bound:
    """Within the snapshot: what sources and look-ups are read from, so that every statement sees them at one instant.

    Without `copies` what only a copy could hold still is read as it is: for commands that publish nothing,
    and for a run's first look whether there is anything to do. `whole`: copies of sources have all columns.
    """
    warehouse = work.warehouse
    if warehouse.engine.snapshots:
        return bound

    def rows(relation: Relation, number: int) -> str:
        if not copies and not warehouse.has_history(relation):
            return warehouse.engine.table(relation.name)
        listed = ", ".join(work.algebra.quoted(relation.names))
        return warehouse.pinned(relation, work.algebra.scratch.pinned(number), listed)

    sources = {}
    for table, source in bound.sources.items():
        as_it_is = whole or warehouse.has_history(source.relation)
        relation = source.relation if as_it_is else _narrowed(work, source)
        sources[table] = replace(source, relation=relation, rows=rows(relation, source.number))
    lookups = {t: rows(relation, len(sources) + n) for n, (t, relation) in enumerate(_tracked(work, bound))}
    return replace(bound, sources=sources, lookup_rows=lookups)


def holds_still(work: Work, bound: Bound) -> bool:
    """True if every source and look-up can be read at the snapshot's instant without a copy."""
    warehouse = work.warehouse
    relations = [*(source.relation for source in bound.sources.values()), *(r for _, r in _tracked(work, bound))]
    return warehouse.engine.snapshots or all(map(warehouse.has_history, relations))


def _tracked(work: Work, bound: Bound) -> list[tuple[TableName, Relation]]:
    """The look-ups whose changes matter: those that are not declared static."""
    return [(table, found) for table, found in bound.lookups.items() if not work.program.lookup_is_static(table)]


def forget(work: Work, frozen: Frozen) -> None:
    """Drop what `count_batches` made, to count once more."""
    scratch = work.algebra.scratch
    for source in frozen.sources.values():
        for table in (scratch.batches(source.number), scratch.kept(source.number), scratch.held(source.number)):
            work.warehouse.execute("freeze:forget", f"drop table if exists {table}")
    for lookup in frozen.lookups:
        work.warehouse.execute("freeze:forget", f"drop table if exists {scratch.moved_rows(lookup.number)}")


def _narrowed(work: Work, bound: BoundSource) -> Relation:
    """The source with those columns only that the program can mean."""
    source, program, relation = bound.source, work.program, bound.relation
    readers = [model for model in program.models if source.table in model.sources]
    keys = [text for key in program.source_keys if key.source.table == source.table for text in key.texts]
    texts = [source.batch.text, *(e.text for e in (*source.dedupe, *source.order_by)), *keys]
    named = {word.strip('"').replace('""', '"').lower() for text in texts for word in WORD.findall(text)}
    whole = source.table.table.lower() in named  # where it stands for a row
    if program.queries or whole or any(model.model.affected for model in readers):
        return relation
    read = [(m.select, r) for m in readers for r in m.select.references if r.table == source.table]
    meant = {name for select, reference in read for name in select.means(relation.names, reference)}
    if source.dedupe:
        meant |= {c.name for c in deciding(relation, (c for c in relation.columns if c.name in meant))}
    kept = tuple(c for c in relation.columns if c.name in meant or c.name.lower() in named)
    return replace(relation, columns=kept or relation.columns[:1])


def count_batches(work: Work, bound: Bound) -> Frozen:
    """Compare every batch with the manifest. Raises Stopped for what the source has lost, where the playbook says so."""
    found = [_count_source(work, source) for source in bound.sources.values()]
    return Frozen({s.source.table: s for s, _ in found}, (), tuple(p for _, p in found))


def _count_source(work: Work, bound: BoundSource) -> tuple[FrozenSource, PendingBatches]:
    algebra, warehouse, request, source = work.algebra, work.warehouse, work.request, bound.source
    table = algebra.scratch.batches(bound.number)
    processed = work.manifest.processed(source)
    columns = _narrowed(work, bound).columns if source.fingerprint else ()
    select = batches.pending(batches.counts(algebra, bound, columns), processed)
    warehouse.execute("freeze:batches", warehouse.engine.temporary_table(table, select))
    groups = _groups(work, table)
    if source.fingerprint and "changed" in groups:
        _tell_covered(work, source, batches.covering_others(processed, columns))
    has_kept = "vanished" in groups and source.vanished is Vanished.KEEP
    if has_kept:
        _keep(work, bound.number)
        del groups["vanished"]
    losses.refuse_vanished(work, source, groups)
    shrunk = losses.look_for_shrunk(work, source, groups, processed)
    held = chunked = 0
    if "new" in groups and (request.since or request.until or request.chunk):
        held, chunked = _hold(work, bound.number)
    if held:
        groups = {name: g for name, g in _groups(work, table).items() if name != "vanished" or not has_kept}
    pending = PendingBatches(str(source.table), tuple(groups.values()), held)
    if pending.batch_count > 1000 and pending.batch_count * 10 > pending.event_count:
        hint = f"batch: date_trunc('hour', {source.batch.text})"
        work.emit(
            Note(f"{source.table}: {pending.batch_count:,} batches for {pending.event_count:,} events; consider {hint}")
        )
    frozen = FrozenSource(
        source,
        bound.number,
        bound.relation,
        bound.rows,
        bound.files,
        has_held=held > 0,
        chunked_count=chunked,
        has_kept=has_kept,
        pending_count=pending.batch_count,
        has_processed=any(group.reason != "new" for group in pending.groups),
        no_tstamp=any(group.no_tstamp for group in pending.groups),
        shrunk=shrunk,
    )
    return frozen, pending


def _tell_covered(work: Work, source: Source, others: str) -> None:
    """Say why batches are read again that nobody has touched: what changed in them before this run cannot be told."""
    count = int(work.warehouse.execute("freeze:covered", others).one()[0])
    if count:
        what = f"{source.table}: fingerprints cover the columns that models read, and these are others than before"
        work.emit(Note(f"{what}: {count:,} batches count as changed"))


def _keep(work: Work, source: int) -> None:
    """Set the vanished batches aside: their keys stay as they are."""
    warehouse, scratch = work.warehouse, work.algebra.scratch
    table = scratch.batches(source)
    kept = f"select etl_tstamp from {table} where reason = 'vanished'"
    warehouse.execute("freeze:kept", warehouse.engine.temporary_table(scratch.kept(source), kept))
    warehouse.execute("freeze:keep", f"delete from {table} where reason = 'vanished'")


def _groups(work: Work, table: str) -> dict[str, BatchGroup]:
    found: dict[str, BatchGroup] = {}
    for reason, count, events, before, now, first, last, lost in work.warehouse.execute(
        "freeze:summary", batches.summary(table)
    ).rows:
        example = ""
        if reason in ("grew", "shrank") and count == 1:
            example = f" {before}→{now}"
        elif reason == "vanished":
            example = f" ({first})" if count == 1 else f" ({first} … {last})"
        found[reason] = BatchGroup(reason, int(count), int(events), example, str(first), int(lost))
    return {reason: found[reason] for reason in batches.REASONS if reason in found}


def _hold(work: Work, source: int) -> tuple[int, int]:
    """Set aside the new batches that --until and --chunk leave for later; how many, and how many of them by --chunk.

    `since` leaves the batches before it: for front doors that begin with a part.
    """
    warehouse, request = work.warehouse, work.request
    table, held = work.algebra.scratch.batches(source), work.algebra.scratch.held(source)
    since, until = (
        f"timestamp {warehouse.engine.literal(t)}" if t else "cast(null as timestamp)"
        for t in (request.since, request.until)
    )

    def count() -> int:
        warehouse.execute("freeze:hold", f"delete from {table} where etl_tstamp in (select etl_tstamp from {held})")
        return int(warehouse.execute("freeze:held-count", f"select count(*) from {held}").one()[0])

    warehouse.execute("freeze:held", warehouse.engine.temporary_table(held, batches.held_outside(table, since, until)))
    by_until = count()
    if not request.chunk:
        return by_until, 0
    warehouse.execute("freeze:held", f"insert into {held} {batches.held_chunk(table, request.chunk)}")
    total = count()
    return total, total - by_until


def find_keys(
    work: Work, state: State, frozen: Frozen, outdated: Container[TableName], *, as_listed: bool = False
) -> Frozen:
    """The affected keys of every source key, and what its index will be told.

    `outdated` are models whose rows were built with another definition, or are built in full: a key may have another
    type than its index then. `as_listed`: an index is believed whatever it lists, by a command that tells what is wrong.
    """
    found: dict[int, FrozenKey] = {}
    for ids in work.program.ids:  # first: other keys ask for what is known of copies
        number, table = work.program.source_keys.index(ids.key), ids.key.source.table
        found[number], count = _find(work, state, frozen, ids.key, number, outdated, as_listed=as_listed)
        known = copies.find(work, frozen.sources[table], ids, number, found[number].index, count)
        frozen = replace(frozen, sources={**frozen.sources, table: replace(frozen.sources[table], copies=known)})
    for number, key in enumerate(work.program.source_keys):
        if number not in found:
            found[number], _ = _find(work, state, frozen, key, number, outdated, as_listed=as_listed)
    return replace(frozen, keys=tuple(found[number] for number in sorted(found)))


def _readers(work: Work, key: SourceKey) -> list[TableName]:
    """The models that hang on a key's index; on that of a source's ids those whose key its copies may differ in."""
    ids = next((one for one in work.program.ids if one.key == key), None)
    if ids is None:
        return [model.table for model in work.program.models if key in model.source_keys]
    own = [(model, k) for model in work.program.models for k in model.source_keys]
    return [model.table for model, k in own if k.source.table == key.source.table and k.texts in ids.apart]


def _find(
    work: Work,
    state: State,
    frozen: Frozen,
    key: SourceKey,
    number: int,
    outdated: Container[TableName],
    *,
    as_listed: bool,
) -> tuple[FrozenKey, int]:
    """The key, and how many are affected."""
    algebra, warehouse, scratch = work.algebra, work.warehouse, work.algebra.scratch
    source = frozen.sources[key.source.table]
    readers = _readers(work, key)
    known = state.indexes.get((str(key.source.table), key.digest))
    refreshed = bool(readers) and all(map(work.request.refreshes, readers)) and not source.has_kept
    index = None if refreshed else known
    select = keys.pairs(algebra, key, source, everything=index is None)
    warehouse.execute("freeze:pairs", warehouse.engine.temporary_table(scratch.pairs(number), select))
    retyped = (
        index is not None and any(table in outdated for table in readers) and _is_retyped(work, key, index, number)
    )
    if index and (retyped or (not as_listed and _is_short(work, source, key, index))):
        index, select = None, keys.pairs(algebra, key, source, everything=True)
        warehouse.execute("freeze:drop", f"drop table {scratch.pairs(number)}")
        warehouse.execute("freeze:pairs", warehouse.engine.temporary_table(scratch.pairs(number), select))
    lost = index is None and any(_was_indexed(work, state, table, outdated) for table in readers)
    if source.has_kept and (retyped or lost) and not work.request.retract:
        why = "has another type now" if retyped else "has lost its index"
        what = f"{source.source.table}: vanished is keep, and the key {', '.join(key.names)} {why}"
        raise Stopped(f"{what}: rows of batches that are gone would leave the models", actions.Renew(retract=True))
    spread, retained = _of_copies(work, source, key, number)
    count = work.make("freeze:keys", scratch.keys(number), keys.of_source(algebra, key, number, source, index, spread))
    if index and source.has_kept:
        select = keys.without_history(algebra, key, source, index, retained)
        warehouse.execute("freeze:frozen", warehouse.engine.temporary_table(scratch.frozen(number), select))
    _analyze(work, scratch.keys(number))
    return FrozenKey(key, number, index, has_frozen=bool(index and source.has_kept), lost=lost), count


def _of_copies(work: Work, source: FrozenSource, key: SourceKey, number: int) -> tuple[str | None, str | None]:
    """Keys of rows with a copy in a pending batch, and of those with one that is gone and kept, each as a SELECT."""
    known, scratch, width = source.copies, work.algebra.scratch, len(key.texts)
    if known is None or key.texts not in known.apart:
        return None, None
    spread = of_key(scratch.spread(known.number), number, width) if known.has_spread else None
    retained = of_key(scratch.retained(known.number), number, width) if known.has_retained else None
    return spread, retained


def _was_indexed(work: Work, state: State, table: TableName, outdated: Container[TableName]) -> bool:
    """Whether a model was built with the key that it has now, so that the key had an index."""
    return table not in outdated and str(renamed(work.program.playbook, table)) in state.models


def _is_short(work: Work, source: FrozenSource, key: SourceKey, index: str) -> bool:
    """Whether the index lists other events of the pending batches than the manifest: it was emptied, or restored.

    It is looked at where it is needed only: for batches that were processed before. One that was made after batches had
    gone that are kept does not list theirs.
    """
    if any(ids.key == key for ids in work.program.ids) and copies.lacks_newest(work, source, index):
        return True
    if not source.has_processed or source.source.vanished is Vanished.KEEP:
        return False
    batches = work.algebra.scratch.batches(source.number)
    listed = f"select sum(event_count) from {index} where etl_tstamp in (select etl_tstamp from {batches})"
    row = work.warehouse.execute("freeze:index", f"select sum(previous_count), ({listed}) from {batches}").one()
    return bool((row[0] or 0) != (row[1] or 0))


def _is_retyped(work: Work, key: SourceKey, index: str, number: int) -> bool:
    """Whether the index holds its keys in other types than they have now: values would be cast, and fail or be lost."""
    names = ks(len(key.texts))
    tables, kept = (index, work.algebra.scratch.pairs(number)), work.warehouse.engine.unlimited
    then, now = (types_of(work.warehouse.columns_of(table)) for table in tables)
    return any(kept(then[name]) != kept(now[name]) for name in names)


def null_events(work: Work, frozen: Frozen) -> tuple[NullKey, ...]:
    """The events of pending batches that fall into the key NULL of a model which does not leave them out."""
    found = []
    for key in frozen.keys:
        carried = [model for model in work.program.models if not model.is_joined]
        readers = [m for m in carried if any(frozen.key(k) == key for k in m.source_keys)]
        if all(model.skips_null for model in readers):
            continue
        scratch, source = work.algebra.scratch, frozen.sources[key.key.source.table]
        conditions = [f"{k} is null" for k in ks(len(key.key.texts))]
        conditions.append(f"etl_tstamp in (select etl_tstamp from {scratch.batches(source.number)})")
        sql = f"select cast(sum(event_count) as bigint) from {scratch.pairs(key.number)}{condition(conditions)}"
        count = work.warehouse.execute("plan:null-key", sql).one()[0]
        if count:
            found.append(NullKey(str(key.key.source.table), ", ".join(key.key.names), int(count)))
    return tuple(found)


def _analyze(work: Work, table: str) -> None:
    if work.warehouse.engine.analyze:
        work.warehouse.execute("freeze:analyze", f"analyze {table}")


def analyze(work: Work, table: str) -> None:
    """Let the planner see the size of a fresh table, where the engine needs that."""
    _analyze(work, table)


def check_files(work: Work, frozen: Frozen) -> None:
    """Files that were read are still what they were when they were counted. Raises Stopped."""
    for source in frozen.sources.values():
        if source.files and not set(source.files) <= set(work.warehouse.find_files(source.source.files)):
            raise Stopped(
                f"files of {source.source.table} changed while they were read",
                "run it again; a loader should write a file under another name and rename it when it is whole",
            )
