"""What commands share before they work: the environment, the time, run ids, the program of a playbook, an open warehouse.

Part of the command line: with it the only place that reaches for the clock and the environment.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runner.clock import Clock, retry
from runner.errors import BadInput, CannotConnect, Locked, Place, Problem
from runner.secrets import Secrets

if TYPE_CHECKING:
    from runner.playbook.values import Playbook
    from runner.program.values import Program
    from runner.warehouse.base import Warehouse
    from runner.warehouse.opened import Opened
    from runner.warehouse.target import Target
    from runner.warehouse.values import Watch


class Session:
    """The environment and the clock of a command, a watch over its statements, and what must not be shown of it all."""

    def __init__(
        self,
        env: Mapping[str, str],
        watch: Watch | None = None,
        *,
        words: Iterable[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self.env, self.watch = env, watch
        self.clock = clock or system_clock()
        self._words = tuple(words)
        self.secrets = Secrets.found_in(env, self._words).beside(_paths(self._words))

    def say(self, text: str) -> None:
        """Tell why nothing happens for a while, or less quickly than it could; here there is nobody to tell."""

    def hide(self, playbook: Playbook) -> None:
        """From now on, show nothing that is secret in a playbook; what it calls public may be shown."""
        self.publish(playbook.public)
        paths = (str(playbook.path), str(playbook.path.parent), str(playbook.sql_root))
        self.secrets = self.secrets.joined(playbook.hidden).beside(paths)

    def hide_target(self, target: Target, written: str) -> None:
        """From now on, show nothing that is secret in a target; `written` is its URL before the environment was filled in."""
        from runner.playbook.hidden import hidden_in_target

        self.secrets = self.secrets.joined(hidden_in_target(target, self.env, written))

    def publish(self, names: Collection[str]) -> None:
        """The values of these variables of the environment may be shown, whatever their names say."""
        if names:
            rest = {name: value for name, value in self.env.items() if name not in names}
            self.secrets = self.secrets.without(names, Secrets.found_in(rest, self._words))

    def now_utc(self) -> str:
        """`YYYY-MM-DD HH:MM:SS.ffffff`."""
        now = time.time()
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1_000_000):06d}"

    def new_run_id(self) -> str:
        """26 letters that sort by time: milliseconds, then random bits (the ULID layout)."""
        letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
        number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
        return "".join(letters[number >> shift & 31] for shift in range(125, -1, -5))

    @property
    def patience_s(self) -> float:
        """RUNNER_CONNECT_S: how long a warehouse that is away for a moment is asked again."""
        return self._seconds("RUNNER_CONNECT_S", 30)

    def trial_s(self, playbook: Playbook) -> float:
        """How long a run may try new definitions: what the playbook says, RUNNER_TRIAL (`off` or seconds), or 10 s."""
        if playbook.trial_s is not None:
            return playbook.trial_s
        return 0.0 if self.env.get("RUNNER_TRIAL", "").lower() == "off" else self._seconds("RUNNER_TRIAL", 10)

    @property
    def lease_s(self) -> int:
        """RUNNER_LEASE_S: how long a lease lasts that is not renewed."""
        return int(self._seconds("RUNNER_LEASE_S", 60))

    def _seconds(self, name: str, default: int) -> float:
        text = self.env.get(name) or str(default)
        try:
            return max(0.0, float(text))
        except ValueError:
            problem = Problem(Place(), f"{name}={text}: not a number of seconds", f"{name}={default}")
            raise BadInput(problem) from None

    def program(self, playbook: Playbook) -> Program:
        """The playbook's program for its target's engine. Raises BadInput with all problems of its SQL."""
        from runner.playbook.variables import for_engine
        from runner.program import cache

        engine = playbook.target.engine
        playbook = for_engine(playbook, engine)

        def make() -> Program:
            from runner.program.load import load

            return load(playbook, engine, engine)

        return cache.load(cache_folder(self.env), playbook, engine, make, self.secrets, self.say)

    @contextmanager
    def warehouse(
        self,
        playbook: Playbook,
        run_id: str,
        *,
        opened: Opened | None = None,
        read_only: bool = False,
        new: bool = True,
        wait_s: float = 0,
        patience_s: float = 0,
    ) -> Iterator[Warehouse]:
        """The warehouse of the playbook's target, or of what is `opened` already, for the block.

        `new`: a DuckDB file that is not there is made. Raises CannotConnect, Locked.
        """

        def once() -> Warehouse:
            return self._open(playbook, run_id, opened, read_only=read_only, new=new)

        def passing(error: Exception) -> bool:
            if not isinstance(error, CannotConnect) or not error.passing:
                return False
            self.say(f"{error.what}; trying again (RUNNER_CONNECT_S={patience_s:g})")
            return True

        waited = 0.0
        while True:
            try:
                warehouse = retry(once, passing, self.clock.sleep, budget_s=patience_s)
                break
            except Locked:
                if waited >= wait_s:
                    raise
                self.clock.sleep(0.2)
                waited += 0.2
        try:
            yield warehouse
        finally:
            warehouse.close()

    def _open(self, playbook: Playbook, run_id: str, opened: Opened | None, *, read_only: bool, new: bool) -> Warehouse:
        from runner.warehouse import connect
        from runner.warehouse.values import session_name

        name, timeout_s = session_name(playbook.name, run_id), playbook.statement_timeout_s
        if opened is not None:
            from runner.warehouse.opened import warehouse_of

            return warehouse_of(opened, name, timeout_s=timeout_s, watch=self.watch, secrets=self.secrets)
        return connect(
            playbook.target,
            name,
            read_only=read_only,
            new=new,
            timeout_s=timeout_s,
            watch=self.watch,
            secrets=self.secrets,
        )


def _paths(words: Iterable[str]) -> Iterator[str]:
    """The folder that a command was given in, and the files and folders among its words."""
    with suppress(OSError):  # the folder is gone
        yield os.getcwd()
    for word in words:
        if os.path.lexists(word):
            yield from (os.path.abspath(word), *([word] if os.sep in word else []))


def system_clock() -> Clock:
    """The machine's own."""
    return Clock(time.monotonic, time.sleep)


def cache_folder(env: Mapping[str, str]) -> Path | None:
    """Where loaded programs are kept: RUNNER_CACHE (empty: nowhere), or the user's cache folder."""
    if "RUNNER_CACHE" in env:
        return Path(env["RUNNER_CACHE"]) if env["RUNNER_CACHE"] else None
    base = env.get("XDG_CACHE_HOME") or (f"{env['HOME']}/.cache" if env.get("HOME") else "")
    return Path(base) / "runner" if base else None


def variables(pairs: Iterable[str]) -> dict[str, str]:
    """Variables as a user types them. Raises BadInput."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadInput(Problem(Place(), f"--var {pair}: not NAME=VALUE", "runner run PLAYBOOK --var heartbeat_s=5"))
        found[name] = value
    return found


def tstamp(text: str | None, flag: str) -> str | None:
    """A time as a user types it (UTC), as the warehouse reads it."""
    if text is None:
        return None
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            Problem(Place(), f"{flag} {text}: not a time", "2024-03-01 or 2024-03-01T06:00:00, in UTC")
        ) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(sep=" ")
