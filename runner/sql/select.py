"""A model's SELECT as plain values, and the user's own text: found, read, rendered, and spliced.

Kept apart from reading.py, which parses: a run whose program is known already does not load a parser.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import BadInput, Place, Problem
from runner.names import TableName

# Control characters, and bidi controls: text that is not what it looks like.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True)
class Reference:
    """One place in a text where a table is read: `text[start:end]` is its name, without the alias."""

    table: TableName
    start: int
    end: int
    line: int
    has_alias: bool
    positional: bool  # `t as x(a, b)`: columns are renamed by position


@dataclass(frozen=True)
class Qualifier:
    """A schema prefix of a column (`atomic.` in `atomic.events.event_id`); gone once the table is a subquery."""

    start: int
    end: int


@dataclass(frozen=True)
class Select:
    """A model's SELECT, rendered and parsed. `words` are all identifiers in it, folded to lower case."""

    place: Place
    text: str
    dialect: str
    references: tuple[Reference, ...]
    qualifiers: tuple[Qualifier, ...]
    words: frozenset[str]
    star: bool
    outputs: tuple[str, ...]  # names of the output columns as far as the text tells; () with `*`
    digest: str

    @property
    def tables(self) -> tuple[TableName, ...]:
        """The tables it reads, each once, in the order of their first mention."""
        return tuple(dict.fromkeys(reference.table for reference in self.references))


def splice(select: Select, replace: Callable[[Reference], str | None], quote: Callable[[str], str]) -> str:
    """The user's text with each reference replaced by what `replace` gives (None leaves it); aliases stay.

    `quote` writes an alias as the engine does.
    """
    edits: list[tuple[int, int, str]] = [(q.start, q.end, "") for q in select.qualifiers]
    for reference in select.references:
        text = replace(reference)
        if text is not None:
            alias = "" if reference.has_alias else f" as {quote(reference.table.table)}"
            edits.append((reference.start, reference.end, text + alias))
    result, position = [], 0
    for start, end, text in sorted(edits):
        result += [select.text[position:start], text]
        position = end
    return "".join([*result, select.text[position:]]).rstrip().rstrip(";")


def find(root: Path, path: str, kind: str, place: Place) -> Path:
    """The file for `path` below `root`: `x.<kind>.sql` wins over `x.sql`. Raises BadInput if it is not a fit file."""
    wanted = Path(path)
    plain = root / wanted
    own = plain.with_name(f"{plain.stem}.{kind}{plain.suffix}") if plain.name and wanted.name else plain
    try:
        file = own if own.is_file() else plain
        real, inside = file.resolve(), root.resolve()
        exists, regular = real.exists(), real.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long, links in a circle, not permitted
        said = getattr(error, "strerror", None) or "its links go in a circle"
        raise BadInput(Problem(place, f"{_short(path)} cannot be read: {said}", _BELOW)) from None
    if not real.is_relative_to(inside):
        raise BadInput(Problem(place, f"{path} leaves sql_root", f"put it below {root}"))
    if not exists:
        near = _similar(root, wanted)
        hint = f"did you mean {near}?" if near else _BELOW
        raise BadInput(Problem(place, f"{_short(path)}: no such file below {root}", hint))
    if not regular:
        raise BadInput(Problem(place, f"{path} is not a regular file", _BELOW))
    return file


_BELOW = "write the path of a SQL file, from sql_root: on (the playbook's own folder, where there is none)"


def _short(path: str) -> str:
    return path if len(path) <= 100 else f"{path[:99]}…"


def _similar(root: Path, wanted: Path) -> str:
    """The file with the most similar path. Only some files are looked at: sql_root may be the whole machine."""
    names: list[str] = []
    for seen, (folder, _, files) in enumerate(os.walk(root)):
        names += [os.path.relpath(os.path.join(folder, name), root) for name in files if name.endswith(".sql")]
        if seen >= 200 or len(names) >= 1000:
            break
    return next(iter(difflib.get_close_matches(str(wanted), sorted(names), n=1)), "")


MAX_BYTES = 5_000_000


def read(file: Path, place: Place) -> str:
    """The file's text: UTF-8, without control characters, at most 5 MB. Raises BadInput."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(Problem(place, f"{file} cannot be read: {error.strerror}", _BELOW)) from None
    if len(data) > MAX_BYTES:
        hint = "load data by COPY; split a script in several"
        raise BadInput(Problem(Place(file), f"is larger than {MAX_BYTES:,} bytes", hint))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = Place(file, data[: error.start].count(b"\n") + 1)
        what = f"is not UTF-8 text: byte 0x{data[error.start]:02x}"
        raise BadInput(Problem(at, what, "save the file as UTF-8")) from None
    if found := _CONTROL.search(text):
        what = "a NUL character" if found[0] == "\0" else f"the invisible character U+{ord(found[0]):04X}"
        at = Place(file, text.count("\n", 0, found.start()) + 1)
        raise BadInput(Problem(at, f"{what} in the file", "delete it; write chr(…) if a value needs it"))
    return text


def render(text: str, values: Mapping[str, object], place: Place) -> str:
    """The text with its Jinja variables filled in, sandboxed; an undefined name is BadInput with file:line."""
    if not any(mark in text for mark in ("{{", "{%", "{#")):
        return text
    from runner.sql.templates import render_template  # jinja2 is imported only where a file needs it

    return render_template(text, values, place)
