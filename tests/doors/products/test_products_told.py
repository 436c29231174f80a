"""`--event-specification`: the columns that say which specification of the product an event is of."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml

from tests.doors.products.small import LOOKED, ORDERED, PRODUCT, STRUCTURES, Warehouse, generate, write
from tests.doors.products.test_products_rows import FULL, PEN, USER, rows, view
from tests.engines.db import ALL, Db
from tests.kit import driver

ANY = "11111111-0000-4000-8000-000000000003"
NAME = "Any {{ order }} that isn't new"
ORDERS = f"""
    - resourceName: {ANY}
      name: "{NAME}"
      event:
        source: iglu:com.acme/orderPlaced/jsonschema/1-0-1
"""
TOLD = ("event_specification", "event_specification_id")
WANTED = {"again": (NAME, ANY), "both": ("Ordered", ORDERED), "look": ("Looked", LOOKED)}


def told(found: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """What is said of each event."""
    return {row["event_id"]: (row[TOLD[0]], row[TOLD[1]]) for row in found}


def load(warehouse: Warehouse) -> None:
    """An event of each sort, one of which is of two specifications."""
    warehouse.event("both", f"{ANY} {ORDERED}", orderPlaced=FULL, user=USER, item=[PEN])
    warehouse.event("again", ANY, 1, orderPlaced=FULL | {"type": "again"}, user=USER)
    warehouse.event("look", LOOKED, 2)


@pytest.mark.parametrize("match", ["snowtype", "inferred"])
@pytest.mark.parametrize("layout", ["json", "struct", "shredded"])
def test_view(layout: str, match: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The View says the first specification, in the product's order, of those that an event is of; all else is as
    without it, with copies and where none are looked for.
    """
    write(tmp_path, PRODUCT + ORDERS)
    engine = "postgres" if layout == "shredded" else "duckdb"
    flags = ("--layout", layout, "--match", match)
    with Db(request.getfixturevalue(f"{engine}_url")) as db:
        warehouse = Warehouse(db, layout)
        load(warehouse)
        sql = generate(tmp_path, "view", *flags, "--engine", engine, "--event-specification", "--no-dedupe")
        names = [f"x.{name}" for name in ("event_id", *TOLD)]
        select = sql.partition(" as\n")[2].partition(";\n")[0]
        listed = db.rows(f"select {', '.join(names)} from ({select}) as x")
        assert {row[0]: row[1:] for row in listed} == WANTED
        load(warehouse)
        found = view(warehouse, tmp_path, *flags, "--event-specification")
        assert told(found) == WANTED
        shutil.rmtree(tmp_path / "view")
        without = view(warehouse, tmp_path, *flags)
        assert [{name: cell for name, cell in row.items() if name not in TOLD} for row in found] == without


@pytest.mark.parametrize("match", ["snowtype", "inferred"])
def test_playbook(warehouse_url: str, match: str, tmp_path: Path) -> None:
    """The playbook's table says so, too, after every batch; a corrected event is of another specification."""
    write(tmp_path, PRODUCT + ORDERS)
    with Db(warehouse_url) as db:
        warehouse = Warehouse(db)
        load(warehouse)
        flags = ("--match", match, "--engine", db.engine, "--event-specification")
        generate(tmp_path, "playbook", *flags, "-o", str(tmp_path / "out"))
        playbook = str(tmp_path / "out" / "small_shop.yml")
        said = driver.command("run", playbook, "--target", warehouse_url)
        assert said.code == 0, said.text
        assert told(rows(warehouse, "derived.small_shop_dm")) == WANTED
        load(warehouse)
        warehouse.event("late", LOOKED)
        warehouse.event("fixed", ANY, 3, orderPlaced=FULL | {"type": "again"})
        assert driver.command("run", playbook, "--target", warehouse_url).code == 0
        more = {"late": WANTED["look"], "fixed": WANTED["again"]}
        assert told(rows(warehouse, "derived.small_shop_dm")) == WANTED | more
        assert driver.command("verify", playbook, "--target", warehouse_url).code == 0


