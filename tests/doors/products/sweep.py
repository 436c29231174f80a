"""The sweep: all schemas of a part of Iglu Central × event, single, multiple × layouts, each value compared with its JSON.

Tables on Postgres are made of the DDLs that Iglu Central has for them, with the columns that a loader's migration adds; of
other schemas as the Postgres loader does it. Where the folder is absent there are no schemas.
"""

from __future__ import annotations

import json
import os
import random
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.doors.products import sweep_oracle as oracle
from tests.engines import postgres
from tests.engines.db import Db
from tests.kit import ROOT, driver
from tests.kit.tally import Tally

DATA = Path(os.environ.get("RUNNER_TEST_DATA", ROOT.parent / "shared" / "data")) / "iglu"
KINDS = ("event", "single", "multiple")
LAYOUTS = ("json", "struct", "shredded")
ID = "11111111-0000-4000-8000-000000000001"
SPECIFICATION = "com_snowplowanalytics_snowplow_event_specification_1"
OWN = frozenset(
    "root_id root_tstamp ref_root ref_tree ref_parent schema_vendor schema_name schema_format schema_version".split()
)
TYPE = r"varchar|char|decimal|numeric|integer|int|bigint|smallint|double precision|boolean|timestamp|date|real"
EVENTS = 4  # of each case
STAMP = "2024-03-01 10:00:00"


@dataclass(frozen=True)
class Case:
    """A schema, used as an event or entity, in a layout."""

    path: Path
    kind: str
    layout: str

    def __str__(self) -> str:
        return f"{'/'.join(self.path.parts[-4:])} as {self.kind}, {self.layout}"


def is_object(path: Path) -> bool:
    """Whether a schema is of an object, and a file that can be read one way: with a key twice it is refused."""
    twice = False

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        twice = twice or len(dict(found)) < len(found)
        return dict(found)

    schema = json.loads(path.read_text(), object_pairs_hook=pairs)
    return schema.get("type", "object") == "object" and not twice


def cases() -> list[Case]:
    """All of them; none where there is no data."""
    paths = sorted(path for path in DATA.glob("schemas/*/*/jsonschema/*") if path.is_file())
    objects = [path for path in paths if is_object(path)]
    return [Case(path, kind, layout) for path in objects for kind in KINDS for layout in LAYOUTS]


def quoted(cell: Any) -> str:
    """A text or null as SQL."""
    return "null" if cell is None else "'" + str(cell).replace("'", "''") + "'"


@cache
def ddl_columns() -> dict[str, dict[str, str]]:
    """The columns of the tables of Iglu Central's DDLs, with their types."""
    found = {}
    for path in sorted(DATA.glob("sql/*/*.sql")):
        text = re.sub(r"--.*", "", path.read_text())
        table = re.search(
            r'create\s+table\s+(?:if\s+not\s+exists\s+)?(?:\w+\.)?"?(\w+)"?\s*\((.*)', text, re.IGNORECASE | re.DOTALL
        )
        if table:
            listed = re.findall(
                rf'^\s*,?\s*"?([\w.]+?)"?\s+((?:{TYPE})\b\s*(?:\([\d, ]+\))?)', table[2], re.IGNORECASE | re.MULTILINE
            )
            found[table[1].lower()] = {name.lower(): type_.lower() for name, type_ in listed if name.lower() not in OWN}
    return found


