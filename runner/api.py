"""The runner for Python: `runner.load`, `run`, `plan`, `verify`, `status` and `rewind`.

The same work as the commands of the same names, for use in programs, schedulers and notebooks: nothing is printed, no
signal handler is installed, the process is never ended and its environment is only read. Several calls may run at once
in several threads, each on a warehouse or a DuckDB file of its own playbook.

A `playbook` is the path of a YAML file, or what `load` has made of one. A `target` stands in place of the playbook's
own: a URL, such as `duckdb:///web.duckdb` or `postgresql://user:${PGPASSWORD}@host/database`, where `${VAR}` is read from
the environment; an open DuckDB connection; or a SQLAlchemy Engine of Postgres, Redshift or Snowflake. `variables` set
those of the playbook, which gives their types.

Whatever goes wrong is a `RunnerError`: `what`, `hint`, `exit_code` as of the command line, and `published`, which says
what readers see of a run that failed. Passwords and other secrets are not in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from runner.commands.loaded import LoadedPlaybook
from runner.commands.loaded import load as load_playbook
from runner.commands.plan import ChangedLookup, PlannedModel, PlannedQuery, PlanResult
from runner.commands.rewind import Range, RewindResult
from runner.commands.run import RunOptions, RunResult
from runner.commands.status import LeaseHolder, OwedModel, SourceStatus, StatusResult
from runner.comparison.values import VerifyResult
from runner.errors import (
    BadInput,
    CannotConnect,
    Fenced,
    Locked,
    NoSteps,
    OutcomeUnknown,
    Place,
    Problem,
    Problems,
    Publication,
    RunnerError,
    StatementFailed,
    Stopped,
    VerifyFound,
)
from runner.events import BatchGroup, ComparedModel, Difference, Event, PendingBatches, Value
from runner.increment.others.touched import TouchedTable
from runner.playbook.load import parsed_target
from runner.playbook.values import Simple
from runner.session.session import Session, tstamp
from runner.state.runs import ModelRow
from runner.warehouse.opened import Opened, target_of
from runner.warehouse.target import Target

__all__ = [
    "AnyTarget",
    "BadInput",
    "BatchGroup",
    "CannotConnect",
    "ChangedLookup",
    "ComparedModel",
    "Difference",
    "Event",
    "Fenced",
    "LeaseHolder",
    "LoadedPlaybook",
    "Locked",
    "ModelRow",
    "NoSteps",
    "OutcomeUnknown",
    "OwedModel",
    "PendingBatches",
    "Place",
    "PlanResult",
    "PlannedModel",
    "PlannedQuery",
    "Problem",
    "Publication",
    "RewindResult",
    "RunResult",
    "RunnerError",
    "SourceStatus",
    "StatementFailed",
    "StatusResult",
    "Stopped",
    "TouchedTable",
    "Value",
    "VerifyFound",
    "VerifyResult",
    "load",
    "plan",
    "rewind",
    "run",
    "status",
    "verify",
]

PlaybookLike = str | os.PathLike[str] | LoadedPlaybook
AnyTarget = str | Opened
Variables = Mapping[str, Simple | list[Simple] | tuple[Simple, ...]]
Time = str | datetime
Names = str | Iterable[str]


def load(
    path: str | os.PathLike[str], *, target: AnyTarget | None = None, variables: Variables | None = None
) -> LoadedPlaybook:
    """Read a playbook and its SQL, and check all that can be known without connecting.

    Raises BadInput with every problem and its file and line, and NoSteps for a playbook with nothing to do.
    """
    session = Session(os.environ)
    with _masked(session):
        texts = {name: _text(value) for name, value in (variables or {}).items()}
        if target is None:
            loaded = load_playbook(session, Path(path), texts)
        elif isinstance(target, str):
            loaded = load_playbook(session, Path(path), texts, _parsed(target, session))
        else:
            loaded = load_playbook(session, Path(path), texts, target_of(target), target)
        _ = loaded.program
        return loaded


def run(
    playbook: PlaybookLike,
    *,
    target: AnyTarget | None = None,
    variables: Variables | None = None,
    until: Time | None = None,
    chunk: int | None = None,
    select: Names = (),
    full_refresh: bool = False,
    retract: bool = False,
    adopt: Names = (),
    wait_s: float = 0,
    threads: int = 4,
    run_id: str | None = None,
    from_step: str | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> RunResult:
    """Bring all models up to date with the events that are there; nothing to do is a success.

    - `until`: only new batches whose etl_tstamp is before it (UTC); `chunk`: publish after every so many new batches.
    - `select`: only these models, `derived.sessions` or `sessions`, and those that they read; the keys of the others
      are kept for later. `full_refresh`: build them, or all models, in full.
    - `retract`: let the rows of vanished batches leave the models. `adopt`: tables to replace, though they are not ours.
    - `wait_s`: how many seconds to wait for another run of the playbook. `threads`: plain queries of a step at once.
    - `run_id` names the run, and the second one of a name is `ID.2`: what is pending is taken either way. `from_step`:
      where to start, of a playbook without a source.
    - `on_event` is called with each value of `runner.events` as it happens, in the thread of the call or that of a plain
      query; what it raises ends the run.

    Raises BadInput (nothing has run), Locked (another run is at work, or published first), CannotConnect, Stopped (it
    needs its user's word, or a check failed), StatementFailed and OutcomeUnknown (look at the run's id with
    `runner history`; to run again is safe).
    """
    loaded = _loaded(playbook, target, variables)
    with _masked(loaded.session):
        options = RunOptions(
            run_id=run_id,
            until=_time(until, "until"),
            chunk=_at_least_one(chunk, "chunk"),
            models=_names(select),
            full_refresh=full_refresh,
            retract=retract,
            adopt=_names(adopt),
            wait_s=wait_s,
            threads=_at_least_one(threads, "threads") or 1,
            from_step=from_step,
        )
        return loaded.run(options, on_event or (lambda _event: None))


def plan(
    playbook: PlaybookLike,
    *,
    target: AnyTarget | None = None,
    variables: Variables | None = None,
    until: Time | None = None,
    select: Names = (),
    full_refresh: bool = False,
) -> PlanResult:
    """What a run with these arguments would do. Connects and only reads.

    Raises BadInput and CannotConnect, and Stopped for what would stop the run before it works on a model.
    """
    loaded = _loaded(playbook, target, variables)
    with _masked(loaded.session):
        return loaded.plan(_time(until, "until"), _names(select), full_refresh)


def verify(
    playbook: PlaybookLike,
    *,
    target: AnyTarget | None = None,
    variables: Variables | None = None,
    select: Names = (),
    sample: int | None = None,
) -> VerifyResult:
    """Recompute every model in scratch and compare it with what is stored, row by row.

    A difference is no error: it is in the result, whose `equal` is False then and whose `check()` raises VerifyFound.
    `equal` is False, too, where nothing could be compared. `sample`: compare so many keys of each model, others at
    every call.

    Raises BadInput, CannotConnect, and Stopped where nothing is published yet.
    """
    loaded = _loaded(playbook, target, variables)
    with _masked(loaded.session):
        return loaded.verify(_names(select), _at_least_one(sample, "sample"))


def status(
    playbook: PlaybookLike, *, target: AnyTarget | None = None, variables: Variables | None = None
) -> StatusResult:
    """What is processed, pending and owed, and whether a run is at work. Connects and only reads.

    Raises BadInput and CannotConnect.
    """
    loaded = _loaded(playbook, target, variables)
    with _masked(loaded.session):
        return loaded.status()


def rewind(
    playbook: PlaybookLike,
    *,
    since: Time,
    until: Time | None = None,
    by: str | None = None,
    select: Names = (),
    dry_run: bool = False,
    target: AnyTarget | None = None,
    variables: Variables | None = None,
) -> RewindResult:
    """Make processed batches pending again; the next run recomputes what they touch, without a gap for readers.

    They are those with an etl_tstamp in [since, until), in UTC, or, with `by`, those that hold events with that column
    in the range. `select`: only the keys of these models are recomputed. `dry_run`: only count them.

    Raises BadInput, CannotConnect, Locked, and Stopped where nothing has run yet.
    """
    loaded = _loaded(playbook, target, variables)
    with _masked(loaded.session):
        wanted = Range(str(_time(since, "since")), _time(until, "until"), by)
        return loaded.rewind(wanted, _names(select), dry_run)


def _loaded(playbook: PlaybookLike, target: AnyTarget | None, variables: Variables | None) -> LoadedPlaybook:
    if not isinstance(playbook, LoadedPlaybook):
        return load(playbook, target=target, variables=variables)
    if target is not None or variables is not None:
        what = "a playbook that is loaded has its target and its variables"
        raise BadInput(Problem(Place(playbook.playbook.path), what, "give them to runner.load"))
    return playbook


def _parsed(url: str, session: Session) -> Target:
    problems = Problems()
    target = parsed_target(url, "target", session.env, problems)
    problems.finish()
    return target


@contextmanager
def _masked(session: Session) -> Iterator[None]:
    """Errors that leave the block do not show what is secret."""
    try:
        yield
    except RunnerError as error:
        error.mask(session.secrets)
        raise


def _names(given: Names) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _time(moment: Time | None, name: str) -> str | None:
    return tstamp(moment.isoformat() if isinstance(moment, datetime) else moment, name)


def _at_least_one(number: int | None, name: str) -> int | None:
    if number is not None and number < 1:
        raise BadInput(Problem(Place(), f"{name} {number}: not a number from 1 on"))
    return number


def _text(value: object) -> str:
    """A value of Python as `--var` would say it; the playbook gives its type."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(json.dumps(_text(item)) for item in value)}]"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
