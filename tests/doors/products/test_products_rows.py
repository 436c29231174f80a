"""Generated models over rows written by hand: every type, single and multiple entities, copies, both matches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from tests.doors.products.small import LOOKED, ORDER, ORDERED, PRODUCT, SHREDS, STRUCTURES, Warehouse, generate, write
from tests.engines.db import Db
from tests.kit import ROOT, driver

FULL = {
    "type": "new",
    "itemCount": 2,
    "total": 9.5,
    "orderedAt": "2024-03-01T12:00:00.250Z",
    "due": "2024-03-04",
    "isGift": True,
    "anything": "text",
    "meta-data": {"a": [1, None]},
    "tags": ["x", "y"],
    "nr": 12345678901,
}
USER = [{"id": "ann", "email": None}]
PEN, INK = {"sku": "pen", "unitPrice": 1.5, "size": {"w": 1}}, {"sku": "ink", "unitPrice": 8, "size": None}


@pytest.fixture(name="warehouse")
def warehouse_fixture(warehouse_url: str, tmp_path: Path) -> Iterator[Warehouse]:
    """The small product's files, and an empty warehouse."""
    write(tmp_path)
    with Db(warehouse_url) as db:
        yield Warehouse(db)


def view(warehouse: Warehouse, folder: Path, *flags: str) -> list[dict[str, Any]]:
    """The rows of the generated View, by its columns."""
    warehouse.db.execute("drop view if exists derived.small_shop") if _there(warehouse) else None
    out = folder / "view"
    generate(folder, "view", "--engine", warehouse.db.engine, *flags, "-o", str(out))
    warehouse.db.execute((out / "small_shop.sql").read_text())
    return rows(warehouse, "derived.small_shop")


def _there(warehouse: Warehouse) -> bool:
    return bool(warehouse.db.rows("select 1 from information_schema.schemata where schema_name = 'derived'"))


def rows(warehouse: Warehouse, relation: str) -> list[dict[str, Any]]:
    """All rows of a table or view, JSON read."""
    schema, _, name = relation.partition(".")
    where = f"table_schema = '{schema}' and table_name = '{name}' order by ordinal_position"
    names = [row[0] for row in warehouse.db.rows(f"select column_name from information_schema.columns where {where}")]
    found = warehouse.db.rows(f"select {', '.join(names)} from {relation} order by 1")
    return [{name: _read(name, cell) for name, cell in zip(names, row, strict=True)} for row in found]


def _read(name: str, cell: Any) -> Any:
    documents = ("item", "order_placed_meta_data", "order_placed_tags")
    return json.loads(cell) if name in documents and isinstance(cell, str) else cell


def test_values(warehouse: Warehouse, tmp_path: Path) -> None:
    """Each property in its type; a single entity in columns; the atomic column whose name an entity has is renamed."""
    warehouse.event("e1", ORDERED, orderPlaced=FULL, user=USER, item=[PEN, INK], screen=[{"name": "cart"}])
    (row,) = view(warehouse, tmp_path, "--columns", "event_id,user_id")
    items = sorted(row.pop("item"), key=lambda item: str(item["sku"]))
    assert items == [INK, PEN]
    assert row == {
        "event_id": "e1",
        "atomic_user_id": "u-e1",
        "order_placed_type": "new",
        "order_placed_item_count": 2,
        "order_placed_total": 9.5,
        "order_placed_ordered_at": datetime(2024, 3, 1, 12, 0, 0, 250000),
        "order_placed_due": date(2024, 3, 4),
        "order_placed_is_gift": True,
        "order_placed_anything": "text",
        "order_placed_meta_data": {"a": [1, None]},
        "order_placed_tags": ["x", "y"],
        "order_placed_nr": 12345678901,
        "user_id": "ann",
        "user_email": None,
        "screen_name": "cart",
    }


def test_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    """Absent properties and entities are null; an empty list stays one where the layout can tell."""
    warehouse.event("e1", ORDERED, orderPlaced={"type": "new", "tags": None}, item=[])
    warehouse.event("e2", LOOKED)
    one, two = view(warehouse, tmp_path, "--columns", "event_id")
    assert one.pop("item") == ([] if warehouse.db.engine == "duckdb" else None)
    assert {name for name, cell in one.items() if cell is not None} == {"event_id", "order_placed_type"}
    assert {name for name, cell in two.items() if cell is not None} == {"event_id"}


