"""The shipped web model (playbooks/web.yml, sql/web) against an oracle in plain Python, and its sample."""

from __future__ import annotations

import importlib.util
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

from runner.playbook.load import load
from runner.playbook.variables import for_engine
from runner.program.load import load as load_program
from runner.warehouse.engines import ENGINES
from tests.engines.db import Db
from tests.kit import ROOT
from tests.models import web_everywhere, web_oracle
from tests.models.shipped import Execute, Shipped
from tests.models.web_oracle import Event, Policies

SAMPLE = ROOT / "playbooks" / "sample"


def _generator() -> ModuleType:
    """The sample's generator, which is a script and no part of a package."""
    spec = importlib.util.spec_from_file_location("sample_generator", SAMPLE / "generate.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generator()
COLUMNS: dict[str, str] = generate.COLUMNS
BOT_WORDS = ("bot", "headless")


SETTINGS: dict[str, tuple[dict[str, object], Policies]] = {
    "as shipped": ({}, Policies()),
    "other tracker": ({"heartbeat_s": 7, "min_visit_s": 3}, Policies(heartbeat_s=7, min_visit_s=3)),
    "one application": ({"app_ids": ["bookshop"]}, Policies(app_ids=("bookshop",))),
    "no bots": ({"bot_filter": True, "bot_words": list(BOT_WORDS)}, Policies(bot_words=BOT_WORDS)),
    "not late": ({"max_days_late": 1}, Policies(max_days_late=1)),
    "short sessions": ({"max_session_days": 1}, Policies(max_session_days=1)),
    "all policies": (
        {"app_ids": ["bookshop"], "bot_filter": True, "bot_words": ["bot"], "max_days_late": 1, "max_session_days": 1},
        Policies(app_ids=("bookshop",), bot_words=("bot",), max_days_late=1, max_session_days=1),
    ),
}


@contextmanager
def _duckdb() -> Iterator[Execute]:
    with duckdb.connect() as connection:
        yield lambda sql: connection.execute(sql).fetchall()


@contextmanager
def _postgres(url: str) -> Iterator[tuple[Any, Execute]]:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url, autocommit=True) as connection:

        def execute(sql: str) -> Sequence[tuple[Any, ...]]:
            cursor = connection.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

        yield connection, execute


def _create_raw(execute: Execute, double: str = "double") -> None:
    execute("create schema atomic")
    columns = ", ".join(f"{name} {double if kind == 'double' else kind}" for name, kind in COLUMNS.items())
    execute(f"create table atomic.raw_events ({columns})")


def _load_duckdb(execute: Execute, events: Sequence[Event]) -> None:
    _create_raw(execute)
    rows = ", ".join(f"({', '.join(_literal(event[name]) for name in COLUMNS)})" for event in events)
    execute(f"insert into atomic.raw_events values {rows}")


def _literal(value: object) -> str:
    if value is None:
        return "null"
    return str(value) if isinstance(value, (bool, int, float)) else "'" + str(value).replace("'", "''") + "'"


def _load_postgres(connection: Any, execute: Execute, events: Sequence[Event]) -> None:
    _create_raw(execute, "double precision")
    with connection.cursor() as cursor, cursor.copy("copy atomic.raw_events from stdin") as copy:
        for event in events:
            copy.write_row([event[name] for name in COLUMNS])


