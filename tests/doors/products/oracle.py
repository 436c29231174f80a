"""What the flattened table of a data product holds, from raw events: Python's csv and json, no SQL, nothing of `runner`.

The events are rows of a CSV as a dbt seed has them: texts, with `unstruct_event_<vendor>_<name>_1_0_0` holding a JSON
object and `contexts_<vendor>_<name>_1_0_0` a list of them. The rules:

* Columns: the chosen atomic ones; then, for each selected event structure, `<event>_<property>`; then the selected
  entities in order of first mention (specifications before source applications): a single one (maxCardinality 1
  wherever it is selected) as `<entity>_<property>`, others as one array of objects, named like the entity.
  Names are in snake_case. An atomic column whose name one of the others has becomes `atomic_<name>`.
* Values: as the schema types them. Several types make a text, times are UTC without a zone. An entity that is not there
  gives None; an empty list of a multiple one stays an empty list.
* Rows: events of a specification. `snowtype`: any element of the event_specification entity has its id. `inferred`: the
  event's schema is the specification's, every entity that it lists is there as often as it says, and the rules hold for
  the event and for every element: enum, const, type, minimum, maximum, required. A null is like no value: it breaks no
  rule but `required`. Rules are read of values typed by the schema, since seeds write numbers as texts.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ATOMIC = (
    "event_id",
    "event_name",
    "load_tstamp",
    "derived_tstamp",
    "user_id",
    "domain_userid",
    "domain_sessionid",
    "network_userid",
)
SPECIFICATION = "iglu:com.snowplowanalytics.snowplow/event_specification/jsonschema/1-0-4"
UNBOUNDED = 10**9
SHAPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}

Raw = Mapping[str, str]  # an event as the CSV has it
Element = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """What is chosen of a data product; nothing said means all. Entities are named as in their schemas."""

    events: tuple[str, ...] | None = None
    entities: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ATOMIC
    match: str = "inferred"


@dataclass(frozen=True)
class Column:
    """A column of the table: where it comes from. `arrays` has all elements of a multiple entity."""

    name: str
    source: str = ""  # the Iglu URI; none for an atomic column
    key: str = ""  # the property, or the atomic column
    array: bool = False


@dataclass(frozen=True)
class Table:
    """The table of a selection."""

    columns: list[Column]
    rows: list[tuple[Any, ...]]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV with a head."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def read_yaml(path: Path) -> dict[str, Any]:
    """A file of a data product."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def snake(name: str) -> str:
    """CamelCase as the loaders' snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_").replace(".", "_")


def parts(source: str) -> tuple[str, str, str]:
    """Vendor, name and version of an Iglu URI."""
    vendor, name, _, version = source.removeprefix("iglu:").split("/")
    return vendor, name, version


def typed(schema: Mapping[str, Any], value: Any) -> Any:
    """A JSON value as its schema types it."""
    if value is None:
        return None
    kinds = schema.get("type", "string")
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    kinds.discard("null")
    if len(kinds) != 1:
        return value if isinstance(value, str) else json.dumps(value)
    kind = kinds.pop()
    if kind in ("object", "array"):
        return value
    if kind == "boolean":
        return value if isinstance(value, bool) else {"true": True, "false": False}[value]
    if kind == "integer":
        return int(value)
    if kind == "number":
        return float(value)
    if schema.get("format") == "date-time":
        return utc(value)
    if schema.get("format") == "date":
        return date.fromisoformat(value)
    return value


def utc(text: str) -> datetime:
    """A time of day as UTC without a zone."""
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def obeys(rules: Mapping[str, Any], schema: Mapping[str, Any], element: Mapping[str, Any]) -> bool:
    """Whether an object obeys a narrowing schema."""
    values = {name: typed(of, element.get(name)) for name, of in schema["properties"].items()}
    if any(values.get(name) is None for name in rules.get("required", ())):
        return False
    return all(values[name] is None or holds(rule, values[name]) for name, rule in rules.get("properties", {}).items())


def holds(rule: Mapping[str, Any], value: Any) -> bool:
    """Whether a value obeys the rules for a property."""
    if "enum" in rule and value not in rule["enum"]:
        return False
    if "const" in rule and value != rule["const"]:
        return False
    if "type" in rule:
        kinds = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]
        if not any(kind != "null" and isinstance(value, SHAPES[kind]) for kind in kinds):
            return False
    numeric = isinstance(value, (int, float))
    if numeric and not rule.get("minimum", value) <= value <= rule.get("maximum", value):
        return False
    unknown = set(rule) - {"enum", "const", "type", "minimum", "maximum", "description"}
    assert not unknown, f"rules that this oracle does not know: {unknown}"
    return True


class Oracle:
    """A data product and its data structures, read from their files."""

    def __init__(self, product: Path, structures: Path) -> None:
        self.data = read_yaml(product)["data"]
        self.applications = [read_yaml(product.parent / at["$ref"])["data"] for at in self.data["sourceApplications"]]
        self.schemas: dict[str, dict[str, Any]] = {}
        for path in sorted(structures.glob("*/*.yaml")):
            schema = read_yaml(path)["data"]
            own = schema["self"]
            self.schemas[f"iglu:{own['vendor']}/{own['name']}/{own['format']}/{own['version']}"] = schema

    def specifications(self, selection: Selection) -> list[dict[str, Any]]:
        """The selected event specifications, by name or id, in the order of the file."""
        every = list(self.data["eventSpecifications"])
        if selection.events is None:
            return every
        chosen = [one for one in every if one["name"] in selection.events or one["resourceName"] in selection.events]
        assert len(chosen) == len(selection.events)
        return chosen

    def columns(self, selection: Selection) -> list[Column]:
        """The columns of the table, in order."""
        made: list[Column] = []
        chosen = self.specifications(selection)
        for source in dict.fromkeys(one["event"]["source"] for one in chosen):
            made += self._flat(source)
        mentions = [entity for one in chosen for entity in entities(one)]
        mentions += [entity for one in self.applications for entity in entities(one)]
        for source in dict.fromkeys(entity["source"] for entity in mentions):
            name = parts(source)[1]
            if selection.entities is not None and name not in selection.entities:
                continue
            if all(entity.get("maxCardinality") == 1 for entity in mentions if entity["source"] == source):
                made += self._flat(source)
            else:
                made.append(Column(snake(name), source, array=True))
        taken = {column.name for column in made}
        atomic = [Column(f"atomic_{name}" if name in taken else name, "", name) for name in selection.columns]
        return atomic + made

    def _flat(self, source: str) -> list[Column]:
        name = snake(parts(source)[1])
        return [Column(f"{name}_{snake(key)}", source, key) for key in self.schemas[source]["properties"]]

    def table(self, events: Sequence[Raw], selection: Selection, times: frozenset[str]) -> Table:
        """The table over raw events; `times` says which atomic columns are timestamps."""
        columns = self.columns(selection)
        chosen = self.specifications(selection)
        rows = []
        for event in events:
            if any(self._is(one, event, selection.match) for one in chosen):
                carried = {source: elements(event, source) for source in {column.source for column in columns} - {""}}
                rows.append(tuple(self._value(column, event, carried, times) for column in columns))
        return Table(columns, rows)

    def _value(
        self, column: Column, event: Raw, carried: Mapping[str, list[Element] | None], times: frozenset[str]
    ) -> Any:
        if not column.source:
            text = event.get(column.key) or None
            return utc(text) if text and column.key in times else text
        found = carried[column.source]
        if column.array:
            return None if found is None else [self.plain(column.source, element) for element in found]
        if not found:
            return None
        return typed(self.schemas[column.source]["properties"][column.key], found[0].get(column.key))

    def plain(self, source: str, element: Mapping[str, Any]) -> Element:
        """An element of an array with all its properties in order, in snake_case and typed."""
        given = {snake(key): value for key, value in element.items()}
        return {
            snake(key): typed(schema, given.get(snake(key)))
            for key, schema in self.schemas[source]["properties"].items()
        }

    def _is(self, specification: Mapping[str, Any], event: Raw, match: str) -> bool:
        if match == "snowtype":
            ids = [element["id"] for element in elements(event, SPECIFICATION) or []]
            return specification["resourceName"] in ids
        for of in (specification["event"], *entities(specification)):
            found = elements(event, of["source"]) or []
            least, most = (1, 1) if of is specification["event"] else cardinality(of)
            if not least <= len(found) <= most:
                return False
            if not all(obeys(of.get("schema", {}), self.schemas[of["source"]], element) for element in found):
                return False
        return True


def entities(of: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The entities that a specification or a source application lists."""
    listed = of.get("entities", {})
    yield from listed.get("tracked", [])
    yield from listed.get("enriched", [])


def cardinality(entity: Mapping[str, Any]) -> tuple[int, int]:
    """How often an entity may be there."""
    return entity.get("minCardinality") or 0, entity.get("maxCardinality") or UNBOUNDED


def elements(event: Raw, source: str) -> list[Element] | None:
    """The objects of a schema that an event carries, of all columns of its major version; None without any."""
    found: list[Element] | None = None
    for column in carrying(source, tuple(event)):
        if text := event[column]:
            value = json.loads(text)
            found = (found or []) + (value if isinstance(value, list) else [value])
    return found


@cache
def carrying(source: str, columns: tuple[str, ...]) -> list[str]:
    """Which of the columns hold objects of a schema."""
    vendor, name, version = parts(source)
    kinds = ("unstruct_event", "contexts")
    starts = tuple(f"{kind}_{vendor.replace('.', '_')}_{name}_{version.split('-')[0]}_" for kind in kinds)
    return [column for column in columns if column.startswith(starts)]
