"""What was chosen for an output of a product, kept beside its files as NAME.selection.yml, and read again from there.

Paths in it are relative to its folder, so that it can be in git. The names of columns that were given stand in it, too:
they stay, whatever else comes to the product.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from runner.doors.products.choose.naming import Given
from runner.doors.products.files.registry import Registry
from runner.errors import Place, Problems
from runner.files.schema import PROSE, Hints, Kind, Row, Scope, Wrong, described, many, record
from runner.files.yaml import Node, Scalar, parse, read_text

ENDING = ".selection.yml"
_EXCLUDE = (("columns", "all_columns"), ("since", "last"))
_NO_HINTS = Hints({}, {})


@dataclass(frozen=True)
class Asked:
    """What a command line or a file asks for, as it was written; what is empty was not said."""

    output: str = ""
    schemas: tuple[str, ...] = ()
    engine: str = ""
    layout: str = ""
    match: str = ""
    events: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    all_columns: bool = False
    since: str = ""
    last: str = ""
    no_dedupe: bool = False
    events_table: str = ""
    schema: str = ""
    source: str = ""
    package: str = ""
    lenient: bool = False
    event_specification: bool = False

    def over(self, stored: Asked) -> Asked:
        """These, and what they leave unsaid as it is stored."""
        for pair in _EXCLUDE:
            if any(getattr(self, name) for name in pair):
                stored = replace(stored, **{name: type(getattr(stored, name))() for name in pair})
        said = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name)}
        return replace(stored, **said)


@dataclass(frozen=True)
class Selection:
    """The choice for one output of one product."""

    path: Path
    product: Path
    id: str
    asked: Asked
    names: tuple[Given, ...]

    def text(self) -> str:
        """The file, a line a key; paths from its folder on."""
        lines = [f"# What runner generate chose for {self.path.name.removesuffix(ENDING)}: edit it, or say it again"]
        lines.append(f"product: {_text(self._from_here(str(self.product)))}")
        lines.append(f"id: {_text(self.id)}")
        for one in fields(self.asked):
            value = getattr(self.asked, one.name)
            if one.name == "schemas":
                value = tuple(place if Registry.is_url(place) else self._from_here(place) for place in value)
            if value:
                lines.append(f"{one.name}: {_text(list(value) if isinstance(value, tuple) else value)}")
        lines.append("names:")
        lines += [f"  - {_text([one.structure, one.key, one.name])}" for one in self.names]
        return "\n".join([*lines, ""])

    def _from_here(self, path: str) -> str:
        return Path(os.path.relpath(path, self.path.parent)).as_posix()


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _flag(node: Node, scope: Scope) -> bool:
    if not isinstance(node, Scalar) or node.text not in ("true", "false"):
        raise Wrong(f"must be true or false, not {described(node)}", "write true")
    return node.text == "true"


def _given(node: Node, scope: Scope) -> Given:
    parts = TEXTS.read(node, scope)
    if len(parts) != 3:
        raise Wrong("must be a structure, a property and a name", 'write ["com.acme/user/1", "id", "user_id"]')
    return Given(*parts)


TEXT = Kind(lambda node, scope: "" if isinstance(node, Scalar) and not node.text else PROSE.read(node, scope), "")
TEXTS = many(TEXT)
FLAG = Kind(_flag, False)
GIVEN = Kind(_given, Given("", "", ""))
_LISTED = many(GIVEN)
NAMES: Kind[tuple[Given, ...]] = Kind(
    lambda node, scope: () if isinstance(node, Scalar) and node.empty else _LISTED.read(node, scope), (), null=True
)
_KINDS: dict[type, Kind[Any]] = {str: TEXT, tuple: TEXTS, bool: FLAG}


def read_selection(path: Path) -> Selection:
    """Raises BadInput with what is wrong with the file."""
    problems = Problems()

    def build(row: Row) -> Selection:
        product = row.need("product", PROSE, "write the path of the data product, from this folder on")
        said: dict[str, Any] = {
            one.name: row.get(one.name, _KINDS[type(one.default)], one.default) for one in fields(Asked)
        }
        asked = Asked(**said)
        places = tuple(one if Registry.is_url(one) else _there(path, one) for one in asked.schemas)
        names = row.get("names", NAMES, ())
        return Selection(
            path, Path(_there(path, product)), row.get("id", TEXT, ""), replace(asked, schemas=places), names
        )

    blank = Selection(path, Path(), "", Asked(), ())
    tree = parse(read_text(path, problems), path, problems)
    found = Scope(problems, "the file").read(record("a selection", build, blank, _NO_HINTS), tree)
    problems.finish()
    return found


def _there(path: Path, text: str) -> str:
    """A path of a file as it is from here."""
    return os.path.normpath(path.parent / text)


def selections(folder: Path) -> Iterator[Selection]:
    """All that are in a folder; or the one, if a file is named."""
    paths: Iterable[Path] = [folder] if folder.is_file() else sorted(folder.glob(f"*{ENDING}"))
    for path in paths:
        yield read_selection(path)


def stored_for(product: Path, output: str, folder: Path, problems: Problems) -> Selection | None:
    """The selection of an output of a product in a folder; of several, as after a change of name, the newest."""
    if folder.exists() and not folder.is_dir():
        problems.stop(Place(folder), "cannot be written: it is no folder", "-o names a folder")
    real = os.path.realpath(product)
    mine = [one for one in selections(folder) if one.asked.output == output and os.path.realpath(one.product) == real]
    return max(mine, key=lambda one: one.path.stat().st_mtime_ns, default=None)
