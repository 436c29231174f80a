"""Generated models of a data product over the real e-commerce events, beside an independent reading of their JSON.

The events are those of test_ecommerce_model.py; the data structures and the data product in shop_product/ are written
for them. Two things are particular to these events: 410 of the 833 carry no JSON of their action (the seed has it in
another file), so they are events of no specification; and 774 have `ecommerce.tracking` as event_vendor, so it is the
column of the JSON that tells an event's schema, not the atomic columns. Without the data these tests are skipped, or fail if RUNNER_TEST_REQUIRE contains `data`.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doors.products.oracle import Column, Oracle, Selection, elements, read_csv, read_yaml
from tests.doors.products.shop import (
    COLUMNS,
    PRODUCT,
    STAMPS,
    STRUCTURES,
    Shop,
    absent,
    column_of,
    differences,
    real_events,
    table_of,
)
from tests.engines.db import Db
from tests.kit import driver
from tests.kit.arena import first_seed
from tests.models.test_ecommerce_model import DATA

ECOMMERCE = "com.snowplowanalytics.snowplow.ecommerce"
PRODUCTS = f"iglu:{ECOMMERCE}/product/jsonschema/1-0-0"
ACTION = f"iglu:{ECOMMERCE}/snowplow_ecommerce_action/jsonschema/1-0-0"
SELECTIONS = {
    "all": Selection(columns=COLUMNS),
    "one specification, whose product is single": Selection(("Product viewed",), columns=COLUMNS),
    "two specifications with many products": Selection(("Cart filled", "Bought"), columns=COLUMNS),
    "a single entity and a multiple one": Selection(
        entities=("user", "product"), columns=("event_id", "user_id", "collector_tstamp", "page_url")
    ),
    "a multiple entity alone": Selection(("List seen or clicked",), ("product",), ("event_id", "derived_tstamp")),
    "names in camelCase": Selection(("Screen of the demonstration",), ("client_session", "screen"), COLUMNS),
}
# How many events each specification has, counted by hand from the JSON.
EVENTS_OF = {
    "Product viewed": 179,
    "List seen or clicked": 135,
    "Cart filled": 36,
    "Checkout": 37,
    "Bought": 14,
    "Screen of the demonstration": 10,
}

# What engines call the types.
KINDS = {
    **dict.fromkeys(("varchar", "text", "character varying"), "text"),
    **dict.fromkeys(("smallint", "integer", "bigint"), "integer"),
    **dict.fromkeys(("double", "double precision", "float"), "number"),
    **dict.fromkeys(("timestamp", "timestamp without time zone"), "timestamp"),
    **dict.fromkeys(("json", "jsonb"), "json"),
    "boolean": "boolean",
}

Events = list[dict[str, str]]


@pytest.fixture(scope="module")
def events() -> Events:
    """All real events."""
    if missing := absent():
        if "data" in os.environ.get("RUNNER_TEST_REQUIRE", ""):
            pytest.fail(f"RUNNER_TEST_REQUIRE asks for data: {missing}", pytrace=False)
        pytest.skip(missing)
    return real_events()


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    """The data product and its structures, as the oracle reads them."""
    return Oracle(PRODUCT, STRUCTURES)


def copies(events: Events) -> list[int]:
    """The positions of all events; every seventh comes twice, with all that it carries."""
    return [at for position in range(len(events)) for at in [position] * (2 if position % 7 == 0 else 1)]


def options(selection: Selection) -> list[str]:
    """A selection on the command line."""
    flags = ["--match", selection.match, "--columns", ",".join(selection.columns)]
    flags += [text for name in selection.events or () for text in ("--event", name)]
    return flags + [text for name in selection.entities or () for text in ("--entity", name)]


def generate(what: str, engine: str, selection: Selection, folder: Path, *more: str) -> list[Path]:
    """`runner generate WHAT`: the files that it wrote."""
    folder.mkdir(exist_ok=True)
    flags = ["--schemas", str(STRUCTURES), "--engine", engine, *options(selection), "-o", str(folder), *more]
    said = driver.command("generate", what, str(PRODUCT), *flags)
    assert said.code == 0, said.text
    return sorted(path for path in folder.rglob("*") if path.is_file())


def view(db: Db, selection: Selection, folder: Path, *more: str) -> str:
    """The generated View, created; its name."""
    for path in generate("view", db.engine, selection, folder, *more):
        if path.suffix == ".sql":
            db.execute(path.read_text(encoding="utf-8"))
    own = "table_schema not in ('information_schema', 'pg_catalog', 'main')"
    views = db.rows(f"select table_schema, table_name from information_schema.views where {own}")
    assert len(views) == 1
    return ".".join(views[0])


def test_events_of_each_specification(events: Events, oracle: Oracle) -> None:
    """The oracle finds as many events of each specification as a count by hand."""
    counted = {
        name: len(oracle.table(events, Selection((name,), columns=("event_id",)), STAMPS).rows) for name in EVENTS_OF
    }
    assert counted == EVENTS_OF


def test_oracle_reads_what_the_seed_says(events: Events, oracle: Oracle) -> None:
    """The products that the oracle finds in the JSON are those of the seed's own table of products, value by value."""
    seed = read_csv(DATA / "com_snowplowanalytics_snowplow_ecommerce_product_1.csv")
    names = [name for name in seed[0] if name not in ("root_id", "root_tstamp", "schema_name")]
    numbers = {"price", "list_price", "quantity", "position"}
    theirs = Counter(
        (row["root_id"], *(float(row[name]) if row[name] and name in numbers else row[name] or None for name in names))
        for row in seed
    )
    ours = Counter(
        (event["event_id"], *(plain[name] for name in names))
        for event in events
        for element in elements(event, PRODUCTS) or []
        for plain in [oracle.plain(PRODUCTS, element)]
    )
    assert ours.total() == 928
    assert ours == theirs


