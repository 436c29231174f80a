"""The real e-commerce events in a warehouse, as loaders lay them out, and what tests ask of them.

DuckDB has one table with the JSON of each schema in a column named by its major version: as text (layout `json`), or as
structs whose fields are in snake_case (`struct`). Postgres (`shredded`) has atomic.events with the atomic columns and a
table for each schema, a row for each element.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.doors.products.oracle import (
    SPECIFICATION,
    Column,
    Oracle,
    Selection,
    Table,
    elements,
    parts,
    read_csv,
    snake,
    typed,
    utc,
)
from tests.engines.db import Db
from tests.models.test_ecommerce_model import DATA, EVENTS, TIMES

FILES = Path(__file__).parent / "shop_product"
PRODUCT = FILES / "data-products" / "ecommerce.yaml"
STRUCTURES = FILES / "data-structures"
STAMPS = frozenset(TIMES | {"load_tstamp"})
COLUMNS = ("event_id", "event_name", "derived_tstamp", "user_id", "domain_userid", "domain_sessionid", "network_userid")
TYPES = {"integer": "bigint", "number": "double precision", "boolean": "boolean"}
OWN = ("schema_vendor", "schema_name", "schema_format", "schema_version", "root_id", "root_tstamp")
OWN_TYPES = (*["varchar"] * 5, "timestamp")
ID_SCHEMA = {"properties": {"id": {"type": "string"}}}

Row = tuple[Any, ...]


def real_events() -> list[dict[str, str]]:
    """The 833 real events, with the hour of etl_tstamp as load_tstamp, which they lack."""
    events = read_csv(EVENTS)
    for event in events:
        event["load_tstamp"] = str(utc(event["etl_tstamp"]).replace(minute=0, second=0, microsecond=0))
    return events


def absent() -> str:
    """Why there are no real events, or nothing."""
    return "" if EVENTS.is_file() else f"no real events: {DATA} is missing (set RUNNER_TEST_DATA)"


def column_of(name: str) -> str:
    """The warehouse's name of a column of the CSV: the major version is all that is kept of a version."""
    return name.rsplit("_", 2)[0] if name.startswith(("contexts_", "unstruct_event_")) else name


def family(source: str) -> str:
    """What loaders call a schema, of any version with the same major one."""
    vendor, name, version = parts(source)
    return f"{vendor.replace('.', '_')}_{name}_{version.split('-')[0]}"


def table_of(source: str) -> str:
    """The table of a schema in Postgres, as long as its names may be."""
    return family(source)[:63]


def starts(source: str) -> Callable[[str], bool]:
    """Whether a column of the CSV is one of a schema."""
    names = (f"contexts_{family(source)}", f"unstruct_event_{family(source)}")
    return lambda column: column_of(column) in names


def value(name: str, text: str | None) -> Any:
    """A cell of atomic.events."""
    return utc(text) if text and name in STAMPS else text or None


class Shop:
    """A warehouse with the tables of atomic; events come into them by their positions in `events`."""

    def __init__(self, db: Db, oracle: Oracle, events: Sequence[Mapping[str, str]], layout: str = "json") -> None:
        self.db = db
        self.oracle = oracle
        self.events = events
        self.names = list(events[0])
        self.shredded: dict[str, Mapping[str, Any]] = {}
        db.execute("create schema atomic")
        if db.engine == "postgres":
            self.names = [name for name in self.names if column_of(name) == name]
            self.shredded = {
                source: schema
                for source, schema in (oracle.schemas | {SPECIFICATION: ID_SCHEMA}).items()
                if any(elements(event, source) is not None for event in events)
            }
        self.structs = self._structs() if layout == "struct" else {}
        kinds = {name: "timestamp" if name in STAMPS else self.structs.get(name, "varchar") for name in self.names}
        columns = ", ".join(f"{column_of(name)} {kind}" for name, kind in kinds.items())
        db.execute(f"create table atomic.events ({columns})")
        if db.engine == "duckdb":
            self._wait(columns)
        for source, schema in self.shredded.items():
            own = [f"{name} {kind}" for name, kind in zip(OWN, OWN_TYPES, strict=True)]
            own += [f'"{snake(key)}" {self._type(of)}' for key, of in schema["properties"].items()]
            db.execute(f"create table atomic.{table_of(source)} ({', '.join(own)})")

    def _wait(self, columns: str) -> None:
        """All events with their positions in a table of their own: parameters of inserts would take long."""
        self.db.execute(f"create schema if not exists waiting; create or replace table waiting.events ({columns})")
        self.db.execute("alter table waiting.events add column position integer")
        for name in self.structs:
            self.db.execute(f"alter table waiting.events alter {column_of(name)} type json")
        rows = [(*(self._cell(name, event) for name in self.names), at) for at, event in enumerate(self.events)]
        self.db.load("waiting.events", [*map(column_of, self.names), "position"], rows)

    def _structs(self) -> dict[str, str]:
        """The type of each column of the CSV that holds elements."""
        found = {}
        for source, schema in self.oracle.schemas.items():
            fields = ", ".join(f'"{snake(key)}" {self._type(of)}' for key, of in schema["properties"].items())
            for name in filter(starts(source), self.names):
                found[name] = f"struct({fields})" + ("" if name.startswith("unstruct_") else "[]")
        return found

    @staticmethod
    def _type(schema: Mapping[str, Any]) -> str:
        kinds = [kind for kind in [*schema["type"]] if kind != "null"]
        kind = schema["type"] if isinstance(schema["type"], str) else kinds[0] if len(kinds) == 1 else "string"
        if schema.get("format") == "date-time":
            return "timestamp"
        return TYPES.get(kind, "varchar")

    def arrive(self, positions: Sequence[int]) -> None:
        """Some events come, in one transaction; a position that is there twice comes twice, with all that it carries."""
        with self.db.transaction():
            self.rows(positions)
            self.elements(positions)
        if self.shredded:
            self.db.execute("analyze")

    def rows(self, positions: Sequence[int]) -> None:
        """The rows of atomic.events."""
        if self.db.engine == "duckdb":
            came = f"(select unnest({list(positions)}) as position)"
            self.db.execute(
                f"insert into atomic.events select * exclude position from {came} join waiting.events using (position)"
            )
        else:
            rows = [tuple(value(name, self.events[at].get(name)) for name in self.names) for at in positions]
            self.db.load("atomic.events", self.names, rows)

    def elements(self, positions: Sequence[int]) -> None:
        """The rows of the tables of schemas, where there are any."""
        for source, schema in self.shredded.items():
            self._shred(source, schema, positions)

    def _cell(self, name: str, event: Mapping[str, str]) -> Any:
        if name not in self.structs or not event[name]:
            return value(name, event.get(name))
        source = next(source for source in self.oracle.schemas if starts(source)(name))
        told = json.loads(event[name])
        plain = [self.oracle.plain(source, element) for element in (told if isinstance(told, list) else [told])]
        return json.dumps(plain if isinstance(told, list) else plain[0], default=str)

    def _shred(self, source: str, schema: Mapping[str, Any], positions: Sequence[int]) -> None:
        """The rows of one schema's table."""
        vendor, name, version = parts(source)
        rows: list[Row] = []
        for at in positions:
            event = self.events[at]
            own = (vendor, name, "jsonschema", version, event["event_id"], utc(event["collector_tstamp"]))
            for element in elements(event, source) or []:
                cells = (typed(of, element.get(key)) for key, of in schema["properties"].items())
                rows.append((*own, *cells))
        self.db.load(f"atomic.{table_of(source)}", [*OWN, *map(snake, schema["properties"])], rows)


