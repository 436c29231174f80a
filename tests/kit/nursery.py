"""A process from which the processes of `tests.kit.processes` come: it starts them, and tells how they fare.

It has imported the runner once and forks for each command, which saves most of a start's 0.4 s on DuckDB and 0.8 s on
Postgres; `cold` commands start through the real console script. It has one thread, so forking is safe. When its test
process is gone, however it went, the channel closes, and it kills what still lives.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

SCRIPT = Path(sys.executable).with_name("runner")
NEEDED = (
    *("increment.run", "program.cache", "playbook.load", "session.faults", "report", "clock"),
    *("warehouse.duckdb", "warehouse.postgres"),
)


@dataclass(frozen=True)
class Order:
    """A command to start: its arguments and environment, and the file for all that it prints."""

    args: list[str]
    env: dict[str, str]
    out: str
    cold: bool


@dataclass(frozen=True)
class News:
    """What happened to a process: it started (no status), stopped or ended, as `os.wait4` tells it."""

    pid: int
    status: int | None = None
    cpu_s: float = 0.0


def line(value: Order | News) -> bytes:
    """A value as it goes over the channel."""
    return json.dumps(asdict(value)).encode() + b"\n"


class Nursery:
    """The serving side."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.living: set[int] = set()
        self.is_warm = False
        self.woken, wake = socket.socketpair()
        wake.setblocking(False)
        self._wake = wake
        signal.set_wakeup_fd(wake.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Take orders and tell news until the channel closes."""
        buffer = b""
        while True:
            ready, _, _ = select.select([self.channel, self.woken], [], [])
            if self.woken in ready:
                self.woken.recv(4096)
                self.reap()
            if self.channel in ready:
                got = self.channel.recv(65536)
                if not got:
                    return
                *orders, buffer = (buffer + got).split(b"\n")
                for text in orders:
                    self.start(Order(**json.loads(text)))

    def start(self, order: Order) -> None:
        """Fork and tell."""
        if not (order.cold or self.is_warm):
            for name in NEEDED:
                import_module(f"runner.{name}")
            gc.freeze()  # so that the collector of a child does not touch, and so copy, what is shared
            self.is_warm = True
        pid = os.fork()
        if pid == 0:
            self.become(order)
        with suppress(OSError):
            os.setpgid(pid, pid)
        self.living.add(pid)
        self.channel.sendall(line(News(pid)))

    def reap(self) -> None:
        """Tell of all that stopped or ended."""
        while self.living:
            pid, status, usage = os.wait4(-1, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return
            if not os.WIFSTOPPED(status):
                self.living.discard(pid)
            self.channel.sendall(line(News(pid, status, usage.ru_utime + usage.ru_stime)))

    def become(self, order: Order) -> NoReturn:
        """In the child: the command."""
        with suppress(OSError):
            os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for end in (self.channel, self.woken, self._wake):
            end.close()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        out = os.open(order.out, os.O_WRONLY | os.O_APPEND)
        for number in (1, 2):
            os.dup2(out, number)
        os.environ.clear()
        os.environ.update(order.env)
        try:
            if order.cold and SCRIPT.exists():
                os.execv(SCRIPT, [str(SCRIPT), *order.args])
            if order.cold:
                os.execv(sys.executable, [sys.executable, "-m", "runner", *order.args])
            sys.argv = [str(SCRIPT), *order.args]
            from runner.cli.app import entry

            entry()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(99)

    def clear(self) -> None:
        """Kill what still lives."""
        for pid in self.living:
            for group in (os.killpg, os.kill):
                with suppress(OSError):
                    group(pid, signal.SIGKILL)


def main() -> None:
    """Serve the channel whose file descriptor is the only argument."""
    nursery = Nursery(socket.socket(fileno=int(sys.argv[1])))
    try:
        nursery.serve()
    finally:
        nursery.clear()


if __name__ == "__main__":
    main()
