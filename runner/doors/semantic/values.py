"""A semantic model as values: events, user properties, KPIs, and the settings of their generated tables.

The words are those of Asemic's configuration files. Every value that a user can get wrong carries its Place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.kinds.base import PropertyKind
from runner.doors.semantic.settings import Settings
from runner.doors.semantic.types import DataType
from runner.errors import Place
from runner.names import TableName

ACTIVITY = "entity_activity"  # all rows of the events that are tagged activity_event
REGISTRATIONS = "entity_registrations"  # the first row of each user over those tagged registration_event
BUILT_IN = (ACTIVITY, REGISTRATIONS)


class ColumnTag(StrEnum):
    """What a column of an event is for. The two stamps that are not Asemic's make batches and versions."""

    EVENT_ID = "event_id_column"
    ENTITY_ID = "entity_id_column"
    TSTAMP = "event_timestamp_column"
    ETL_TSTAMP = "etl_timestamp_column"
    DATE = "date_column"
    REGISTRATION = "registration_property"
    AMOUNT = "transaction_amount_column"


class EventTag(StrEnum):
    """Which of the built-in events an event feeds."""

    REGISTRATION = "registration_event"
    ACTIVITY = "activity_event"
    PAYMENT = "payment_transaction_event"


@dataclass(frozen=True)
class Column:
    """A column of an event's table, or a field within one: `level_started.level`."""

    name: str
    type: DataType
    tags: tuple[str, ...] = ()
    label: str = ""
    place: Place = field(default_factory=Place, compare=False)
    joined: str = (
        ""  # the logical table of an enrichment that it comes from; its name begins with that: `products.price`
    )

    @property
    def stored(self) -> str:
        """What it is called in generated tables: of a field within a column, both names."""
        return self.name.lower().replace(".", "_")


