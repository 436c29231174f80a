"""Within the freeze: which key indexes list every batch that was processed, so that a read can trust them for all others.

An index may have been emptied or restored to an earlier day. It lists all if it has as many events as the manifest.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.algebra.keys import pairs
from runner.algebra.rows import is_plain_tstamp
from runner.algebra.texts import NO_TSTAMP
from runner.algebra.values import FrozenSource
from runner.increment.work import Work
from runner.names import TableName
from runner.playbook.values import Vanished

if TYPE_CHECKING:
    from runner.increment.freeze import Frozen, FrozenKey


def known(work: Work, frozen: Frozen) -> Frozen:
    """The same with each source's indexes that list all of its batches, where the engine gains by them."""
    if not work.warehouse.engine.skips_blocks:
        return frozen
    return replace(frozen, sources={table: _with_indexes(work, frozen, one) for table, one in frozen.sources.items()})


def renewed(work: Work, frozen: Frozen, whole: Container[TableName]) -> Frozen:
    """The same where the key indexes of sources are made anew from which some model (`whole`) was built in full.

    It has seen rows that were moved from one key to another in a batch whose count is the same, which no index lists:
    by the old one the next increment would not find them again.
    """
    found = tuple(_renewed(work, frozen, key, whole) for key in frozen.keys)
    return replace(frozen, keys=found)


def _renewed(work: Work, frozen: Frozen, key: FrozenKey, whole: Container[TableName]) -> FrozenKey:
    source, engine = frozen.sources[key.key.source.table], work.warehouse.engine
    readers = (model for model in work.program.models if source.source.table in model.sources)
    if key.index is None or not source.indexes or not any(model.table in whole for model in readers):
        return key
    select = pairs(work.algebra, key.key, source, everything=True)
    work.warehouse.execute("freeze:renewed", engine.temporary_table(work.algebra.scratch.renewed(key.number), select))
    return replace(key, is_renewed=True)


def _with_indexes(work: Work, frozen: Frozen, source: FrozenSource) -> FrozenSource:
    source = replace(source, row_id=_row_id(work, source))
    own = [key for key in frozen.keys if key.key.source.table == source.source.table]
    indexes = {key.key.texts: key.index for key in own if key.index}
    # Batches that are gone and kept stand in the manifest, and in an index only if it was made before they went.
    if not indexes or not is_plain_tstamp(source) or source.source.vanished is Vanished.KEEP:
        return source
    counts = "".join(f", (select sum(event_count) from {index})" for index in indexes.values())
    untimed = f"sum(case when etl_tstamp = {NO_TSTAMP} then 1 else 0 end)"
    select = f"select count(*), sum(event_count), {untimed}{counts} from ({work.manifest.processed(source.source)}) m"
    batch_count, total, untimed_count, *found = work.warehouse.execute("freeze:listed", select).one()
    return replace(
        source,
        indexes={texts: index for (texts, index), count in zip(indexes.items(), found, strict=True) if count == total},
        has_untimed=bool(untimed_count) or source.no_tstamp,
        batches_known=int(batch_count),
        events_known=int(total or 0),
    )


def _row_id(work: Work, source: FrozenSource) -> str:
    """Of a table that is read as it stands; '' where a column of its own is called so."""
    engine, relation = work.warehouse.engine, source.relation
    is_table = not relation.is_view and source.rows == engine.table(relation.name)
    names = {name.lower() for name in relation.names}
    return engine.row_id if is_table and engine.row_id not in names else ""
