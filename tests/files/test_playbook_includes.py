"""Playbook files that include others."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import BadInput
from runner.playbook.load import load
from runner.playbook.values import Variable
from tests.files.playbook_texts import write

BASE = """\
name: base
target: ${NOT_SET}
source: {table: atomic.events, batch: etl_tstamp, files: x/*.csv}
variables: {a: 1}
lookups: {crm.c: static}
models: [{table: derived.base, sql: b.sql}]
"""


def test_includes_come_first(tmp_path: Path) -> None:
    """Sources, look-ups, variables and steps of included files come first, each file once; name and target do not."""
    web = "include: [base.yml, other.yml]\nvariables: {b: 2}\nmodels: [{table: derived.web, sql: w.sql}]\n"
    other = "include: base.yml\nqueries: [o.sql]\nvariables: {a: 1}\n"
    playbook = load(write(tmp_path, {"web.yml": web, "base.yml": BASE, "other.yml": other}), {})
    assert (playbook.name, playbook.target.url) == ("web", f"duckdb:///{tmp_path}/web.duckdb")
    assert [s.name for s in playbook.steps] == ["base", "other", "web"]
    assert [str(m.table) for m in playbook.models] == ["derived.base", "derived.web"]
    assert playbook.variables == (Variable("a", 1), Variable("b", 2))
    assert (len(playbook.sources), len(playbook.lookups)) == (1, 1)
    assert playbook.models[0].place.path == tmp_path / "base.yml"


def test_paths_of_included_queries_start_at_the_including_sql_root(tmp_path: Path) -> None:
    """A Query's path is relative to Playbook.sql_root, whichever file wrote it; SQL outside of it is refused."""
    files = {"web.yml": "include: [in/base.yml]\nqueries: [w.sql]\n", "in/base.yml": BASE}
    playbook = load(write(tmp_path, files), {})
    assert playbook.models[0].sql.path == "in/b.sql"
    assert playbook.sources[0].files == (f"{tmp_path}/in/x/*.csv",)
    files["web.yml"] += "sql_root: sql\n"
    with pytest.raises(BadInput, match=r"in/base\.yml: the SQL of this included playbook is outside the sql_root"):
        load(write(tmp_path, files), {})


@pytest.mark.parametrize(
    ("web", "base", "where", "what"),
    [
        ("include: [nope.yml]\n", "", "web.yml:1", "'include' names 'nope.yml', and there is no such file"),
        ("include: [web.yml]\n", "", "web.yml:1", "'include' goes in a circle: web.yml → web.yml"),
        ("include: [base.yml]\n", "include: ./web.yml\n", "base.yml:1", "in a circle: web.yml → base.yml → web.yml"),
        ("include: [base.yml]\n", "nmae: x\nvariables: {a: 1}\n", "base.yml:1", "unknown key 'nmae'"),
        ("include: [base.yml]\n", "a: [", "base.yml:2", "the file ends inside a list"),
        ("include: [base.yml]\n", ":steps:\n", "base.yml:1", "SQL Runner"),
        ("include: [base.yml]\nvariables: {a: 2}\n", BASE, "web.yml:2", "the variable 'a' differs from the one at"),
        ("include: [base.yml]\nlookups: {crm.c: fingerprint}\n", BASE, "web.yml:2", "the look-up 'crm.c' differs"),
        ("include: [base.yml]\nsource: {table: atomic.events, batch: x}\n", BASE, "web.yml:2", "the source 'atomic.ev"),
        ("include: [base.yml]\nmodels: [{table: derived.base, sql: b.sql}]\n", BASE, "web.yml:2", "a second model for"),
        ("include: [base.yml]\ndialect: duckdb\n", BASE, "base.yml:1", "the dialect of the target is not the duckdb's"),
        ("include: [base.yml]\nsteps: [{name: base, queries: [a]}]\n", BASE, "web.yml:2", "a second step 'base'"),
        ("include: [base.yml]\n", BASE.replace("${NOT_SET}", "pg://u:x@h/d"), "base.yml:2", "a literal password"),
    ],
)
def test_bad_includes(tmp_path: Path, web: str, base: str, where: str, what: str) -> None:
    """Missing files, circles and things that differ between files are errors where they are written."""
    with pytest.raises(BadInput) as caught:
        load(write(tmp_path, {"web.yml": web, "base.yml": base}), {})
    assert len(caught.value.problems) == 1, str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/{where}: ")
    assert what in str(caught.value)
