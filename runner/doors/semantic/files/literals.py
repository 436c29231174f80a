"""Constants as they stand in the files → values of a type."""

from __future__ import annotations

import re
from datetime import datetime

from runner.doors.semantic.files.kinds import Written
from runner.doors.semantic.formulas import Literal
from runner.doors.semantic.types import DataType
from runner.errors import show
from runner.files.schema import Row

NULL = Literal("null")


def either(value: Written) -> Literal:
    """A constant to compare with: a number, or a text."""
    plain = not value.quoted and re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?|true|false", value.text)
    return Literal(value.text, quoted=not plain)


def _is_moment(text: str, type_: DataType) -> bool:
    """Whether a date or time is one that there is: not the 31st of June. Other types: true."""
    try:
        if type_ in (DataType.DATE, DataType.DATETIME):
            datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def literal(value: Written, type_: DataType, row: Row) -> Literal:
    """A value of a type; a problem if it is none."""
    if value.place.path is None:  # it was refused
        return NULL
    text = value.text
    patterns = {
        DataType.NUMBER: r"-?\d{1,30}(\.\d{1,30})?",
        DataType.INTEGER: r"-?\d{1,18}",
        DataType.BOOLEAN: r"true|false",
        DataType.DATE: r"\d{4}-\d\d-\d\d",
        DataType.DATETIME: r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?",
    }
    pattern = patterns.get(type_)
    if (pattern and not re.fullmatch(pattern, text)) or not _is_moment(text, type_):
        hint = f"write a value of that type, or mend data_type: of {row.what}"
        row.problems.add(value.place, f"{show(text)} is not a value of type {type_}", hint, "E20")
        return NULL
    if type_ in (DataType.DATE, DataType.DATETIME):
        return Literal(text.replace("T", " "), quoted=True, cast="date" if type_ is DataType.DATE else "timestamp")
    return Literal(text, quoted=pattern is None)
