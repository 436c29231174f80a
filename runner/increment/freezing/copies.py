"""Within the freeze: what is to be known of a source's copies where they may lie in different keys.

See `algebra.copies`. The key index of ids holds every row; a column of it marks those of ids that stand more than once.
"""

from __future__ import annotations

from runner.algebra import copies
from runner.algebra.texts import condition
from runner.algebra.values import Copies, FrozenSource
from runner.increment.work import Work
from runner.program.values import Ids, SourceKey


def find(work: Work, source: FrozenSource, ids: Ids, number: int, index: str | None, affected_count: int) -> Copies:
    """Which ids this run stirs, which stand more than once, and the keys of their rows, in scratch.

    Without an index everything that reads the source by such a key is built in full; only scripts ask for keys then.
    """
    algebra, scratch, (id_,) = work.algebra, work.algebra.scratch, ids.key.texts
    if index:
        select = copies.stirred(algebra, number, source, index, affected_count)
    else:
        select = copies.first_stirred(algebra, number)
    stirred_count = work.make("freeze:stirred", scratch.stirred(number), select)
    _analyze(work, scratch.stirred(number))
    several = copies.several(algebra, number, source, index)
    several_count = work.make("freeze:several", scratch.several(number), several)
    _analyze(work, scratch.several(number))
    keys = _apart(work, ids)
    has_spread = stirred_count > 0 and (index is not None or bool(work.program.queries))
    if has_spread:
        work.make("freeze:spread", scratch.spread(number), copies.spread(algebra, source, number, id_, keys))
    if index and source.has_kept:
        retained = copies.retained(algebra, source, number, id_, keys, index)
        work.make("freeze:retained", scratch.retained(number), retained)
    return Copies(
        number,
        id_,
        frozenset(ids.apart),
        has_several=several_count > 0,
        has_spread=has_spread,
        has_retained=index is not None and source.has_kept,
    )


def _apart(work: Work, ids: Ids) -> list[tuple[int, SourceKey]]:
    """The keys that copies may differ in, and their numbers."""
    of_source = ((n, key) for n, key in enumerate(work.program.source_keys) if key.source.table == ids.key.source.table)
    return [(number, key) for number, key in of_source if key.texts in ids.apart]


def lacks_newest(work: Work, source: FrozenSource, index: str) -> bool:
    """Whether the index lists other events than the manifest of what the last run has read: it was emptied, or restored.

    Copies of rows that come are looked for in all of it, whether batches that it lists have changed or not.
    """
    kept = work.algebra.scratch.kept(source.number)
    gone = [f"not exists (select 1 from {kept} k where k.etl_tstamp = n.etl_tstamp)"] if source.has_kept else []
    newest = f"from ({work.manifest.newest(source.source)}) n{condition(gone)}"
    listed = f"select sum(event_count) from {index} where etl_tstamp in (select etl_tstamp {newest})"
    row = work.warehouse.execute("freeze:ids-index", f"select sum(event_count), ({listed}) {newest}").one()
    return bool((row[0] or 0) != (row[1] or 0))


def _analyze(work: Work, table: str) -> None:
    if work.warehouse.engine.analyze:
        work.warehouse.execute("freeze:analyze", f"analyze {table}")
