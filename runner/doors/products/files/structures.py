"""The data structures that a product refers to, each read when asked for, from the first of several places that has it.

Only what is referred to is read in full. Of other schemas of a folder the identity is known, for hints; a registry is
asked for what no folder has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.doors.products.files.documents import entry, text_of
from runner.doors.products.files.folder import Folder
from runner.doors.products.files.jsonschema import properties_of
from runner.doors.products.files.registry import Registry
from runner.doors.products.values import Structure, Uri
from runner.errors import Place, Problem, Problems, did_you_mean
from runner.files.yaml import Mapping, Node

CENTRAL = "http://iglucentral.com"
_PUBLIC = (
    "com.snowplowanalytics",
    "com.google",
    "com.iab",
    "com.mandrill",
    "com.sendgrid",
    "nl.basjes",
    "org.w3",
    "org.ietf",
    "org.schema",
)


@dataclass
class Structures:
    """Schemas by URI, from folders in their order, then from registries."""

    folders: tuple[Folder, ...]
    registries: tuple[Registry, ...]
    problems: Problems
    _read: dict[Uri, Structure | None] = field(default_factory=dict)

    @staticmethod
    def of(places: Sequence[str], problems: Problems) -> Structures:
        """Raises BadInput for a folder that is not there."""
        urls = [one for one in places if Registry.is_url(one)]
        folders = tuple(Folder.of(Path(one), problems) for one in places if one not in urls)
        return Structures(folders, tuple(map(Registry, urls)), problems)

    def need(self, uri: Uri, place: Place) -> Structure | None:
        """The structure that is referred to at `place`; None where it is not there, which is said."""
        if uri not in self._read:
            schema = self._found(uri)
            if schema is None:
                self._missing(uri, place)
                return None  # not kept: each place that refers to it is told
            self._read[uri] = self._structure(uri, schema)
        return self._read[uri]

    def _found(self, uri: Uri) -> Node | None:
        for folder in self.folders:
            if uri in folder.found:
                self._tell(folder.flaws(uri))
                return folder.found[uri]
        fetched = (registry.fetched(uri, self.problems) for registry in self.registries)
        return next((schema for schema in fetched if schema is not None), None)

    def _structure(self, uri: Uri, schema: Node) -> Structure:
        if isinstance(schema, Mapping) and (kind := text_of(entry(schema, "type"))) not in ("object", ""):
            hint = "a data structure is an object with properties"
            self.problems.add(schema.place, f"invalid JSON schema: {uri} is of type {kind}, not object", hint)
        return Structure(uri, properties_of(schema, self.problems), schema.place)

    def _tell(self, found: Iterable[Problem]) -> None:
        for problem in found:
            self.problems.add(problem.place, problem.what, problem.hint)

    def _missing(self, uri: Uri, place: Place) -> None:
        """Says what is the reason, or where a schema of this vendor comes from."""
        if reasons := [reason for folder in self.folders for reason in folder.reasons(uri)]:
            self._tell(reasons)
            return
        known = {one: folder for folder in self.folders for one in folder.found}
        where = " or ".join(map(str, (*self.folders, *self.registries)))
        versions = sorted(one for one in known if (one.vendor, one.name) == (uri.vendor, uri.name))
        if versions:
            there = ", ".join(str(one.version) for one in versions)
            what = f"{uri}: {known[versions[0]]} has no version {uri.version} of it, but {there}"
            self.problems.add(place, what, f"refer to one of these, or get that version: {self._whence(uri)}")
            return
        near = did_you_mean(str(uri), (str(one) for one in known if one.vendor == uri.vendor))
        hint = f"{near} If not: {self._whence(uri)}" if near.startswith("did") else self._whence(uri)
        if unread := [path for folder in self.folders for path in folder.unread]:
            hint += f"; {len(unread)} files there are no schemas that can be read, {unread[0]} among them"
        self.problems.add(place, f"unknown schema {uri}: it is not in {where}", hint)

    def _whence(self, uri: Uri) -> str:
        """What to type to have a schema."""
        given = "".join(f" --schemas {one}" for one in (*self.folders, *self.registries))
        if uri.vendor.startswith(_PUBLIC) and CENTRAL not in map(str, self.registries):
            return f"it is of Iglu Central: the same command with{given} --schemas {CENTRAL}"
        get = f"snowplow-cli ds download data-structures --match {uri.vendor}/{uri.name}"
        return f"{get}, then the same command with{given} --schemas data-structures"
