"""SQL Runner's playbooks, flags, lines and exit codes on a real Postgres: one test a row of its feature table."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runner.doors.sqlrunner.lock import LockFile
from tests.doors.sqlrunner.oldbooks import Book, command, runner, target
from tests.engines.db import Db


@pytest.fixture
def book(postgres_url: str, tmp_path: Path) -> Book:
    """A playbook over a new, empty database."""
    return Book(tmp_path, postgres_url)


# -- the command line ----------------------------------------------------------------------------------------------------


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
    from where we are. A leading slash in `file:` changes nothing."""
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


# -- the playbook ----------------------------------------------------------------------------------------------------------


def test_colons_before_keys_go(book: Book) -> None:
    """One colon after the indentation and one dash goes, in every line, also within a block and in comments."""
    book.sql("a.sql", "create table t as select '{{.x}}' as x, '{{.text}}' as y")
    parts = target(book.url).replace("  - name", "- :name").replace("\n    ", "\n  :")
    book.path.write_text(
        f":targets:\n{parts}:variables:\n  :x: one\n  :text: |\n    :two\n    ::three\n:steps:\n"
        "- :name: s\n  :queries:\n    - :name: q\n      :file: a.sql\n      :template: true\n"
    )
    assert book.run().code == 0
    assert book.rows("select x, y from t") == [("one", "two\n:three\n")]


def test_the_playbook_itself_is_a_template_of_the_given_variables(book: Book) -> None:
    """Only -var is seen there, and functions; not `variables:`. What is missing prints <no value>. Comments count too."""
    book.sql("a.sql", "create table t as select '{{.x}}|{{.y}}|{{.z}}' as v")
    book.path.write_text(
        f"targets:\n{target(book.url)}# {{{{/* a comment is filled in too */}}}}{{{{.x}}}}\nvariables:\n  x: '{{{{.given}}}}'\n"
        "  y: '{{.x}}'\n  z: '{{systemEnv \"HOME\"}}'\n"
        "steps:\n- name: s\n  queries: [{name: q, file: a.sql, template: true}]\n"
    )
    assert book.run("-var", "given=g").code == 0
    ((value,),) = book.rows("select v from t")
    assert re.fullmatch(r"g\|<no value>\|/.*", value)


TYPES = {
    "yes": "string yes", "on": "string on", "No": "string No", "2020-01-01": "string 2020-01-01",
    "2020-01-01 10:20:30": "string 2020-01-01 10:20:30", "12:30:45": "string 12:30:45", "1e3": "string 1e3",
    "0644": "uint64 420", "0o17": "uint64 15", "0x1F": "uint64 31", "0b101": "uint64 5", "1_000": "uint64 1000",
    "-7": "int64 -7", "1.50": "float64 1.5", "1.5e3": "float64 1500", ".5": "float64 0.5", "null": "<nil> <no value>",
    "~": "<nil> <no value>", "": "<nil> <no value>", "true": "bool true", "True": "bool true", "TRUE": "bool true",
    "'true'": "string true", '"1"': "string 1", "[1, two, 3]": "[]interface {} [1 two 3]",
    "{x: 1, y: z}": "map[string]interface {} map[x:1 y:z]", "18446744073709551615": "uint64 18446744073709551615",
    "1.2.3.4": "string 1.2.3.4", "+5": "uint64 5", "!!str 5": "string 5", "08": "string 08", ".inf": "float64 +Inf",
}  # fmt: skip


