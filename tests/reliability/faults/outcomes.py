"""How a run must end when the warehouse gives an error: the table of check 11, by the error's kind and where it comes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.kit.driver import Outcome
from tests.oracles.schedules import Schedule
from tests.reliability.faults.faulty import DUCKDB, POSTGRES, Fault, Kind

COMMIT = ("publish:commit", 1)
AFTER = re.compile(r"after:|state:after-done$")
TIDY = re.compile(r"scratch:drop$|lease:release$|tidy|after:drop-index$")
ASKS = {("state:meta-read", 1), ("state:part-read", 1)}  # is there any state yet? an error is a no: it is made
ROOM = {"53100", "53200", "disk full", "out of memory"}
CREATES = re.compile(r"state:create-")  # tried a second time: two runners may create at once
LOOKS = re.compile(r"catalogue:rowid$")  # table or view? an error is the answer
QUERY = re.compile(r"^\w+:(the \w+):.*")  # plain queries are called by their step and file

Point = tuple[str, int]  # a label, and which of its statements


@dataclass(frozen=True)
class Expected:
    """How a run has to end; the words are in what it says. Without a code it may end in any way that it tells."""

    code: int | None
    words: tuple[str, ...] = ()


def expected(point: Point, fault: Fault) -> Expected:
    """The table."""
    label, kind = point[0], fault.kind
    if TIDY.search(label):
        return Expected(0)
    if AFTER.match(label):
        return Expected(6, ("published",))
    if point in ASKS and kind is Kind.REFUSED and not fault.every and fault.code not in ROOM:
        return Expected(0)
    if CREATES.match(label) and kind in (Kind.RETRY, Kind.REFUSED) and not fault.every:
        return Expected(0)
    if LOOKS.match(label) and kind is not Kind.FATAL:
        return Expected(0)
    if label.startswith("catalogue:") and fault.code == "catalog":
        return Expected(None)  # the engine says that a table is not there: what follows depends on which
    nothing = "nothing was published"
    if LOOKS.match(label):
        return Expected(6, (nothing,))
    if point == COMMIT and kind in (Kind.LOST, Kind.FATAL):
        return Expected(0) if fault.done else Expected(5 if kind is Kind.LOST else 6, (nothing,))
    if kind is Kind.LOST:
        return Expected(5, (nothing,))
    if kind is Kind.RETRY:
        if label.startswith("publish:"):
            return Expected(3, (nothing,)) if fault.every else Expected(0)
        return Expected(3)
    hint = ("make room",) if fault.code in ROOM and not QUERY.match(label) else ()
    return Expected(6, (nothing, QUERY.sub(r"step \1", label), *hint))


def faults(engine: str, point: Point) -> list[Fault]:
    """All that can be injected at a statement: each error once, those that are tried again also every time."""
    found = list(POSTGRES if engine == "postgres" else DUCKDB)
    found += [Fault(f.code, f.kind, every=True) for f in found if f.kind is Kind.RETRY]
    if point[0].endswith(":commit"):
        found += [Fault(f.code, f.kind, done=True) for f in found if f.kind in (Kind.LOST, Kind.FATAL)]
    return found


@dataclass(frozen=True)
class Round:
    """One fault at one statement of a schedule's last run; `lost`: one at its COMMIT went before."""

    schedule: Schedule
    point: Point
    fault: Fault
    lost: Fault | None = None

    def __str__(self) -> str:
        label, count = self.point
        before = f" after {self.lost} at COMMIT" if self.lost else ""
        return f"{self.fault} at {label} #{count}{before} of schedule {self.schedule.seed}"

    @property
    def label(self) -> str:
        """Its row in the fault matrix."""
        return f"resolve {self.point[0]}" if self.lost else self.point[0]

    @property
    def plan(self) -> dict[Point, Fault]:
        """What the injector is told."""
        return {self.point: self.fault} | ({COMMIT: self.lost} if self.lost else {})

    @property
    def expected(self) -> Expected:
        """How the run has to end. While a lost COMMIT is looked up nothing is guessed: look again, or say so."""
        if self.lost is None:
            return expected(self.point, self.fault)
        return Expected(10, ("unknown", "running again is safe")) if self.fault.every else expected(COMMIT, self.lost)


def untruths(round_: Round, ended: Outcome, published: int) -> list[str]:
    """What the exit code and the message say wrong."""
    found = []
    wanted = round_.expected
    if wanted.code is not None and ended.code != wanted.code:
        found.append(f"exit {ended.code}, expected {wanted.code}")
    found += [f"does not say {words!r}" for words in wanted.words if words not in ended.text]
    known = ended.code != 10 and not (ended.code == 6 and AFTER.match(round_.point[0]))
    if known and (ended.code == 0) != bool(published):
        found.append(f"exit {ended.code}, and {published} runs are published")
    if published and "nothing was published" in ended.text:
        found.append("says that nothing was published")
    return found
