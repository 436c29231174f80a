"""Which batches are pending: the source's counts at the freeze against the manifest. Pure text to text.

Every batch is compared, old ones too: there is no watermark, so late, grown, shrunk and re-sent batches are all seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from runner.algebra.texts import Algebra
from runner.algebra.values import BoundSource
from runner.warehouse.values import Column

REASONS = ("new", "grew", "shrank", "changed", "rewound", "vanished")


def covered(columns: Sequence[Column]) -> str:
    """Names the columns that a fingerprint covers: one over other columns, or other types, never looks equal."""
    texts = [f"{column.name} {column.type}" for column in columns]
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:8]


def fingerprint(algebra: Algebra, source: BoundSource, columns: Sequence[Column]) -> str:
    """A hash of a batch's rows over these columns, after what it covers."""
    if not source.source.fingerprint:
        return "cast(null as varchar(200))"
    return f"'{covered(columns)}:' || {algebra.hash_of_rows(columns)}"


def counts(algebra: Algebra, source: BoundSource, columns: Sequence[Column]) -> str:
    """(etl_tstamp, event_count, fingerprint) of every batch in the source now."""
    return (
        f"select {algebra.batch(source.source)} as etl_tstamp, count(*) as event_count,"
        f" {fingerprint(algebra, source, columns)} as fingerprint from {algebra.from_source(source)} group by 1"
    )


def covering_others(processed: str, columns: Sequence[Column]) -> str:
    """How many processed batches have a fingerprint over other columns, or none."""
    same = f"m.fingerprint like '{covered(columns)}:%'"
    return f"select count(*) from ({processed}) m where m.fingerprint is null or not {same}"


def pending(current: str, processed: str) -> str:
    """(etl_tstamp, event_count, previous_count, fingerprint, reason) of every pending batch.

    `current` and `processed` are SELECTs: what the source has now, and the manifest's rows of the source.
    """
    return f"""select coalesce(c.etl_tstamp, m.etl_tstamp) as etl_tstamp, coalesce(c.event_count, 0) as event_count,
    m.event_count as previous_count, c.fingerprint as fingerprint,
    case when m.etl_tstamp is null then 'new' when c.etl_tstamp is null then 'vanished' when m.rewound then 'rewound'
        when c.event_count > m.event_count then 'grew' when c.event_count < m.event_count then 'shrank'
        else 'changed' end as reason
from ({current}) c full outer join ({processed}) m on c.etl_tstamp = m.etl_tstamp
where m.etl_tstamp is null or c.etl_tstamp is null or m.rewound or c.event_count <> m.event_count
    or (c.fingerprint is not null and c.fingerprint <> coalesce(m.fingerprint, ''))"""


def held_outside(batches: str, since: str, until: str) -> str:
    """New batches before `since`, and at or after `until`, each a timestamp or null: left for later."""
    outside = f"etl_tstamp < {since} or etl_tstamp >= {until}"
    return f"select etl_tstamp from {batches} where reason = 'new' and ({outside})"


def held_chunk(batches: str, size: int) -> str:
    """New batches but the oldest `size` ones: left for later."""
    ranked = (
        f"select etl_tstamp, row_number() over (order by etl_tstamp) as runner_n from {batches} where reason = 'new'"
    )
    return f"select etl_tstamp from ({ranked}) runner_b where runner_n > {size}"


def summary(batches: str) -> str:
    """Per reason: batches, events, the counts of the batch where there is only one, first and last, events lost."""
    lost = "case when event_count < previous_count then previous_count - event_count else 0 end"
    return (
        "select reason, count(*), cast(sum(event_count) as bigint), min(previous_count), min(event_count),"
        " cast(min(etl_tstamp) as varchar(30)), cast(max(etl_tstamp) as varchar(30)),"
        f" cast(sum({lost}) as bigint) from {batches} group by reason"
    )
