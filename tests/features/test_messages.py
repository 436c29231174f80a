"""What a user is told when a run ends with an error: what of it is published, and what to do next in a door's commands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import actions
from runner.actions import Action
from runner.cli.app import main
from runner.cli.wording import commands_of as playbook_commands
from runner.doors.semantic.commands.wording import commands_of as model_commands
from runner.errors import BadInput, OutcomeUnknown, Place, Problem, Publication, RunnerError, Stopped
from runner.names import TableName
from runner.warehouse.values import Trouble, WarehouseError
from tests.kit.project import SESSIONS, TOTALS, Project, project_fixture  # noqa: F401


def failing_at(wanted: str, number: int = 1) -> Callable[[str, str, str], None]:
    """A watch that lets the statement of that label fail, from the n-th one on."""
    seen: list[str] = []

    def watch(when: str, label: str, sql: str) -> None:
        if when == "before" and label.startswith(wanted):
            seen.append(label)
            if len(seen) >= number:
                raise WarehouseError(label, "no such luck", Trouble.REFUSED)

    return watch


def error_of(project: Project, *args: str, code: int = 6) -> dict[str, Any]:
    """The last JSON line of a run that fails."""
    found: dict[str, Any] = json.loads(project.run("--json", *args, code=code).out.splitlines()[-1])
    assert found["event"] == "error"
    assert found["exit_code"] == code
    return found


def test_nothing_is_published(project: Project) -> None:
    """Whatever fails before the publish has committed: the words once, at the end of what happened; and a field."""
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    project.watch = failing_at("publish:manifest-insert")
    said = project.run(code=6).err
    assert "publish:manifest-insert: no such luck; nothing was published\n  hint: mend it and run again" in said
    assert said.count("was published") == 1
    error = error_of(project)
    assert (error["published"], error["parts"]) == ("nothing", 0)
    assert "was published" not in error["what"] + error["hint"]


def test_parts_are_published(project: Project) -> None:
    """What `--chunk` has published before it failed stays published, and the message counts it."""
    project.standard("sessions")
    for batch in range(4):
        project.add(batch, f"s{batch} u1 1")
    project.watch = failing_at("publish:manifest-insert", 2)
    assert (
        "no such luck; 1 part of this run is published, and nothing after\n" in project.run("--chunk", "1", code=6).err
    )
    assert project.manifest() == {0: 1}
    project.watch = failing_at("publish:manifest-insert", 3)
    error = error_of(project, "--chunk", "1")
    assert (error["published"], error["parts"]) == ("parts", 2)
    assert project.manifest() == {0: 1, 1: 1, 2: 1}


def test_the_data_is_published(project: Project) -> None:
    """An `after` query that fails, or cannot be filled in, takes nothing back."""
    project.sql("totals.sql", TOTALS)
    project.sql("after.sql", "select {{ 1 // (run_id | length - 26) }}")  # wrong where the id is the runner's own
    models = {"name": "models", "models": [{"table": "derived.totals", "sql": "totals.sql"}]}
    project.top["steps"] = [models, {"name": "later", "phase": "after", "queries": ["after.sql"]}]
    project.add(0, "s1 u1 1")
    project.watch = failing_at("after:later")
    said = project.run("--run-id", "x", code=6).err
    assert "no such luck; the data is published\n  hint: the next run repeats the `after` queries" in said
    assert project.manifest() == {0: 1}
    project.watch = None
    assert error_of(project, code=2)["published"] == "data"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RunnerError("a"), "a"),
        (RunnerError("a", "do b"), "a\n  hint: do b"),
        (OutcomeUnknown("a"), "a; whether it is published is unknown"),
        (BadInput(Problem(Place(), "a", "do b")), "a\n  hint: do b"),
    ],
)
def test_words(error: RunnerError, words: str) -> None:
    """What, what is published, what to do; an error that is about no run says nothing of publishing."""
    assert str(error) == words


def test_words_stand_below_what_has_several_lines() -> None:
    """DuckDB draws an arrow below the line of the SQL: nothing may be written behind it."""
    error = Stopped("a\n   ^", "do b")
    error.published = Publication.NOTHING
    assert str(error) == "a\n   ^\nnothing was published\n  hint: do b"


ACTIONS: tuple[Action, ...] = (
    actions.Run(),
    actions.FullRefresh(TableName(("derived", "users"))),
    actions.FullRefresh(None),
    actions.Renew(),
    actions.Renew(retract=True),
    actions.Adopt(TableName(("derived", "users"))),
    actions.Retract(),
    actions.TakeLess(),
    actions.Wait(),
    actions.Unlock(),
    actions.Verify(),
    actions.History(),
)
DOORS = {"playbooks": playbook_commands(Path("web.yml")), "semantic layer": model_commands(Path("app"))}
RUNS = {"playbooks": ("run",), "semantic layer": ("model update", "model apply")}  # of which an option alone is one
OPTION = re.compile("--[a-z-]+")


@pytest.mark.parametrize("action", ACTIONS, ids=str)
@pytest.mark.parametrize("door", DOORS)
def test_a_door_names_what_it_has(door: str, action: Action, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command that a door names is its own and over the user's own file; each option is one of the command's."""

    def options_of(command: str) -> set[str]:
        assert main([*command.split(), "--help"]) == 0, command
        return set(OPTION.findall(capsys.readouterr().out))

    said = DOORS[door](action)
    for command, file, more in re.findall(r"runner ((?:model )?[a-z]+) (\S+)([^;,]*)", said):
        assert command.startswith("model ") is (door == "semantic layer")
        assert file == ("app" if door == "semantic layer" else "web.yml")
        assert options_of(command).issuperset(OPTION.findall(more))
    alone = OPTION.findall(re.sub(r"runner [^;,]*", "", said))
    assert set().union(*map(options_of, RUNS[door])).issuperset(alone)


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_an_action_in_plain_words(action: Action) -> None:
    """Where there is no command line, no command is named."""
    said = str(Stopped("a", action))
    assert said.startswith("a\n  hint: ")
    assert "runner" not in said
    assert "--" not in said


def test_several_ways_out() -> None:
    """Texts and actions of one hint are alternatives."""
    error = Stopped("a", ("alter table t", actions.FullRefresh(TableName(("derived", "t")))))
    rebuild = "rebuild it: runner run web.yml --full-refresh --model derived.t"
    assert error.worded(DOORS["playbooks"]) == f"a\n  hint: alter table t; or {rebuild}"
    assert error.worded(DOORS["semantic layer"]) == "a\n  hint: alter table t; or rebuild it: runner model refresh app"


def test_the_hint_of_an_error_in_json(project: Project) -> None:
    """It is the text that people see, with the playbook as it was typed."""
    project.standard("sessions")
    project.add(0, "s1 u1 1")
    project.run()
    project.drop(0)
    project.add(1, "s2 u1 1")
    assert error_of(project)["hint"].startswith(
        "if their rows should leave the models: --retract, or vanished: retract"
    )
    project.model("sessions", SESSIONS.replace("count(*) as events", "count(*) as events, 1 as one"), on_change="stop")
    hint = error_of(project, "--retract")["hint"]
    assert hint == f"rebuild it: runner run {project.folder}/web.yml --full-refresh --model derived.sessions"
