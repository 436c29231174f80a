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
