"""The project that `asemic-cli` works on: its folder, its warehouse, and how files come into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.errors import BadInput, Place, Problem, Problems

if TYPE_CHECKING:
    from runner.session.process import Process
    from runner.warehouse.base import Warehouse

FOLDER = "ASEMIC_APP_ID_DIR"
SCHEMA = "# $schema: http://schema.asemicanalytics.com/v1/semantic_layer/{}.json\n"  # as the vendor's files begin
VersionOption = Annotated[str | None, typer.Option("--version", metavar="V", hidden=True)]


def named_folder(process: Process) -> Path:
    """The folder of the application: ASEMIC_APP_ID_DIR, or where the user is. Raises BadInput."""
    folder = Path(process.env.get(FOLDER) or ".")
    if not folder.is_dir():
        what = f"{FOLDER}={folder}: no such folder"
        raise BadInput(Problem(Place(), what, f"mkdir {folder}, or name the folder that has config.yml or userentity/"))
    return folder


def refuse_version(version: str | None) -> None:
    """Raises BadInput for a version of a configuration."""
    if version is not None:
        what = f"--version {version}: there is one version of a configuration, which is its files"
        hint = "to try another beside it, copy the folder and give the copy another data_model_schema"
        raise BadInput(Problem(Place(), what, hint))


def refuse_app(folder: Path, app_id: str | None) -> None:
    """Raises BadInput for an application that is not this folder's."""
    name = folder.resolve().name
    if app_id is not None and app_id != name:
        what = f"--app-id {app_id}: this is the folder of {name}"
        raise BadInput(Problem(Place(), what, f"{FOLDER} names the folder of an application"))


@dataclass(frozen=True)
class NewFile:
    """A file to be written, by its path within the project."""

    path: str
    text: str


@dataclass(frozen=True)
class Project:
    """The folder as it was named, and within it the one of config.yml, events/, properties/ and kpis/."""

    process: Process
    named: Path
    folder: Path

    @classmethod
    def of(cls, process: Process) -> Project:
        """That of the environment: with a folder `userentity`, as the vendor has it, unless its files lie above."""
        named = named_folder(process)
        flat = named.resolve().name == "userentity" or any(
            (named / name).exists() for name in ("config.yml", "events", "actions")
        )
        return cls(process, named, named if flat else named / "userentity")

    @contextmanager
    def warehouse(self, target: str | None) -> Iterator[Warehouse]:
        """The warehouse, to look at. Raises BadInput where none is named, CannotConnect, Locked."""
        from runner.doors.semantic.commands.loaded import target_of
        from runner.doors.semantic.files.read import read_settings
        from runner.doors.semantic.values import Config
        from runner.warehouse import connect
        from runner.warehouse.values import session_name

        problems = Problems()
        path = self.folder / "config.yml"
        settings = read_settings(self.folder, self.process.env, problems)
        problems.finish()
        chosen = target_of(self.process, Config(path, settings, (), (), ()), self.named, target)
        name = session_name("asemic-cli", self.process.new_run_id())
        opened = connect(
            chosen, name, read_only=True, new=False, watch=self.process.watch, secrets=self.process.secrets
        )
        try:
            yield opened
        finally:
            opened.close()

    def there(self, path: str) -> Path | None:
        """The file of a path, however its name ends, if there is one."""
        file = self.folder / path
        return next((one for one in (file, file.with_suffix(".yaml")) if one.exists()), None)

    def write(self, files: Sequence[NewFile], overwrite: bool) -> None:
        """Write them all, or none where one is there already. Raises BadInput."""
        found = [there for file in files if (there := self.there(file.path)) is not None]
        if found and not overwrite:
            hint = "keep it, or --overwrite writes it anew"
            raise BadInput(
                [Problem(Place(path), "the file is there already; nothing was written", hint) for path in found]
            )
        for file in files:
            path = self.there(file.path) or self.folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
            self.process.out.write(f"wrote {path}\n")
