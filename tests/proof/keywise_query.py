"""A query of the tests of the key-wise rule: right key by key, or refused with its reason and how data show it."""

from __future__ import annotations

from dataclasses import dataclass

from runner.names import TableName
from runner.proof.keywise import Tracked
from tests.proof.keywise_world import BY_DAY, BY_K, BY_PAIR

KEYS = "keys"  # restricted to some keys it gives other rows for them
ORDER = "order"  # rows inserted in another order give another answer
CLOCK = "clock"  # asked again it gives another answer
DRY = "dry"  # DuckDB cannot run it, or not show it here: `why`
MAYBE = "maybe"  # may well be right; refused because it cannot be shown: `why`
K = ("k",)


@dataclass(frozen=True)
class Good:
    """A query that is right key by key."""

    sql: str
    key: tuple[str, ...] = K
    tracked: dict[TableName, Tracked] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.tracked is None:
            object.__setattr__(self, "tracked", BY_K if self.key == K else BY_DAY if self.key == ("d",) else BY_PAIR)


@dataclass(frozen=True)
class No(Good):
    """A query that is refused: the reason, and how data show it."""

    reason: str = ""
    shows: str = KEYS
    why: str = ""
    dialect: str = "duckdb"


DAY, PAIR = ("d",), ("k", "g")


def no(
    sql: str, reason: str, shows: str = KEYS, key: tuple[str, ...] = K, why: str = "", dialect: str = "duckdb"
) -> No:
    return No(sql, key, reason=reason, shows=shows, why=why, dialect=dialect)


def yes(sql: str, key: tuple[str, ...] = K) -> Good:
    return Good(sql, key)
