"""Warehouses made ready for many rounds of a check: each schedule is played up to its last run once, then copied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from tests.engines import postgres
from tests.kit.arena import FOLDER, on_duckdb, on_postgres
from tests.oracles.play import Play, Request
from tests.oracles.schedules import Schedule
from tests.reliability.simulation.crash import SCHEDULES, Copy, Crashes, copy_of_database, copy_of_file


class Prepared:
    """Schedules up to their last run, on DuckDB files or, with a server, in its databases."""

    def __init__(self, server: postgres.Server | None = None, copy: Copy | None = None) -> None:
        self.engine = "postgres" if server else "duckdb"
        self._server = server
        self._copy = copy or (copy_of_database(server) if server else copy_of_file)
        self._made: dict[int, Crashes] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Prepared:
        self.folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="runner_prepared_", dir=FOLDER)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def crashes(self, schedule: Schedule | str) -> Crashes:
        """A schedule of `tests.reliability.simulation.crash` by its name, or another one."""
        wanted = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
        if wanted.seed not in self._made:
            folder = self.folder / f"schedule{wanted.seed}"
            folder.mkdir()
            arena = on_postgres(self._server) if self._server else on_duckdb
            self._made[wanted.seed] = Crashes(wanted, self._stack.enter_context(arena(folder)), folder, self._copy)
        return self._made[wanted.seed]

    @contextmanager
    def fork(self, schedule: Schedule | str) -> Iterator[tuple[Play, Request]]:
        """The state before the last run on a warehouse of its own, and what that run is asked for."""
        crashes = self.crashes(schedule)
        with crashes.fork() as play:
            yield play, play.request(crashes.target)
