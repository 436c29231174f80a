"""The choice as a file: written with -o, read again from there, checked without flags; several products at once."""

from __future__ import annotations

import json
from pathlib import Path

from tests.doors.products.small import PRODUCT, STRUCTURES, generate, write
from tests.kit import driver


def _run(*args: str, code: int = 0) -> str:
    said = driver.command("generate", *args)
    assert said.code == code, said.text
    return said.text


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_chosen_once(tmp_path: Path) -> None:
    """What was typed once is kept: the next command needs no flags, a flag that is typed counts and is kept."""
    write(tmp_path)
    out = str(tmp_path / "models")
    flags = (
        "--engine",
        "snowflake",
        "--layout",
        "lake",
        "--match",
        "inferred",
        "--entity",
        "user",
        "--event",
        "Ordered",
    )
    generate(tmp_path, "playbook", *flags, "--columns", "event_id,app_id", "-o", out)
    first = _files(Path(out))
    product = str(tmp_path / "product.yml")
    _run("playbook", product, "-o", out)
    _run("-o", out)
    assert _files(Path(out)) == first
    assert "small_shop.yml, small_shop_dm.sql: up to date" in _run("--check", out)
    assert "up to date" in _run("--check", f"{out}/small_shop_dm.selection.yml")
    _run("playbook", product, "-o", out, "--entity", "item", "--all-columns")
    assert 'product: "../product.yml"' in (Path(out) / "small_shop_dm.selection.yml").read_text()
    page = _files(Path(out))["small_shop_dm.sql"]
    assert "as item" in page
    assert "user_email" not in page
    assert "e.br_lang" in page
    _run("-o", out)
    assert _files(Path(out))["small_shop_dm.sql"] == page


def test_check_of_a_folder(tmp_path: Path) -> None:
    """--check DIR compares all outputs of all products there, and tells all that has moved on."""
    write(tmp_path)
    out = str(tmp_path / "models")
    generate(tmp_path, "view", "-o", out)
    generate(tmp_path, "playbook", "-o", out)
    assert _run("--check", out).count("up to date") == 2
    write(tmp_path, structures=STRUCTURES | {"com.acme/user/1-0-0": {"id": {"type": "string"}, "phone": {}}})
    said = _run("--check", out, code=9)
    assert "small_shop.sql: is out of date" in said
    assert "small_shop_dm.sql: is out of date" in said
    said = _run("--check", str(tmp_path / "schemas"), code=2)
    assert "no output was chosen here: there is no *.selection.yml of it" in said
    chosen = tmp_path / "models" / "small_shop.selection.yml"
    chosen.write_text(chosen.read_text().replace("layout:", "layuot:"))
    assert f"{chosen}:7: unknown key 'layuot' in a selection" in _run("--check", out, code=2)


def test_names_stay(tmp_path: Path) -> None:
    """A column keeps its name when a structure with that name, or another version, comes first in the product later."""
    write(tmp_path)
    out = tmp_path / "models"
    generate(tmp_path, "view", "-o", str(out))
    entity = '- {source: "iglu:com.acme/user/jsonschema/1-0-0"'
    more = '- {source: "iglu:org.other/user/jsonschema/1-0-0", maxCardinality: 1}\n          '
    structures = STRUCTURES | {"org.other/user/1-0-0": {"id": {"type": "string"}}}
    write(tmp_path, PRODUCT.replace(entity, more + entity), structures)
    said = generate(tmp_path, "view", "--list")
    assert "com_acme_user_email" in said
    generate(tmp_path, "view", "-o", str(out))
    page = (out / "small_shop.sql").read_text()
    assert "com_acme_user_email" not in page
    assert " as user_email" in page
    assert " as org_other_user_id" in page
    assert "up to date" in _run("--check", str(out))


