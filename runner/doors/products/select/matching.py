"""Which events are those of the selected specifications, where their event, entities and rules have to tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.doors.products.choose.wide import Match, WideTable
from runner.doors.products.values import Family, Specification, Use
from runner.errors import Problems
from runner.warehouse.engines import Engine

Conditions = Callable[[Specification, Use], list[str]]


def vendor_and_name(family: Family, engine: Engine) -> list[str]:
    """The schema of an event that has no structure: elsewhere the structure itself says that it is that event."""
    return [
        f"e.event_vendor = {engine.literal(family.vendor)}",
        f"e.event_name = {engine.literal(family.name)}",
        f"e.event_version like '{family.major}-%'",
    ]


def matched_columns(wide: WideTable) -> list[str]:
    """The atomic columns that this takes."""
    events = [one.event for one in wide.specifications if one.event and wide.match is Match.INFERRED]
    bare = any(wide.bare(use.uri.family) for use in events)
    return ["event_vendor", "event_name", "event_version"] if bare else []


@dataclass(frozen=True)
class Matching:
    """Joins what an engine says of an event and of each entity."""

    wide: WideTable
    problems: Problems
    event: Conditions
    entity: Conditions

    def condition(self) -> str:
        """True for events of any selected specification."""
        joined = "\n        or ".join(self.conditions())
        return f"(\n        {joined}\n    )"

    def conditions(self) -> list[str]:
        """True for events of each."""
        return [self._of(one) for one in self.wide.specifications]

    def _of(self, one: Specification) -> str:
        if one.event is None:
            what = f"{one.name} has no event, which --match inferred needs"
            self.problems.add(one.place, what, "write event: {source: iglu:…}, or use --match snowtype")
            return "false"
        found = self.event(one, one.event)
        for use in one.entities:
            found += self.entity(one, use)
        joined = "\n            and ".join(found)
        return f"({joined})"
