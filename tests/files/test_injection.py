"""Values of variables stay values: 200 hostile ones, as literals, as identifiers, as they are, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runner.errors import Place
from runner.sql.jinja import IDENTIFIER
from tests.engines.db import libpq_url
from tests.files.injection import REFUSED, STRIKE, Stage, differences, hostile
from tests.files.splitting import duckdb_counter, ours
from tests.kit.driver import command
from tests.kit.project import Project

VALUES = hostile()


@pytest.fixture(name="stage")
def stage_fixture(warehouse_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A project on each engine."""
    project = Project(warehouse_url, tmp_path / "project")
    yield Stage(project)
    project.close()


def test_the_values_are_many() -> None:
    """At least 200, most of them fit to be kept."""
    assert len(set(VALUES)) >= 200
    assert sum(1 for value in VALUES if not REFUSED.search(value)) >= 120


def test_literals_given_by_var(stage: Stage) -> None:
    """`--var v=… {{ v | lit }}`: the warehouse has each value exactly, by the same statements as for harmless ones."""
    fit = [value for value in VALUES if "\0" not in value]  # no process can be given one
    assert differences(stage, fit, by_yaml=False) == []


def test_literals_given_by_yaml(stage: Stage) -> None:
    """The same from the playbook's own variables; a NUL by an escape is refused like the others."""
    fit = [value for value in VALUES if "\udcff" not in value]  # a YAML file is UTF-8
    assert differences(stage, fit, by_yaml=True) == []


def test_a_role_with_other_strings_changes_nothing(postgres_url: str, tmp_path: Path) -> None:
    r"""Where a database says standard_conforming_strings = off, '\' in a SELECT is one character still.

    With it, the quote after the backslash would not end the text, and the value behind it would stand outside.
    """
    with psycopg.connect(libpq_url(postgres_url), autocommit=True) as connection:
        connection.execute(f'alter database "{connection.info.dbname}" set standard_conforming_strings = off')
    project = Project(postgres_url, tmp_path / "project")
    stage = Stage(project)
    values = [f"; {STRIKE}; --", "a'b", f"'; {STRIKE}; --"]
    kept = stage.keep(values, by_yaml=False, expression="'\\' || {{ v# | lit }}")
    assert kept == ["\\" + value for value in values]
    assert stage.unharmed()
    project.close()


def _models(folder: Path, select: str) -> str:
    """A playbook with a model for each value, all checked by one command; what it says."""
    names = [f"m{n}" for n in range(len(VALUES))]
    models = "".join(f"  - {{table: derived.{name}, sql: {name}.sql}}\n" for name in names)
    variables = "".join(f"  v{n}: ''\n" for n in range(len(VALUES)))
    source = "source: {table: atomic.events, batch: etl_tstamp}\n"
    page = f"name: web\ntarget: duckdb:///never.duckdb\n{source}models:\n{models}variables:\n{variables}"
    (folder / "web.yml").write_text(page)
    for n, name in enumerate(names):
        (folder / f"{name}.sql").write_text(select.replace("#", str(n)))
    words = [word for n, value in enumerate(VALUES) for word in ("--var", f"v{n}={value}")]
    return command("check", str(folder / "web.yml"), *words).text


def test_identifiers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`{{ v | ident }}` takes plain names only; of all others every one is refused, at its file and line."""
    monkeypatch.setattr("tests.files.test_injection.VALUES", [v for v in VALUES if "\0" not in v and "\udcff" not in v])
    said = _models(tmp_path, "select 1 as x,\n  {{ v# | ident }} as y from atomic.events")
    refused = {n for n in range(len(VALUES)) if f"/m{n}.sql:2: template: " in said}
    assert refused == {n for n, value in enumerate(VALUES) if not IDENTIFIER.fullmatch(value)}
    assert len(refused) > 180


def test_values_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain `{{ v }}` is SQL of the author's; what is accepted is one SELECT to DuckDB too, and never a strike."""
    monkeypatch.setattr("tests.files.test_injection.VALUES", [v for v in VALUES if "\0" not in v and "\udcff" not in v])
    select = "select '{{ v# }}' as x, {{ v# }} as y from atomic.events"
    said = _models(tmp_path, select)
    accepted = [value for n, value in enumerate(VALUES) if f"/m{n}.sql:" not in said]
    count = duckdb_counter()
    assert 0 < len(accepted) < len(VALUES) / 2
    for value in accepted:
        text = select.replace("{{ v# }}", value)
        assert ours(text, "duckdb") == 1
        assert count(text) in (1, None), value


STRUCK = f"etl_tstamp; {STRIKE}; --"
PLACES = {
    "batch": "source: {table: atomic.events, batch: '{{ v }}'}",
    "dedupe": "source: {table: atomic.events, batch: etl_tstamp, dedupe: ['{{ v }}', k]}",
    "order_by": "source: {table: atomic.events, batch: etl_tstamp, dedupe: k, order_by: '{{ v }}'}",
    "keys": "source: {table: atomic.events, batch: etl_tstamp, keys: '{{ v }}'}",
}


@pytest.mark.parametrize("value", [STRUCK, "etl_tstamp --", "etl_tstamp) from x; (select 1", "(", "'", "a, b", "k /*"])
@pytest.mark.parametrize("place", [*PLACES, "key", "checks", "merge"])
def test_expressions_of_the_playbook(tmp_path: Path, place: str, value: str) -> None:
    """A variable in a batch, key, check … cannot bring a second statement, a comment or an open bracket with it."""
    good = "source: {table: atomic.events, batch: etl_tstamp}"
    model = {
        "key": "key: {k: '{{ v }}'}",
        "checks": "key: k\n    checks: ['n > 0', '{{ v }}']",
        "merge": "key: k\n    merge: {n: 'first(k by {{ v }}, k)'}",
    }.get(place, "key: k")
    page = f"name: web\ntarget: duckdb:///never.duckdb\n{PLACES.get(place, good)}\nvariables: {{v: ''}}\nmodels:\n"
    (tmp_path / "web.yml").write_text(f"{page}  - table: derived.s\n    sql: s.sql\n    {model}\n")
    (tmp_path / "s.sql").write_text("select k, count(*) as n from atomic.events group by k")
    said = command("run", str(tmp_path / "web.yml"), "--var", f"v={value}")
    assert said.code == 2
    assert f"{Place(tmp_path / 'web.yml', 1)}"[:-1] in said.text
    assert "hint: " in said.text
    assert not (tmp_path / "never.duckdb").exists()
