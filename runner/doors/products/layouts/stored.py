"""One stored column or field of a structure: where its value stands in the schema, what it is called, how it is read."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.products.values import Property


@dataclass(frozen=True)
class Stored:
    """What a loader makes of a property, or of one within its objects.

    `property` is the innermost one, with its type; `sql_type` is what the loader gives the column or field.
    """

    path: tuple[str, ...]
    name: str
    sql_type: str
    property: Property
    as_json: bool = False
    """It holds JSON: a text in it has its quotes."""
