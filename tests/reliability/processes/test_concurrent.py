"""Checks 7 and 8: commands that meet, with a live loader and reader; and one that is stopped, overtaken and woken.

Here a small share; `python -m tests.soak --check 7` and `--check 8` do it at length.
"""

from __future__ import annotations

from tests.engines import postgres
from tests.kit.tally import Tally
from tests.reliability.processes import concurrent, zombies

SEED = 1


def nothing_found(tally: Tally, size: int) -> None:
    """As many rounds as asked for, and nothing wrong in any."""
    assert tally.size == size
    assert not tally.failed, "\n\n".join(tally.notes)


def test_two_commands_loader_and_reader(postgres_server: postgres.Server) -> None:
    """Two runs exit 0 or 3, with --wait both 0; no reader ever sees derived tables that do not fit the manifest."""
    tally = concurrent.on_postgres(postgres_server, 10, SEED)
    nothing_found(tally, 10)
    assert tally.faults >= 10 * concurrent.LOOKS


def test_two_commands_on_one_file() -> None:
    """On DuckDB the second run exits 3 and names the process that has the file, or waits for it."""
    nothing_found(concurrent.on_duckdb_file(3, SEED), 3)


def test_a_stopped_run_is_overtaken(postgres_server: postgres.Server) -> None:
    """The other run begins soon after the lease is over, whatever the stopped one holds; the woken one exits 3."""
    nothing_found(zombies.on_postgres(postgres_server, 4, SEED), 4)
