"""The keys that changes reach through joins: derived texts with the run's own tables put in for their marks."""

from __future__ import annotations

from collections.abc import Callable

from runner.algebra import changes, rows
from runner.algebra.texts import Algebra, ks
from runner.algebra.values import Extent, Inputs, Planned, Staged, TrackedLookup
from runner.joins.values import NOW, SIGN, WAS, Derived, Piece, filled
from runner.names import TableName

Values = Callable[[int], str]  # by number in a derived text: a table of values that a source's changed rows have


def reached(algebra: Algebra, planned: Planned, derived: Derived, piece: Piece, inputs: Inputs, values: Values) -> str:
    """The keys (k1 … kn, recompute) that the changed rows of the piece's input reach."""

    def given(kind: str, number: int) -> str:
        table = derived.tables[number]
        if table in inputs.sources:
            return _source(algebra, planned, derived, inputs, number) if kind == NOW else values(number)
        if table in inputs.upstream:
            return _model(algebra, inputs.upstream[table], kind)
        if table in inputs.tracked:
            return _lookup(algebra, inputs.tracked[table], kind)
        return inputs.lookups.get(table, algebra.engine.table(table))

    names = ks(len(planned.compiled.key_names))
    return f"select {', '.join(names)}, 1 as recompute from (\n{filled(piece.text, given)}\n) runner_r"


def _source(algebra: Algebra, planned: Planned, derived: Derived, inputs: Inputs, number: int) -> str:
    """A source as it is now; where rows are joined one by one with copies and rows that wait: they reach too far only."""
    table = derived.tables[number]
    source = inputs.sources[table]
    columns, taken = source.relation.columns, algebra.from_source(source)
    if number in derived.exact and (source.has_held or source.source.dedupe):
        columns = rows.columns_read_of(planned.compiled.select, source.relation, table)
        exact = rows.of_source(algebra, source, columns, rows.ALL, few=False)
        taken = f"{exact} as {algebra.engine.quote(table.table)}"
    listed = algebra.listed(columns)
    if (named := derived.named.get(number)) is not None:
        listed = ", ".join(f'{text} as "{name}"' for name, text in named.items()) or "1 as runner_one"
    return f"(select {listed} from {taken})"


def _model(algebra: Algebra, above: Staged, kind: str) -> str:
    if kind == NOW:
        return rows.of_model(algebra, above, above.columns, lambda _: rows.ALL)
    if kind == WAS:
        return above.table
    if above.extent is Extent.NONE or above.unchanged:
        return f"(select {algebra.listed(above.columns)}, 0 as {SIGN} from {above.table} where 1 = 0)"
    differing = changes.counted(algebra, above)
    return f"(select {algebra.listed(above.common)}, runner_now - runner_was as {SIGN} from {differing})"


def _lookup(algebra: Algebra, lookup: TrackedLookup, kind: str) -> str:
    if kind == NOW or lookup.was is None:
        return lookup.rows
    if kind == WAS:
        return lookup.was
    return f"(select {algebra.listed(lookup.shared)}, runner_now - runner_was as {SIGN} from {lookup.differing})"


def changed(inputs: Inputs, table: TableName) -> bool:
    """Whether an input has other rows than the model was built from."""
    if table in inputs.sources:
        return inputs.sources[table].pending_count > 0
    if table in inputs.tracked:
        return inputs.tracked[table].is_changed
    above = inputs.upstream.get(table)
    return above is not None and above.extent is not Extent.NONE and not above.unchanged
