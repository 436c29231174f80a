"""What changed is told by the same value, not by an equal one, on the way through a join as well."""

from __future__ import annotations

from tests.kit.project import Project, project_fixture

__all__ = ["project_fixture"]
SIDE = "select page_url, max({0}) as {1} from raw.sides group by page_url"


def test_equal_values_that_differ(project: Project) -> None:
    """A side whose interval is equal to the one before, and another one, reaches the facts that show it."""
    project.db.execute(
        "create schema raw; create table raw.sides (page_url varchar(40), iv interval, etl_tstamp timestamp)"
    )
    add = "insert into raw.sides values ('/p', interval '{0}', timestamp '2024-03-01 00:00:00')"
    project.db.execute(add.format("1 month"))
    source = {"batch": "etl_tstamp", "fingerprint": True}
    project.source = {"sources": [{"table": "atomic.events", **source}, {"table": "raw.sides", **source}]}
    project.top = {"trial": "off"}
    project.model("sides", SIDE.format("iv", "iv"), key="page_url")
    of_event = "select e.event_id, {0} as t from atomic.events e left join {1} s on s.page_url = e.page_url"
    project.model("facts", of_event.format("cast(s.iv as varchar(40))", "derived.sides"), key="event_id")
    grouped = "(select page_url, min(iv) as iv from derived.sides group by page_url)"
    project.model("grouped", of_event.format("cast(s.iv as varchar(40))", grouped), key="event_id")
    project.add(0, "s1 u1 1 e1 /p", "s2 u2 1 e2 /q")
    project.checked()
    project.db.execute(
        "delete from raw.sides; " + add.format("30 days")
    )  # DuckDB leaves a value that an equal one is to replace
    said = project.checked()
    assert "facts                1 keys" in said.out
    project.command("verify")
