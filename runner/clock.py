"""Time as the command line gives it: nothing below it reaches for a clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Seconds that only grow, and sleep; tests give another."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
