"""Names of columns: the words of snake_case, quotes where an engine wants them; which column is called so: choose/naming."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from hashlib import sha256

from runner.doors.products.values import Family, Json, Type
from runner.errors import Place
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


def parted(name: str) -> str:
    """CamelCase and dashes as the loaders write them in the names of columns; other signs stay."""
    return _HUMP.sub(r"\1_\2", _ACRONYM.sub(r"\1_\2", name)).replace("-", "_").lower()


def snake(name: str) -> str:
    """The same in plain letters, digits and underscores alone."""
    return _OTHER.sub("_", parted(name))


def plain(name: str) -> str:
    """The same with a digest behind it where an alphabet has got lost, so that two such names stay two."""
    lost = any(sign.isalpha() and not unicodedata.name(sign, "LATIN").startswith("LATIN") for sign in name)
    return f"{snake(name).strip('_')}_{digest(name)}".lstrip("_") if lost else snake(name)


def digest(text: str) -> str:
    """Eight digits that tell a text from others."""
    return sha256(text.encode()).hexdigest()[:8]


def shortened(name: str, length: int) -> str:
    """A name of at most `length` characters: a longer one is cut, and ends in eight digits of a digest of all of it."""
    if len(name) <= length:
        return name
    return f"{name[: length - 9].rstrip('_')}_{digest(name)}"


def quoted(name: str, engine: Engine) -> str:
    """A name in snake_case, in quotes where it needs them."""
    is_word = name in RESERVED or name in engine.reserved
    return name if _PLAIN.fullmatch(name) and not is_word else engine.quote(name)


@dataclass(frozen=True)
class GeneratedColumn:
    """A generated column of one property, or of all elements of an entity (no property)."""

    name: str
    family: Family
    type: Type
    property: str = ""
    description: str = ""
    place: Place = field(default_factory=Place, compare=False)
    values: tuple[Json, ...] = ()  # those that its schema allows, where it lists them


@dataclass(frozen=True)
class AtomicColumn:
    """A column of atomic.events, and how it is called in the output."""

    source: str
    name: str
