"""Of a model with joins: the keys that this run's changes reach, and whether they reach all."""

from __future__ import annotations

from collections.abc import Callable

from runner.algebra import reach
from runner.algebra.values import Inputs, Planned
from runner.increment.freeze import Frozen, FrozenKey
from runner.increment.joins.derived import source_key
from runner.increment.work import Work
from runner.names import TableName


def keys(work: Work, frozen: Frozen, planned: Planned, inputs: Inputs) -> list[str]:
    """SELECTs of the keys (k1 … kn, recompute) that changed rows reach, one for each way there."""

    def values(key: FrozenKey) -> str:
        return work.algebra.scratch.keys(key.number)

    return _selects(work, frozen, planned, inputs, values, lambda table: reach.changed(inputs, table))


def without_history(work: Work, frozen: Frozen, planned: Planned, inputs: Inputs) -> list[str]:
    """The same of rows in batches that their source has dropped (`vanished: keep`)."""

    def values(key: FrozenKey) -> str:
        scratch = work.algebra.scratch
        return (
            scratch.frozen(key.number) if key.has_frozen else f"(select * from {scratch.keys(key.number)} where 1 = 0)"
        )

    kept = {table for table, source in frozen.sources.items() if source.has_kept}
    return _selects(work, frozen, planned, inputs, values, kept.__contains__)


def _selects(
    work: Work,
    frozen: Frozen,
    planned: Planned,
    inputs: Inputs,
    values: Callable[[FrozenKey], str],
    is_followed: Callable[[TableName], bool],
) -> list[str]:
    """The derived texts for inputs that are followed; `values` of a source's key is what is known of its rows."""
    derived = planned.compiled.derived
    if derived is None:
        return []

    def of_number(number: int) -> str:
        if not derived.values[number]:
            return "(select 1 as runner_one)"  # that it changed is all that is asked: a total over all of it
        return values(frozen.key(source_key(work.program, derived, number)))

    found = (
        reach.reached(work.algebra, planned, derived, piece, inputs, of_number)
        for piece in derived.pieces
        if is_followed(piece.origin)
    )
    return list(dict.fromkeys(found))  # two changed inputs may be followed by one text


def everywhere(work: Work, planned: Planned, inputs: Inputs) -> str:
    """Why every key of a model may have changed; '' where that is not so."""
    derived, table = planned.compiled.derived, planned.compiled.table
    for changed, (reason, line) in derived.everywhere.items() if derived else ():
        if reach.changed(inputs, changed):
            at = f"line {line}: " if line else ""
            return f"{changed} changed, and that is about all keys ({at}{reason})"
    if table in work.request.everywhere:
        return "which keys changed could not be asked"
    return ""
