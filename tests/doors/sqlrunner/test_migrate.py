"""`runner migrate`: an SQL Runner playbook becomes a native one that sends the same SQL, or says where it does not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.doors.sqlrunner.oldbooks import Book, runner, target
from tests.engines.db import Db

URL = "postgresql://me:hunter2hunter2@db.example:5439/shop"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    """A playbook of a database that nobody connects to."""
    monkeypatch.setenv("DB_PASSWORD", "hunter2hunter2")
    return Book(tmp_path, URL)


def rendered(book: Book, *flags: str) -> tuple[str, str]:
    """What the old and the new playbook would send, without their own headings."""
    texts = []
    for file in (book.path, book.folder / "book.native.yml"):
        code, said = runner("render", str(file), *flags)
        assert code == 0, said
        texts.append("\n".join(line for line in said.rstrip().splitlines() if not line.startswith("-- ")))
    return texts[0], texts[1]


VARIABLES = """
schema: derived
n: 4
rate: 1.5
stage_next: true
off: false
nothing: null
list: [a, 2, b]
empty: []
mode: full
date: 2020-01-01
"""
# The 14 shapes of Snowplow's own playbooks, and the rest that has a counterpart.
TRANSLATED = [
    "select 1 from {{.schema}}.t",
    "{{if eq .stage_next true}}a{{end}}|{{if eq .off true}}b{{end}}",
    '{{if eq .mode "full"}}full{{else}}part{{end}}',
    "{{or .nothing 6}} {{or .n 6}} {{or .off .schema}}",
    '{{if eq .mode "a" "full"}}any{{end}}',
    "{{if eq (or .nothing false) true}}y{{else}}n{{end}}",
    "{{if ne (or .stage_next false) true}}y{{else}}n{{end}}",
    "{{range $i, $x := .list}}{{if $i}}, {{end}}'{{$x}}'{{end}}",
    "{{range $i, $x := .empty}}{{$x}}{{else}}none{{end}}",
    '{{if eq .mode "x"}}x{{else if eq .mode "full"}}full{{else}}z{{end}}',
    "{{if .nothing}}y{{else}}n{{end}}{{if .list}}y{{end}}",
    "{{range $i, $x := .list}}{{if lt $i 2}}{{$x}};{{end}}{{end}}",
    "{{.nothing}} {{.missing}} {{.stage_next}} {{.off}} {{.rate}} {{.date}} {{.list}} {{.empty}}",
    "a {{- .schema -}} b {{- /* a comment */ -}} c",
    "{{/* a comment */}}x",
    "{{if and .stage_next (not .off)}}y{{end}}",
    "{{if ge .n 4}}a{{end}}{{if gt .n 4}}b{{end}}{{if le .n 3}}c{{end}}",
    "{{with .schema}}in {{.}}{{else}}none{{end}}|{{with .nothing}}x{{else}}none{{end}}",
    "{{range .list}}<{{.}}{{$.n}}>{{end}}",
    "{{$x := .schema}}{{$x}}{{$x = .mode}}{{$x}}{{if .stage_next}}{{$x := .n}}{{$x}}{{end}}{{$x}}",
    '{{define "t"}}[{{.}}]{{end}}{{template "t" .schema}}{{template "t" .n}}{{block "b" .mode}}({{.}}){{end}}',
    '{{define "all"}}{{.schema}}{{end}}{{template "all" .}}',
    '{{printf "%s_%d%%" .schema .n}} {{.schema | printf "%v-%s" .mode}} {{print .schema "x"}}',
    "{{len .list}} {{len .schema}} {{index .list 0}}",
    '{{"quoted \\"text\\""}} {{`raw`}} {{1}} {{true}} {{\'a\'}}',
    "text {% with %} braces {# and } so on { {{.n}} {",
    "{{$loop := 1}}{{$loop}}{{range $schema := .list}}{{$schema}}{{end}}{{.schema}}",
    "{{range $x := .list}}{{range $y := $.list}}{{$x}}{{$y}} {{end}}{{end}}",
]


@pytest.mark.parametrize("text", TRANSLATED)
def test_the_same_sql(book: Book, text: str) -> None:
    """What can be translated renders to the same text, also with other values of the same types."""
    book.steps(("s", {"q": text}), variables=VARIABLES)
    code, said = runner("migrate", str(book.path))
    assert code == 0, said
    seed = random.randrange(1 << 30)
    choice = random.Random(seed)
    for _ in range(4):
        flags = [
            f"--var=schema={choice.choice(['x', 'derived_2', 'full'])}",
            f"--var=n={choice.choice([0, 1, 3, 4, 5, 77])}",
            f"--var=stage_next={choice.choice(['true', 'false'])}",
            f"--var=off={choice.choice(['true', 'false'])}",
            f"--var=mode={choice.choice(['full', 'a', 'x', ''])}",
        ]
        old, new = rendered(book, *flags)
        assert old == new, f"seed {seed}: {flags}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{{nowWithFormat "2006"}}', "--var today=$(date"),
        ("{{randomInt}}", "randomInt has no counterpart"),
        ("{{.map.x}}", "single values and flat lists"),
        ("{{range $k, $v := .map}}{{$k}}{{end}}", "single values and flat lists"),
        ("{{range .list}}{{break}}{{end}}", "leave a loop"),
        ("{{$n := 0}}{{range .list}}{{$n = 1}}{{end}}{{$n}}", "carry an assignment out of a loop"),
        ('{{printf "%05.2f" .rate}}', "printf with these arguments"),
        ("{{html .schema}}", "html has no counterpart"),
        ('{{define "r"}}{{template "r" .}}{{end}}{{if .off}}{{template "r" .}}{{end}}', "calls itself"),
        ("{{index .list .n}}{{slice .schema 1 2}}", "slice has no counterpart"),
    ],
)
def test_what_cannot_be_translated_is_said(book: Book, text: str, why: str) -> None:
    """Exit code 6, with file and line; and the new playbook cannot be run until it is mended."""
    book.steps(("s", {"q": f"select 1\n-- {text}"}), variables=VARIABLES + "map: {x: 1}\n", targets=target(URL))
    book.sql("0-q.sql", (book.folder / "0-q.sql").read_text().replace("{{index .list .n}}", ""))
    code, said = runner("migrate", str(book.path))
    assert code == 6, said
    assert f"{book.folder}/0-q.sql:2: not translated: " in said
    assert why in said
    code, said = runner("check", str(book.folder / "book.native.yml"))
    assert code == 2
    assert "0-q.sql:2: template: " in said
    assert "not_translated" in said


def test_secrets_are_not_written(book: Book) -> None:
    """The password of a target comes from the environment; migrate says under which name."""
    book.steps(("s", {"q": "select 1"}))
    code, said = runner("migrate", str(book.path))
    assert code == 0
    assert "note: export DB_PASSWORD=…" in said
    written = (book.folder / "book.native.yml").read_text()
    assert "hunter2" not in written
    assert 'target: "postgresql://me:${DB_PASSWORD}@db.example:5439/shop?sslmode=prefer"' in written


def test_environment_of_templates(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """SystemEnv becomes a variable that is filled from the environment."""
    monkeypatch.setenv("REGION", "eu")
    book.steps(("s", {"q": '{{systemEnv "REGION"}}|{{systemEnv "NO_SUCH"}}|'}))
    assert runner("migrate", str(book.path))[0] == 0
    assert rendered(book) == ("eu||", "eu||")


def test_environment_names_keep_apart(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """FOO, foo and a variable env_foo are three; what cannot be written as ${NAME} is said."""
    book.steps(("s", {"q": '{{systemEnv "FOO"}}|{{systemEnv "foo"}}|{{.env_foo}}'}), variables="env_foo: own\n")
    assert runner("migrate", str(book.path))[0] == 0
    monkeypatch.setenv("FOO", "big")
    monkeypatch.setenv("foo", "small")
    assert rendered(book) == ("big|small|own", "big|small|own")


def test_an_environment_name_that_cannot_be_written(book: Book) -> None:
    """It is a place that is not translated, not a playbook that cannot be read."""
    book.steps(("s", {"q": 'select 1\n-- {{systemEnv "HOME-X"}}'}))
    code, said = runner("migrate", str(book.path))
    assert code == 6
    assert "0-q.sql:2: not translated: " in said


def test_secrets_among_variables_are_not_written(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the playbook reads from the environment is read there still; other secrets get a name; --var is not baked in."""
    monkeypatch.setenv("DB_PW", "realproductionpw")
    variables = "db: '{{systemEnv \"DB_PW\"}}'\napi_token: tokenfromfile\nschema: derived\n"
    book.steps(("s", {"q": "{{.db}} {{.api_token}} {{.schema}}"}), variables=variables)
    code, said = runner("migrate", str(book.path), "--var", "schema=dev", "--var", "api_token=tokenfromcli99")
    assert code == 0, said
    written = (book.folder / "book.native.yml").read_text()
    assert "realproduction" not in written
    assert "tokenfrom" not in written
    assert "db: ${DB_PW:-}" in written
    assert "api_token: ${API_TOKEN:-}" in written
    assert 'schema: "derived"' in written
    assert "note: export API_TOKEN=…" in said


