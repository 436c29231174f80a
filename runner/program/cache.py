"""Programs that were loaded before: reading and checking the same SQL again would cost more than a run with nothing to do.

A file a program, in the user's cache folder, named by a hash of all that went in: the playbook's values, every SQL
file's bytes, the engine, the versions of runner and parser. A file that cannot be read, is not ours or is damaged is
as good as none. Who may write here decides what SQL is sent under the user's name and that it needs no proof: so the
folder and its files must be the user's own, and nobody else's to write to.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from runner import __version__
from runner.errors import RunnerError
from runner.playbook.values import Playbook
from runner.program import stored
from runner.program.values import Program
from runner.secrets import NO_SECRETS, Secrets
from runner.sql import files
from runner.warehouse.target import MEMORY

_MAKERS = ". files joins playbook porting program program/checks program/selects proof sql warehouse warehouse/engines"
CODE = _MAKERS.split()  # the folders that a program is made by
KEEP = 50


def load(
    folder: Path | None,
    playbook: Playbook,
    engine: str,
    make: Callable[[], Program],
    secrets: Secrets,
    say: Callable[[str], None],
) -> Program:
    """The program from the cache, or made and kept. `folder` None: always made; `say` hears why a folder is not used.

    The target is not kept: a program is the same for every target of its engine, and a URL may hold a password. Nor are
    values of the environment that are not to be shown; nor a program in which one of the `secrets` is left.
    """
    if folder is None:
        return make()
    if refused := _refused(folder):
        hint = f"chmod go-w {folder} if it is yours; RUNNER_CACHE=FOLDER names another, RUNNER_CACHE= none"
        say(f"{folder} {refused}: programs are neither read from it nor kept in it, and each run reads all SQL anew")
        say(f"  hint: {hint}")
        return make()
    try:
        file = folder / f"program-{_fingerprint(replace(playbook, target=MEMORY), engine)}"
    except (OSError, RunnerError):
        return make()  # it will say what is wrong with the files
    found = _read(file, playbook)
    if found is not None:
        return replace(found, kept=file)
    program = make()
    text = _text_of(program)
    if secrets.masked(text) == text:
        _write(file, f"{_digest(text)}\n{text}")
    return replace(program, kept=file)


def completed(program: Program, what: str) -> Program | None:
    """The program with what `what` has told of it besides, if it was kept; whoever has made it may be another run."""
    if program.kept is None:
        return None
    found = _read(_note(program.kept, what), program.playbook)
    return None if found is None else replace(found, kept=program.kept)


def complete(program: Program, what: str, made: Program) -> None:
    """Keep a program with what `what` has told of it beside the one that was loaded, where that one is kept.

    Not where values of the environment are not to be shown: what was made of its SQL may spell them in another way.
    """
    if program.kept is not None and program.kept.exists() and not program.playbook.hidden.values:
        text = _text_of(made)
        _write(_note(program.kept, what), f"{_digest(text)}\n{text}")


def _text_of(program: Program) -> str:
    """What is kept of a program: not its target, nor values that are not to be shown."""
    bare = replace(program, playbook=replace(program.playbook, target=MEMORY, hidden=NO_SECRETS), kept=None)
    return _left_out(stored.text_of(bare), program.playbook.hidden)


def is_noted(program: Program, what: str) -> bool:
    """Whether this was noted of the program, by whoever owns what is kept of it."""
    if program.kept is None:
        return False
    try:
        note = _note(program.kept, what)
        if not _is_ours(note.lstat()):
            return False
        os.utime(note)
    except OSError:
        return False
    return True


def note(program: Program, what: str) -> None:
    """Note something that is true of this very program, for the runs to come."""
    if program.kept is not None:
        _write(_note(program.kept, what), "")


def _note(file: Path, what: str) -> Path:
    return file.with_name(f"{file.name}-{hashlib.sha256(what.encode()).hexdigest()[:16]}")


def _fingerprint(playbook: Playbook, engine: str) -> str:
    """All that a program is made from; a missing or unfit file raises."""
    digest = hashlib.sha256(f"{__version__}\0{engine}\0{_code_mark()}\0{playbook!r}\0".encode())
    queries = [query for step in playbook.steps for query in (*(model.sql for model in step.models), *step.queries)]
    for query in (*queries, *(view.sql for view in playbook.views)):
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


def _refused(folder: Path) -> str:
    """Why a folder is not used; '' where it is the user's own, or not there yet."""
    if os.name != "posix":
        return ""
    try:
        itself, found = folder.lstat(), folder.stat()
    except OSError:
        return ""  # it will be made; or nothing can be read in it, nor written
    if itself.st_uid not in (os.getuid(), 0) or found.st_uid != os.getuid():
        return "belongs to another user"
    return "may be written to by others" if _others_may_write(found) else ""


def _is_ours(found: os.stat_result) -> bool:
    """Whether this is a file, and the user's own."""
    if os.name != "posix":
        return True
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and not _others_may_write(found)


def _others_may_write(found: os.stat_result) -> bool:
    return bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _read(file: Path, playbook: Playbook) -> Program | None:
    """The program of a file, with what this run knows of its playbook and does not keep."""
    try:
        with _opened(
            file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
        ) as opened:  # a pipe in its place is not waited for
            if not _is_ours(os.fstat(opened.fileno())):
                return None
            os.utime(file)
            digest, _, text = opened.read().partition("\n")
            if digest != _digest(text):
                return None
            found = stored.program_of(_put_back(text, playbook.hidden))
            return replace(found, playbook=replace(found.playbook, target=playbook.target, hidden=playbook.hidden))
    except Exception:
        return None  # as good as none, whatever is wrong with it


def _write(file: Path, text: str) -> None:
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _refused(file.parent):  # somebody else was first to make it
            return
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        with _opened(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as opened:
            opened.write(text)
        fresh.replace(file)
        old = sorted(file.parent.glob("program-*"), key=lambda f: f.lstat().st_mtime)[:-KEEP]
        for stale in old:
            stale.unlink(missing_ok=True)


def _digest(text: str) -> str:
    """Tells a damaged file: one other letter in a SELECT would be another SELECT."""
    return hashlib.sha256(text.encode()).hexdigest()


def _left_out(text: str, hidden: Secrets) -> str:
    """The text with marks for the values of the environment that a playbook may well use, and not show."""
    for value, mark in _marks(hidden):
        text = text.replace(value, mark)
    return text


def _put_back(text: str, hidden: Secrets) -> str:
    for value, mark in _marks(hidden):
        text = text.replace(mark, value)
    return text


def _marks(hidden: Secrets) -> list[tuple[str, str]]:
    """Each value as JSON has it, and what stands for it: nothing else has a NUL. What is known to be a secret has none."""
    values = [one.value for one in hidden.values if not one.known]
    forms = [form for value in values for form in dict.fromkeys((value.replace("'", "''"), value))]
    return [(json.dumps(form)[1:-1], f"\\u0000{_digest(form)[:16]}") for form in forms]


def _opened(file: Path, flags: int) -> TextIO:
    """A file of the cache; links are not followed, and only its owner may read what is written."""
    number = os.open(file, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    return os.fdopen(number, "w" if flags & os.O_WRONLY else "r", encoding="utf-8")