ODD = {"itemCount": 70_000, "total": "x", "isGift": "maybe", "nr": 10**19, "due": "2023-02-29"}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_values_that_no_schema_allows(warehouse: Warehouse, tmp_path: Path, zone: str) -> None:
    """They are null and harm no other event; a time without an offset is UTC whatever zone the reader is in."""
    db = warehouse.db
    if db.engine == "postgres":  # whose loader would have refused them; one number is too large for the type alone
        for name in SHREDS["com_acme_order_placed_1"][0]:
            if name != "item_count":
                db.execute(f'alter table atomic.com_acme_order_placed_1 alter "{name}" type varchar')
    warehouse.event("e1", ORDERED, orderPlaced={**ODD, "type": "new", "orderedAt": "2016-12-31T23:59:60Z"})
    warehouse.event(
        "e2", ORDERED, orderPlaced={**ODD, "orderedAt": "soon", "due": "2024-13-01", "total": "1e999", "nr": 1.5}
    )
    warehouse.event("e3", ORDERED, orderPlaced={**FULL, "orderedAt": "2024-03-01 10:00:00"})
    warehouse.event("e4", ORDERED, orderPlaced={**FULL, "itemCount": 2.0, "orderedAt": "2024-02-29T10:00:00-01:30"})
    if db.engine == "duckdb":
        db.execute("update atomic.events set contexts_com_acme_user_1 = '' where event_id = 'e1'")
    db.execute(f"set TimeZone = '{zone}'")
    one, two, three, four = view(warehouse, tmp_path, "--columns", "event_id")
    assert {name for name, cell in one.items() if cell is not None} == {"event_id", "order_placed_type"}
    assert {name for name, cell in two.items() if cell is not None} == {"event_id"}
    assert three["order_placed_ordered_at"] == datetime(2024, 3, 1, 10)
    assert four["order_placed_ordered_at"] == datetime(2024, 2, 29, 11, 30)
    cells = [four[f"order_placed_{name}"] for name in ("item_count", "total", "due", "is_gift", "nr")]
    assert cells == [2, 9.5, date(2024, 3, 4), True, 12345678901]


def test_copies(warehouse: Warehouse, tmp_path: Path) -> None:
    """An event that came twice is one row; equal elements of one event are as many as it has."""
    for _ in range(2):
        warehouse.event("e1", ORDERED, orderPlaced=FULL, user=USER, item=[PEN, PEN, INK])
    (row,) = view(warehouse, tmp_path)
    assert sorted(item["sku"] for item in row["item"]) == ["ink", "pen", "pen"]


def test_snowtype(warehouse: Warehouse, tmp_path: Path) -> None:
    """Any element of the event_specification entity counts, not the first only."""
    warehouse.event("e1", ORDERED, orderPlaced=FULL)
    warehouse.event("e2", LOOKED)
    warehouse.event("e3", "another", orderPlaced=FULL)
    warehouse.event("e4", orderPlaced=FULL)
    assert [row["event_id"] for row in view(warehouse, tmp_path)] == ["e1", "e2"]
    assert [row["event_id"] for row in view(warehouse, tmp_path, "--event", "Looked")] == ["e2"]


INFERRED: dict[str, tuple[dict[str, Any], bool]] = {
    "all holds": ({}, True),
    "not the enum": ({"orderPlaced": FULL | {"type": "again"}}, False),
    "required is missing": ({"orderPlaced": {"itemCount": 2}}, False),
    "below the minimum": ({"orderPlaced": FULL | {"itemCount": 0}}, False),
    "no value breaks no rule": ({"orderPlaced": {"type": "new"}}, True),
    "no user": ({"user": []}, False),
    "two users": ({"user": [*USER, {"id": "bob"}]}, False),
    "no item": ({"item": []}, False),
    "one of the items is too dear": ({"item": [PEN, INK | {"unitPrice": 50.5}]}, False),
    "more entities than listed": ({"screen": [{"name": "cart"}]}, True),
}


def test_inferred(warehouse: Warehouse, tmp_path: Path) -> None:
    """Events without ids are told by event, entities with cardinality, and rules."""
    base: dict[str, Any] = {"orderPlaced": FULL, "user": USER, "item": [PEN]}
    for name, (change, _) in INFERRED.items():
        warehouse.event(name, **(base | change))
    warehouse.event("a page view")
    found = {row["event_id"] for row in view(warehouse, tmp_path, "--match", "inferred")}
    assert found == {name for name, (_, matches) in INFERRED.items() if matches} | {"a page view"}


