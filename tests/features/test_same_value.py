"""What counts as changed: another value, equal or not. '30 days' is not '1 month', and `bob` is not `Bob`."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.warehouse.engines import ENGINES
from tests.kit.project import Project, project_fixture  # noqa: F401

LAST = """
select k, v from (select k, v{n} as v, row_number() over (partition by k order by x desc) as r from atomic.v) q
where r = 1
"""

# Type, and two values of it that are equal and not the same.
EQUAL: dict[str, list[tuple[str, str, str]]] = {
    "duckdb": [
        ("interval", "interval '1 month'", "interval '30 days'"),
        ("varchar collate nocase", "'Bob'", "'bob'"),
        ("double", "0.0", "'-0.0'::double"),
        ("interval[]", "[interval '1 month']", "[interval '30 days']"),
        ("struct(a interval)", "{'a': interval '1 month'}", "{'a': interval '30 days'}"),
        ("map(varchar, interval)", "map {'a': interval '1 month'}", "map {'a': interval '30 days'}"),
        ("variant", "1::variant", "1.0::variant"),
        ("json", """'{"a":1}'""", """'{"a": 1}'"""),
    ],
    "postgres": [
        ("interval", "interval '1 month'", "interval '30 days'"),
        ("citext", "'Bob'", "'bob'"),
        ("numeric", "1.0", "1.00"),
        ("numeric[]", "array[1.0]", "array[1.00]"),
        ("double precision", "0.0", "'-0.0'::float8"),
        ("jsonb", """'{"a": 1.0}'""", """'{"a": 1.00}'"""),
        ("json", """'{"a":1}'""", """'{"a": 1}'"""),
        ("pair", "row(1.0, 'x')", "row(1.00, 'x')"),
        ("bpchar", "'a'", "'a '"),
    ],
}
TYPES = "create extension citext; create type pair as (n numeric, t text)"


def equal_values(project: Project) -> list[tuple[str, str, str]]:
    """A source with a column of each type, and a model that takes each one's last value."""
    engine = "duckdb" if project.duckdb else "postgres"
    if engine == "postgres":
        project.db.execute(TYPES)
    found = EQUAL[engine]
    columns = ", ".join(f"v{n} {type_}" for n, (type_, _, _) in enumerate(found))
    project.db.execute(f"create table atomic.v (k varchar(9), x int, etl_tstamp timestamp, {columns})")
    project.source = {"table": "atomic.v", "batch": "etl_tstamp"}
    for n in range(len(found)):
        project.model(f"m{n}", LAST.format(n=n), key="k", unproven=True)
    project.db.execute(insert(1, [old for _, old, _ in found]))
    project.run()
    return found


def insert(batch: int, values: list[str]) -> str:
    """One event, in a batch of its own."""
    return f"insert into atomic.v values ('a', {batch}, timestamp '2024-01-0{batch} 00:00:00', {', '.join(values)})"


def stored(project: Project, count: int) -> list[str]:
    """What readers see of each model, as text: where a cast would lose something, by what keeps it."""
    text = "cast(v as varchar)" if project.duckdb else "format('%s', v)"
    return [str(project.one(f"select {text} from derived.m{n}")) for n in range(count)]


def test_a_value_that_is_equal_and_not_the_same_is_published(project: Project) -> None:
    """Of whatever type; and `verify` tells it from the one that should be there."""
    found = equal_values(project)
    before = stored(project, len(found))
    project.db.execute(insert(2, [new for _, _, new in found]))
    said = project.run().text
    after = stored(project, len(found))
    for n, (type_, _, _) in enumerate(found):
        assert before[n] != after[n], f"{type_}: still {after[n]}\n{said}"
    assert "every row compared equals" in project.command("verify").out
    for n, (type_, old, _) in enumerate(found):
        project.db.execute(f"delete from derived.m{n}; insert into derived.m{n} values ('a', {old})")
        assert project.command("verify", "--model", f"derived.m{n}", code=9).out, type_


