"""What a check without the catalogue leaves open is decided once it is known, before anything has run."""

from __future__ import annotations

from tests.kit.project import Project, project_fixture  # noqa: F401

ORDERED = """
with numbered as (
    select *, row_number() over (partition by domain_sessionid order by collector_tstamp, event_id) as place
    from atomic.events
)
select domain_sessionid, event_id, lag(page_url) over (partition by domain_sessionid order by place) as before
from numbered
"""


def test_open_without_the_catalogue_accepted_with_it(project: Project) -> None:
    """A row number behind a star: the star could have a column of its name, and does not."""
    project.source["dedupe"] = ["event_id", "domain_sessionid"]
    project.model("ordered", ORDERED, key="domain_sessionid")
    project.add(1, "s1 u1 1", "s1 u1 2", "s2 u2 1")
    offline = project.command("check")
    assert "open: derived.ordered:" in offline.out
    assert "check --live" in offline.out
    project.checked()
    project.command("check", "--live")
    project.add(2, "s2 u2 2")
    project.checked()


def test_open_without_the_catalogue_refused_with_it(project: Project) -> None:
    """The source has a column of that name: it is what the order means, and nothing has run."""
    project.source["dedupe"] = ["event_id", "domain_sessionid"]
    project.model("ordered", ORDERED, key="domain_sessionid")
    project.db.execute("alter table atomic.events add column place integer")
    project.command("check")
    for command in (["check", "--live"], ["plan"], ["run"]):
        said = project.command(*command, code=2)
        assert "leaves rows of a key alike" in said.err
