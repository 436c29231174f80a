"""Of a model with joins: the keys that this run's changes reach, and whether they reach all."""

from __future__ import annotations

from runner.algebra import reach
from runner.algebra.values import Inputs, Planned
from runner.increment.freeze import Frozen
from runner.increment.joins.derived import source_key
from runner.increment.work import Work


def keys(work: Work, frozen: Frozen, planned: Planned, inputs: Inputs) -> list[str]:
    """SELECTs of the keys (k1 … kn, recompute) that changed rows reach, one for each way there."""
    derived = planned.compiled.derived
    if derived is None:
        return []

    def values(number: int) -> str:
        return work.algebra.scratch.keys(frozen.key(source_key(work.program, derived, number)).number)

    found = (
        reach.reached(work.algebra, planned, derived, piece, inputs, values)
        for piece in derived.pieces
        if reach.changed(inputs, piece.origin)
    )
    return list(dict.fromkeys(found))  # two changed inputs may be followed by one text


def without_history(work: Work, frozen: Frozen, planned: Planned, inputs: Inputs) -> list[str]:
    """The same of rows in batches that their source has dropped (`vanished: keep`)."""
    derived = planned.compiled.derived
    if derived is None:
        return []
    kept = {table for table, source in frozen.sources.items() if source.has_kept}

    def values(number: int) -> str:
        key = frozen.key(source_key(work.program, derived, number))
        table = work.algebra.scratch.frozen(key.number)
        return table if key.has_frozen else f"(select * from {work.algebra.scratch.keys(key.number)} where 1 = 0)"

    return [
        reach.reached(work.algebra, planned, derived, piece, inputs, values)
        for piece in derived.pieces
        if piece.origin in kept
    ]


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
