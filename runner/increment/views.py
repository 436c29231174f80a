"""Views over a playbook's tables: which are out of date, and how they are remade.

Where DDL is transactional they are dropped and made within the publish, so that a reader never meets a view of one
definition over tables of another. Elsewhere they are replaced right after it, and the next run finds out if they were
not. What was made last is noted as any table of the playbook is.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.errors import Stopped
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


def stale(work: Work, state: State) -> tuple[CompiledView, ...]:
    """The views that were not made with the text that they have now; where a run may change shapes, also lost ones."""

    def made(view: CompiledView) -> str:
        known = state.models.get(name_of(work, view))
        return known.digest if known else ""

    def lost(view: CompiledView) -> bool:
        return work.request.reshape and not is_view(work.warehouse, renamed(work.program.playbook, view.table))

    return tuple(view for view in work.program.views if made(view) != view.digest or lost(view))


def to_remake(work: Work, state: State, outcomes: Sequence[Outcome]) -> tuple[CompiledView, ...]:
    """All views where one is stale, or where a table is to lose a column or change a type: views hold on to both."""
    reshaped = any(outcome.writes and misfits(outcome.staged) for outcome in outcomes)
    return work.program.views if reshaped or stale(work, state) else ()


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


def drop(work: Work, views: Sequence[CompiledView], gone: Sequence[TableName]) -> None:
    """Drop views, those that read others first, and before them `gone`, which are forgotten too."""
    for name in gone:
        _drop(work, work.warehouse.engine.table(name))
        work.manifest.forget_model(str(name))
    for view in reversed(views):
        _drop(work, work.algebra.physical(view.table))


def _drop(work: Work, name: str) -> None:
    try:
        work.warehouse.execute("publish:view", f"drop view if exists {name}")
    except WarehouseError as error:
        if error.trouble is not Trouble.DEPENDED_ON:
            raise
        hint = "drop what depends on it, run this again, and make it anew"
        raise Stopped(error.what, hint) from None


def create(work: Work, views: Sequence[CompiledView], run_id: str) -> None:
    """Make views that are not there, in their order, and note their definitions."""
    owned = {m.table for m in work.program.models} | {v.table for v in work.program.views}
    verb = "create view" if work.warehouse.engine.transactional_ddl else "create or replace view"

    def physical(reference: Reference) -> str | None:
        return work.algebra.physical(reference.table) if reference.table in owned else None

    for view in views:
        name = work.algebra.physical(view.table)
        text = splice(view.select, physical, work.warehouse.engine.quote)
        work.warehouse.execute("publish:view", f"{verb} {name} as\n{text}")
        work.manifest.write_model(name_of(work, view), view.digest, "", "", run_id)