def test_line_ends_and_empty_steps(book: Book) -> None:
    r"""Jinja writes \n alone: the same SQL, and said. A step without queries is left out."""
    book.steps(("s", {"q": "select 1"}))
    (book.folder / "0-q.sql").write_bytes(b"select '{{.a}}',\r\n2")
    book.write(
        "- name: s\n  queries: [{name: q, file: 0-q.sql, template: true}]\n- {name: empty, queries: []}\n", "a: 1\n"
    )
    code, said = runner("migrate", str(book.path))
    assert code == 0, said
    assert "its line ends are" in said
    assert "step empty has no queries" in said
    assert runner("check", str(book.folder / "book.native.yml"))[0] == 0


def test_names_of_steps_become_unique_and_files_stay_below(book: Book) -> None:
    """The native format merges steps of one name; paths that leave the root would have nowhere to go."""
    (book.folder / "sub").mkdir()
    book.file = "sub/book.yml"
    book.sql("shared/a.sql", "select '{{.schema}}', '{% raw %}'")
    query = "{name: q, file: ../shared/a.sql}"
    book.write(f"- name: same\n  queries: [{query}]\n- name: same\n  queries: [{query}]\n")
    code, said = runner("migrate", str(book.path))
    assert code == 0, said
    assert "several steps were called same; one is now 'same (2)'" in said
    new = book.folder / "sub" / "book.native.yml"
    assert (book.folder / "sub" / "book.native" / "up" / "shared" / "a.sql").exists()
    code, said = runner("render", str(new))
    assert said.count("select '{{.schema}}', '{% raw %}'") == 2


