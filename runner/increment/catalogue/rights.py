"""What a role has to be allowed: to run a playbook, or only to look (`plan`, `status`, `verify`, `history`)."""

from __future__ import annotations

from collections.abc import Iterator

from runner.names import TableName
from runner.program.values import Program, renamed
from runner.state.manifest import Manifest
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Right

LOOK, WRITE = ("select",), ("select", "insert", "update", "delete")


def lacking(program: Program, warehouse: Warehouse, *, to_run: bool) -> tuple[str, ...]:
    """The statements that would give the role what it has not, as far as the engine tells."""
    return warehouse.lacking(_wanted(program, warehouse, to_run))


def _wanted(program: Program, warehouse: Warehouse, to_run: bool) -> Iterator[Right]:
    playbook, engine = program.playbook, warehouse.engine
    if not playbook.sources:
        return  # what scripts need only they know
    read = [source.table for source in playbook.sources if not (source.files and engine.reads_files)]
    read += dict.fromkeys(table for one in program.readers for table in one.lookups)
    made = [
        renamed(playbook, table) for table in (*(m.table for m in program.models), *(v.table for v in program.views))
    ]

    def place(table: TableName) -> str:
        return table.within(engine.default_schema).schema or ""

    for table in read:
        yield Right(place(table), table.table, LOOK)
    schemas = [playbook.state_schema, *map(place, made)]
    if playbook.scratch_schema is not None and to_run:
        schemas.append(playbook.scratch_schema)
    for schema in dict.fromkeys(schemas):
        yield Right(schema, "", ("usage", "create") if to_run else ("usage",))
    for table in made:
        yield Right(place(table), table.table, WRITE if to_run else LOOK)
    manifest = Manifest(warehouse, playbook.name, playbook.state_schema)
    for name in manifest.table_names:
        yield Right(playbook.state_schema, name, WRITE if to_run else LOOK)
