"""Every shape of join stays equal to a full recompute under random batches on all of its inputs, on every engine."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.joins.shapes import BASE, MORE, SHAPES, TABLES, Shape
from tests.joins.world import World
from tests.kit.project import Project, project_fixture

__all__ = ["project_fixture"]
ROUNDS = {"duckdb": 8, "postgres": 6, "redshift": 3, "snowflake": 3}
SEED = 7
LOOKUPS = {
    "raw.days": "static",
    "raw.products": {"key": "sku"},
    "raw.cats": {"key": "name"},
    "raw.prices": {"key": ["sku", "valid_from"]},
}
UNIQUE = {"firsts": ["uid", "ts"]}


def shapes_of(engine: str) -> list[Shape]:
    return [shape for shape in SHAPES if engine in shape.engines]


def make(project: Project, engine: str, shapes: list[Shape]) -> None:
    """One playbook that holds them all."""
    needed = {name: text for name, text in MORE.items() if any(f"d.{name}" in s.select for s in shapes)}
    common = {"batch": "etl_tstamp", "fingerprint": True, "vanished": "retract", "shrank": "note"}
    events = {"table": "raw.events", "dedupe": ["id"], "order_by": ["etl_tstamp"], **common}
    project.source = {"sources": [events, {"table": "raw.orders", **common}]}
    project.top = {"trial": "off", "lookups": LOOKUPS}
    for name, (key, text) in {**BASE, **needed}.items():
        project.model(name, text, key=key, unique=UNIQUE.get(name, key))
        project.models[name]["table"] = f"d.{name}"
    for shape in shapes:
        project.model(shape.table, shape.select, key=shape.key.split(", "))
        project.models[shape.table]["table"] = f"d.{shape.table}"


@pytest.mark.parametrize("seed", [SEED])
def test_shapes_stay_equal_to_a_recompute(project: Project, warehouse_url: str, seed: int) -> None:
    """Whatever changes in whichever input: what is stored is what the SELECT gives, and verify agrees."""
    engine = warehouse_url.partition(":")[0].replace("postgresql", "postgres")
    shapes = shapes_of(engine)
    begin(project)
    make(project, engine, shapes)
    world = World(project.db, random.Random(seed))
    world.fill()
    project.run()
    for number in range(ROUNDS[engine]):
        world.step()
        said = project.run()
        assert "could not be asked" not in said.text
        wrong = [name for name in project.models if not _is_same(project, name)]
        assert not wrong, f"seed {seed}, round {number}: {wrong}\n{said.text}"
    project.command("verify")


ONCE = """create view raw.once as select id, uid, sku, ts, amt from (select e.*, row_number() over (
    partition by id order by etl_tstamp, uid nulls last, sku nulls last, ts nulls last, amt nulls last) as n
    from raw.events e) q where n = 1"""


def begin(project: Project) -> None:
    """The tables, and a view of the events without their copies: what the SELECTs are to be pasted over."""
    for table, columns in TABLES.items():
        project.db.execute(f"create schema if not exists {table.partition('.')[0]}; create table {table} ({columns})")
    project.db.execute(ONCE)


def same(project: Project, name: str) -> None:
    """One table is what its SELECT gives over events that have no copies."""
    select = project.selects[name].replace("raw.events", "raw.once")
    expected = Counter(project.db.rows(f"select * from (\n{select}\n) q"))
    found = Counter(project.db.rows(f"select * from {project.models[name]['table']}"))
    assert found == expected, f"{name}: too many {found - expected}, missing {expected - found}"


def _is_same(project: Project, name: str) -> bool:
    try:
        same(project, name)
    except AssertionError as error:
        print(error)
        return False
    return True
