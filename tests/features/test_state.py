"""The runner's own tables and the queries that write them."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from runner.cli.app import main
from runner.increment.others.namesakes import alternate
from runner.state.names import fence
from runner.state.queries import Query, Value, fitting, queries
from runner.warehouse.values import Trouble, WarehouseError
from tests.engines.db import Row
from tests.kit.project import SESSIONS, Project, project_fixture, start  # noqa: F401

PAGES = "select page_url, count(*) as n from atomic.events group by page_url"

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
    """Quotes and what looks like a placeholder in what the state keeps come back as they were."""
    project.db.execute("create table atomic.odd (a varchar(9), etl_tstamp timestamp)")
    project.source = {"table": "atomic.odd", "batch": "etl_tstamp"}
    expression = "coalesce(a, ':s {s} ''')"
    project.model("odd", f"select {expression} as k, count(*) as n from atomic.odd group by 1", key={"k": expression})
    project.db.execute("insert into atomic.odd values ('x', timestamp '2024-03-01'), (null, timestamp '2024-03-01')")
    project.checked()
    assert "(a, ':s {s} " in project.one("select key_text from runner.key_index")


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


def test_two_projects_of_one_name(project: Project) -> None:
    """They rebuild each other's tables in full: each run and plan says so, by other tables or by definitions that alternate."""
    start(project, "sessions", "totals")
    first = dict(project.models)
    other = "playbook web was last run with other models"
    project.models = {}
    project.model("pages", PAGES, key="page_url")
    assert f"{other} (derived.sessions, derived.totals)" in project.command("plan").out
    assert other in project.run().out
    pages, project.models = project.models, first
    assert f"{other} (derived.pages); two projects of one name" in project.run().out
    assert other not in project.run().out
    project.models |= pages
    assert other not in project.run().out
    said = []
    for text in (SESSIONS.replace("min(domain", "max(domain"), SESSIONS) * 2:
        project.model("sessions", text)
        assert other not in project.command("plan").out
        said.append("change back and forth" in project.run().out)
    assert said == [False, False, True, True]
    said = []
    for batch in (2, 3, 4):  # one has a model more: it is built in full again after each run of the other
        project.add(batch, "s1 u1 9")
        without = project.models.pop("totals")
        project.run()
        project.models["totals"] = without
        said.append("change back and forth" in project.run().out)
    assert said == [False, True, True]
    assert not alternate([], "a")
    assert not alternate(["b", "a"], "a")
    assert alternate(["c", "b", "a", "c"], "a")


def test_playbooks_whose_names_are_alike(project: Project) -> None:
    """`a-b`, `a_b` and `A-b` have a fence each: a run of one is not fenced by runs of the others, nor sees their batches."""
    names = ("a-b", "a_b", "A-b")
    project.add(0, "s1 u1 1")
    paths = []
    for number, name in enumerate(names):
        project.name, project.models = name, {}
        project.model(f"sessions_{number}", SESSIONS, key="domain_sessionid")
        paths.append(str(project.write()))
    assert len(set(map(fence, names))) == 3

    def others(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "publish:begin"):
            project.watch = None
            assert [main(["run", path]) for path in paths[:2]] == [0, 0]

    project.watch = others
    project.checked()
    listed = project.rows("select playbook, count(*) from runner.manifest group by playbook")
    assert [tuple(row) for row in listed] == [("A-b", 1), ("a-b", 1), ("a_b", 1)]


# -- states of other versions ----------------------------------------------------------------------------------------

READERS = [["plan"], ["status"], ["history"], ["verify"], ["check", "--live"], ["unlock"]]
READERS += [
    ["rewind", "--since", "2024-03-01"],
    ["rewind", "--since", "2024-03-01", "--dry-run"],
    ["plan", "--full-refresh"],
]
RUNS = [["run"], ["run", "--dry-run"], ["run", "--full-refresh", "--model", "sessions"]]


def of_version_1(project: Project) -> None:
    """The state as runners of version 1 made it: another fence, and no table of the models of a run."""
    project.db.execute("update runner.meta set version = 1")
    project.db.execute("drop table runner.run_models")
    project.db.execute("alter table runner.runs add column models varchar(60000)")
    project.db.execute(f"create table runner.state_{project.name} as select version, run_id from {project.fence}")
    project.db.execute(f"drop table {project.fence}")