class Sweep:
    """Plays cases: one Postgres for all of them, a DuckDB in memory for each."""

    def __init__(self, server: Db | None) -> None:
        self.server = server
        self.generated = self.ran = self.right = 0
        self.notes: list[str] = []

    def play(self, case: Case, seed: int) -> None:
        """One case, counted."""
        rng = random.Random(f"{seed} {case}")
        schema = json.loads(case.path.read_text())
        own = schema["self"]
        home = f"{oracle.lake_name(own['vendor'])}_{oracle.snake(own['name'])}_{own['version'].split('-')[0]}"
        elements = [self.elements(case, schema, rng, number) for number in range(EVENTS)]
        with tempfile.TemporaryDirectory() as folder:
            engine = "postgres" if case.layout == "shredded" else "duckdb"
            sql = self.generated_text(Path(folder), case, own, engine)
        if sql is None:
            return
        self.generated += 1
        try:
            rows = (
                self._on_postgres(home, schema, elements, sql)
                if case.layout == "shredded"
                else self.on_duckdb(case, home, schema, elements, sql)
            )
        except Exception as error:
            self.notes.append(f"{case}, seed {seed}: {type(error).__name__}: {str(error)[:300]}")
            return
        self.ran += 1
        wrong = self.wrong(case, schema, elements, rows)
        if wrong:
            self.notes.append(f"{case}, seed {seed}: {wrong[:400]}")
        else:
            self.right += 1

    def elements(self, case: Case, schema: oracle.Node, rng: random.Random, number: int) -> list[dict[str, Any]]:
        count = rng.randint(1, 3) if case.kind == "multiple" else 1
        made = [oracle.element(schema, rng, full=number == 0) for _ in range(count)]
        if schema["self"]["name"] == "event_specification":  # it is what the rows are told by
            made = [one | {"id": ID} for one in made]
        return made

    def generated_text(self, folder: Path, case: Case, own: dict[str, str], engine: str) -> str | None:
        """The View's SELECT, or nothing and a note."""
        uri = f"iglu:{own['vendor']}/{own['name']}/jsonschema/{own['version']}"
        most = {"single": ', "maxCardinality": 1'}.get(case.kind, "")
        entity = f'[{{"source": "{uri}"{most}}}]' if case.kind != "event" else "[]"
        event = uri if case.kind == "event" else "iglu:com.snowplowanalytics.snowplow/page_view/jsonschema/1-0-0"
        (folder / "product.json").write_text(
            f'{{"apiVersion": "v1", "resourceType": "data-product", "resourceName": "p", "data": {{"name": "Sweep",'
            f' "eventSpecifications": [{{"resourceName": "{ID}", "name": "One", "event": {{"source": "{event}"}},'
            f' "entities": {{"tracked": {entity}}}}}]}}}}'
        )
        flags = ["--engine", engine, "--columns", "event_id"]
        flags += ["--layout", case.layout] if engine in ("duckdb", "postgres") else []
        said = driver.command(
            "generate", "view", str(folder / "product.json"), "--schemas", str(case.path.parent), *flags
        )
        if said.code:
            self.notes.append(f"{case}: {said.text[:300]}")
            return None
        return said.text.partition(" as\n")[2].rstrip().rstrip(";")

    def on_duckdb(
        self,
        case: Case,
        home: str,
        schema: oracle.Node,
        elements: list[list[dict[str, Any]]],
        sql: str,
        untold: str = "VARCHAR",
    ) -> list[Any]:
        column = f"{'unstruct_event' if case.kind == 'event' else 'contexts'}_{home}"
        type_ = oracle.lake_type({**schema, "type": "object"}, untold) if case.layout == "struct" else "json"
        many = type_ if case.kind == "event" or type_ == "json" else f"{type_}[]"
        with Db("duckdb:///:memory:") as db:
            db.execute("create schema atomic")
            own = "event_id varchar, event_vendor varchar, event_name varchar, event_version varchar, collector_tstamp timestamp, etl_tstamp timestamp"
            same = "" if home == SPECIFICATION and case.kind != "event" else f", contexts_{SPECIFICATION} json"
            db.execute(f"create table atomic.events ({own}, {column} {many}{same})")
            for number, found in enumerate(elements):
                listed = (
                    [oracle.lake_value({**schema, "type": "object"}, one, untold) for one in found]
                    if case.layout == "struct"
                    else found
                )
                cell = quoted(json.dumps(listed[0] if case.kind == "event" else listed))
                made = f"cast(cast({cell} as json) as {many})"
                ids = f', \'[{{"id": "{ID}"}}]\'' if same else ""
                db.execute(
                    f"insert into atomic.events select 'e{number}', null, null, null, '{STAMP}', '{STAMP}', {made}{ids}"
                )
            return sorted(db.rows(sql), key=lambda row: str(row[0]))

    def _on_postgres(self, home: str, schema: oracle.Node, elements: list[list[dict[str, Any]]], sql: str) -> list[Any]:
        assert self.server
        db = self.server
        db.execute("drop schema if exists atomic cascade")
        db.execute("create schema atomic")
        own = "event_id varchar, event_vendor varchar, event_name varchar, event_version varchar, collector_tstamp timestamp, etl_tstamp timestamp"
        db.execute(f"create table atomic.events ({own})")
        known = ddl_columns().get(home, {})
        columns = {}  # the DDL's, then what a migration adds
        for path, node in oracle.leaves(schema):
            name, loaders = oracle.column(path)[:63], oracle.postgres_type(node)
            type_ = known.get(name) or ("varchar" if known and loaders == "jsonb" else loaders)
            if "int" in type_ and oracle.kind(node) == "number":  # a DDL that has lost its schema
                type_ = loaders
            columns[name] = (path, node, type_)
        listed = "".join(f', "{name}" {type_}' for name, (_, _, type_) in columns.items())
        db.execute(f"create table atomic.{home[:63]} (root_id varchar, root_tstamp timestamp{listed})")
        if home != SPECIFICATION:
            db.execute(f"create table atomic.{SPECIFICATION} (root_id varchar, root_tstamp timestamp, id varchar)")
        for number, found in enumerate(elements):
            db.execute(f"insert into atomic.events values ('e{number}', null, null, null, '{STAMP}', '{STAMP}')")
            if home != SPECIFICATION:
                db.execute(f"insert into atomic.{SPECIFICATION} values ('e{number}', '{STAMP}', '{ID}')")
            for one in found:
                cells = [oracle.cell(node, oracle.at(one, path), type_) for path, node, type_ in columns.values()]
                db.execute(
                    f"insert into atomic.{home[:63]} values ({', '.join(map(quoted, [f'e{number}', STAMP, *cells]))})"
                )
        return sorted(db.rows(sql), key=lambda row: str(row[0]))

    def wrong(self, case: Case, schema: oracle.Node, elements: list[list[dict[str, Any]]], rows: list[Any]) -> str:
        """The first value that is not the JSON's."""
        if len(rows) != EVENTS:
            return f"{len(rows)} rows of {EVENTS}"
        for row, found in zip(rows, elements, strict=True):
            if case.kind == "multiple":
                got = json.loads(row[1]) if isinstance(row[1], str) else row[1] or []
                rest = list(got)
                for one in found:
                    hit = next((each for each in rest if oracle.same({**schema, "type": "object"}, each, one)), None)
                    if hit is None and schema.get("properties"):
                        return f"no element is {one}: {got}"
                    rest = [each for each in rest if each is not hit]
                continue
            for cell, (name, node) in zip(row[1:], schema.get("properties", {}).items(), strict=True):
                if not oracle.same(node, cell, found[0].get(name)):
                    return f"{name}: {cell!r} is not {found[0].get(name)!r}"
        return ""


