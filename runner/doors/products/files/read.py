"""A data product file, and the source applications and structures it refers to → `Product`, all problems at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from runner.doors.products.files.cardinality import check_cardinality
from runner.doors.products.files.documents import SUFFIXES, document, entry, scalar_value, text_of
from runner.doors.products.files.jsonschema import rules_of
from runner.doors.products.files.structures import Structures
from runner.doors.products.values import WITHOUT_COLUMNS, Application, Product, Specification, Structure, Uri, Use
from runner.errors import BadInput, Place, Problems, show
from runner.files.schema import PROSE, Hints, Kind, Row, Scope, Wrong, described, many, record
from runner.files.yaml import Node, Scalar

T = TypeVar("T")
NO_HINTS = Hints({}, {"source": "event, or an item of tracked or enriched", "schema": "event", "entities": "data"})
_UUID = "write resourceName: and a UUID; the events carry it as the id of their event_specification"


def _any(node: Node, scope: object) -> Node:
    return node


def _uri(node: Node, scope: object) -> Uri | None:
    found = Uri.of(node.text) if isinstance(node, Scalar) else None
    if found is None:
        raise Wrong(f"must be an Iglu URI, not {described(node)}", "write iglu:com.acme/product/jsonschema/1-0-0")
    return found


def _count(node: Node, scope: object) -> int | None:
    value = scalar_value(node) if isinstance(node, Scalar) else None
    if value is None and isinstance(node, Scalar) and node.empty:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Wrong(f"must be a whole number, not {described(node)}", "write 0, 1 or more")
    return value


@dataclass(frozen=True)
class Ref:
    """`$ref: ./file.yaml`, relative to the file it stands in."""

    target: str
    place: Place


def _words(node: Node, scope: Scope) -> str:
    text = PROSE.read(node, scope)
    if not text.strip():
        raise Wrong("is empty", "write a value")
    return text


WORDS = Kind(_words, "")
ANY: Kind[Node | None] = Kind(_any, None, null=True)
URI: Kind[Uri | None] = Kind(_uri, None)
COUNT: Kind[int | None] = Kind(_count, None, null=True)
REF = record("a reference", lambda row: Ref(row.need("$ref", WORDS), row.place), Ref("", Place()), NO_HINTS)


def _use(row: Row) -> Use | None:
    uri = row.need("source", URI, "write source: iglu:com.acme/product/jsonschema/1-0-0")
    least, most = row.get("minCardinality", COUNT, None), row.get("maxCardinality", COUNT, None)
    row.get("comment", PROSE, "")
    rules = rules_of(row.get("schema", ANY, None), row.problems)
    if most is not None and (least or 0) > most:
        what = f"minCardinality {least} is more than maxCardinality {most}"
        row.wrong("maxCardinality", what, "an event cannot have both: mend one of them")
    return Use(uri, row.place_of("source"), least or 0, most, rules) if uri else None


def _event(row: Row) -> Use | None:
    uri = row.need("source", URI, "write source: iglu:com.acme/cart_action/jsonschema/1-0-0")
    row.get("comment", PROSE, "")
    rules = rules_of(row.get("schema", ANY, None), row.problems)
    return Use(uri, row.place_of("source"), rules=rules) if uri else None


USES = many(record("an entity", _use, None, NO_HINTS))


def _entities(row: Row) -> tuple[Use, ...]:
    found = [*row.get("tracked", USES, ()), *row.get("enriched", USES, ())]
    return tuple(use for use in found if use is not None)


_NONE: tuple[Use, ...] = ()
ENTITIES = record("entities", _entities, _NONE, NO_HINTS, several="write tracked: and enriched: lists")
EVENT = record("an event", _event, None, NO_HINTS)


@dataclass(frozen=True)
class _Written:
    """A specification as its file has it."""

    specification: Specification
    excluded: tuple[Ref, ...]


def _specification(row: Row) -> _Written:
    found = Specification(
        id=row.need("resourceName", WORDS, _UUID),
        name=row.need("name", WORDS),
        description=row.get("description", PROSE, ""),
        event=row.get("event", EVENT, None),
        entities=row.get("entities", ENTITIES, ()),
        applications=(),
        place=row.place,
    )
    for other in (
        "triggers",
        "sourceApplications",
    ):  # those of a specification are an older form's: the product has them
        row.get(other, ANY, None)
    return _Written(found, row.get("excludedSourceApplications", many(REF), ()))


_NO_WRITTEN = _Written(Specification("", "", "", None, (), (), Place()), ())


@dataclass(frozen=True)
class _Data:
    name: str = ""
    description: str = ""
    applications: tuple[Ref, ...] = ()
    specifications: tuple[_Written, ...] = ()


def _data(row: Row) -> _Data:
    name, description = row.need("name", WORDS), row.get("description", PROSE, "")
    for other in ("domain", "owner"):
        row.get(other, PROSE, "")
    refs = row.get("sourceApplications", many(REF), ())
    written = row.get(
        "eventSpecifications", many(record("an event specification", _specification, _NO_WRITTEN, NO_HINTS)), ()
    )
    return _Data(name, description, refs, written)


@dataclass(frozen=True)
class _App:
    name: str = ""
    entities: tuple[Use, ...] = ()


def _app(row: Row) -> _App:
    name = row.need("name", WORDS)
    for other in ("domain", "owner", "description", "appIds"):
        row.get(other, ANY, None)
    return _App(name, row.get("entities", ENTITIES, ()))


DATA = record("a data product", _data, _Data(), NO_HINTS)
APP = record("a source application", _app, _App(), NO_HINTS)


def product_files(path: Path, problems: Problems) -> list[Path]:
    """The file that is named, or all data products of a folder. Raises BadInput for a folder without any."""
    if not path.is_dir():
        return [path]
    found = []
    for one in sorted(path.rglob("*")):
        if one.suffix.lower() in SUFFIXES and one.is_file() and not one.name.startswith("."):
            try:
                kind = text_of(entry(document(one, Problems()), "resourceType"))
            except BadInput:
                kind = "data-product" if one.parent == path else ""  # what is wrong with it is told when it is read
            found += [one] if kind == "data-product" else []
    if not found:
        problems.stop(Place(path), "no data product in this folder", "name a file with resourceType: data-product")
    return found


def read_product(path: Path, schemas: Sequence[str]) -> Product:
    """The data product at `path`. Raises BadInput with all problems found in all files."""
    problems = Problems()
    structures = Structures.of(schemas, problems)
    try:
        written = _resource(document(path, problems), "data-product", DATA, _Data(), problems)
        product = _References(path, structures, problems).product(written)
    except BadInput as bad:
        raise BadInput([*problems.found, *bad.problems]) from None
    problems.finish()
    return product


@dataclass(frozen=True)
class _Resource(Generic[T]):
    """What a file of snowplow-cli holds."""

    id: str
    data: T


def _resource(node: Node, kind: str, data: Kind[T], blank: T, problems: Problems) -> _Resource[T]:
    def build(row: Row) -> _Resource[T]:
        version, said = row.need("apiVersion", WORDS, "write apiVersion: v1"), row.need("resourceType", WORDS)
        if version and version != "v1":
            row.wrong("apiVersion", f"apiVersion {show(version)} is not known here", "write apiVersion: v1")
        if said and said != kind:
            what = f"this is a {said}, not a {kind}"
            row.problems.stop(row.place_of("resourceType"), what, f"name the file of a {kind}")
        found = row.need("resourceName", WORDS, "write resourceName: and a UUID")
        return _Resource(found, row.need("data", data, f"write what the {kind} holds under data:"))

    return Scope(problems, "the file").read(record(f"a {kind} file", build, _Resource("", blank), NO_HINTS), node)


class _References:
    """Follows the references of one data product."""

    def __init__(self, path: Path, there: Structures, problems: Problems) -> None:
        self._path, self._there, self._problems = path, there, problems
        self._apps: dict[str, Application | None] = {}

    def product(self, written: _Resource[_Data]) -> Product:
        data = written.data
        applications = [found for ref in data.applications if (found := self._application(ref))]
        specifications = tuple(self._whole(one, applications) for one in data.specifications)
        self._same(specifications)
        structures = self._structures(specifications)
        for specification in specifications:
            check_cardinality(specification, self._problems)
        if not specifications and not self._problems.found:
            hint = "write eventSpecifications: with one entry an event"
            self._problems.add(Place(self._path), "a data product without event specifications", hint)
        return Product(self._path, written.id, data.name, data.description, specifications, structures)

    def _same(self, specifications: tuple[Specification, ...]) -> None:
        seen: dict[str, Specification] = {}
        for one in specifications:
            if one.id and (first := seen.setdefault(one.id, one)) is not one:
                what = f"resourceName {show(one.id)} is used by two specifications, first at line {first.place.line}"
                self._problems.add(one.place, what, "give each its own")

    def _whole(self, written: _Written, applications: list[Application]) -> Specification:
        without = {os.path.realpath(self._path.parent / ref.target) for ref in written.excluded if self._file(ref)}
        kept = tuple(one for one in applications if os.path.realpath(one.path) not in without)
        return replace(written.specification, applications=kept)

    def _file(self, ref: Ref) -> Path | None:
        path = self._path.parent / ref.target
        if ref.target and not path.is_file():
            self._problems.add(ref.place, f"$ref {show(ref.target)}: no such file", f"it is looked for at {path}")
        return path if ref.target and path.is_file() else None

    def _application(self, ref: Ref) -> Application | None:
        path = self._file(ref)
        if path is None:
            return None
        real = os.path.realpath(path)
        if real not in self._apps:
            app = _resource(document(path, self._problems), "source-application", APP, _App(), self._problems).data
            self._apps[real] = Application(path, app.name, app.entities)
        return self._apps[real]

    def _structures(self, specifications: tuple[Specification, ...]) -> tuple[Structure, ...]:
        found: dict[Uri, Structure] = {}
        for specification in specifications:
            event = [specification.event] if specification.event else []
            for use in (*event, *specification.entities, *(u for a in specification.applications for u in a.entities)):
                bare = use in event and (use.uri.vendor, use.uri.name) in WITHOUT_COLUMNS
                if use.uri not in found and not bare and (structure := self._there.need(use.uri, use.place)):
                    found[use.uri] = structure
        return tuple(found.values())