def test_columns_by_hand(oracle: Oracle) -> None:
    """Order of columns, single and multiple entities, and the clash of the atomic user_id with the entity's."""
    one = SELECTIONS["one specification, whose product is single"]
    names = [column.name for column in oracle.columns(one)]
    assert names[:12] == [
        "event_id",
        "event_name",
        "derived_tstamp",
        "atomic_user_id",
        "domain_userid",
        "domain_sessionid",
        "network_userid",
        "snowplow_ecommerce_action_type",
        "snowplow_ecommerce_action_name",
        "product_id",
        "product_name",
        "product_category",
    ]
    assert names[-12:] == [
        "user_id",
        "user_email",
        "user_is_guest",
        "web_page_id",
        "client_session_user_id",
        "client_session_session_id",
        "client_session_session_index",
        "client_session_event_index",
        "client_session_previous_session_id",
        "client_session_storage_mechanism",
        "client_session_first_event_id",
        "client_session_first_event_timestamp",
    ]
    two = [column.name for column in oracle.columns(SELECTIONS["two specifications with many products"])]
    assert "product" in two
    assert "product_id" not in two


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_loaded(engine: str, events: Events, oracle: Oracle, request: pytest.FixtureRequest) -> None:
    """The warehouse has the events, and on Postgres a row for each element."""
    with Db(request.getfixturevalue(f"{engine}_url")) as db:
        Shop(db, oracle, events).arrive(range(833))
        assert db.rows("select count(*), count(load_tstamp) from atomic.events") == [(833, 833)]
        if engine == "postgres":
            assert db.rows(f"select count(*) from atomic.{table_of(PRODUCTS)}") == [(928,)]
            assert db.rows(f"select count(*) from atomic.{table_of(ACTION)}") == [(423,)]
        else:
            name = column_of(next(name for name in events[0] if name.startswith("unstruct_")))
            assert db.rows(f"select count({name}) from atomic.events") == [(423,)]


