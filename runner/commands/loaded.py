"""A playbook that was loaded for its target: what every command over one begins with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import BadInput, Place, Problem, RunnerError, did_you_mean
from runner.names import TableName
from runner.playbook.load import load as read
from runner.playbook.values import Playbook
from runner.session.session import Session
from runner.warehouse.values import FORBIDDEN

if TYPE_CHECKING:
    from runner.commands.plan import PlanResult
    from runner.commands.rewind import Range, RewindResult
    from runner.commands.run import RunOptions, RunResult
    from runner.commands.status import StatusResult
    from runner.commands.unlock import UnlockResult
    from runner.comparison.values import VerifyResult
    from runner.events import Emit, Event
    from runner.increment.work import Guard
    from runner.program.values import Program
    from runner.state.runs import RunRow
    from runner.warehouse.base import Warehouse
    from runner.warehouse.opened import Opened
    from runner.warehouse.target import Target


@dataclass(frozen=True)
class LoadedPlaybook:
    """A playbook, and the session that it was loaded in; its SQL is read when it is asked for."""

    session: Session
    playbook: Playbook
    opened: Opened | None = None  # its target, where its user has opened that already

    @property
    def name(self) -> str:
        """What the playbook is called: its state in the warehouse is kept under this name."""
        return self.playbook.name

    @property
    def models(self) -> tuple[str, ...]:
        """Its models, in the order of their dependencies. Raises BadInput as `program` does."""
        return tuple(str(model.table) for model in self.program.models)

    @cached_property
    def program(self) -> Program:
        """What is run. Raises BadInput with all problems of its SQL."""
        return self.session.program(self.playbook)

    def tables(self, names: Sequence[str]) -> tuple[TableName, ...]:
        """The models that are named: `derived.sessions`, or `sessions` where that is clear. Raises BadInput."""
        models = [model.table for model in self.program.models]
        found = []
        for name in names:
            hits = [table for table in models if name.lower() in (str(table).lower(), table.table.lower())]
            if len(hits) != 1:
                known = [str(table) for table in models]
                hint = did_you_mean(name, known, f"its models are {', '.join(known)}", cutoff=0.4)
                raise BadInput(Problem(Place(self.playbook.path), f"no model is called {name}", hint))
            found.append(hits[0])
        return tuple(found)

    @contextmanager
    def warehouse(
        self,
        run_id: str,
        *,
        read_only: bool = False,
        to_run: bool = False,
        wait_s: float = 0,
        patience_s: float = 0,
    ) -> Iterator[Warehouse]:
        """Its open warehouse. Raises CannotConnect, Locked.

        An error of the block about a right that is missing is told with the GRANTs: all that a run needs, or what it
        takes to look.
        """
        with self.session.warehouse(
            self.playbook, run_id, opened=self.opened, read_only=read_only, wait_s=wait_s, patience_s=patience_s
        ) as warehouse:
            try:
                yield warehouse
            except RunnerError as error:
                if getattr(error, "state", "") == FORBIDDEN and not error.hint:
                    self._tell_grants(error, warehouse, to_run)
                raise

    def _tell_grants(self, error: RunnerError, warehouse: Warehouse, to_run: bool) -> None:
        from runner.increment.catalogue.rights import lacking

        with suppress(RunnerError):
            error.hint = "; ".join(lacking(self.program, warehouse, to_run=to_run))

    @property
    def guard(self) -> Guard | None:
        """What tries new definitions before they are published; None where its user has turned that off."""
        from runner.trial.guard import guard_of

        return guard_of(self.session.trial_s(self.playbook), self.session.clock)

    @property
    def said_first(self) -> tuple[str, ...]:
        """What is to be said of its target before it is connected to."""
        from runner.warehouse.engines import ENGINES

        option = ENGINES[self.playbook.target.engine].tls_option
        if self.opened is not None or not self.playbook.target.may_go_in_the_clear(option, self.session.env):
            return ()
        what = f"{self.playbook.target.shown}: without {option} it goes in the clear where the server has no TLS"
        return (f"{what}, and no certificate is checked: ?{option}=verify-full, or require",)

    # Each command is imported when it is asked for: a run needs nothing of the others.

    def run(self, options: RunOptions, emit: Emit) -> RunResult:
        """Bring all models up to date; `emit` hears how it goes."""
        from runner.commands.run import run

        return run(self, options, emit)

    def plan(self, until: str | None, models: Sequence[str], full_refresh: bool) -> PlanResult:
        """What a run would do."""
        from runner.commands.plan import plan

        tables = self.tables(models)
        with self.warehouse("plan", read_only=True) as warehouse:
            return plan(self.program, warehouse, until, tables, full_refresh, self.guard)

    def rewind(self, wanted: Range, models: Sequence[str], dry_run: bool) -> RewindResult:
        """Make processed batches pending again."""
        from runner.commands.rewind import rewind

        tables = self.tables(models)
        with self.warehouse("rewind", to_run=True) as warehouse:
            return rewind(self.program, warehouse, wanted, tables, dry_run)

    def status(self) -> StatusResult:
        """How it stands in its warehouse."""
        from runner.commands.status import status

        program = self.program
        with self.warehouse("status", read_only=True) as warehouse:
            return status(program, warehouse)

    def history(self, limit: int) -> Sequence[RunRow] | None:
        """The newest runs first; None if none has been here yet."""
        from runner.commands.status import history

        with self.warehouse("history", read_only=True) as warehouse:
            return history(self.playbook, warehouse, limit)

    def verify(self, models: Sequence[str], sample: int | None) -> VerifyResult:
        """Compare what is stored with a full recompute."""
        from runner.commands.verify import verify

        tables = self.tables(models)
        with self.warehouse("verify") as warehouse:
            return verify(self.program, warehouse, tables, sample, self.session.new_run_id())

    def check(self, live: bool) -> tuple[Event, ...]:
        """Raises BadInput for what is wrong with it; `live`: what its warehouse lacks as well.

        Gives what is to be said: of how it is reached, of a trial that could not be held, of events without a key.
        """
        from runner.commands.check import check_live, copies_apart, null_keys
        from runner.commands.costs import costs
        from runner.events import Note

        program = self.program
        said: list[Event] = [Note(text) for text in self.said_first]
        said += copies_apart(program)
        if not live:
            return (*said, *map(Note, costs(program)))
        with self.warehouse("check", read_only=True) as warehouse:
            bound = check_live(program, warehouse, self.guard, said.append)
            return (*said, *map(Note, costs(bound.program)), *null_keys(bound.program, warehouse, bound))

    def unlock(self) -> UnlockResult:
        """Break a lease that a dead run left."""
        from runner.commands.unlock import unlock

        with self.warehouse("unlock", to_run=True) as warehouse:
            return unlock(self.playbook, warehouse)


def load(
    session: Session,
    path: Path,
    variables: Mapping[str, str] | None = None,
    target: str | Target | None = None,
    opened: Opened | None = None,
) -> LoadedPlaybook:
    """Read a playbook; from now on the session hides what is secret in it. Raises BadInput, NoSteps; connects to nothing.

    `variables` and `target` stand in place of its own; `opened` is the target, if its user has opened it already.
    """
    if not os.path.lexists(path):
        raise BadInput(Problem(Place(), f"{path}: no such file", "runner init DIR makes a project to start from"))
    playbook = read(path.absolute(), session.env, variables or {}, target)
    session.hide(playbook)
    return LoadedPlaybook(session, playbook, opened)
