"""Views over a playbook's tables: which are out of date, and how they are remade.

Where DDL is transactional they are dropped and made within the publish, so that a reader never meets a view of one
definition over tables of another. Elsewhere they are replaced right after it, and the next run finds out if they were
not. What was made last is noted as any table of the playbook is.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from runner.algebra.values import Staged
from runner.errors import Stopped
from runner.increment.catalogue.bind import Bound
from runner.increment.stage import Outcome
from runner.increment.tables import misfits
from runner.increment.work import Work
from runner.names import TableName
from runner.program.values import CompiledView, renamed
from runner.sql.select import Reference, splice
from runner.state.manifest import State
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Trouble, WarehouseError


def name_of(work: Work, view: CompiledView) -> str:
    """The view as the state tables name it."""
    return str(renamed(work.program.playbook, view.table))


def stale(work: Work, state: State, bound: Bound) -> tuple[CompiledView, ...]:
    """The views that were not made with the text and the look-ups' columns that they have now; where all is built
    anew, or may change its shape, also lost ones. Views over a model that is not built, and that this run leaves out, wait.
    """

    def is_made(view: CompiledView) -> bool:
        known = state.models.get(name_of(work, view))
        return known is not None and known.is_of(view.digest, bound.beneath[view.table])

    def is_lost(view: CompiledView) -> bool:
        asked = work.request.reshape or work.request.full_refresh
        return asked and not is_view(work.warehouse, renamed(work.program.playbook, view.table))

    views = (view for view in work.program.views if _can_be_made(work, bound, view))
    return tuple(view for view in views if not is_made(view) or is_lost(view))


def _can_be_made(work: Work, bound: Bound, view: CompiledView) -> bool:
    return all(bound.stored[table] is not None or table in work.taken for table in view.models)


def to_remake(work: Work, state: State, bound: Bound, outcomes: Sequence[Outcome]) -> tuple[CompiledView, ...]:
    """All views where one is stale, or where a table gets, loses or changes a column: views hold on to what was there."""
    reshaped = any(outcome.writes and _is_reshaped(outcome.staged) for outcome in outcomes)
    if not (reshaped or stale(work, state, bound)):
        return ()
    return tuple(view for view in work.program.views if _can_be_made(work, bound, view))


def _is_reshaped(staged: Staged) -> bool:
    return bool(misfits(staged)) or len(staged.columns) != len(staged.stored_columns)


def in_the_way(work: Work, state: State, views: Sequence[CompiledView]) -> frozenset[TableName]:
    """The views in whose place a table of the playbook's own stands: they were models before."""
    found = set()
    for view in views:
        known, name = state.models.get(name_of(work, view)), renamed(work.program.playbook, view.table)
        if known is None or known.digest == view.digest or is_view(work.warehouse, name):
            continue
        if name in work.warehouse.describe([name]):
            found.add(view.table)
    return frozenset(found)


def left_over(work: Work, state: State) -> tuple[TableName, ...]:
    """Views that were made and are no longer part of the playbook: they would hold on to what others must change."""
    own = {name_of(work, view) for view in work.program.views}
    own |= {str(renamed(work.program.playbook, model.table)) for model in work.program.models}
    names = (TableName(tuple(name.split("."))) for name in sorted(set(state.models) - own))
    return tuple(name for name in names if is_view(work.warehouse, name))


def is_view(warehouse: Warehouse, name: TableName) -> bool:
    """Whether a name is that of a view; one that reads what is gone cannot be described."""
    try:
        found = warehouse.describe([name]).get(name)
    except WarehouseError as error:
        if error.trouble is not Trouble.REFUSED:
            raise
        return True
    return found is not None and found.is_view


def drop(
    work: Work, views: Sequence[CompiledView], gone: Sequence[TableName], tables: Container[TableName] = ()
) -> None:
    """Drop views, and `gone` with them, which are forgotten too: any of them may read any other, as it was until now.

    `tables`: what is to be a view and is a table yet.
    """
    engine = work.warehouse.engine
    names = [engine.table(name) for name in gone]
    names += [work.algebra.physical(view.table) for view in views if view.table not in tables]
    own = [work.algebra.physical(view.table) for view in views if view.table in tables]
    for statement in (*engine.drop_views(names), *(f"drop table if exists {name}" for name in own)):
        _drop(work, statement)
    for name in gone:
        work.manifest.forget_model(str(name))


def _drop(work: Work, statement: str) -> None:
    try:
        work.warehouse.execute("publish:view", statement)
    except WarehouseError as error:
        if error.trouble is not Trouble.DEPENDED_ON:
            raise
        hint = "drop what depends on it, run this again, and make it anew"
        raise Stopped(error.what, hint) from None


def create(work: Work, bound: Bound, views: Sequence[CompiledView], run_id: str) -> None:
    """Make views that are not there, in their order, and note their definitions."""
    owned = {m.table for m in work.program.models} | {v.table for v in work.program.views}
    verb = "create view" if work.warehouse.engine.transactional_ddl else "create or replace view"

    def physical(reference: Reference) -> str | None:
        return work.algebra.physical(reference.table) if reference.table in owned else None

    for view in views:
        name = work.algebra.physical(view.table)
        text = splice(view.select, physical, work.warehouse.engine.quote)
        work.warehouse.execute("publish:view", f"{verb} {name} as\n{text}")
        work.manifest.write_model(name_of(work, view), view.digest, bound.beneath[view.table], "", run_id)
