"""Programs that are kept between runs: nothing in them can be run, and nobody else's are taken."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from runner.playbook.load import load
from runner.program import cache, stored
from runner.program.load import load as read
from runner.program.values import Program
from tests.kit import ROOT


@dataclass
class Kept:
    """A playbook of one model, and the folder that its program is kept in."""

    folder: Path
    playbook: Path
    made: int = 0
    said: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)

    def program(self) -> Program:
        """As a command asks for it."""
        playbook = load(self.playbook, self.env)

        def make() -> Program:
            self.made += 1
            return read(playbook, "duckdb", "duckdb")

        return cache.load(self.folder, playbook, "duckdb", make, playbook.hidden, self.said.append)

    def file(self) -> Path:
        """The only one."""
        (file,) = self.folder.glob("program-*")
        return file


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """One that nobody has asked for yet."""
    (tmp_path / "sessions.sql").write_text("select domain_sessionid, count(*) as n from atomic.events group by 1")
    source = "source: {table: atomic.events, batch: etl_tstamp}"
    model = "{table: derived.sessions, sql: sessions.sql, key: domain_sessionid}"
    playbook = tmp_path / "p.yml"
    playbook.write_text(f"name: p\ntarget: duckdb:///p.duckdb\n{source}\nmodels:\n  - {model}\n")
    return Kept(tmp_path / "cache", playbook)


def test_a_program_is_made_once(kept: Kept) -> None:
    """And is the same from then on, places in files included; the folder and its file are the user's alone."""
    made, found = kept.program(), kept.program()
    assert kept.made == 1 and not kept.said
    assert found == made and stored.text_of(found) == stored.text_of(made)
    assert (kept.folder.stat().st_mode & 0o777, kept.file().stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_program_is_made_anew_by_other_code(kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module changed, in any of the folders that a program is made by: work on the runner meets no old program."""
    code = [tmp_path / "runner" / folder / "one.py" for folder in cache.CODE]
    for file in code:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "runner" / "program" / "cache.py"))
    kept.program()
    for made, file in enumerate(code, 2):
        os.utime(file, (made, made))
        kept.program()
        assert kept.made == made, file


def test_a_program_is_made_anew_by_another_text_of_any_file(kept: Kept) -> None:
    """Of any model, script or view, in any step: an old program would run old SQL."""
    folder = kept.playbook.parent
    names = ("one", "two", "view", "three", "four", "first", "second")
    for name in names:
        (folder / f"{name}.sql").write_text("select 1 as n")
    models = [f"{{table: derived.{name}, sql: {name}.sql}}" for name in names[:4]]
    models[2] = "{table: derived.view, sql: view.sql, as: view}"
    lines = (
        "name: p\ntarget: duckdb:///p.duckdb\nsource: {table: atomic.events, batch: etl_tstamp}\nsteps:",
        f"  - {{name: a, models: [{', '.join(models[:3])}]}}",
        f"  - {{name: b, models: [{models[3]}, {{table: derived.four, sql: four.sql}}]}}",
        "  - {name: c, phase: after, queries: [first.sql, second.sql]}",
    )
    kept.playbook.write_text("\n".join(lines))
    kept.program()
    for made, name in enumerate(names, 2):
        (folder / f"{name}.sql").write_text("select 2 as n")
        kept.program()
        assert kept.made == made, name


def test_the_shipped_playbook_comes_back_whole() -> None:
    """Every value of it."""
    program = read(load(ROOT / "playbooks/ecommerce.yml", {}), "duckdb", "duckdb")
    text = stored.text_of(program)
    assert stored.program_of(text) == program and stored.text_of(stored.program_of(text)) == text


def _within(annotation: object, seen: set[type]) -> Iterator[type]:
    """The classes that a value of this type may be made of."""
    for argument in typing.get_args(annotation):
        yield from _within(argument, seen)
    if not isinstance(annotation, type) or annotation in seen or typing.get_args(annotation):
        return
    seen.add(annotation)
    yield annotation
    if dataclasses.is_dataclass(annotation):
        for hint in typing.get_type_hints(annotation).values():
            yield from _within(hint, seen)


def test_every_class_of_a_program_can_be_kept() -> None:
    """A new one is listed, under a name of its own."""
    plain = {*stored.PLAIN, type(...), Path}
    found = {one for one in _within(Program, set()) if one not in plain}
    assert found == set(stored.CLASSES)
    assert len({one.__name__ for one in found}) == len(found)


def _signed(text: str) -> bytes:
    """The text as a file that nothing has damaged."""
    return f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode()


class _Code:
    """What pickle would run while it reads."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch touched",)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(_Code()),
        b"cbuiltins\nexec\n(S'import os; os.mkdir(\"touched\")'\ntR.",
        b"crunner.sqltext\nos.system\n(S'touch touched'\ntR.",
        b"crunner.program.values\nPath.cwd\n(tR.",
        '[["os.mkdir", "touched"]]',
        '[["runner.program.values.Path.mkdir", "touched"]]',
        '[["Path", "touched"], ["Path.mkdir", [0]]]',
        '[["TableName"]]',
        '[["Path", "touched"]]',
        "[" * 100_000,
        b"",
    ],
)
def test_nothing_in_a_file_is_run(data: bytes | str, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in it: it is no program, and a right one takes its place."""
    monkeypatch.chdir(kept.playbook.parent)
    kept.program()
    kept.file().write_bytes(data if isinstance(data, bytes) else _signed(data))
    assert kept.program().models
    assert not Path("touched").exists()
    assert kept.made == 2
    kept.program()
    assert kept.made == 2


def test_a_damaged_file_is_none(kept: Kept) -> None:
    """One other letter in a SELECT is another SELECT."""
    kept.program()
    kept.file().write_bytes(kept.file().read_bytes().replace(b"count(*)", b"count(n)"))
    assert "count(*)" in kept.program().models[0].select.text
    assert kept.made == 2


def _planted(kept: Kept) -> Path:
    """The file of the program, with another one in it: who reads it sends other statements."""
    program = replace(kept.program(), models=(), digest="planted")
    file = kept.file()
    file.write_bytes(_signed(stored.text_of(replace(program, kept=None))))
    assert kept.program().digest == "planted"
    return file


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o702])
def test_a_folder_that_others_may_write_is_refused(mode: int, kept: Kept) -> None:
    """Nothing is read from it and nothing written, notes neither; the message says so, and what to do."""
    file = _planted(kept)
    cache.note(kept.program(), "proved")
    before = sorted(kept.folder.iterdir())
    kept.folder.chmod(mode)
    file.write_text(file.read_text())
    program = kept.program()
    assert program.models and program.kept is None and not cache.is_noted(program, "proved")
    assert f"{kept.folder} may be written to by others" in kept.said[0] and "chmod go-w" in kept.said[1]
    cache.note(program, "more")
    assert sorted(kept.folder.iterdir()) == before


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
def test_what_another_user_made_is_not_taken(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of theirs is refused, a link to it as well."""
    _planted(kept)
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    assert kept.program().models
    assert "belongs to another user" in kept.said[0]


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
@pytest.mark.parametrize("how", ["owner", "link", "mode", "pipe", "folder"])
def test_a_file_that_is_not_the_users_own_is_none(how: str, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a folder that is: left by another user, a link to somewhere, open to others, no file at all; nor is a note."""
    _planted(kept)
    program = kept.program()
    cache.note(program, "proved")
    assert cache.is_noted(program, "proved")
    for one in kept.folder.iterdir():
        aside = kept.playbook.with_name(f"aside-{one.name}")
        if how == "link":
            one.rename(aside)
            one.symlink_to(aside)
        elif how == "mode":
            one.chmod(0o666)
        elif how != "owner":
            one.unlink()
            os.mkfifo(one) if how == "pipe" else one.mkdir()
    if how == "owner":
        monkeypatch.setattr(cache, "_refused", lambda folder: "")
        monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    assert not cache.is_noted(program, "proved")
    assert kept.program().models and not kept.said


def test_values_of_the_environment_are_not_kept(kept: Kept) -> None:
    """The program is, without them, and whole again where it is read; one with what is known to be a secret is not."""
    text = kept.playbook.read_text().replace("models:", "variables: {said: '${SAID}', more: 'a ${MORE} b'}\nmodels:")
    kept.playbook.write_text(text)
    select = "select domain_sessionid, {{ said | lit }} as said, {{ more | lit }} as more from atomic.events"
    (kept.playbook.parent / "sessions.sql").write_text(f"{select} group by 1")
    kept.env = {"SAID": 'it\'s "said" é', "MORE": "said and more"}
    made, found = kept.program(), kept.program()
    assert kept.made == 1 and found == made and found.playbook.hidden == made.playbook.hidden
    said = kept.file().read_text()
    assert not [word for word in ("it's", "it''s", "é", "\\u00e9", "and more") if word in said]
    kept.env["MORE"] = "something else"
    assert "something else" in kept.program().models[0].select.text and kept.made == 2
    kept.playbook.write_text(text.replace("said:", "api_token:"))
    (kept.playbook.parent / "sessions.sql").write_text(f"{select.replace('said |', 'api_token |')} group by 1")
    kept.program()
    kept.program()
    assert kept.made == 4
