"""Checks on the rows that a run takes up, and on what it has staged, before it is published."""

from __future__ import annotations

from collections.abc import Sequence

from runner import actions
from runner.algebra import changes, rows
from runner.algebra.texts import condition
from runner.algebra.values import BoundSource, Extent, FrozenSource, Staged
from runner.errors import Stopped
from runner.increment.catalogue.bind import Bound
from runner.increment.freeze import Frozen
from runner.increment.stage import Decision, Outcome, table_key
from runner.increment.work import Work
from runner.names import TableName
from runner.program.values import CompiledModel
from runner.state.manifest import State


def check(work: Work, bound: Bound, outcomes: Sequence[Outcome]) -> None:
    """`unique` on the state after publish, and row-level checks on what is new. Raises Stopped."""
    for outcome in outcomes:
        if outcome.writes:
            _row_checks(work, outcome.staged)
        if outcome.staged.compiled.model.unique:
            readers = [one for one in outcomes if outcome.staged.compiled.table in one.staged.compiled.models]
            _unique(work, outcome, [one for one in readers if one.staged.compiled.table in bound.needs_ids])


def _row_checks(work: Work, staged: Staged) -> None:
    model = staged.compiled.model
    for expression in model.checks:
        bad = work.warehouse.execute("check:row", changes.failing(work.algebra, staged, expression.text)).one()[0]
        if bad:
            what = f"{expression.place}: {model.table}: {bad:,} rows for which {expression.text} is not true"
            raise Stopped(what, "mend the model or its check")


def _unique(work: Work, outcome: Outcome, readers: Sequence[Outcome]) -> None:
    """Two rows of which a unique column is null are no mistake, unless one of `readers` puts rows in order by it."""
    staged, model = outcome.staged, outcome.staged.compiled.model
    anew = any(reader.taken and reader.staged.extent is Extent.ALL for reader in readers)
    if not outcome.writes and not anew:
        return
    sql = changes.duplicates(work.algebra, staged, nulls=bool(readers), whole=anew)
    found = work.warehouse.execute("check:unique", sql).rows
    if not found:
        return
    values, columns = found[0][:-1], ", ".join(model.unique)
    shown = ", ".join("NULL" if value is None else str(value) for value in values)
    what = f"{model.place}: {model.table}: {columns} is not unique: {shown} would stand {found[0][-1]} times"
    if None in values:
        table = readers[0].staged.compiled.table
        hint = (
            f"end the order in {table} with what tells such rows apart, or, if they need not count, write where {columns} is"
            " not null"
        )
        raise Stopped(f"{what}, and {table} puts rows in order by it", hint)
    raise Stopped(what, actions.AllowCopies(model.table))


def check_ids(work: Work, state: State, bound: Bound, frozen: Frozen, decision: Decision) -> None:
    """Raises Stopped where a row that a model would take up has no id, and the model's order relies on ids.

    `row_number() over (partition by k order by t, event_id)` leaves rows without an event_id alike, for `dedupe` never
    takes such rows for copies. Where the catalogue says that a column is never null nothing is asked; else the rows of
    pending batches are, and all where a model is built in full.
    """
    for source in frozen.sources.values():
        readers = [
            m
            for m in work.program.models
            if m.table in bound.needs_ids and m.table in work.taken and source.source.table in m.sources
        ]
        if not readers or not source.source.dedupe or _is_never_null(source):
            continue
        whole = any(_is_rebuilt(work, state, decision, model) for model in readers)
        if whole or source.pending_count:
            _check_source(work, source, readers[0].table, whole=whole)


def _is_never_null(source: BoundSource) -> bool:
    id_ = source.source.dedupe[0].text.strip('"').lower()
    return any(column.name.lower() == id_ and not column.nullable for column in source.relation.columns)


def _is_rebuilt(work: Work, state: State, decision: Decision, model: CompiledModel) -> bool:
    """Whether the model may take up rows of batches that are not pending."""
    known = state.models.get(table_key(work, model))
    anew = not decision.reasons.keys().isdisjoint(work.program.ancestors([model.table]))
    return anew or known is None or bool(known.owes)


def _check_source(work: Work, source: FrozenSource, reader: TableName, *, whole: bool) -> None:
    algebra, id_ = work.algebra, source.source.dedupe[0].text
    conditions = [f"({id_}) is null"]
    if not whole:
        conditions.append(rows.pending(algebra, source))
    elif source.has_held:
        conditions.append(rows.not_held(algebra, source))
    sql = f"select count(*) from {algebra.from_source(source)}{condition(conditions)}"
    count = int(work.warehouse.execute("freeze:ids", sql).one()[0])
    if count:
        what = f"{count:,} rows of {source.source.table} have no {id_}, and {reader} puts rows in order by it"
        raise Stopped(
            f"{what}: rows without one are never copies, so their order is left to chance",
            f"write where {id_} is not null in its SELECT, or end the order with columns that tell such rows apart",
        )