def found(db: Db, relation: str, oracle: Oracle, columns: Sequence[Column]) -> tuple[list[str], list[Row]]:
    """Names and rows of a table or view; arrays are read as the oracle has them."""
    schema, _, name = relation.rpartition(".")
    where = f"table_name = '{name}'" + (f" and table_schema = '{schema}'" if schema else "")
    order = "select column_name from information_schema.columns where"
    names = [row[0] for row in db.rows(f"{order} {where} order by ordinal_position")]
    listed = ", ".join(f'"{name}"' for name in names)
    rows = db.rows(f"select {listed} from {relation}")
    arrays = {column.name: column.source for column in columns if column.array}

    def read(name: str, cell: Any) -> Any:
        if name not in arrays or cell is None:
            return cell
        listed = json.loads(cell) if isinstance(cell, str) else cell
        read = [json.loads(element) if isinstance(element, str) else element for element in listed]
        return [oracle.plain(arrays[name], element) for element in read]

    return names, [tuple(read(name, cell) for name, cell in zip(names, row, strict=True)) for row in rows]


def expected(
    oracle: Oracle, events: Sequence[Mapping[str, str]], selection: Selection, engine: str
) -> tuple[list[Column], list[Row]]:
    """The oracle's table as an engine can hold it: shredded tables know no empty list and no order of elements."""
    table: Table = oracle.table(events, selection, STAMPS)
    return table.columns, [tuple(held(engine, cell) for cell in row) for row in table.rows]


def held(engine: str, cell: Any) -> Any:
    """A value as an engine can hold it."""
    if engine == "postgres" and isinstance(cell, list):
        return sorted(cell, key=repr) or None
    return cell


def differences(
    db: Db,
    relation: str,
    oracle: Oracle,
    events: Sequence[Mapping[str, str]],
    selection: Selection,
    ignoring: Sequence[str] = (),
) -> dict[str, Any]:
    """What of a table or view is not as the oracle says, column by column; nothing, if all is well."""
    columns, ours = expected(oracle, events, selection, db.engine)
    names, rows = found(db, relation, oracle, columns)
    if names != [column.name for column in columns]:
        return {"columns": (names, [column.name for column in columns])}
    key = next(at for at, column in enumerate(columns) if column.key == "event_id" and not column.source)
    there = {row[key]: tuple(held(db.engine, cell) for cell in row) for row in rows}
    wanted = {row[key]: row for row in ours}
    if len(rows) != len(ours) or there.keys() != wanted.keys():
        more, less = there.keys() - wanted.keys(), wanted.keys() - there.keys()
        return {"rows": (len(rows), len(ours)), "more": sorted(more)[:5], "less": sorted(less)[:5]}
    different = {
        name: [(k, there[k][at], wanted[k][at]) for k in wanted if there[k][at] != wanted[k][at]]
        for at, name in enumerate(names)
        if name not in ignoring
    }
    return {name: cells[:2] for name, cells in different.items() if cells}
