"""Data products: columns, choices of events and entities, names that clash."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runner.doors.products.columns import snake
from tests.doors.products.small import DERIVED, LOOKED, ORDERED, PRODUCT, STRUCTURES, generate, line_of, write
from tests.engines.db import ALL


@pytest.mark.parametrize(
    ("name", "column"),
    [("orderPlaced", "order_placed"), ("HTTPStatus", "http_status"), ("a-b.c", "a_b_c"), ("utm2Source", "utm2_source")],
)
def test_snake(name: str, column: str) -> None:
    """Names are those of the loaders' columns."""
    assert snake(name) == column


def test_list(tmp_path: Path) -> None:
    """--list has events with ids, entities with cardinality, and columns."""
    write(tmp_path)
    said = generate(tmp_path, "view", "--list")
    assert f"{ORDERED}  Ordered  (iglu:com.acme/orderPlaced/jsonschema/1-0-1)" in said
    assert "iglu:com.acme/item/jsonschema/1-0-0  1..*" in said
    assert "iglu:com.acme/screen/jsonschema/2-0-0  0..1  (source application Shop)" in said
    columns = re.findall(r"^  (\w+)  ", said.split("columns:")[1], flags=re.MULTILINE)
    assert columns[1:] == [f"order_placed_{name}" for name in DERIVED] + [
        "user_id",
        "user_email",
        "item",
        "screen_name",
    ]
    assert columns[0] == "atomic_user_id"


def test_cardinality_of_application(tmp_path: Path) -> None:
    """A source application that asks for more than the specification allows is a contradiction, with both places."""
    write(tmp_path)
    app = tmp_path / "apps" / "shop.json"
    user = {"source": "iglu:com.acme/user/jsonschema/1-0-0", "minCardinality": 2}
    text = json.loads(app.read_text())
    text["data"]["entities"]["tracked"].append(user)
    app.write_text(json.dumps(text, indent=1))
    said = generate(tmp_path, "view", code=2)
    assert "has cardinality 1..1 in Ordered, but its source application Shop has 2..*" in said
    assert f"{app}:" in said


def test_excluded_application(tmp_path: Path) -> None:
    """An application that every specification excludes gives no entities."""
    excluded = "\n      excludedSourceApplications: [{$ref: ./apps/shop.json}]"
    product = re.sub(r"(\n      name: \w+)", rf"\1{excluded}", PRODUCT)
    write(tmp_path, product)
    assert "screen" not in generate(tmp_path, "view", "--list")


def test_choice(tmp_path: Path) -> None:
    """Specifications by id or name, entities, and atomic columns in the order asked for."""
    write(tmp_path)
    said = generate(tmp_path, "view", "--event", LOOKED, "--columns", "page_url,event_id")
    assert "order_placed" not in said
    assert said.index("e.page_url") < said.index("e.event_id,\n") if "e.event_id,\n" in said else "e.event_id" in said
    said = generate(tmp_path, "view", "--event", "ordered", "--entity", "item")
    assert "as item" in said
    assert "user_email" not in said
    assert "true_tstamp" in generate(tmp_path, "view", "--all-columns")
    said = generate(tmp_path, "view", "--event", "Orderd", "--entity", "itm", "--columns", "evnt_id", code=2)
    assert "did you mean Ordered?" in said
    assert "did you mean item?" in said
    assert "did you mean event_id?" in said


def test_clash_of_generated(tmp_path: Path) -> None:
    """Of two entities of one name the later gets its vendor in front, of two major versions the higher its number."""
    other = {"com.other/user/1-0-0": {"id": {"type": "string"}}, "com.acme/user/2-0-0": {"phone": {"type": "string"}}}
    listed = '          - {source: "iglu:com.acme/user/jsonschema/1-0-0", minCardinality: 1, maxCardinality: 1}\n'
    more = listed.replace("com.acme", "com.other")
    write(tmp_path, PRODUCT.replace(listed, listed + more), STRUCTURES | other)
    said = generate(tmp_path, "view")
    assert "as user_id" in said
    assert "as com_other_user_id" in said
    assert "as user_email" in said
    assert "e.user_id as atomic_user_id" in said
    assert "note: user_id of com.other/user/1 is called com_other_user_id: another structure has a user_id" in said
    write(tmp_path, PRODUCT.replace(listed, listed + listed.replace("1-0-0", "2-0-0")), STRUCTURES | other)
    said = generate(tmp_path, "view")
    assert "as user_email" in said
    assert "as user_2_phone" in said


