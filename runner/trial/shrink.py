"""A counterexample made small: runs are left out, then rows, as long as the same kind of difference stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runner.clock import Clock
from runner.trial.history import fewer
from runner.trial.values import Difference, Found, Played, Step

Player = Callable[[Sequence[Step]], Played]


def shrunk(found: Found, play: Player, clock: Clock, budget_s: float) -> Found:
    """The smallest that was found in time."""
    end = clock.monotonic() + budget_s
    best = found
    at = len(best.history) - 2
    while at >= 0 and clock.monotonic() < end:
        if at < len(best.history) - 1:
            best = _tried(best, [*best.history[:at], *best.history[at + 1 :]], play)
        at -= 1
    size = 16
    while size:
        numbers = sorted({row.number for step in best.history for rows in step.tables.values() for row in rows})
        for start in range(0, len(numbers), size):
            if clock.monotonic() >= end:
                return best
            gone = frozenset(numbers[start : start + size])
            best = _tried(best, [fewer(step, gone) for step in best.history], play)
        size //= 2
    return best


def _tried(best: Found, steps: Sequence[Step], play: Player) -> Found:
    """The shorter history, if it leads to the same kind of difference."""
    other: Difference | None = play(steps).differences.get(best.difference.table) if steps else None
    if other is None or other.kind is not best.difference.kind:
        return best
    return Found(other, tuple(steps[: other.step + 1]))
