"""`runner init DIR`: a new project, and nothing else is touched."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from runner.cli.app import main


def init(directory: Path) -> tuple[int, str]:
    """The exit code, and what was said of an error."""
    out, err = io.StringIO(), io.StringIO()
    return main(["init", str(directory)], out=out, err=err), err.getvalue()


def test_a_new_or_an_empty_folder(tmp_path: Path) -> None:
    """Both become a project whose playbook can be checked; made once, it is a folder that is not empty."""
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new/below"):
        assert init(tmp_path / name) == (0, "")
        assert main(["check", str(tmp_path / name / "playbooks/web.yml")], out=io.StringIO()) == 0
        assert init(tmp_path / name)[0] == 2


@pytest.mark.parametrize("holds", ["notes.txt", ".git/config", "playbooks/web.yml"])
def test_a_folder_that_is_not_empty(holds: str, tmp_path: Path) -> None:
    """Exit 2, and what is in it stays as it is, hidden files and a project of one's own included."""
    mine = tmp_path / "mine" / holds
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    code, said = init(tmp_path / "mine")
    assert (code, "is there already and not empty" in said) == (2, True)
    assert [path for path in (tmp_path / "mine").rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "mine"


def test_what_cannot_be_a_folder(tmp_path: Path) -> None:
    """A file, a place below one, a link that leads nowhere: exit 2 with the reason."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere/at/all")
    for name, why in (("file", "already"), ("file/below", "Not a directory"), ("link", "cannot be made")):
        code, said = init(tmp_path / name)
        assert (code, why in said) == (2, True), said
    assert (tmp_path / "file").read_text() == "mine"
