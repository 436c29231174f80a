"""What is chosen of a data product: specifications, entities, atomic columns → the columns of the wide table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from runner.doors.products.choose.atomic import ALL, OF_SPECIFICATION
from runner.doors.products.choose.naming import Given, resolved, structure_names
from runner.doors.products.columns import AtomicColumn, GeneratedColumn, plain, snake
from runner.doors.products.files.cardinality import mentions, single
from runner.doors.products.files.jsonschema import wider
from runner.doors.products.layouts import EventLayout
from runner.doors.products.values import (
    WITHOUT_COLUMNS,
    BaseType,
    Family,
    Product,
    Property,
    Specification,
    Structure,
    Type,
)
from runner.errors import Place, Problems, did_you_mean, show


class Match(StrEnum):
    """Which events are those of a specification."""

    SNOWTYPE = "snowtype"  # by the ids in their event_specification entity
    INFERRED = "inferred"  # by event, entities, cardinalities and rules


class Copies(StrEnum):
    """Which rows of the events are copies of one, of which the first is kept."""

    EVENT = "event"  # those of one event_id
    ARRIVAL = "arrival"  # those of one event_id and collector_tstamp: a filter on these reaches the events
    NONE = "none"  # all rows are kept


@dataclass(frozen=True)
class Span:
    """Which events are read: those collected since an instant (in UTC), or in the last so many minutes."""

    since: datetime | None = None
    minutes: int = 0

    def condition(self, column: str, layout: EventLayout) -> str:
        """The condition on a time; '' for all events."""
        if self.since:
            return f"{column} >= {layout.instant(str(self.since))}"
        return f"{column} >= {layout.now} - {layout.interval(str(self.minutes), 'minute')}" if self.minutes else ""

    def __str__(self) -> str:
        """The same for people."""
        return f"timestamp '{self.since}'" if self.since else f"now - interval '{self.minutes} minutes'"


@dataclass(frozen=True)
class Choices:
    """What the command line chooses; nothing said means all."""

    events: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    all_columns: bool = False
    match: Match = Match.SNOWTYPE
    span: Span = Span()
    dedupe: bool = True
    lenient: bool = False
    """Rules that cannot be said in SQL are left out, and noted."""
    event_specification: bool = False
    """Whether each event says which specification it is of."""


@dataclass(frozen=True)
class Part:
    """One structure in the output: an event or single entity with a column a property, or an array of all elements."""

    family: Family
    is_event: bool
    array: bool
    columns: tuple[GeneratedColumn, ...]
    properties: tuple[Property, ...]


@dataclass(frozen=True)
class Present:
    """A table that is there, and its columns; or a column of the events, without any."""

    table: str
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Recovered:
    """A structure of which loaders keep events of some versions apart, since they do not fit: all places that there are."""

    home: str
    places: tuple[Present, ...]


@dataclass(frozen=True)
class WideTable:
    """The wide table: its columns in order, and which events are its rows."""

    product: Product
    specifications: tuple[Specification, ...]
    match: Match
    atomic: tuple[AtomicColumn, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    given: tuple[Given, ...] = ()
    """The names of its columns, to be kept."""
    recovered: tuple[Recovered, ...] = ()
    told: tuple[AtomicColumn, ...] = ()
    """The columns that say which specification an event is of, where they are asked for."""

    def places(self, home: str) -> tuple[Present, ...]:
        """The columns or tables that hold a structure, where its own does not hold all of it."""
        return next((one.places for one in self.recovered if one.home == home), ())

    def properties(self, family: Family) -> tuple[Property, ...]:
        """The properties of a structure, whether it is in the output or not."""
        return coalesced(one for one in self.product.structures if one.uri.family == family)

    def bare(self, family: Family) -> bool:
        """Whether this is an event of atomic columns alone."""
        return (family.vendor, family.name) in WITHOUT_COLUMNS and not self.properties(family)


def coalesced(structures: Iterable[Structure]) -> tuple[Property, ...]:
    """The properties of all referred minor versions: the newest's order, then what only older ones have."""
    found: dict[str, Property] = {}
    versions = list(structures)
    for structure in sorted(versions, key=lambda one: one.uri.version, reverse=True):
        for one in structure.properties:
            found[one.name] = _both(found[one.name], one) if one.name in found else one
    everywhere = [one for one in found if all(one in map(_name, version.properties) for version in versions)]
    return tuple(replace(one, needed=one.needed and name in everywhere) for name, one in found.items())


def _name(one: Property) -> str:
    return one.name


