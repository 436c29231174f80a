"""Data products: their files, every mistake in them with its line, choices, names, types, and the generated texts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml

from runner.doors.products.columns import snake
from tests.doors.products.small import LOOKED, ORDER, ORDERED, PRODUCT, STRUCTURES, generate, schema, write
from tests.kit import driver

ENGINES = ("duckdb", "postgres", "redshift", "snowflake")
DERIVED = ("type", "item_count", "total", "ordered_at", "due", "is_gift", "anything", "meta_data", "tags", "nr")


def line_of(text: str, part: str) -> int:
    """The line of a text on which `part` stands first."""
    return text[: text.index(part)].count("\n") + 1


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


MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "unknown schema": ("com.acme/user/", "com.acme/usr/", "unknown schema iglu:com.acme/usr/jsonschema/1-0-0", "user"),
    "version": ("item/jsonschema/1-0-0", "item/jsonschema/1-0-7", "no version 1-0-7 of it, but 1-0-0", "refer"),
    "missing $ref": ("./apps/shop.json", "./apps/shpo.json", "$ref './apps/shpo.json': no such file", "looked for"),
    "minimum": ("minCardinality: 1, maxCardinality: 1", "minCardinality: 2, maxCardinality: 1", "is more than", "mend"),
    "key": ("      name: Looked", "      nmae: Looked", "unknown key 'nmae'", "did you mean name?"),
    "uri": ("iglu:com.acme/item/jsonschema/1-0-0", "com.acme/item", "must be an Iglu URI", "iglu:com.acme"),
    "enum": ("{enum: [new]}", "{enum: new}", "invalid JSON schema: 'enum' must be a list", "enum: [a, b]"),
    "type": ("{type: integer, minimum: 1}", "{type: int}", "invalid JSON schema: 'int' is not a type", "integer"),
    "number": ("{enum: [new]}", "{enum: [1e400]}", "'1e400' is larger than any number", "below 1e308"),
    "range": ("{maximum: 50}", "{maximum: 50, minimum: 51}", "minimum 51 is more than maximum 50", "mend one"),
    "version of the format": ("apiVersion: v1", "apiVersion: ''", "'apiVersion' in a data-product file is empty", "v"),
    "name": ("name: Small Shop", "name: ' '", "'name' in a data product is empty", "write a value"),
    "id": (f"resourceName: {LOOKED}", "resourceName: ''", "'resourceName' in an event specification is empty", "write"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str, tmp_path: Path) -> None:
    """Each mistake is told with the line on which it stands, and a hint."""
    right, wrong, what, hint = MISTAKES[name]
    product = PRODUCT.replace(right, wrong)
    assert product != PRODUCT
    path = write(tmp_path, product)
    said = generate(tmp_path, "view", code=2)
    assert what in said, said
    assert hint in said, said
    assert f"{path}:{line_of(product, wrong)}" in said, said


SCHEMAS: dict[str, tuple[dict[str, Any], str]] = {
    "negative length": ({"properties": {"id": {"maxLength": -5}}}, "'maxLength' must be a whole number, zero or more"),
    "half a length": ({"properties": {"id": {"maxLength": 2.5}}}, "'maxLength' must be a whole number, zero or more"),
    "no length": ({"properties": {"id": {"maxLength": "many"}}}, "'maxLength' must be a whole number, zero or more"),
    "too large": ({"properties": {"id": {"maxLength": 10**400}}}, "'maxLength' must be a whole number, zero or more"),
    "$ref": ({"$ref": "#/definitions/user"}, "'$ref' is not followed, and may give more properties"),
    "allOf": ({"allOf": [{"properties": {"phone": {}}}]}, "'allOf' is not followed, and may give more properties"),
    "oneOf": ({"oneOf": [{"allOf": [{"$ref": "#"}]}]}, "'oneOf' is not followed, and may give more properties"),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_mistakes_in_schemas(name: str, tmp_path: Path) -> None:
    """A data structure that is no JSON schema, or has properties where they are not read, is told with its line."""
    more, what = SCHEMAS[name]
    write(tmp_path)
    path = tmp_path / "schemas" / "com.acme-user-1-0-0.json"
    path.write_text(json.dumps(schema("com.acme/user/1-0-0", {"id": {}}) | more, indent=1))
    line = line_of(path.read_text(), f'"{next(iter(more if "properties" not in more else {"maxLength": 0}))}"')
    said = generate(tmp_path, "view", code=2)
    assert f"{path}:{line}: " in said, said
    assert what in said, said


def test_schemas_within_schemas(tmp_path: Path) -> None:
    """One that only narrows says nothing; a property whose type stands in one is a text, and that is noted."""
    user = {"id": {"type": "string"}, "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "to": {"$ref": "#"}}
    write(tmp_path, structures=STRUCTURES | {"com.acme/user/1-0-0": user | {"state": {"const": 1, "allOf": []}}})
    path = tmp_path / "schemas" / "com.acme-user-1-0-0.json"
    narrow = {
        "anyOf": [{"required": ["id"]}, {"properties": {"age": {"minimum": 18}}}],
        "not": {"properties": {"x": {}}},
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | narrow))
    said = generate(tmp_path, "view", "--list")
    assert re.findall(r"  (user_\w+)  (\w+)  ", said)[1:] == [
        ("user_age", "text"),
        ("user_to", "text"),
        ("user_state", "smallint"),
    ]
    said = generate(tmp_path, "view")
    for name, word in (("age", "anyOf"), ("to", "$ref")):
        note = f"note: '{name}' of com.acme/user/1 is taken for a text: its type stands behind {word}"
        assert said.count(note) == 2  # on stderr and in the file's head
    assert "'state' of" not in said


def test_values_that_a_schema_has_not(tmp_path: Path) -> None:
    """A rule none of whose values the property can have is told with its line; lists among them are no SQL."""
    for values, what in (
        ("enum: [1, true]", "none of the values that 'type' may have here is one that its schema allows: 1, true"),
        ("enum: [[new]]", "the rule 'a list or mapping among values' cannot be put into SQL"),
    ):
        product = PRODUCT.replace("enum: [new]", values)
        path = write(tmp_path, product)
        said = generate(tmp_path, "view", "--match", "inferred", code=2)
        assert f"{path}:{line_of(product, values)}: {what}" in said, said
    product = PRODUCT.replace("type: {enum: [new]}", "anything: {type: array}")
    structures = STRUCTURES | {"com.acme/orderPlaced/1-0-1": ORDER | {"anything": {"type": ["object", "array"]}}}
    write(tmp_path, product.replace("required: [type]", "required: [anything]"), structures)
    flags = ("--match", "inferred", "--engine", "snowflake", "--layout")
    generate(tmp_path, "view", *flags, "objects")
    said = generate(tmp_path, "view", *flags, "lake", code=2)
    assert "objects and arrays in 'anything' cannot be told apart in layout lake" in said


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    """Mistakes of the product, of its application and of a schema come in one go."""
    product = PRODUCT.replace("com.acme/user/", "com.acme/usr/").replace("maxCardinality: 1", "maxCardinality: one")
    write(tmp_path, product, STRUCTURES | {"com.acme/screen/2-0-0": {"name": {"type": "strng"}}})
    app = tmp_path / "apps" / "shop.json"
    app.write_text(app.read_text().replace('"appIds"', '"apIds"'))
    said = generate(tmp_path, "view", code=2)
    for part in ("unknown schema", "'one'", "'strng' is not a type", "unknown key 'apIds'"):
        assert part in said
    assert re.search(r"com.acme-screen-2-0-0.json:\d+: invalid JSON schema", said)
    assert re.search(r"shop.json:\d+: ", said)


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


def test_registry_folder(tmp_path: Path) -> None:
    """Bare schemas of an Iglu registry are files called by their versions."""
    write(tmp_path)
    for path in (tmp_path / "schemas").iterdir():
        path.unlink()
    for name, properties in STRUCTURES.items():
        vendor, called, version = name.split("/")
        path = tmp_path / "schemas" / vendor / called / "jsonschema" / version
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema(name, properties)))
    assert "order_placed_nr" in generate(tmp_path, "view")


JSON: dict[str, tuple[str, str]] = {  # what stands behind "description": in a JSON file, and what is said
    "not closed": ('"a\n"', "2: not valid JSON: '\"a' is not closed"),
    "escape": ('"\\x"', "2: not valid JSON: '\"\\x\"' is no text: invalid \\escape"),
    "half a pair": ('"\\ud83d"', "2: an invisible character, U+D83D"),
    "comma": ("1,", "2: not valid JSON: '}' stands behind a comma"),
    "word": ("NaN", "2: not valid JSON: 'NaN' is no value"),
    "two": ('1, "description": 2', "2: duplicate key 'description', first at line 2"),
    "open": ("[1", "2: not valid JSON: '}' stands where ',' belongs"),
    "deep": ("[" * 60, "2: nested deeper than 50 levels"),
    "more": ("1}, {", "2: not valid JSON: ',' is more than one value"),
    "YAML": ("'a'", "2: not valid JSON: ''a'' is no value"),
}


@pytest.mark.parametrize("name", JSON)
def test_json(name: str, tmp_path: Path) -> None:
    """A JSON file that is none is told with its line, and nothing is said of the schema that stands in it."""
    text, what = JSON[name]
    write(tmp_path)
    path = tmp_path / "schemas" / "com.acme-user-1-0-0.json"
    head = json.dumps({"self": schema("com.acme/user/1-0-0", {})["self"]})[:-1]
    path.write_text(f'{head},\n"description": {text}}}')
    said = generate(tmp_path, "view", code=2)
    assert f"{path}:{what}" in said, said
    assert said.count("hint:") == 1
    assert "unknown schema" not in said


def test_texts_of_json(tmp_path: Path) -> None:
    """Characters that JSON writes as two escapes are one; keys and texts may have what YAML has signs for."""
    user = {"id": {"description": "\U0001f600: {a} # 'b' \\ / \t."}, "@e-mail": {"type": "string"}}
    write(tmp_path, structures=STRUCTURES | {"com.acme/user/1-0-0": user})
    path = tmp_path / "schemas" / "com.acme-user-1-0-0.json"
    assert "\\ud83d\\ude00" in path.read_text()
    path.rename(path.with_name("1-0-0"))  # as an Iglu registry calls it
    generate(tmp_path, "dbt", "-o", str(tmp_path / "out"))
    (model,) = yaml.safe_load((tmp_path / "out" / "small_shop_dm.yml").read_text())["models"]
    described = {column["name"]: column["description"] for column in model["columns"]}
    assert described["user_id"] == user["id"]["description"]
    assert "user__e_mail" in described


def test_files_that_nobody_asks_for(tmp_path: Path) -> None:
    """What cannot be read below --schemas matters only where a schema is missing that it names."""
    write(tmp_path)
    (tmp_path / "schemas" / "notes.yml").write_text("a: *b\nc: [")
    (tmp_path / "schemas" / "other.json").write_bytes(b'{"self": \xff')
    generate(tmp_path, "view")
    path = write(tmp_path, PRODUCT.replace("com.acme/user/", "com.acme/usr/"))
    said = generate(tmp_path, "view", code=2)
    assert f"{path}:24: unknown schema iglu:com.acme/usr/jsonschema/1-0-0" in said
    assert f"2 files there are no schemas that can be read, {tmp_path}/schemas/notes.yml among them" in said
    broken = tmp_path / "schemas" / "usr.json"
    broken.write_text('{"self": {"vendor": "com.acme", "name": "usr"')
    said = generate(tmp_path, "view", code=2)
    assert f"{broken}:1: not valid JSON: the end stands where ',' belongs" in said
    assert "unknown schema" not in said


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
    """Two entities of one name get their vendors in front; two major versions their numbers; both are noted."""
    other = {"com.other/user/1-0-0": {"id": {"type": "string"}}, "com.acme/user/2-0-0": {"phone": {"type": "string"}}}
    listed = '          - {source: "iglu:com.acme/user/jsonschema/1-0-0", minCardinality: 1, maxCardinality: 1}\n'
    more = listed.replace("com.acme", "com.other")
    write(tmp_path, PRODUCT.replace(listed, listed + more), STRUCTURES | other)
    said = generate(tmp_path, "view")
    assert "as com_acme_user_id" in said
    assert "as com_other_user_id" in said
    assert "as user_email" in said
    assert "e.user_id" in said
    assert "note: user_id of com.acme/user/1 is called com_acme_user_id" in said
    write(tmp_path, PRODUCT.replace(listed, listed + listed.replace("1-0-0", "2-0-0")), STRUCTURES | other)
    said = generate(tmp_path, "view")
    assert "as user_1_email" in said
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


@pytest.mark.parametrize("engine", ENGINES)
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


@pytest.mark.parametrize("engine", ENGINES)
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
    assert f"{path}:{line_of(product, rule)}: the rule '{rule.split(':')[0]}' cannot be put into SQL" in said


def test_booleans_on_redshift(tmp_path: Path) -> None:
    """A rule on a boolean asks for no text of it, which Redshift has not."""
    rule = "required: [isGift]\n          properties: {isGift: {const: true}, itemCount: {minimum: 1}}\n"
    write(tmp_path, PRODUCT.partition("required: [type]")[0] + rule)
    said = generate(tmp_path, "view", "--engine", "redshift", "--match", "inferred")
    assert (
        "t.is_gift is not null and (t.is_gift is null or coalesce(cast(t.is_gift as boolean) in (true), false))" in said
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("match", ["snowtype", "inferred"])
def test_texts(engine: str, match: str, tmp_path: Path) -> None:
    """Every text is read back; the same files give the same bytes; the playbook passes `check` and its key-wise rule."""
    write(tmp_path)
    flags = ("--engine", engine, "--match", match)
    first = generate(tmp_path, "view", *flags)
    assert generate(tmp_path, "view", *flags) == first
    sql = "\n".join(line for line in first.splitlines() if not line.startswith("note:"))
    trees = [tree for tree in sqlglot.parse(sql, dialect=engine) if tree is not None]
    assert [tree.key for tree in trees if tree.key == "create"] == ["create", "create"]
    generate(tmp_path, "playbook", *flags, "-o", str(tmp_path / "out"))
    said = driver.command("check", str(tmp_path / "out" / "small_shop.yml"))
    assert said.code == 0, said.text
    listed = sqlglot.parse_one((tmp_path / "out" / "small_shop_dm.sql").read_text(), dialect=engine)
    names = [name.lower() for name in listed.named_selects]  # type: ignore[attr-defined]
    assert names[8:] == [f"order_placed_{name}" for name in DERIVED] + ["user_id", "user_email", "item", "screen_name"]


@pytest.mark.parametrize("engine", ENGINES)
def test_dbt(engine: str, tmp_path: Path) -> None:
    """<name>_dm.yml names all columns, with descriptions and tests; the model takes its sources by dbt's names."""
    write(tmp_path)
    generate(tmp_path, "dbt", "--engine", engine, "-o", str(tmp_path / "out"))
    page: dict[str, Any] = yaml.safe_load((tmp_path / "out" / "small_shop_dm.yml").read_text())
    (model,) = page["models"]
    assert model["name"] == "small_shop_dm"
    assert model["columns"][0] == {
        "name": "event_id",
        "description": "event_id of atomic.events",
        "data_tests": ["unique", "not_null"],
    }
    assert {"name": "order_placed_type", "description": "What sort of order"} in model["columns"]
    text = (tmp_path / "out" / "small_shop_dm.sql").read_text()
    assert "source('small_shop_atomic', 'events')" in text
    assert page["sources"][0]["schema"] == "atomic"
    assert "from atomic." not in text
    assert "is_incremental()" in text


