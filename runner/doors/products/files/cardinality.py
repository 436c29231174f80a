"""How many of an entity an event has: what a specification and its source applications say together."""

from __future__ import annotations

from collections.abc import Iterable

from runner.doors.products.values import Family, Specification, Use
from runner.errors import Problems


def check_cardinality(specification: Specification, problems: Problems) -> None:
    """Problems entities that are listed twice with another cardinality, and applications that contradict."""
    own: dict[Family, Use] = {}
    for use in specification.entities:
        first = own.setdefault(use.uri.family, use)
        if first is not use and _apart(first, use):
            _contradiction(use, first, "here and", problems)
    for application in specification.applications:
        for use in application.entities:
            if (mine := own.get(use.uri.family)) is not None and _apart(mine, use):
                words = f"in {specification.name}, but its source application {application.name} has"
                _contradiction(mine, use, words, problems)


def _apart(one: Use, other: Use) -> bool:
    """Whether no number of elements would do for both."""
    return any(a.most is not None and b.least > a.most for a, b in ((one, other), (other, one)))


def _contradiction(use: Use, other: Use, words: str, problems: Problems) -> None:
    what = f"{use.uri} has cardinality {use.cardinality} {words} {other.cardinality} at {other.place}"
    problems.add(use.place, what, "no event can have both: mend one of them")


def mentions(specifications: Iterable[Specification]) -> list[Use]:
    """All entities, those of the specifications before those of their source applications."""
    chosen = list(specifications)
    own = [use for one in chosen for use in one.entities]
    return own + [use for one in chosen for app in one.applications for use in app.entities]


def single(family: Family, uses: Iterable[Use]) -> bool:
    """Whether an event has one element at most, as all that mention the entity say."""
    return all(use.most == 1 for use in uses if use.uri.family == family)
