"""SQL Runner's flags, lines and exit codes on a real Postgres: one test a row of its feature table."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doors.sqlrunner.oldbooks import Book, command, runner, target
from tests.engines.db import Db


def test_flags_are_read_as_go_reads_them(book: Book) -> None:
    """`-x v`, `-x=v`, `--x v` and `--x=v` are the same; the first other word ends the flags."""
    book.steps(("s", {"q": "create table t as select '{{.a}}' as a"}))
    playbook = str(book.path)
    for words in (
        ["-playbook", playbook, "-var", "a=1"],
        [f"-playbook={playbook}", "-var=a=1"],
        ["--playbook", playbook, "--var", "a=1"],
        [f"--playbook={playbook}", "--var=a=1", "-dryRun=false", "ignored", "-nonsense"],
    ):
        book.execute("drop table if exists t")
        done = command(*words)
        assert done.code == 0, done.text
        assert book.rows("select a from t") == [("1",)]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 0, "Usage:"),
        (["-help"], 0, "-showQueryOutput"),
        (["-version"], 0, "sql-runner version: "),
        (["-h"], 0, "Usage of Options"),
        (["-nonsense"], 2, "flag provided but not defined: -nonsense"),
        (["-dryRun"], 2, "required flag not defined: -playbook"),
        (["-playbook", "x.yml", "-timeout", "99999999999999"], 2, 'invalid value "99999999999999" for flag -timeout'),
        (["-playbook"], 2, "flag needs an argument: -playbook"),
        (["-playbook", "x.yml", "-dryRun=perhaps"], 2, 'invalid boolean value "perhaps" for -dryRun'),
        (["-playbook", "x.yml", "-var", "a"], 2, "key value should be in the key=value format"),
        (["-playbook", "x.yml", "-sqlroot", "PLAYBOOK_CHILD"], 2, "without -consul"),
        (["-playbook", "x.yml", "-consul", "localhost:8500"], 2, "consul is not supported"),
        (["-playbook", "x.yml", "-consulOnlyForLock"], 2, "consul is not supported"),
        (["-playbook", "absent.yml"], 1, "absent.yml: no such file"),
    ],
)
def test_usage(words: list[str], code: int, said: str) -> None:
    """No word is help; a bad flag, no playbook and Consul are usage errors; an absent playbook is exit code 1."""
    done = command(*words)
    assert done.code == code, done.text
    assert said in done.text


def test_var_takes_pairs_and_the_later_wins(book: Book) -> None:
    """`-var a=1,b=2` may come again; a value may hold `=`; it wins over `variables:`, and is a text where that is one."""
    book.steps(("s", {"q": "create table t as select '{{.a}}|{{.b}}|{{.c}}' as v"}), variables="a: old\nb: old\n")
    assert book.run("-var", "a=1,b=x=y", "-var", "c=3,a=2").code == 0
    assert book.rows("select v from t") == [("2|x=y|3",)]


def test_var_takes_the_type_of_the_playbooks_value(book: Book) -> None:
    """`-var stage_next=false` is false where the playbook has true: SQL Runner's own playbooks break there."""
    text = "create table t as select '{{if eq .stage_next true}}on{{else}}off{{end}} {{if lt .n 4}}few{{else}}many{{end}}' as v"
    book.steps(("s", {"q": text}), variables="stage_next: true\nn: 9\n")
    assert book.run("-var", "stage_next=false,n=3").code == 0
    assert book.rows("select v from t") == [("off few",)]


