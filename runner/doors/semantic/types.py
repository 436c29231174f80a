"""The words that say what a value is and how values become one: types and aggregates."""

from __future__ import annotations

from enum import Enum, StrEnum


class DataType(StrEnum):
    """What a column or property holds; NUMBER is exact."""

    NUMBER = "NUMBER"
    INTEGER = "INTEGER"
    STRING = "STRING"
    DATE = "DATE"
    DATETIME = "DATETIME"
    BOOLEAN = "BOOLEAN"


class Aggregate(StrEnum):
    """How the values of a day or of a window become one."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    FIRST = "first_value"
    LAST = "last_value"
    NONE = "none"  # the formula aggregates itself
    COUNT_DISTINCT = "count_distinct"
    ARRAY = "array"


class AtRest(Enum):
    """The value for ever after a user's last event has left every window."""

    NULL = "nothing"
    ZERO = "0, which changes no sum"
    VALUE = "it may be anything"


COUNTS = (Aggregate.COUNT, Aggregate.COUNT_DISTINCT)
LISTED = (Aggregate.COUNT_DISTINCT, Aggregate.ARRAY)  # made of the list of values
MERGED = (Aggregate.SUM, Aggregate.MIN, Aggregate.MAX)  # made of what parts come to, whatever order these are in
