"""A source between a change and the key: read as the run reads it, without copies and without batches that wait."""

from __future__ import annotations

import pytest

from tests.kit.project import Project, project_fixture

__all__ = ["project_fixture"]
LABELS = (
    "select u.uid, r.label from (select uid, count(*) as n from raw.ev group by uid) u left join crm.lab r on r.n = u.n"
)
NAMES = (
    "select x.n, p.name, count(*) as c from (select uid, sku, count(*) as n from raw.ev group by uid, sku) x"
    " left join crm.prod p on p.sku = x.sku group by x.n, p.name"
)
TABLES = """create schema raw; create schema crm;
create table raw.ev (id integer, uid varchar(10), sku varchar(10), etl timestamp);
create table crm.lab (n integer, label varchar(10)); create table crm.prod (sku varchar(10), name varchar(10));
insert into crm.lab values (1, 'one'), (2, 'two'), (3, 'three'); insert into crm.prod values ('s1', 'n1'), ('s2', 'n2');
insert into raw.ev values (1, 'u1', 's1', '2024-02-01'), (2, 'u1', 's1', '2024-02-01'), (3, 'u2', 's2', '2024-02-01')"""
CHANGES = "update crm.lab set label = 'deux' where n = 2; update crm.prod set name = 'new' where sku = 's1'"


@pytest.mark.parametrize("case", ["a copy", "a batch that waits"])
def test_a_count_between_is_that_of_the_run(project: Project, case: str) -> None:
    """A copy is not counted, nor is an event of a batch that `--until` leaves for later."""
    project.db.execute(TABLES)
    project.source = {"sources": [{"table": "raw.ev", "batch": "etl", "dedupe": ["id"], "vanished": "retract"}]}
    project.top = {"trial": "off", "lookups": {"crm.lab": {"key": "n"}, "crm.prod": {"key": "sku"}}}
    project.model("labels", LABELS, key="uid")
    project.model("names", NAMES, key=["n", "name"])
    if case == "a copy":
        project.db.execute("insert into raw.ev values (1, 'u1', 's1', '2024-02-01')")
    project.run()
    project.db.execute(CHANGES)
    if case == "a copy":
        project.run()
    else:
        project.db.execute("insert into raw.ev values (4, 'u1', 's1', '2024-02-02')")
        project.run("--until", "2024-02-02")
    assert project.rows("select uid, label from derived.labels") == [("u1", "deux"), ("u2", "one")]
    assert project.rows("select n, name, c from derived.names") == [(1, "n2", 1), (2, "new", 1)]


CASTS = {
    "numbers": (
        "v",
        "select cast(e.txt as integer) as v, count(*) as n from raw.texts e where e.txt <> 'x' group by 1",
    ),
    "beside": (
        "id",
        (
            "select o.id, max(cast(e.txt as integer)) as best from raw.ev o"
            " left join raw.texts e on e.txt <> 'x' and o.id = cast(e.txt as integer) group by o.id"
        ),
    ),
    "both": (
        "v",
        (
            "select cast(e.txt as integer) as v, count(*) as n from raw.texts e"
            " where e.txt <> 'x' and cast(e.txt as integer) > 0 group by 1"
        ),
    ),
    "of_model": (
        "v",
        (
            "select cast(e.txt as integer) as v, count(*) as n, count(l.label) as m from derived.texts e"
            " left join crm.lab l on l.n = e.id where e.txt ~ '^[0-9]+$' group by 1"
        ),
    ),
}


def test_casts_that_only_a_condition_makes_safe(project: Project) -> None:
    """An expression of rows that a query never comes to does not fail where the runner asks for keys."""
    project.db.execute(TABLES)
    project.db.execute("create table raw.texts (id integer, txt varchar(10), etl timestamp)")
    row = "insert into raw.texts values ({}, '{}', '2024-02-0{}')"
    for number, text in enumerate(("1", "2", "x", "2"), 1):
        project.db.execute(row.format(number, text, 1))
    project.source = {
        "sources": [{"table": f"raw.{t}", "batch": "etl", "vanished": "retract"} for t in ("ev", "texts")]
    }
    project.top = {"trial": "off", "lookups": {"crm.lab": {"key": "n"}}}
    project.model("texts", "select id, txt from raw.texts", key="id")
    for name, (key, select) in CASTS.items():
        project.model(name, select, key=key)
    project.run()
    project.db.execute(f"{row.format(5, '2', 2)}; {row.format(6, 'x', 2)}; {CHANGES}")
    said = project.run()
    assert "built in full" not in said.text
    assert project.rows("select v, n from derived.numbers") == [(1, 1), (2, 3)]
    assert project.rows("select v, n from derived.both") == [(1, 1), (2, 3)]
    assert project.rows("select id, best from derived.beside") == [(1, 1), (2, 2), (3, None)]
    assert project.rows("select v, n, m from derived.of_model") == [(1, 1, 1), (2, 3, 1)]