def test_yaml_values_have_sql_runners_types(book: Book) -> None:
    """What `variables:` mean to a template, text for text: dates, yes/no and 1e3 are texts, 0644 is octal …"""
    names = {f"v{number}": text for number, text in enumerate(TYPES)}
    shown = "\n".join(f'{{{{printf "%T" .{name}}}}} {{{{.{name}}}}}' for name in names)
    book.steps(
        ("s", {"q": f"create table t as select $x${shown}$x$ as v"}),
        variables="\n".join(f"{k}: {v}" for k, v in names.items()),
    )
    done = book.run()
    assert done.code == 0, done.text
    assert book.rows("select v from t")[0][0].split("\n") == list(TYPES.values())


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("steps:\n- name: s\n", 0, "no targets"),
        ("targets:\n- name: t\n", 0, "no steps"),
        ("targets:\n- name: [\n", 4, "not YAML"),
        ("targets:\n- name: t\nx: {{.a\n", 5, "unclosed action started at book.yml:3"),
        ("targets:\n- name: t\nx: '{{nonsense}}'\n", 3, 'function "nonsense" not defined'),
        ("targets: x\nsteps: []\n", 1, "targets: is not a list"),
        ("targets:\n- name: t\nstatement_timeout_s: .inf\nsteps:\n- name: s\n", 3, "at most 10,000,000"),
        ("targets:\n- name: t\n  ssl: perhaps\nsteps:\n- name: s\n", 3, "ssl: must be true or false"),
    ],
)
def test_a_playbook_that_cannot_be_read(tmp_path: Path, text: str, line: int, said: str) -> None:
    """Exit code 1, with the line and the reason, where SQL Runner says neither."""
    path = tmp_path / "book.yml"
    path.write_text(text)
    done = command("-playbook", str(path))
    assert done.code == 1
    assert "Error getting playbook: " in done.err
    assert f"{path}:{line}: " in done.err if line else f"{path}: " in done.err
    assert said in done.err


def test_what_nobody_asks_for_is_left_aside(book: Book) -> None:
    """Unknown keys are nothing; null variables with -var, which crash SQL Runner, are no variables."""
    book.sql("a.sql", "create table t as select '{{.a}}' as a")
    book.path.write_text(
        f"targets:\n{target(book.url, colour='red')}variables:\nnonsense: [1]\n"
        "steps:\n- name: s\n  mode: x\n  queries: [{name: q, file: a.sql, template: true, cache: 1}]\n"
    )
    assert book.run("-var", "a=1").code == 0
    assert book.rows("select a from t") == [("1",)]


def test_a_query_is_no_template_unless_it_says_so(book: Book) -> None:
    """`template:` is false by default: braces are text then."""
    book.sql("a.sql", "create table t as select '{{.x}}' as v")
    book.write("- name: s\n  queries: [{name: q, file: a.sql}]\n")
    assert book.run().code == 0
    assert book.rows("select v from t") == [("{{.x}}",)]


# -- targets ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["postgres", "POSTGRESQL", "PostgreSQL"])
def test_types_of_targets(book: Book, kind: str) -> None:
    """`type` is read in any case; ssl may be left out; a port may be a number."""
    book.steps(
        ("s", {"q": "create table t as select 1 as a"}),
        targets=target(book.url, type=kind).replace('port: "', "port: ").replace('"\n    database', "\n    database"),
    )
    assert book.run().code == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "mysql"}, "Database type is unsupported: mysql"),
        ({"type": "bigquery"}, "bigquery is not supported here"),
        ({"host": ""}, "host missing: a target of type postgres needs host, port, username, database"),
        ({"port": "", "database": ""}, "port and database missing"),
        ({"port": "x"}, "port: x is not a number"),
        ({"host": "h/other?sslmode=disable"}, "is not the name or address of a host"),
        ({"type": "snowflake"}, "account and warehouse missing: a target of type snowflake needs account"),
        ({"type": "redshift", "username": ""}, "username missing: a target of type redshift"),
    ],
)
def test_a_target_that_cannot_be_used(book: Book, changes: dict[str, str], said: str) -> None:
    """It is exit code 5 for that target; the others run."""
    bad = target(book.url, "bad", **changes)
    book.steps(("s", {"q": "create table t as select 1 as a"}), targets=bad + target(book.url))
    done = book.run()
    assert done.code == 5
    assert "* bad, ERRORS:\n" in done.err
    assert said in done.err
    assert book.rows("select a from t") == [(1,)]


