"""Texts for BigQuery and Databricks, on which nothing runs: parsed, their columns and functions held against the documents.

Their values are those of DuckDB, as far as sqlglot translates them: what a function does there rests on the documents.
"""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from runner.doors.products.choose.atomic import ALL
from runner.warehouse.engines import BIGQUERY, DATABRICKS, ENGINES
from tests.doors.products import sweep_oracle as oracle
from tests.doors.products.small import ORDERED, PRODUCT, STRUCTURES, generate, write
from tests.doors.products.sweep import DATA, EVENTS, Case, Sweep, cases

SEED = int(os.environ.get("RUNNER_TEST_SEED", "1"))
NAMES = ("bigquery", "databricks")
COMMON = "cast coalesce count current_timestamp exists nullif row_number to_json"
FUNCTIONS = {  # of the vendors' documents; words before a parenthesis that are no functions: WORDS
    "bigquery": f"{COMMON} array_length json_type json_value safe_cast safe_offset to_json_string unnest floor",
    "databricks": f"{COMMON} array_size get get_json_object named_struct transform try_cast try_parse_json floor",
}
WORDS = frozenset("and as by from in not or over then when where numeric decimal".split())
TYPES = {
    "bigquery": "int64 float64 numeric bignumeric bool string date timestamp json",
    "databricks": "int bigint double decimal boolean string date timestamp variant",
}
UNTOLD = {"bigquery": "JSON", "databricks": "VARCHAR"}  # what holds JSON in a struct
SHAPES: dict[str, Any] = {
    "id": {"type": "string"},
    "geo": {"type": ["object", "null"], "properties": {"lat": {"type": "number"}, "placeName": {"type": "string"}}},
    "3dTouch": {"type": "boolean"},
    "status": {"enum": ["ok", 1]},
    "price": {"type": "number", "multipleOf": 0.01},
    "fine": {"type": "number", "multipleOf": 0.00000000001},
    "huge": {"type": "integer", "minimum": 0, "maximum": 10**30},
    "free": {"type": "object"},
    "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}, "more": {}}}},
    "tags": {"type": "array", "items": {"type": "string"}},
    "from": {"type": "string"},
}


def code(sql: str) -> str:
    """The text without its comments, notes and literals."""
    bare = "\n".join(line for line in sql.splitlines() if not line.startswith(("--", "note:")))
    return re.sub(r"'[^']*'", "''", bare)


def check(engine: str, sql: str, columns: dict[str, str]) -> exp.Query:
    """That a View's text is the dialect's: it parses, calls what there is, and each column is one of what it reads."""
    called = {word.lower() for word in re.findall(r"\b(\w+)\s*\(", code(sql))} - WORDS
    assert called <= set(FUNCTIONS[engine].split()), called
    cast_to = set(re.findall(r"cast\((?:[^()]|\([^()]*\))* as (\w+)", code(sql)))
    assert cast_to <= set(TYPES[engine].split()), cast_to
    said = "\n".join(line for line in sql.splitlines() if not line.startswith("note:"))
    _, made = sqlglot.parse(said, dialect=engine)
    assert isinstance(made, exp.Create)
    select = made.expression
    assert isinstance(select, exp.Query)
    qualify(select.copy(), dialect=engine, schema={"atomic": {"events": columns}}, quote_identifiers=False)
    return select


def events(**documents: str) -> dict[str, str]:
    """The columns of atomic.events that a text may read: those of every loader, and the documents."""
    return dict.fromkeys(ALL, "string") | documents


def shapes(folder: Path, rules: str = "properties: {}", most: str = ", maxCardinality: 1") -> None:
    """The small product, whose order has a property of each shape, and items of the same."""
    head = PRODUCT.partition("          required: [type]")[0] + f"          {rules}\n"
    head += f'      entities: {{tracked: [{{source: "iglu:com.acme/item/jsonschema/1-0-0"{most}}}]}}\n'
    head = head.replace("  sourceApplications:\n    - $ref: ./apps/shop.json\n", "")
    write(folder, head, STRUCTURES | {"com.acme/orderPlaced/1-0-1": SHAPES, "com.acme/item/1-0-0": SHAPES})


def outputs(sql: str) -> dict[str, str]:
    """The expressions of the final SELECT, by the names of their columns."""
    listed = sql.rpartition("\nselect\n    ")[2].partition("\nfrom events")[0].split(",\n    ")
    return {name.strip("`"): text for text, _, name in (one.rpartition(" as ") for one in listed) if text}


