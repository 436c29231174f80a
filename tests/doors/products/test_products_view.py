"""The View: which events it reads, what filters reach, and what --apply finds in its way."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.doors.products.small import ORDERED, PRODUCT, Warehouse, generate, write
from tests.doors.products.test_products_rows import FULL, PEN, USER
from tests.engines.db import ALL, Db

APPLIED = ("--columns", "event_id,collector_tstamp", "--apply", "--target")


def applied(db: Db, url: str, folder: Path, *flags: str) -> list[str]:
    """The event ids of the View, which is made."""
    generate(folder, "view", *APPLIED, url, *flags)
    return sorted(row[0] for row in db.rows("select event_id from derived.small_shop"))


def test_span(warehouse_url: str, tmp_path: Path) -> None:
    """--since and --last leave older events out; copies of one arrival are one, and all rows are there without dedupe."""
    write(tmp_path)
    with Db(warehouse_url) as db:
        warehouse = Warehouse(db)
        for hour in (1, 5, 5, 9):
            warehouse.event(f"e{hour}", ORDERED, hour, orderPlaced=FULL, user=USER, item=[PEN])
        warehouse.event("e1", ORDERED, 7, orderPlaced=FULL)  # sent again: another arrival
        assert applied(db, warehouse_url, tmp_path) == ["e1", "e1", "e5", "e9"]
        assert applied(db, warehouse_url, tmp_path, "--since", "2024-03-01T06:00:00+01:00") == ["e1", "e5", "e9"]
        assert applied(db, warehouse_url, tmp_path, "--since", "2024-03-01 06:00:00") == ["e1", "e9"]
        assert applied(db, warehouse_url, tmp_path, "--last", "2w") == []
        days = (datetime.now() - datetime(2024, 2, 1)) // timedelta(days=1)
        assert applied(db, warehouse_url, tmp_path, "--last", f"{days}d") == ["e1", "e1", "e5", "e9"]
        assert len(applied(db, warehouse_url, tmp_path, "--no-dedupe", "--entity", "screen")) > 4


def test_filters_reach_the_events(warehouse_url: str, tmp_path: Path) -> None:
    """A filter on the View's collector_tstamp stands at the scan of the events, below the window."""
    write(tmp_path)
    with Db(warehouse_url) as db:
        warehouse = Warehouse(db)
        for hour in (1, 9):
            warehouse.event(f"e{hour}", ORDERED, hour, orderPlaced=FULL)
        applied(db, warehouse_url, tmp_path)
        query = "explain select * from derived.small_shop where collector_tstamp >= timestamp '2024-03-01 05:30:00'"
        plan = "\n".join(str(cell) for row in db.rows(query) for cell in row)
    scan = "Table: warehouse.atomic.events" if db.engine == "duckdb" else "Scan on events"
    assert plan.count("2024-03-01 05:30:00") == 1
    assert plan.index(scan) < plan.index("2024-03-01 05:30:00"), plan
    assert "window" in plan[: plan.index(scan)].lower()


@pytest.mark.parametrize("engine", ALL)
def test_default_columns(engine: str, tmp_path: Path) -> None:
    """collector_tstamp is among them; the Postgres loader has no load_tstamp."""
    write(tmp_path)
    said = generate(tmp_path, "view", "--engine", engine)
    assert "collector_tstamp" in said.rpartition("\nfrom ")[0].rpartition("select\n")[2]
    assert ("load_tstamp" in said) == (engine != "postgres")


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (("--since", "soon"), "--since 'soon' is no time"),
        (("--last", "7"), "--last '7' is no time"),
        (("--last", "7d", "--since", "2024-01-01"), "exclude each other"),
    ],
)
def test_flags(flags: tuple[str, ...], what: str, tmp_path: Path) -> None:
    """Spans that are none are exit 2; so are they for other outputs than the view."""
    write(tmp_path)
    assert what in generate(tmp_path, "view", *flags, code=2)
    for flag in (("--last", "7d"), ("--no-dedupe",)):
        assert "are for the view" in generate(tmp_path, "playbook", *flag, code=2)


def test_what_was_never_tracked(warehouse_url: str, tmp_path: Path) -> None:
    """--apply leaves out what the target has no column or table for, and says so."""
    write(tmp_path)
    with Db(warehouse_url) as db:
        warehouse = Warehouse(db)
        warehouse.event("e1", ORDERED, orderPlaced=FULL, user=USER)
        if db.engine == "duckdb":
            db.execute("alter table atomic.events drop column contexts_com_acme_screen_2")
        else:
            db.execute("drop table atomic.com_acme_screen_2")
            db.execute("alter table atomic.com_acme_order_placed_1 drop column tags")
        db.execute("alter table atomic.events drop column load_tstamp")
        said = generate(tmp_path, "view", "--columns", "event_id,load_tstamp", "--apply", "--target", warehouse_url)
        assert "note: com.acme/screen/2 was never tracked: left out" in said
        assert "note: load_tstamp is left out: atomic.events has no such column" in said
        assert ("'tags' of com.acme/orderPlaced/1 was never tracked" in said) == (db.engine == "postgres")
        (row,) = db.rows("select event_id, user_id, order_placed_type from derived.small_shop")
        assert row == ("e1", "ann", "new")