def test_renamed_product(tmp_path: Path) -> None:
    """Files of a product's old name are told, by --check, too, until they are gone."""
    write(tmp_path)
    out = tmp_path / "models"
    generate(tmp_path, "playbook", "-o", str(out))
    old = "small_shop.yml, small_shop_dm.selection.yml, small_shop_dm.sql"
    write(tmp_path, PRODUCT.replace("Small Shop", "Large Shop"))
    said = _run("--check", str(out), code=9)
    assert "small_shop_dm.selection.yml: the product is called Large Shop now, which makes large_shop_dm" in said
    said = generate(tmp_path, "playbook", "-o", str(out))
    for name in old.split(", "):
        assert name in said.partition("note: the product has another name now, and ")[2]
        (out / name).unlink()
    assert "another name" not in generate(tmp_path, "playbook", "-o", str(out))
    assert "up to date" in _run("--check", str(out))


def test_several_products(tmp_path: Path) -> None:
    """Several products, or all of a folder, are made by one command; what is wrong with each is told."""
    write(tmp_path)
    other = PRODUCT.replace("Small Shop", "Large Shop").replace("22222222", "33333333")
    (tmp_path / "large.yaml").write_text(other)
    out = tmp_path / "models"
    flags = ("--schemas", str(tmp_path / "schemas"))
    _run("view", str(tmp_path), *flags, "-o", str(out))
    names = ["large_shop.selection.yml", "large_shop.sql", "small_shop.selection.yml", "small_shop.sql"]
    assert list(_files(out)) == names
    said = _run("view", str(tmp_path / "large.yaml"), str(tmp_path / "product.yml"), *flags)
    assert said.index("view derived.large_shop as") < said.index("view derived.small_shop as")
    assert "choose of one product, and there are 2" in _run("view", str(tmp_path), *flags, "--event", "x", code=2)
    (tmp_path / "large.yaml").write_text(other.replace("com.acme/user", "com.acme/usr"))
    write(tmp_path, PRODUCT.replace("com.acme/item", "com.acme/itm"))
    said = _run("view", str(tmp_path), *flags, code=2)
    assert "com.acme/usr" in said
    assert "com.acme/itm" in said
    assert "no data product in this folder" in _run("view", str(out), *flags, code=2)


def test_list_as_json(tmp_path: Path) -> None:
    """--list --json gives events, entities with cardinality and columns with their types."""
    write(tmp_path)
    found = json.loads(generate(tmp_path, "view", "--list", "--json"))
    assert found["name"] == "Small Shop"
    assert [one["name"] for one in found["events"]] == ["Ordered", "Looked"]
    user = {"source": "iglu:com.acme/user/jsonschema/1-0-0", "min": 1, "max": 1, "application": None}
    assert user in found["events"][0]["entities"]
    columns = {one["name"]: one for one in found["columns"]}
    assert columns["atomic_user_id"] == {"name": "atomic_user_id", "atomic": "user_id"}
    assert columns["order_placed_item_count"]["type"] == "smallint"
    assert columns["item"]["array"]


def test_without_schemas(tmp_path: Path) -> None:
    """What is missing is told: the schemas, the product."""
    write(tmp_path)
    assert "--schemas is missing" in _run("view", str(tmp_path / "product.yml"), code=2)
    assert "no data product is named" in _run("view", code=2)


def test_other_places(tmp_path: Path) -> None:
    """--events and --schema say where the events are and where the output goes, in every output, and are kept."""
    write(tmp_path)
    out = tmp_path / "models"
    flags = ("--events", "raw.all_events", "--schema", "wide", "--engine", "postgres", "-o", str(out))
    generate(tmp_path, "view", *flags)
    generate(tmp_path, "playbook", *flags)
    for text in _files(out).values():
        assert " atomic." not in text.replace("of atomic.", "")
    view = _files(out)["small_shop.sql"]
    assert "view wide.small_shop as" in view
    assert "from raw.all_events as" in view
    assert "raw.com_acme_user_1 as" in view
    book = _files(out)["small_shop.yml"]
    assert "- table: raw.all_events" in book
    assert "- table: wide.small_shop_dm" in book
    assert driver.command("check", str(out / "small_shop.yml")).code == 0
    assert "--events 'events' is no name" in generate(tmp_path, "view", "--events", "events", code=2)
