"""The trial as a run's guard. What tries is imported when something is new: a run with nothing to do needs nothing of it."""

from __future__ import annotations

from collections.abc import Sequence

from runner import __version__
from runner.clock import Clock
from runner.increment.catalogue.bind import Bound
from runner.increment.work import Guard, Verdict
from runner.names import TableName
from runner.program.values import Program
from runner.warehouse.base import Warehouse

VERSION = 1  # of the trial: what an older one has passed is tried again


def guard_of(limit_s: float, clock: Clock) -> Guard | None:
    """A guard that takes so long at most; None for 0: nothing is tried."""
    if not limit_s:
        return None

    def attack(program: Program, warehouse: Warehouse, bound: Bound, tables: Sequence[TableName]) -> Verdict:
        from runner.trial.verdict import verdict

        return verdict(program, warehouse, bound, tables, limit_s, clock)

    return Guard(f"{VERSION}/{__version__}", attack)
