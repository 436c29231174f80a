"""SQL files below sql_root: which one a path means on an engine, and its text."""

from __future__ import annotations

import os
from pathlib import Path

from runner.errors import BadInput, Place, Problem, Problems, did_you_mean
from runner.files import text
from runner.files.text import HIDDEN, Bounds

BOUNDS = Bounds(
    5_000_000, "load data by COPY; split a script in several", HIDDEN, "delete it; write chr(…) if a value needs it"
)


def find(root: Path, path: str, engine: str, place: Place) -> Path:
    """The file for `path` below `root`: `x.<engine>.sql` wins over `x.sql`. Raises BadInput if it is not a fit file."""
    wanted = Path(path)
    plain = root / wanted
    own = plain.with_name(f"{plain.stem}.{engine}{plain.suffix}") if plain.name and wanted.name else plain
    try:
        file = own if own.is_file() else plain
        real, inside = file.resolve(), root.resolve()
        exists, regular = real.exists(), real.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long, links in a circle, not permitted
        said = getattr(error, "strerror", None) or "its links go in a circle"
        raise BadInput(Problem(place, f"{_short(path)} cannot be read: {said}", _BELOW)) from None
    if not real.is_relative_to(inside):
        raise BadInput(Problem(place, f"{path} leaves sql_root", f"put it below {root}"))
    if not exists:
        hint = did_you_mean(path, _some_files(root), _BELOW)
        raise BadInput(Problem(place, f"{_short(path)}: no such file below {root}", hint))
    if not regular:
        raise BadInput(Problem(place, f"{path} is not a regular file", _BELOW))
    if not (file.name.endswith(_ENDING) and real.name.endswith(_ENDING)):  # errors quote what they are about
        raise BadInput(
            Problem(place, f"{_short(path)} is not called .sql", "messages may quote it: rename a file of SQL")
        )
    return file


_ENDING = (".sql", ".SQL")
_BELOW = "write the path of a SQL file, from sql_root: on (the playbook's own folder, where there is none)"


def _short(path: str) -> str:
    return path if len(path) <= 100 else f"{path[:99]}…"


def _some_files(root: Path) -> list[str]:
    """The paths of SQL files below `root`. Only some are looked for: it may be the whole machine."""
    names: list[str] = []
    for seen, (folder, _, files) in enumerate(os.walk(root)):
        names += [os.path.relpath(os.path.join(folder, name), root) for name in files if name.endswith(".sql")]
        if seen >= 200 or len(names) >= 1000:
            break
    return names


def read(file: Path, place: Place) -> str:
    """The file's text. Raises BadInput."""
    try:
        return text.read(file, BOUNDS, Problems())
    except OSError as error:
        raise BadInput(Problem(place, f"{file} cannot be read: {error.strerror}", _BELOW)) from None
