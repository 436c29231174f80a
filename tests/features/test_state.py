"""The runner's own tables and the queries that write them."""

from __future__ import annotations

import pytest

from runner.state.queries import Query, Value, queries
from tests.kit.project import Project, project_fixture  # noqa: F401

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
