"""DDL on tables that others read: it waits for them a moment at a time, since every new reader queues behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from runner.clock import retry
from runner.errors import Stopped
from runner.increment.work import Work
from runner.warehouse.values import Trouble, WarehouseError

WAIT_S = 1  # for a lock, while readers queue
PAUSES_S = 30.0  # in all, between the attempts: readers go ahead in them


def execute(work: Work, label: str, table: str, sql: str) -> None:
    """One statement that needs a table for itself. Raises Stopped, which names who kept it."""
    with impatient(work), explained(work, [table]):
        retry(lambda: work.warehouse.execute(label, sql), is_locked, work.clock.sleep, budget_s=PAUSES_S)


@contextmanager
def impatient(work: Work) -> Iterator[None]:
    """Within the block, which is outside of a transaction, locks are waited for a moment only."""
    short = work.warehouse.lock_patience(WAIT_S)
    if not short:
        yield
        return
    work.warehouse.execute("ddl:impatient", short)
    try:
        yield
    finally:
        with suppress(WarehouseError):  # a session that was lost has a new one's patience
            work.warehouse.execute("ddl:patient", work.warehouse.lock_patience(None))


@contextmanager
def explained(work: Work, tables: Sequence[str]) -> Iterator[None]:
    """A lock on one of these tables (quoted names) that never came is told with the sessions that kept it."""
    try:
        yield
    except WarehouseError as error:
        if not is_locked(error):
            raise
        holders = [who for table in tables for who in work.warehouse.holders(table)]
        if not holders:
            raise
        what = f"{error.label}: {', '.join(tables)} is in use: {'; '.join(holders)}"
        raise Stopped(what, "end these sessions or wait for them, and run it again") from None


def is_locked(error: Exception) -> bool:
    """Whether another session was in the way."""
    return isinstance(error, WarehouseError) and error.trouble is Trouble.RETRY
