"""Orders that rely on ids: a row without its id is never a copy, so such an order is not total where one comes."""

from __future__ import annotations

from tests.kit.project import Project, project_fixture  # noqa: F401

FIRST = """
select domain_sessionid, event_id,
    row_number() over (partition by domain_sessionid order by collector_tstamp, event_id) as place
from atomic.events
"""
FILLED = FIRST.rstrip() + "\nwhere event_id is not null\n"
EACH = "select event_id, domain_sessionid, collector_tstamp from atomic.events"
LAST = """
select domain_sessionid, row_number() over (partition by domain_sessionid order by event_id) as place
from derived.each
"""


def test_an_event_without_an_id_stops_what_orders_by_ids(project: Project) -> None:
    """Asked of pending batches, of all where a model is built in full, by `plan` too; nothing is published."""
    project.source["dedupe"] = ["event_id", "domain_sessionid"]
    project.model("ordered", FIRST, key="domain_sessionid")
    project.add(0, "s1 u1 1", "s1 u1 2")
    project.checked()
    project.add(1, "s2 u1 1 -", "s2 u1 1 -")
    for command in ("plan", "run"):
        said = project.command(command, code=6)
        assert "2 rows of atomic.events have no event_id, and derived.ordered puts rows in order by it" in said.err
        assert "write where event_id is not null" in said.err
    project.model("ordered", FILLED)
    project.checked()
    project.add(2, "s1 u1 1 -", "s1 u1 3")
    project.checked()
    project.model("again", FIRST, key="domain_sessionid")
    assert "3 rows of atomic.events have no event_id" in project.run(code=6).err


def test_ids_that_the_catalogue_keeps_are_not_asked_for(project: Project) -> None:
    """A column that is NOT NULL or a primary key needs no look at the rows."""
    project.source["dedupe"] = ["event_id", "domain_sessionid"]
    project.model("ordered", FIRST, key="domain_sessionid")
    project.add(0, "s1 u1 1", "s1 u1 2")
    labels: list[str] = []
    project.watch = lambda _, label, __: labels.append(label)
    project.checked()
    assert "freeze:ids" in labels
    project.db.execute("alter table atomic.events alter column event_id set not null")
    project.add(1, "s1 u1 3")
    labels.clear()
    project.checked()
    assert "freeze:pairs" in labels
    assert "freeze:ids" not in labels


def test_rows_of_a_model_without_what_is_unique_in_it(project: Project) -> None:
    """`unique` takes no two nulls for equal; where a reader relies on it, two rows without a value stop the run."""
    project.model("each", EACH, key="domain_sessionid", unique="event_id")
    project.add(0, "s1 u1 1", "s1 u1 2", "s2 u1 1 -", "s2 u1 1 -")
    project.checked()
    project.model("last", LAST, key="domain_sessionid")
    said = project.run(code=6)
    assert "event_id is not unique: NULL would stand 2 times, and derived.last puts rows in order by it" in said.err
    project.db.execute("delete from atomic.events where event_id is null")
    project.checked()
    project.add(1, "s1 u1 1 -", "s3 u1 1 -")
    assert "derived.last puts rows in order by it" in project.run(code=6).err
    project.model("last", LAST.rstrip() + "\nwhere event_id is not null\n")
    project.checked()
