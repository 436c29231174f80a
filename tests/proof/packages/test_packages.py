"""Models of public dbt packages under the key-wise rule: the accepted are right, what is refused is refused truly."""

from __future__ import annotations

import time

import duckdb
import pytest
import sqlglot

from runner.proof.keywise import check
from tests.proof.keywise_query import CLOCK, KEYS, MAYBE, ORDER, Good, No
from tests.proof.keywise_world import differences, fetch
from tests.proof.packages.business import BUSINESS
from tests.proof.packages.web import WEB
from tests.proof.packages.world import COLUMNS, packages_world

SEEDS = (1, 2, 3)
MODELS = [*WEB, *BUSINESS]


@pytest.fixture(scope="module")
def worlds() -> list[duckdb.DuckDBPyConnection]:
    return [packages_world(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def backwards() -> list[duckdb.DuckDBPyConnection]:
    return [packages_world(seed, backwards=True) for seed in SEEDS]


def ordered(model: Good, worlds: list[duckdb.DuckDBPyConnection], backwards: list[duckdb.DuckDBPyConnection]) -> bool:
    """Whether rows inserted in another order give another answer."""
    pairs = zip(worlds, backwards, strict=True)
    return any(fetch(one, model.sql, model.key) != fetch(other, model.sql, model.key) for one, other in pairs)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: " ".join(model.sql.split())[:70])
def test_package(
    model: Good, worlds: list[duckdb.DuckDBPyConnection], backwards: list[duckdb.DuckDBPyConnection]
) -> None:
    """Accepted: right for some keys as in full, in any order of rows. Refused: for its reason, and data show it."""
    tree = sqlglot.parse_one(model.sql, read="duckdb")
    refusals = check(tree, model.key, model.tracked, "duckdb", COLUMNS).refusals  # type: ignore[arg-type]
    if not isinstance(model, No):
        assert refusals == ()
        assert not ordered(model, worlds, backwards), f"depends on the order of rows, seeds {SEEDS}"
        assert differences(model.sql, model.key, model.tracked, worlds) == "", f"seeds {SEEDS}"
        return
    assert any(model.reason in refusal.reason for refusal in refusals), refusals
    if model.shows == KEYS:
        assert differences(model.sql, model.key, model.tracked, worlds), f"no data set shows it, seeds {SEEDS}"
    elif model.shows == ORDER:
        assert ordered(model, worlds, backwards), f"no order shows it, seeds {SEEDS}"
    elif model.shows == CLOCK:
        first = fetch(worlds[0], model.sql, model.key)
        time.sleep(0.002)
        assert first != fetch(worlds[0], model.sql, model.key)
    else:
        assert model.shows == MAYBE and model.why
