"""`run`: what a user asks of a run, made into one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.commands.loaded import LoadedPlaybook
from runner.errors import BadInput, Place, Problem
from runner.events import Emit, Event, Note, QueryDone, Started
from runner.increment.run import run as run_program
from runner.increment.work import Request
from runner.state.lease import LeaseTerms
from runner.state.runs import ModelRow

EXTENTS = ("all", "keys", "none", "left out")  # the largest first


@dataclass(frozen=True)
class RunResult:
    """What a run did. Nothing to do is a success: nothing is published then."""

    run_id: str
    """As it was asked for."""
    published: tuple[str, ...]
    """The ids that history lists: the run's own (A.2 for the second one called A), or one for each part of a run in
    chunks.
    """
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
class RunOptions:
    """What may be asked of a run; models as their user calls them, times as `session.tstamp` gives them."""

    run_id: str | None = None
    until: str | None = None
    chunk: int | None = None
    models: tuple[str, ...] = ()
    full_refresh: bool = False
    retract: bool = False
    adopt: tuple[str, ...] = ()
    wait_s: float = 0
    threads: int = 4
    from_step: str | None = None


def run(loaded: LoadedPlaybook, options: RunOptions, emit: Emit) -> RunResult:
    """Bring all models up to date. Raises what a run raises."""
    playbook, program, clock = loaded.playbook, loaded.program, loaded.session.clock
    request, started, queries, notes = _request(loaded, options), clock.monotonic(), list[str](), list[str]()

    def heard(event: Event) -> None:
        if isinstance(event, QueryDone):
            queries.append(event.name)
        elif isinstance(event, Note):
            event = Note(loaded.session.secrets.masked(event.text))
            notes.append(event.text)
        emit(event)

    heard(Started(playbook.name, f"{program.engine} {playbook.target.shown}", request.run_id))
    for text in loaded.said_first:
        heard(Note(text))
    with loaded.warehouse(request.run_id, wait_s=options.wait_s, patience_s=request.patience_s) as warehouse:
        published = run_program(program, warehouse, request, clock, heard, loaded.guard)
    return RunResult(
        request.run_id,
        published=tuple(record.run_id for record in published),
        batch_count=sum(record.batch_count for record in published),
        event_count=sum(record.event_count for record in published),
        duration_s=clock.monotonic() - started,
        models=_together([model for record in published for model in record.models]),
        queries=tuple(queries),
        notes=tuple(notes),
    )


def _together(rows: Sequence[ModelRow]) -> tuple[ModelRow, ...]:
    """One row for each model, whose rows of several parts are added up."""
    found: dict[str, ModelRow] = {}
    for row in rows:
        known = found.get(row.table)
        found[row.table] = row if known is None else _sum(known, row)
    return tuple(found.values())


def _sum(one: ModelRow, other: ModelRow) -> ModelRow:
    return ModelRow(
        one.table,
        extent=min(one.extent, other.extent, key=EXTENTS.index),
        reason=one.reason or other.reason,
        key_count=one.key_count + other.key_count,
        inserted=one.inserted + other.inserted,
        updated=one.updated + other.updated,
        deleted=one.deleted + other.deleted,
        duration_s=one.duration_s + other.duration_s,
    )


def _request(loaded: LoadedPlaybook, options: RunOptions) -> Request:
    if options.from_step and loaded.playbook.sources:
        raise BadInput(
            Problem(
                Place(loaded.playbook.path),
                "a step to start from is for playbooks without a source",
                "a run over a source always starts at its first step; that is safe",
            )
        )
    return Request(
        run_id=_checked(options.run_id) or loaded.session.new_run_id(),
        started=loaded.session.now_utc(),
        until=options.until,
        chunk=options.chunk,
        models=loaded.tables(options.models),
        full_refresh=options.full_refresh,
        retract=options.retract,
        adopt=loaded.tables(options.adopt),
        threads=options.threads,
        from_step=options.from_step,
        patience_s=loaded.session.patience_s,
        lease=LeaseTerms(loaded.session.lease_s, options.wait_s),
    )


def _checked(run_id: str | None) -> str | None:
    """As Airflow's run ids are."""
    if run_id is not None and not re.fullmatch(r"[A-Za-z0-9_.~:+-]{1,250}", run_id):
        what = f"run id {run_id[:260]}: not 1 to 250 letters, digits or _ . ~ : + -"
        raise BadInput(Problem(Place(), what, "such as 2024-03-01"))
    return run_id
