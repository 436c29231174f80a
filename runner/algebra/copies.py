"""Copies of an event whose keys differ: which ids this run stirs, which stand more than once, and the keys of their rows.

What survives of an id may change wherever it stands once a copy of it comes or goes. Ids are compared by the numbers that
their key index holds, of every row as it was processed.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.algebra import rows
from runner.algebra.texts import Algebra, as_ks, condition, ks
from runner.algebra.values import FrozenSource
from runner.program.values import SourceKey


def stirred(algebra: Algebra, number: int, source: FrozenSource, index: str, affected_count: int) -> str:
    """Where the ids lie that have a copy in a pending batch, and stand or stood more than once.

    `affected_count`: how many ids have rows in pending batches.
    """
    affected = f"select k1 from {algebra.scratch.keys(number)}"
    is_few = algebra.engine.indexes and affected_count <= rows.FEW
    found = algebra.engine.found_by_index("x.k1", affected) if is_few else f"x.k1 in ({affected})"
    return f"""select k1, etl_tstamp, event_count, stands from (
select k1, etl_tstamp, cast(sum(now_there) as bigint) as event_count,
    sum(sum(was_there)) over (partition by k1) as stood, sum(sum(now_there)) over (partition by k1) as stands
from (
    select x.k1, x.etl_tstamp, x.event_count as was_there,
        case when b.etl_tstamp is null then x.event_count else 0 end as now_there
    from (select x.k1, x.etl_tstamp, x.event_count from {index} x where {found}) x
    left join {algebra.scratch.batches(source.number)} b on b.etl_tstamp = x.etl_tstamp
    union all
    select k1, etl_tstamp, 0, event_count from {algebra.scratch.pairs(number)} where k1 is not null
) runner_a group by k1, etl_tstamp) runner_c where stood > 1 or stands > 1"""


def first_stirred(algebra: Algebra, number: int) -> str:
    """The same where there is no index yet: all ids that stand more than once."""
    pairs = algebra.scratch.pairs(number)
    several = f"select k1 from {pairs} where k1 is not null group by k1 having sum(event_count) > 1"
    return (
        f"select k1, etl_tstamp, event_count, sum(event_count) over (partition by k1) as stands from {pairs}"
        f" where k1 in ({several})"
    )


def several(algebra: Algebra, number: int, source: FrozenSource, index: str | None) -> str:
    """Where all ids lie that stand more than once among the rows that this run may read."""
    stirred = algebra.scratch.stirred(number)
    known = _unless_kept(algebra, source, "x.etl_tstamp")
    parts = [
        f"select k1, etl_tstamp, event_count from {stirred} x{condition(['stands > 1', 'event_count > 0', *known])}"
    ]
    if index:
        others = f"not exists (select 1 from {stirred} s where s.k1 = x.k1)"
        parts.append(f"select k1, etl_tstamp, event_count from {index} x{condition(['copied', others, *known])}")
    return "\nunion all\n".join(parts)


def spread(algebra: Algebra, source: FrozenSource, number: int, id_: str, keys: Sequence[tuple[int, SourceKey]]) -> str:
    """The keys of all rows with an id that has a copy in a pending batch: what survives of it may be another row now.

    Ids that pending rows have are looked for as they are, for a number has to be made of each row that is looked at;
    by their numbers those that were in pending batches, and are there no more.
    """
    scratch, ids = algebra.scratch, [e.text for e in source.source.dedupe]
    stirred = scratch.stirred(number)
    pending = rows.pending(algebra, source)
    twins = (
        f"(select distinct {as_ks(ids)} from {algebra.from_source(source)}"
        f" where {pending} and {id_} in (select k1 from {stirred})) runner_t"
    )
    batches = f"etl_tstamp in (select etl_tstamp from {scratch.batches(source.number)})"
    gone = f"select k1 from {stirred} where {batches} group by k1 having sum(event_count) = 0"
    there = _keys(algebra, source, keys, f"select etl_tstamp from {stirred}", algebra.is_in(ids, twins))
    lies = f"select etl_tstamp from {stirred} where k1 in ({gone})"
    return f"{there}\nunion all\n{_keys(algebra, source, keys, lies, f'{id_} in ({gone})')}"


def retained(
    algebra: Algebra, source: FrozenSource, number: int, id_: str, keys: Sequence[tuple[int, SourceKey]], index: str
) -> str:
    """The keys of rows with a copy in a batch that is gone and kept: which of the two counts cannot be told any more."""
    scratch = algebra.scratch
    copied = f"select k1, etl_tstamp from {index} where copied union all select k1, etl_tstamp from {scratch.stirred(number)}"
    kept = f"select etl_tstamp from {scratch.kept(source.number)}"
    gone = f"select k1 from ({copied}) runner_g where etl_tstamp in ({kept})"
    lies = f"select etl_tstamp from ({copied}) runner_l where k1 in ({gone})"
    return _keys(algebra, source, keys, lies, f"{id_} in ({gone})")


def of_key(table: str, number: int, width: int) -> str:
    """One source key's values in a table of `spread` or `retained`: k1 … kn."""
    return f"select {', '.join(f'{_column(number, n)} as {k}' for n, k in enumerate(ks(width), 1))} from {table}"


def _keys(
    algebra: Algebra, source: FrozenSource, keys: Sequence[tuple[int, SourceKey]], batches: str, wanted: str
) -> str:
    """The keys of rows in some batches (a SELECT of them) for which a condition is true."""
    listed = ", ".join(f"{text} as {_column(number, n)}" for number, key in keys for n, text in enumerate(key.texts, 1))
    conditions = [rows.lying_in(algebra, source, batches), wanted]
    conditions += [rows.not_held(algebra, source)] if source.has_held else []
    return f"select {listed} from {algebra.from_source(source)}{condition(conditions)}"


def _column(key: int, place: int) -> str:
    return f"c{key}_{place}"


def _unless_kept(algebra: Algebra, source: FrozenSource, etl_tstamp: str) -> list[str]:
    if not source.has_kept:
        return []
    kept = f"(select etl_tstamp as k1 from {algebra.scratch.kept(source.number)}) runner_k"
    return [algebra.not_in([etl_tstamp], kept)]
