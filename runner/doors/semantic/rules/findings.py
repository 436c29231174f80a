"""What the rules find: errors and warnings with a code, a place and a hint, collected."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from runner.doors.semantic.values import Config
from runner.errors import Place, Problem, did_you_mean
from runner.files.schema import UNKNOWN_KEY
from runner.files.yaml import DUPLICATE_KEY

_ACTIVITY_ONLY = ("last_activity_date", "days_since_last_active")


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


class Findings:
    """Errors and warnings, collected."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(self, code: str, place: Place, what: str, hint: str) -> None:
        """An error (E…): nothing is run with it; or something to know (W…)."""
        self.found.append(Finding(code, place, what, hint))

    def unknown(self, config: Config, kind: str, name: str, place: Place, what: str, known: Collection[str]) -> None:
        """E06, unless it may be one of those that could not be read."""
        if config.may_have(kind, name):
            return
        if kind == "property" and name in _ACTIVITY_ONLY:
            self.add("E06", place, what, "it is there once an event has tags: [activity_event]")
            return
        self.add("E06", place, what, did_you_mean(name, known) or f"there is no {kind} yet: write one")


def of_problem(problem: Problem) -> Finding:
    """A problem of form. Those of the general reader have no code of ours."""
    code = {"": "E01", UNKNOWN_KEY: "E01", DUPLICATE_KEY: "E02"}.get(problem.code, problem.code)
    return Finding(code, problem.place, problem.what, problem.hint or "see docs/semantic-rules.md")


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """As a reader meets them: by file and line."""
    return sorted(
        dict.fromkeys(findings), key=lambda f: (str(f.place.path or ""), f.place.line, f.place.column, f.code, f.what)
    )
