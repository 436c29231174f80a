"""Every bad playbook and SQL file is answered with its place, the reason and a hint, before anything is connected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cli.app import main
from tests.files.bad_file import PLAYBOOK, SELECT, Bad
from tests.files.bad_files import CORPUS
from tests.files.refusals import Watched, by_process, in_process, watched

# Those that could cost most, one of a kind.
DEAREST = (
    "a billion laughs", "5,000 dashes", "just below the limit: brackets", "more values than a file may hold",
    "just below the limit of SQL", "SQL: 5,000 CASEs", "template: a long text", "template: doubling lists",
    "template: too many plusses", "all of the machine as sql_root",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every input is read, none is remembered."""
    monkeypatch.setenv("RUNNER_CACHE", "")


@pytest.fixture(name="port", scope="module")
def port_fixture() -> Iterator[Watched]:
    """Where a Postgres would be, if anybody asked."""
    with watched() as port:
        yield port


def test_the_corpus_is_large_and_no_two_are_alike() -> None:
    """At least 100 inputs, each with a name and files of its own."""
    assert len(CORPUS) >= 100
    for of in ([bad.name for bad in CORPUS], [(bad.files, bad.args) for bad in CORPUS if not bad.build]):
        assert [one for one, times in Counter(of).items() if times > 1] == []


def test_what_the_corpus_changes_is_right(tmp_path: Path) -> None:
    """The playbook and the SELECT that the bad ones are made from are accepted: each is refused for its own fault."""
    (tmp_path / "web.yml").write_text(PLAYBOOK.replace("TARGET", "duckdb:///never.duckdb"))
    (tmp_path / "s.sql").write_text(SELECT)
    assert main(["check", str(tmp_path / "web.yml")]) == 0


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.name) for bad in CORPUS])
def test_a_bad_input_is_refused(bad: Bad, tmp_path: Path, port: Watched) -> None:
    """Exit 2 (8 without steps), `file:line: what` and a hint, within 1 s of CPU, and the warehouse is not touched."""
    assert in_process(bad, tmp_path, port) == []


@pytest.mark.parametrize("name", DEAREST)
def test_the_dearest_cost_a_process_little(name: str, tmp_path: Path, port: Watched) -> None:
    """The same through the command, where a process uses less than 1 s of CPU and 200 MB, its start included."""
    assert by_process(next(bad for bad in CORPUS if bad.name == name), tmp_path, port) == []
