"""The real command as a process of its own, to be killed, stopped, continued and waited for; see `tests.kit.nursery`."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from tests.kit import ROOT
from tests.kit.nursery import News, Order, line

LIMIT_S = 60.0  # how long any process may take before the test gives it up
STARTED = " → "  # in the first line of a run; the command's signal handlers are in place when it is there


@dataclass(frozen=True)
class Ended:
    """How a process ended, as a shell tells it: 128 + n for signal n. `wall_s` counts from the start."""

    code: int
    text: str
    wall_s: float
    cpu_s: float


class Process:
    """`runner ARGS…`; use it as a context: at its end the process is dead, whatever it was at."""

    def __init__(self, *args: str, env: Mapping[str, str] | None = None, cold: bool = False) -> None:
        self.args = args
        self.started, self.stopped, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.pid = 0
        self._file = tempfile.NamedTemporaryFile(prefix="runner_process_")  # noqa: SIM115 - closed with the process
        self._end = Ended(-1, "", 0, 0)
        self.began = time.monotonic()
        _nursery(os.getpid()).start(self, Order(list(args), {**os.environ, **(env or {})}, self._file.name, cold))

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exc: object) -> None:
        self.send(signal.SIGKILL)
        self.ended.wait(LIMIT_S)
        self._file.close()

    @property
    def text(self) -> str:
        """All that was printed until now."""
        return os.pread(self._file.fileno(), 10**6, 0).decode(errors="replace")

    def send(self, number: int) -> None:
        """A signal, if the process is still there."""
        if not self.ended.is_set():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def wait(self, limit_s: float = LIMIT_S) -> Ended:
        """Wait for the end; a process that takes longer is killed, and an AssertionError tells what it said."""
        if not self.ended.wait(limit_s):
            self.send(signal.SIGKILL)
            raise AssertionError(f"still at work after {limit_s:g} s: {' '.join(self.args)}\n{self.text}")
        return self._end

    def until(self, condition: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
        """Wait for a condition while the process works; AssertionError if it ends before, or never comes to it."""
        until(lambda: condition() or self.ended.is_set(), what, limit_s)
        if self.ended.is_set() and not condition():
            raise AssertionError(f"ended with {self._end.code} before {what}: {self.text}")

    def until_started(self) -> None:
        """Wait for the first line."""
        self.until(lambda: STARTED in self.text, "its first line")

    def until_stopped(self) -> bool:
        """Wait until it is stopped; False if it has ended instead."""
        until(lambda: self.stopped.is_set() or self.ended.is_set(), "SIGSTOP")
        return not self.ended.is_set()

    def resume(self) -> None:
        """Let a stopped process go on."""
        self.stopped.clear()
        self.send(signal.SIGCONT)

    def hear(self, news: News) -> None:
        """What the nursery tells."""
        if news.status is None:
            self.pid = news.pid
            self.started.set()
        elif os.WIFSTOPPED(news.status):
            self.stopped.set()
        else:
            code = os.waitstatus_to_exitcode(news.status)
            wall_s = time.monotonic() - self.began
            self._end = Ended(code if code >= 0 else 128 - code, self.text, wall_s, news.cpu_s)
            self.ended.set()


class _Nursery:
    """The asking side: one for this process, started when it is first needed."""

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.kit.nursery", str(theirs.fileno())]
            self.server = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], process_group=0)
        self.lock = threading.Lock()
        self.expected: list[Process] = []
        self.living: dict[int, Process] = {}
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def start(self, process: Process, order: Order) -> None:
        """Have a process started; it has its pid afterwards."""
        with self.lock:
            self.expected.append(process)
            self.channel.sendall(line(order))
        assert process.started.wait(LIMIT_S), "the nursery does not answer"

    def close(self) -> None:
        """The end of this process."""
        self.channel.shutdown(socket.SHUT_RDWR)
        self.server.wait(LIMIT_S)
        self.reader.join(LIMIT_S)
        self.channel.close()

    def _read(self) -> None:
        with self.channel.makefile("rb") as lines:
            for text in lines:
                news = News(**json.loads(text))
                process = self.living[news.pid] if news.status is not None else self.expected.pop(0)
                self.living[news.pid] = process
                process.hear(news)
                if process.ended.is_set():
                    del self.living[news.pid]


@cache
def _nursery(_pid: int) -> _Nursery:
    """The nursery of this process; one that was forked from it has its own."""
    made = _Nursery()
    atexit.register(made.close)
    return made


def until(condition: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> float:
    """Wait for a condition; how long it took. AssertionError if it never comes."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > limit_s:
            raise AssertionError(f"waited {limit_s:g} s in vain for {what}")
        time.sleep(0.01)
    return time.monotonic() - began
