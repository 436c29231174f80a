"""A model's SELECT as plain values, and the user's own text: found, read, rendered, and spliced.

Kept apart from sqlfile.py, which parses: a run whose program is known already does not load a parser.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import BadInput, Place, Problem
from runner.names import TableName


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


def splice(select: Select, replace: Callable[[Reference], str | None]) -> str:
    """The user's text with each reference replaced by what `replace` gives (None leaves it); aliases stay."""
    edits: list[tuple[int, int, str]] = [(q.start, q.end, "") for q in select.qualifiers]
    for reference in select.references:
        text = replace(reference)
        if text is not None:
            alias = "" if reference.has_alias else ' as "' + reference.table.table.replace('"', '""') + '"'
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
    own = plain.with_name(f"{plain.stem}.{kind}{plain.suffix}")
    file = own if own.is_file() else plain
    real, inside = file.resolve(), root.resolve()
    if not real.is_relative_to(inside):
        raise BadInput(Problem(place, f"{path} leaves sql_root", f"put it below {root}"))
    if not real.exists():
        near = _similar(root, wanted)
        raise BadInput(Problem(place, f"{path}: no such file below {root}", f"did you mean {near}?" if near else ""))
    if not real.is_file():
        raise BadInput(Problem(place, f"{path} is not a file"))
    return file


def _similar(root: Path, wanted: Path) -> str:
    names = [str(file.relative_to(root)) for file in sorted(root.rglob("*.sql"))[:1000]] if root.is_dir() else []
    return next(iter(difflib.get_close_matches(str(wanted), names, n=1)), "")


def read(file: Path, place: Place) -> str:
    """The file's text: UTF-8, no NUL, at most 5 MB. Raises BadInput."""
    limit = 5_000_000
    if file.stat().st_size > limit:
        raise BadInput(Problem(place, f"{file} is larger than {limit // 1_000_000} MB"))
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput(Problem(Place(file, line), "is not UTF-8 text")) from None
    if "\0" in text:
        raise BadInput(Problem(Place(file, text[: text.index("\0")].count("\n") + 1), "holds a NUL byte"))
    return text


def render(text: str, values: Mapping[str, object], place: Place) -> str:
    """The text with its Jinja variables filled in, sandboxed; an undefined name is BadInput with file:line."""
    if not any(mark in text for mark in ("{{", "{%", "{#")):
        return text
    from runner.templates import render_template  # jinja2 is imported only where a file needs it

    return render_template(text, values, place)