def _table(execute: Execute, model: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    names = [
        row[0]
        for row in execute(
            "select lower(column_name) from information_schema.columns where lower(table_schema) = 'derived' "
            f"and lower(table_name) = '{model.removeprefix('derived.')}'"
        )
    ]
    return sorted(names), list(execute(f"select {', '.join(sorted(names))} from {model}"))


def _assert_equal(execute: Execute, shipped: Shipped, events: Sequence[Event], policies: Policies, where: str) -> None:
    counted = web_oracle.deduped(events)
    assert [model["table"] for model in shipped.models] == list(web_oracle.TABLES)
    for model in shipped.models:
        names, rows = _table(execute, model["table"])
        wanted = web_oracle.TABLES[model["table"]](counted, policies)
        for row in wanted:
            assert sorted(row) == names, f"{where}: columns of {model['table']}"
        expected = Counter(tuple(row[name] for name in names) for row in wanted)
        found = Counter(rows)
        if found != expected:
            missing, extra = list((expected - found).elements()), list((found - expected).elements())
            pytest.fail(
                f"{where}: {model['table']} has {len(rows)} rows, {len(missing)} missing, {len(extra)} extra:\n"
                + "\n".join(
                    f"{label} {dict(zip(names, row, strict=True))}"
                    for label, some in (("missing", missing[:2]), ("extra", extra[:2]))
                    for row in some
                )
            )
        assert not shipped.repeated_keys(execute, model), (
            f"{where}: {model['table']} is not unique by {model['unique']}"
        )


def _sample_rows() -> list[Event]:
    return [row for rows in generate.generate().values() for row in rows]


def _random_events(seed: int) -> list[Event]:
    """A few sessions, page view ids and users over two days, with ties, nulls, copies and ids in several places."""
    chance = random.Random(seed)
    begin = datetime(2024, 2, 28, 23, 59, 30)
    events: list[Event] = []

    def some(*values: object, null: float = 0.05) -> Any:
        return None if chance.random() < null else chance.choice(values)

    for number in range(chance.randint(1, 70)):
        event: Event = {
            name: some(f"{name}-1", f"{name}-2", null=0.3) for name, kind in COLUMNS.items() if kind == "varchar"
        }
        sizes = (0, 1, 7, 250, 600, 1000)
        event |= {name: some(*sizes, -5, null=0.3) for name, kind in COLUMNS.items() if kind == "integer"}
        event |= {"geo_latitude": some(1.5, -33.25), "geo_longitude": some(0.1), "dvce_ismobile": some(True, False)}
        day = timedelta(days=chance.choice([0, 0, 0, 0, 1, 2]))
        moment = begin + day + timedelta(milliseconds=500 * chance.randint(0, 160))
        page = some("p1", "p2", "p3", "p4", null=0.1)
        event |= {
            "etl_tstamp": begin + timedelta(hours=chance.randint(1, 3)),
            "collector_tstamp": begin + timedelta(seconds=chance.randint(0, 9)),
            "dvce_created_tstamp": some(begin, begin + timedelta(seconds=1), null=0.2),
            "dvce_sent_tstamp": some(begin, begin + timedelta(days=1), begin + timedelta(days=1, seconds=2), null=0.2),
            "derived_tstamp": None if chance.random() < 0.04 else moment,
            "event_id": f"e{number:03}",
            "event_name": some(
                "page_view", "page_view", "page_ping", "page_ping", "link_click", "submit_form", "search"
            ),
            "domain_sessionid": some("s1", "s2", "s3", "s4"),
            "domain_userid": some("u1", "u2", null=0.1),
            "domain_sessionidx": some(1, 2),
            "app_id": some("bookshop", "other"),
            "useragent": some("Mozilla/5.0", "GoogleBOT/2.1", "HeadlessChrome"),
            "br_type": some("Browser", "Robot"),
            "contexts_com_snowplowanalytics_snowplow_web_page_1": f'[{{"id": "{page}"}}]' if page else some("[]", None),
        }
        if event["event_name"] == "page_ping" and chance.random() < 0.05:
            event |= {"event_id": None, "derived_tstamp": begin + timedelta(microseconds=number + 1)}
        events.append(event)
    for event in chance.sample(events, len(events) // 4):
        kind = chance.randint(0, 3)
        if kind == 0:
            events.append(dict(event))
        elif kind == 1:
            events.append(event | {"etl_tstamp": begin + timedelta(hours=4)})
        elif kind == 2 and None not in (event["event_id"], event["domain_sessionid"], web_oracle.page_view_id(event)):
            events.append(event | {"page_url": "other", "event_name": "page_view", "collector_tstamp": begin})
        elif event["event_id"] is not None:
            page = '[{"id": "p9"}]'
            other = {"contexts_com_snowplowanalytics_snowplow_web_page_1": page, "page_url": "9", "user_id": "9"}
            events.append(event | (other if chance.random() < 0.5 else {"domain_sessionid": "s9", "page_url": "9"}))
    chance.shuffle(events)
    return events


def test_committed_sample_is_what_its_generator_makes() -> None:
    """Every file of playbooks/sample/events holds the rows of generate.py, in order; rows are compared, not bytes."""
    made = generate.generate()
    assert sorted(path.name for path in (SAMPLE / "events").iterdir()) == list(made)
    with duckdb.connect() as connection:
        for name, rows in made.items():
            cursor = connection.execute(f"select {', '.join(COLUMNS)} from read_parquet('{SAMPLE / 'events' / name}')")
            assert cursor.fetchall() == [tuple(row[column] for column in COLUMNS) for row in rows], name


def test_generator_writes_what_it_makes(tmp_path: Path) -> None:
    """A file that the generator writes reads back as the rows it was given, nulls and quotes included, typed."""
    row = dict.fromkeys(COLUMNS) | {
        "event_id": 'a "quoted", id',
        "dvce_ismobile": False,
        "page_title": "",
        "br_viewwidth": 7,
    }
    generate.write(tmp_path, {"one.parquet": [row]})
    with duckdb.connect() as connection:
        cursor = connection.execute(f"select * from read_parquet('{tmp_path / 'one.parquet'}')")
        assert [column[0] for column in cursor.description or ()] == list(COLUMNS)
        assert cursor.fetchall() == [tuple(row.values())]


def test_sample_holds_what_its_documentation_says() -> None:
    """The sample has late, copied, corrected and appended events, busy users, bots and rows without a session."""
    files = generate.generate()
    rows = [row for file in files.values() for row in file]
    for name, file in files.items():
        assert {f"{row['etl_tstamp']:%Y-%m-%dT%H}" for row in file} == {name[:13]}
    first_load: dict[str, datetime] = {}
    for row in sorted(rows, key=lambda row: row["etl_tstamp"]):
        first_load.setdefault(row["domain_sessionid"], row["etl_tstamp"])
    wait = timedelta(hours=8)
    late = {r["domain_sessionid"] for r in rows if r["etl_tstamp"] - first_load[r["domain_sessionid"]] > wait} - {None}
    counted = web_oracle.deduped(rows)
    sessions = web_oracle.sessions(counted, Policies())
    per_user = Counter(row["domain_userid"] for row in sessions)
    users = Counter(session for session, _ in {(r["domain_sessionid"], r["domain_userid"]) for r in rows})
    page_sessions = Counter(page for page, _ in {(web_oracle.page_view_id(r), r["domain_sessionid"]) for r in rows})
    del users[None], page_sessions[None]
    assert len(sessions) > 250
    assert len(late) > 10
    assert len(rows) - len(counted) > 40
    assert "2024-03-01T14-append.parquet" in files
    assert sum(count > 1 for count in per_user.values()) > 50
    assert sum(count > 1 for count in users.values()) >= 2
    assert sum(count > 1 for count in page_sessions.values()) >= 4
    assert sum(row["domain_sessionid"] is None for row in rows) >= 10
    assert sum(row["br_type"] == "Robot" for row in counted) > 10
    assert sum(path.stat().st_size for path in (SAMPLE / "events").iterdir()) < 500_000


@pytest.mark.parametrize("setting", ["as shipped", "all policies"])
def test_sample_on_duckdb(setting: str) -> None:
    """Over the sample every table of the web model is that of the oracle, whatever the variables."""
    variables, policies = SETTINGS[setting]
    shipped = Shipped("web", "duckdb", variables)
    with _duckdb() as execute:
        execute("create schema atomic")
        execute(f"create table atomic.raw_events as select * from read_parquet('{SAMPLE / 'events'}/*.parquet')")
        shipped.take_out_copies(execute, list(COLUMNS))
        shipped.build(execute)
        _assert_equal(execute, shipped, _sample_rows(), policies, setting)


@pytest.mark.parametrize("seed", range(12))
def test_random_events_on_duckdb(seed: int) -> None:
    """Over events with ties, nulls, copies, ids in two sessions, sessions of two users the tables are the oracle's."""
    print(f"seed {seed}")
    variables, policies = SETTINGS[list(SETTINGS)[seed % len(SETTINGS)]]
    events = _random_events(seed)
    shipped = Shipped("web", "duckdb", variables)
    with _duckdb() as execute:
        _load_duckdb(execute, events)
        shipped.take_out_copies(execute, list(COLUMNS))
        shipped.build(execute)
        _assert_equal(execute, shipped, events, policies, f"seed {seed}")


@pytest.mark.parametrize("seed", [None, 1001, 1006])
def test_on_postgres(postgres_url: str, seed: int | None) -> None:
    """The same SQL on Postgres gives the same tables, over the sample (no seed) and over random events."""
    print(f"seed {seed}")
    variables, policies = SETTINGS["as shipped" if seed is None else list(SETTINGS)[seed % len(SETTINGS)]]
    events = _sample_rows() if seed is None else _random_events(seed)
    shipped = Shipped("web", "postgres", variables)
    with _postgres(postgres_url) as (connection, execute):
        _load_postgres(connection, execute, events)
        shipped.take_out_copies(execute, list(COLUMNS))
        shipped.build(execute)
        _assert_equal(execute, shipped, events, policies, f"seed {seed}")


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
@pytest.mark.parametrize("seed", [None, 1007])
def test_on_other_engines(request: pytest.FixtureRequest, engine: str, seed: int | None) -> None:
    """The same SQL with the engine's own page_view_id gives the same tables, as far as what stands for it here tells."""
    print(f"seed {seed}")
    variables, policies = SETTINGS["as shipped" if seed is None else list(SETTINGS)[seed % len(SETTINGS)]]
    events = _sample_rows()[::6] if seed is None else _random_events(seed)
    shipped = Shipped("web", engine, variables)
    raw, names = "atomic.raw_events", web_everywhere.COLUMNS
    with Db(request.getfixturevalue(f"{engine}_url")) as db:
        db.execute(web_everywhere.ddl(engine, raw))
        db.load(raw, names, [tuple(event[name] for name in names) for event in events])
        shipped.take_out_copies(db.rows, names)
        shipped.build(db.rows)
        _assert_equal(db.rows, shipped, events, policies, f"{engine}, seed {seed}")


def test_the_sql_is_the_same_on_all_engines() -> None:
    """No model of the web playbook has a file of its own for an engine; only the variable page_view_id differs."""
    assert not list((ROOT / "sql" / "web").glob("*.*.sql"))
    by_engine = [
        name for name, value in Shipped("web", "duckdb").playbook["variables"].items() if isinstance(value, dict)
    ]
    assert by_engine == ["page_view_id"]
    for engine in ENGINES:
        playbook = load(ROOT / "playbooks" / "web.yml", {}, {"bot_filter": "true", "max_session_days": "1"})
        assert len(load_program(for_engine(playbook, engine), engine, engine).models) == 6


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sample_for_an_engine_is_whole(engine: str) -> None:
    """The DDL that other engines get has the sample's columns, each row has as many values, and texts fit in."""
    statements = web_everywhere.ddl(engine)
    assert sorted(web_everywhere.COLUMNS) == sorted(COLUMNS)
    rows = web_everywhere.rows()
    assert len(rows) == len(_sample_rows())
    assert {len(row) for row in rows} == {len(COLUMNS)}
    for position, name in enumerate(web_everywhere.COLUMNS):
        (kind,) = re.findall(rf"[ (]{name} ([a-z ]+(?:\(\d+\))?)[,)]", statements)
        longest = max((len(row[position].encode()) for row in rows if isinstance(row[position], str)), default=0)
        assert longest <= (256 if engine == "redshift" and kind == "varchar" else 65535), name


def test_batching_does_not_matter() -> None:
    """The order in which the rows stand in the source changes nothing: copies and ties are decided by their content."""
    seed = 77
    print(f"seed {seed}")
    events = _random_events(seed)
    tables = []
    for order in range(2):
        random.Random(order).shuffle(events)
        shipped = Shipped("web", "duckdb")
        with _duckdb() as execute:
            _load_duckdb(execute, events)
            shipped.take_out_copies(execute, list(COLUMNS))
            shipped.build(execute)
            tables.append([Counter(_table(execute, model["table"])[1]) for model in shipped.models])
    assert tables[0] == tables[1]


def test_hand_made_page_view() -> None:
    """Pings at 5, 15, 16 and 35 s fall in three buckets: 2 x 10 s + 5 s engaged, 35 s absolute; a stray one is out."""
    start = datetime(2024, 3, 1, 12)
    base: Event = dict.fromkeys(COLUMNS) | {
        "contexts_com_snowplowanalytics_snowplow_web_page_1": '[{"id": "p"}]',
        "etl_tstamp": start,
        "collector_tstamp": start,
        "domain_sessionid": "s",
        "domain_userid": "u",
        "br_viewheight": 500,
        "doc_height": 2000,
    }
    moments = [("page_view", 0, "s"), *(("page_ping", at, "s") for at in (5, 15, 16, 35)), ("page_ping", 95, "t")]
    events = [
        base
        | {
            "event_id": str(number),
            "event_name": name,
            "derived_tstamp": start + timedelta(seconds=at),
            "domain_sessionid": session,
            "pp_yoffset_max": 10 * at if name == "page_ping" else None,
        }
        for number, (name, at, session) in enumerate(moments)
    ]
    shipped = Shipped("web", "duckdb")
    columns = "engaged_time_s, absolute_time_s, page_pings, vertical_pixels_scrolled, vertical_percentage_scrolled"
    with _duckdb() as execute:
        _load_duckdb(execute, events)
        shipped.take_out_copies(execute, list(COLUMNS))
        shipped.build(execute)
        assert execute(f"select {columns} from derived.page_views") == [(25, 35, 4, 350, 43)]
        assert execute("select domain_sessionid, page_views, total_events from derived.sessions order by 1") == [
            ("s", 1, 5),
            ("t", 0, 1),
        ]
        assert execute("select sessions, page_views, engaged_time_s from derived.users") == [(2, 1, 25)]
