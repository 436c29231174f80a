"""Which keys a run recomputes: SQL for tables of affected keys, from pending batches, key indexes and changed rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.algebra import rows
from runner.algebra.texts import Algebra, as_ks, condition, ks
from runner.algebra.values import FrozenSource, Staged
from runner.names import TableName
from runner.program.values import CompiledModel, SourceKey
from runner.sql.select import Reference, splice

CHANGED = TableName(("changed",))  # how `affected: keys:` names the rows of its input that differ


def pairs(algebra: Algebra, key: SourceKey, source: FrozenSource, everything: bool) -> str:
    """(key, etl_tstamp, event_count) of the pending batches; of all batches to fill a new index."""
    groups = ", ".join(str(n) for n in range(1, len(key.texts) + 2))
    if not everything:
        conditions = [rows.pending(algebra, source)]
    else:
        conditions = [rows.not_held(algebra, source)] if source.has_held else []
    return (
        f"select {as_ks(key.texts)}, {algebra.batch(key.source)} as etl_tstamp, count(*) as event_count"
        f" from {algebra.from_source(source)}{condition(conditions)} group by {groups}"
    )


def of_source(
    algebra: Algebra, key: SourceKey, number: int, source: FrozenSource, index: str | None, spread: str | None = None
) -> str:
    """Affected keys of a source: those of pending rows, those that the index lists for pending batches, and those of
    `spread`, a SELECT of the keys of their copies.

    `recompute` is 1 where any of the key's pending batches has been processed before: only then can rows of the
    key have changed or gone, so only then a merge is not enough.
    """
    names = ks(len(key.texts))
    batches = algebra.scratch.batches(source.number)
    parts = [
        (
            f"select {', '.join('p.' + k for k in names)}, case when b.reason = 'new' then 0 else 1 end as recompute"
            f" from {algebra.scratch.pairs(number)} p join {batches} b on b.etl_tstamp = p.etl_tstamp"
        )
    ]
    if index:
        parts.append(
            f"select {', '.join('x.' + k for k in names)}, 1 as recompute from {index} x"
            f" where x.etl_tstamp in (select etl_tstamp from {batches})"
        )
    if spread:
        parts.append(f"select {', '.join(names)}, 1 as recompute from ({spread}) runner_s")
    return union(parts, len(names))


def without_history(
    algebra: Algebra, key: SourceKey, source: FrozenSource, index: str, retained: str | None = None
) -> str:
    """Keys with rows in batches that the source has dropped (`vanished: keep`), and those of `retained`, a SELECT of the
    keys of their copies.
    """
    kept = algebra.scratch.kept(source.number)
    listed = ", ".join(ks(len(key.texts)))
    parts = [f"select {listed} from {index} where etl_tstamp in (select etl_tstamp from {kept})"]
    parts += [retained] if retained else []
    return f"select distinct {listed} from ({' union all '.join(parts)}) runner_p"


def union(parts: Sequence[str], width: int, *, skips_null: bool = False) -> str:
    """One keys table from several; `recompute` if any part says so. `skips_null`: NULL need not be among them."""
    names = ks(width)
    inner = "\nunion all\n".join(parts)
    where = condition(["k1 is not null"] if skips_null else [])
    return f"select {', '.join(names)}, max(recompute) as recompute from (\n{inner}\n) runner_p{where} group by {', '.join(names)}"


def of_table(table: str, width: int) -> str:
    """The keys of a scratch table that already has k1 … kn and recompute."""
    return f"select {', '.join(ks(width))}, recompute from {table}"


def all_of_table(table: str, width: int) -> str:
    """The keys of a table that has k1 … kn alone, each to be recomputed."""
    return f"select {', '.join(ks(width))}, 1 as recompute from {table}"


def owed(algebra: Algebra, dirty: str, names: Sequence[str]) -> str:
    """The keys that a model still owes, from its table of dirty keys."""
    return f"select {as_ks(algebra.quoted(names))}, 1 as recompute from {dirty}"


def of_diff(algebra: Algebra, compiled: CompiledModel, upstream: Staged, upstreams: Mapping[TableName, Staged]) -> str:
    """Keys of the old and the new rows of an input that differ."""
    changed = algebra.scratch.diff(upstream.number)
    for affected in compiled.affected:
        if affected.input == upstream.compiled.table:
            text = splice(
                affected.keys, lambda r: _affected_input(algebra, r, changed, upstreams), algebra.engine.quote
            )
            return f"select {as_ks(algebra.quoted(compiled.key_names))}, 1 as recompute from (\n{text}\n) runner_a"
    expressions = [column.over(upstream.compiled.table) for column in compiled.model.key]
    alias = algebra.engine.quote(upstream.compiled.table.table)
    return f"select {as_ks(expressions)}, 1 as recompute from {changed} as {alias}"


def _affected_input(
    algebra: Algebra, reference: Reference, changed: str, upstreams: Mapping[TableName, Staged]
) -> str | None:
    if reference.table == CHANGED:
        return changed
    above = upstreams.get(reference.table)
    return rows.of_model(algebra, above, above.columns, lambda _: rows.ALL) if above else None
