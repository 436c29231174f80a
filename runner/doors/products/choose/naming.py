"""What each column of the output is called: a name once given stays, and whoever comes later takes another.

Names that were given before are kept. Of structures that are called alike the first in the product has the plain name
(of versions of one structure the lowest major one), and a later one its vendor or its major version in it, in all of its
columns, whichever of them are chosen. An atomic column that is called as a generated one becomes atomic_<name>.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from runner.doors.products.choose.atomic import OF_SPECIFICATION
from runner.doors.products.columns import AtomicColumn, GeneratedColumn, plain, shortened, snake
from runner.doors.products.values import Family
from runner.errors import Place, Problems, show


@dataclass(frozen=True)
class Given:
    """A name that was given. No structure: a column of atomic.events, its key; no key: the array of all elements."""

    structure: str
    key: str
    name: str

    @property
    def source(self) -> tuple[str, str]:
        """What it is the name of."""
        return self.structure, self.key


@dataclass(frozen=True)
class NamedColumns:
    """All output columns, and what was renamed."""

    atomic: tuple[AtomicColumn, ...]
    columns: tuple[GeneratedColumn, ...]
    notes: tuple[str, ...]

    def given(self) -> tuple[Given, ...]:
        """These names, to be kept and handed in the next time."""
        atomic = (Given("", one.source, one.name) for one in self.atomic)
        return (*atomic, *(Given(str(one.family), one.property, one.name) for one in self.columns))


def structure_names(families: Sequence[Family], before: Sequence[Given] = ()) -> dict[Family, str]:
    """What each structure of a product is called in its columns; those named before come before others."""
    known = list(dict.fromkeys(one.structure for one in before))
    places = {one: known.index(str(one)) if str(one) in known else len(known) for one in families}
    owner: dict[str, Family] = {}
    for one in sorted(families, key=lambda family: places[family]):  # stable: then as the product has them
        owner.setdefault(plain(one.name), one)
    lowest: dict[tuple[str, str], Family] = {}
    for one in sorted(families, key=lambda family: (places[family], family.major)):
        lowest.setdefault((one.vendor, one.name), one)
    names = {}
    for one in families:
        name = plain(one.name)
        if (one.vendor, one.name) != (owner[name].vendor, owner[name].name):
            name = f"{snake(one.vendor)}_{name}"
        names[one] = name if lowest[one.vendor, one.name] == one else f"{name}_{one.major}"
    return names


def resolved(
    atomic: Sequence[str],
    columns: Sequence[GeneratedColumn],
    limit: int | None,
    problems: Problems,
    before: Sequence[Given] = (),
) -> NamedColumns:
    """Names without clashes, none longer than `limit` bytes; what cannot be told apart is a problem."""
    kept = {one.source: one.name for one in before}
    taken = {one.name: one.structure for one in before}
    notes, named = list[str](), list[GeneratedColumn]()
    for column in columns:
        name = kept.get((str(column.family), column.property))
        if name is None:
            name = shortened(column.name, limit) if limit else column.name
            if taken.get(name, str(column.family)) != str(column.family):
                longer = f"{snake(column.family.vendor)}_{name}"
                name = shortened(longer, limit) if limit else longer
        taken[name] = str(column.family)
        wished = (
            f"{plain(column.family.name)}_{plain(column.property)}" if column.property else plain(column.family.name)
        )
        if name != wished:
            notes.append(f"{wished} of {column.family} is called {name}: {_why(column, wished, named, limit)}")
        named.append(replace(column, name=name))
    _twice(named, problems)
    own = [_atomic(name, kept, named, notes) for name in atomic]
    for one in own:
        if one.name != one.source and (one.name in taken or one.name in atomic) and ("", one.source) not in kept:
            problems.add(Place(), f"two columns are called {one.name}", "leave one of them out with --columns")
    return NamedColumns(tuple(own), tuple(named), tuple(notes))


def _why(column: GeneratedColumn, wished: str, named: Sequence[GeneratedColumn], limit: int | None) -> str:
    """Why a column has not the name that it would have alone."""
    if limit and len(wished.encode()) > limit:
        return f"the engine keeps {limit} bytes of a name"
    return "that was its name before" if not named else f"another structure has a {wished}, or had it first"


def _atomic(
    name: str, kept: dict[tuple[str, str], str], named: Sequence[GeneratedColumn], notes: list[str]
) -> AtomicColumn:
    owner = next((column for column in named if column.name == name), None)
    own, whose = (name in OF_SPECIFICATION), "product" if name in OF_SPECIFICATION else "atomic"
    called = kept.get(("", name), f"{whose}_{name}" if owner else name)
    if owner and called != name:
        what = f"the {name} of the product" if own else f"the atomic {name}"
        notes.append(f"{what} is called {called}: {owner.family} gives a {name}")
    return AtomicColumn(name, called)


def _twice(columns: Iterable[GeneratedColumn], problems: Problems) -> None:
    first: dict[str, GeneratedColumn] = {}
    for column in columns:
        other = first.setdefault(column.name, column)
        if other is not column:
            what = f"two columns are called {column.name}: {_shown(column)} and {_shown(other)} at {other.place}"
            problems.add(column.place, what, "leave one of the two out with --event or --entity")


def _shown(column: GeneratedColumn) -> str:
    return f"{show(column.property)} of {column.family}" if column.property else str(column.family)
