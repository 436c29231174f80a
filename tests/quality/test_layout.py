"""The shape of the tree: folders that can be read at a glance, modules that say their job, pages that name what is there."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from tests.kit import ROOT

FOLDER = 12  # modules that one sees at a glance; a package's face is not counted
FILES = [path for top in ("runner", "tests") for path in sorted((ROOT / top).rglob("*.py"))]
THERE = [path for top in ("runner", "tests") for path in (ROOT / top).rglob("*.*") if "__pycache__" not in path.parts]
GUIDES = ["CONTRIBUTING.md", "docs/how-it-works.md", "tests/README.md"]


def test_no_folder_of_the_package_is_a_heap() -> None:
    """A folder with more modules wants a folder within; so nobody has to know by heart what lies where."""
    runner = ROOT / "runner"
    sizes = Counter(path.parent for path in runner.rglob("*.py") if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): size for folder, size in sizes.items() if size > FOLDER} == {}


def test_every_module_says_its_job() -> None:
    """In one line, the first of its docstring: what a list of files or an editor shows of it."""
    silent = []
    for path in FILES:
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first, *rest = said.split("\n")
        if not first.endswith((".", "?")) or rest[:1] not in ([], [""]):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


@pytest.mark.parametrize("page", GUIDES)
def test_guides_name_files_that_are_there(page: str) -> None:
    """Every `name.py` and `folder/` in backquotes, whole or from some folder on."""
    found = re.findall(r"`([\w/]+(?:\.py|/))`", (ROOT / page).read_text(encoding="utf-8"))
    assert found
    paths = [f"/{path.relative_to(ROOT)}" for path in THERE]
    assert [name for name in found if not any(f"/{name}" in path for path in paths)] == []
