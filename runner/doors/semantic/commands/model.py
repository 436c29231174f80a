"""What the commands of the semantic layer work on: the folder read and checked, compiled for its target, and loaded."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from runner.doors.semantic.commands.load import load
from runner.doors.semantic.commands.wording import commands_of
from runner.doors.semantic.compile.playbook import Compiled, compile_config
from runner.doors.semantic.rules.findings import Finding
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
class Door:
    """A model and where its tables are."""

    folder: Path
    config: Config
    warnings: tuple[Finding, ...]
    compiled: Compiled
    program: Program

    def command(self, name: str) -> str:
        """A next command for the user."""
        return f"runner model {name} {self.folder}"

    def chosen(self, kpis: list[str], properties: list[str], events: list[str]) -> tuple[TableName, ...]:
        """The tables behind what is named. Raises BadInput for a name that is none."""
        compiled, config = self.compiled, self.config
        found: dict[TableName, None] = {}
        for names, known, tables in (
            (kpis, [one.name for one in config.kpis], compiled.tables_of_kpi),
            (properties, [one.name for one in config.properties], compiled.tables_of_property),
            (events, [one.name for one in config.events], compiled.tables_of_event),
        ):
            for name in names:
                self.known(name, known)
                found |= dict.fromkeys(tables(name))
        owned = {model.table for model in self.program.models}
        return tuple(table for table in found if table in owned)

    def known(self, name: str, names: list[str]) -> None:
        """Raises BadInput where a name is not one of them."""
        if name not in names:
            raise BadInput(Problem(Place(self.config.path), f"there is no {name}", did_you_mean(name, names)))

    def changed(self, state: State) -> tuple[TableName, ...]:
        """Tables and views whose definition is not the one that was applied; new ones too."""
        digests = {table: model.digest for table, model in state.models.items()}
        listed = [*((model.table, model.digest) for model in self.program.models)]
        listed += [(view.table, view.digest) for view in self.program.views]
        return tuple(table for table, digest in listed if digests.get(str(table)) != digest)

    def left_over(self, state: State) -> tuple[str, ...]:
        """Tables and views that were applied and are no longer part of the model."""
        own = [model.table for model in self.program.models] + [view.table for view in self.program.views]
        return tuple(sorted(set(state.models) - {str(renamed(self.program.playbook, table)) for table in own}))


def open_door(process: Process, folder: Path, target: str | None) -> Door:
    """Read, check, compile and load. Raises BadInput with every problem; nothing is connected."""
    config, found = load(folder, process.env)
    aim = target_of(process, folder, config, target)
    process.secrets = process.secrets.of_target(aim.url)
    compiled = compile_config(config, aim, process.now_utc()[:10])
    program = process.program(compiled.playbook)
    warnings = tuple(finding for finding in found if not finding.is_error)
    process.commands = commands_of(folder)
    return Door(folder, config, warnings, compiled, program)


def target_of(process: Process, folder: Path, config: Config, target: str | None) -> Target:
    """--target, or RUNNER_TARGET, or model_settings.target (relative to the folder)."""
    if target:
        problems = Problems()
        found = given_target(target, process.env, problems)
        problems.finish()
        return found
    if url := process.env.get("RUNNER_TARGET"):
        where = Path.cwd()
    elif config.settings.target:
        url, where = config.settings.target, folder.absolute()
    else:
        hint = "--target duckdb:///app.duckdb, or RUNNER_TARGET, or target: in model_settings"
        raise BadInput(Problem(Place(config.path), "no warehouse is named", hint))
    try:
        return Target.parse(url, where)
    except Wrong as wrong:
        raise BadInput(Problem(Place(config.path), f"the target {wrong.what}", wrong.hint)) from None


def warehouse_of(
    process: Process, door: Door, run_id: str, *, read_only: bool = False, wait_s: float = 0, patience_s: float = 0
) -> AbstractContextManager[Warehouse]:
    """The open warehouse of a model; a DuckDB file that is not there is none."""
    playbook = door.compiled.playbook
    return process.warehouse(playbook, run_id, read_only=read_only, new=False, wait_s=wait_s, patience_s=patience_s)


def applied(door: Door, warehouse: Warehouse) -> State:
    """What has been applied here. Raises Stopped where nothing was."""
    state = state_of(door, warehouse)
    if not state.models:
        raise Stopped("this model has not been applied here yet; nothing was done", door.command("apply"))
    return state


def check_shown(door: Door, warehouse: Warehouse, views: Iterable[TableName]) -> None:
    """Views are there as the files say them. Raises Stopped."""
    changed = {*door.changed(applied(door, warehouse))}
    if missing := [str(view) for view in views if view in changed]:
        what = f"the configuration has changed since it was applied: {', '.join(missing)}"
        raise Stopped(what, f"{door.command('plan')} says what it means, {door.command('apply')} does it")


def ordered(since: date | None, until: date | None) -> None:
    """Raises BadInput where a range of days runs backwards."""
    if since and until and since > until:
        raise BadInput(Problem(Place(), f"--from {since} is after --to {until}", "swap the two"))


def state_of(door: Door, warehouse: Warehouse) -> State:
    """What has been applied here."""
    playbook = door.compiled.playbook
    return Manifest(warehouse, playbook.name, playbook.state_schema).look()