@pytest.mark.parametrize("layout", ["json", "struct", "shredded"])
def test_views(layout: str, events: Events, oracle: Oracle, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The View equals the oracle's table column by column, for every selection; copies of events count once."""
    engine = "postgres" if layout == "shredded" else "duckdb"
    with Db(request.getfixturevalue(f"{engine}_url")) as db:
        Shop(db, oracle, events, layout).arrive(copies(events))
        wrong = {}
        for number, (name, selection) in enumerate(SELECTIONS.items()):
            relation = view(db, selection, tmp_path / str(number), "--layout", layout)
            if different := differences(db, relation, oracle, events, selection):
                wrong[name] = different
            db.execute(f"drop view {relation}")
        assert not wrong


def test_comparison_finds_differences(events: Events, oracle: Oracle, tmp_path: Path, duckdb_url: str) -> None:
    """One other value, one event less and one column less are found, each by its name."""
    selection = SELECTIONS["one specification, whose product is single"]
    row = oracle.table(events, selection, STAMPS).rows[0]
    at = next(at for at, event in enumerate(events) if event["event_id"] == row[0])
    name = next(name for name in events[0] if "_product_1_" in name)
    dearer = json.dumps([json.loads(events[at][name])[0] | {"price": 5000}])
    with Db(duckdb_url) as db:
        Shop(db, oracle, [*events[:at], events[at] | {name: dearer}, *events[at + 1 :]]).arrive(range(len(events)))
        relation = view(db, selection, tmp_path / "view")
        found = differences(db, relation, oracle, events, selection)
        assert list(found) == ["product_price"]
        assert found["product_price"][0][:2] == (row[0], 5000.0)
        less = differences(db, relation, oracle, events[:at] + events[at + 1 :], selection)
        assert less["more"] == [row[0]]
        assert "columns" in differences(db, relation, oracle, events, replace(selection, entities=("product",)))


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_types(engine: str, events: Events, oracle: Oracle, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Every column has the type that its schema asks for, whatever values there are."""
    selection = SELECTIONS["all"]
    with Db(request.getfixturevalue(f"{engine}_url")) as db:
        Shop(db, oracle, events)
        relation = view(db, selection, tmp_path / "view")
        names = f"table_name = '{relation.rpartition('.')[2]}'"
        told = db.rows(f"select column_name, data_type from information_schema.columns where {names}")
    there = {name: KINDS[kind.lower().partition("(")[0]] for name, kind in told}
    assert there == {column.name: kind_of(column, oracle) for column in oracle.columns(selection)}


def kind_of(column: Column, oracle: Oracle) -> str:
    """What a column's schema says of its type."""
    if not column.source:
        return "timestamp" if column.key in STAMPS else "text"
    if column.array:
        return "json"
    schema = oracle.schemas[column.source]["properties"][column.key]
    kinds = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"]) - {"null"}
    if len(kinds) > 1 or kinds == {"string"}:
        return "timestamp" if schema.get("format") == "date-time" else "text"
    return str(kinds.pop())


def arrivals(events: Events, chance: random.Random) -> list[list[int]]:
    """All events in four arrivals: hours of loading in pieces and in random order, so that batches come late and grow.

    Every tenth event comes a second time, in an arrival of its own choice.
    """
    hours: dict[str, list[int]] = {}
    for at in range(len(events)):
        hours.setdefault(events[at]["load_tstamp"], []).append(at)
    found: list[list[int]] = [[], [], [], []]
    for hour in hours.values():
        chance.shuffle(hour)
        cut = chance.randrange(len(hour))
        for piece in (hour[:cut], hour[cut:]):
            chance.choice(found).extend(piece)
    for at in chance.sample(range(len(events)), len(events) // 10):
        chance.choice(found).append(at)
    return found


def playbook(engine: str, selection: Selection, folder: Path) -> tuple[Path, str]:
    """The generated playbook, and its table."""
    files = generate("playbook", engine, selection, folder)
    path = next(path for path in files if path.suffix in (".yml", ".yaml"))
    told = read_yaml(path)
    models = [model for step in told.get("steps", [told]) for model in step["models"]]
    return path, str(models[-1]["table"])


def run(command: str, path: Path, url: str, *args: str) -> str:
    """A command of the runner that has to succeed."""
    said = driver.command(command, str(path), "--target", url, *args)
    assert said.code == 0, said.text
    return said.text


@pytest.mark.parametrize(("engine", "times"), [("duckdb", 2), ("postgres", 1)])
def test_playbook_after_any_batching(
    engine: str, times: int, events: Events, oracle: Oracle, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """However the events arrive, late and rewound, the playbook's table equals the View and the oracle's table."""
    seed = first_seed()
    print(f"seed {seed}")
    chance = random.Random(seed)
    selection = SELECTIONS["all"]
    url = request.getfixturevalue(f"{engine}_url")
    path, table = playbook(engine, selection, tmp_path / "playbook")
    with Db(url) as db:
        for time in range(times):
            shop = Shop(db, oracle, events)
            for number, arrived in enumerate(arrivals(events, chance)):
                if number == 1:  # where elements have tables of their own, they may come later than the events
                    shop.rows(arrived)
                    run("run", path, url)
                    shop.elements(arrived)
                    run("run", path, url)
                else:
                    shop.arrive(arrived)
                    assert "published" in run("run", path, url)
                if number == 2:
                    since = chance.choice(sorted(event["load_tstamp"] for event in events))
                    run("rewind", path, url, "--since", since.replace(" ", "T"))
            assert "every row compared equals a full recompute" in run("verify", path, url)
            assert not differences(db, table, oracle, events, selection)
            held = Counter(map(repr, db.rows(f"select * from {table}")))
            db.execute(f"drop table {table}")  # the View may have the same name
            relation = view(db, selection, tmp_path / f"view{time}")
            assert Counter(map(repr, db.rows(f"select * from {relation}"))) == held
            db.execute(f"drop view {relation}; drop schema atomic cascade; drop schema runner cascade")


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_by_event_specification(
    engine: str, events: Events, oracle: Oracle, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Any element of the event_specification entity, not only the first, makes an event one of a specification."""
    selection = replace(SELECTIONS["two specifications with many products"], match="snowtype")
    ids = [one["resourceName"] for one in oracle.specifications(selection)]
    others = ["95e58c37-b74c-4ae5-a6b9-003edf0fc02e", "6fb7f685-52ce-4b29-a567-40df2734b525"]
    kinds = [[], [ids[0]], [others[0]], [others[1], ids[1]], ids, others, None]
    marked = []
    for at, event in enumerate(events):
        kind = kinds[at % len(kinds)]
        text = "" if kind is None else json.dumps([{"id": one} for one in kind])
        marked.append(event | {"contexts_com_snowplowanalytics_snowplow_event_specification_1_0_4": text})
    with Db(request.getfixturevalue(f"{engine}_url")) as db:
        Shop(db, oracle, marked).arrive(copies(marked))
        relation = view(db, selection, tmp_path / "view")
        assert len(oracle.table(marked, selection, STAMPS).rows) == sum(
            at % len(kinds) in (1, 3, 4) for at in range(833)
        )
        assert not differences(db, relation, oracle, marked, selection)