def test_nothing_is_overwritten(book: Book) -> None:
    """A second migrate is refused: the first one's files may have been worked on."""
    book.steps(("s", {"q": "select 1"}))
    assert runner("migrate", str(book.path))[0] == 0
    code, said = runner("migrate", str(book.path))
    assert code == 2
    assert "is there already" in said


def test_other_targets_are_named(book: Book) -> None:
    """A native playbook has one target."""
    targets = target(URL) + target(URL, "second") + target(URL, "third", type="bigquery")
    book.steps(("s", {"q": "select 1"}), targets=targets)
    _, said = runner("migrate", str(book.path))
    assert "note: a native playbook has one target: for second run it again with --target URL" in said
    assert "note: target third is left out: bigquery is not supported" in said


def test_an_incremental_playbook_is_offered_a_manifest(book: Book) -> None:
    """SQL that reads events and keeps a record of its own is shown what a source would do."""
    book.steps(
        (
            "s",
            {
                "q": "insert into x select etl_tstamp from atomic.events where etl_tstamp not in (select etl_tstamp from etl_manifest)"
            },
        )
    )
    _, said = runner("migrate", str(book.path))
    assert "it keeps its own record of what it has processed (etl_manifest): a source does that" in said
    assert "#   batch: etl_tstamp" in (book.folder / "book.native.yml").read_text()


def test_only_old_playbooks_are_migrated(tmp_path: Path) -> None:
    """A native one is said to be none."""
    path = tmp_path / "web.yml"
    path.write_text("name: web\n")
    assert "not a playbook of SQL Runner" in runner("migrate", str(path))[1]
    assert "no such file" in runner("migrate", str(tmp_path / "x.yml"))[1]


def test_both_make_the_same_tables(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real Postgres: the old playbook, and the native one that was made of it."""
    book = Book(tmp_path, postgres_url)
    book.execute("create schema one; create schema two; create table log (at text)")
    book.steps(
        (
            "a",
            {
                "q": "create table {{.s}}.t as select {{range $i, $x := .list}}{{if $i}} union all select {{end}}{{$x}} as n{{end}}"
            },
        ),
        (
            "b",
            {
                "q": "insert into log select '{{.s}}' || count(*) from {{.s}}.t",
                "r": "create table {{.s}}.u as select '{{.flag}}' as f",
            },
        ),
        variables="s: one\nlist: [1, 2]\nflag: true\n",
    )
    assert book.run().code == 0
    monkeypatch.setenv("DB_PASSWORD", "x")
    assert runner("migrate", str(book.path))[0] == 0
    code, said = runner("run", str(tmp_path / "book.native.yml"), "--var", "s=two", "--target", postgres_url)
    assert code == 0, said
    with Db(postgres_url) as db:
        for table in ("t", "u"):
            assert db.rows(f"select * from one.{table}") == db.rows(f"select * from two.{table}")
        assert db.rows("select at from log order by 1") == [("one2",), ("two2",)]