def test_every_command_tells_of_another_version(project: Project) -> None:
    """A state that an older runner wrote is left alone, and so is one of a newer; the way out is named."""
    start(project, "sessions")
    project.add(2, "s1 u1 9")
    project.db.execute(f"update {project.fence} set state_version = 4")  # of this playbook's part alone
    for command in (*READERS, *RUNS):
        assert "(version 4, this one writes 3)" in project.command(*command, code=6).err, command
    project.db.execute(f"update {project.fence} set state_version = 2")
    of_version_1(project)
    for command in (*READERS, *RUNS):
        said = project.command(*command, code=6).err
        assert "(version 1, this one writes 3)" in said, command
        assert re.search(r"begin it anew .*: runner run \S*web.yml --full-refresh\n", said), command
    project.db.execute("update runner.meta set version = 4")
    for command in (*READERS, *RUNS, ["run", "--full-refresh"]):
        said = project.command(*command, code=6).err
        assert "(version 4, this one writes 3)" in said, command
        assert "upgrade this runner" in said, command
    assert project.manifest() == {0: 3, 1: 1}


def test_an_older_state_is_begun_anew(project: Project) -> None:
    """By --full-refresh of the whole playbook: what the runner made goes, the tables stay until they are published."""
    start(project)
    project.db.execute("create table runner.keys_of_the_house (door varchar(9))")
    rows = project.rows("select * from derived.sessions")
    of_version_1(project)

    def look(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "freeze:begin"):
            seen.append(project.rows("select * from derived.sessions"))
            seen.append(project.rows("select * from runner.manifest"))

    seen: list[list[Row]] = []
    project.watch = look
    said = project.run("--full-refresh").out
    assert "written by an older runner and is begun anew" in said
    assert seen[:2] == [rows, []]
    project.watch = None
    project.check()
    assert project.one("select count(*) from runner.keys_of_the_house") == 0
    assert project.one("select count(*) from runner.runs") == 1
    assert len(project.rows("select distinct keys_table from runner.key_index")) == 1
    project.add(2, "s1 u1 9")
    project.checked()
    assert project.command("verify").code == 0


@pytest.mark.parametrize("label", ["renew:drop", "renew:meta-raise", "freeze:begin", "publish:commit"])
def test_a_crash_after_a_new_beginning(project: Project, label: str) -> None:
    """The tables are still known as ours: the same command does it, and once the state is new any other too."""
    start(project)
    rows = project.rows("select * from derived.sessions")
    of_version_1(project)

    def crash(when: str, seen: str, sql: str) -> None:
        if (when, seen) == ("before", label):
            raise WarehouseError(label, "the power went", Trouble.REFUSED)

    project.watch = crash
    project.run("--full-refresh", code=6)
    assert project.rows("select * from derived.sessions") == rows
    project.watch = None
    if label.startswith("renew"):
        assert "(version 1, this one writes 3)" in project.run(code=6).err
    project.checked(*(["--full-refresh"] if label.startswith("renew") else []))
    assert project.command("verify").code == 0


def test_each_playbook_begins_anew_by_itself(project: Project) -> None:
    """What another playbook had is gone too: it is told so, its tables stay its own, and it decides itself."""
    start(project, "sessions")
    project.models, project.selects, project.name = {}, {}, "other"
    project.model("pages", PAGES, key="page_url")
    project.run()
    of_version_1(project)
    assert "so was that of web: each has to begin its own anew" in project.run("--full-refresh").out
    project.model("sessions", SESSIONS, key="domain_sessionid")
    assert "belongs to playbook web" in project.run(code=6).err
    del project.models["sessions"]
    project.name, project.models = "web", {}
    project.standard("sessions")
    for command in (*READERS, *RUNS):
        assert "(version 1, this one writes 3)" in project.command(*command, code=6).err, command
    assert "begun anew\n" in project.run("--full-refresh").out
    project.check()
    project.checked()
    project.name, project.models = "other", {}
    project.model("pages", PAGES, key="page_url")
    assert "nothing to do" in project.checked().out


def test_rows_that_are_kept_are_not_lost_by_a_new_beginning(project: Project) -> None:
    """With `vanished: keep` the rows of batches that are gone cannot be built again: --retract says that they may go."""
    project.source["vanished"] = "keep"
    start(project, "sessions")
    project.drop(1)
    project.run()
    of_version_1(project)
    assert "vanished is keep" in project.run("--full-refresh", code=6).err
    assert project.one("select count(*) from derived.sessions") == 3
    project.checked("--full-refresh", "--retract")
    assert project.one("select count(*) from derived.sessions") == 2


def test_two_that_begin_anew_at_once(postgres_url: str, tmp_path: Path) -> None:
    """The second finds it done: the work of the first stays."""
    with closing(Project(postgres_url, tmp_path / "project")) as project:
        start(project, "sessions")
        of_version_1(project)

        def overtake(when: str, label: str, sql: str) -> None:
            if (when, label) == ("before", "renew:begin"):
                project.watch = None
                assert main(["run", str(project.folder / "web.yml"), "--full-refresh"]) == 0

        project.watch = overtake
        project.checked("--full-refresh")
        assert [row[0] for row in project.rows("select status from runner.runs")] == ["published"] * 2