@pytest.mark.parametrize("engine", NAMES)
def test_none_runs(engine: str, tmp_path: Path) -> None:
    """What has to run is refused, with what can be made instead: a playbook, --apply, a target."""
    assert engine not in ENGINES
    write(tmp_path)
    said = [
        generate(tmp_path, "playbook", "--engine", engine, code=2),
        generate(tmp_path, "view", "--engine", engine, "--apply", code=2),
        generate(tmp_path, "view", "--engine", engine, "--target", "duckdb:///:memory:", code=2),
    ]
    assert all(f"runner generate dbt … --engine {engine} -o models" in one for one in said)
    assert all("runner does not run on" in one for one in said)


def test_check_sees_faults(tmp_path: Path) -> None:
    """The check of texts finds a column that is not there, a function and a type of another dialect."""
    write(tmp_path)
    sql = generate(tmp_path, "view", "--engine", "bigquery", "--entity", "user")
    document = dict.fromkeys(re.findall(r"a\.((?:unstruct|contexts)\w+) as", sql), "struct<x int>")
    check("bigquery", sql, events(**document))
    for old, new in (("a.etl_tstamp", "a.etl_tstam"), ("to_json_string(", "hex("), (" as int64)", " as int)")):
        assert old in sql
        with pytest.raises((AssertionError, SqlglotError)):
            check("bigquery", sql.replace(old, new), events(**document))


@pytest.mark.parametrize("engine", NAMES)
def test_texts(engine: str, tmp_path: Path) -> None:
    """Both ways to match, with rules, a span and entities, are texts of the dialect, of columns that are there."""
    write(tmp_path)
    for flags in (("--last", "90m"), ("--since", "2024-03-01"), ("--match", "inferred"), ("--no-dedupe",)):
        sql = generate(tmp_path, "view", "--engine", engine, "--all-columns", *flags)
        structs = {f"contexts_com_acme_{name}": "array<struct<x int>>" for name in ("user_1", "item_1", "screen_2")}
        structs["unstruct_event_com_acme_order_placed_1"] = "struct<x int>"
        structs["contexts_com_snowplowanalytics_snowplow_event_specification_1"] = "array<struct<id string>>"
        if engine == "databricks":
            structs = {
                name: type_.replace("x int", "x: int").replace("id s", "id: s") for name, type_ in structs.items()
            }
        select = check(engine, sql, events(**structs))
        assert {"order_placed_type", "user_id", "item", "screen_name"} <= set(select.named_selects)


BIGQUERY_SHAPES = {
    "id": "{0}.id",
    "geo": "case when to_json_string({0}.geo) <> 'null' then to_json({0}.geo) end",
    "3d_touch": "safe_cast({0}._3d_touch as bool)",
    "status": "coalesce(json_value(to_json({0}.status)), nullif(to_json_string({0}.status), 'null'))",
    "price": "safe_cast({0}.price as numeric)",
    "fine": "safe_cast({0}.fine as bignumeric)",
    "huge": "safe_cast({0}.huge as bignumeric)",
    "free": "case when to_json_string({0}.free) <> 'null' then to_json({0}.free) end",
    "lines": "case when to_json_string({0}.lines) <> 'null' then to_json({0}.lines) end",
    "tags": "case when to_json_string({0}.tags) <> 'null' then to_json({0}.tags) end",
    "from": "{0}.`from`",
}
PARSED = "coalesce(try_parse_json(cast({0} as string)), cast({0} as variant))"
LINES = (
    "transform({0}.lines, x{1} -> case when x{1} is not null then named_struct('sku', x{1}.sku, 'more', "
    + PARSED.replace("{0}", "x{1}.more")
    + ") end)"
)
DATABRICKS_SHAPES = {
    "id": "{0}.id",
    "geo": "to_json({0}.geo)",
    "3d_touch": "try_cast({0}._3d_touch as boolean)",
    "status": "coalesce(get_json_object(cast({0}.status as string), '$'), nullif(cast({0}.status as string), 'null'))",
    "price": "try_cast({0}.price as decimal(36, 2))",
    "fine": "try_cast({0}.fine as decimal(36, 11))",
    "huge": "try_cast({0}.huge as decimal(38, 0))",
    "free": "nullif(cast({0}.free as string), 'null')",
    "lines": f"to_json({LINES.replace('{1}', '0')})",
    "tags": "to_json({0}.tags)",
    "from": "{0}.`from`",
}


