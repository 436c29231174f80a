"""From which dialect to which, and the answer that each part of a SELECT gets."""

from __future__ import annotations

from dataclasses import dataclass

Answer = tuple[str, str] | None  # why it does not port, and what to write instead


@dataclass(frozen=True)
class Pair:
    """From which dialect to which."""

    read: str
    write: str

    def within(self, *engines: str) -> bool:
        """Whether both are among these."""
        return {self.read, self.write} <= set(engines)

    def touches(self, engine: str) -> bool:
        """Whether either is this one."""
        return engine in (self.read, self.write)