def test_templates_in_texts(tmp_path: Path) -> None:
    """Braces of a user's texts are no template in a playbook's or dbt's SQL."""
    write(tmp_path, PRODUCT.replace("[new]", "['{{ new }}']"))
    generate(tmp_path, "playbook", "--match", "inferred", "-o", str(tmp_path / "out"))
    said = driver.command("render", str(tmp_path / "out" / "small_shop.yml"))
    assert "in ('{{ new }}')" in said.text


def test_check(tmp_path: Path) -> None:
    """--check is 0 while nothing moved, and 9 with the names of what did."""
    write(tmp_path)
    flags = ("-o", str(tmp_path / "out"))
    generate(tmp_path, "playbook", *flags)
    assert "up to date" in generate(tmp_path, "playbook", *flags, "--check")
    wider = STRUCTURES | {"com.acme/user/1-0-0": {"id": {"type": "string"}, "phone": {"type": "string"}}}
    write(tmp_path, structures=wider)
    said = generate(tmp_path, "playbook", *flags, "--check", code=9)
    assert "small_shop_dm.sql: is out of date" in said
    assert "user_phone" in said
    assert "small_shop.yml: is out of date" not in said


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (("--check",), "--check needs -o DIR"),
        (("--apply",), "--apply needs --target URL"),
        (("--engine", "postgress"), "did you mean postgres?"),
        (("--layout", "objects"), "duckdb has json and struct"),
        (("--match", "guess"), "not one of snowtype, inferred"),
        (("--columns", "event_id", "--all-columns"), "exclude each other"),
        (("--target", "postgresql://u:secret@h/db"), "literal password"),
    ],
)
def test_flags(flags: tuple[str, ...], what: str, tmp_path: Path) -> None:
    """Flags that do not fit are exit 2, with what to write."""
    write(tmp_path)
    assert what in generate(tmp_path, "view", *flags, code=2)


