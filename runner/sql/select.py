"""A model's SELECT as plain values, and the user's own text spliced: read anew, table by table.

Kept apart from references.py, which parses: a run whose program is known already does not load a parser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from runner.errors import Place
from runner.names import TableName

COLUMNS_FIRST = frozenset({"duckdb"})  # where `current_date` is a column if there is one of its name
SHORTEST_CUT = 60  # bytes of a name that are kept at least: 63 on Postgres, where no letter is cut in two


@dataclass(frozen=True)
class Reference:
    """One place in a text where a table is read: `text[start:end]` is its name, without the alias."""

    table: TableName
    start: int
    end: int
    line: int
    alias: str  # '' without one
    positional: bool  # `t as x(a, b)`: columns are renamed by position


@dataclass(frozen=True)
class Qualifier:
    """A schema prefix of a column (`atomic.` in `atomic.events.event_id`); gone once the table is a subquery."""

    start: int
    end: int


class Moment(Enum):
    """What the clock is asked for."""

    INSTANT = "timestamp with time zone"
    TIMESTAMP = "timestamp"
    DATE = "date"
    TIME = "time"
    TIME_OF_DAY = "time with time zone"


@dataclass(frozen=True)
class ClockCall:
    """One place in a text where the clock is read: `text[start:end]` is `current_date` or `now()`."""

    start: int
    end: int
    moment: Moment
    line: int
    word: str
    precision: str = ""  # `current_timestamp(3)`


@dataclass(frozen=True)
class Call:
    """A function that a text calls, and the line of its first call."""

    name: TableName
    line: int
    in_from: bool  # it stands for a table
    path: Path | None = None  # where that is another file than the SELECT's


@dataclass(frozen=True)
class Select:
    """A model's SELECT, rendered and parsed. See meaning.py for `words`, `members` and `star`."""

    place: Place
    text: str
    dialect: str
    references: tuple[Reference, ...]
    qualifiers: tuple[Qualifier, ...]
    words: frozenset[str]  # all that can name a column, in lower case
    members: frozenset[tuple[str, str]]  # (alias, name), the name '' where the whole row is meant
    star: bool  # it means columns that no word names
    outputs: tuple[str, ...]  # names of the output columns as far as the text tells; () with `*`
    digest: str
    clocks: tuple[ClockCall, ...] = ()  # of a model that is given its run's instant

    @property
    def tables(self) -> tuple[TableName, ...]:
        """The tables it reads, each once, in the order of their first mention."""
        return tuple(dict.fromkeys(reference.table for reference in self.references))

    def means(self, names: Sequence[str], reference: Reference) -> frozenset[str]:
        """Those columns of an input that the SELECT can mean, where it reads the input at `reference`.

        All of them where it can mean the row: on Postgres `t.name` is a function of the row if it is no column.
        """
        if self.star or reference.positional:
            return frozenset(names)
        called = (reference.alias or reference.table.table).lower()
        known = {name.lower() for name in names}
        cut = tuple(name for name in known if len(name.encode()) >= SHORTEST_CUT)  # longer words may name these
        asked = (name for owner, name in self.members if owner == called)
        if any(name not in known and not name.startswith(cut) for name in asked):
            return frozenset(names)
        meant = {name for name in cut if any(word.startswith(name) for word in self.words)} | (known & self.words)
        return frozenset(name for name in names if name.lower() in meant)


def splice(
    select: Select,
    replace: Callable[[Reference], str | None],
    quote: Callable[[str], str],
    instant: Callable[[ClockCall], str] | None = None,
) -> str:
    """The user's text with each reference replaced by what `replace` gives (None leaves it); aliases stay.

    `quote` writes an alias as the engine does, `instant` what the clock says.
    """
    edits: list[tuple[int, int, str]] = [(q.start, q.end, "") for q in select.qualifiers]
    edits += [(call.start, call.end, instant(call)) for call in select.clocks if instant]
    for reference in select.references:
        text = replace(reference)
        if text is not None:
            alias = "" if reference.alias else f" as {quote(reference.table.table)}"
            edits.append((reference.start, reference.end, text + alias))
    result, position = [], 0
    for start, end, text in sorted(edits):
        result += [select.text[position:start], text]
        position = end
    return "".join([*result, select.text[position:]]).rstrip().rstrip(";")
