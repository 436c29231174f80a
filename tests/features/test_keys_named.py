"""A key that no input has is told as that, before anything has run, and never by an error about scratch tables."""

from __future__ import annotations

import pytest

from tests.kit.project import Project, project_fixture  # noqa: F401

ITEMS = """
select title, count(*) as n from atomic.events e join crm.items i on i.url = e.page_url group by title
"""


@pytest.mark.parametrize("group", ["1", "all"])
def test_a_key_that_the_select_makes(project: Project, group: str) -> None:
    """`key: day`, where no input has a column day and the SELECT makes it: it is followed through the SELECT."""
    if group == "all" and not project.duckdb:
        return
    select = f"select cast(collector_tstamp as date) as day, count(*) as n from atomic.events group by {group}"
    project.model("daily", select, key="day")
    project.add(0, "s1 u1 1", "s2 u2 1500")
    project.checked()
    project.add(1, "s3 u3 2")
    assert "daily                1 keys" in project.checked().out
    assert "reads the whole of" not in project.command("check", "--live").text


def test_a_key_of_a_look_up(project: Project) -> None:
    """No row of the source has it: its changes are followed through the join."""
    project.db.execute("create schema crm; create table crm.items (url varchar(99), title varchar(99))")
    project.db.execute("insert into crm.items values ('/a', 'A'), ('/b', 'B')")
    project.model("items", ITEMS, key="title")
    project.add(0, "s1 u1 1 e1 /a", "s2 u2 2 e2 /b")
    project.checked()
    project.add(1, "s3 u3 3 e3 /b")
    assert "items                1 keys" in project.checked().out
    project.db.execute("update crm.items set title = 'C' where url = '/a'")
    assert "built in full: crm.items changed" in project.checked().out


def test_a_key_that_is_misspelt(project: Project) -> None:
    """The column that was meant is named."""
    project.model("s", "select domain_sesionid, count(*) as n from atomic.events group by 1", key="domain_sesionid")
    assert "did you mean domain_sessionid?" in project.run(code=2).err


def test_words_that_are_columns(project: Project) -> None:
    """A unit that stands in a column, and a column called as one of the parser's functions."""
    project.db.execute(
        "alter table atomic.events add column unit varchar(9); alter table atomic.events add column map int"
    )
    project.db.execute('alter table atomic.events add column "Kk" varchar(9)')
    project.model(
        "units",
        "select domain_sessionid, date_trunc(unit, collector_tstamp) as f, map from atomic.events",
        key="domain_sessionid",
    )
    project.model("cased", 'select "Kk" as "KK", count(*) as n from atomic.events group by 1', key={"KK": '"Kk"'})
    project.add(0, "s1 u1 1", "s1 u1 2", "s2 u1 3")
    project.db.execute("update atomic.events set unit = 'hour', map = 1, \"Kk\" = domain_sessionid")
    project.checked()
    project.add(1, "s1 u1 9")
    project.db.execute("update atomic.events set unit = 'day', map = 2, \"Kk\" = 'x' where map is null")
    project.checked()
