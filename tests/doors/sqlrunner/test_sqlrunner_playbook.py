"""SQL Runner's playbooks as files: keys, types of values, targets, templates."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.doors.sqlrunner.oldbooks import Book, command, runner, target


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
    from runner.doors.sqlrunner.files.playbook import OldTarget
    from runner.doors.sqlrunner.targets import url_of

    keys = {"type": "Postgres", "host": "h", "port": "5", "username": "a@b", "password": "p:/@ %?", "database": "d/e"}
    assert url_of(OldTarget(keys, ssl=True)) == "postgresql://a%40b:p%3A%2F%40%20%25%3F@h:5/d%2Fe?sslmode=require"
    assert url_of(OldTarget({**keys, "sslmode": "verify-full"})).endswith("?sslmode=verify-full")
    assert url_of(OldTarget({**keys, "type": "redshift"})).endswith("/d%2Fe?ssl=false")
    assert url_of(OldTarget({**keys, "type": "redshift"}, ssl=True)).endswith("?sslmode=verify-ca")
    book.steps(("s", {"q": "select 1"}), targets=target(book.url, password="hunter2hunter2", ssl="true"))
    done = book.run()
    assert done.code == 6
    assert "hunter2" not in done.text


def test_snowflake_keys() -> None:
    """Account with its region, key pair with a passphrase, role and schema; the region us-west-1 is the default."""
    from runner.doors.sqlrunner.files.playbook import OldTarget
    from runner.doors.sqlrunner.targets import url_of

    keys = {"type": "Snowflake", "account": "acc", "username": "u", "database": "d", "warehouse": "w"}
    assert url_of(OldTarget({**keys, "region": "us-west-1", "password": "pw"})) == "snowflake://u:pw@acc/d?warehouse=w"
    more = {
        "region": "eu-central-1",
        "private_key_path": "/k.p8",
        "private_key_passphrase": "x",
        "role": "r",
        "schema": "s",
    }
    assert url_of(OldTarget({**keys, **more}), "Snowplow_me") == (
        "snowflake://u@acc.eu-central-1/d/s?warehouse=w&role=r&private_key_file=%2Fk.p8&private_key_file_pwd=x&application=Snowplow_me"
    )


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
    """AwsEnvCredentials gives Redshift's clause; SQL Runner prints the secret with -fillTemplates, we do not."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
    book.steps(("s", {"q": "{{awsEnvCredentials}}"}))
    done = book.run("-fillTemplates")
    assert done.code == 8
    assert "CREDENTIALS 'aws_access_key_id=AKIAEXAMPLE;aws_secret_access_key=" in done.err
    assert "wJalrXUtnFEMI" not in done.text


def test_values_of_the_environment_are_masked(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they are called, in a variable or a SQL file; words of the playbook, names, paths and `public:` are not."""
    values = {"MY_AUTH": "correct horse", "JWT": "eyJhbGciOi.x1", "FLAG": "flagvalue"}
    shown = {
        "STAGE": "production",
        "PLACE": "/tmp/some/where",
        "LABEL": "anything-at-all",
        "SHORT": "abc",
        "STEP": "nightly-step",
    }
    for name, value in (values | shown).items():
        monkeypatch.setenv(name, value)
    env = {name: f'{{{{systemEnv "{name}"}}}}' for name in (*values, *shown)}
    in_sql = "|".join(("{{.auth}}", *(env[name] for name in ("JWT", "STAGE", "PLACE", "LABEL", "SHORT", "STEP"))))
    variables = f"auth: '{env['MY_AUTH']}'\nstage: production\n"
    book.steps((env["STEP"], {"q": f"select '{in_sql}'::int"}), variables=variables)
    written = book.path.read_text() + "public: [LABEL]\n"
    book.path.write_text(written)
    said = [book.run("-fillTemplates").text, book.run().text, runner("run", str(book.path))[1]]
    said += [runner("render", str(book.path))[1]]
    for text in said:
        assert [value for value in values.values() if value in text] == [], text
        assert "${MY_AUTH}|${JWT}|production|/tmp/some/where|anything-at-all|abc|nightly-step" in text
    book.sql("0-q.sql", '{{if eq 1 (systemEnv "JWT")}}{{end}}{{systemEnv "JWT" | len | index "x"}}')
    book.path.write_text(written.replace("template: true", f"template: {env['FLAG']}"))
    said = [book.run().text, runner("check", str(book.path))[1]]
    assert all("${FLAG}" in text and "flagvalue" not in text for text in said)


def test_public_lists_names(tmp_path: Path) -> None:
    """What is no list of names is refused with its line."""
    path = tmp_path / "p.yml"
    path.write_text("targets: [{name: x}]\nsteps: [{name: x}]\npublic: LABEL\n")
    assert "p.yml:3: public: must be a list of names" in command("-playbook", str(path)).text