def test_ssl_and_odd_characters_in_keys(book: Book) -> None:
    """`ssl: true` insists on TLS; a password may hold any character, and is never shown."""
    from runner.doors.sqlrunner.files.playbook import Target
    from runner.doors.sqlrunner.targets import url_of

    keys = {"type": "Postgres", "host": "h", "port": "5", "username": "a@b", "password": "p:/@ %?", "database": "d/e"}
    assert url_of(Target(keys, ssl=True)) == "postgresql://a%40b:p%3A%2F%40%20%25%3F@h:5/d%2Fe?sslmode=require"
    assert url_of(Target({**keys, "sslmode": "verify-full"})).endswith("?sslmode=verify-full")
    assert url_of(Target({**keys, "type": "redshift"})).endswith("/d%2Fe?ssl=false")
    assert url_of(Target({**keys, "type": "redshift"}, ssl=True)).endswith("?sslmode=verify-ca")
    book.steps(("s", {"q": "select 1"}), targets=target(book.url, password="hunter2hunter2", ssl="true"))
    done = book.run()
    assert done.code == 6
    assert "hunter2" not in done.text


def test_snowflake_keys() -> None:
    """Account with its region, key pair with a passphrase, role and schema; the region us-west-1 is the default."""
    from runner.doors.sqlrunner.files.playbook import Target
    from runner.doors.sqlrunner.targets import url_of

    keys = {"type": "Snowflake", "account": "acc", "username": "u", "database": "d", "warehouse": "w"}
    assert url_of(Target({**keys, "region": "us-west-1", "password": "pw"})) == "snowflake://u:pw@acc/d?warehouse=w"
    more = {
        "region": "eu-central-1",
        "private_key_path": "/k.p8",
        "private_key_passphrase": "x",
        "role": "r",
        "schema": "s",
    }
    assert url_of(Target({**keys, **more}), "Snowplow_me") == (
        "snowflake://u@acc.eu-central-1/d/s?warehouse=w&role=r&private_key_file=%2Fk.p8&private_key_file_pwd=x&application=Snowplow_me"
    )


# -- templates -------------------------------------------------------------------------------------------------------------


def test_templates_see_the_variables(book: Book) -> None:
    """Go templates: what is missing prints <no value>, lists and conditions work, functions of SQL Runner too."""
    text = (
        "create table t as select $${{.missing}}|{{or .none 6}}|{{range $i, $x := .list}}{{if $i}},{{end}}{{$x}}{{end}}"
        '|{{nowWithFormat "2006"}}|{{systemEnv "NO_SUCH_VARIABLE"}}|{{len randomInt | lt 0}}$$ as v'
    )
    book.steps(("s", {"q": text}), variables="none: null\nlist: [a, 2]\n")
    done = book.run()
    assert done.code == 0, done.text
    assert book.rows("select v from t") == [(f"<no value>|6|a,2|{time.localtime().tm_year}||true",)]


def test_a_template_that_fails_names_its_line(book: Book) -> None:
    """Exit code 5 for every target, before anything runs, with file and line and a hint."""
    book.steps(
        ("a", {"ok": "create table t as select 1 as a"}),
        ("b", {"bad": "select\n{{if eq .x true}}1{{end}}"}),
        variables="x: 'true'\n",
    )
    done = book.run()
    assert done.code == 5
    path = book.folder / "1-bad.sql"
    assert f"An error occurred loading the SQL file: {path}: line 2: " in done.err
    assert "incompatible types for comparison" in done.err
    assert book.rows("select to_regclass('t')") == [(None,)]


def test_all_files_that_cannot_be_read_are_named(book: Book) -> None:
    """The original stops at the first one."""
    book.write("- name: s\n  queries: [{name: a, file: a.sql}, {name: b, file: b.sql}]\n")
    done = book.run()
    assert done.code == 5
    assert done.err.count("No such file or directory") == 2


