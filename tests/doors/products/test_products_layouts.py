"""Structures as each loader stores them: flat objects, JSON with its quotes, structs, money; and names that stay."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.doors.products.choose.naming import Given, resolved, structure_names
from runner.doors.products.columns import GeneratedColumn, plain
from runner.doors.products.layouts import LAYOUTS
from runner.doors.products.values import BaseType, Family, Property, Type
from runner.errors import Problems
from tests.doors.products.small import ORDERED, PRODUCT, STRUCTURES, generate, write
from tests.engines.db import Db

GEO = {"type": ["object", "null"], "properties": {"lat": {"type": "number"}, "placeName": {"type": "string"}}}
PLACE: dict[str, Any] = {
    "id": {"type": "string"},
    "geo": GEO,
    "status": {"enum": ["ok", 1]},
    "price": {"type": "number", "multipleOf": 0.01},
}
RULED = PRODUCT.replace("  sourceApplications:\n    - $ref: ./apps/shop.json\n", "").partition(
    "          required: [type]"
)[0]
EVENTS = "(event_id varchar, collector_tstamp timestamp, etl_tstamp timestamp"
STAMPS = "'2024-03-01 10:00:00', '2024-03-01 10:00:00'"


def place(folder: Path, rules: str = "properties: {}", structure: dict[str, Any] = PLACE) -> None:
    """The small product, whose order has a place."""
    head = RULED.partition("      entities:")[0] + f"          {rules}\n"
    write(folder, head, STRUCTURES | {"com.acme/orderPlaced/1-0-1": structure})


def select(folder: Path, *flags: str) -> str:
    """The SELECT of the View."""
    said = generate(folder, "view", "--columns", "event_id", *flags)
    return said.partition(" as\n")[2].partition(";\n")[0]


def test_flat_objects(postgres_url: str, tmp_path: Path) -> None:
    """On tables an object is one column again, null where all of its leaves are; JSON gives its texts without quotes."""
    place(tmp_path)
    with Db(postgres_url) as db:
        db.execute("create schema atomic")
        db.execute(f"create table atomic.events {EVENTS})")
        columns = (
            '"id" varchar, "geo.lat" double precision, "geo.place_name" varchar, status jsonb, price numeric(36, 2)'
        )
        db.execute(f"create table atomic.com_acme_order_placed_1 (root_id varchar, root_tstamp timestamp, {columns})")
        db.execute("create table atomic.com_snowplowanalytics_snowplow_event_specification_1"
                   " (root_id varchar, root_tstamp timestamp, id varchar)")  # fmt: skip
        rows = {"e1": "'a', 1.5, null, '\"ok\"', 19.99", "e2": "'b', null, null, '1', null"}
        for name, cells in rows.items():
            db.execute(f"insert into atomic.events values ('{name}', {STAMPS})")
            db.execute(f"insert into atomic.com_acme_order_placed_1 values ('{name}', '2024-03-01 10:00:00', {cells})")
            db.execute("insert into atomic.com_snowplowanalytics_snowplow_event_specification_1"
                       f" values ('{name}', '2024-03-01 10:00:00', '{ORDERED}')")  # fmt: skip
        found = sorted(db.rows(select(tmp_path, "--engine", "postgres")))
        assert found[0] == ("e1", "a", {"lat": 1.5, "placeName": None}, "ok", Decimal("19.99"))
        assert found[1] == ("e2", "b", None, "1", None)
        for rule, names in {"properties: {status: {enum: [ok]}}": ["e1"], "required: [geo]": ["e1"]}.items():
            place(tmp_path, rule)
            listed = db.rows(select(tmp_path, "--engine", "postgres", "--match", "inferred"))
            assert [row[0] for row in listed] == names, rule


def test_structs(tmp_path: Path) -> None:
    """In lakes names that begin with a digit have a _, texts of JSON their quotes, and two names may be one field."""
    odd = PLACE | {"3dTouch": {"type": "boolean"}, "unitPrice": {"type": "integer"}, "unit_price": {"type": "integer"},
                   "free": {"type": "object"}, "list": {"type": "array"}}  # fmt: skip
    place(tmp_path, structure=odd)
    struct = (
        "{'id': 'a', 'geo': {'lat': 1.5, 'place_name': 'x'}, 'status': '\"ok\"', 'price': 19.99::decimal(18, 2),"
        " '_3d_touch': true, 'unit_price': 7, 'free': '{\"a\": [1]}', 'list': ['\"x\"', '{\"y\": 1}', '2']}"
    )
    with Db("duckdb:///:memory:") as db:
        db.execute("create schema atomic")
        ids = f"[{{'id': '{ORDERED}'}}] as contexts_com_snowplowanalytics_snowplow_event_specification_1"
        stamps = "timestamp '2024-03-01' as collector_tstamp, timestamp '2024-03-01' as etl_tstamp"
        db.execute(f"create table atomic.events as select 'e1' as event_id, {stamps}, {ids},"
                   f" {struct} as unstruct_event_com_acme_order_placed_1")  # fmt: skip
        (row,) = db.rows(select(tmp_path, "--layout", "struct"))
    assert json.loads(row[2]) == {"lat": 1.5, "place_name": "x"}
    assert (row[1], *row[3:7]) == ("a", "ok", Decimal("19.99"), True, 7)
    assert [json.loads(cell) for cell in row[7:]] == [{"a": [1]}, ["x", {"y": 1}, 2]]


def test_stored_columns() -> None:
    """Each loader says what it makes of a property: its ways, names and types."""
    geo = Property("geoPlace", Type(BaseType.JSON, only="object"), whole=False, fields=(
        Property("3d-lat", Type(BaseType.DECIMAL, scale=2)), Property("any", Type(BaseType.TEXT, mixed=True))))  # fmt: skip
    stored = {layout.name + layout.engine.name: layout.stored(geo) for some in LAYOUTS.values() for layout in some}
    said = {name: [(".".join(one.path), one.name, one.sql_type) for one in found] for name, found in stored.items()}
    assert said["shreddedredshift"] == [
        ("geoPlace.3d-lat", "geo_place.3d_lat", "decimal(36, 2)"),
        ("geoPlace.any", "geo_place.any", "varchar(65535)"),
    ]
    assert [one[2] for one in said["shreddedpostgres"]] == ["double precision", "jsonb"]
    assert said["jsonduckdb"] == [("geoPlace", "geoPlace", "json")]
    assert said["structduckdb"][0][1] == "geo_place"


ACME, OTHER, SECOND = Family("com.acme", "user", 1), Family("com.other", "user", 1), Family("com.acme", "user", 2)


def column(family: Family, name: str, families: list[Family], before: tuple[Given, ...] = ()) -> GeneratedColumn:
    """A column by the name that its structure has."""
    return GeneratedColumn(f"{structure_names(families, before)[family]}_{name}", family, Type(BaseType.TEXT), name)


def names(families: list[Family], before: tuple[Given, ...] = (), atomic: tuple[str, ...] = ()) -> dict[str, str]:
    """What the id of each structure, and each atomic column, is called."""
    found = resolved(atomic, [column(one, "id", families, before) for one in families], 63, Problems(), before)
    return {(one.structure or one.key): one.name for one in found.given()}


def test_names_stay() -> None:
    """Whoever comes later, another vendor, a new version, an entity before it in the file, takes another name."""
    assert names([ACME]) == {"com.acme/user/1": "user_id"}
    both = {"com.acme/user/1": "user_id", "com.other/user/1": "com_other_user_id", "com.acme/user/2": "user_2_id"}
    assert names([ACME, OTHER, SECOND]) == both
    assert names([SECOND, ACME]) == {"com.acme/user/2": "user_2_id", "com.acme/user/1": "user_id"}
    before = (Given("", "user_id", "user_id"), Given("com.other/user/1", "email", "user_email"))
    later = names([ACME, OTHER], before, ("user_id",))
    assert later == {
        "user_id": "user_id",
        "com.acme/user/1": "com_acme_user_id",
        "com.other/user/1": "com_other_user_id",
    }
    kept = (Given(str(SECOND), "id", "user_id"),)
    assert names([ACME, SECOND], kept) == {"com.acme/user/1": "user_1_id", "com.acme/user/2": "user_id"}


def test_names_do_not_hang_on_the_choice(tmp_path: Path) -> None:
    """An entity that is chosen alone is called as among all."""
    listed = '          - {source: "iglu:com.acme/user/jsonschema/1-0-0", minCardinality: 1, maxCardinality: 1}\n'
    write(tmp_path, PRODUCT.replace(listed, listed + listed.replace("com.acme", "com.other")),
          STRUCTURES | {"com.other/user/1-0-0": {"id": {"type": "string"}}})  # fmt: skip
    assert "as com_other_user_id" in generate(tmp_path, "view", "--entity", "com.other/user")


def test_long_names_and_other_alphabets(tmp_path: Path) -> None:
    """A name that Postgres would cut is cut with a digest, and one whose letters are lost has a digest, too."""
    long = "a" * 70
    write(
        tmp_path,
        structures=STRUCTURES | {"com.acme/user/1-0-0": {long: {"type": "string"}, "名前": {"type": "string"}}},
    )
    said = generate(tmp_path, "view", "--engine", "postgres", "--entity", "user")
    assert "the engine keeps 63 bytes of a name" in said
    assert f"as user_{plain('名前')}" in said
    assert plain("名前") != plain("住所")
    product = PRODUCT.replace("name: Small Shop", "name: 店")
    write(tmp_path, product)
    assert f"view derived.product_{plain('店')} as" in generate(tmp_path, "view").replace(
        "derived.product_product", "x"
    )


@pytest.mark.parametrize(("step", "scale"), [(0.01, 2), (0.001, 3), (5, 0), (0.25, 2)])
def test_money(step: float, scale: int, tmp_path: Path) -> None:
    """A number in steps is a decimal of as many digits; others are floating-point numbers."""
    place(tmp_path, structure={"price": {"type": "number", "multipleOf": step}})
    said = select(tmp_path)
    assert (f"as decimal(36, {scale}))" in said) == bool(scale)
    assert ("as double)" in said) == (not scale)


def test_rules_of_money(tmp_path: Path) -> None:
    """A multiple of 0.01 keeps the type number, integer where it is whole, and no other."""
    kept = {}
    for type_ in ("number", "integer", "string"):
        place(tmp_path, f"properties: {{price: {{type: {type_}}}}}")
        sql = select(tmp_path, "--match", "inferred")
        with Db("duckdb:///:memory:") as db:
            db.execute("create schema atomic")
            db.execute(f"create table atomic.events {EVENTS}, unstruct_event_com_acme_order_placed_1 json)")
            for price in ("19.99", "20.00"):
                db.execute(f"insert into atomic.events values ('{price}', {STAMPS}, '{{\"price\": {price}}}')")
            kept[type_] = sorted(row[0] for row in db.rows(sql))
    assert kept == {"number": ["19.99", "20.00"], "integer": ["20.00"], "string": []}
