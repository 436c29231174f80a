"""Which of the chosen specifications an event is of: a number in the SQL, its name and id in the output.

An event may be of several: it is the first in the product's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.doors.products.choose.wide import WideTable
from runner.warehouse.engines import Engine

CHOSEN = "chosen_specification"


def first_of(conditions: Iterable[str]) -> str:
    """The number of the first condition that holds, from 1 on; null where none does."""
    cases = (f"when {condition} then {number}" for number, condition in enumerate(conditions, 1))
    return f"case {' '.join(cases)} end"


def number_of_id(column: str, wide: WideTable, engine: Engine) -> str:
    """The number of a specification by its id."""
    cases = (f"when {engine.literal(one.id)} then {number}" for number, one in enumerate(wide.specifications, 1))
    return f"case {column} {' '.join(cases)} end"


def told(number: str, wide: WideTable, engine: Engine) -> Sequence[str]:
    """The columns of the output, where they are asked for."""
    found = []
    for column in wide.told:
        texts = ((one.name if column.source == "event_specification" else one.id) for one in wide.specifications)
        cases = (f"when {at} then {engine.literal(text)}" for at, text in enumerate(texts, 1))
        found.append(f"case {number} {' '.join(cases)} end as {column.name}")
    return found