@pytest.mark.parametrize("root", ["PLAYBOOK", "BINARY", "absolute", "relative"])
def test_sqlroot(book: Book, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PLAYBOOK is the playbook's folder (the default), BINARY the command's; a path is taken as it is, a relative one
    from where we are. A leading slash in `file:` changes nothing.
    """
    folder = tmp_path / "elsewhere"
    (folder if root != "PLAYBOOK" else tmp_path).mkdir(exist_ok=True)
    (folder / "a.sql" if root != "PLAYBOOK" else tmp_path / "a.sql").write_text("create table t as select 1 as a")
    book.write("- name: s\n  queries: [{name: q, file: /a.sql}]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(folder / "sql-runner")])
    given = {"absolute": str(folder), "relative": "elsewhere"}.get(root, root)
    assert book.run("-sqlroot", given).code == 0
    assert book.rows("select a from t") == [(1,)]


def test_from_step_and_run_query_take_the_first_of_a_name(book: Book) -> None:
    """-fromStep begins at the first step of that name; -runQuery runs one query of it, and -fromStep is left aside."""
    log = "insert into log values ('{}')"
    book.execute("create table log (at text)")
    steps = [("a", {"q": log.format(1)}), ("b", {"q": log.format(2), "r": log.format(3)}), ("b", {"q": log.format(4)})]
    book.steps(*steps)
    assert book.run("-fromStep", "b").code == 0
    assert sorted(book.rows("select at from log")) == [("2",), ("3",), ("4",)]
    book.execute("delete from log")
    assert book.run("-runQuery", "b::r", "-fromStep", "a").code == 0
    assert book.rows("select at from log") == [("3",)]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["-fromStep", "c"], "The fromStep argument did not match any available steps: c"),
        (["-runQuery", "a::x"], "The runQuery argument did not match any available queries: 'a::x'"),
        (["-runQuery", "c::q"], "The fromStep argument did not match any available steps: c"),
        (["-runQuery", "a"], "The runQuery argument did not match any available queries: 'a'"),
    ],
)
def test_a_choice_that_matches_nothing(book: Book, flags: list[str], said: str) -> None:
    """It is an error of every target, exit code 5, and says what there is."""
    book.steps(("a", {"q": "select 1"}), targets=target(book.url) + target(book.url, "other"))
    done = book.run(*flags)
    assert done.code == 5
    assert done.text.count(said) == 2
    assert "* other, ERRORS:" in done.err


def test_lines_are_sql_runners(book: Book) -> None:
    """Operators' scripts read them: times, EXECUTING, SUCCESS, FAILURE with the server's code, the closing record."""
    book.steps(
        (
            "s",
            {
                "good": "select 1",
            },
        ),
        ("t", {"bad": "selekt"}),
    )
    done = book.run()
    path = f"{book.folder}/0-good.sql"
    assert all(re.match(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", line) for line in done.err.splitlines()[:6])
    records = [re.sub(r"[\d.]+ s$", "N s", record) for record in done.records()]
    assert records[:3] == [
        f"EXECUTING good (in step s @ db): {path}",
        "SUCCESS: good (step s @ target db), ROWS AFFECTED: 1",
        "DURATION: good (step s @ target db), N s",
    ]
    said = 'ERROR #42601 syntax error at or near "selekt"'
    assert records[4] == f"FAILURE: bad (step t @ target db), ERROR: {said}"
    assert done.err.endswith(
        "\nTARGET INITIALIZATION FAILURES:\nQUERY FAILURES:\n"
        f"* Query bad {book.folder}/1-bad.sql (in step t @ target db), ERROR:\n  - {said} (line 1 of the SQL)\n"
    )


def test_a_log_that_nobody_reads_stops_no_run(book: Book) -> None:
    """A closed pipe, a full disk: the queries run, and the exit code is theirs."""
    book.steps(*[(f"s{n}", {"q": f"create table t{n} as select 1 as a"}) for n in range(3)])
    start = f"'{sys.executable}' -m runner.doors.sqlrunner -playbook '{book.path}'"
    for number, how in enumerate((f"({start} 2>&1; echo $? >code) | true", f"{start} 2>/dev/full; echo $? >code")):
        subprocess.run(["bash", "-c", how], cwd=book.folder, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})
        assert (book.folder / "code").read_text() == "0\n"
        assert book.rows("select count(*) from pg_tables where schemaname = 'public'") == [(3,)], number
        book.execute("drop table t0; drop table t1; drop table t2")


def test_tables_for_the_eye(book: Book) -> None:
    """Values as the server writes them; wide letters take two columns, lines of a cell are lines; a blank cell is none."""
    book.steps(
        ("s", {"q": "select array[1, null] as a, '日本' as wide, E'x\ny' as two, null as n; select '' as blank"})
    )
    assert book.run("-showQueryOutput").out == (
        "|    A     | WIDE | TWO | N |\n|----------|------|-----|---|\n| {1,NULL} | 日本 | x   |   |\n|          |      | y   |   |\n"
    )


def test_secrets_of_the_command_line(book: Book) -> None:
    """They are masked in lists of variables too, in usage errors, and where they are no texts."""
    book.steps(
        ("s", {"q": "{{.a_password}} {{.key_secret}} {{.list_token}}"}),
        variables="key_secret: 987654\nlist_token: [topsecret]\n",
    )
    done = book.run("-fillTemplates", "-var", "x=1,a_password=hunter2secret")
    assert done.code == 8
    bad = book.run("-var", "a=1,a_password=hunter2secret,oops")
    assert bad.code == 2
    for text in ("hunter2", "987654", "topsecret"):
        assert text not in done.text + bad.text


def test_json_lines(book: Book) -> None:
    """-json: an object a line, with durations and the exit code."""
    import json

    book.steps(("s", {"a": "select 1 as n"}), ("t", {"b": "select 1/0"}), ("u", {"c": "select 1"}))
    done = book.run("-json", "-showQueryOutput")
    assert done.code == 6
    events = [json.loads(line) for line in done.out.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds == ["executing", "output", "query", "executing", "query", "skipped", "finished"]
    assert events[1]["rows"] == [["1"]]
    assert events[2]["duration_s"] >= 0
    assert "division by zero" in events[4]["error"]
    assert events[6]["exit_code"] == 6


def test_runner_run_knows_the_playbook(book: Book) -> None:
    """`runner run old.yml`: the same semantics and exit codes, the runner's own lines."""
    book.steps(("s", {"q": "create table t as select '{{.a}}' as a"}), variables="a: 5\n")
    code, said = runner("run", str(book.path), "--var", "a=x,y")
    assert code == 0, said
    assert book.rows("select a from t") == [("x,y",)]
    assert re.search(r"db: s / q +1 rows   \d\.\d s\ndone: 1 query, 1 target\n", said)
    code, said = runner("run", str(book.path))
    assert code == 6
    assert f'{book.folder}/0-q.sql: step s, target db: relation "t" already exists' in said
    assert "--from-step 's'" in said


def test_runner_check_and_render_and_plan(book: Book) -> None:
    """What can be known without connecting, the SQL that would be sent, and whether the targets answer."""
    book.steps(("s", {"q": "select '{{.a}}'"}), variables="a: 5\n")
    assert runner("check", str(book.path)) == (0, f"{book.path}: fine (1 targets, 1 steps, 1 queries)\n")
    assert runner("render", str(book.path)) == (0, f"-- s / q: {book.folder}/0-q.sql\nselect '5'\n")
    code, said = runner("plan", str(book.path))
    assert code == 0
    assert "would run" in said
    assert "nothing was run: 1 query, 1 target" in said
    assert "db: connects to " in said


def test_runner_target_stands_for_the_playbooks_own(book: Book) -> None:
    """--target: also DuckDB, where a file is one transaction as on Postgres."""
    book.steps(
        ("a", {"q": "create table kept as select 1 as a"}),
        ("b", {"q": "create table gone as select 1 as a; select * from absent"}),
    )
    url = f"duckdb:///{book.folder}/x.duckdb"
    code, said = runner("run", str(book.path), "--target", url)
    assert code == 6
    assert "absent does not exist" in said
    with Db(url) as db:
        assert db.rows("select table_name from information_schema.tables") == [("kept",)]


@pytest.mark.parametrize("words", [["verify"], ["status"], ["rewind", "--since", "2024-01-01"], ["history"]])
def test_commands_of_models_send_one_to_migrate(book: Book, words: list[str]) -> None:
    """An SQL Runner playbook has no manifest: the next command is `runner migrate`."""
    book.steps(("s", {"q": "select 1"}))
    code, said = runner(words[0], str(book.path), *words[1:])
    assert code == 2
    assert f"runner migrate {book.path}" in said


def test_flags_of_models_are_refused(book: Book) -> None:
    """--until and the like mean nothing there, and are not left aside in silence."""
    book.steps(("s", {"q": "select 1"}))
    code, said = runner("run", str(book.path), "--until", "2024-01-01")
    assert code == 2
    assert "--until: an SQL Runner playbook has no models" in said