LATER = {"orderedAt": "2024-03-01T12:00:01Z", "due": "2024-03-05", "total": 9, "itemCount": 1, "isGift": False}
RULED: dict[str, dict[str, Any]] = {  # events by their names, and what is particular to them
    "object": {"tags": {"a": 1}},
    "array": {"tags": [1], "meta-data": [1]},
    "one": {"anything": "one"},
    "1": {"anything": 1, "nr": 1},
    "1.0": {"anything": 1.0, "nr": 2, "type": "1"},
    "text 1": {"anything": "1"},
    "later": LATER,
}
PLAIN = {name for name in RULED if name != "later"}  # as FULL has them
RULES: dict[str, set[str]] = {  # rules of the order, and the events that keep them
    "tags: {type: object}": {"object"},
    "tags: {type: [array, 'null', string]}": set(RULED) - {"object"},
    "meta-data: {type: object}": set(RULED) - {"array"},
    "meta-data: {type: [object, array]}": set(RULED),
    "tags: {type: string}": set(),
    "orderedAt: {const: '2024-03-01T13:00:00.25+01:00'}": PLAIN,
    "orderedAt: {enum: ['2024-03-01 12:00:01', soon]}": {"later"},
    "due: {enum: ['2024-03-05', null]}": {"later"},
    "due: {enum: [null]}": set(),
    "nr: {enum: [1, '2']}": {"1"},
    "itemCount: {enum: [2.0, 7]}": PLAIN,
    "total: {const: 9}": {"later"},
    "type: {enum: [1, new]}": set(RULED) - {"1.0"},
    "isGift: {const: true}": PLAIN,
    "isGift: {const: true, enum: [1]}": set(),
    "anything: {enum: [1, '1', one]}": {"one", "1", "1.0", "text 1"},
    "anything: {enum: [one, two]}": {"one"},
}


