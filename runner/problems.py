"""Problems collected while something is read, so that a user gets all of them at once, and values fit to be shown."""

from __future__ import annotations

from typing import NoReturn

from runner.errors import BadInput, Place, Problem
from runner.secrets import Secrets

MAX_PROBLEMS = 100


class Problems:
    """Collects problems, so that a user gets all of them at once; what came from the environment is masked."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.secrets = Secrets()  # whatever came from the environment: messages show what the file says

    def add(self, place: Place, what: str, hint: str = "", code: str = "") -> None:
        if len(self.found) >= MAX_PROBLEMS:
            raise BadInput([*self.found, Problem(place, "and more", f"mend these {MAX_PROBLEMS} first")])
        self.found.append(Problem(place, self.secrets.masked(what), self.secrets.masked(hint), code))

    def stop(self, place: Place, what: str, hint: str = "", code: str = "") -> NoReturn:
        """Add a problem that nothing can be read behind."""
        self.add(place, what, hint, code)
        raise BadInput(self.found)

    def finish(self) -> None:
        if self.found:
            raise BadInput(self.found)


def show(text: str) -> str:
    """A value for a message: in quotes, shortened, with control and other invisible characters escaped."""
    short = text if len(text) <= 60 else text[:59] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short) + "'"