def _both(newer: Property, older: Property) -> Property:
    """A property, and each field of its object, as both versions have it."""
    fields = {one.name: one for one in newer.fields}
    for one in older.fields:
        fields[one.name] = _both(fields[one.name], one) if one.name in fields else one
    return replace(
        newer,
        type=wider(newer.type, older.type),
        untold=newer.untold or older.untold,
        fields=tuple(fields.values()),
        whole=newer.whole or older.whole,
        needed=newer.needed and older.needed,
        values=tuple(dict.fromkeys((*newer.values, *older.values))) if newer.values and older.values else (),
    )


def choose(product: Product, choices: Choices, layout: EventLayout, before: Sequence[Given] = ()) -> WideTable:
    """Raises BadInput where a choice names nothing, or names of columns cannot be told apart; `before` are the names
    that were given, which stay.
    """
    problems = Problems()
    specifications = _specifications(product, choices.events, problems)
    uses = mentions(specifications)
    families = list(dict.fromkeys(use.uri.family for use in uses))
    kept = _entities(families, choices.entities, problems)
    events = list(dict.fromkeys(one.event.uri.family for one in specifications if one.event))
    names = structure_names(_all_families(product), before)
    parts = [_part(product, family, names[family], layout, True, False) for family in events]
    parts += [_part(product, family, names[family], layout, False, not single(family, uses)) for family in kept]
    atomic = _atomic(choices, layout, problems)
    asked = OF_SPECIFICATION if choices.event_specification else ()
    named = resolved(
        (*atomic, *asked), [c for p in parts for c in p.columns], layout.engine.name_bytes, problems, before
    )
    problems.finish()
    columns = iter(named.columns)
    renamed = tuple(replace(part, columns=tuple(next(columns) for _ in part.columns)) for part in parts)
    notes = (*named.notes, *(note for part in parts for note in _untold(part)))
    if asked and len(specifications) > 1:
        notes = (*notes, f"{asked[0]} is the first in the product of the specifications that an event matches")
    own, told = named.atomic[: len(atomic)], named.atomic[len(atomic) :]
    return WideTable(product, specifications, choices.match, own, renamed, notes, named.given(), told=told)


def _all_families(product: Product) -> list[Family]:
    """All structures of a product, events first: what they are called does not hang on what is chosen."""
    events = [one.event.uri.family for one in product.specifications if one.event]
    return list(dict.fromkeys([*events, *(use.uri.family for use in mentions(product.specifications))]))


def _untold(part: Part) -> Iterable[str]:
    for one in part.properties:
        if one.untold:
            what = f"its type stands behind {one.untold}, which is not followed"
            yield f"{show(one.name)} of {part.family} is taken for a text: {what}"


def _specifications(product: Product, asked: tuple[str, ...], problems: Problems) -> tuple[Specification, ...]:
    chosen = set()
    for text in asked:
        hits = [one for one in product.specifications if text.lower() in (one.id.lower(), one.name.lower())]
        chosen |= {one.id for one in hits}
        if not hits:
            hint = did_you_mean(text, (one.name for one in product.specifications))
            problems.add(Place(product.path), f"no event specification is called {text}", hint)
    return tuple(one for one in product.specifications if not chosen or one.id in chosen)


def _entities(families: list[Family], asked: tuple[str, ...], problems: Problems) -> list[Family]:
    chosen: set[Family] = set()
    for text in asked:
        hits = [one for one in families if text.lower() in _words_for(one)]
        chosen |= set(hits)
        if not hits:
            hint = did_you_mean(text, (one.name for one in families))
            problems.add(Place(), f"--entity {text}: no selected event has an entity of that name", hint)
    return [one for one in families if not asked or one in chosen]


def _words_for(family: Family) -> set[str]:
    """All that an entity may be called on the command line."""
    name, vendor = family.name.lower(), family.vendor.lower()
    return {name, snake(family.name), f"{vendor}/{name}", str(family).lower()}


def _atomic(choices: Choices, layout: EventLayout, problems: Problems) -> tuple[str, ...]:
    if choices.all_columns:
        return ALL
    for name in choices.columns:
        if name not in ALL:
            problems.add(Place(), f"--columns: {name} is no column of atomic.events", did_you_mean(name, ALL))
    return tuple(dict.fromkeys(choices.columns)) or layout.atomic


def _part(product: Product, family: Family, name: str, layout: EventLayout, is_event: bool, array: bool) -> Part:
    versions = [one for one in product.structures if one.uri.family == family]
    properties = layout.merged(coalesced(versions))
    if array:
        place = versions[0].place if versions else Place()
        columns: tuple[GeneratedColumn, ...] = (
            GeneratedColumn(name, family, Type(BaseType.JSON), "", f"all {family.name} of the event", place),
        )
    else:
        columns = tuple(
            GeneratedColumn(f"{name}_{plain(p.name)}", family, p.type, p.name, p.description, p.place, p.values)
            for p in properties
        )
    return Part(family, is_event, array, columns, properties)