def test_apply_where_nothing_is(tmp_path: Path) -> None:
    """--apply makes no database: one that is not there is exit 5, one without events exit 6."""
    write(tmp_path)
    there = sorted(tmp_path.iterdir())
    for name in ("typo", "folder/typo"):
        said = generate(tmp_path, "view", "--apply", "--target", f"duckdb:///{tmp_path}/{name}", code=5)
        assert f"cannot open {tmp_path}/{name}: there is no such database" in said
        assert "hint: name the file" in said
    assert sorted(tmp_path.iterdir()) == there
    said = generate(tmp_path, "view", "--apply", "--target", "duckdb:///:memory:", code=6)
    assert "derived.small_shop cannot be created in " in said
    assert "hint: runner generate view" in said


@pytest.mark.parametrize(
    ("name", "made"), [("2024 Shop", "product_2024_shop"), ("Order", "product_order"), ("É", "product")]
)
def test_names_of_products(name: str, made: str, tmp_path: Path) -> None:
    """A product's name becomes a word that needs no quotes on any engine."""
    write(tmp_path, PRODUCT.replace("name: Small Shop", f'name: "{name}"'))
    assert f"view derived.{made} as" in generate(tmp_path, "view")


@pytest.mark.parametrize("engine", ENGINES)
def test_long_names_and_variables(engine: str, tmp_path: Path) -> None:
    """A playbook's name has 40 characters, a table's no more than engines keep; ${X} in texts is no variable."""
    made = []
    for end in ("one", "two"):
        name = "What all visitors of our ${SHOP} look at in the spring sale and buy or not, number " + end
        product = PRODUCT.replace("name: Small Shop", f'name: "{name}"')
        write(tmp_path, product.replace("description: Orders of", "description: $${ORDERS} ${ of"))
        out = tmp_path / end
        generate(tmp_path, "playbook", "--engine", engine, "-o", str(out))
        (path,) = out.glob("*.yml")
        said = driver.command("check", str(path))
        assert said.code == 0, said.text
        page = yaml.safe_load(path.read_text())
        assert len(page["name"]) == 40
        assert len(page["models"][0]["table"]) == len("derived.") + 63
        assert "$$${ORDERS} $${" in page["models"][0]["description"]
        made.append((page["name"], page["models"][0]["table"], path.name))
    assert not set(made[0]) & set(made[1])


