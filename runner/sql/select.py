"""A model's SELECT as plain values, and the user's own text spliced: read anew, table by table.

Kept apart from references.py, which parses: a run whose program is known already does not load a parser.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.errors import Place
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
