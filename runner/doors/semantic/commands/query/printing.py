"""An answer for people and for programs: a table with labels, units and readable numbers; CSV; JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from runner.doors.semantic.types import DataType

SMALL = 0.1  # numbers nearer to zero show two digits that mean something, and not two places


@dataclass(frozen=True)
class Column:
    """A column of an answer: what programs and people call it; `type` is None where the engine's own counts."""

    name: str
    label: str
    type: DataType | None = None
    is_number: bool = False
    unit: str = ""
    unit_first: bool = False
    signed: bool = False


@dataclass(frozen=True)
class Answer:
    """Columns and rows."""

    columns: tuple[Column, ...]
    rows: Sequence[tuple[Any, ...]]


def as_csv(answer: Answer) -> str:
    """Names in the first line; numbers exact, nothing for null."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in answer.columns])
    writer.writerows([[_text(value) for value in row] for row in answer.rows])
    return out.getvalue()


def as_json(answer: Answer) -> str:
    """A list of objects."""
    names = [column.name for column in answer.columns]
    listed = [dict(zip(names, map(plain, row), strict=True)) for row in answer.rows]
    return json.dumps(listed, ensure_ascii=False, indent=1) + "\n"


def as_lines(answer: Answer) -> list[str]:
    """A table: numbers to the right, under one another."""
    columns = answer.columns
    shown = [[readable(column, value) for column, value in zip(columns, row, strict=True)] for row in answer.rows]
    rows = [[column.label for column in columns], *shown]
    widths = [max(len(row[at]) for row in rows) for at in range(len(columns))]

    def cell(at: int, text: str) -> str:
        return text.rjust(widths[at]) if columns[at].is_number else text.ljust(widths[at])

    return ["  ".join(cell(at, text) for at, text in enumerate(row)).rstrip() for row in rows]


def readable(column: Column, value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    number = _number(plain(value), "+" if column.signed else "") if column.is_number else _text(value)
    if column.unit_first and number.startswith("-"):
        return f"-{column.unit}{number[1:]}"
    return f"{column.unit}{number}" if column.unit_first else f"{number}{column.unit}"


def _number(value: Any, sign: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:{sign},}"
    return f"{value:{sign}.2g}" if 0 < abs(value) < SMALL else f"{value:{sign},.2f}"


def plain(value: Any) -> Any:
    """A value of JSON: whole numbers are whole."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else f"{value.normalize():f}"
    return "" if value is None else str(value)
