"""The least CPU time of a few tries: a limit that a busy machine does not break.

Machines are shared, and a process that has run a thousand tests collects garbage for seconds at a moment of its own
choosing: one try says little. Work that is too dear is too dear in every try.
"""

import time
from collections.abc import Callable

TRIES = 5


def least_s(work: Callable[[], object], limit_s: float) -> float:
    """The least CPU seconds of this thread `work` takes, tried until it is below the limit, five times at most."""
    least = float("inf")
    for _ in range(TRIES):
        began = time.thread_time()
        work()
        least = min(least, time.thread_time() - began)
        if least < limit_s:
            break
    return least
