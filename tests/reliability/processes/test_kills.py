"""Checks 4 and 5: the command is killed, its sessions are terminated, its server crashes: old state or new, then right.

Here a small share; `python -m tests.soak --check 4` and `--check 5` do it at length.
"""

from __future__ import annotations

import pytest

from tests.engines import postgres
from tests.kit.project import Project, project_fixture  # noqa: F401
from tests.kit.tally import Tally
from tests.reliability.processes import kills, losses
from tests.reliability.processes.trials import bench_on_postgres
from tests.reliability.simulation.crash import SCHEDULES

SEED = 1


def nothing_found(tally: Tally, size: int) -> None:
    """As many trials as asked for, and nothing wrong in any."""
    assert tally.size == size
    assert not tally.failed, "\n\n".join(tally.notes)


def test_faults_are_for_tests_only(project: Project) -> None:
    """RUNNER_FAULT alone does nothing."""
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    with losses.environment(RUNNER_FAULT="term@0", RUNNER_TESTING="0"):
        project.checked()


def test_sigkill_on_duckdb() -> None:
    """Killed at a statement or at any instant, a run leaves the old state or the new one, and the next gets it right."""
    nothing_found(kills.kills(None, 24, SEED), 24)


def test_sigkill_on_postgres(postgres_server: postgres.Server) -> None:
    """The same; the dead run's lease is nobody's, and the next run takes it at once."""
    nothing_found(kills.kills(postgres_server, 16, SEED), 16)


def test_terminated_sessions(postgres_server: postgres.Server) -> None:
    """Exit 0 only if the run is published, else 3, 5 or 10, and the message is true."""
    nothing_found(losses.terminations(postgres_server, 15, SEED), 15)


def test_a_published_chunk_is_not_denied(postgres_server: postgres.Server) -> None:
    """A run in chunks that is cut off in its second one says that the first is published."""
    empty = Tally(5, "chunks", "postgres")
    with bench_on_postgres(postgres_server, SCHEDULES["chunks"], empty) as bench:
        points = bench.points()
        second = len(points) - 1 - points[::-1].index("before scratch:create")
        tally = bench.trial(points[second], losses.terminate_at(postgres_server.url, second), {5})
    nothing_found(tally, 1)


def test_a_crash_of_the_server() -> None:
    """The same, with the server back at once or away for longer than a run tries to connect."""
    if postgres.binaries() is None:
        pytest.skip("no binaries of a Postgres server that may be crashed")
    nothing_found(losses.crashes(3, SEED), 3)
