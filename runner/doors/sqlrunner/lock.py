"""Lock files, shared with SQL Runner: same path, same meaning, same first line; but made in one step.

A hard lock stays after a failure, for a human to look; a soft one goes with the run. SQL Runner looks first and makes
the file then, so that six starts at once all run; here one of them does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MODE = 0o600


class LockHeld(Exception):
    """Somebody has the lock (exit code 3)."""


@dataclass(frozen=True)
class LockFile:
    """A lock at `path`; a soft one goes with any end of its run."""

    path: str
    soft: bool = False

    def exists(self) -> bool:
        """Whether somebody has it."""
        return os.path.lexists(self.path)

    def refusal(self) -> str:
        """Why a run cannot start."""
        said = f"{self.path} found on start, previous run failed or is ongoing. Cannot start"
        owner = self._owner()
        return f"{said} ({owner})" if owner else said

    def _owner(self) -> str:
        with suppress(OSError, UnicodeDecodeError):
            return ", ".join(Path(self.path).read_text(encoding="utf-8").split("\n"))[:200].strip(", ")
        return ""

    def make(self, now_utc: str, owner: str) -> Callable[[], None]:
        """Take it; gives the call that lets it go. Raises LockHeld, or OSError where the file cannot be made."""
        try:
            file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE)
        except FileExistsError:
            raise LockHeld(self.refusal()) from None
        ours = f"{now_utc}\n{owner}\n"
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            opened.write(ours)

        def release() -> None:
            """Once, and only if it is still the one that was made here: another run may have it by now."""
            with suppress(OSError, UnicodeDecodeError):
                if Path(self.path).read_text(encoding="utf-8") == ours:
                    self.delete()

        return release

    def delete(self) -> None:
        """Delete it, whoever made it. Raises OSError."""
        os.remove(self.path)