def _swept(some: list[Case], seed: int, server: Db | None) -> Sweep:
    sweep = Sweep(server)
    for case in some:
        sweep.play(case, seed)
    return sweep


def sweep(some: list[Case], seed: int) -> Sweep:
    """Play these cases, with a Postgres of their own if they need one."""
    if all(case.layout != "shredded" for case in some):
        return _swept(some, seed, None)
    with postgres.server() as server, postgres.database(server, f"sweep_{os.getpid()}_{seed}") as url, Db(url) as db:
        return _swept(some, seed, db)


def soak(size: int, seed: int) -> list[Tally]:
    """`size` cases, beginning with that of the seed."""
    every = cases()
    first = (seed - 100_000) % max(len(every), 1)
    return list(_tallies(every[first : first + size], seed))


def _tallies(some: list[Case], seed: int) -> Iterator[Tally]:
    for layout in LAYOUTS:
        chosen = [case for case in some if case.layout == layout]
        found = sweep(chosen, seed)
        counts = f"{len(chosen)} cases: {found.generated} generated, {found.ran} ran, {found.right} right"
        bad = len(chosen) - found.right
        yield Tally(27, f"sweep of schemas, {counts}" if bad else "sweep of schemas", layout, len(chosen), 0, bad,
                    seeds=str(seed), notes=tuple(found.notes))  # fmt: skip
