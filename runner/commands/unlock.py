"""Breaking a lease that a dead run left."""

from __future__ import annotations

from dataclasses import dataclass

from runner.playbook.values import Playbook
from runner.state.manifest import Manifest
from runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class UnlockResult:
    """What became of a lease."""

    playbook: str
    present: bool
    """False: it has not run here yet, and there is no lease."""
    holder: str | None
    """The run that had it, which cannot publish any more."""


def unlock(playbook: Playbook, warehouse: Warehouse) -> UnlockResult:
    """Free the lease and raise the version, so that whoever held it cannot publish."""
    manifest = Manifest(warehouse, playbook.name, playbook.state_schema)
    manifest.look()
    holder = manifest.break_lease() if manifest.present else None
    return UnlockResult(playbook.name, manifest.present, holder)
