"""The shipped e-commerce model (playbooks/ecommerce.yml, sql/ecommerce) over real events, beside published results.

The 833 events and the expected tables are those of an open Snowplow package (Apache-2.0); they are read from
$RUNNER_TEST_DATA or ../shared/data and are not part of this repository.

822 events are of the site (app_id ecom-accel, 62 sessions), 10 of a mobile demo without domain_sessionid, 1 of an
application that is to be skipped. All columns of all five expected tables are modelled, except the copies of a key that
the tables end with (session_id2, event_id2), and all of them match.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.kit import ROOT
from tests.models.shipped import Execute, Shipped

DATA = Path(os.environ.get("RUNNER_TEST_DATA", ROOT.parent / "shared" / "data")) / "snowplow_ecommerce"
EVENTS = DATA / "snowplow_ecommerce_events.csv"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real events: {DATA} is missing (set RUNNER_TEST_DATA)")

TIMES = {
    "etl_tstamp",
    "collector_tstamp",
    "dvce_created_tstamp",
    "dvce_sent_tstamp",
    "derived_tstamp",
    "refr_dvce_tstamp",
}
SITE = {"app_ids": ["ecom-accel"]}
CLIENT = "cast(contexts_com_snowplowanalytics_snowplow_client_session_1_0_1 as json) -> 0 ->> "
SCREEN = "cast(contexts_com_snowplowanalytics_mobile_screen_1_0_0 as json) -> 0 ->> 'id'"
WEB_PAGE = "cast(contexts_com_snowplowanalytics_snowplow_web_page_1_0_0 as json) -> 0 ->> 'id'"
SITE_AND_MOBILE = {
    "app_ids": ["ecom-accel", "DemoID"],
    "session_id": f"coalesce(domain_sessionid, {CLIENT} 'sessionId')",
    "visitor_id": f"coalesce(domain_userid, {CLIENT} 'userId')",
    "page_view_id": f"coalesce({WEB_PAGE}, {SCREEN})",
}
# The expected table, what names a row in it, rows of the site, rows of the mobile demo, columns compared.
EXPECTED = [
    ("sessions", "domain_sessionid", 62, 1, 40),
    ("product_interactions", "product_event_id", 921, 7, 40),
    ("cart_interactions", "event_id", 64, 3, 18),
    ("checkout_interactions", "event_id", 50, 2, 30),
    ("transaction_interactions", "event_id", 13, 1, 24),
]


@pytest.fixture(params=["duckdb", "postgres"])
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, Execute]]:
    """The name of an engine and how SQL runs on it; the real events are in atomic.raw_events, as texts, times typed."""
    if request.param == "duckdb":
        with duckdb.connect() as connection:
            _load_duckdb(connection)
            yield "duckdb", lambda sql: connection.execute(sql).fetchall()
        return
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(request.getfixturevalue("postgres_url"), autocommit=True) as server:
        _load_postgres(server)

        def execute(sql: str) -> Sequence[tuple[Any, ...]]:
            cursor = server.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

        yield "postgres", execute


def _load_duckdb(connection: duckdb.DuckDBPyConnection) -> None:
    times = ", ".join(f"cast({name} as timestamp) as {name}" for name in sorted(TIMES))
    connection.execute("create schema atomic")
    connection.execute(
        f"create table atomic.raw_events as select * replace ({times})"
        f" from read_csv('{EVENTS}', header = true, all_varchar = true)"
    )


def _load_postgres(server: Any) -> None:
    with EVENTS.open(newline="", encoding="utf-8") as stream:
        head = next(csv.reader(stream))
        types = ", ".join(f"{name} {'timestamp' if name in TIMES else 'varchar'}" for name in head)
        server.execute(f"create schema atomic; create table atomic.raw_events ({types})")
        with server.cursor() as cursor, cursor.copy("copy atomic.raw_events from stdin (format csv)") as copy:
            copy.write(stream.read())


def _build(engine: tuple[str, Execute], variables: dict[str, Any]) -> Shipped:
    kind, execute = engine
    shipped = Shipped("ecommerce", kind, variables)
    columns = [
        row[0] for row in execute("select column_name from information_schema.columns where table_name = 'raw_events'")
    ]
    shipped.take_out_copies(execute, columns)
    shipped.build(execute)
    return shipped


def _expected(table: str, apps: Sequence[str]) -> list[dict[str, str]]:
    path = DATA / "expected" / f"snowplow_ecommerce_{table}_expected.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["app_id"] in apps]


def _as(text: str, ours: object) -> object:
    """The expected text as a value of the type that our column has; the files write nulls as nothing or NULL."""
    if text in ("", "NULL"):
        return None
    if isinstance(ours, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(ours, (int, Decimal)):
        return Decimal(text)
    if isinstance(ours, datetime):
        return datetime.fromisoformat(text).replace(tzinfo=None)
    if isinstance(ours, date):
        return date.fromisoformat(text[:10])
    return text


def _ours(execute: Execute, table: str) -> list[dict[str, Any]]:
    columns = execute(f"select column_name from information_schema.columns where table_name = 'ecommerce_{table}'")
    names = [row[0] for row in columns]
    rows = execute(f"select {', '.join(names)} from derived.ecommerce_{table}")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _compare(execute: Execute, table: str, key: str, apps: Sequence[str], rows: int, columns: int) -> None:
    expected = {row[key]: row for row in _expected(table, apps)}
    found = _ours(execute, table)
    ours = {row[key]: row for row in found}
    assert len(expected) == rows == len(found)
    assert ours.keys() == expected.keys()
    names = [name for name in next(iter(expected.values())) if name not in ("session_id2", "event_id2")]
    assert len(names) == columns
    different = {
        name: [
            (k, row[name], ours[k][name])
            for k, row in expected.items()
            if _as(row[name], ours[k][name]) != ours[k][name]
        ]
        for name in names
    }
    assert not {name: cells[:2] for name, cells in different.items() if cells}


def test_all_expected_tables_of_the_site(engine: tuple[str, Execute]) -> None:
    """Every column of every expected table of the site, for all 62 sessions, 921 products, 64 carts, 50 checkouts."""
    shipped = _build(engine, SITE)
    for table, key, site, _, columns in EXPECTED:
        _compare(engine[1], table, key, ["ecom-accel"], site, columns)
    for model in shipped.models:
        assert not shipped.repeated_keys(engine[1], model), model["table"]


def test_all_expected_tables_with_the_mobile_demo(engine: tuple[str, Execute]) -> None:
    """With session, visitor and page from the mobile trackers' entities all rows of all expected tables are there."""
    _build(engine, SITE_AND_MOBILE)
    for table, key, site, mobile, columns in EXPECTED:
        _compare(engine[1], table, key, ["ecom-accel", "DemoID"], site + mobile, columns)


def test_as_shipped(engine: tuple[str, Execute]) -> None:
    """As it stands: 63 sessions (one of the application to be skipped), 823 actions, 10 events without a session."""
    _build(engine, {})
    execute = engine[1]
    assert execute("select count(*), count(distinct domain_sessionid) from derived.ecommerce_events") == [(823, 63)]
    assert execute("select count(*) from derived.ecommerce_sessions") == [(63,)]
    assert execute("select count(*) from atomic.events where domain_sessionid is null") == [(10,)]


def test_engine_variant_differs_in_one_line_only() -> None:
    """product_interactions.postgres.sql is product_interactions.sql but for the spelling of "a row per item"."""
    folder = ROOT / "sql" / "ecommerce"
    texts = [
        (folder / f"product_interactions{ending}").read_text().splitlines() for ending in (".sql", ".postgres.sql")
    ]
    assert len(texts[0]) == len(texts[1])
    lines = [pair for pair in zip(*texts, strict=True) if pair[0] != pair[1] and not pair[0].startswith("--")]
    assert [line.split(" as item")[0].split("(")[0].strip() for pair in lines for line in pair] == [
        "cross join unnest",
        "cross join lateral json_array_elements",
    ]