@pytest.mark.parametrize(
    ("engine", "wanted", "first"),
    [("bigquery", BIGQUERY_SHAPES, "{}[safe_offset(0)]"), ("databricks", DATABRICKS_SHAPES, "get({}, 0)")],
)
def test_golden(engine: str, wanted: dict[str, str], first: str, tmp_path: Path) -> None:
    """A property of each shape is read from the field that the vendor documents for it, of an event and a single entity."""
    shapes(tmp_path)
    found = outputs(generate(tmp_path, "view", "--engine", engine))
    places = {
        "order_placed": "e.unstruct_event_com_acme_order_placed_1",
        "item": first.format("e.contexts_com_acme_item_1"),
    }
    for name, place in places.items():
        got = {key.removeprefix(f"{name}_"): text for key, text in found.items() if key.startswith(f"{name}_")}
        assert got == {key: text.replace("{0}", place) for key, text in wanted.items()}


def test_elements(tmp_path: Path) -> None:
    """All elements are one column of JSON: BigQuery has JSON in its fields, Databricks texts of it, which are read."""
    shapes(tmp_path, most="")
    found = outputs(generate(tmp_path, "view", "--engine", "bigquery"))
    column = "e.contexts_com_acme_item_1"
    assert found["item"] == f"case when array_length({column}) > 0 then to_json({column}) end"
    found = outputs(generate(tmp_path, "view", "--engine", "databricks"))
    fields = {oracle.lake_name(name): f"x0.{oracle.lake_name(name)}" for name in SHAPES}
    fields |= {name: PARSED.replace("{0}", fields[name]) for name in ("status", "free")}
    fields |= {"from": "x0.`from`", "lines": LINES.replace("{0}", "x0").replace("{1}", "1")}
    listed = ", ".join(f"'{name}', {text}" for name, text in fields.items())
    struct = f"case when x0 is not null then named_struct({listed}) end"
    assert found["item"] == f"to_json(transform({column}, x0 -> {struct}))"


@pytest.mark.parametrize("engine", NAMES)
def test_rules(engine: str, tmp_path: Path) -> None:
    """Times of rules are instants, whatever zone the session has; what stands in quotes cannot leave them."""
    due = {"due": {"type": "string", "format": "date-time"}, "name": {"type": "string"}}
    rules = r"""properties: {due: {enum: ["2024-03-01T10:00:00Z"]}, name: {enum: ["it's \\ \n from atomic.events"]}}"""
    write(
        tmp_path,
        PRODUCT.replace("          required: [type]\n", "").partition("          properties:\n            type")[0]
        + f"          {rules}\n",
        STRUCTURES | {"com.acme/orderPlaced/1-0-1": due},
    )
    sql = generate(tmp_path, "view", "--engine", engine, "--match", "inferred", "--event", ORDERED, "--events", "raw.e")
    assert "in (timestamp '2024-03-01 10:00:00+00:00')" in sql
    assert r"in ('it\u0027s \\ \n from atomic.events')" in sql
    said = "\n".join(line for line in sql.splitlines() if not line.startswith("note:"))
    assert all(not isinstance(tree, exp.Command) for tree in sqlglot.parse(said, dialect=engine))


def test_forgotten_arrays(tmp_path: Path) -> None:
    """A repeated field of BigQuery is never null: rules that ask whether an array is there are refused, with their line."""
    for rules in ("required: [tags]", "properties: {tags: {type: object}}"):
        shapes(tmp_path, rules)
        said = generate(tmp_path, "view", "--engine", "bigquery", "--match", "inferred", code=2)
        assert "whether 'tags' is there cannot be told in layout record" in said
        assert "product.yml:" in said
        generate(tmp_path, "view", "--engine", "databricks", "--match", "inferred")
        noted = generate(tmp_path, "view", "--engine", "bigquery", "--match", "inferred", "--lenient")
        assert "left out at product.yml:" in noted


@pytest.mark.parametrize(("engine", "types"), [("bigquery", ["json", "float64"]), ("databricks", ["string", "double"])])
def test_dbt(engine: str, types: list[str], tmp_path: Path) -> None:
    """The adapters merge; the model parses once its templates are filled in, at a first run and a later one."""
    write(tmp_path)
    said = generate(tmp_path, "dbt", "--engine", engine)
    model, _, properties = said.partition("-- small_shop_dm.yml\n")
    assert "incremental_strategy='merge', on_schema_change='append_new_columns'" in model
    assert "interval {{ var('late_days', 3) }} day\n" in model
    assert (
        f'- name: "item"\n        description: "all item of the event"\n        data_type: "{types[0]}"' in properties
    )
    assert f'data_type: "{types[1]}"' in properties
    sql = model[model.index("with loaded") :]
    for text in (sql, re.sub(r"\{% if .*?endif %\}", "", sql, flags=re.DOTALL)):
        filled = re.sub(r"\{\{ var\([^}]*\) \}\}", "3", re.sub(r"\{%.*?%\}", "", text))
        tree = sqlglot.parse_one(re.sub(r"\{\{.*?\}\}", "some.thing", filled), dialect=engine)
        assert isinstance(tree, exp.Query)
        assert "order_placed_type" in tree.named_selects


