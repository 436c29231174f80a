"""What a change of the configuration means, before anything is touched: views only, cells, columns, or full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from runner.commands import show
from runner.commands.plan import plan as run_plan
from runner.doors.semantic.commands.loaded import LoadedModel
from runner.names import TableName
from runner.program.values import CompiledModel
from runner.state.manifest import State
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Column, Relation

SHOWN = 5  # views by name; of more the first and how many
WIDTHS = (("bool", 1), ("date", 4), ("timestamp", 8), ("bigint", 8), ("int", 4), ("decimal", 16), ("numeric", 16))


class Rebuild(StrEnum):
    """The smallest work that brings a table or view to its new definition."""

    FULL = "full: source events are read again"
    COLUMNS = "columns: from tables of the model, source events unread"
    CELLS = "cells: from tables of the model"
    VIEW = "view only"


@dataclass(frozen=True)
class ChangedTable:
    """One table or view, what it needs, and what that reads: keys, rows and about how many bytes."""

    table: str
    why: str
    rebuild: Rebuild
    key_count: int | None
    row_count: int
    byte_count: int


def plan(loaded: LoadedModel, json: bool) -> None:
    """Show both: what the configuration changes, and what is pending. Reads only."""
    report = loaded.process.report(json)
    with loaded.warehouse("plan", read_only=True) as warehouse:
        state = loaded.state(warehouse)
        changed = _changed(loaded, warehouse, state)
        if changed:
            rows = [(c.table, c.why, c.rebuild.value, c.key_count, c.row_count, c.byte_count) for c in changed]
            report.table(["object", "why", "work", "keys", "rows read", "bytes about"], rows)
        else:
            report.line("the configuration is as it was applied")
        for name in loaded.left_over(state):
            report.line(f"{name} is no longer part of the model: {loaded.command('apply')} --prune drops it")
        work = run_plan(loaded.program, warehouse)
        others = tuple(model for model in work.models if model.how != "made")  # views stand in the list above
        show.plan(replace(work, models=others), report)
    if changed:
        report.line(f"next: {loaded.command('apply')}")


def _changed(loaded: LoadedModel, warehouse: Warehouse, state: State) -> list[ChangedTable]:
    program = loaded.program
    changed = set(loaded.changed(state))
    sizes = _Sizes(warehouse, _described(loaded, warehouse))
    found = []
    for model in program.models:
        if model.table not in changed:
            continue
        why = "changed" if str(loaded.stored(model.table)) in state.models else "new"
        rows, size = sizes.read_by([*model.sources, *(loaded.stored(table) for table in model.models)])
        found.append(ChangedTable(str(model.table), why, _rebuild(model), sizes.keys_of(loaded, model), rows, size))
    for why in ("changed", "new"):
        views = [
            str(view.table)
            for view in program.views
            if view.table in changed and (str(loaded.stored(view.table)) in state.models) == (why == "changed")
        ]
        listed = views if len(views) <= SHOWN else [f"{views[0]} and {len(views) - 1} more views"]
        found += [ChangedTable(name, why, Rebuild.VIEW, None, 0, 0) for name in listed]
    return found


def _rebuild(model: CompiledModel) -> Rebuild:
    if model.sources:
        return Rebuild.FULL
    return Rebuild.CELLS if model.table.table.startswith("kpi_") else Rebuild.COLUMNS


def _described(loaded: LoadedModel, warehouse: Warehouse) -> dict[TableName, Relation]:
    program = loaded.program
    names = [source.table for source in program.playbook.sources]
    names += [loaded.stored(model.table) for model in program.models]
    return dict(warehouse.describe(names))


class _Sizes:
    """Counts rows of each table once."""

    def __init__(self, warehouse: Warehouse, found: dict[TableName, Relation]) -> None:
        self.warehouse, self.found = warehouse, found
        self.counts: dict[TableName, int] = {}

    def rows(self, table: TableName) -> int:
        """Rows of a table; 0 where there is none yet."""
        if table not in self.found:
            return 0
        if table not in self.counts:
            sql = f"select count(*) from {self.warehouse.engine.table(table)}"
            self.counts[table] = int(self.warehouse.execute("plan:rows", sql).one()[0])
        return self.counts[table]

    def read_by(self, inputs: Sequence[TableName]) -> tuple[int, int]:
        """(rows, bytes) that a full build from these tables reads."""
        rows = {table: self.rows(table) for table in inputs}
        return sum(rows.values()), sum(n * width(self.found[t].columns) for t, n in rows.items() if t in self.found)

    def keys_of(self, loaded: LoadedModel, model: CompiledModel) -> int | None:
        """How many keys the table has now."""
        table = loaded.stored(model.table)
        if not model.key_names or table not in self.found:
            return None
        names = ", ".join(self.warehouse.engine.quote(name) for name in model.key_names)
        known = {column.name.lower() for column in self.found[table].columns}
        if not known.issuperset(model.key_names):
            return None
        sql = f"select count(*) from (select distinct {names} from {self.warehouse.engine.table(table)}) runner_k"
        return int(self.warehouse.execute("plan:keys", sql).one()[0])


def width(columns: Sequence[Column]) -> int:
    """About how many bytes a row has: what a type takes, 16 for a text."""
    return sum(next((size for word, size in WIDTHS if word in column.type.lower()), 16) for column in columns)
