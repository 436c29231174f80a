"""What of a wide table a warehouse has: structures that were never tracked, and columns that are not there, are left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from runner.doors.products.choose.wide import Match, Part, Present, Recovered, WideTable
from runner.doors.products.layouts import EVENTS, SPECIFICATIONS, DocumentLayout, TableLayout
from runner.doors.products.values import Family, Property, Specification, Use
from runner.errors import Place, Problems, show

RECOVERED = "_[0-9]+_[0-9]+_recovered_[0-9a-z]+"
"""How the name of a structure's column or table goes on where it holds what does not fit: revision, addition, a hash."""


def tables_of(wide: WideTable, layout: DocumentLayout | TableLayout) -> tuple[str, ...]:
    """The tables that a wide table reads, or would if they were there."""
    if not isinstance(layout, TableLayout):
        return (EVENTS,)
    found = [part.family for part in wide.parts]
    found += [SPECIFICATIONS, *(use.uri.family for one in wide.specifications for use in _uses(one))]
    return (EVENTS, *dict.fromkeys(map(layout.table, found)))


def _uses(one: Specification) -> tuple[Use, ...]:
    return ((one.event,) if one.event else ()) + one.entities


@dataclass(frozen=True)
class _Warehouse:
    """What is there, as a layout asks for it."""

    layout: DocumentLayout | TableLayout
    tables: Sequence[Present]
    notes: list[str]

    def columns(self, table: str) -> frozenset[str] | None:
        return next((one.columns for one in self.tables if one.table == table), None)

    def places(self, home: str) -> tuple[Present, ...]:
        """The column or table of a structure, and those that hold what has not fitted into it."""
        if isinstance(self.layout, TableLayout):
            every = tuple(self.tables)
        else:
            every = tuple(Present(name) for name in sorted(self.columns(EVENTS) or ()))
        rest = (one for one in every if re.fullmatch(re.escape(home) + RECOVERED, one.table))
        return (*(one for one in every if one.table == home), *rest)

    def has(self, family: Family, is_event: bool) -> bool:
        """Whether a structure has a column or table."""
        return bool(self.places(self.layout.home(family, is_event)))

    def recovered(self, wide: WideTable) -> tuple[Recovered, ...]:
        """The structures that are in several places."""
        read = [(part.family, part.is_event) for part in wide.parts]
        read += [(one.event.uri.family, True) for one in wide.specifications if one.event]
        read += [(use.uri.family, False) for one in wide.specifications for use in one.entities]
        homes = dict.fromkeys(self.layout.home(family, is_event) for family, is_event in read)
        found = (Recovered(home, self.places(home)) for home in homes)
        return tuple(one for one in found if one.places and [place.table for place in one.places] != [one.home])

    def part(self, part: Part) -> Part | None:
        """A part without what is not there."""
        if not part.columns:
            return part
        if not self.has(part.family, part.is_event):
            home = self.layout.home(part.family, part.is_event)
            self.notes.append(f"{part.family} was never tracked: left out, there is no {self.layout.home_is} {home}")
            return None
        if not isinstance(self.layout, TableLayout):
            return part
        table = self.layout.table(part.family)
        there = frozenset[str]().union(*(place.columns for place in self.places(table)))
        paths = {one.path for each in part.properties for one in self.layout.stored(each) if one.name in there}
        kept = {one.name: found for one in part.properties if (found := _kept(one, paths, ()))}
        for one in part.properties:
            if one.name not in kept:
                self.notes.append(
                    f"{show(one.name)} of {part.family} was never tracked: left out, {table} has no such column"
                )
        columns = part.columns if part.array else tuple(c for c in part.columns if c.property in kept)
        return replace(part, properties=tuple(kept.values()), columns=columns)


def _kept(one: Property, paths: set[tuple[str, ...]], above: tuple[str, ...]) -> Property | None:
    path = (*above, one.name)
    fields = tuple(found for field in one.fields if (found := _kept(field, paths, path)))
    whole = one.whole and path in paths
    return replace(one, fields=fields, whole=whole) if fields or whole else None


def present(
    wide: WideTable, layout: DocumentLayout | TableLayout, tables: Sequence[Present], problems: Problems
) -> WideTable:
    """The wide table of what is there; a note for each thing that is left out. Without its events it is a problem."""
    there = _Warehouse(layout, tables, [])
    events = there.columns(EVENTS)
    if events is None:
        return wide  # the engine says so in its own words
    for needed in ("event_id", "collector_tstamp", "etl_tstamp"):
        if needed not in events:
            problems.add(Place(), f"{EVENTS} has no column {needed}", "name the database that the loader writes into")
    if wide.match is Match.SNOWTYPE and not there.has(SPECIFICATIONS, False):
        home = layout.home(SPECIFICATIONS, False)
        what = f"no event says which specification it is of: there is no {layout.home_is} {home}"
        problems.add(Place(), what, "--match inferred tells events by their entities and rules")
    for column in wide.atomic:
        if column.source not in events:
            there.notes.append(f"{column.source} is left out: {EVENTS} has no such column")
    parts = tuple(found for part in wide.parts if (found := there.part(part)))
    specifications = tuple(_specifications(wide, there, problems))
    recovered = there.recovered(wide)
    for one in recovered:
        listed = ", ".join(place.table for place in one.places if place.table != one.home)
        there.notes.append(f"what did not fit into {one.home} is read from {listed}")
    return replace(
        wide,
        recovered=recovered,
        specifications=specifications,
        atomic=tuple(column for column in wide.atomic if column.source in events),
        parts=parts,
        notes=(*wide.notes, *there.notes),
    )


def _specifications(wide: WideTable, there: _Warehouse, problems: Problems) -> Iterable[Specification]:
    """Those that an event can be of, without entities that no event has."""
    found = []
    for one in wide.specifications:
        if wide.match is Match.SNOWTYPE:
            found.append(one)
            continue
        event = one.event is None or wide.bare(one.event.uri.family) or there.has(one.event.uri.family, True)
        known = tuple(use for use in one.entities if there.has(use.uri.family, False))
        if event and all(use in known or not use.least for use in one.entities):
            found.append(replace(one, entities=known))
        else:
            there.notes.append(f"{one.name} was never tracked: no event of it can be there")
    if not found:
        hint = "runner generate view … without --apply gives the SQL"
        problems.add(Place(), "none of the chosen events was ever tracked", hint)
    return found
