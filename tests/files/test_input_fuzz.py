"""Random damage: no file is answered by a traceback or a long silence, and no text is split other than the engine does."""

from __future__ import annotations

import pytest

from tests.files.input_fuzz import Mutator, attempt, play
from tests.files.splitting import compare, duckdb_counter, ours, postgres_counter
from tests.kit.tally import Tally

SIZE = 3_000
SPLIT = 1_000
SEED = 20_260_101


def _fine(tally: Tally) -> None:
    print(tally.row())
    assert not tally.failed, "\n".join(tally.notes)


@pytest.mark.parametrize("kind", ["yml", "sql"])
def test_damaged_files(kind: str) -> None:
    """3,000 of each kind: BadInput with places and hints, NoSteps, or a program; none takes a second of CPU."""
    played = play(kind, SIZE, SEED)
    _fine(played.tally)
    assert SIZE * 0.03 < played.loaded < SIZE * 0.95, f"{played.loaded} could be loaded: the damage is not as meant"


def test_one_seed_makes_one_text() -> None:
    """A finding can be had again from its seed."""
    one, other = (Mutator(7, ("select 1", "a b c"), ("x", "y")).text() for _ in range(2))
    assert one == other


def test_what_goes_wrong_is_seen() -> None:
    """An exception, and an input that takes too long, are findings: the check can fail."""

    def broken(text: str, seed: int) -> None:
        raise RecursionError(text)

    def slow(text: str, seed: int) -> None:
        while seed < 2**60:
            seed += 1

    assert "RecursionError" in attempt(broken, "x", 1).wrong
    assert "Hang" in attempt(slow, "x", 1, hang_s=0.3).wrong


def test_statements_end_where_duckdb_ends_them() -> None:
    """1,000 texts with `;` in strings, names, comments and dollar quotes: as many statements as DuckDB sees, or refused."""
    _fine(compare(SPLIT, SEED, "duckdb", duckdb_counter()))


def test_statements_end_where_postgres_ends_them(postgres_url: str) -> None:
    """The same against Postgres, to which a text is sent whole."""
    with postgres_counter(postgres_url) as count:
        _fine(compare(SPLIT, SEED, "postgres", count))


def test_a_wrong_split_is_seen(postgres_url: str) -> None:
    """An engine that saw a statement more would be a finding; and the engines see two where there are two."""
    two = "select 'a;b'; select 2"
    with postgres_counter(postgres_url) as count:
        assert [ours(two, "postgres"), ours(two, "duckdb"), duckdb_counter()(two), count(two)] == [2, 2, 2, 2]
    assert compare(20, SEED, "duckdb", lambda _: 7).failed


@pytest.mark.parametrize(
    "text",
    [
        "select 1 -- x\r; drop table t",
        "select '\x1b[2J' as x",
        "select 1 /* \u202e */ as x",
        "select 1 as \u2018x\u2019",
    ],
)
def test_what_parsers_read_in_two_ways_is_refused(text: str) -> None:
    """A line that ends in a carriage return alone, control characters, typographic quotes."""
    assert ours(text, "duckdb") is None
    assert ours(text, "postgres") is None
