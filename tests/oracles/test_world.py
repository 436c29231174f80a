"""Oracle and SQL agree: every model, run in full on an engine, gives what the oracle says, after every operation."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from tests.engines.db import Db
from tests.oracles.models import DEDUPE, MODELS, PORTABLE, SOURCE
from tests.oracles.naive import recompute
from tests.oracles.oracle import Event, Rules, derive
from tests.oracles.world import UPSTREAM, WEIGHTS, Op, World, random_op, rules_of

SEEDS = {"duckdb": 50, "postgres": 10}
STEPS = 4
RULES = (
    Rules(),
    Rules(DEDUPE, ("collector_tstamp",)),
    Rules(DEDUPE, ("derived_tstamp", "collector_tstamp"), hourly=True),
    Rules(DEDUPE),
)


def compare(db: Db, world: World, variants: dict[str, int], engine: str = "") -> None:
    """Every model on the engine, or its text for another engine, against the oracle."""
    rules = rules_of(world, variants)
    expected = derive(world.events(), rules)
    for model in MODELS:
        recompute(db, model, rules, variants[model.name], engine=engine)
        found = Counter(db.rows(f"select {', '.join(model.columns)} from {model.table}"))
        assert found == Counter(expected[model.name]), model.name


@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("engine", SEEDS)
def test_full_recompute_equals_the_oracle(request: pytest.FixtureRequest, engine: str, part: int) -> None:
    """Whatever upstream does, the models' SQL and their definitions in Python mean the same."""
    url = "duckdb:///:memory:" if engine == "duckdb" else request.getfixturevalue("postgres_url")
    with Db(url) as db:
        if engine == "duckdb":
            db.execute("set threads = 1")  # tables are tiny
        for seed in range(part, SEEDS[engine], 5):
            rng = Random(seed)
            world = World(rng.choice(RULES))
            db.execute("drop schema if exists atomic cascade; drop schema if exists crm cascade")
            db.execute("create schema if not exists derived")
            world.create(db)
            for _ in range(STEPS):
                world.apply(random_op(rng), db)
                compare(db, world, {model.name: rng.randrange(2) for model in MODELS})


def test_the_portable_texts_mean_the_same(warehouse_url: str) -> None:
    """What Redshift and Snowflake are given is right wherever it runs: it takes nothing that only they have."""
    rng = Random(17)
    with Db(warehouse_url) as db:
        db.execute("create schema if not exists derived")
        world = World(RULES[1])
        world.create(db)
        for _ in range(12):
            world.apply(random_op(rng), db)
        for variant in range(2):
            for engine in PORTABLE:
                compare(db, world, {model.name: variant for model in MODELS}, engine)


def test_the_shadow_is_the_source(warehouse_url: str) -> None:
    """After every operation the shadow holds exactly the rows of the warehouse."""
    rng = Random(5)
    world = World(Rules(hourly=True))
    with Db(warehouse_url) as db:
        world.create(db)
        for _ in range(60):
            world.apply(random_op(rng), db)
            rows = db.rows(f"select {', '.join(Event._fields)} from {SOURCE}")
            assert Counter(rows) == Counter(tuple(event) for event in world.events())
        assert dict(db.rows("select page_url, title from crm.pages")) == world.pages


def test_the_same_seed_gives_the_same_world() -> None:
    """A schedule can be replayed: operations depend on nothing but seeds and rows."""

    def play() -> tuple[list[Op], list[object]]:
        rng = Random(11)
        world = World(Rules())
        ops = [random_op(rng) for _ in range(40)]
        with Db("duckdb:///:memory:") as db:
            world.create(db)
            for op in ops:
                world.apply(op, db)
        return ops, list(world.rows.items())

    assert play() == play()


@pytest.mark.parametrize("kind", sorted(UPSTREAM))
def test_every_operation_does_something(kind: str) -> None:
    """On a world with rows no operation is idle; `exchange` leaves the counts as they are."""
    world = World(Rules())
    with Db("duckdb:///:memory:") as db:
        world.create(db)
        for seed in range(4):
            world.apply(Op("new_batch", seed), db)
        before, counts = Counter(world.events()), world.manifest()
        world.apply(Op(kind, 3), db)
    assert Counter(world.events()) != before
    assert (world.manifest() == counts) == (kind == "exchange")


def test_a_change_without_a_sign_gets_one() -> None:
    """`reveal` adds a row where as many rows left a batch as came; with a fingerprint it need not."""
    for fingerprint, revealed in (((), True), (("event_id",), False)):
        world = World(Rules(), fingerprint)
        with Db("duckdb:///:memory:") as db:
            world.create(db)
            world.apply(Op("new_batch", 1), db)
            processed, counts = world.content(), world.manifest()
            world.apply(Op("exchange", 2), db)
            world.reveal(processed, db)
        assert (world.manifest() != counts) == revealed


def test_all_operations_are_drawn() -> None:
    """The weights name every operation, and a long list holds all of them."""
    rng = Random(1)
    assert {*WEIGHTS, "correct"} == {*UPSTREAM, "lookup"}  # a correction is drawn where copies may have other keys
    assert {random_op(rng).kind for _ in range(1000)} == set(WEIGHTS)


def test_model_files_leave_no_placeholder() -> None:
    """What the runner is given is plain SQL on every engine."""
    for model in MODELS:
        for engine in ("duckdb", "postgres", *PORTABLE):
            assert not re.search(r"[{}]", model.sql(0, engine) + model.sql(1, engine))