@pytest.mark.parametrize("match", ["snowtype", "inferred"])
def test_snowflake(snowflake_url: str, match: str, tmp_path: Path) -> None:
    """On Snowflake (here its emulator), where EXISTS stands in WHERE alone, an event of two specifications is one row."""
    write(tmp_path, PRODUCT + ORDERS)
    with Db(snowflake_url) as db:
        db.execute("create schema atomic")
        db.execute(
            "create table atomic.events (event_id varchar, event_vendor varchar, event_name varchar, event_version"
            " varchar, collector_tstamp timestamp_ntz, etl_tstamp timestamp_ntz,"
            " unstruct_event_com_acme_order_placed_1 object, contexts_com_acme_user_1 array,"
            " contexts_com_acme_item_1 array, contexts_com_acme_screen_2 array,"
            " contexts_com_snowplowanalytics_snowplow_event_specification_1 array)"
        )
        for event_id, kind, ids in ("both", "new", [ANY, ORDERED]), ("again", "again", [ANY]):
            cells = [FULL | {"type": kind}, USER, [PEN], [], [{"id": one} for one in ids]]
            listed = ", ".join(
                f"parse_json('{json.dumps(cell)}')::{'array' if isinstance(cell, list) else 'object'}" for cell in cells
            )
            stamp = "timestamp '2024-03-01'"
            db.execute(
                f"insert into atomic.events select '{event_id}', 'com.acme', 'order_placed', '1-0-1', {stamp}, {stamp}, {listed}"
            )
        flags = ("--engine", "snowflake", "--match", match, "--columns", "event_id", "--event-specification")
        for more in (), ("--no-dedupe",):
            sql = generate(tmp_path, "view", *flags, *more).partition(" as\n")[2].partition(";")[0]
            assert not re.search(r"when exists|case when", sql.partition("select\n")[0])
            found = {row[0]: row[1:3] for row in db.rows(sql)}
            assert found == {name: WANTED[name] for name in ("both", "again")}
            assert len(db.rows(sql)) == 2


@pytest.mark.parametrize("engine", ALL)
@pytest.mark.parametrize("match", ["snowtype", "inferred"])
def test_texts(engine: str, match: str, tmp_path: Path) -> None:
    """Every text is read back, playbooks pass `check`, and dbt knows the columns; the names are no templates."""
    write(tmp_path, PRODUCT + ORDERS)
    flags = ("--engine", engine, "--match", match, "--event-specification")
    said = generate(tmp_path, "view", *flags)
    assert "note: event_specification is the first in the product of the specifications that an event matches" in said
    sql = "\n".join(line for line in said.splitlines() if not line.startswith("note:"))
    assert [tree.key for tree in sqlglot.parse(sql, dialect=engine) if tree][-1] == "create"
    generate(tmp_path, "playbook", *flags, "-o", str(tmp_path / "out"))
    checked = driver.command("check", str(tmp_path / "out" / "small_shop.yml"))
    assert checked.code == 0, checked.text
    generate(tmp_path, "dbt", *flags, "-o", str(tmp_path / "dbt"))
    (model,) = yaml.safe_load((tmp_path / "dbt" / "small_shop_dm.yml").read_text())["models"]
    columns = {one["name"]: one for one in model["columns"]}
    assert set(TOLD) <= set(columns)
    assert "Any {{ '{{' }} order" in (tmp_path / "dbt" / "small_shop_dm.sql").read_text()


def test_choice(tmp_path: Path) -> None:
    """It is kept with the other choices, its names too; a structure that has such columns keeps them."""
    entity = "com.snowplowanalytics.snowplow/event_specification"
    product = PRODUCT.replace("com.acme/user/", f"{entity}/")
    write(tmp_path, product, STRUCTURES | {f"{entity}/1-0-0": {"id": {"type": "string"}}})
    out = tmp_path / "out"
    said = generate(tmp_path, "view", "--event-specification", "-o", str(out))
    what = "the event_specification_id of the product is called product_event_specification_id"
    assert f"note: {what}: {entity}/1 gives a event_specification_id" in said
    kept = (out / "small_shop.selection.yml").read_text()
    assert "event_specification: true" in kept
    assert '["", "event_specification_id", "product_event_specification_id"]' in kept
    assert driver.command("generate", "--check", str(out)).code == 0
    listed = generate(tmp_path, "view", "--event-specification", "--list")
    assert "  product_event_specification_id  text  (of the event's specification)" in listed
