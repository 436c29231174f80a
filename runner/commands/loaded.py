"""A playbook that was loaded for its target: what every command over one begins with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from runner.errors import BadInput, Place, Problem, did_you_mean
from runner.names import TableName
from runner.playbook.load import load as read
from runner.playbook.values import Playbook
from runner.program.values import Program
from runner.session.session import Session
from runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class LoadedPlaybook:
    """A playbook, and the session that it was loaded in; its SQL is read when it is asked for."""

    session: Session
    playbook: Playbook

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

    def warehouse(
        self, run_id: str, *, read_only: bool = False, wait_s: float = 0, patience_s: float = 0
    ) -> AbstractContextManager[Warehouse]:
        """Its open warehouse. Raises CannotConnect, Locked."""
        return self.session.warehouse(self.playbook, run_id, read_only=read_only, wait_s=wait_s, patience_s=patience_s)


def load(
    session: Session, path: Path, variables: Mapping[str, str] | None = None, target: str | None = None
) -> LoadedPlaybook:
    """Read a playbook; from now on the session hides what is secret in it. Raises BadInput, NoSteps; connects to nothing.

    `variables` and `target` stand in place of its own.
    """
    if not os.path.lexists(path):
        raise BadInput(Problem(Place(), f"{path}: no such file", "runner init DIR makes a project to start from"))
    playbook = read(path.absolute(), session.env, variables or {}, target)
    values = [(variable.name, value) for variable in playbook.variables for value in variable.values]
    session.secrets = session.secrets.of_target(playbook.target.url).of_variables(values)
    return LoadedPlaybook(session, playbook)
