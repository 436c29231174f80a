"""Which values of a row could not be read: two columns of an event's table, beside the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.warehouse.engines import Engine

SHOWN = 100  # characters of a value


def raw_of(number: int) -> str:
    """What the column of the user's own is called beside the value that is read from it."""
    return f"runner_raw_{number}"


@dataclass(frozen=True)
class Reading:
    """A column of the user's, and the value that is read from it."""

    name: str
    raw: str
    value: str


def unreadable(engine: Engine, readings: Sequence[Reading], more: str = "") -> tuple[str, str]:
    """Two columns: which of a row's values could not be read, and what they were; null where all could.

    What is named is looked at only in rows that have such a value. `more` is the table whose own two columns go before.
    """
    bad = [f"({one.raw} is not null and ({one.value}) is null)" for one in readings]
    if not bad:
        prefix = f"{more}." if more else f"cast(null as {engine.text_type}) as "
        return f"{prefix}unreadable", f"{prefix}unreadable_values"
    any_of = " or ".join([*([f"{more}.unreadable is not null"] if more else []), *bad])

    def column(name: str, between: str, pieces: Sequence[str]) -> str:
        parts = [f"case when {one} then {piece} else '' end" for one, piece in zip(bad, pieces, strict=True)]
        if more:
            parts.insert(0, f"coalesce({engine.literal(between)} || {more}.{name}, '')")
        text = f"substring({' || '.join(parts)}, {len(between) + 1})"
        return f"cast(case when {any_of} then {text} end as {engine.text_type}) as {name}"

    names = [engine.literal(f", {one.name}") for one in readings]
    shown = [f"left(cast({one.raw} as {engine.text_type}), {SHOWN})" for one in readings]
    values = [f"{engine.literal(f'; {one.name}: ')} || {text}" for one, text in zip(readings, shown, strict=True)]
    return column("unreadable", ", ", names), column("unreadable_values", "; ", values)
