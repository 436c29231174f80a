"""Values of the environment that a playbook uses are not shown, whatever they are called; what it says anyway is."""

from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb
import pytest

from runner.cli.app import main
from runner.errors import CannotConnect, Problems
from runner.playbook.load import given_target, load
from runner.secrets import Secrets
from runner.session.process import Process
from runner.warehouse.postgres import Postgres
from tests.doors.products import small
from tests.doors.semantic import model
from tests.kit.project import Project

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJydW5uZXIifQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_w"
AUTH = "correct horse"
DSN = "Server=tcp:sql.example,1433;User Id=me;Password=it's {x}+;Encrypt=yes"
ODD = "kv/7'\"%&é~!"
ENV = {
    "JWT": JWT,
    "MY_AUTH": AUTH,
    "DB_DSN": DSN,
    "ODD_ONE": ODD,
    "LISTED": "first-of-list",
    "BY_ENGINE": "of_one_engine",
}
PIECES = [
    JWT,
    JWT[4:30],
    AUTH,
    "it's {x}",
    "it''s {x}",
    "first-of-list",
    "of_one_engine",
    *({ODD, quote(ODD), quote_plus(ODD)}),
]


@pytest.fixture
def project(duckdb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A playbook whose variables are filled from an environment."""
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    made = Project(duckdb_url, tmp_path / "project")
    made.top["variables"] = {
        "auth": "Bearer ${JWT}",
        "said": "${MY_AUTH}",
        "connection": "${DB_DSN}",
        "odd": "${ODD_ONE}",
        "some": ["${LISTED}", "x"],
        "one": {"default": "x", "duckdb": "${BY_ENGINE}"},
    }
    made.standard("sessions")
    made.add(0, "s1 u1 1")
    return made


ALL = (
    "{{ auth | lit }}, {{ said | lit }}, {{ connection | lit }}, {{ odd | lit }}, {{ some[0] | lit }}, {{ one | lit }}"
)


def _seen(text: str) -> list[str]:
    folded = text.lower()
    return [piece for piece in PIECES if piece.lower() in folded or json.dumps(piece)[1:-1].lower() in folded]


def test_no_value_of_a_variable_is_seen(project: Project) -> None:
    """In SQL as it is sent, in errors, as JSON, in the history and in the warehouse's own tables."""
    project.models["sessions"]["checks"] = [f"'x' in ({ALL})"]
    project.add(1, "s2 u1 1")
    commands = [["render"], ["run"], ["run", "--json"], ["history"], ["history", "--json"], ["render", "--json"]]
    for command in commands:
        said = _any(project, *command)
        assert _seen(said) == [], (command, said)
    kept = project.rows("select error from runner.runs")
    assert kept and _seen(repr(kept)) == []
    project.models["sessions"]["checks"] = []
    broken = f"select domain_sessionid, cast({{{{ connection | lit }}}} as integer) as n, {ALL} from atomic.events"
    for select, command in (
        (broken, ["run"]),
        (broken, ["run", "--json"]),
        (f"select {ALL} frm atomic.events", ["check"]),
        (f"select * from nowhere({ALL})", ["plan"]),
    ):
        project.model("sessions", select)
        said = _any(project, *command)
        assert _seen(said) == [], (command, said)
    assert _seen(repr(project.rows("select error from runner.runs"))) == []


def _any(project: Project, *command: str) -> str:
    """What a command says, however it ends."""
    path, out = project.write(), io.StringIO()
    project.close()
    main([command[0], str(path), *command[1:]], out=out, err=out)
    return out.getvalue()


def _masked(folder: Path, text: str, env: dict[str, str], top: str, said: str) -> str:
    path = folder / "web.yml"
    (folder / "q.sql").write_text("select 1")
    path.write_text(f"{top}\nqueries: [q.sql]\n{text}\n")
    return load(path, env).hidden.masked(said)


def test_what_is_called_public_is_shown_whatever_its_name(
    duckdb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it alone: secrets of other variables stay hidden."""
    monkeypatch.setenv("OPEN_TOKEN", "open-for-all")
    monkeypatch.setenv("SHUT_TOKEN", "k3pt-h1dden")
    with closing(Project(duckdb_url, tmp_path / "project")) as project:
        project.standard("sessions")
        project.top |= {"variables": {"a": "${OPEN_TOKEN}", "b": "${SHUT_TOKEN}"}, "public": ["OPEN_TOKEN"]}
        project.model("sessions", "select domain_sessionid, max('{{ a }}{{ b }}') as n from atomic.events group by 1")
        assert "open-for-all${SHUT_TOKEN}" in _any(project, "render")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("target: postgresql://u@${VALUE}:1/d\nvariables: {x: '${VALUE}'}", "db.example.internal"),
        ("target: postgresql://${VALUE}:${PW}@h:1/d\nvariables: {x: '${VALUE}'}", "analytics_rw"),
        ("schemas: {derived: '${VALUE}'}\nvariables: {x: '${VALUE}'}", "derived_production"),
        ("state_schema: ${VALUE}\nvariables: {x: '${VALUE}'}", "runner_state"),
        ("variables: {x: '${VALUE}', y: said-elsewhere}", "said-elsewhere"),
        ("variables: {x: '${VALUE:-the-default}'}", "the-default"),
        ("variables: {x: '${VALUE}'}", "/tmp/some/where.parquet"),
        ("variables: {x: '${VALUE}'}", "./some/where.parquet"),
        ("variables: {x: '${VALUE}'}", "2024-03-01"),
        ("variables: {x: '${VALUE}'}", "2024-03-01 00:00:00"),
        ("variables: {x: '${VALUE}'}", "short"),
        ("variables: {x: '${VALUE}'}\npublic: [VALUE]", "anything-at-all"),
        ("variables: {token: '${VALUE}'}\npublic: [VALUE]", "anything-at-all"),
        ("target: snowflake://u@account/d/s?warehouse=${VALUE}&role=${VALUE}", "COMPUTE_WH"),
        ("variables: {x: y}", "not-used-at-all"),
    ],
)
def test_what_a_playbook_says_anyway_is_shown(text: str, value: str, tmp_path: Path) -> None:
    """Hosts, users, schemas, paths, times, words of its files, and what it calls public."""
    said = f"table {value}.x: no such file {tmp_path}/{value}"
    target = "" if "target" in text else "target: duckdb:///x.duckdb"
    assert _masked(tmp_path, text, {"VALUE": value, "PW": "x"}, target, said) == said


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("variables: {x: 'a ${VALUE} b'}", "some-value"),
        ("variables: {x: '${VALUE}'}", "12345678"),
        ("variables: {x: '${VALUE}'}", "https://hooks.example/T00/B00/xyz"),
        ("variables: {x: '${VALUE}'}", "/9j/4AAQSkZJRgABAQ"),
        ("variables: {x: '${VALUE}', y: some-values}", "some-value"),
        ("target: postgresql://u@h/d?options=${VALUE}", "-c my.secret=x"),
        ("target: snowflake://u@account/d/s?proxy=${VALUE}", "some value"),
        ("variables: {x: '${VALUE}'}\npublic: [OTHER]", "some-value"),
    ],
)
def test_all_other_values_are_hidden(text: str, value: str, tmp_path: Path) -> None:
    """Of eight characters and more, in a variable or an option of the target."""
    target = "" if "target" in text else "target: duckdb:///x.duckdb"
    said = f"{value}, '{value}', {quote(value, safe='')}, {quote_plus(value)}"
    assert value not in _masked(tmp_path, text, {"VALUE": value}, target, said)
    assert _masked(tmp_path, text, {"VALUE": value}, target, said).count("${VALUE}") == 4


def test_a_number_is_hidden_as_it_is_written_then(tmp_path: Path) -> None:
    """A sign that the number does not keep is no part of what is looked for."""
    page, env = "variables:\n  x: ${VALUE}", {"VALUE": "+9876543210"}
    masked = _masked(tmp_path, page, env, "target: duckdb:///x.duckdb", "a9876543210")
    assert "9876543210" not in masked


def test_what_is_like_a_parameter_is_one_in_a_url_only(tmp_path: Path) -> None:
    """Of another text no word has to be hidden by itself: it stands in names and errors everywhere."""
    for value, shown in (("is it?so=certainly", "certainly"), ("https://h?so=certainly", "${VALUE}")):
        masked = _masked(
            tmp_path, "variables: {x: '${VALUE}'}", {"VALUE": value}, "target: duckdb:///x.duckdb", "certainly"
        )
        assert masked == shown


@pytest.mark.parametrize(
    ("url", "env"),
    [
        ("postgresql://u@h/d?options=${VALUE}", {"VALUE": "-c my.secret=x"}),
        ("snowflake://u@account/d/s?proxy=${VALUE}&warehouse=${WH}", {"VALUE": "-c my.secret=x", "WH": "COMPUTE_WH"}),
        ("", {"RUNNER_TARGET": "postgresql://u@h/d?options=-c%20my.secret%3Dx&sslmode=prefer"}),
    ],
)
def test_options_of_a_target_alone(url: str, env: dict[str, str]) -> None:
    """Of a model's target, or of --target: a process that hides it shows no more of it than one with a playbook."""
    process = Process(io.StringIO(), io.StringIO(), env)
    problems = Problems()
    process.hide_target(given_target(url or env["RUNNER_TARGET"], env, problems), url)
    said = process.secrets.masked("no -c my.secret=x, -c%20my.secret%3Dx for u@h, COMPUTE_WH or prefer")
    name = "VALUE" if url else "RUNNER_TARGET"
    assert said == f"no ${{{name}}}, ${{{name}}} for u@h, COMPUTE_WH or prefer"


def test_the_doors_hide_the_options_of_their_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model's own, --target of a model and of a data product."""
    monkeypatch.setenv("VALUE", "not/a-number")
    url = f"duckdb:///{tmp_path}/x.duckdb?threads=${{VALUE}}"
    duckdb.connect(f"{tmp_path}/x.duckdb").close()
    product = small.write(tmp_path / "product")
    semantic = model.write(tmp_path / "model")
    settings = (semantic / "config.yml").read_text()
    said = [
        _fails("generate", "view", product, "--schemas", product.parent / "schemas", "--apply", "--target", url),
        _fails("model", "status", semantic, "--target", url),
    ]
    (semantic / "config.yml").write_text(settings.replace("model_settings:", f"model_settings:\n  target: {url}"))
    said.append(_fails("model", "status", semantic))
    monkeypatch.setenv("RUNNER_TARGET", url.replace("${VALUE}", "not/a-number"))
    said.append(_fails("model", "status", semantic))
    assert [one for one in said if "not/a-number" in one or "${" not in one] == []


def _fails(*words: str | Path) -> str:
    out = io.StringIO()
    assert main(list(map(str, words)), out=out, err=out) != 0
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("Server=x;Password=hunter2;Encrypt=yes", "hunter2"),
        ("Server=x;PWD={hun}}ter;2};Encrypt=yes", "hun}ter;2"),
        ('Server=x;Password="hun""ter;2"', 'hun"ter;2'),
        ("Server=x;Password=hun ter=2;Encrypt=yes", "hun ter=2"),
        ("host=h password=hunter2 dbname=d", "hunter2"),
        (r"host=h password='hun\'ter 2' dbname=d", "hun'ter 2"),
        ('{"user": "me", "password": "hun\\"ter2"}', 'hun"ter2'),
        ("jdbc:postgresql://h/d?user=me&password=hunter2&ssl=true", "hunter2"),
        ("AccountName=x;AccountKey=abcd1234==;EndpointSuffix=core", "abcd1234=="),
    ],
)
def test_passwords_within_connection_strings(text: str, password: str) -> None:
    """Of any variable of the environment, by what it holds; the rest of it is no secret."""
    said = Secrets.found_in({"DB_DSN": text}).masked(f"login of me at h with {password} failed")
    assert said == "login of me at h with ${DB_DSN} failed"


