"""A `Work` for commands that look but publish nothing: plan, status, verify, rewind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from runner.algebra.scratch import Scratch
from runner.algebra.texts import Algebra
from runner.clock import Clock
from runner.events import Emit, Event
from runner.increment import scripts
from runner.increment.work import Request, Work
from runner.program.values import Program
from runner.state.manifest import Manifest
from runner.warehouse.base import Warehouse


def silent(_event: Event) -> None:
    """Takes events and shows nothing."""


@contextmanager
def looking(program: Program, warehouse: Warehouse, request: Request, emit: Emit = silent) -> Iterator[Work]:
    """A Work with private scratch, which ends with the block."""
    manifest = Manifest(warehouse, program.playbook.name, program.playbook.state_schema)
    scratch = warehouse.open_private_scratch()
    algebra = Algebra(warehouse.engine, program.playbook, Scratch(warehouse.engine, scratch))
    work = Work(
        program, warehouse, manifest, algebra, replace(request, retract=True), Clock(lambda: 0.0, lambda _: None), emit
    )
    try:
        yield work
    finally:
        scripts.drop_scratch(work)
