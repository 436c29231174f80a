"""Result sets as the tables that `-showQueryOutput` prints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from unicodedata import combining, east_asian_width

from runner.warehouse.base import Result

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?%?")


def table(result: Result) -> str:
    """One table a result set, headers in capitals, a null as a blank; "" if it has no rows, or a single blank cell."""
    if not result.columns or not len(result.rows):
        return ""
    heads = [column.upper().replace("_", " ") for column in result.columns]
    rows = [[_cell(value) for value in row] for row in result.rows]
    if rows == [[""]]:
        return ""
    lines = [line for row in rows for line in zip_longest(*(cell.splitlines() or [""] for cell in row), fillvalue="")]
    widths = [max(map(_width, column)) for column in zip(heads, *lines, strict=True)]
    shown = [_line([_centred(head, width) for head, width in zip(heads, widths, strict=True)])]
    shown.append(f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    shown += [_line([_aligned(cell, width) for cell, width in zip(line, widths, strict=True)]) for line in lines]
    return "\n".join([*shown, ""])


def _width(text: str) -> int:
    """Columns on a screen: wide letters take two, combining ones none."""
    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _centred(text: str, width: int) -> str:
    missing = width - _width(text)
    return " " * (missing // 2) + text + " " * (missing - missing // 2)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _aligned(cell: str, width: int) -> str:
    space = " " * (width - _width(cell))
    return space + cell if _NUMBER.fullmatch(cell) else cell + space


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