@pytest.mark.parametrize("layout", ["json", "struct", "shredded"])
def test_rules(layout: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Times are compared as instants, numbers as numbers, objects and arrays are told apart, and 1 is not "1".

    Where a layout has a text for what may be 1 or "1", it is refused to ask for one of them.
    """
    engine = "postgres" if layout == "shredded" else "duckdb"
    structures = STRUCTURES | {"com.acme/orderPlaced/1-0-1": ORDER | {"tags": {"type": ["array", "object"]}}}
    head, _, _ = PRODUCT.partition("          required: [type]")
    told = RULES | ({"anything: {enum: [1, one]}": {"one", "1", "1.0"}} if layout == "json" else {})
    flags = ("--engine", engine, "--layout", layout, "--columns", "event_id", "--match", "inferred")
    with Db(request.getfixturevalue(f"{engine}_url")) as db:
        warehouse = Warehouse(db, layout)
        for name, change in RULED.items():
            warehouse.event(name, orderPlaced=FULL | change)
        found = {}
        for rule in told:
            write(tmp_path, f"{head}          properties: {{{rule}}}\n", structures)
            sql = generate(tmp_path, "view", *flags).partition(" as\n")[2]
            found[rule] = {row[0] for row in db.rows(sql.rstrip().rstrip(";"))}
    assert found == told
    write(tmp_path, f"{head}          properties: {{anything: {{enum: [1, one]}}}}\n", structures)
    if layout != "json":
        said = generate(tmp_path, "view", *flags, code=2)
        assert re.search(r"product.yml:18: in layout \w+ 'anything' is a text, in which 1 and \"1\" cannot be", said), (
            said
        )


@pytest.mark.parametrize("match", ["snowtype", "inferred"])
def test_playbook(warehouse: Warehouse, match: str, warehouse_url: str, tmp_path: Path) -> None:
    """The playbook's table is the View's after every batch, copies and late rows among them; verify finds nothing."""
    flags = ("--match", match, "--engine", warehouse.db.engine)
    generate(tmp_path, "playbook", *flags, "-o", str(tmp_path / "out"))
    playbook = str(tmp_path / "out" / "small_shop.yml")
    for batch in range(3):
        warehouse.event(f"e{batch}", ORDERED, batch, orderPlaced=FULL, user=USER, item=[PEN, PEN])
        warehouse.event("e0", ORDERED, 0, orderPlaced=FULL, user=USER, item=[PEN, PEN])
        warehouse.event(f"l{batch}", LOOKED, 0)
        expected = view(warehouse, tmp_path, "--match", match)
        assert len(expected) == 2 * (batch + 1)
        said = driver.command("run", playbook, "--target", warehouse_url)
        assert said.code == 0, said.text
        assert rows(warehouse, "derived.small_shop_dm") == expected
    assert driver.command("verify", playbook, "--target", warehouse_url).code == 0


def test_late_rows_of_a_table(postgres_url: str, tmp_path: Path) -> None:
    """An element that comes into its table after its event has been processed reaches the model."""
    write(tmp_path)
    with Db(postgres_url) as db:
        warehouse = Warehouse(db)
        warehouse.event("e1", ORDERED, orderPlaced=FULL)
        generate(tmp_path, "playbook", "--engine", "postgres", "-o", str(tmp_path / "out"))
        playbook = str(tmp_path / "out" / "small_shop.yml")
        assert driver.command("run", playbook, "--target", postgres_url).code == 0
        db.execute("insert into atomic.com_acme_user_1 values ('e1', timestamp '2024-03-01 00:00:00', 'ann', null)")
        assert driver.command("run", playbook, "--target", postgres_url).code == 0
        assert db.rows("select user_id from derived.small_shop_dm") == [("ann",)]


def test_apply(warehouse: Warehouse, warehouse_url: str, tmp_path: Path) -> None:
    """--apply makes the View, and makes it anew where its columns changed."""
    warehouse.event("e1", ORDERED, orderPlaced=FULL, user=USER)
    flags = ("--apply", "--target", warehouse_url)
    for columns in ("event_id", "etl_tstamp,event_id"):
        assert "created derived.small_shop" in generate(tmp_path, "view", *flags, "--columns", columns)
        assert [row["event_id"] for row in rows(warehouse, "derived.small_shop")] == ["e1"]


def test_structs(tmp_path: Path) -> None:
    """On DuckDB structures may be structs, whose fields have names in snake_case."""
    write(tmp_path)
    with Db("duckdb:///:memory:") as db:
        db.execute("create schema atomic")
        db.execute(
            "create table atomic.events as select 'e1' as event_id, 'u' as user_id, timestamp '2024-03-01' as"
            " collector_tstamp, timestamp '2024-03-01' as etl_tstamp, {'type': 'new', 'item_count': 3, 'ordered_at':"
            " '2024-03-01T02:00:00+02:00', 'meta_data': {'a': 1}} as unstruct_event_com_acme_order_placed_1,"
            " [{'id': 'ann', 'email': null}] as contexts_com_acme_user_1, null as contexts_com_acme_screen_2,"
            f" [{{'id': '{ORDERED}'}}] as contexts_com_snowplowanalytics_snowplow_event_specification_1,"
            " [{'sku': 'pen', 'unit_price': 1.5}] as contexts_com_acme_item_1"
        )
        generate(tmp_path, "view", "--layout", "struct", "--columns", "event_id", "-o", str(tmp_path / "view"))
        db.execute((tmp_path / "view" / "small_shop.sql").read_text())
        found = db.rows(
            "select order_placed_item_count, order_placed_ordered_at, user_id, order_placed_meta_data, item"
            " from derived.small_shop"
        )
        assert found[0][:3] == (3, datetime(2024, 3, 1), "ann")
        assert [json.loads(cell) for cell in found[0][3:]] == [{"a": 1}, [{"sku": "pen", "unit_price": 1.5}]]


def test_keys_that_are_paths(tmp_path: Path) -> None:
    """A property may be called as a path of JSON has it: a star is no wildcard, a quote or a slash is one character."""
    names = ["*", "a.b", "a/b", "a~1b", 'a"b', "a\\b", "[0]", "$", "it's", "0", "", "Größe", "#"]
    user = {name: {"type": "string", "description": "'" + name} for name in names}
    write(tmp_path, structures=STRUCTURES | {"com.acme/user/1-0-0": user})
    said = driver.command(
        "generate", "view", str(tmp_path / "product.yml"), "--schemas", str(tmp_path / "schemas"), "--event", "Ordered"
    )
    assert "two columns are called" in said.text  # signs are all _ in a column's name
    with Db("duckdb:///:memory:") as db:
        warehouse = Warehouse(db)
        warehouse.event("all", ORDERED, orderPlaced=FULL, user=[{name: f"<{name}>" for name in reversed(names)}])
        warehouse.event("none", ORDERED, orderPlaced=FULL, user=[{"b": "other", "c": "another"}])
        for name in names:
            write(tmp_path, structures=STRUCTURES | {"com.acme/user/1-0-0": {name: user[name]}})
            found = [
                list(row.values()) for row in view(warehouse, tmp_path, "--columns", "event_id", "--entity", "user")
            ]
            assert [row[0] for row in found] == ["all", "none"]
            assert [row[-1] for row in found] == [f"<{name}>", None], name


def unnesting(engine: str) -> str:
    """The query of docs/data-products.md that makes a row of each element."""
    page = (ROOT / "docs" / "data-products.md").read_text(encoding="utf-8")
    return page.split(f"<!-- {engine} -->\n```sql\n")[1].split("```")[0]


def test_unnesting(warehouse: Warehouse, tmp_path: Path) -> None:
    """The documented query gives each element of an array, numbered in its order."""
    warehouse.event("e1", ORDERED, orderPlaced=FULL, item=[INK, PEN])
    warehouse.event("e2", ORDERED, orderPlaced=FULL, item=[])
    view(warehouse, tmp_path)
    query = (
        unnesting(warehouse.db.engine).replace("derived.checkout", "derived.small_shop").replace("c.product", "c.item")
    )
    assert sorted(warehouse.db.rows(query)) == [("e1", "ink", 0), ("e1", "pen", 1)]


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
def test_unnesting_is_read_back(engine: str) -> None:
    """The queries of the engines that are not at hand are SQL of theirs."""
    assert sqlglot.parse_one(unnesting(engine), dialect=engine).key == "select"


SNOWFLAKE_RULES = {
    "tags: {type: array}": ["e1", "e2", "e3"],
    "tags: {type: object}": ["e2", "e3"],
    "anything: {enum: [1, text]}": ["e1", "e2", "e3"],
    "anything: {enum: [1, '2']}": ["e2", "e3"],
    "orderedAt: {const: '2024-03-01T13:00:00.25+01:00'}": ["e1"],
}


def test_snowflake(snowflake_url: str, tmp_path: Path) -> None:
    """On Snowflake (here its emulator) properties, arrays and both matches give the same rows."""
    write(tmp_path)
    names = ["unstruct_event_com_acme_order_placed_1 object"]
    others = ("com_acme_user", "com_acme_item", "com_acme_screen", "com_snowplowanalytics_snowplow_event_specification")
    names += [f"contexts_{name}_{2 if name == 'com_acme_screen' else 1} array" for name in others]
    odd = {**ODD, "type": "new", "orderedAt": "soon", "nr": 1.5}
    late = {"type": "new", "orderedAt": "2024-03-01 10:00:00"}
    atomic = "event_id varchar, event_vendor varchar, event_name varchar, event_version varchar, user_id varchar"
    stamps = "collector_tstamp timestamp_ntz, etl_tstamp timestamp_ntz"
    with Db(snowflake_url) as db:
        db.execute("create schema atomic")
        db.execute(f"create table atomic.events ({atomic}, {stamps}, {', '.join(names)})")
        stamp = "timestamp '2024-03-01'"
        for event_id, order in ("e1", FULL), ("e2", odd), ("e3", late):
            cells = [order, USER, [PEN, INK], [], [{"id": "other"}, {"id": ORDERED}]]
            values = [
                f"parse_json('{json.dumps(cell)}')::{name.rpartition(' ')[2]}"
                for name, cell in zip(names, cells, strict=True)
            ]
            row = f"'{event_id}', 'com.acme', 'order_placed', '1-0-1', 'u1', {stamp}, {stamp}, {', '.join(values)}"
            db.execute(f"insert into atomic.events select {row}")
        for match in ("snowtype", "inferred"):
            flags = ("--engine", "snowflake", "--match", match, "--columns", "event_id,user_id", "-o", str(tmp_path))
            generate(tmp_path, "playbook", *flags)
            listed = sorted(db.rows((tmp_path / "small_shop_dm.sql").read_text()))
            found = listed[0]
            if match == "snowtype":
                assert set(listed[1][4:12]) == {None}  # its smallint is as wide as any
                assert listed[2][5] == datetime(2024, 3, 1, 10)
        head, _, _ = PRODUCT.partition("          required: [type]")
        flags = ("--engine", "snowflake", "--match", "inferred", "--columns", "event_id", "-o", str(tmp_path))
        for rule, names in SNOWFLAKE_RULES.items():
            write(tmp_path, f"{head}          properties: {{{rule}}}\n")
            generate(tmp_path, "playbook", *flags)
            listed = sorted(db.rows((tmp_path / "small_shop_dm.sql").read_text()))
            assert [row[0] for row in listed] == names, rule
            assert found[:3] == ("e1", "u1", "new")
            assert found[3:6] == (2, 9.5, datetime(2024, 3, 1, 12, 0, 0, 250000))
            assert found[7] is True
            assert found[12:14] == ("ann", None)
            assert json.loads(found[14]) == [PEN, INK]
