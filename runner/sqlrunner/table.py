"""Result sets as the tables that `-showQueryOutput` prints."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runner.warehouse.base import Result

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?%?")


def table(result: Result) -> str:
    """One table a result set, headers in capitals, a null as a blank; "" if it has no rows."""
    if not result.columns or not result.rows:
        return ""
    heads = [column.upper().replace("_", " ") for column in result.columns]
    rows = [[_cell(value) for value in row] for row in result.rows]
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    lines = [_line([head.center(width) for head, width in zip(heads, widths, strict=True)])]
    lines.append(f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    lines += [_line([_aligned(cell, width) for cell, width in zip(row, widths, strict=True)]) for row in rows]
    return "\n".join([*lines, ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if _NUMBER.fullmatch(cell) else cell.ljust(width)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
