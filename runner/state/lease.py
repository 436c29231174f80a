"""The lease: one run of a playbook at a time, to save wasted work. Safety comes from the fence, not from here.

On engines with a file lock that lock is the lease. Elsewhere it is a row with an end by the warehouse's own clock,
renewed from a second connection, and taken over at once where its session is known to be gone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from runner import actions
from runner.errors import Locked
from runner.state.manifest import Manifest
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Trouble, WarehouseError

IMPATIENT_S, PATIENT_S = 1, 60
TRIES = 3


@dataclass(frozen=True)
class LeaseTerms:
    """How long a lease lasts without renewal, and how long to wait for another's."""

    lease_s: int = 60
    wait_s: float = 0


@contextmanager
def held(manifest: Manifest, run_id: str, terms: LeaseTerms, sleep: Callable[[float], None]) -> Iterator[None]:
    """Hold the playbook's lease for the block. Raises Locked if another run holds it longer than we may wait."""
    if manifest.warehouse.engine.file_lock:
        yield
        return
    _acquire(manifest, run_id, terms, sleep)
    stop = threading.Event()
    heart = threading.Thread(target=_renew, args=(manifest, run_id, terms.lease_s, stop), daemon=True)
    heart.start()
    try:
        yield
    finally:
        stop.set()
        with suppress(Exception):  # not released: it runs out by itself, or its session is seen to be gone
            release = manifest.sql("lease-release", run_id=run_id, session=manifest.warehouse.session)
            manifest.warehouse.execute("lease:release", release)
        heart.join(timeout=2)


def _acquire(manifest: Manifest, run_id: str, terms: LeaseTerms, sleep: Callable[[float], None]) -> None:
    waited, tries = 0.0, 0
    while not _take(manifest, run_id, terms.lease_s):
        tries += 1
        if waited >= terms.wait_s:
            rows = manifest.warehouse.execute("lease:holder", manifest.sql("lease-holder")).rows
            if tries < TRIES and not (rows and rows[0][0]):  # nobody has it: a transaction was in the way
                continue
            holder, since, until = (rows[0][0], rows[0][1], rows[0][2]) if rows else ("?", "?", "?")
            raise Locked(
                f"playbook {manifest.playbook} is being run by run {holder} since {since} UTC (lease until {until})",
                actions.Unlock(),
            )
        pause = min(0.5, max(terms.wait_s - waited, 0.05))
        sleep(pause)
        waited += pause


def _take(manifest: Manifest, run_id: str, lease_s: int) -> bool:
    """Take the lease if it is free, over or its session gone; a takeover outlaws the old holder."""
    warehouse = manifest.warehouse
    holder = _holder(manifest)  # a look that waits for nobody: the holder may have the state row locked
    if holder.lives:
        return False
    with _impatient(warehouse):
        try:
            with warehouse.transaction("lease"):
                manifest.lock("lease:lock-table")
                warehouse.execute("lease:lock", manifest.sql("lease-lock"))
                warehouse.execute("lease:insert", manifest.sql("lease-insert"))
                session, gone = warehouse.session, holder.gone
                take = manifest.sql("lease-take", run_id=run_id, session=session, lease_s=lease_s, gone=gone)
                if warehouse.execute("lease:take", take).row_count != 1:
                    return False
                manifest.raise_version()
                version = manifest.version()
        except WarehouseError as error:
            if error.trouble is Trouble.RETRY:
                return False
            raise
    manifest.held_version, manifest.held_as = version, run_id
    return True


@contextmanager
def _impatient(warehouse: Warehouse) -> Iterator[None]:
    """Wait for locks a second at most."""
    warehouse.execute("lease:impatient", warehouse.patience(IMPATIENT_S))
    yield
    warehouse.execute("lease:patient", warehouse.patience(PATIENT_S))


@dataclass(frozen=True)
class _Holder:
    """Who has the lease. `gone`: the session that had it and is no more."""

    lives: bool = False
    gone: str | None = None


def _holder(manifest: Manifest) -> _Holder:
    """Look at the lease.

    A run whose lease is over but whose session lives (stopped, paused, cut off) may hold locks that we need: its
    session is ended, which costs it nothing, since it is outlawed as soon as we have the lease.
    """
    warehouse = manifest.warehouse
    rows = warehouse.execute("lease:look", manifest.sql("lease-look")).rows
    if not rows:
        return _Holder()
    overdue, session = rows[0]
    if session is not None and not warehouse.is_alive(str(session)):
        return _Holder(gone=str(session))
    if overdue and session is not None:
        with suppress(WarehouseError):
            warehouse.end_session(str(session))
    return _Holder(lives=not overdue)


def keep(manifest: Manifest) -> None:
    """Name the session that goes on for a run whose first one was lost; without it others would take the lease."""
    if not manifest.warehouse.engine.file_lock:
        sql = manifest.sql("lease-keep", run_id=manifest.held_as, session=manifest.warehouse.session)
        with suppress(WarehouseError):
            manifest.warehouse.execute("lease:keep", sql)


def _renew(manifest: Manifest, run_id: str, lease_s: int, stop: threading.Event) -> None:
    """Every third of the lease's time, from a connection of its own: the run's own may be busy for hours."""
    second = None
    while not stop.wait(lease_s / 3):
        with suppress(Exception):
            if second is None:
                second = manifest.warehouse.another()
                second.watch = None
            second.execute("lease:renew", manifest.sql("lease-renew", run_id=run_id, lease_s=lease_s))
    if second is not None:
        second.close()
