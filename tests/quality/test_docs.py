"""Every command block of the docs is run, word for word, in an empty folder or where its page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]
ONE_FOLDER = "<!-- one-folder -->"  # a page whose blocks are steps, each behind the one before
IN_THE_CHECKOUT = "<!-- in-the-checkout -->"  # a page for who has one
OWN_ENVIRONMENT = "python3 -m venv"  # setting up; README's two commands are run by .ci/run: one of them runs this test


def blocks(page: Path) -> list[str]:
    """The sh blocks of a page; a walk-through is one."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return ["".join(found)] if ONE_FOLDER in text else found


def python_of(page: Path) -> str:
    """The Python blocks of a page, one program."""
    return "".join(
        re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    )


CASES = [(page, text) for page in PAGES for text in blocks(page) if OWN_ENVIRONMENT not in text]


@pytest.mark.parametrize(("page", "text"), CASES, ids=[f"{page.name}-{n}" for n, (page, _) in enumerate(CASES)])
def test_block(page: Path, text: str, tmp_path: Path) -> None:
    """Each line of a command block ends with exit code 0."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    folder = ROOT if IN_THE_CHECKOUT in page.read_text(encoding="utf-8") else tmp_path
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{page}:\n{text}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", [page for page in PAGES if python_of(page)], ids=lambda page: page.name)
def test_python(page: Path, tmp_path: Path) -> None:
    """The Python of a page runs from its first block to its last, beside the project that `runner init shop` makes."""
    text = (
        f"from runner.commands.init import make\nfrom pathlib import Path\nlist(make(Path('shop')))\n{python_of(page)}"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{page}:\n{text}\n{done.stdout}\n{done.stderr}"
    assert done.stderr == ""


def test_readme_has_its_two_commands() -> None:
    """README gives one command for the main job and one for the tests, each with an environment of its own."""
    commands = [text for text in blocks(ROOT / "README.md") if OWN_ENVIRONMENT in text]
    assert len(commands) == 2
    assert "runner run playbooks/web.yml" in commands[0]
    assert "pytest" in commands[1]


def test_playbook_keys_are_documented() -> None:
    """Every key that the loader knows stands in README or in tests/README.md's list of generated-model keys."""
    from runner.playbook import format as playbook_format

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    known = set(re.findall(r'row\.\w+\("(\w+)"', Path(playbook_format.__file__).read_text(encoding="utf-8")))
    internal = {"affected", "input", "rows", "dialect"}
    missing = {key for key in known - internal if not re.search(rf"\b{key}\b", text)}
    assert known, "the format's rows are not where this test looks"
    assert not missing
