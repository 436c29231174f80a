"""The runner's own tables and the queries that write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli.app import main
from runner.state.manifest import fence_table
from runner.state.queries import Query, Value, queries
from runner.state.runs import fitting
from tests.kit.project import SESSIONS, Project, project_fixture, start  # noqa: F401

# -- state.sql ---------------------------------------------------------------------------------------------------------


def literal(value: Value) -> str:
    """As a warehouse writes it."""
    return f"'{value}'" if isinstance(value, str) else str(value).lower()


def asking(text: str, *asked: str) -> Query:
    """A query with that text."""
    return Query("q", text, frozenset(asked))


def test_values_are_quoted_and_names_are_not() -> None:
    """`:name` becomes a literal, `{name}` stays as it is given; casts, times and what a value holds are left alone."""
    query = asking("select :a, {t}.x::int, '12:30', :n, :b from {t}", "a", "n", "b", "t")
    given: dict[str, Value] = {"a": ":n {t}", "n": 1, "b": True}
    assert query.filled(literal, {"t": '"T"', "unused": "x"}, given) == (
        """select ':n {t}', "T".x::int, '12:30', 1, true from "T\""""
    )


@pytest.mark.parametrize(
    ("given", "said"), [({}, "asks for a, which is not given"), ({"a": 1, "c": 2}, "does not ask for c")]
)
def test_a_query_is_given_what_it_asks_for(given: dict[str, Value], said: str) -> None:
    """A parameter too few or too many is an error before anything is sent; a query that is not there too."""
    with pytest.raises(KeyError, match=said):
        asking("select :a, :b", "a", "b").filled(literal, {"b": 1}, given)
    with pytest.raises(KeyError):
        queries()["no-such-query"]


def test_every_query_of_the_file_names_what_it_asks_for() -> None:
    """Nothing that looks like a placeholder is left when all that is asked for is given."""
    for query in queries().values():
        text = query.filled(literal, {}, dict.fromkeys(query.asked, 1))
        assert "{" not in text, query.name
        assert " :" not in text, query.name


def test_odd_names_in_the_state(project: Project) -> None:
    """Quotes, backslashes and braces in what the state keeps come back as they were."""
    project.db.execute("create table atomic.odd (a varchar(9), etl_tstamp timestamp)")
    project.source = {"table": "atomic.odd", "batch": "etl_tstamp"}
    project.model("odd", "select coalesce(a, ':s {s} ''\\') as k, count(*) as n from atomic.odd group by 1")
    project.models["odd"]["key"] = {"k": "coalesce(a, ':s {s} ''\\')"}
    project.db.execute("insert into atomic.odd values ('x', timestamp '2024-03-01'), (null, timestamp '2024-03-01')")
    project.checked()
    assert project.one("select key_text from runner.key_index") == "COALESCE(a, ':s {s} ''\\')"


# -- the history of runs ---------------------------------------------------------------------------------------------


def test_history_of_hundreds_of_models(duckdb_url: str, tmp_path: Path) -> None:
    """Every model of a run has its row, however many there are; history shows the first and counts the rest."""
    project = Project(duckdb_url, tmp_path / "project")
    for number in range(520):
        project.model(f"counted_{number:03}", "select count(*) as n from atomic.events")
    project.add(0, "s1 u1 1")
    project.run()
    said = project.command("history").out
    assert "counted_000 +1 ~0 -0" in said
    assert "and 510 more" in said
    assert project.one("select count(*) from runner.run_models") == 520
    project.close()


def test_history_in_rows(project: Project) -> None:
    """What each run did with each model, in the order of the models; a failed run has a row, and no models."""
    start(project, "sessions", "totals")
    project.models["totals"]["checks"] = ["events < 4"]
    project.add(2, "s1 u1 9")
    project.run("--run-id", "failing", code=6)
    del project.models["totals"]["checks"]
    project.run("--run-id", "second", "--model", "sessions")
    rows = project.db.rows(
        "select m.table_name, m.extent, m.reason, m.key_count, m.inserted, m.updated, m.deleted from runner.run_models m"
        " join runner.runs r on r.playbook = m.playbook and r.run_id = m.run_id order by r.version, m.model_number"
    )
    assert [tuple(row) for row in rows] == [
        ("derived.sessions", "all", "new", 3, 3, 0, 0),
        ("derived.totals", "all", "new", 1, 1, 0, 0),
        ("derived.sessions", "keys", "", 1, 0, 1, 0),
        ("derived.totals", "left out", "", 0, 0, 0, 0),
    ]
    second, failing, first = project.command("history").out.splitlines()[1:]
    assert "sessions +0 ~1 -0, totals +0 ~0 -0" in second
    assert "failed" in failing
    assert "sessions +3 ~0 -0, totals +1 ~0 -0" in first


def test_texts_are_cut_so_that_they_fit() -> None:
    """A column's length is counted in bytes on some engines: a letter is kept whole or left out."""
    assert fitting("äöü", 6) == "äöü"
    assert fitting("äöü", 5) == "äö"
    assert fitting("a" * 9, 4) == "aaaa"


# -- playbooks of one state schema -----------------------------------------------------------------------------------


def test_playbooks_whose_names_are_alike(project: Project) -> None:
    """`a-b`, `a_b` and `A-b` have a fence each: a run of one is not fenced by runs of the others, nor sees their batches."""
    names = ("a-b", "a_b", "A-b")
    project.add(0, "s1 u1 1")
    paths = []
    for number, name in enumerate(names):
        project.name, project.models = name, {}
        project.model(f"sessions_{number}", SESSIONS, key="domain_sessionid")
        paths.append(str(project.write()))
    assert len(set(map(fence_table, names))) == 3

    def others(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "publish:begin"):
            project.watch = None
            assert [main(["run", path]) for path in paths[:2]] == [0, 0]

    project.watch = others
    project.checked()
    listed = project.rows("select playbook, count(*) from runner.manifest group by playbook")
    assert [tuple(row) for row in listed] == [("A-b", 1), ("a-b", 1), ("a_b", 1)]
