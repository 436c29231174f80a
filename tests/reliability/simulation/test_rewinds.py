"""Check 14: rewinds that crash at any statement, with deletions upstream around them."""

from __future__ import annotations

from tests.engines import postgres
from tests.kit.arena import first_seed, on_duckdb, on_postgres
from tests.reliability.simulation.rewinds import play_one, tally


def test_rewinds(postgres_server: postgres.Server) -> None:
    """Readers notice nothing; the run after it gives the full recompute."""
    for done in (
        tally("duckdb", on_duckdb, 6, first_seed()),
        tally("postgres", on_postgres(postgres_server), 2, first_seed()),
    ):
        assert done.faults, f"no rewind crashed, seeds {done.seeds}"
        assert not done.failed, done.notes


def test_crashes_within_one_rewind() -> None:
    """At every fifth point before and after its statements, until the rewind comes through."""
    point = 0
    while play_one(4, on_duckdb, point):
        point += 5
    assert point > 10