def test_events_elsewhere(warehouse_url: str, tmp_path: Path) -> None:
    """--apply looks at the table that --events names, and at the tables of structures beside it."""
    write(tmp_path)
    with Db(warehouse_url) as db:
        warehouse = Warehouse(db)
        warehouse.event("e1", ORDERED, orderPlaced=FULL, user=USER)
        db.execute("create schema raw")
        for (name,) in db.rows("select table_name from information_schema.tables where table_schema = 'atomic'"):
            to = "all_events" if name == "events" else name
            if name != "com_acme_screen_2":
                db.execute(f"create table raw.{to} as select * from atomic.{name}")
        if db.engine == "duckdb":
            db.execute("alter table raw.all_events drop column contexts_com_acme_screen_2")
        warehouse.event("e2", ORDERED, orderPlaced=FULL)
        said = generate(tmp_path, "view", *APPLIED, warehouse_url, "--events", "raw.all_events", "--schema", "wide")
        assert "note: com.acme/screen/2 was never tracked: left out" in said
        assert db.rows("select event_id, user_id from wide.small_shop") == [("e1", "ann")]
        said = generate(tmp_path, "view", *APPLIED, warehouse_url, "--events", "raw.events", code=6)
        assert "raw.events" in said


def test_recovered(warehouse_url: str, tmp_path: Path) -> None:
    """--apply reads the columns and tables in which loaders keep what does not fit, whatever types they have."""
    write(tmp_path)
    with Db(warehouse_url) as db:
        warehouse = Warehouse(db)
        warehouse.event("e1", ORDERED, orderPlaced=FULL, user=USER, item=[PEN])
        warehouse.event("e2", ORDERED)
        end = "_0_1_recovered_123abc"
        stamp = "timestamp '2024-03-01 00:00:00'"
        if db.engine == "duckdb":
            home, items = "unstruct_event_com_acme_order_placed_1", "contexts_com_acme_item_1"
            db.execute(f"alter table atomic.events add column {home}{end} json")
            db.execute(f"alter table atomic.events add column {items}{end} json")
            db.execute(
                f"""update atomic.events set {home}{end} = '{{"type": "new", "itemCount": 5}}' where event_id = 'e2'"""
            )
            db.execute(f"""update atomic.events set {items}{end} = '[{{"sku": "ink"}}]'""")
        else:
            home, items = "com_acme_order_placed_1", "com_acme_item_1"
            names = "root_id varchar, root_tstamp timestamp, "
            db.execute(f"create table atomic.{home}{end} ({names} type varchar, item_count varchar, is_gift boolean)")
            db.execute(f"insert into atomic.{home}{end} values ('e2', {stamp}, 'new', '5', true)")
            db.execute(f"create table atomic.{items}{end} ({names} sku jsonb)")
            db.execute(f"insert into atomic.{items}{end} values ('e1', {stamp}, '1'), ('e2', {stamp}, '2')")
        said = generate(tmp_path, "view", *APPLIED, warehouse_url)
        assert f"what did not fit into {'atomic.' if db.engine == 'postgres' else ''}{home} is read from" in said
        columns = "event_id, order_placed_type, order_placed_item_count, cast(item as varchar)"
        one, two = sorted(db.rows(f"select {columns} from derived.small_shop"))
    assert one[:3] == ("e1", "new", 2)
    assert two[:3] == ("e2", "new", 5)
    assert (len(json.loads(one[3])), len(json.loads(two[3]))) == (2, 1)


def test_what_is_in_the_way(warehouse_url: str, tmp_path: Path) -> None:
    """--apply replaces its own View alone: tables, others' views and those of other products stay, and are named."""
    write(tmp_path)
    with Db(warehouse_url) as db:
        Warehouse(db)
        db.execute("create schema derived")
        db.execute("create table derived.small_shop (a integer)")
        said = generate(tmp_path, "view", *APPLIED, warehouse_url, code=6)
        assert "derived.small_shop is in the way" in said
        assert "it is a table" in said
        db.execute("drop table derived.small_shop")
        db.execute("create view derived.small_shop as select 1 as mine")
        said = generate(tmp_path, "view", *APPLIED, warehouse_url, code=6)
        assert "it is a view that runner generate has not made" in said
        db.execute(said.partition("mark it: ")[2].strip())
        assert applied(db, warehouse_url, tmp_path) == []
        write(tmp_path, PRODUCT.replace("22222222", "33333333"))
        said = generate(tmp_path, "view", *APPLIED, warehouse_url, code=6)
        assert "it is the view of data product 22222222-" in said
        assert db.rows("select count(*) from derived.small_shop") == [(0,)]
