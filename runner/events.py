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
    lost_count: int = 0  # events that the manifest has of these batches and the source no longer

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
class ValueCount:
    """How many values of a column, or of a formula, there are."""

    name: str
    value_count: int


@dataclass(frozen=True)
class Unreadable(Event):
    """Values that could not be read, or not be worked out by a formula, and are null: whose, how many, and what next."""

    what: str
    counts: tuple[ValueCount, ...]
    next: str
    formula: bool = False

    @property
    def value_count(self) -> int:
        """All of them."""
        return sum(one.value_count for one in self.counts)


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


@dataclass(frozen=True)
class ComparedModel(Event):
    """One model, compared with a full recompute by `verify`."""

    table: str
    row_count: int
    """Stored rows that were compared."""
    skipped_count: int
    """Keys that cannot be right before the next run."""
    differing_count: int
    """Keys that differ; of a model without a key: rows. See `counted`."""
    follows: tuple[str, ...] = ()
    """The models above it that differ, where it is right but for them."""
    note: str = ""
    """Why it was not compared, or what else is to be known."""
    compared: bool = True
    counted: str = "key"
    """What `differing_count` counts: a key, row or column."""

    @property
    def differing(self) -> str:
        """How many differ, as words."""
        return f"{self.differing_count:,} {self.counted}{'' if self.differing_count == 1 else 's'}"


@dataclass(frozen=True)
class Value:
    """A column's value as text; None is NULL."""

    column: str
    value: str | None


@dataclass(frozen=True)
class Difference(Event):
    """One value that is stored otherwise than a recompute has it, or a row that only one of them has."""

    table: str
    keys: tuple[Value, ...]
    """Which row: its key, and its `unique` columns. Of rows without either, and of rows of one side: all values."""
    kind: str
    """'changed': this column; 'missing': the row is not stored; 'surplus': no recompute gives it."""
    column: str = ""
    stored: str | None = None
    recomputed: str | None = None


Emit = Callable[[Event], None]
