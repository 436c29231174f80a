"""Rows that differ, paired: which of the stored ones is meant to be which of the recomputed ones, and where they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.events import Difference, Value


@dataclass(frozen=True)
class Row:
    """A row as texts; `group` is the same for rows of one key."""

    group: int
    values: Sequence[str | None]


def differences(
    table: str,
    columns: Sequence[str],
    naming: Sequence[int],
    stored: Sequence[Row],
    recomputed: Sequence[Row],
    *,
    by_key: bool,
    digits: Mapping[int, int],
) -> tuple[Difference, ...]:
    """One difference a column of rows that belong together, and one a row that stands alone.

    `naming` are the columns that name a row, `digits` say of inexact ones how many of theirs count. Rows of one key belong together, those most alike first; without a key
    only if they have most values in common.
    """
    found: list[Difference] = []
    alone = list(recomputed)
    for row in stored:
        partner = _most_alike(row, alone, naming, 1 if by_key else (len(columns) + 1) // 2)
        if partner is None:
            found.append(Difference(table, _values(columns, row, range(len(columns))), "surplus"))
            continue
        alone.remove(partner)
        named = _values(columns, row, naming or [n for n in range(len(columns)) if row.values[n] == partner.values[n]])
        found += [
            Difference(table, named, "changed", columns[n], row.values[n], partner.values[n])
            for n in range(len(columns))
            if not _same(row.values[n], partner.values[n], digits.get(n))
        ]
    found += [Difference(table, _values(columns, row, range(len(columns))), "missing") for row in alone]
    return tuple(found)


def _most_alike(row: Row, others: Sequence[Row], naming: Sequence[int], least: int) -> Row | None:
    """The row of the same key and the same name that has most values in common, if these are enough."""

    def alike(other: Row) -> tuple[int, int]:
        equal = [one == two for one, two in zip(row.values, other.values, strict=True)]
        return sum(equal[n] for n in naming), sum(equal)

    best = max((other for other in others if other.group == row.group), key=alike, default=None)
    enough = best is not None and (alike(best)[1] >= least or (naming and alike(best)[0] == len(naming)))
    return best if enough else None


def _same(one: str | None, other: str | None, digits: int | None) -> bool:
    if one == other or digits is None or one is None or other is None:
        return one == other
    return float(one) != float(other) and math.isclose(float(one), float(other), rel_tol=10**-digits, abs_tol=1e-9)


def _values(columns: Sequence[str], row: Row, which: Sequence[int]) -> tuple[Value, ...]:
    return tuple(Value(columns[n], row.values[n]) for n in which)
