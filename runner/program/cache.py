"""Programs that were loaded before: reading and checking the same SQL again would cost more than a run with nothing to do.

A file a program, below the user's cache folder, named by a hash of all that went in: the playbook's values, every SQL
file's bytes, the engine, the versions of runner and parser. A file that cannot be read, is not ours or is damaged is
as good as none. Unpickling is cut down to the runner's own value classes.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from runner import __version__
from runner.errors import RunnerError
from runner.playbook.values import Playbook
from runner.program.values import Program
from runner.secrets import NO_SECRETS, Secrets
from runner.sql import files
from runner.warehouse.target import MEMORY

SAFE = {
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
    ("builtins", "frozenset"),
}
OURS = (
    "runner.playbook.values",
    "runner.program.values",
    "runner.sql.select",
    "runner.names",
    "runner.errors",
    "runner.warehouse.target",
)
_MAKERS = ". files playbook porting program proof sql warehouse warehouse/engines"
CODE = _MAKERS.split()  # the folders that a program is made by
KEEP = 50


class _Unpickler(pickle.Unpickler):
    """Reads values of the runner's own modules only."""

    def find_class(self, module: str, name: str) -> type:
        """Refuse everything that is not a plain value class."""
        if module in OURS or (module, name) in SAFE:
            found: type = super().find_class(module, name)
            return found
        raise pickle.UnpicklingError(f"{module}.{name}")


def load(
    folder: Path | None, playbook: Playbook, engine: str, make: Callable[[], Program], secrets: Secrets = NO_SECRETS
) -> Program:
    """The program from the cache, or made and kept. `folder` None: always made.

    The target is not kept: a program is the same for every target of its engine, and a URL may hold a password. Nor is
    a program whose SQL or variables hold one of the `secrets`.
    """
    if folder is None:
        return make()
    try:
        file = folder / f"program-{_fingerprint(replace(playbook, target=MEMORY), engine)}"
    except (OSError, RunnerError):
        return make()  # it will say what is wrong with the files
    found = _read(file)
    if found is not None:
        return replace(found, playbook=replace(found.playbook, target=playbook.target), kept=file)
    program = make()
    data = pickle.dumps(replace(program, playbook=replace(program.playbook, target=MEMORY)))
    text = data.decode("utf-8", "replace")
    if secrets.masked(text) == text:
        _write(file, data)
    return replace(program, kept=file)


def is_noted(program: Program, what: str) -> bool:
    """Whether this was noted of the program, by whoever owns what is kept of it."""
    if program.kept is None:
        return False
    try:
        note = _note(program.kept, what)
        owned = os.name != "posix" or note.stat().st_uid == os.getuid()
        os.utime(note)
    except OSError:
        return False
    return owned


def note(program: Program, what: str) -> None:
    """Note something that is true of this very program, for the runs to come."""
    if program.kept is not None:
        _write(_note(program.kept, what), b"")


def _note(file: Path, what: str) -> Path:
    return file.with_name(f"{file.name}-{hashlib.sha256(what.encode()).hexdigest()[:16]}")


def _fingerprint(playbook: Playbook, engine: str) -> str:
    """All that a program is made from; a missing or unfit file raises."""
    digest = hashlib.sha256(f"{__version__}\0{engine}\0{_code_mark()}\0{playbook!r}\0".encode())
    for step in playbook.steps:
        for query in [*(model.sql for model in step.models), *step.queries]:
            if query.text is None:
                file = files.find(playbook.sql_root, query.path, engine, query.place)
                digest.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _code_mark() -> int:
    """Changes when the runner's code or its parser does, so that work on it never meets an old program."""
    parser = find_spec("sqlglot")  # found, not imported
    here = Path(__file__).parents[1]
    sources = [
        *(file for folder in CODE for file in here.glob(f"{folder}/*.py")),
        *([Path(parser.origin)] if parser and parser.origin else []),
    ]
    return hash(tuple(file.stat().st_mtime_ns for file in sources))


def _read(file: Path) -> Program | None:
    try:
        if os.name == "posix" and file.stat().st_uid != os.getuid():
            return None
        found = _Unpickler(io.BytesIO(file.read_bytes())).load()
        os.utime(file)
    except Exception:
        return None  # as good as none, whatever is wrong with it
    return found if isinstance(found, Program) else None


def _write(file: Path, data: bytes) -> None:
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.write_bytes(data)
        fresh.replace(file)
        old = sorted(file.parent.glob("program-*"), key=lambda f: f.stat().st_mtime)[:-KEEP]
        for stale in old:
            stale.unlink(missing_ok=True)
