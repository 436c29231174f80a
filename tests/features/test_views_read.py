"""Views that a playbook reads: their texts count as definition, and rows that change without a count are refused."""

from __future__ import annotations

import pytest

from tests.kit.project import Project, project_fixture  # noqa: F401

OF_SOURCE = [
    ("select *, row_number() over (order by collector_tstamp) as place from atomic.raw", "hangs on other rows"),
    ("select distinct * from atomic.raw", "hangs on other rows"),
    ("select * from atomic.raw order by event_id limit 3", "hangs on other rows"),
    (
        "select r.*, n.name from atomic.raw r left join atomic.names n on n.page = r.page_url",
        "it joins atomic.raw with",
    ),
    ("select * from atomic.raw where page_url in (select page from atomic.names)", "it joins atomic.raw with"),
    ("select *, now() as seen_at from atomic.raw", "another answer on every run"),
    ("select *, random() as lot from atomic.raw", "is random"),
    ("select * from atomic.ranked", "over atomic.ranked, and a row of it hangs on other rows"),
]
FINE = [
    "select * from atomic.raw where page_url <> '/bot'",
    "select * from atomic.raw union all select * from atomic.older",
    "with r as (select *, amount + 1 as more from atomic.raw) select * from r",
]
BY_FINGERPRINT = OF_SOURCE[:5]
NEEDED = """
create table atomic.raw as select * from atomic.events; create table atomic.older as select * from atomic.raw;
create table atomic.names (page varchar(40), name varchar(40));
create view atomic.ranked as select *, rank() over (order by collector_tstamp) as place from atomic.raw;
drop table atomic.events
"""
BY_SESSION = "select domain_sessionid, count(*) as n from atomic.events group by domain_sessionid"


def view(project: Project, text: str) -> None:
    """The source is this view from now on."""
    project.db.execute(f"drop view if exists atomic.events; create view atomic.events as {text}")


def test_sources(project: Project) -> None:
    """A row of a source is what its own base row says: else it may change, and no batch's count tells."""
    project.db.execute(NEEDED)
    project.model("m", BY_SESSION, key="domain_sessionid")
    for text, said in OF_SOURCE:
        view(project, text)
        found = project.command("check", "--live", code=2).err
        assert said in found, text
        assert "web.yml:" in found
    for text in FINE:
        view(project, text)
        project.command("check", "--live")
    project.source["fingerprint"] = True
    for text, _ in BY_FINGERPRINT:
        view(project, text)
        project.command("check", "--live")
    del project.source["fingerprint"]
    project.top["lookups"] = {"atomic.names": "static"}
    view(project, OF_SOURCE[3][0])
    project.command("check", "--live")


@pytest.mark.parametrize(
    "text", ["select page, now() as at from atomic.names", "select page, random() as at from atomic.names"]
)
def test_lookups(project: Project, text: str) -> None:
    """A look-up is compared row by row, so that only what moves by itself is refused."""
    project.db.execute("create table atomic.names (page varchar(40), name varchar(40))")
    project.db.execute("create view atomic.pages as select page, min(name) as name from atomic.names group by page")
    select = "select e.domain_sessionid, e.event_id, p.{} from atomic.events e left join atomic.pages p on p.page = e.page_url"
    project.model("m", select.format("name"), key="domain_sessionid")
    project.command("check", "--live")
    project.db.execute(f"drop view atomic.pages; create view atomic.pages as {text}")
    project.model("m", select.format("at"))
    assert "atomic.pages is a view, and" in project.command("run", code=2).err


def test_a_view_beneath_is_part_of_the_definition(project: Project) -> None:
    """Another text of a view that the source's view reads builds its readers anew."""
    project.db.execute("create table atomic.raw as select * from atomic.events; drop table atomic.events")
    project.db.execute(
        "create view atomic.inner as select * from atomic.raw; create view atomic.events as select * from atomic.inner".replace(
            "inner", "base"
        )
    )
    project.add(1, "s1 u1 1", "s1 u1 2", table="atomic.raw")
    project.model(
        "m",
        "select domain_sessionid, max(amount) as a from atomic.events group by domain_sessionid",
        key="domain_sessionid",
    )
    project.checked()
    assert "nothing to do" in project.run().out
    columns = "event_id, domain_sessionid, domain_userid, collector_tstamp, etl_tstamp, page_url, amount + 1 as amount"
    project.db.execute(f"create or replace view atomic.base as select {columns} from atomic.raw")
    assert "views or functions that it reads have changed" in project.checked().out
