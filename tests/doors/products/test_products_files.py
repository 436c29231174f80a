"""Files of data products: every mistake in them, and in their structures, with its line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.doors.products.small import LOOKED, ORDER, PRODUCT, STRUCTURES, generate, line_of, schema, write
from tests.kit import driver

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
    "$ref": ({"$ref": "#/definitions/user"}, "$ref '#/definitions/user' leads nowhere in it"),
    "$ref of others": ({"$ref": "http://acme.com/user"}, "$ref 'http://acme.com/user' leads nowhere in it"),
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
    """One that only narrows says nothing; $ref, allOf, anyOf and oneOf give a property its type; where none says one it is
    a text, and that is noted.
    """
    user: dict[str, Any] = {"id": {"type": "string"}, "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}
    user |= {"to": {"$ref": "#"}, "free": {"anyOf": [{"minLength": 1}]}, "state": {"const": 1, "allOf": []}}
    user |= {"tags": {"$ref": "#/definitions/tags"}, "born": {"allOf": [{"type": "string"}, {"format": "date"}]}}
    write(tmp_path, structures=STRUCTURES | {"com.acme/user/1-0-0": user})
    path = tmp_path / "schemas" / "com.acme-user-1-0-0.json"
    narrow = {
        "anyOf": [{"required": ["id"]}, {"properties": {"age": {"minimum": 18}}}],
        "not": {"properties": {"x": {}}},
        "definitions": {"tags": {"type": "array", "items": {"type": "string"}}},
    }
    path.write_text(json.dumps(schema("com.acme/user/1-0-0", user) | narrow))
    said = generate(tmp_path, "view", "--list")
    found = dict(re.findall(r"  (user_\w+)  (\w+)  ", said))
    types = {
        "id": "text",
        "age": "bigint",
        "to": "json",
        "free": "text",
        "state": "smallint",
        "tags": "json",
        "born": "date",
    }
    assert found == {f"user_{name}": type_ for name, type_ in types.items()}
    said = generate(tmp_path, "view")
    assert said.count("note: 'free' of com.acme/user/1 is taken for a text: its type stands behind anyOf") == 2
    assert said.count("is taken for a text") == 2  # on stderr and in the file's head


def test_properties_of_parts(tmp_path: Path) -> None:
    """Properties that allOf, anyOf, oneOf, then and $ref give a structure are its own; two types are the wider one."""
    write(tmp_path)
    path = tmp_path / "schemas" / "com.acme-user-1-0-0.json"
    parts = {
        "definitions": {"named": {"properties": {"name": {"type": "string"}, "boss": {"$ref": "#/definitions/named"}}}},
        "allOf": [
            {"$ref": "#/definitions/named"},
            {"properties": {"id": {"maxLength": 5}, "phone": {"type": "string"}}},
        ],
        "oneOf": [{"properties": {"age": {"type": "integer"}}}, {"properties": {"age": {"type": "number"}}}],
        "then": {"properties": {"late": {"type": "boolean"}}},
    }
    path.write_text(json.dumps(schema("com.acme/user/1-0-0", {"id": {"type": "string"}}) | parts))
    said = generate(tmp_path, "view", "--list")
    found = dict(re.findall(r"  (user_\w+)  (\w+)  ", said))
    types = {"id": "text", "name": "text", "boss": "text", "phone": "text", "age": "number", "late": "boolean"}
    assert found == {f"user_{name}": type_ for name, type_ in types.items()}


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


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_rules_that_are_left_out(engine: str, tmp_path: Path) -> None:
    """With --lenient a rule that cannot be said in SQL is left out and noted; one that would match nothing is an error."""
    product = PRODUCT.replace("{enum: [new]}", "{enum: [new], pattern: n.*}")
    write(tmp_path, product)
    flags = ("--match", "inferred", "--engine", engine)
    said = generate(tmp_path, "view", *flags, code=2)
    assert "or --lenient, which leaves it out" in said
    said = generate(tmp_path, "view", *flags, "--lenient")
    note = f"left out at product.yml:{line_of(product, 'pattern')}: the rule 'pattern' cannot be put into SQL"
    assert f"note: {note}" in said
    assert f"-- note: {note}" in said
    assert "in ('new')" in said
    write(tmp_path, PRODUCT.replace("enum: [new]", "enum: [[new]]"))
    assert "a list or mapping among values" in generate(tmp_path, "view", *flags, "--lenient", code=2)


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


SIZES = ("nr", {"type": "integer", "maximum": 10**50}), ("itemCount", {"maxLength": 10**50}), ("nr", {"minimum": True})


@pytest.mark.parametrize(("name", "schema_of"), SIZES)
def test_odd_schemas(name: str, schema_of: dict[str, Any], tmp_path: Path) -> None:
    """Numbers beyond reason end in a message or a text, never in a traceback."""
    write(tmp_path, structures=STRUCTURES | {"com.acme/orderPlaced/1-0-1": {name: schema_of}})
    said = driver.command("generate", "view", str(tmp_path / "product.yml"), "--schemas", str(tmp_path / "schemas"))
    assert said.code in (0, 2)
    assert "Traceback" not in said.text
