"""What `runner config validate` finds: errors and warnings with a code, a place and a hint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.errors import Place, Problem

_CODE = re.compile(r"(?:.*? )?([EW]\d\d) ")


@dataclass(frozen=True)
class Finding:
    """One of them. Codes are those of docs/semantic-layer.md; a mistake of form has E01."""

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
    """A problem that carries its code in its words."""
    found = _CODE.match(problem.what)
    code = found[1] if found else _of_words(problem.what)
    return Finding(code, problem.place, problem.what.replace(f"{code} ", "", 1), problem.hint)


def _of_words(what: str) -> str:
    return "E02" if what.startswith("duplicate key") else "E01"


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """As a reader meets them: by file and line."""
    return sorted(
        dict.fromkeys(findings), key=lambda f: (str(f.place.path or ""), f.place.line, f.place.column, f.code, f.what)
    )
