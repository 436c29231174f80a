"""Rows of batches that a source has dropped and that are kept (`vanished: keep`), in models with joins."""

from __future__ import annotations

from tests.kit.project import Project, project_fixture, tstamp

__all__ = ["project_fixture"]
FACTS = """
select e.event_id, max(o.total) as best from atomic.events e left join raw.orders o on o.domain_userid = e.domain_userid
group by e.event_id
"""


def test_keys_of_rows_that_are_gone_stay(project: Project) -> None:
    """A key whose row is gone stays as it is, whatever comes to the other side; `verify` leaves it out."""
    made = "create table raw.orders (domain_userid varchar(40), total integer, etl_tstamp timestamp)"
    project.db.execute(f"create schema raw; {made}")
    order = "insert into raw.orders values ('u1', {0}, timestamp '{1}')"
    project.db.execute(order.format(5, tstamp(0)))
    events = {"table": "atomic.events", "batch": "etl_tstamp", "vanished": "keep"}
    project.source = {"sources": [events, {"table": "raw.orders", "batch": "etl_tstamp"}]}
    project.top = {"trial": "off"}
    project.model("facts", FACTS, key="event_id")
    project.add(0, "s1 u1 1 e1")
    project.add(1, "s2 u1 2 e2")
    project.checked()
    project.drop(0)
    project.run()
    project.db.execute(order.format(9, tstamp(2)))
    assert "facts                1 keys" in project.run().out
    assert project.rows("select event_id, best from derived.facts") == [("e1", 5), ("e2", 9)]
    assert "equal; 1 row compared, 1 key" in project.command("verify").out
    assert project.rows("select event_id, best from derived.facts") == [("e1", 5), ("e2", 9)]