@dataclass(frozen=True)
class ColumnPair:
    """A column of an event, and the one of the joined table whose value is the same."""

    source: str
    target: str
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class Enrichment:
    """A join of each row of an event to the one row of a logical table that has equal values; without one: nulls."""

    logical_table: str
    on: tuple[ColumnPair, ...]
    place: Place = field(default_factory=Place, compare=False)

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns that tell the joined rows apart."""
        return tuple(dict.fromkeys(pair.target for pair in self.on))


@dataclass(frozen=True)
class EventType:
    """One kind of event: rows of a table, or of a SELECT over it (`sql`), that a condition picks."""

    name: str
    table: TableName
    columns: tuple[Column, ...]
    tags: tuple[str, ...] = ()
    where: Formula | None = None
    sql: str = ""
    label: str = ""
    enrichments: tuple[Enrichment, ...] = ()
    sql_place: Place = field(default_factory=Place, compare=False)
    place: Place = field(default_factory=Place, compare=False)

    @property
    def own(self) -> tuple[Column, ...]:
        """The columns of its own table."""
        return tuple(column for column in self.columns if not column.joined)

    @property
    def types(self) -> Mapping[str, DataType]:
        """What its columns may be called in formulas, and their types: a joined one by its bare name too, if one has it."""
        known = {column.name: column.type for column in self.columns}
        bare = [column.name.removeprefix(f"{column.joined}.") for column in self.columns if column.joined]
        return known | {name: found.type for name in bare if name not in known and (found := self.column(name))}

    def tagged(self, tag: ColumnTag) -> Column | None:
        """The column with a tag."""
        return next((column for column in self.columns if tag in column.tags), None)

    def column(self, name: str) -> Column | None:
        """The column of a name: its own, or one that is joined, whose bare name is enough where no other has it."""
        exact = next((column for column in self.columns if column.name == name), None)
        bare = self.joined_as(name)
        return exact or (bare[0] if len(bare) == 1 else None)

    def joined_as(self, name: str) -> tuple[Column, ...]:
        """The joined columns that have a bare name."""
        return tuple(column for column in self.columns if column.joined and column.name == f"{column.joined}.{name}")

    def enriched_by(self, formula: Formula) -> bool:
        """Whether a formula names a joined column."""
        found = map(self.column, formula.names)
        return any(column is not None and column.joined for column in found)


@dataclass(frozen=True)
class Property:
    """A value of each user, or of each user and day."""

    name: str
    type: DataType
    kind: PropertyKind
    label: str = ""
    description: str = ""
    can_filter: bool = True
    can_group_by: bool = False
    implied: bool = False  # not written by the user: built in, or the inline source of another
    place: Place = field(default_factory=Place, compare=False)

    @property
    def is_inner(self) -> bool:
        """Whether it is the source of another alone, which nobody has named."""
        return self.implied and self.name.endswith("_source")

    @property
    def sources(self) -> tuple[str, ...]:
        """The properties that it is made of."""
        return self.kind.sources


class Axis(StrEnum):
    """What a KPI is drawn over."""

    DATE = "date"
    COHORT_DAY = "cohort_day"


class Total(StrEnum):
    """How the values of an axis become one number."""

    SUM = "sum"
    AVG = "avg"
    COUNT = "count"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True)
class Kpi:
    """A formula over aggregates of properties and over other KPIs."""

    name: str
    select: Formula
    where: Formula | None
    axes: tuple[tuple[Axis, Total | None], ...]
    label: str = ""
    description: str = ""
    unit: str = ""
    unit_first: bool = False
    place: Place = field(default_factory=Place, compare=False)
    written: str = field(default="", compare=False)  # its name in the file, with {} in that of a template

    @property
    def called(self) -> str:
        """Its name for a message: one for all KPIs of a template."""
        return self.written or self.name

    def has(self, axis: Axis) -> bool:
        """Whether it is drawn over an axis."""
        return axis in dict(self.axes)


@dataclass(frozen=True)
class Older:
    """A word of older files that was read as a newer one: where it stands first, and how often it does."""

    word: str
    means: str
    place: Place
    count: int


@dataclass(frozen=True)
class Config:
    """The whole of a folder."""

    path: Path
    settings: Settings
    events: tuple[EventType, ...]
    properties: tuple[Property, ...]
    kpis: tuple[Kpi, ...]
    unread: frozenset[str] = frozenset()
    """What stands in the files and could not be read: "event login", or "event" for any."""
    older: tuple[Older, ...] = ()
    tables: tuple[EventType, ...] = ()  # files of events/ that are no events: events are joined to them

    def has_unread(self, kind: str) -> bool:
        """Whether any event, property or KPI was not read."""
        return any(one.split()[0] == kind for one in self.unread)

    def may_have(self, kind: str, name: str) -> bool:
        """Whether an event, property or KPI that was not read may be the one of a name: of that, something was said."""
        return kind in self.unread or f"{kind} {name}" in self.unread

    def event(self, name: str) -> EventType:
        """The event of a name."""
        return next(event for event in self.events if event.name == name)

    def logical_table(self, name: str) -> EventType | None:
        """The event or table of a name."""
        return next((one for one in (*self.events, *self.tables) if one.name == name), None)

    def property(self, name: str) -> Property:
        """The property of a name."""
        return next(one for one in self.properties if one.name == name)

    def kind(self, name: str) -> PropertyKind:
        """The kind of the property of a name."""
        return self.property(name).kind

    def kpi(self, name: str) -> Kpi:
        """The KPI of a name."""
        return next(one for one in self.kpis if one.name == name)

    def events_read(self) -> tuple[EventType, ...]:
        """The events that some table is made of: built-in events, properties, or others that are joined to them."""
        values = {one.kind.reads for one in self.properties}
        tags = {EventTag.ACTIVITY, EventTag.REGISTRATION}
        found = [event.name for event in self.events if event.name in values or not tags.isdisjoint(event.tags)]
        for name in found:  # which grows by what it is joined to
            joined = (one.logical_table for event in self.events if event.name == name for one in event.enrichments)
            found += [other for other in joined if other not in found]
        return tuple(event for event in self.events if event.name in found)

    def tagged(self, tag: EventTag) -> tuple[EventType, ...]:
        """The events that feed a built-in one."""
        return tuple(event for event in self.events if tag in event.tags)

    def closure(self, names: Iterable[str]) -> tuple[str, ...]:
        """Properties and all that they are made of, sources first. The configuration has no cycles."""
        found: dict[str, None] = {}

        def enter(name: str) -> None:
            if name not in found:
                for source in self.property(name).sources:
                    enter(source)
                found[name] = None

        for name in names:
            enter(name)
        return tuple(found)