def test_paths_are_shown_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that is a word of a path would be told by what is left out of the path; elsewhere it is masked."""
    folder = tmp_path / "production" / "warehouse"
    folder.mkdir(parents=True)
    (folder / "q.sql").write_text("select '{{ env }}' frm x; selec {{ nothing }}")
    playbook = folder / "p.yml"
    playbook.write_text("name: p\ntarget: duckdb:///p.duckdb\nvariables: {env: '${STAGE_NAME}'}\nqueries: [q.sql]\n")
    monkeypatch.setenv("STAGE_NAME", "production")
    monkeypatch.setenv("PGPASSWORD", "warehouse")
    err = io.StringIO()
    assert main(["check", str(playbook)], out=err, err=err) == 2
    assert f"{folder}/q.sql:1" in err.getvalue()


def test_errors_of_connecting_are_masked_themselves() -> None:
    """Not only where they are printed: a log or a handler of Python's may get them."""

    def fails() -> None:
        raise OSError(f"login with {AUTH} was refused; postgresql://u:hunter22@h/d")

    secrets = Secrets.found_in({"URL": "postgresql://u:hunter22@h/d"}).also([(AUTH, "${MY_AUTH}")], known=False)
    with pytest.raises(CannotConnect) as error:
        Postgres(fails, "u@h/d", secrets=secrets)
    assert "${MY_AUTH}" in error.value.what and AUTH not in str(error.value) and "hunter22" not in str(error.value)
