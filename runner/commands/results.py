"""What commands give back, as frozen values: the command line shows them, Python uses them as they are.

Tables are named as the playbook names them (`derived.sessions`); times are texts in UTC, `YYYY-MM-DD HH:MM:SS`.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner import actions
from runner.errors import VerifyFound
from runner.events import NullKey, PendingBatches
from runner.state.runs import ModelRow


@dataclass(frozen=True)
class RunResult:
    """What a run did. Nothing to do is a success: nothing is published then."""

    run_id: str
    published: tuple[str, ...]
    """The ids that history lists: the run's own, or one for each part of a run in chunks."""
    batch_count: int
    event_count: int
    duration_s: float
    models: tuple[ModelRow, ...] = ()
    """What it did with each model, of all its parts together."""
    queries: tuple[str, ...] = ()
    """The plain queries that have run, by their paths, in that order."""
    notes: tuple[str, ...] = ()
    """What its user should know."""


@dataclass(frozen=True)
class PlannedModel:
    """What a run would do with one model.

    `how`: 'built in full', 'recomputed', 'merged' or 'left out' (its keys are kept for later).
    """

    table: str
    how: str
    reason: str = ""
    """Why it is built in full."""
    key_count: int | None = None
    """How many keys; None where it is built in full, or only the run finds out."""
    exact: bool = False
    """False: at most so many keys."""


@dataclass(frozen=True)
class PlannedQuery:
    """A script of a playbook without a source."""

    step: str
    path: str


@dataclass(frozen=True)
class PlanResult:
    """What a run would do now."""

    pending: tuple[PendingBatches, ...] = ()
    """One for each source."""
    stopping: tuple[str, ...] = ()
    """Sources whose vanished batches would stop it (exit 6), unless they are to be retracted."""
    null_keys: tuple[NullKey, ...] = ()
    """Pending events whose key is NULL, by source and key: they are one key."""
    models: tuple[PlannedModel, ...] = ()
    """In the order of their dependencies; none where there is nothing to do."""
    queries: tuple[PlannedQuery, ...] = ()
    """Of a playbook without a source: its scripts, in order."""

    @property
    def nothing_to_do(self) -> bool:
        """True if a run would publish nothing."""
        return not self.models and not self.queries


@dataclass(frozen=True)
class RewindResult:
    """The batches that were made pending again, or would be."""

    batch_count: int
    event_count: int
    models: tuple[str, ...] = ()
    """The models whose keys alone are to be recomputed; none: the batches as a whole."""
    dry_run: bool = False


@dataclass(frozen=True)
class SourceStatus:
    """What the manifest says of one source."""

    source: str
    batch_count: int
    event_count: int
    newest_etl_tstamp: str
    rewound_count: int
    commit_tstamp: str
    """When a batch of it was published last."""


@dataclass(frozen=True)
class LeaseHolder:
    """The run that is at work."""

    run_id: str
    since: str
    until: str
    """When its lease ends, if it is not renewed."""


@dataclass(frozen=True)
class OwedModel:
    """A model that is not up to date; the next run that takes it catches up."""

    table: str
    everything: bool
    """True: it is built in full; False: some of its keys are recomputed."""


@dataclass(frozen=True)
class StatusResult:
    """How a playbook stands in its warehouse."""

    playbook: str
    present: bool
    """False: it has not run here yet."""
    sources: tuple[SourceStatus, ...]
    pending: tuple[PendingBatches, ...]
    """One for each source, whether or not something is pending."""
    owed: tuple[OwedModel, ...]
    unbuilt: tuple[str, ...]
    """Models that no run has built yet."""
    has_leases: bool
    """False: the lock of the DuckDB file is the lease."""
    lease: LeaseHolder | None
    after_done: bool
    """False: the `after` queries of the last run have not finished; the next run repeats them."""


@dataclass(frozen=True)
class ComparedModel:
    """One model, compared with a full recompute."""

    table: str
    row_count: int
    """Rows that were compared."""
    skipped_count: int
    """Keys that cannot be right before the next run."""
    differing_count: int
    """Keys (of a model without one: rows) that differ."""
    examples: tuple[str, ...]
    """The first of them."""
    note: str = ""
    """Why it was not compared."""


@dataclass(frozen=True)
class VerifyResult:
    """What a comparison of every stored row with a full recompute has found."""

    models: tuple[ComparedModel, ...]
    miscounted: tuple[str, ...]
    """Batches that the manifest, or a key index, counts otherwise than the source does."""

    @property
    def differing(self) -> tuple[ComparedModel, ...]:
        """The models with rows that differ."""
        return tuple(model for model in self.models if model.differing_count)

    @property
    def equal(self) -> bool:
        """True if nothing differs."""
        return not self.differing and not self.miscounted

    def check(self) -> None:
        """Raises VerifyFound if anything differs."""
        if self.equal:
            return
        places = [f"{model.differing_count:,} keys of {model.table}" for model in self.differing]
        if self.miscounted:
            places.append(f"{len(self.miscounted)} rows of the manifest or a key index")
        what = f"stored rows differ from a full recompute: {', '.join(places)}"
        raise VerifyFound(what, actions.FullRefresh(None))


@dataclass(frozen=True)
class UnlockResult:
    """What became of a lease."""

    playbook: str
    present: bool
    """False: it has not run here yet, and there is no lease."""
    holder: str | None
    """The run that had it, which cannot publish any more."""
