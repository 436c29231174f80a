"""What engines call things: types, arrays of elements, tables of schemas."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.products.columns import snake
from runner.doors.products.values import Family, Kind, Type

EVENTS = "atomic.events"
ORDER = ("collector_tstamp", "etl_tstamp")  # of copies of an event the first counts
SPECIFICATIONS = Family("com.snowplowanalytics.snowplow", "event_specification", 1)
LAYOUTS = {  # the first is the default
    "duckdb": ("json", "struct"),
    "postgres": ("shredded",),
    "redshift": ("shredded",),
    "snowflake": ("objects", "lake"),
}
SNAKED = frozenset({"struct", "lake"})  # layouts whose elements have keys in snake_case
MAX_BYTES = 65535  # of a text on Redshift
_TYPES = {
    "duckdb": ("varchar", "double", "json", "decimal(38, 0)"),
    "postgres": ("text", "double precision", "jsonb", "numeric"),
    "redshift": ("varchar(65535)", "double precision", "super", "decimal(38, 0)"),
    "snowflake": ("varchar", "double", "variant", "number(38, 0)"),
}
_PLAIN = {
    Kind.DATE: "date",
    Kind.SMALLINT: "smallint",
    Kind.INTEGER: "integer",
    Kind.BIGINT: "bigint",
    Kind.BOOLEAN: "boolean",
}


@dataclass(frozen=True)
class Engine:
    """An engine and the layout of its events."""

    name: str
    layout: str

    @property
    def snaked(self) -> bool:
        return self.layout in SNAKED

    @property
    def shredded(self) -> bool:
        return self.layout == "shredded"

    def type(self, type_: Type) -> str:
        """The engine's type. A longest text is kept on Redshift only: elsewhere it would but cut texts off."""
        text, number, json, huge = _TYPES[self.name]
        if type_.kind is Kind.TSTAMP:
            return "timestamp_ntz" if self.name == "snowflake" else "timestamp"
        if type_.kind is Kind.TEXT and type_.length and self.name == "redshift":
            return f"varchar({min(4 * type_.length, MAX_BYTES)})"
        others = {Kind.TEXT: text, Kind.NUMBER: number, Kind.JSON: json, Kind.HUGE: huge}
        return others.get(type_.kind) or _PLAIN[type_.kind]

    @property
    def array(self) -> str:
        """The type of all elements of an entity."""
        return "array" if self.name == "snowflake" else _TYPES[self.name][2]

    def column(self, family: Family, is_event: bool) -> str:
        """The column of atomic.events that holds a structure."""
        return f"{'unstruct_event' if is_event else 'contexts'}_{_name(family)}"

    def table(self, family: Family) -> str:
        """The table that holds a structure's elements. Postgres keeps 63 bytes of a name."""
        name = _name(family)
        return f"atomic.{name[:63] if self.name == 'postgres' else name}"


def _name(family: Family) -> str:
    return f"{snake(family.vendor)}_{snake(family.name)}_{family.major}"
