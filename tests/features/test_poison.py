"""Values that come from strangers and are like no other: none of them stops a playbook for good."""

from __future__ import annotations

import random
import re
from contextlib import closing
from pathlib import Path

import pytest

from runner.increment import tables
from tests.kit.project import Project, project_fixture  # noqa: F401

LONG = random.Random(5).randbytes(2000).hex()  # nothing makes it shorter
POSTGRES = {  # a name: type, odd values of it
    "t": ("text", "''", "' '", f"'{LONG}'", "E'\\x01'", "'\\ud800'", "repeat('x', 100000)"),
    "ts": (
        "timestamp",
        "'infinity'",
        "'-infinity'",
        "'4713-01-01 00:00:00.000001 BC'",
        "'294276-12-31 23:59:59.999999'",
    ),
    "tz": ("timestamptz", "'infinity'", "'4713-01-02 00:00 BC'"),
    "da": ("date", "'infinity'", "'4713-01-01 BC'", "'5874897-12-31'"),
    "ti": ("time", "'24:00'", "'00:00'"),
    "tt": ("timetz", "'24:00+15:59'", "'00:00-15:59'"),
    "dp": ("double precision", "'NaN'", "'Infinity'", "1e-310"),
    "nu": ("numeric", "'NaN'", "'-Infinity'", "1e1000::numeric", f"{'9' * 300}.{'1' * 300}"),
    "by": ("bytea", "''", "'\\x00'", f"decode('{LONG}', 'hex')"),
    "ar": ("text[]", "'{}'", "'{NULL}'", f"array['{LONG}']"),
    "dr": ("daterange", "'empty'", "'(,)'"),
    "mo": ("money", "'-92233720368547758.08'"),
    "js": ("jsonb", "'null'", f"""'["{LONG}"]'"""),
}
DUCKDB = {
    "t": ("varchar", "''", "chr(0)", "'a' || chr(0)", f"'{LONG}'", "repeat('x', 100000)"),
    "ts": ("timestamp", "'infinity'", "'290309-12-22 (BC) 00:00:00'", "'294247-01-10 04:00:54.775806'"),
    "tz": ("timestamptz", "'-infinity'", "'290309-12-22 (BC) 00:00:00'"),
    "da": ("date", "'infinity'", "'5877642-06-25 (BC)'", "'5881580-07-10'"),
    "ti": ("time", "'24:00'", "'00:00'"),
    "dp": ("double", "'NaN'", "'-Infinity'", "1e-310"),
    "hu": ("hugeint", "170141183460469231731687303715884105727"),
    "de": ("decimal(38, 10)", "9999999999999999999999999999.9999999999"),
    "bl": ("blob", "'\\x00'"),
    "ar": ("varchar[]", "[]", "[null]"),
    "st": ("struct(a integer)", "{'a': null}"),
    "bn": ("bignum", f"'{'9' * 400}'::bignum"),
}


def insert(project: Project, values: dict[str, tuple[str, ...]], batch: int) -> None:
    """A row for each odd value; a column that has no more of them has its first one again."""
    rows = []
    for number in range(max(map(len, values.values())) - 1):
        odd = [some[1:][number % (len(some) - 1)] for some in values.values()]
        rows.append(f"({number % 2}, timestamp '2024-01-0{batch}', {', '.join(odd)})")
    project.db.execute(f"insert into atomic.odd values {', '.join(rows)}")


def test_odd_keys(project: Project) -> None:
    """As keys, alone and beside another, of a model over the source and of one below: run, kept, rewound and verified."""
    values = DUCKDB if project.duckdb else POSTGRES
    columns = ", ".join(f"{name} {some[0]}" for name, some in values.items())
    project.db.execute(f"create table atomic.odd (b integer, etl_tstamp timestamp, {columns})")
    nothing = ", ".join(["null"] * len(values))
    project.db.execute(f"insert into atomic.odd values (1, timestamp '2024-01-01', {nothing})")
    project.source["table"] = "atomic.odd"
    for name in values:
        text = f"select {name}, b, count(*) as n from atomic.odd group by {name}, b"
        project.model(f"m_{name}", text, key=[name, "b"], unique=[name, "b"])
        project.model(f"d_{name}", f"select {name}, sum(n) as n from derived.m_{name} group by {name}", key=name)
    project.run()
    insert(project, values, 2)
    said = project.run().out
    assert ("gave way" in said) == (not project.duckdb)
    insert(project, values, 3)
    project.run("--model", "d_t")
    project.db.execute("delete from atomic.odd where etl_tstamp = timestamp '2024-01-02'")
    project.command("rewind", "--since", "2024-01-03", "--model", "d_t")
    assert "gave way" not in project.run("--retract").out
    assert project.command("verify").code == 0


