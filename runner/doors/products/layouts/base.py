"""What every layout of the events says: its engine's types, and where a structure is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from runner.doors.products.columns import snake
from runner.doors.products.layouts.stored import Stored
from runner.doors.products.values import BaseType, Family, Property, Type
from runner.warehouse.engines import Engine

EVENTS = "atomic.events"
ORDER = ("collector_tstamp", "etl_tstamp")  # of copies of an event the first counts
SPECIFICATIONS = Family("com.snowplowanalytics.snowplow", "event_specification", 1)
WHOLE = frozenset({BaseType.SMALLINT, BaseType.INTEGER, BaseType.BIGINT, BaseType.HUGE})
NUMBERS = WHOLE | {BaseType.DECIMAL, BaseType.NUMBER}
DECIMAL_DIGITS = 36  # of a decimal, as the loader of Redshift has it
ATOMIC = (
    "event_id",
    "event_name",
    "collector_tstamp",
    "load_tstamp",
    "derived_tstamp",
    "user_id",
    "domain_userid",
    "domain_sessionid",
    "network_userid",
)
WHOLE_PATTERN = "^[+-]?[0-9]{1,38}([.]0*)?$"  # casts would round other numbers


@dataclass(frozen=True, kw_only=True)
class EventLayout(ABC):
    """How a loader lays out the events on one engine."""

    name: str
    """What `--layout` calls it."""
    engine: Engine
    target: str = ""
    """The target that a new playbook begins with; {name} stands for the product's. '' where nothing runs."""
    home_is: str
    """What a structure is kept in: column or table."""

    @abstractmethod
    def home(self, family: Family, is_event: bool) -> str:
        """The column of the events, or the table, that a structure is kept in."""

    atomic: tuple[str, ...] = ATOMIC
    """The columns of atomic.events that are read if none are asked for."""

    @property
    def now(self) -> str:
        """The time now as a timestamp in UTC, whatever zone the reader's session has."""
        return "(current_timestamp at time zone 'UTC')"

    merges: bool = False
    """An incremental model of dbt can be merged, but not deleted and inserted."""

    def interval(self, number: str, unit: str) -> str:
        """So many minutes or days."""
        return f"interval '{number} {unit}s'"

    def instant(self, utc: str) -> str:
        """A constant of a time in UTC."""
        return f"timestamp '{utc}'"

    def constant(self, text: str, type_: Type) -> str:
        """A constant of a date, or of a time in UTC."""
        return f"cast('{text}' as {self.type(type_)})"

    @abstractmethod
    def stored(self, one: Property) -> tuple[Stored, ...]:
        """The columns or fields that hold a property: several where its object is laid out flat."""

    def merged(self, properties: tuple[Property, ...]) -> tuple[Property, ...]:
        """The properties that can be told apart: where a loader makes one field of two, they are one."""
        return properties

    @abstractmethod
    def number(self, text: str) -> str:
        """A text as a floating-point number; NULL where it is none."""

    def type(self, type_: Type) -> str:
        """The engine's type; most are called so everywhere."""
        engine = self.engine
        if type_.base is BaseType.TEXT and type_.length:
            return engine.text_up_to(type_.length)
        if type_.base is BaseType.DECIMAL:
            return f"decimal({DECIMAL_DIGITS}, {type_.scale})"
        return {
            BaseType.TEXT: engine.text_type,
            BaseType.TSTAMP: engine.timestamp_type,
            BaseType.NUMBER: engine.double_type,
            BaseType.HUGE: engine.whole_type,
            BaseType.JSON: engine.json_type,
        }.get(type_.base, type_.base.value)


def name_of(family: Family) -> str:
    """A structure's name in those of columns and tables."""
    return f"{snake(family.vendor)}_{snake(family.name)}_{family.major}"


def decimal_pattern(scale: int) -> str:
    """Texts that a decimal holds as they are; others it would round."""
    return f"^[+-]?[0-9]{{1,{DECIMAL_DIGITS - scale}}}([.][0-9]{{0,{scale}}}0*)?$"
