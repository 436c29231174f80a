"""Questions for who sits at a terminal; everyone else gets guesses, or an error that names the option."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TextIO

from runner.errors import BadInput, Place, Problem
from runner.session.process import Process

NOTHING = "-"  # how a user says that there is no such column


@dataclass(frozen=True)
class Wizard:
    """Asks on `out` and reads from `answers`; None: nobody is there to answer."""

    out: TextIO
    answers: TextIO | None = None

    @classmethod
    def of(cls, process: Process, no_wizard: bool) -> Wizard:
        """One that asks, if this is a terminal and the user has not said otherwise."""
        there = not no_wizard and sys.stdin.isatty() and sys.stdout.isatty()
        return cls(process.out, sys.stdin if there else None)

    @property
    def asks(self) -> bool:
        return self.answers is not None

    def answer(self, given: str | None, question: str, default: str = "") -> str:
        """What the user has said or says; the default where nothing is said. Raises BadInput at the end of input."""
        if given is not None or self.answers is None:
            return default if given is None else given
        self.out.write(f"{question}{f' [Leave empty for {default}]' if default else ''}: ")
        self.out.flush()
        line = self.answers.readline()
        if not line:
            raise BadInput(Problem(Place(), "no answer came; nothing was written", "--no-wizard does not ask"))
        return line.strip() or default

    def need(self, given: str | None, option: str, question: str, default: str = "") -> str:
        """The same of something that has to be known. Raises BadInput."""
        found = self.answer(given, question, default)
        if not found:
            raise BadInput(Problem(Place(), f"{option} is missing", f"{option} … , or answer on a terminal"))
        return found
