"""Keys that get wider or change their type: whatever the runner keeps of them changes with them, and no run is stuck."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from tests.engines.db import engine_of
from tests.kit.project import Project, project_fixture  # noqa: F401

CASES = {  # type, another one, a value, another one that only the second type holds; and how the stop is followed
    "duckdb": (
        ("integer", "varchar(20)", "1", "'x1'", "refresh"),
        ("numeric(10,2)", "numeric(20,4)", "1.5", "1.2345", "alter"),
    ),
    "postgres": (
        ("integer", "bigint", "1", "9999999999", "alter"),
        ("timestamp", "varchar(40)", "timestamp '2024-01-01'", "'x1'", "refresh"),
    ),
}


def keyed(project: Project, type_: str) -> None:
    """Two models over one column, alone and in a composite key, and a model below."""
    project.db.execute("drop table if exists atomic.rows")
    project.db.execute(f"create table atomic.rows (id {type_}, b integer, ts timestamp)")
    project.source, project.models, project.selects = {"table": "atomic.rows", "batch": "ts"}, {}, {}
    project.name = re.sub(r"\W", "_", f"by_{type_}")
    alone, pair, below = (f"{name}_{project.name}" for name in ("alone", "pair", "below"))
    project.model(alone, "select id, count(*) as n from atomic.rows group by id", key="id")
    project.model(pair, "select id, b, count(*) as n from atomic.rows group by id, b", key=["id", "b"])
    project.model(below, f"select id, sum(n) as t from derived.{alone} group by id", key="id")


def insert(project: Project, day: int, *values: str) -> None:
    """Rows of one batch."""
    rows = ", ".join(f"({value}, 1, timestamp '2024-02-0{day}')" for value in values)
    project.db.execute(f"insert into atomic.rows values {rows}")


def retype(project: Project, type_: str) -> None:
    """The column of the source has another type from now on."""
    using = f" using id::{type_}" if engine_of(project.url) == "postgres" else ""
    project.db.execute(f"alter table atomic.rows alter column id type {type_}{using}")


def same(project: Project) -> None:
    """Every table holds what its SELECT gives; a column of another type may stand in another place."""
    for name, select in project.selects.items():
        columns = "t" if name.startswith("below") else "n"
        expected = project.rows(f"select id, {columns} from ({select}) q")
        assert project.rows(f"select id, {columns} from derived.{name}") == expected


def test_a_key_of_another_type(project: Project) -> None:
    """A run names all that changes at once, and either way out of it works: by ALTER, or by what rebuilds the models.

    Keys that a model owes are kept in the new type afterwards.
    """
    for old, new, value, other, way in CASES[project.db.engine]:
        keyed(project, old)
        names = list(project.models)
        insert(project, 1, value, "null")
        project.run()
        insert(project, 2, value)
        project.run("--model", names[1])  # the others owe a key of the old type
        retype(project, new)
        insert(project, 3, other)
        said = project.run(code=6).err
        assert re.findall(r"derived\.(\w+): id changes from", said) == names
        if way == "alter":
            for statement in re.findall(r"alter table [^;]* type [^;\n]*", said):
                project.db.execute(statement)
            project.run()
        else:
            chosen = re.findall(r"--model derived\.(\w+)", said)
            assert chosen == names
            project.run("--full-refresh", "--model", chosen[0])
            project.run("--full-refresh", *(word for name in chosen[1:] for word in ("--model", name)))
        insert(project, 4, other, value)
        project.run("--model", names[1])
        project.run()
        same(project)
        assert project.command("verify").code == 0


def test_a_text_that_gets_longer_or_shorter(postgres_url: str, tmp_path: Path) -> None:
    """A run follows by itself, and builds in full but once."""
    with closing(Project(postgres_url, tmp_path / "project")) as project:
        keyed(project, "varchar(5)")
        insert(project, 1, "'a'", "''", "null")
        project.run()
        changes = (("varchar(20)", "'abcdefghijkl'"), ("varchar(12)", "'c'"))
        for day, (type_, value) in enumerate(changes, 2):
            retype(project, type_)
            insert(project, day, value)
            project.run("--model", "pair_by_varchar_5_")
            project.checked()
            insert(project, day + 3, value)
            assert "in full" not in project.checked().out
        kept = "select distinct data_type from information_schema.columns where table_schema = 'runner'"
        assert project.rows(f"{kept} and column_name in ('k1', 'id')") == [("text",)]
        assert project.command("verify").code == 0
