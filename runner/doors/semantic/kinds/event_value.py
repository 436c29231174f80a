"""An event property: a value of each user and day with events of a kind, which has a default on other days."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.doors.semantic.formulas import Formula, Literal
from runner.doors.semantic.kinds.base import Known, PropertyKind
from runner.doors.semantic.names import Names
from runner.doors.semantic.types import Aggregate, AtRest
from runner.errors import Place
from runner.names import TableName


@dataclass(frozen=True)
class EventValue(PropertyKind):
    """A value of each user and day with events of a kind."""

    word = "event_property"
    event: str
    select: Formula
    function: Aggregate
    where: Formula | None = None
    default: Literal | None = None
    at: Place = field(default_factory=Place, compare=False)  # where the event is named

    @property
    def reads(self) -> str:
        return self.event

    def at_rest(self, known: Known) -> AtRest:
        if self.default is None:
            return AtRest.NULL
        return AtRest.ZERO if self.default.is_zero else AtRest.VALUE

    def is_always_there(self, known: Known) -> bool:
        return self.default is not None

    def table(self, names: Names) -> TableName | None:
        return names.days(self.event)
