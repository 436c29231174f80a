"""The log of runs: a row for each run, failed ones too, and of a published run a row for each of its models.

The publish writes it within its transaction; `history` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runner import __version__
from runner.state.manifest import Manifest
from runner.state.queries import fitting

MODELS_AT_ONCE = 100  # rows of one INSERT: the texts of engines end at a megabyte
REASON_BYTES, ERROR_BYTES = 400, 4000  # what their columns hold


@dataclass(frozen=True)
class ModelRow:
    """What a run did with one model: a row of `run_models`."""

    table: str
    extent: str  # all, keys, none, or left out
    reason: str  # why it was built in full, '' otherwise
    key_count: int
    inserted: int
    updated: int
    deleted: int
    duration_s: float


@dataclass(frozen=True)
class RunRecord:
    """What a run says of itself: what the rows of `runs` and `run_models` are made of."""

    run_id: str
    started: str
    duration_s: float
    digest: str
    batch_count: int = 0
    event_count: int = 0
    after_done: bool = True
    models: tuple[ModelRow, ...] = ()


@dataclass(frozen=True)
class RunRow:
    """A run as it was written down; times in UTC."""

    status: str  # published or failed
    run_id: str
    started: str
    duration_s: float
    batch_count: int
    event_count: int
    after_done: bool
    runner_version: str
    error: str
    models: tuple[ModelRow, ...] = ()


def write_published(manifest: Manifest, record: RunRecord, version: int, stored_as: Mapping[str, str]) -> None:
    """The rows that say: this run has published. The last part of the publish: it counts what the state holds now.

    `stored_as`: what the models' tables are called in the warehouse.
    """
    for first in range(0, len(record.models), MODELS_AT_ONCE):
        _insert_models(manifest, record, first, stored_as)
    _insert_run(manifest, "publish:run-insert", record, "published", version, "")


def write_failure(manifest: Manifest, record: RunRecord, error: str) -> None:
    """A best-effort note that a run failed."""
    _insert_run(manifest, "state:run-failed", record, "failed", None, error)


def _insert_models(manifest: Manifest, record: RunRecord, first: int, stored_as: Mapping[str, str]) -> None:
    rows = [
        manifest.sql(
            "run-models-row",
            run_id=record.run_id,
            model_number=number,
            table_name=model.table,
            stored_as=stored_as[model.table],
            extent=model.extent,
            reason=fitting(model.reason, REASON_BYTES),
            key_count=model.key_count,
            inserted=model.inserted,
            updated=model.updated,
            deleted=model.deleted,
            duration_s=round(model.duration_s, 3),
        )
        for number, model in enumerate(record.models[first : first + MODELS_AT_ONCE], first)
    ]
    manifest.warehouse.execute("publish:run-models", manifest.sql("run-models-insert", rows=",\n".join(rows)))


def _insert_run(
    manifest: Manifest, label: str, record: RunRecord, status: str, version: int | None, error: str
) -> None:
    sql = manifest.sql(
        "run-insert",
        run_id=record.run_id,
        status=status,
        version=version,
        started=record.started,
        duration_s=round(record.duration_s, 3),
        batch_count=record.batch_count,
        event_count=record.event_count,
        after_done=record.after_done,
        digest=record.digest,
        runner_version=__version__,
        error=fitting(manifest.warehouse.secrets.masked(error).replace("\0", ""), ERROR_BYTES) or None,
    )
    manifest.warehouse.execute(label, sql)


def history(manifest: Manifest, limit: int) -> tuple[RunRow, ...]:
    """The newest runs first. The queries give the fields in their order."""
    models: dict[tuple[str, str], list[ModelRow]] = {}
    for status, run_id, *row in _rows(manifest, "history-models", limit):
        models.setdefault((status, run_id), []).append(ModelRow(*row))
    runs = (RunRow(*row) for row in _rows(manifest, "history", limit))
    return tuple(replace(run, models=tuple(models.get((run.status, run.run_id), ()))) for run in runs)


def _rows(manifest: Manifest, name: str, limit: int) -> Sequence[tuple[Any, ...]]:
    return manifest.warehouse.execute(f"state:{name}", manifest.sql(name, limit=limit)).rows


def last_start(manifest: Manifest) -> str | None:
    """When the newest published run began, in UTC; None if there is none."""
    rows = manifest.warehouse.execute("state:last-start", manifest.sql("last-start")).rows
    return str(rows[0][0]) if rows else None