def test_clash_that_stays(tmp_path: Path) -> None:
    """Two properties of one structure with one name are an error with both places."""
    twice = {"unitPrice": {"type": "number"}, "unit_price": {"type": "number"}}
    write(
        tmp_path,
        PRODUCT.replace("minCardinality: 1\n", "maxCardinality: 1\n"),
        STRUCTURES | {"com.acme/item/1-0-0": twice},
    )
    said = generate(tmp_path, "view", code=2)
    assert re.search(r"two columns are called \w*item_unit_price: 'unit_price' of .* and 'unitPrice' of .*:\d+", said)


@pytest.mark.parametrize("engine", ALL)
def test_structures_that_share_a_place(engine: str, tmp_path: Path) -> None:
    """Two structures that have one column or one table are an error with both places."""
    listed = '          - {source: "iglu:com.acme/user/jsonschema/1-0-0", minCardinality: 1, maxCardinality: 1}\n'
    product = PRODUCT.replace(listed, listed + listed.replace("com.acme", "com-acme"))
    path = write(tmp_path, product, STRUCTURES | {"com-acme/user/1-0-0": {"phone": {"type": "string"}}})
    said = generate(tmp_path, "view", "--engine", engine, code=2)
    first, second = (f"{path}:{line_of(product, f'iglu:{vendor}/user')}" for vendor in ("com.acme", "com-acme"))
    assert f"{second}: com-acme/user/1 and com.acme/user/1 at {first} are one" in said
    generate(tmp_path, "view", "--engine", engine, "--entity", "com.acme/user")
    long = [f"com.acme/{'long_' * 12}{end}" for end in ("one", "two")]
    more = "".join(listed.replace("com.acme/user", name) for name in long)
    write(tmp_path, PRODUCT.replace(listed, more), STRUCTURES | {f"{name}/1-0-0": {} for name in long})
    said = generate(tmp_path, "view", "--engine", engine, code=2 if engine == "postgres" else 0)
    assert ("are one table, atomic.com_acme_long_" in said) == (engine == "postgres")


@pytest.mark.parametrize("engine", ALL)
def test_columns_of_loaders(engine: str, tmp_path: Path) -> None:
    """On tables of structures a property cannot be called as a column of the loader's, nor as another one."""
    item = {"rootId": {"type": "string"}, "unitPrice": {}, "unit_price": {}}
    write(tmp_path, structures=STRUCTURES | {"com.acme/item/1-0-0": item})
    said = generate(tmp_path, "view", "--engine", engine, code=2 if engine in ("postgres", "redshift") else 0)
    if engine in ("postgres", "redshift"):
        assert re.search(r"item-1-0-0.json:\d+: 'rootId' of com.acme/item/1 cannot be read: root_id of atomic", said)
        assert re.search(r"'unit_price' of com.acme/item/1 and 'unitPrice' at .*:\d+ are one column", said)
        generate(tmp_path, "view", "--engine", engine, "--entity", "user")


@pytest.mark.parametrize("rule", ["pattern: '^a'", "minLength: 2"])
def test_rules_that_are_no_sql(rule: str, tmp_path: Path) -> None:
    """What cannot be put into SQL is refused where rules are asked for, and only there."""
    product = PRODUCT.replace("{enum: [new]}", f"{{enum: [new], {rule}}}")
    path = write(tmp_path, product)
    generate(tmp_path, "view")
    said = generate(tmp_path, "view", "--match", "inferred", code=2)
    assert (
        f"{path}:{line_of(product, rule)}: the rule '{rule.split(':', maxsplit=1)[0]}' cannot be put into SQL" in said
    )