SIZES = ("nr", {"type": "integer", "maximum": 10**50}), ("itemCount", {"maxLength": 10**50}), ("nr", {"minimum": True})


@pytest.mark.parametrize(("name", "schema_of"), SIZES)
def test_odd_schemas(name: str, schema_of: dict[str, Any], tmp_path: Path) -> None:
    """Numbers beyond reason end in a message or a text, never in a traceback."""
    write(tmp_path, structures=STRUCTURES | {"com.acme/orderPlaced/1-0-1": {name: schema_of}})
    said = driver.command("generate", "view", str(tmp_path / "product.yml"), "--schemas", str(tmp_path / "schemas"))
    assert said.code in (0, 2)
    assert "Traceback" not in said.text


def test_files_of_others_stay(tmp_path: Path) -> None:
    """-o replaces what was generated before, and nothing else."""
    write(tmp_path)
    out = tmp_path / "models"
    out.mkdir()
    (out / "small_shop_dm.yml").write_text("my own models\n")
    said = generate(tmp_path, "dbt", "-o", str(out), code=2)
    assert f"{out}/small_shop_dm.yml: is not a file that runner generate made" in said
    assert [path.name for path in out.iterdir()] == ["small_shop_dm.yml"]
    (out / "small_shop_dm.yml").unlink()
    for _ in range(2):
        generate(tmp_path, "dbt", "-o", str(out))
    assert "cannot be written" in generate(tmp_path, "view", "-o", str(tmp_path / "product.yml"), code=2)


