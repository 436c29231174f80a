"""The data structures of a folder: data-structure files, and bare Iglu schemas with `self`; each read when asked for.

Only what is referred to is read in full. Of the other files the identity is known, for hints. A file that cannot be read
matters where a schema is missing that stands in it: then that is the reason, and all that is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from runner.doors.products.files.documents import SUFFIXES, document, entry, is_broken, text_of
from runner.doors.products.files.jsonschema import properties_of
from runner.doors.products.values import Structure, Uri, Version
from runner.errors import BadInput, Place, Problem, Problems, did_you_mean
from runner.files.yaml import Mapping, Node


@dataclass(frozen=True)
class _Unread:
    """A file that could not be read, or whose identity could not."""

    path: Path
    reasons: tuple[Problem, ...]

    def names(self, uri: Uri) -> bool:
        """Whether it may be this schema's: it names it, or nobody knows what it says."""
        try:
            said = os.fsencode(self.path) + self.path.read_bytes()
        except OSError:
            return True
        return uri.name.encode() in said and uri.vendor.encode() in said


@dataclass
class Folder:
    """All schemas below a folder, by URI."""

    path: Path
    problems: Problems
    found: dict[Uri, Node] = field(default_factory=dict)
    _flaws: dict[Uri, list[Problem]] = field(default_factory=dict)
    _unread: list[_Unread] = field(default_factory=list)
    _read: dict[Uri, Structure | None] = field(default_factory=dict)

    @staticmethod
    def of(path: Path, problems: Problems) -> Folder:
        """Raises BadInput for no folder; what is wrong with its files is added."""
        if not path.is_dir():
            problems.stop(Place(path), "no such folder", "--schemas names the folder of the data structures")
        folder = Folder(path, problems)
        for name in sorted(_files(path)):
            folder._enter(name)
        return folder

    def _enter(self, path: Path) -> None:
        own = Problems()
        try:
            tree = document(path, own)
        except BadInput as bad:
            self._unread.append(_Unread(path, bad.problems))
            return
        inner = entry(tree, "data")
        schema = inner if inner is not None and entry(inner, "self") is not None else tree
        own_self = entry(schema, "self")
        if own_self is None or is_broken(own_self):
            self._unread += [_Unread(path, tuple(own.found))] if own.found else []
            return
        parts = {name: text_of(entry(own_self, name)) for name in ("vendor", "name", "format", "version")}
        uri = Uri.of("iglu:{vendor}/{name}/{format}/{version}".format(**parts))
        if uri is None:
            missing = [name for name, text in parts.items() if not text]
            what = f"'self' needs {', '.join(missing)}" if missing else "'self' is not the identity of a schema"
            hint = "write vendor: com.acme, name: product, format: jsonschema, version: 1-0-0"
            flaw = Problem(own_self.place, f"invalid JSON schema: {what}", hint)
            self._unread.append(_Unread(path, (*own.found, flaw)))
        elif uri in self.found:
            first = self.found[uri].place
            self.problems.add(schema.place, f"{uri} is here a second time, first at {first}", "keep one of the two")
        else:
            self.found[uri], self._flaws[uri] = schema, own.found

    def need(self, uri: Uri, place: Place) -> Structure | None:
        """The structure that is referred to at `place`; None where it is not there, which is said."""
        if uri in self._read:
            return self._read[uri]
        schema = self.found.get(uri)
        if schema is None:
            self._missing(uri, place)
            return None
        self._tell(self._flaws[uri])
        if isinstance(schema, Mapping) and (kind := text_of(entry(schema, "type"))) not in ("object", ""):
            hint = "a data structure is an object with properties"
            self.problems.add(schema.place, f"invalid JSON schema: {uri} is of type {kind}, not object", hint)
        self._read[uri] = Structure(uri, properties_of(schema, self.problems), schema.place)
        return self._read[uri]

    def _tell(self, found: Iterable[Problem]) -> None:
        for problem in found:
            self.problems.add(problem.place, problem.what, problem.hint)

    def _missing(self, uri: Uri, place: Place) -> None:
        if reasons := [reason for file in self._unread if file.names(uri) for reason in file.reasons]:
            self._tell(reasons)
            return
        versions: list[Version] = sorted(u.version for u in self.found if (u.vendor, u.name) == (uri.vendor, uri.name))
        if versions:
            what = f"{uri}: {self.path} has no version {uri.version} of it, but {', '.join(map(str, versions))}"
            self.problems.add(place, what, "refer to one of these, or add the file of that version")
            return
        near = did_you_mean(str(uri), map(str, self.found))
        hint = near if near.startswith("did") else "runner reads *.yml, *.yaml and *.json below --schemas"
        if self._unread:
            hint += (
                f"; {len(self._unread)} files there are no schemas that can be read, {self._unread[0].path} among them"
            )
        self.problems.add(place, f"unknown schema {uri}: it is not in {self.path}", hint)


def _files(path: Path) -> list[Path]:
    """Schema files below a folder; those of an Iglu registry are called by their version alone."""
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder, n) for n in names if Path(n).suffix.lower() in SUFFIXES or Version.of(n)]
    return found