def test_odd_values_are_told(project: Project) -> None:
    """A check that fails shows them, though no driver has a value for them."""
    project.db.execute("create table atomic.odd (t timestamp, etl_tstamp timestamp)")
    project.source["table"] = "atomic.odd"
    project.model("m", "select t from atomic.odd", unique="t")
    row = "timestamp 'infinity', timestamp '2024-01-01'"
    project.db.execute(f"insert into atomic.odd values ({row}), ({row})")
    assert "t is not unique: infinity would stand 2 times" in project.run(code=6).err


def test_an_index_gives_way(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a hash where it is of one column and rows of one key are few, else to none; one of the user's own is named."""
    monkeypatch.setattr(tables, "MANY", 3)
    with closing(Project(postgres_url, tmp_path / "project")) as project:
        project.db.execute("create table atomic.odd (k text, n integer, etl_tstamp timestamp)")
        project.source["table"] = "atomic.odd"
        project.model("one", "select k, count(*) as n from atomic.odd group by k", key="k")
        project.model("many", "select k, n from atomic.odd", key="k")
        odd = "insert into atomic.odd select {}, n, timestamp '2024-01-01' from generate_series(1, {}) n"
        project.db.execute(odd.format("'a'", 4))
        project.run()
        project.db.execute(odd.format(f"'{LONG}'", 4))
        project.checked()
        indexes = "select tablename, indexdef like '%USING hash%' from pg_indexes where schemaname = 'derived'"
        assert project.rows(indexes) == [("one", True)]
        project.db.execute("create index by_hand on derived.many (n, k) where n > 4")
        project.db.execute(odd.format(f"'{LONG}x'", 5))
        assert "by_hand" in project.run(code=6).err
        project.db.execute("drop index derived.by_hand")
        project.checked()


def test_null_is_no_empty_text(postgres_url: str, tmp_path: Path) -> None:
    """In a key of several columns NULL and what stands in for it when keys are compared are two keys."""
    with closing(Project(postgres_url, tmp_path / "project")) as project:
        project.db.execute("create table atomic.odd (a text, b integer, etl_tstamp timestamp)")
        project.source["table"] = "atomic.odd"
        project.model("m", "select a, b, count(*) as n from atomic.odd group by a, b", key=["a", "b"])
        at = "timestamp '2024-01-0{}'"
        rows = [(a, b) for a in ("''", "null", "'x'") for b in ("0", "null")]
        project.db.execute(f"insert into atomic.odd values {', '.join(f'({a}, {b}, {at.format(1)})' for a, b in rows)}")
        project.checked()
        for day, (a, b) in enumerate(rows[:4], 2):
            project.db.execute(f"insert into atomic.odd values ({a}, {b}, {at.format(day)})")
            assert "1 keys   +0 ~1 -0" in project.checked().out


def test_a_batch_that_is_no_timestamp(project: Project) -> None:
    """The error says how to write `batch` so that such rows are a batch of their own, and that works."""
    project.db.execute("create table atomic.odd (k varchar(9), moment varchar(30))")
    project.source |= {"table": "atomic.odd", "batch": "moment"}
    project.model("m", "select k, count(*) as n from atomic.odd group by k", key="k")
    project.db.execute("insert into atomic.odd values ('a', '2024-01-01')")
    project.run()
    project.db.execute("insert into atomic.odd values ('a', 'rubbish'), ('b', ''), ('c', 'infinity')")
    said = project.run(code=6).err
    (project.source["batch"],) = re.findall(r'batch: "(.*)" makes such rows', said)
    project.checked()
    assert project.command("verify").code == 0


TYPES = {  # a value of each, but for a digit
    "postgres": {
        "json": """'{"a": %d}'""",
        "point": "point(%d, 1)",
        "line": "line(point(%d, 1), point(5, 5))",
        "lseg": "lseg(point(%d, 1), point(5, 5))",
        "box": "box(point(%d, 1), point(5, 5))",
        "path": "path '((%d, 1), (2, 2))'",
        "polygon": "polygon '((%d, 1), (2, 2))'",
        "circle": "circle(point(%d, 1), 2)",
        "json[]": """array['{"a": %d}'::json]""",
        "point[]": "array[point(%d, 1)]",
        "jsonb": """'{"a": %d}'""",
        "tsquery": "to_tsquery('a%d')",
        "pg_snapshot": "'1%d:200:'",
        "jsonpath": "'$.a%d'",
        "public.document": """'{"a": %d}'""",
        "public.pair": "row(%d, '{}')::public.pair",
        "public.pair[]": "array[row(%d, '{}')::public.pair]",
        "public.mood": "'m%d'",
        "int4range": "int4range(%d, 10)",
        "refcursor": "'c%d'",
        "bpchar": "'a%d '",
        "xid": "'%d'",
    },
    "duckdb": {
        "json": """'{"a": %d}'""",
        "struct(a integer, b varchar[])": "{'a': %d, 'b': ['x']}",
        "map(varchar, integer)": "map {'a': %d}",
        "union(n integer, s varchar)": "%d",
        "variant": "%d::variant",
        "variant[]": "[%d::variant]",
        "struct(j json)": "{'j': '%d'}",
        "bit": "'1%d'::bit",
        "interval": "interval %d day",
        "enum('m1', 'm2', 'm3', 'm4')": "'m%d'",
        "bignum": "%d::bignum",
        "integer[2]": "[%d, 2]",
    },
}


def test_types_without_equality(project: Project) -> None:
    """Values that cannot be compared are, by their texts: in models, copies, look-ups and fingerprints, run after run."""
    types = TYPES[project.db.engine]
    if not project.duckdb:
        project.db.execute("create domain public.document as json; create type public.pair as (a int, j json)")
        project.db.execute("create type public.mood as enum ('m1', 'm2', 'm3', 'm4')")
    columns = ", ".join(f"v{n} {type_}" for n, type_ in enumerate(types))
    listed = ", ".join(f"v{n}" for n in range(len(types)))
    project.db.execute(f"create table atomic.odd (id integer, b integer, etl_tstamp timestamp, {columns})")
    project.db.execute(f"create table atomic.look (c integer, {columns})")

    def values(digit: int) -> str:
        return ", ".join(value % (digit % 2) if type_ == "bit" else value % digit for type_, value in types.items())

    project.source = {"table": "atomic.odd", "batch": "etl_tstamp", "dedupe": ["id", "b"], "fingerprint": True}
    project.model("m", f"select b, id, {listed} from atomic.odd", key="b")
    project.model("whole", f"select b, {listed} from atomic.odd")
    project.model("below", f"select b, {listed} from derived.m where id > 0", key="b", unique=["b", "id"])
    project.model("below", f"select b, id, {listed} from derived.m where id > 0")
    looked = ", ".join(f"l.v{n}" for n in range(len(types)))
    project.model("looked", f"select o.b, {looked} from atomic.odd o left join atomic.look l on l.c = o.b", key="b")
    project.db.execute(f"insert into atomic.look values (1, {values(1)})")
    for day in (1, 2, 3):
        at = f"timestamp '2024-01-0{day}'"
        rows = [(1, 1, day), (1, 1, day + 1), (day, 2, 1)]  # two of them are copies
        listed_rows = ", ".join(f"({n}, {b}, {at}, {values(digit)})" for n, b, digit in rows)
        project.db.execute(f"insert into atomic.odd values {listed_rows}")
        if day == 2:
            project.db.execute(f"delete from atomic.look; insert into atomic.look values (1, {values(2)})")
        project.run()
    assert project.command("verify").code == 0
