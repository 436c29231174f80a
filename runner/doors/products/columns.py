"""Names of columns: snake_case as loaders have it, quotes where an engine wants them, clashes by one fixed rule.

Generated columns keep their names and a clashing atomic one becomes atomic_<name>. Two generated ones that clash both
get their vendor in front. What clashes then is an error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from runner.doors.products.values import Family, Type
from runner.errors import Place, Problems, show
from runner.warehouse.engines import Engine

_ACRONYM = re.compile(r"([A-Z]+)([A-Z][a-z])")
_HUMP = re.compile(r"([a-z0-9])([A-Z])")
_OTHER = re.compile(r"[^a-z0-9_]")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def words(text: str) -> tuple[str, ...]:
    """The words of a text, for lists that are read better as one."""
    return tuple(text.split())


RESERVED = frozenset(
    words("""
    account aes128 aes256 all allowexcluded allowoverwrite analyse analyze and any array as asc asof asymmetric
    authorization backup between binary blanksasnull both bytedict by bzip2 case cast check collate collation column
    concurrently connect connection constraint create credentials cross current current_catalog current_date
    current_role current_schema current_time current_timestamp current_user current_user_id database default
    deferrable deflate defrag delete delta desc describe disable distinct do drop else emptyasnull enable encode encrypt
    encryption end except exists explicit false fetch following for foreign freeze from full generated globaldict256
    globaldict64k grant group gscluster gzip having identity ignore ilike in increment initially inner insert intersect
    interval into is isnull issue join lambda language lateral leading left like limit localtime localtimestamp lun luns
    lzo lzop minus mostly16 mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open
    or order organization outer overlaps parallel partition percent permissions pivot pivot_longer pivot_wider placing
    primary qualify raw readratio recover references regexp rejectlog resort respect restore returning revoke right
    rlike row rows sample schema select session_user set show similar snapshot some start summarize symmetric sysdate
    system table tablesample tag tdes text255 text32k then timestamp to top trailing trigger true truncatecolumns
    try_cast type unique unpivot update user using values variadic verbose view wallet when whenever where window with
    without""")
)


def snake(name: str) -> str:
    """camelCase, dots and dashes as the loaders write them in the names of columns."""
    parted = _HUMP.sub(r"\1_\2", _ACRONYM.sub(r"\1_\2", name))
    return _OTHER.sub("_", parted.lower())


def shortened(name: str, length: int) -> str:
    """A name of at most `length` characters: a longer one is cut, and ends in eight digits of a digest of all of it."""
    if len(name) <= length:
        return name
    return f"{name[: length - 9].rstrip('_')}_{sha256(name.encode()).hexdigest()[:8]}"


def quoted(name: str, engine: Engine) -> str:
    """A name in snake_case, in quotes where it needs them."""
    return name if _PLAIN.fullmatch(name) and name not in RESERVED else engine.quote(name)


@dataclass(frozen=True)
class GeneratedColumn:
    """A generated column of one property, or of all elements of an entity (no property)."""

    name: str
    family: Family
    type: Type
    property: str = ""
    description: str = ""
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class AtomicColumn:
    """A column of atomic.events, and how it is called in the output."""

    source: str
    name: str


@dataclass(frozen=True)
class NamedColumns:
    """All output columns, and what was renamed."""

    atomic: tuple[AtomicColumn, ...]
    columns: tuple[GeneratedColumn, ...]
    notes: tuple[str, ...]


def resolved(
    atomic: Sequence[str], columns: Sequence[GeneratedColumn], limit: int | None, problems: Problems
) -> NamedColumns:
    """Names without clashes; what cannot be told apart, or is longer than `limit` bytes, is a problem."""
    counted = Counter(column.name for column in columns)
    notes, named = [], []
    for column in columns:
        if counted[column.name] > 1:
            name = f"{snake(column.family.vendor)}_{column.name}"
            notes.append(f"{column.name} of {column.family} is called {name}: another structure has a {column.name}")
            column = replace(column, name=name)
        named.append(column)
    _twice(named, problems)
    taken = {column.name for column in named}
    kept = [AtomicColumn(name, f"atomic_{name}" if name in taken else name) for name in atomic]
    for one in kept:
        if one.name != one.source:
            owner = next(column for column in named if column.name == one.source)
            notes.append(f"the atomic {one.source} is called {one.name}: {owner.family} gives a {one.source}")
        if one.name != one.source and (one.name in taken or one.name in atomic):
            problems.add(Place(), f"two columns are called {one.name}", "leave one of them out with --columns")
    _too_long(named, limit, problems)
    return NamedColumns(tuple(kept), tuple(named), tuple(notes))


def _twice(columns: Iterable[GeneratedColumn], problems: Problems) -> None:
    first: dict[str, GeneratedColumn] = {}
    for column in columns:
        other = first.setdefault(column.name, column)
        if other is not column:
            what = f"two columns are called {column.name}: {_shown(column)} and {_shown(other)} at {other.place}"
            problems.add(column.place, what, "leave one of the two out with --event or --entity")


def _shown(column: GeneratedColumn) -> str:
    return f"{show(column.property)} of {column.family}" if column.property else str(column.family)


def _too_long(columns: Iterable[GeneratedColumn], limit: int | None, problems: Problems) -> None:
    for column in columns:
        if limit and len(column.name.encode()) > limit:
            what = f"the column {show(column.name)} is longer than the {limit} bytes that the engine keeps of a name"
            problems.add(column.place, what, "leave its structure out with --event or --entity")
