"""The data structures of a folder: data-structure files, and bare Iglu schemas with `self`, by their identity.

A file that cannot be read matters where a schema is missing that stands in it: then that is the reason, and all that is
said.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from runner.doors.products.files.documents import SUFFIXES, document, entry, is_broken, same, text_of
from runner.doors.products.values import Uri, Version
from runner.errors import BadInput, Place, Problem, Problems
from runner.files.yaml import Node


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
    found: dict[Uri, Node] = field(default_factory=dict)
    _flaws: dict[Uri, list[Problem]] = field(default_factory=dict)
    _unread: list[_Unread] = field(default_factory=list)

    @staticmethod
    def of(path: Path, problems: Problems) -> Folder:
        """Raises BadInput for no folder."""
        if not path.is_dir():
            problems.stop(
                Place(path), "no such folder", "--schemas names a folder of data structures, or a registry: http://…"
            )
        folder = Folder(path)
        for name in sorted(_files(path)):
            folder._enter(name)
        return folder

    def __str__(self) -> str:
        return str(self.path)

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
            if not same(self.found[uri], schema):
                first = self.found[uri].place
                what = f"{uri} is here a second time and says other things, first at {first}"
                self._flaws[uri].append(Problem(schema.place, what, "keep one of the two"))
        else:
            self.found[uri], self._flaws[uri] = schema, own.found

    def flaws(self, uri: Uri) -> list[Problem]:
        """What is wrong with the file of a schema, to be told where it is referred to."""
        return self._flaws.get(uri, [])

    def reasons(self, uri: Uri) -> list[Problem]:
        """Why files that may hold a schema cannot be read."""
        return [reason for file in self._unread if file.names(uri) for reason in file.reasons]

    @property
    def unread(self) -> tuple[Path, ...]:
        return tuple(one.path for one in self._unread)


def _files(path: Path) -> list[Path]:
    """Schema files below a folder; those of an Iglu registry are called by their version alone."""
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder, n) for n in names if Path(n).suffix.lower() in SUFFIXES or Version.of(n)]
    return found
