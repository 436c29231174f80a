"""What a check without the catalogue leaves open is decided once it is known, before anything has run."""

from __future__ import annotations

from pathlib import Path

import pytest

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


KEYS = {  # what is of two types: accepted, or refused
    "integer": ("bigint", True),
    "date": ("timestamp", True),
    "decimal(9, 2)": ("decimal(12, 4)", True),
    "varchar(9)": ("varchar(20)", True),
    "smallint": ("varchar(9)", False),
}


def test_keys_of_two_inputs_that_cannot_be_compared_are_refused(project: Project) -> None:
    """Before the first run, not by the first increment; what can be compared is kept up to date."""
    values = {"date": "'2024-01-01'", "varchar(9)": "'7'"}
    for n, (one, (other, accepted)) in enumerate(KEYS.items()):
        for side, type_ in (("a", one), ("b", other)):
            project.db.execute(f"create table atomic.{side}{n} (k {type_}, x int, etl_tstamp timestamp)")
        project.name = f"keys{n}"
        tables = [f"atomic.{side}{n}" for side in "ab"]
        project.source = {"sources": [{"table": table, "batch": "etl_tstamp"} for table in tables]}
        counted = f"(select cast(k as {one}) as k, count(*) as n from {{}} group by k)"
        first, second = counted.format(tables[0]), counted.format(tables[1])
        select = f"select a.k, a.n, b.n as m from {first} a left join {second} b on b.k = a.k"
        project.models, project.selects = {}, {}
        project.model(f"m{n}", select, key="k", unproven=True)
        if not accepted:
            said = project.run(code=2).err
            assert f"k of {tables[0]} is" in said
            assert f"k of {tables[1]} is" in said
            assert "cast(k as" in said
            continue
        value = values.get(one, "7")
        for batch in (1, 2):
            for table in tables:
                project.db.execute(f"insert into {table} values ({value}, 1, timestamp '2024-01-0{batch} 00:00:00')")
            project.run()
        assert [row[1:] for row in project.rows(f"select * from derived.m{n}")] == [(2, 2)]


@pytest.mark.parametrize("some", ["columns('domain_sessionid|amount')", "* like 'domain%'"])
def test_columns_chosen_by_a_pattern(some: str, tmp_path: Path) -> None:
    """Their names are not told by the text, so nothing is said of a column that may well be among them."""
    project = Project(f"duckdb:///{tmp_path / 'some.duckdb'}", tmp_path / "project")
    project.model("m", f"select {some} from atomic.events", unique="domain_sessionid")
    project.add(0, "s1 u1 1")
    project.checked()
    project.close()
