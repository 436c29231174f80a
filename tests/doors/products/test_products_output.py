"""What `runner generate` writes for data products: texts, files, names; and its flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml

from runner.doors.products.choose.wide import coalesced
from runner.doors.products.values import BaseType, Property, Structure, Type, Uri
from tests.doors.products.small import DERIVED, PRODUCT, STRUCTURES, generate, write
from tests.engines.db import ALL
from tests.kit import driver


def test_booleans_on_redshift(tmp_path: Path) -> None:
    """A rule on a boolean asks for no text of it, which Redshift has not."""
    rule = "required: [isGift]\n          properties: {isGift: {const: true}, itemCount: {minimum: 1}}\n"
    write(tmp_path, PRODUCT.partition("required: [type]")[0] + rule)
    said = generate(tmp_path, "view", "--engine", "redshift", "--match", "inferred")
    assert (
        "t.is_gift is not null and (t.is_gift is null or coalesce(cast(t.is_gift as boolean) in (true), false))" in said
    )


@pytest.mark.parametrize("engine", ALL)
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
    own = 8 if engine == "postgres" else 9  # its loader has no load_tstamp
    assert names[own:] == [f"order_placed_{name}" for name in DERIVED] + [
        "user_id",
        "user_email",
        "item",
        "screen_name",
    ]


@pytest.mark.parametrize("engine", ALL)
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
    columns = {one["name"]: one for one in model["columns"]}
    allowed = {"arguments": {"values": ["new", "again"]}, "config": {"severity": "warn"}}
    assert columns["order_placed_type"]["description"] == "What sort of order"
    assert columns["order_placed_type"]["data_tests"] == [{"accepted_values": allowed}]
    assert columns["order_placed_item_count"]["data_type"] == "smallint"
    text = (tmp_path / "out" / "small_shop_dm.sql").read_text()
    assert "source('small_shop_atomic', 'events')" in text
    (source,) = page["sources"]
    assert source["schema"] == "{{ var('snowplow__atomic_schema', 'atomic') }}"
    assert source["tables"][0]["config"]["freshness"] == {"warn_after": {"count": 24, "period": "hour"}}
    assert "from atomic." not in text
    assert "on_schema_change='append_new_columns'" in text
    assert "is_incremental()" in text


def test_dbt_not_null(tmp_path: Path) -> None:
    """What every chosen specification requires, by its rules or its schema; not where another event has no such structure,
    the entity may be missing, or null is a value.
    """
    write(tmp_path)
    for name in ("user", "item"):
        (path,) = (tmp_path / "schemas").glob(f"com.acme-{name}-*.json")
        text = path.read_text().replace('"type": "object",', '"type": "object", "required": ["id", "email", "sku"],', 1)
        path.write_text(text)

    def tested(*flags: str) -> list[str]:
        page = generate(tmp_path, "dbt", *flags)
        listed = yaml.safe_load(page[page.index("version: 2") :].partition("\n{{")[0])["models"][0]["columns"]
        return [
            one["name"] for one in listed if {"not_null": {"config": {"severity": "warn"}}} in one.get("data_tests", [])
        ]

    assert tested() == []
    assert tested("--event", "Ordered") == ["order_placed_type", "user_id"]
    (tmp_path / "product.yml").write_text(PRODUCT.replace("minCardinality: 1, max", "max"))
    assert tested("--event", "Ordered") == ["order_placed_type"]


def test_versions_that_require() -> None:
    """A property that one version does not require, or does not have, may be missing."""
    text, at = Type(BaseType.TEXT), "iglu:com.acme/user/jsonschema/1-0-"
    names = {"0": ("all", "now"), "1": ("all", "now", "new")}
    structures = []
    for patch, listed in names.items():
        uri = Uri.of(at + patch)
        assert uri is not None
        found = tuple(Property(name, text, needed=name != "now" or patch == "1") for name in listed)
        structures.append(Structure(uri, found))
    assert [one.name for one in coalesced(structures) if one.needed] == ["all"]
    assert [one.name for one in coalesced(structures[1:]) if one.needed] == ["all", "now", "new"]


def test_dbt_in_a_project(tmp_path: Path) -> None:
    """A source that the project has is referred to, not written; a model stands on the events of a package's run."""
    write(tmp_path)
    out = tmp_path / "out"
    generate(
        tmp_path, "dbt", "--source", "snowplow", "--events", "db.raw.all_events", "--schema", "wide", "-o", str(out)
    )
    text = (out / "small_shop_dm.sql").read_text()
    assert "from {{ source('snowplow', 'all_events') }} as" in text
    assert "schema='wide'" in text
    assert "sources" not in yaml.safe_load((out / "small_shop_dm.yml").read_text())
    for package, events in (("unified", "events_this_run"), ("normalize", "base_events_this_run")):
        said = generate(tmp_path, "dbt", "--package", f"snowplow_{package}", "--engine", "snowflake")
        assert f"from {{{{ ref('snowplow_{package}_{events}') }}}} as a" in said
        assert f"and {{{{ snowplow_utils.is_run_with_new_events('snowplow_{package}') }}}}" in said
        assert f"tags='snowplow_{package}_incremental', snowplow_optimize=true" in said
        assert "is_incremental()" not in said
    said = generate(tmp_path, "dbt", "--package", "snowplow_unified", "--engine", "postgres", code=2)
    assert "--package is for dbt, where the events hold their structures in columns" in said
    assert "--source is for dbt" in generate(tmp_path, "view", "--source", "snowplow", code=2)


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


@pytest.mark.parametrize("engine", ALL)
def test_long_names_and_variables(engine: str, tmp_path: Path) -> None:
    """A playbook's name has 40 characters, a table's no more than engines keep; ${X} in texts is no variable."""
    made = []
    for end in ("one", "two"):
        name = "What all visitors of our ${SHOP} look at in the spring sale and buy or not, number " + end
        product = PRODUCT.replace("name: Small Shop", f'name: "{name}"')
        write(tmp_path, product.replace("description: Orders of", "description: $${ORDERS} ${ of"))
        out = tmp_path / end
        generate(tmp_path, "playbook", "--engine", engine, "-o", str(out))
        (path,) = (one for one in out.glob("*.yml") if not one.name.endswith(".selection.yml"))
        said = driver.command("check", str(path))
        assert said.code == 0, said.text
        page = yaml.safe_load(path.read_text())
        assert len(page["name"]) == 40
        assert len(page["models"][0]["table"]) == len("derived.") + 63
        assert "$$${ORDERS} $${" in page["models"][0]["description"]
        made.append((page["name"], page["models"][0]["table"], path.name))
    assert not set(made[0]) & set(made[1])


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
    chosen = ["small_shop.selection.yml", "small_shop_dm.selection.yml"]
    assert sorted(there) == sorted(["small_shop.sql", "small_shop.yml", "small_shop_dm.sql", *chosen])
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
    assert len(list(out.iterdir())) == 10
    assert there.items() <= {path.name: path.read_text() for path in out.iterdir()}.items()


def test_key_that_clashes(tmp_path: Path) -> None:
    """Where an entity gives an event_id, the key is the atomic one under its new name."""
    product = PRODUCT.replace("com.acme/user/", "com.acme/event/")
    write(tmp_path, product, STRUCTURES | {"com.acme/event/1-0-0": {"id": {"type": "string"}}})
    generate(tmp_path, "playbook", "--columns", "user_id", "-o", str(tmp_path / "out"))
    assert "key: {atomic_event_id: {atomic.events: event_id}}" in (tmp_path / "out" / "small_shop.yml").read_text()
    assert driver.command("check", str(tmp_path / "out" / "small_shop.yml")).code == 0
