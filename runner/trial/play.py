"""One history played: the runner's own increments beside the judge's answers, step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.clock import Clock
from runner.errors import Disturbed, RunnerError
from runner.events import Event
from runner.increment.run import run
from runner.increment.work import NEVER, Request
from runner.names import TableName
from runner.program.values import renamed
from runner.trial.judge import AS_MADE, BACKWARDS, Judge, fill, texts_of
from runner.trial.values import Difference, Kind, Played, Step, Subject, Values
from runner.warehouse.grounds.base import Ground
from runner.warehouse.values import WarehouseError

PAUSE_S = 0.002  # a clock that is read twice has moved on by then
SHUFFLES = range(2, 10)
SHOWN = 5  # rows of a difference that are kept


def play(subject: Subject, ground: Ground, steps: Sequence[Step], clock: Clock) -> Played:
    """What differs. An error on either side is no counterexample: nothing is said then of the models that it stops."""
    return _Game(subject, ground, clock).play(steps)


@dataclass
class _Game:
    subject: Subject
    ground: Ground
    clock: Clock
    differences: dict[TableName, Difference] = field(default_factory=dict)
    mute: dict[TableName, str] = field(default_factory=dict)
    runs: int = 0

    def play(self, steps: Sequence[Step]) -> Played:
        try:
            self.ground.begin()
            self.judge = Judge(self.subject, self.ground)
            for number, step in enumerate(steps):
                if not self._left() or not self._run(number, step):
                    break
        except RunnerError as error:
            self._silence(error.what)
        return Played(self.differences, self.mute, self.runs)

    def _left(self) -> list[TableName]:
        """The tried models that may still be compared: nothing above them has differed or failed."""
        out = {*self.differences, *self.mute}
        return [t for t in self.subject.tables if not self.subject.program.ancestors((t,)) & out]

    def _silence(self, what: str) -> None:
        self.mute |= dict.fromkeys(self._left(), what)

    def _run(self, number: int, step: Step) -> bool:
        """One step; False where it is the last that can be played."""
        failed = self.judge.hear(step, BACKWARDS)
        fill(self.ground, self.ground.runner, step, AS_MADE)
        if failed:
            for table in self._left():
                above = next((t for t in failed if t in self.subject.program.ancestors((table,))), None)
                self.mute |= {table: failed[above]} if above else {}
            return False  # the runner's own run would fail as well
        request = Request(f"trial{number}", NEVER, retract=True, reshape=True)
        try:
            run(self.subject.program, self.ground.runner, request, self.clock, _tell_nobody)
        except Disturbed as disturbed:  # nobody else writes here: the increment is at odds with itself
            if disturbed.table in self._left():
                self.differences[disturbed.table] = Difference(Kind.WRITES, disturbed.table, number)
            self._silence(disturbed.what)
            return False
        self.runs += 1
        heard_again = False
        for table in self._left():
            if heard_again:  # the judge was asked about other orders
                self.judge.hear(step, BACKWARDS)
            found, heard_again = self._compared(table, number, step)
            if found is not None:
                self.differences[table] = found
        return True

    def _compared(self, table: TableName, number: int, step: Step) -> tuple[Difference | None, bool]:
        """What differs in a model, and whether the judge had to be asked again for it."""
        want, columns = self.judge.answer(table), self.judge.columns(table)
        names = tuple(column.name for column in columns)
        name = self.ground.runner.engine.table(renamed(self.subject.program.playbook, table))
        try:
            got = texts_of(self.ground, self.ground.runner, name, columns, self.judge.inexact(table))
        except WarehouseError:
            return Difference(Kind.COLUMNS, table, number, names), False
        if got == want:
            return None, False
        kind, one, other = self._classified(table, step, got, want)
        if kind is None:
            return None, True
        return Difference(kind, table, number, names, _some(one - other), _some(other - one)), True

    def _classified(
        self, table: TableName, step: Step, got: Counter[Values], want: Counter[Values]
    ) -> tuple[Kind | None, Counter[Values], Counter[Values]]:
        """What a difference shows, with the two answers; no kind where the SELECT itself takes either.

        The judge is asked again: does it say the same of the same rows, and of rows in another order?
        """
        one = self._asked(table, step, BACKWARDS)
        self.clock.sleep(PAUSE_S)
        if one != self._asked(table, step, BACKWARDS):
            return Kind.CLOCK, got, want
        other = self._asked(table, step, AS_MADE)
        same = self.judge.equal(table, got - want, want - got)
        if one != other:
            return (None if same else Kind.ORDER), other, one
        if same and any(self._asked(table, step, order) != one for order in SHUFFLES):
            return None, got, want  # of equal values it takes any
        return (Kind.SAME if same else Kind.KEY), got, want

    def _asked(self, table: TableName, step: Step, order: int) -> Counter[Values]:
        self.judge.hear(step, order)
        return self.judge.answer(table)


def _some(rows: Counter[Values]) -> tuple[Values, ...]:
    return tuple(sorted(rows.elements(), key=str)[:SHOWN])


def _tell_nobody(_event: Event) -> None:
    """A trial's runs are nobody's."""
