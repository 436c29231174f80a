"""Whether the manifest and the key indexes say what is there: nobody reads these rows until a batch changes."""

from __future__ import annotations

from collections.abc import Sequence

from runner.algebra.texts import as_ks, condition, ks
from runner.algebra.values import FrozenSource
from runner.comparison.inputs import batch_of
from runner.increment.freeze import Frozen, FrozenKey
from runner.increment.work import Work
from runner.warehouse.values import types_of

SHOWN = 10


def miscounted(work: Work, frozen: Frozen, *, whole: bool) -> tuple[str, ...]:
    """Batches that are counted otherwise than they should be, as lines; `whole`: the indexes' keys are looked at too."""
    found = []
    for key in frozen.keys:
        source = frozen.sources[key.key.source.table]
        if key.index is not None:
            found += _miscounted(work, key.index, source)
    for key in frozen.keys if whole else ():
        if key.index is not None:
            found += _misindexed(work, key, key.index, frozen.sources[key.key.source.table])
            found += _unmarked(work, key, key.index) if frozen.copies(key) else []
    return tuple(dict.fromkeys(found))


def _miscounted(work: Work, index: str, source: FrozenSource) -> list[str]:
    """Batches whose manifest count is not what the key index holds: both were written by one transaction."""
    processed = work.manifest.processed(source.source)
    kept = f"select 1 from {work.algebra.scratch.kept(source.number)} k where k.etl_tstamp = coalesce(m.etl_tstamp, x.etl_tstamp)"
    unless = f" and not exists ({kept})" if source.has_kept else ""  # an index made after they went does not have them
    sql = (
        "select cast(coalesce(m.etl_tstamp, x.etl_tstamp) as varchar(40)), m.event_count, x.event_count"
        f" from ({processed}) m full outer join"
        f" (select etl_tstamp, cast(sum(event_count) as bigint) as event_count from {index} group by etl_tstamp) x"
        " on x.etl_tstamp = m.etl_tstamp"
        " where (m.etl_tstamp is null or x.etl_tstamp is null or m.event_count <> x.event_count)"
        f"{unless} order by 1 limit {SHOWN}"
    )
    return [
        f"batch {tstamp} of {source.source.table}: the manifest says {said or 0:,} events, {counted or 0:,} were processed"
        for tstamp, said, counted in work.warehouse.execute("verify:manifest", sql).rows
    ]


def _misindexed(work: Work, key: FrozenKey, index: str, source: FrozenSource) -> list[str]:
    """Keys that the index has in another batch than the source, or with another count; batches that changed left out."""
    scratch, engine = work.algebra.scratch, work.algebra.engine
    listed = ks(len(key.key.texts))
    names = ", ".join(listed)
    types = types_of(work.warehouse.columns_of(index))
    texts = ", ".join(engine.text_of(name, types[name]) for name in listed)
    left_out = [scratch.batches(source.number)]
    left_out += [scratch.held(source.number)] if source.has_held else []
    left_out += [scratch.kept(source.number)] if source.has_kept else []
    compared = [f"not exists (select 1 from {t} t where t.etl_tstamp = x.etl_tstamp)" for t in left_out]
    groups = ", ".join(str(n) for n in range(1, len(listed) + 2))
    found = (
        f"select {as_ks(key.key.texts)}, {batch_of(source.source)} as etl_tstamp, count(*) as event_count"
        f" from {source.rows} as {engine.quote(source.source.table.table)} group by {groups}"
    )
    sql = (
        f"select cast(etl_tstamp as varchar(40)), {texts}, cast(sum(listed) as bigint), cast(sum(found) as bigint) from ("
        f"select {names}, etl_tstamp, event_count as listed, 0 as found from {index}"
        f" union all select {names}, etl_tstamp, 0, event_count from ({found}) p) x{condition(compared)}"
        f" group by etl_tstamp, {names} having sum(listed) <> sum(found) order by etl_tstamp, {names} limit {SHOWN}"
    )
    return [
        f"batch {tstamp} of {source.source.table}, {_named(key.key.names, values)}:"
        f" the key index says {said:,} events, {counted:,} are there"
        for tstamp, *values, said, counted in work.warehouse.execute("verify:index", sql).rows
    ]


def _unmarked(work: Work, key: FrozenKey, index: str) -> list[str]:
    """Ids that the index has more than once without a mark: a run would take them for the only ones."""
    unmarked = "sum(event_count) > 1 and sum(case when copied then 0 else 1 end) > 0"
    ids = f"select k1 from {index} where k1 is not null group by k1 having {unmarked}"
    count = int(work.warehouse.execute("verify:marks", f"select count(*) from ({ids}) runner_i").one()[0])
    what = "stand more than once, and the index of ids does not say so"
    return [f"{count:,} ids of {key.key.source.table} {what}"] if count else []


def _named(names: Sequence[str], values: Sequence[object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
