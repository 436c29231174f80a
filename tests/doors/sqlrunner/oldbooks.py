"""Playbooks of SQL Runner for tests: written to a folder, run through the `sql-runner` command line in process."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runner.doors.sqlrunner.cli import main
from tests.engines.db import Db, Row
from tests.kit import driver
from tests.kit.driver import Watch


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that it said."""
        return self.out + self.err

    def records(self) -> list[str]:
        """The records of the log without their times."""
        return [line[20:] for line in self.err.splitlines() if line[:4].isdigit() and line[4:5] == "/"]


def target(url: str, name: str = "db", **more: str) -> str:
    """An entry of `targets:` for a Postgres URL, in YAML."""
    parts = urlsplit(url)
    keys = {
        "name": name,
        "type": "postgres",
        "host": parts.hostname or "localhost",
        "port": str(parts.port or 5432),
        "database": parts.path.lstrip("/"),
        "username": unquote(parts.username or "postgres"),
        "password": unquote(parts.password or ""),
    } | more
    return "  - " + "\n    ".join(f'{key}: "{value}"' for key, value in keys.items()) + "\n"


@dataclass
class Book:
    """A folder with a playbook and its SQL, and the database it is for."""

    folder: Path
    url: str = ""
    file: str = "book.yml"
    words: list[str] = field(default_factory=list)

    def write(self, steps: str, variables: str = "", targets: str = "") -> None:
        """The playbook: `steps` and `variables` are YAML below their keys."""
        parts = [f"targets:\n{targets or target(self.url)}"]
        if variables:
            parts.append("variables:\n" + textwrap.indent(textwrap.dedent(variables), "  ").rstrip("\n") + "\n")
        parts.append("steps:\n" + textwrap.indent(textwrap.dedent(steps), "  "))
        self.path.write_text("".join(parts), encoding="utf-8")

    def steps(self, *steps: tuple[str, dict[str, str]], variables: str = "", targets: str = "") -> None:
        """Steps with their queries, name → SQL; each SQL is a template."""
        lines = []
        for number, (name, queries) in enumerate(steps):
            lines.append(f"- name: {name}\n  queries:")
            for query, text in queries.items():
                file = f"{number}-{query}.sql"
                self.sql(file, text)
                lines.append(f"    - {{name: {query}, file: {file}, template: true}}")
        self.write("\n".join(lines) + "\n", variables, targets)

    def sql(self, file: str, text: str) -> None:
        """A SQL file beside the playbook."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    @property
    def path(self) -> Path:
        """The playbook."""
        return self.folder / self.file

    def run(self, *flags: str, watch: Watch | None = None) -> Done:
        """`sql-runner -playbook … flags`."""
        return command("-playbook", str(self.path), *flags, watch=watch)

    def rows(self, sql: str) -> list[Row]:
        """What the database says."""
        with Db(self.url) as db:
            return db.rows(sql)

    def execute(self, sql: str) -> None:
        """Do something in the database."""
        with Db(self.url) as db:
            db.execute(sql)


def command(*words: str, watch: Watch | None = None) -> Done:
    """`sql-runner words`."""
    out, err = io.StringIO(), io.StringIO()
    code = main(list(words), watch, out, err)
    return Done(code, out.getvalue(), err.getvalue())


def runner(*words: str) -> tuple[int, str]:
    """`runner words`: its exit code and all that it said."""
    outcome = driver.command(*words)
    return outcome.code, outcome.text
