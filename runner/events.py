"""What a run tells while it works, as values; report.py turns them into text or JSON lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Something that happened in a run."""


@dataclass(frozen=True)
class Started(Event):
    """The run begins: which playbook, where."""

    playbook: str
    target: str
    run_id: str


@dataclass(frozen=True)
class BatchGroup:
    """Pending batches of one reason; `example` shows counts where there is one batch only."""

    reason: str
    batch_count: int
    event_count: int
    example: str = ""
    oldest: str = ""  # etl_tstamp

    @property
    def no_tstamp(self) -> bool:
        """True if the batch of rows without an etl_tstamp is among them."""
        return self.oldest.startswith("0001-01-01")


@dataclass(frozen=True)
class PendingBatches(Event):
    """What is pending in one source; `held_count` new batches wait because of --until or --chunk."""

    source: str
    groups: tuple[BatchGroup, ...]
    held_count: int

    @property
    def batch_count(self) -> int:
        """All pending batches."""
        return sum(group.batch_count for group in self.groups)

    @property
    def event_count(self) -> int:
        """All events in them."""
        return sum(group.event_count for group in self.groups)


@dataclass(frozen=True)
class Building(Event):
    """A model is built in full, and why."""

    table: str
    reason: str


@dataclass(frozen=True)
class Staging(Event):
    """Work on a model or query begins."""

    name: str


@dataclass(frozen=True)
class ModelDone(Event):
    """A model's rows are staged: keys looked at, and keys whose rows are inserted, updated, deleted."""

    table: str
    extent: str  # 'keys', 'all' or 'none'
    key_count: int
    inserted: int
    updated: int
    deleted: int
    duration_s: float


@dataclass(frozen=True)
class QueryDone(Event):
    """A plain query has run."""

    step: str
    name: str
    duration_s: float


@dataclass(frozen=True)
class Note(Event):
    """A thing the user should know."""

    text: str


@dataclass(frozen=True)
class NullKey(Event):
    """Events whose key is NULL: they are one key, as in SQL, and recomputed as a whole."""

    source: str
    key: str
    event_count: int
    pending: bool = True
    """Only those of pending batches were counted."""


@dataclass(frozen=True)
class Published(Event):
    """The run is public."""

    run_id: str
    duration_s: float


@dataclass(frozen=True)
class InDoubt(Event):
    """The run was stopped while it published, and the warehouse did not say how that ended."""

    run_id: str


@dataclass(frozen=True)
class Nothing(Event):
    """There was nothing to do."""

    reason: str


Emit = Callable[[Event], None]
