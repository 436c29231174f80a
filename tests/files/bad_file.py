"""A bad input as a value: the files of one folder, the place that the message must name, words of what it must say.

`PLAYBOOK` and `SELECT` are right (test_bad_input.py runs them); bad_playbooks.py and bad_sql.py change one thing in them, or
replace them. What is large or is no regular file is made by a function when the folder is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PLAYBOOK = """\
name: web
target: TARGET
source:
  table: atomic.events
  batch: etl_tstamp
models:
  - table: derived.s
    sql: s.sql
    key: k
"""
SELECT = "select k, count(*) as n from atomic.events group by k\n"
PLAIN = "name: web\ntarget: TARGET\nqueries: q.sql\n"

Content = str | bytes
Build = Callable[[Path], None]


@dataclass(frozen=True)
class Bad:
    """One bad input. `where` is `file:line`, or `file` where all of it is meant; `what` a part of the message."""

    name: str
    where: str
    what: str
    files: tuple[tuple[str, Content], ...] = ()
    build: Build | None = None
    code: int = 2
    args: tuple[str, ...] = ()
    engine: str = "duckdb"  # whose target the playbook names

    def write(self, folder: Path, target: str) -> Path:
        """Put the files into a folder; the playbook's path. TARGET in it becomes the warehouse not to be touched."""
        files = {"web.yml": PLAYBOOK, "s.sql": SELECT} | dict(self.files)
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content.encode() if isinstance(content, str) else content
            path.write_bytes(data.replace(b"TARGET", target.encode()) if name.endswith(".yml") else data)
        if self.build:
            self.build(folder)
        return folder / "web.yml"


def page(name: str, where: int, what: str, old: str, new: str, engine: str = "duckdb") -> Bad:
    """The good playbook with one text replaced."""
    assert old in PLAYBOOK, name
    return Bad(name, f"web.yml:{where}", what, (("web.yml", PLAYBOOK.replace(old, new, 1)),), engine=engine)


def added(name: str, where: int, what: str, text: str, engine: str = "duckdb") -> Bad:
    """The good playbook with lines at its end: they begin at line 10."""
    return Bad(name, f"web.yml:{where}", what, (("web.yml", PLAYBOOK + text),), engine=engine)


def whole(name: str, where: str, what: str, text: Content, code: int = 2) -> Bad:
    """Another playbook altogether."""
    return Bad(name, where, what, (("web.yml", text),), code=code)


def select(name: str, where: int | str, what: str, text: Content, engine: str = "duckdb", variables: str = "") -> Bad:
    """Another SELECT for the good playbook."""
    place = f"s.sql:{where}" if isinstance(where, int) else where
    return Bad(name, place, what, (("web.yml", PLAYBOOK + variables), ("s.sql", text)), engine=engine)


def template(name: str, what: str, text: str, where: int = 2) -> Bad:
    """A SELECT with a template in its second line, over variables v (a text), n (a number) and l (a list)."""
    variables = "variables: {v: abc, n: 7, l: [a, b, c, d, e, f, g, h, i, j]}\n"
    return select(
        f"template: {name}",
        where,
        what,
        f"select k, count(*) as n from atomic.events\n{text}\ngroup by k\n",
        variables=variables,
    )


def script(name: str, where: int, what: str, phase: str, text: str, top: str = "", engine: str = "duckdb") -> Bad:
    """A plain query of a phase, in a playbook that has a model too."""
    page_text = f"name: web\ntarget: TARGET\nsource: {{table: atomic.events, batch: etl_tstamp}}\n{top}steps:\n"
    page_text += "  - {name: m, models: [{table: derived.s, sql: s.sql, key: k}]}\n"
    page_text += f"  - {{name: q, phase: {phase}, queries: q.sql}}\n"
    files = (("web.yml", page_text), ("q.sql", text))
    return Bad(f"script: {name}", f"q.sql:{where}" if where else "q.sql", what, files, engine=engine)


def built(name: str, where: str, what: str, build: Build, *files: tuple[str, Content]) -> Bad:
    """Something that is no text to write."""
    return Bad(name, where, what, files, build)


# -- what is made in the folder ---------------------------------------------------------------------------------------


def link(name: str, to: str) -> Build:
    """A symbolic link in place of a file."""

    def make(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(to)

    return make


def outside(name: str) -> Build:
    """A link to a good SELECT beside the folder of the playbook."""

    def make(folder: Path) -> None:
        other = folder.parent / f"{folder.name}-outside"
        other.mkdir(exist_ok=True)
        (other / "s.sql").write_text(SELECT)
        link(name, str(other if "." not in name else other / "s.sql"))(folder)

    return make


def fifo(name: str) -> Build:
    """A named pipe: whoever opens it waits for ever."""

    def make(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return make


def directory(name: str) -> Build:
    """A folder in place of a file."""

    def make(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()

    return make


def gone(name: str) -> Build:
    """No file."""

    def make(folder: Path) -> None:
        (folder / name).unlink()

    return make


def filled(name: str, piece: bytes, times: int, before: bytes = b"", after: bytes = b"") -> Build:
    """A large file."""

    def make(folder: Path) -> None:
        (folder / name).write_bytes(before + piece * times + after)

    return make


def deep(opening: str, middle: str, closing: str, times: int = 5_000) -> str:
    """Something nested."""
    return opening * times + middle + closing * times


LONG = "a_name_that_is_longer_than_the_63_bytes_which_postgres_keeps_of_any_name"
