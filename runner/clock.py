"""Time as the command line gives it: nothing below it reaches for a clock. And what takes time: trying again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True)
class Clock:
    """Seconds that only grow, and sleep; tests give another."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


def retry(
    once: Callable[[], T],
    worth: Callable[[Exception], bool],
    sleep: Callable[[float], None],
    *,
    most: int | None = None,
    budget_s: float = 60.0,
) -> T:
    """Call `once` until it succeeds, at most `most` times and with at most `budget_s` of pauses; then its last error.

    `worth` says for which errors another attempt makes sense. Pauses grow and are jittered. Whole transactions and whole
    connects are tried again, never a single statement.
    """
    try:
        return once()
    except Exception as error:
        if not worth(error) or most == 1 or budget_s <= 0:
            raise
    # Imported when something has failed for the first time: most runs never need it.
    from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

    slept_s = 0.0
    pause_s = wait_random_exponential(multiplier=2 * FIRST_PAUSE_S, max=LONGEST_PAUSE_S)

    def pause(seconds: float) -> None:
        nonlocal slept_s
        seconds = max(FIRST_PAUSE_S, min(seconds, budget_s - slept_s))
        slept_s += seconds
        sleep(seconds)

    def enough(state: RetryCallState) -> bool:
        return slept_s >= budget_s or (most is not None and state.attempt_number + 1 >= most)

    pause(FIRST_PAUSE_S)
    return Retrying(stop=enough, wait=pause_s, retry=retry_if_exception(_only(worth)), sleep=pause, reraise=True)(once)


def _only(worth: Callable[[Exception], bool]) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, Exception) and worth(error)
