"""What a check of the reliability suite did, in numbers: one row of the table that `python -m tests.soak` prints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Tally:
    """One check on one engine. `size`: schedules, rounds, files; `faults`: what was injected into them."""

    check: int  # as numbered in tests/README.md
    name: str
    engine: str
    size: int = 0
    faults: int = 0
    divergences: int = 0  # readers, manifest or tables not as the oracle says
    wrong_reports: int = 0  # exit code or message not the truth
    tracebacks: int = 0
    secrets: int = 0
    seeds: str = ""
    notes: tuple[str, ...] = field(default=())  # what went wrong, one line each

    @property
    def failed(self) -> bool:
        """True if anything was found."""
        return bool(self.divergences or self.wrong_reports or self.tracebacks or self.secrets)

    def __add__(self, other: Tally) -> Tally:
        return replace(
            self,
            size=self.size + other.size,
            faults=self.faults + other.faults,
            divergences=self.divergences + other.divergences,
            wrong_reports=self.wrong_reports + other.wrong_reports,
            tracebacks=self.tracebacks + other.tracebacks,
            secrets=self.secrets + other.secrets,
            notes=self.notes + other.notes,
        )

    def row(self) -> str:
        """A line of a Markdown table."""
        cells = (self.check, self.name, self.engine, self.size, self.faults, self.divergences, self.wrong_reports,
                 self.tracebacks, self.secrets, self.seeds)  # fmt: skip
        return "| " + " | ".join(str(cell) for cell in cells) + " |"


HEADER = (
    "| check | what | engine | size | faults | divergences | wrong reports | tracebacks | secrets | seeds |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)