def test_aws_credentials_are_masked(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """awsEnvCredentials gives Redshift's clause; SQL Runner prints the secret with -fillTemplates, we do not."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
    book.steps(("s", {"q": "{{awsEnvCredentials}}"}))
    done = book.run("-fillTemplates")
    assert done.code == 8
    assert "CREDENTIALS 'aws_access_key_id=AKIAEXAMPLE;aws_secret_access_key=" in done.err
    assert "wJalrXUtnFEMI" not in done.text


# -- running ---------------------------------------------------------------------------------------------------------------


def test_siblings_finish_and_later_steps_are_skipped(book: Book) -> None:
    """A failed query: its step ends, its target stops, and what was skipped is listed; exit code 6."""
    slow = "select pg_sleep(0.3); create table slow as select 1 as a"
    book.steps(
        ("a", {"slow": slow, "bad": "select * from absent"}),
        ("b", {"later": "create table later as select 1 as a"}),
        ("c", {"last": "select 1"}),
    )
    done = book.run()
    assert done.code == 6
    assert book.rows("select to_regclass('slow')::text, to_regclass('later')::text") == [("slow", None)]
    skipped = done.err[done.err.index("SKIPPED:\n") :]
    assert "* Query later " in skipped
    assert "* Query last " in skipped
    assert "(in step c @ target db)" in skipped


def test_targets_are_independent(book: Book) -> None:
    """One target fails at once, the other runs to its end; the code is 6, and 7 with a target that cannot be used."""
    dead = target(book.url, "dead", port="1")
    book.steps(("a", {"q": "create table t as select 1 as a"}), targets=dead + target(book.url))
    done = book.run()
    assert done.code == 6
    assert "(step a @ target dead), ERROR: " in done.err
    assert "SUCCESS: q (step a @ target db), ROWS AFFECTED: 1" in done.err
    book.execute("drop table t")
    book.steps(("a", {"q": "create table t as select 1 as a"}), targets=dead + target(book.url, "odd", type="mysql"))
    assert book.run().code == 7


def test_the_queries_of_a_step_run_at_once(book: Book) -> None:
    """Each waits until all three have begun: one after the other they would fail."""
    book.execute("create table met (n int)")
    meet = (
        "do $$ begin insert into met values ({}); commit; for n in 1..500 loop"
        " if (select count(*) from met) = 3 then return; end if; perform pg_sleep(0.02); commit; end loop;"
        " raise 'alone'; end $$"
    )
    book.steps(("s", {f"q{n}": meet.format(n) for n in (1, 2, 3)}))
    done = book.run()
    assert done.code == 0, done.text


def test_threads_bound_the_queries_of_a_step(book: Book) -> None:
    """-threads 1: one after the other, in the order of the playbook."""
    book.execute("create table log (n int generated always as identity, name text)")
    book.steps(("s", {name: f"insert into log (name) values ('{name}')" for name in "abcde"}))
    assert book.run("-threads", "1").code == 0
    assert book.rows("select string_agg(name, '' order by n) from log") == [("abcde",)]


def test_steps_run_one_after_the_other_in_one_session(book: Book) -> None:
    """A temporary table of a step is there in the next one, as long as steps have one query each."""
    book.steps(("a", {"q": "create temp table x as select 7 as a"}), ("b", {"q": "create table t as select a from x"}))
    assert book.run().code == 0
    assert book.rows("select a from t") == [(7,)]


def test_step_names_may_come_again(book: Book) -> None:
    """Steps are told apart by their place, not by their names."""
    book.execute("create table log (n int)")
    book.steps(*[("same", {"q": f"insert into log values ({n})"}) for n in range(3)])
    done = book.run()
    assert done.code == 0
    assert book.rows("select n from log") == [(0,), (1,), (2,)]
    assert done.records()[-1] == "SUCCESS: 3 queries executed against 1 targets"


def test_nothing_to_run(book: Book) -> None:
    """Steps without queries are exit code 8."""
    book.write("- name: s\n  queries: []\n")
    done = book.run()
    assert done.code == 8
    assert done.records()[-1] == "WARNING: No queries to run"


def test_a_file_is_one_transaction(book: Book) -> None:
    """It is sent whole: an error takes all of it back, unless it commits something itself."""
    book.steps(("s", {"q": "create table gone as select 1 as a; select 1/0"}))
    assert book.run().code == 6
    assert book.rows("select to_regclass('gone')") == [(None,)]
    book.steps(("s", {"q": "begin; create table kept as select 1 as a; commit; select 1/0"}))
    assert book.run().code == 6
    assert book.rows("select a from kept") == [(1,)]


def test_a_file_that_leaves_a_transaction_open_fails(book: Book) -> None:
    """SQL Runner calls that a success, and the work is lost when it ends."""
    book.steps(("s", {"q": "begin; create table lost as select 1 as a"}), ("t", {"q": "select 1"}))
    done = book.run()
    assert done.code == 6
    assert "ends within a transaction that it began" in done.err
    assert "SKIPPED: q (step t @ target db)" in done.err


def test_empty_files_are_fine(book: Book) -> None:
    """Nothing, blanks and comments alone are a success without rows (the original fails on Postgres)."""
    book.steps(("a", {"q": ""}), ("b", {"q": " \n"}), ("c", {"q": "-- nothing\n"}))
    done = book.run()
    assert done.code == 0, done.text


@pytest.mark.parametrize(
    ("sql", "rows"),
    [("insert into t select generate_series(1, 3)", 3), ("select 1 union all select 2", 2), ("create table u (a int)", -1),
     ("insert into t values (1), (2); delete from t where a = 1", 1)],
)  # fmt: skip
def test_rows_affected_are_those_of_the_last_statement(book: Book, sql: str, rows: int) -> None:
    """A SELECT counts its rows, DDL is -1."""
    book.execute("create table t (a int)")
    book.steps(("s", {"q": sql}))
    assert f"SUCCESS: q (step s @ target db), ROWS AFFECTED: {rows}" in book.run().records()


def test_only_the_playbook_says_where(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGHOST and its like are not asked; sessions can be told by their name at the server, or by `query_tag`."""
    for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER"):
        monkeypatch.setenv(name, "1")
    sql = "create table t as select current_setting('application_name') as name"
    book.steps(("s", {"q": sql}))
    assert book.run().code == 0
    assert book.rows("select name from t") == [("sql-runner book",)]
    book.execute("drop table t")
    book.steps(("s", {"q": sql}), targets=target(book.url, query_tag="nightly"))
    assert book.run().code == 0
    assert book.rows("select name from t") == [("nightly",)]


def test_sessions_are_as_the_server_gives_them(book: Book) -> None:
    """No time zone, time-out or setting of ours: an old playbook sees what it always saw."""
    with Db(book.url) as db:
        name = db.rows("select current_database()")[0][0]
        db.execute(
            f"alter database {name} set timezone = 'Pacific/Chatham'; alter database {name} set lock_timeout = '7s'"
        )
    book.steps(
        ("s", {"q": "create table t as select current_setting('timezone') as z, current_setting('lock_timeout') as l"})
    )
    assert book.run().code == 0
    assert book.rows("select z, l from t") == [("Pacific/Chatham", "7s")]


def test_a_later_step_finds_the_first_session(book: Book) -> None:
    """A temporary table outlives a step of several queries, which have sessions of their own besides."""
    book.steps(
        ("a", {"q": "create temp table x as select 7 as a"}),
        ("b", dict.fromkeys("qrs", "select pg_sleep(0.05)")),
        ("c", {"q": "create table t as select a from x"}),
    )
    done = book.run()
    assert done.code == 0, done.text
    assert book.rows("select a from t") == [(7,)]


def test_rows_that_python_has_no_room_for(book: Book) -> None:
    """A file that ends in a SELECT succeeds whatever it gives: its rows are nobody's business."""
    sql = "begin; create table t as select 1 as a; commit; select date '9999-12-31' + 1, 'infinity'::timestamp, '24:00'::time"
    book.steps(("s", {"q": sql}))
    done = book.run("-showQueryOutput")
    assert done.code == 0, done.text
    assert "10000-01-01" in done.out
    assert "infinity" in done.out


def test_sql_is_sent_as_utf8(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever PGCLIENTENCODING says."""
    monkeypatch.setenv("PGCLIENTENCODING", "latin1")
    book.steps(("s", {"q": "create table t as select 'café' as a, length('café') as n"}))
    assert book.run().code == 0
    assert book.rows("select n from t") == [(4,)]


def test_an_error_is_told_whole(book: Book) -> None:
    """All lines of the message, detail and hint."""
    book.steps(("s", {"q": "do $$ begin raise exception E'one\ntwo' using detail = 'more', hint = 'try'; end $$"}))
    assert "ERROR #P0001 one\ntwo; DETAIL: more; HINT: try" in book.run().err


def test_a_query_has_a_time_out(book: Book) -> None:
    """-timeout, or `statement_timeout_s:` in the playbook; eight hours if nobody says."""
    book.steps(("s", {"q": "select pg_sleep(60)"}))
    started = time.monotonic()
    done = book.run("-timeout", "1")
    assert done.code == 6
    assert "took longer than 1 s and was cancelled" in done.err
    assert time.monotonic() - started < 20


# -- dry runs and templates only -------------------------------------------------------------------------------------------


def test_a_dry_run_runs_nothing(book: Book) -> None:
    """It reads, renders and connects, says so as SQL Runner does, and takes no lock."""
    book.steps(("s", {"q": "create table t as select 1 as a"}))
    lock = book.folder / "lock"
    lock.write_text("")
    done = book.run("-dryRun", "-lock", str(lock))
    assert done.code == 0
    assert "SUCCESS: Able to connect to target database, " in done.err
    assert done.records()[-1] == "SUCCESS: 1 queries executed against 1 targets"
    assert book.rows("select to_regclass('t')") == [(None,)]
    assert lock.exists()


def test_a_dry_run_fails_where_it_cannot_connect(book: Book) -> None:
    """SQL Runner ends with 0 and SUCCESS against a dead database."""
    book.steps(("s", {"q": "select 1"}), targets=target(book.url, port="1"))
    done = book.run("-dryRun")
    assert done.code == 6
    assert "ERROR: Cannot connect to target database, " in done.err


def test_fill_templates_prints_and_ends_with_8(book: Book) -> None:
    """Nothing is connected; the record is SQL Runner's; the lock is taken and released."""
    book.steps(("s", {"q": "select '{{.a}}'"}), variables="a: 5\n", targets=target(book.url, port="1"))
    lock = book.folder / "lock"
    done = book.run("-fillTemplates", "-lock", str(lock))
    assert done.code == 8
    assert f"Step name: s\nQuery name: q\nQuery path: {book.folder}/0-q.sql\nselect '5'\n" in done.err
    assert not lock.exists()
    assert f"Deleting lockfile at this key '{lock}'" in done.err


def test_show_query_output(book: Book) -> None:
    """Each result set is a table of its own on the output: headers in capitals, NULL a blank."""
    book.steps(
        (
            "s",
            {
                "q": "select 33 as age, 'John' as first_name union all select null, 'Mary'; select 'x' as other; create table t (a int)"
            },
        )
    )
    done = book.run("-showQueryOutput")
    assert done.code == 0, done.text
    assert done.out == (
        "| AGE | FIRST NAME |\n|-----|------------|\n|  33 | John       |\n|     | Mary       |\n"
        "| OTHER |\n|-------|\n| x     |\n"
    )
    assert done.records().count("QUERY OUTPUT:") == 2


# -- locks -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "sql", "code", "stays"),
    [("-lock", "select 1", 0, False), ("-lock", "select 1/0", 6, True), ("-softLock", "select 1/0", 6, False)],
)
def test_lock_files(book: Book, flag: str, sql: str, code: int, stays: bool) -> None:
    """A hard lock goes with success only, a soft one with any end; both are made with mode 0600."""
    lock = book.folder / "lock"
    book.steps(("s", {"q": sql}))
    seen: list[str] = []

    def watch(when: str, label: str, text: str) -> None:
        if label.startswith("query:") and when == "before":
            seen.append(f"{lock.stat().st_mode & 0o777:o} {lock.read_text()}")

    assert book.run(flag, str(lock), watch=watch).code == code
    assert lock.exists() is stays
    assert re.match(r"600 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000\nsql-runner pid \d+ on ", seen[0])


def test_a_lock_is_looked_at_before_the_playbook(book: Book) -> None:
    """Exit code 3, whoever made it, and whatever the playbook is."""
    lock = book.folder / "lock"
    lock.write_text("2026-11-21T23:32:35+0000")  # as SQL Runner writes it
    done = command("-playbook", "absent.yml", "-softLock", str(lock))
    assert done.code == 3
    assert f"Error: {lock} found on start, previous run failed or is ongoing. Cannot start" in done.err
    assert "2026-11-21T23:32:35+0000" in done.err
    assert lock.exists()


def test_check_lock_and_delete_lock(book: Book) -> None:
    """3 or 0, and 0 or 1."""
    lock = book.folder / "lock"
    assert command("-checkLock", str(lock)).code == 0
    assert command("-checkLock", str(lock), "-dryRun").code == 0  # SQL Runner panics
    assert command("-deleteLock", str(lock)).code == 1
    lock.write_text("")
    assert command("-checkLock", str(lock)).code == 3
    assert command("-deleteLock", str(lock)).code == 0
    assert not lock.exists()


def test_a_lock_that_cannot_be_made(book: Book) -> None:
    """Without its folder: exit code 1, and nothing runs."""
    book.steps(("s", {"q": "create table t as select 1 as a"}))
    done = book.run("-lock", str(book.folder / "absent" / "lock"))
    assert done.code == 1
    assert "Error making lock: " in done.err
    assert book.rows("select to_regclass('t')") == [(None,)]


def test_a_run_deletes_its_own_lock_only(tmp_path: Path) -> None:
    """Once; and not that of another run, which may lie there by now."""
    lock = LockFile(str(tmp_path / "lock"), soft=True)
    release = lock.make("2026-11-22T10:00:00+0000", "one")
    lock.delete()
    other = lock.make("2026-11-22T10:00:01+0000", "two")
    release()
    assert lock.exists()
    other()
    assert not lock.exists()
    other()


def test_one_of_many_starts_gets_the_lock(book: Book) -> None:
    """The file is made in one step: of six starts at once one runs. With SQL Runner all six did."""
    book.execute("create table log (n int)")
    book.steps(("s", {"q": "insert into log values (1); select pg_sleep(0.5)"}))
    lock = str(book.folder / "lock")
    codes: list[int] = []
    starts = [threading.Thread(target=lambda: codes.append(book.run("-lock", lock).code)) for _ in range(6)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert sorted(codes) == [0, 3, 3, 3, 3, 3]
    assert book.rows("select count(*) from log") == [(1,)]


def test_if_both_locks_are_given_the_hard_one_wins(book: Book) -> None:
    """As in SQL Runner."""
    book.steps(("s", {"q": "select 1/0"}))
    hard, soft = book.folder / "hard", book.folder / "soft"
    assert book.run("-softLock", str(soft), "-lock", str(hard)).code == 6
    assert hard.exists()
    assert not soft.exists()


# -- output ----------------------------------------------------------------------------------------------------------------


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


# -- through `runner` --------------------------------------------------------------------------------------------------------


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


# -- signals ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flag", "stays"), [("-softLock", False), ("-lock", True)])
def test_a_signal_cancels_the_queries(book: Book, flag: str, stays: bool) -> None:
    """SIGTERM: exit code 143, the server works on nothing, the soft lock goes and the hard one stays."""
    lock = book.folder / "lock"
    sleep = "create table if not exists t (n int); select pg_sleep(60); insert into t values (1)"
    book.steps(("s", {"a": sleep, "b": "select pg_sleep(60)"}))
    process = subprocess.Popen(
        [sys.executable, "-m", "runner.doors.sqlrunner", "-playbook", str(book.path), flag, str(lock)],
        stderr=subprocess.PIPE,
        text=True,
    )
    busy = "select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
    with Db(book.url) as db:
        deadline = time.monotonic() + 20
        while db.rows(busy) != [(2,)]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
        assert process.returncode == 143, said
        assert db.rows(f"{busy} and state = 'active'") == [(0,)]
    assert "stopped by SIGTERM; what had ended before is done, what ran was cancelled" in said
    assert lock.exists() is stays
