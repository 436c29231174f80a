"""Inputs are cut to the columns that a SELECT can mean; it means the same over them as over the whole table."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.project import Project, project_fixture  # noqa: F401

LONG = "a_name_of_more_than_sixty_three_bytes_that_postgres_cuts_in_two_" + "x" * 10
COLUMNS = f"""event_id integer, k varchar(9), x integer, unit varchar(9), page varchar(9), "session_user" varchar(9),
    "localtime" varchar(9), "current_date" varchar(9), "user" varchar(9), "current_schema" varchar(9), note varchar(9),
    "{LONG}" varchar(9), t timestamp, etl_tstamp timestamp"""
PLAIN: list[tuple[str, dict[str, Any]]] = [
    ("select cast(e as varchar(400)) as r, k from atomic.odd e", {}),
    ("select k, count(e) as n, max(cast(e as varchar(400))) as r from atomic.odd e group by k", {"key": "k"}),
    (
        "select e.k, l.note, count(*) as n from atomic.odd e left join raw.look l on l.k = e.k group by 1, 2",
        {"key": "k"},
    ),
    ('select k, max("user") as u, max("localtime") as l, max(t) as t from atomic.odd group by k', {"key": "k"}),
    ("select k, count(*) as n from atomic.odd natural join raw.look group by k", {}),
]
ON_DUCKDB: list[tuple[str, dict[str, Any]]] = [
    ("select k, #1 as id from atomic.odd", {}),
    ("select p, q from atomic.odd pivot (sum(x) for page in ('p', 'q'))", {}),
    ("select value from (unpivot atomic.odd on x, event_id into name n value value)", {}),
    ("select k, max(columns('u.*')) from atomic.odd group by k", {"unproven": True, "key": "k"}),
    ("select k, e.to_json() as j from atomic.odd e", {}),
    ("select k, hash(atomic.odd) as r from atomic.odd", {}),
    ("select k, hash(odd) as h, odd['note'] as note from atomic.odd", {}),
    (
        'select k, "session_user" as u, "localtime" as l, "current_date" as d, count(*) as n from atomic.odd group by all',
        {},
    ),
    ('select k, current_schema as c, "user" as u from atomic.odd', {}),
]
ON_POSTGRES: list[tuple[str, dict[str, Any]]] = [
    ("select k, row_to_json(e)::text as r, (e).note as note, note(e) as m from atomic.odd e", {}),
    ("select k, e.row_to_json::text as r from atomic.odd e", {}),
    ("select a, f from (atomic.odd o join raw.look l using (k)) as j(a, b, c, d, f)", {}),
    (f"select k, {LONG}_and_more as l from atomic.odd", {}),
    ('select k, U&"n\\006fte" as note from atomic.odd', {}),
]


def _start(project: Project) -> None:
    project.source = {"table": "atomic.odd", "batch": "etl_tstamp"}
    project.db.execute(f"create table atomic.odd ({COLUMNS})")
    project.db.execute("create schema raw")
    project.db.execute("create table raw.look (k varchar(9), note varchar(9))")
    project.db.execute("insert into raw.look values ('a', 'n'), ('b', 'o')")
    _add(project, 1, "1, 'a', 1", "2, 'b', 2", "3, 'b', 2")


def _add(project: Project, batch: int, *rows: str) -> None:
    rest = "'hour', '{}', 'su', 'lt', 'cd', 'u', 'cs', 'n', 'long', timestamp '2024-01-01 10:30', timestamp '2024-03-0{} 00:00'"
    for n, row in enumerate(rows):
        project.db.execute(f"insert into atomic.odd values ({row}, {rest.format('pq'[n % 2], batch)})")


def _of(project: Project) -> list[tuple[str, dict[str, Any]]]:
    return [*PLAIN, *(ON_DUCKDB if project.duckdb else ON_POSTGRES)]


@pytest.mark.parametrize("number", range(max(len(ON_DUCKDB), len(ON_POSTGRES)) + len(PLAIN)))
def test_a_select_means_the_same(project: Project, number: int) -> None:
    """What means columns without their names reads all of them; a function's word is a column where one has it."""
    _start(project)
    select, more = dict(enumerate(_of(project))).get(number, ("", {}))
    if not select:
        pytest.skip("one engine has fewer of them")
    project.model("m", select, **more)
    project.checked()
    _add(project, 2, "4, 'b', 5", "5, 'c', 1")
    project.checked()


def test_a_unit_is_a_column(project: Project) -> None:
    """`date_trunc(unit, t)`: the parser takes the unit for a word of its own."""
    _start(project)
    project.model("m", "select k, min(date_trunc(unit, t)) as h, count(*) as n from atomic.odd group by k", key="k")
    project.checked()


@pytest.mark.parametrize("word", ["describe", "summarize"])
def test_what_is_about_a_table_is_refused(project: Project, word: str) -> None:
    """DESCRIBE and SUMMARIZE within a SELECT tell of a table, which the runner reads another way."""
    if not project.duckdb:
        pytest.skip("only DuckDB has them")
    _start(project)
    project.model("m", f"select column_name\nfrom ({word} atomic.odd)")
    assert f"m.sql:1: {word.upper()} is about a table" in project.run(code=2).text
