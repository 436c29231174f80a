"""What `runner config validate` finds: errors and warnings with a code, a place and a hint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.errors import Place, Problem
from runner.files.schema import UNKNOWN_KEY
from runner.files.yaml import DUPLICATE_KEY


@dataclass(frozen=True)
class Finding:
    """One of them. Codes are those of docs/semantic-rules.md."""

    code: str
    place: Place
    what: str
    hint: str = ""

    @property
    def is_error(self) -> bool:
        return self.code.startswith("E")

    def __str__(self) -> str:
        where = f"{self.place}: " if str(self.place) else ""
        text = f"{where}{self.code} {self.what}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


def of_problem(problem: Problem) -> Finding:
    """A problem of form. Those of the general reader have no code of ours."""
    code = {"": "E01", UNKNOWN_KEY: "E01", DUPLICATE_KEY: "E02"}.get(problem.code, problem.code)
    return Finding(code, problem.place, problem.what, problem.hint or "see docs/semantic-rules.md")


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """As a reader meets them: by file and line."""
    return sorted(
        dict.fromkeys(findings), key=lambda f: (str(f.place.path or ""), f.place.line, f.place.column, f.code, f.what)
    )
