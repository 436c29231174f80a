"""The thread that makes a driver's calls, so that signals always reach the waiting main thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any


class Job:
    """One call that the worker thread makes; the caller waits for it and may ask for it to be cancelled."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.done = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.value = self.call()
        except BaseException as error:  # handed to the caller, whatever it is
            self.error = error
        self.done.set()


class Worker:
    """A daemon thread that makes the driver's calls, so that signals always reach the waiting main thread."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._loop, name="runner-statements", daemon=True).start()

    def _loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()

    def submit(self, call: Callable[[], Any]) -> Job:
        job = Job(call)
        self._jobs.put(job)
        return job

    def stop(self) -> None:
        self._jobs.put(None)
