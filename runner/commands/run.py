"""`run`: what a user asks of a run, made into one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.commands.loaded import LoadedPlaybook
from runner.errors import BadInput, Place, Problem
from runner.events import Emit, Started
from runner.increment.run import run as run_program
from runner.increment.work import Request
from runner.session import session
from runner.state.lease import LeaseTerms


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


def run(loaded: LoadedPlaybook, options: RunOptions, emit: Emit) -> bool:
    """Bring all models up to date. True if something was published. Raises what a run raises."""
    playbook, program = loaded.playbook, loaded.program
    request = _request(loaded, options)
    emit(Started(playbook.name, f"{program.engine} {playbook.target.shown}", request.run_id))
    with loaded.warehouse(request.run_id, wait_s=options.wait_s, patience_s=request.patience_s) as warehouse:
        return run_program(program, warehouse, request, loaded.session.clock, emit)


def _request(loaded: LoadedPlaybook, options: RunOptions) -> Request:
    if options.from_step and loaded.playbook.sources:
        raise BadInput(
            Problem(
                Place(loaded.playbook.path),
                "--from-step is for playbooks without a source",
                "a run over a source always starts at its first step; that is safe",
            )
        )
    return Request(
        run_id=_checked(options.run_id) or session.new_run_id(),
        started=session.now_utc(),
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
    if run_id is not None and not re.fullmatch(r"[A-Za-z0-9_.:+-]{1,80}", run_id):
        raise BadInput(
            Problem(Place(), f"--run-id {run_id[:90]}: not 1 to 80 letters, digits or _ . : + -", "--run-id 2024-03-01")
        )
    return run_id