def test_projects(tmp_path: Path) -> None:
    """The events may be in another project of BigQuery, whose name has dashes; elsewhere that is no name."""
    write(tmp_path)
    flags = ("--events", "my-project.snowplow.events")
    sql = generate(tmp_path, "view", "--engine", "bigquery", *flags)
    assert "from my-project.snowplow.events as a" in sql
    said = "\n".join(line for line in sql.splitlines() if not line.startswith("note:"))
    trees = [tree for tree in sqlglot.parse(said, dialect="bigquery") if tree]
    assert "my-project" in {table.catalog for tree in trees for table in tree.find_all(exp.Table)}
    model = generate(tmp_path, "dbt", "--engine", "bigquery", *flags)
    assert "database: my-project\n" in model
    assert "is no name" in generate(tmp_path, "view", "--engine", "databricks", *flags, code=2)


def test_names_and_literals() -> None:
    """Names stand in backticks, and no text can leave its quotes: in these dialects a doubled quote would end it."""
    for engine in (BIGQUERY, DATABRICKS):
        assert engine.quote("a b") == "`a b`"
        for text in ("it's", "a\\", "\\'", 'say "x"', "line\nbreak"):
            literal = engine.literal(text)
            assert "'" not in literal[1:-1]
            assert json.loads(f'"{literal[1:-1].replace(chr(34), chr(92) + chr(34))}"') == text


@pytest.mark.parametrize("engine", NAMES)
def test_sample(engine: str, tmp_path: Path) -> None:
    """Whatever a schema of Iglu Central says, the text is the dialect's, reads the fields that the loader makes, and gives
    back what the JSON has.
    """
    every = [Case(one.path, one.kind, "struct") for one in cases() if one.layout == "struct"]
    if not every:
        pytest.skip(f"no schemas: {DATA} is missing (set RUNNER_TEST_DATA)")
    for case in random.Random(SEED).sample(every, 12):
        sweep(case, engine, tmp_path)


def sweep(case: Case, engine: str, folder: Path) -> None:
    """One case."""
    schema = json.loads(case.path.read_text())
    own = schema["self"]
    home = f"{oracle.lake_name(own['vendor'])}_{oracle.snake(own['name'])}_{own['version'].split('-', maxsplit=1)[0]}"
    playing = Sweep(None)
    sql = playing.generated_text(folder, case, own, engine)
    assert sql is not None, f"seed {SEED}: {playing.notes}"
    column = f"{'unstruct_event' if case.kind == 'event' else 'contexts'}_{home}"
    struct = "struct<x int>" if engine == "bigquery" else "struct<x: int>"
    documents = {
        column: struct if case.kind == "event" else f"array<{struct}>",
        "contexts_com_snowplowanalytics_snowplow_event_specification_1": f"array<{struct}>",
    }
    check(engine, f"create schema s;\ncreate view s.v as\n{sql}", events(**documents))
    read = {word.strip("`") for word in re.findall(rf"e\.{column}(?:\[safe_offset\(0\)\]|, 0\))?\.(`?\w+`?)", sql)}
    wanted = {oracle.lake_name(name) for name in schema.get("properties", {})}
    assert read == (set() if case.kind == "multiple" else wanted), f"{case}, seed {SEED}"
    elements = [playing.elements(case, schema, random.Random(f"{SEED} {case} {n}"), n) for n in range(EVENTS)]
    rows = playing.on_duckdb(case, home, schema, elements, on_duckdb(engine, sql), UNTOLD[engine])
    assert playing.wrong(case, schema, elements, rows) == "", f"{case}, seed {SEED}"


def on_duckdb(engine: str, sql: str) -> str:
    """The SELECT as sqlglot writes it for DuckDB; without the condition by ids, and with what sqlglot does not translate."""
    sql = re.sub(r"where (coalesce\(exists|exists) ?\(.*\)$", "where true", sql, flags=re.MULTILINE)
    sql = re.sub(r"\bget\((e\.\w+), 0\)", r"\1[0]", sql).replace("try_parse_json(", "try_json(")
    made = sqlglot.transpile(sql, read=engine, write="duckdb")[0]
    return re.sub(r"TRY_JSON\((CAST\([^()]*\))\)", r"TRY_CAST(\1 AS JSON)", made).replace("AS VARIANT", "AS JSON")