@pytest.mark.parametrize(
    ("engine", "type_", "told"),
    [
        ("duckdb", "INTEGER", ("v",)),
        ("duckdb", "TIMESTAMP WITH TIME ZONE", ("v",)),
        ("duckdb", "DECIMAL(18,3)", ("v",)),
        ("duckdb", "VARCHAR[]", ("v",)),
        ("duckdb", "VARCHAR", ("v", "encode(v)")),  # DuckDB leaves out of a group what follows from the rest of it
        ("duckdb", "UNION(a INTERVAL, b INTEGER)", ("v", "cast(v as varchar)")),
        ("postgres", "numeric(10,2)", ("v",)),
        ("postgres", "character varying(20)", ("v",)),
        ("postgres", "timestamp(3) without time zone", ("v",)),
        ("postgres", "integer[]", ("v",)),
        ("postgres", "citext", ("v", '(cast(v as text) collate "C")')),
        ("postgres", "xml", ('(cast(v as text) collate "C")',)),
        ("redshift", "bigint", ("v",)),
        ("redshift", "character varying(256)", ("v", "md5(v)")),
        ("redshift", "super", ("json_serialize(v)",)),
        ("snowflake", "NUMBER(38,0)", ("v",)),
        ("snowflake", "VARCHAR(16777216)", ("v",)),
        ("snowflake", "VARCHAR(10) COLLATE 'en-ci'", ("v", "to_binary(v, 'UTF-8')")),
        ("snowflake", "TIMESTAMP_TZ(9)", ("v", "cast(v as varchar)")),
        ("snowflake", "VARIANT", ("to_json(v)",)),
    ],
)
def test_types_whose_equal_values_are_the_same_pay_nothing(engine: str, type_: str, told: tuple[str, ...]) -> None:
    """Whole numbers, times, texts without a collation: they are compared as they are."""
    assert ENGINES[engine].told_apart("v", type_) == told


WIDEST = 1600


def test_a_table_as_wide_as_the_engine_allows_is_kept_up_to_date(project: Project) -> None:
    """What differs has its counts beside it only where there is room for them; types of all sorts among them."""
    if project.duckdb:
        pytest.skip("its tables have no widest")
    columns = ", ".join(f"v{n} {'numeric' if n % 8 else 'json'}" for n in range(WIDEST - 2))
    project.db.execute(f"create table atomic.wide ({columns}); insert into atomic.wide default values")
    project.top = {"lookups": {"atomic.wide": "static"}}
    sessions = "select domain_sessionid as k, count(*) as n from atomic.events group by 1"
    project.model("keyed", f"select e.k, e.n, w.* from ({sessions}) e cross join atomic.wide w")
    project.models["keyed"] |= {"key": {"k": "domain_sessionid"}, "unproven": True}
    total = "select count(*) as n, count(distinct page_url) as pages from atomic.events"
    project.model("total", f"select e.n, e.pages, w.* from ({total}) e cross join atomic.wide w")
    project.add(0, "s1 u1 1", "s2 u1 2")
    project.run()
    project.add(1, "s2 u1 3")
    said = project.run().text
    assert said.count("+0 ~1 -0") == 1, said
    assert said.count("+1 ~0 -1") == 1, said
    assert project.rows("select k, n from derived.keyed") == [("s1", 1), ("s2", 2)]
    assert project.one("select n from derived.total") == 3
    project.db.execute("update derived.keyed set n = 5 where k = 's1'")
    assert "k=s1" in project.command("verify", code=9).out


def test_a_value_of_another_kind_is_another(duckdb_url: str, tmp_path: Path) -> None:
    """1 and '1' in a VARIANT, or under two tags of a UNION, have one text: fingerprints and `verify` tell them apart."""
    project = Project(duckdb_url, tmp_path / "project", source={"table": "atomic.v", "batch": "t", "fingerprint": True})
    project.db.execute("create table atomic.v (k varchar, t timestamp, v variant, u union(a int, b int))")
    project.db.execute(
        "insert into atomic.v values ('a', '2024-01-01', 1::variant, union_value(a := 1)::union(a int, b int))"
    )
    project.model("m", "select k, v, u from atomic.v", key="k")
    project.run()
    for changed, kind in (("v = '1'::variant", "VARCHAR"), ("u = union_value(b := 1)::union(a int, b int)", "b")):
        project.db.execute(f"update atomic.v set {changed}")
        assert "wait for the next run" in project.command("verify").out
        assert "changed" in project.run().out
        column = changed[0]
        told = {"v": "variant_typeof", "u": "union_tag"}[column]
        assert project.rows(f"select cast({told}({column}) as varchar) from derived.m") == [(kind,)]
    project.db.execute("update derived.m set v = 1::variant")
    assert "k=a" in project.command("verify", code=9).out
    project.close()
