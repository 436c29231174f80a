"""A data product as values: specifications, entities with cardinality, and the structures that describe their columns.

Every value that a user can get wrong carries its Place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from runner.errors import Place

_URI = re.compile(r"iglu:([a-zA-Z0-9-_.]+)/([a-zA-Z0-9-_]+)/([a-zA-Z0-9-_]+)/([0-9]{1,9})-([0-9]{1,9})-([0-9]{1,9})")
_VERSION = re.compile(r"([0-9]{1,9})-([0-9]{1,9})-([0-9]{1,9})")
WITHOUT_COLUMNS = frozenset(  # events of the atomic columns alone: they have no structure of their own in the warehouse
    {
        ("com.snowplowanalytics.snowplow", "page_view"),
        ("com.snowplowanalytics.snowplow", "page_ping"),
        ("com.google.analytics", "event"),
    }
)


@dataclass(frozen=True, order=True)
class Version:
    """A schema's version; structures of one major version share a column or table."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}-{self.minor}-{self.patch}"

    @staticmethod
    def of(text: str) -> Version | None:
        found = _VERSION.fullmatch(text)
        return Version(*map(int, found.groups())) if found else None


@dataclass(frozen=True, order=True)
class Family:
    """All versions of a structure that share a column or a table: vendor, name and major version."""

    vendor: str
    name: str
    major: int

    def __str__(self) -> str:
        return f"{self.vendor}/{self.name}/{self.major}"


@dataclass(frozen=True, order=True)
class Uri:
    """An Iglu URI: iglu:vendor/name/jsonschema/1-0-0."""

    vendor: str
    name: str
    version: Version

    def __str__(self) -> str:
        return f"iglu:{self.vendor}/{self.name}/jsonschema/{self.version}"

    @property
    def family(self) -> Family:
        return Family(self.vendor, self.name, self.version.major)

    @staticmethod
    def of(text: str) -> Uri | None:
        found = _URI.fullmatch(text)
        return Uri(found[1], found[2], Version(int(found[4]), int(found[5]), int(found[6]))) if found else None


class BaseType(StrEnum):
    """What a property holds, whatever the engine calls it."""

    TEXT = "text"
    TSTAMP = "timestamp"
    DATE = "date"
    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    HUGE = "huge"  # integers beyond 64 bits
    DECIMAL = "decimal"  # exact, as of money
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"  # objects and arrays


@dataclass(frozen=True)
class Type:
    """A column's type; `length` is a text's longest, 0 if there is no limit; `scale` is of a decimal."""

    base: BaseType
    length: int = 0
    scale: int = 0
    mixed: bool = False  # a text since the schema allows several types
    only: str = ""  # of JSON: object or array, where the schema allows one of them alone


Json = bool | int | float | str | None


@dataclass(frozen=True)
class Property:
    """One property of a structure. `untold` is the keyword behind which its type stands, if that was not followed.

    `fields` are those of an object that says them; `whole` is true where some version says none, or allows other
    types besides: then loaders keep it in one piece, too. `items` are the elements of an array, if they have a schema.
    """

    name: str
    type: Type
    description: str = ""
    untold: str = ""
    place: Place = field(default_factory=Place, compare=False)
    fields: tuple[Property, ...] = ()
    whole: bool = True
    items: Property | None = None
    values: tuple[Json, ...] = ()  # those of an enum or const
    needed: bool = False  # its structure requires it, and it cannot be null


@dataclass(frozen=True)
class Structure:
    """One version of a self-describing JSON schema."""

    uri: Uri
    properties: tuple[Property, ...]
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class PropertyRule:
    """What a specification asks of one property: each part that is not None has to hold where the value is there."""

    name: str
    types: tuple[str, ...] | None = None
    values: tuple[Json, ...] | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class Unsupported:
    """A rule that SQL is not written for, kept until somebody asks for the rules."""

    keyword: str
    place: Place
    compound: bool = False  # a list or mapping among values: without it none of them would be left


@dataclass(frozen=True)
class Rules:
    """The narrowing schema of an event or entity within a specification."""

    required: tuple[str, ...] = ()
    properties: tuple[PropertyRule, ...] = ()
    unsupported: tuple[Unsupported, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.required or self.properties or self.unsupported)


NO_RULES = Rules()


@dataclass(frozen=True)
class Use:
    """A structure as a specification or application uses it; `most` is None where there is no upper bound."""

    uri: Uri
    place: Place
    least: int = 0
    most: int | None = None
    rules: Rules = NO_RULES

    @property
    def cardinality(self) -> str:
        return f"{self.least}..{'*' if self.most is None else self.most}"


@dataclass(frozen=True)
class Application:
    """A source application; its entities come with all of its events."""

    path: Path
    name: str
    entities: tuple[Use, ...]


@dataclass(frozen=True)
class Specification:
    """One event specification. `applications` are those of the data product that it does not exclude."""

    id: str
    name: str
    description: str
    event: Use | None
    entities: tuple[Use, ...]
    applications: tuple[Application, ...]
    place: Place


@dataclass(frozen=True)
class Product:
    """A data product, with everything its references lead to."""

    path: Path
    id: str
    name: str
    description: str
    specifications: tuple[Specification, ...]
    structures: tuple[Structure, ...]

    def structure(self, uri: Uri) -> Structure | None:
        return next((one for one in self.structures if one.uri == uri), None)
