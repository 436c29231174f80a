"""What became of a publish whose connection was lost: outlaw the old transaction or wait for it, then look."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum

from runner import actions
from runner.clock import retry
from runner.errors import CannotConnect, Failure, Fenced, OutcomeUnknown, RunnerError, StatementFailed
from runner.events import InDoubt, Published
from runner.increment.work import Work
from runner.state import lease
from runner.state.manifest import Manifest
from runner.state.runs import RunRecord
from runner.warehouse.values import Trouble, WarehouseError


class Fate(Enum):
    """What became of a run whose connection was lost."""

    PUBLISHED = "its row is in `runs`"
    OVERTAKEN = "another run has published since it read the version"
    UNDONE = "its row is not there, and nothing of it can come later"


def _fate(work: Work, run_id: str, version: int) -> Fate:
    """Fence, then look, from a second connection: to look alone would miss a COMMIT that is still on its way."""
    second = work.warehouse.reopened()
    try:
        manifest = Manifest(second, work.manifest.playbook, work.manifest.schema)
        if not second.engine.file_lock:  # else nobody but us can have the file open
            manifest.outlaw(version)
        later = manifest.published_after(version)
        if (run_id, version + 1) in later:
            return Fate.PUBLISHED
        return Fate.OVERTAKEN if later else Fate.UNDONE
    finally:
        second.close()


def resolve(work: Work, run_id: str, version: int, error: WarehouseError) -> None:
    """The answer to COMMIT did not come. Raises unless it turns out that the run is published."""
    try:
        fate = retry(lambda: _fate(work, run_id, version), _is_away, work.clock.sleep, budget_s=work.request.patience_s)
    except RunnerError:
        raise OutcomeUnknown(
            f"the connection was lost while run {run_id} was published ({error.what}), and the warehouse stays away",
            actions.History(),
        ) from None
    if fate is not Fate.PUBLISHED:
        raise _after_loss(fate, error)
    work.manifest.held_version = version + 1
    lease.keep(work.manifest)


def _is_away(error: Exception) -> bool:
    return isinstance(error, RunnerError)


def _after_loss(fate: Fate, error: WarehouseError) -> RunnerError:
    if fate is Fate.OVERTAKEN:
        return Fenced("another run published while this one worked, and this one's session is gone")
    if error.trouble is Trouble.FATAL:
        what = f"{error.label}: {error.what}"
        return StatementFailed(what, "if the disk is full, free space; then run it again", Failure(error.label))
    return CannotConnect(f"{error.label}: the connection was lost: {error.what}", "run it again")


def lost(manifest: Manifest, error: WarehouseError) -> RunnerError:
    """What to tell of a connection that was lost before any COMMIT of the publish was sent: nothing to outlaw."""
    fate = Fate.UNDONE
    if not manifest.held_version:  # no version of ours yet: no lease was taken, or the file lock is the lease
        return _after_loss(fate, error)
    with suppress(RunnerError):
        second = manifest.warehouse.reopened()
        try:
            later = Manifest(second, manifest.playbook, manifest.schema).published_after(manifest.held_version)
            fate = Fate.OVERTAKEN if later else Fate.UNDONE
        finally:
            second.close()
    return _after_loss(fate, error)


def tell(work: Work, record: RunRecord, version: int) -> None:
    """A signal came during COMMIT: the user must hear what readers see."""
    try:
        if _fate(work, record.run_id, version) is Fate.PUBLISHED:
            work.emit(Published(record.run_id, record.duration_s))
    except Exception:
        work.emit(InDoubt(record.run_id))
