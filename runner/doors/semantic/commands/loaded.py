"""A semantic model that was loaded for its target: what every command over one begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from runner.doors.semantic.commands.wording import commands_of
from runner.doors.semantic.compile.playbook import Compiled, compile_config
from runner.doors.semantic.files.read import read
from runner.doors.semantic.rules.check import check, unused
from runner.doors.semantic.rules.findings import Finding, Findings, in_order, of_problem
from runner.doors.semantic.rules.implied import completed
from runner.doors.semantic.values import Config
from runner.errors import BadInput, Place, Problem, Problems, Stopped, did_you_mean
from runner.files.schema import Wrong
from runner.names import TableName
from runner.playbook.load import given_target
from runner.program.values import Program, renamed
from runner.session.process import Process
from runner.state.manifest import Manifest, State
from runner.warehouse.base import Warehouse
from runner.warehouse.target import Target


@dataclass(frozen=True)
class LoadedModel:
    """The model of a folder, compiled for its target, and the process that it was loaded in."""

    process: Process
    folder: Path
    config: Config
    compiled: Compiled
    program: Program

    def command(self, name: str) -> str:
        """A next command for the user."""
        return f"runner model {name} {self.folder}"

    # -- what is named on the command line -----------------------------------------------------------------------

    def tables(self, kpis: Iterable[str], properties: Iterable[str], events: Iterable[str]) -> tuple[TableName, ...]:
        """The tables behind what is named. Raises BadInput for a name that is none."""
        compiled, config = self.compiled, self.config
        found: dict[TableName, None] = {}
        for names, known, tables in (
            (kpis, [one.name for one in config.kpis], compiled.tables_of_kpi),
            (properties, [one.name for one in config.properties], compiled.tables_of_property),
            (events, [one.name for one in config.events], compiled.tables_of_event),
        ):
            for name in names:
                self.check_name(name, known)
                found |= dict.fromkeys(tables(name))
        owned = {model.table for model in self.program.models}
        return tuple(table for table in found if table in owned)

    def check_name(self, name: str, known: list[str]) -> None:
        """Raises BadInput where a name is not one of those that are known."""
        if name not in known:
            raise BadInput(Problem(Place(self.config.path), f"there is no {name}", did_you_mean(name, known)))

    # -- what is in the warehouse ----------------------------------------------------------------------------------

    def warehouse(
        self, run_id: str, *, read_only: bool = False, wait_s: float = 0, patience_s: float = 0
    ) -> AbstractContextManager[Warehouse]:
        """Its open warehouse; a DuckDB file that is not there is none. Raises CannotConnect, Locked."""
        playbook = self.program.playbook
        return self.process.warehouse(
            playbook, run_id, read_only=read_only, new=False, wait_s=wait_s, patience_s=patience_s
        )

    def stored(self, table: TableName) -> TableName:
        """The name that a table or view of the model has in the warehouse."""
        return renamed(self.program.playbook, table)

    def manifest(self, warehouse: Warehouse) -> Manifest:
        """What is written down about its runs."""
        playbook = self.program.playbook
        return Manifest(warehouse, playbook.name, playbook.state_schema)

    def state(self, warehouse: Warehouse) -> State:
        """What has been applied here."""
        return self.manifest(warehouse).look()

    def applied(self, warehouse: Warehouse) -> State:
        """What has been applied here. Raises Stopped where nothing was."""
        state = self.state(warehouse)
        if not state.models:
            raise Stopped("this model has not been applied here yet; nothing was done", self.command("apply"))
        return state

    def changed(self, state: State) -> tuple[TableName, ...]:
        """Tables and views whose definition is not the one that was applied; new ones too."""
        digests = {table: model.digest for table, model in state.models.items()}
        listed = [*((model.table, model.digest) for model in self.program.models)]
        listed += [(view.table, view.digest) for view in self.program.views]
        return tuple(table for table, digest in listed if digests.get(str(table)) != digest)

    def left_over(self, state: State) -> tuple[str, ...]:
        """Tables and views that were applied and are no longer part of the model."""
        own = [model.table for model in self.program.models] + [view.table for view in self.program.views]
        return tuple(sorted(set(state.models) - {str(self.stored(table)) for table in own}))

    def check_current(self, warehouse: Warehouse, views: Iterable[TableName]) -> None:
        """Views are there as the files say them. Raises Stopped."""
        changed = {*self.changed(self.applied(warehouse))}
        if missing := [str(view) for view in views if view in changed]:
            what = f"the configuration has changed since it was applied: {', '.join(missing)}"
            raise Stopped(what, f"{self.command('plan')} says what it means, {self.command('apply')} does it")


def read_and_check(folder: Path, env: Mapping[str, str]) -> tuple[Config | None, list[Finding]]:
    """The configuration of a folder, if it could be read, and everything that was found in it."""
    problems, findings = Problems(), Findings()
    try:
        config = read(folder, env, problems)
    except BadInput as bad:
        return None, in_order([of_problem(problem) for problem in bad.problems])
    found = [of_problem(problem) for problem in problems.found]
    config = completed(config)
    check(config, findings)
    found += findings.found
    if not any(finding.is_error for finding in found):  # a name that is mistaken leaves another unused
        found += unused(config)
    return config, in_order(found)


def checked_config(process: Process, folder: Path) -> Config:
    """The configuration of a folder. Raises BadInput with every error."""
    config, found = read_and_check(folder, process.env)
    errors = [finding for finding in found if finding.is_error]
    if errors or config is None:
        raise BadInput([Problem(one.place, f"{one.code} {one.what}", one.hint) for one in errors])
    return config


def load(process: Process, folder: Path, target: str | None) -> LoadedModel:
    """Read, check and compile a model; from now on the process words hints in its commands.

    Raises BadInput with every problem; connects to nothing.
    """
    config = checked_config(process, folder)
    chosen = target_of(process, config, folder, target)
    compiled = compile_config(config, chosen)
    program = process.program(compiled.playbook)
    process.commands = commands_of(folder)
    return LoadedModel(process, folder, config, compiled, program)


def target_of(process: Process, config: Config, folder: Path, target: str | None) -> Target:
    """--target, or RUNNER_TARGET, or model_settings.target (relative to the folder); its secrets are hidden from now on."""
    if target:
        problems = Problems()
        found = given_target(target, process.env, problems)
        problems.finish()
        process.hide_target(found, target)
        return found
    if url := process.env.get("RUNNER_TARGET"):
        where, written = Path.cwd(), ""
    elif url := config.settings.target:
        where, written = folder.absolute(), config.settings.target_written
    else:
        hint = "--target duckdb:///app.duckdb, or RUNNER_TARGET, or target: in model_settings"
        raise BadInput(Problem(Place(config.path), "no warehouse is named", hint))
    try:
        found = Target.parse(url, where)
    except Wrong as wrong:
        raise BadInput(Problem(Place(config.path), f"the target {wrong.what}", wrong.hint)) from None
    process.hide_target(found, written)
    return found
