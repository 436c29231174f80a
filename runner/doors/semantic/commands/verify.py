"""Everything recomputed in scratch and compared with what is stored."""

from __future__ import annotations

from runner.commands import show
from runner.commands.verify import verify as run_verify
from runner.doors.semantic.commands.loaded import LoadedModel


def verify(loaded: LoadedModel, sample: int | None, json: bool) -> None:
    """Print what differs, or that nothing does. Raises VerifyFound if anything differs."""
    with loaded.warehouse("verify") as warehouse:
        loaded.applied(warehouse)
        found = run_verify(loaded.program, warehouse, (), sample, loaded.process.new_run_id())
    show.verify(found, loaded.process.report(json))