def test_outputs_and_products_in_one_folder(tmp_path: Path) -> None:
    """Each output and each product has files of its own; what would be another's file stays, and is named."""
    write(tmp_path)
    out = tmp_path / "models"
    flags = ("-o", str(out))
    generate(tmp_path, "view", *flags)
    generate(tmp_path, "playbook", *flags)
    there = {path.name: path.read_text() for path in out.iterdir()}
    assert sorted(there) == ["small_shop.sql", "small_shop.yml", "small_shop_dm.sql"]
    said = generate(tmp_path, "dbt", *flags, code=2)
    what = "was generated as the playbook of data product 22222222-0000-4000-8000-000000000001"
    assert f"{out}/small_shop_dm.sql: {what}" in said
    assert what in generate(tmp_path, "dbt", *flags, "--check", code=9)
    other = PRODUCT.replace("22222222", "33333333")
    write(tmp_path, other)
    assert "small_shop.yml: was generated as the playbook" in generate(tmp_path, "playbook", *flags, code=2)
    assert {path.name: path.read_text() for path in out.iterdir()} == there
    write(tmp_path, other.replace("Small Shop", "Large Shop"))
    for output in ("view", "playbook"):
        generate(tmp_path, output, *flags)
    assert len(list(out.iterdir())) == 6
    assert there.items() <= {path.name: path.read_text() for path in out.iterdir()}.items()


def test_key_that_clashes(tmp_path: Path) -> None:
    """Where an entity gives an event_id, the key is the atomic one under its new name."""
    product = PRODUCT.replace("com.acme/user/", "com.acme/event/")
    write(tmp_path, product, STRUCTURES | {"com.acme/event/1-0-0": {"id": {"type": "string"}}})
    generate(tmp_path, "playbook", "--columns", "user_id", "-o", str(tmp_path / "out"))
    assert "key: {atomic_event_id: {atomic.events: event_id}}" in (tmp_path / "out" / "small_shop.yml").read_text()
    assert driver.command("check", str(tmp_path / "out" / "small_shop.yml")).code == 0
