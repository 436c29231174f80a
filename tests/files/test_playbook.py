"""Playbook files: what is read, and to which value."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.errors import BadInput
from runner.names import TableName
from runner.playbook.load import is_sqlrunner, load
from runner.playbook.values import (
    Affected,
    Expression,
    Fold,
    KeyColumn,
    Lookup,
    MergeColumn,
    Model,
    OnChange,
    Phase,
    Playbook,
    Query,
    Shrank,
    Source,
    Step,
    Vanished,
    Variable,
)
from runner.warehouse.target import Target
from tests.files.playbook_texts import EXAMPLE, model, read, script, source, table, top
from tests.kit import ROOT


def test_the_example_of_the_design_loads_to_its_value(tmp_path: Path) -> None:
    """Each key of the format ends up in the value, with its stated meaning."""
    path = tmp_path / "web.yml"
    path.write_text(EXAMPLE)
    d = "domain_sessionid"
    assert load(path, {}) == Playbook(
        name="web",
        path=path,
        target=Target.parse("duckdb:///web.duckdb", tmp_path),
        sql_root=tmp_path.parent / "sql",
        schemas=(("derived", "derived"),),
        state_schema="runner",
        variables=(Variable("heartbeat_s", 10),),
        sources=(
            Source(
                table=table("atomic.events"),
                batch=Expression("etl_tstamp"),
                dedupe=(Expression("event_id"), Expression(d)),
                order_by=(Expression("collector_tstamp"),),
            ),
        ),
        lookups=(
            Lookup(table("crm.customers"), key=("customer_id",)),
            Lookup(table("crm.currencies"), static=True),
        ),
        steps=(
            Step(
                "sessions",
                models=(Model(table("derived.sessions"), Query("web/sessions.sql"), key=(KeyColumn(d),), unique=(d,)),),
            ),
            Step(
                "users",
                models=(
                    Model(
                        table("derived.users"),
                        Query("web/users.sql"),
                        key=(KeyColumn("domain_userid"),),
                        unique=("domain_userid",),
                        description="one row per user",
                    ),
                    Model(
                        table("derived.daily"),
                        Query("web/daily.sql"),
                        key=(KeyColumn("session_date", Expression("cast(start_tstamp as date)")),),
                    ),
                ),
            ),
            Step("grants", Phase.AFTER, queries=(Query("web/grants.sql"),)),
        ),
    )


def test_places_are_those_of_the_values(tmp_path: Path) -> None:
    """Expressions, queries, models and sources carry the line and column where the user wrote them."""
    playbook = read(tmp_path, EXAMPLE)
    daily = playbook.models[2]
    key = daily.key[0].expression
    assert key is not None
    assert [(p.line, p.column) for p in (key.place, daily.sql.place, daily.place)] == [(30, 29), (29, 14), (28, 9)]
    assert (playbook.sources[0].place.line, playbook.sources[0].batch.place.line) == (10, 11)


def test_every_key_of_a_source(tmp_path: Path) -> None:
    """Optional keys of a source; single values stand for lists of one; file patterns become absolute, URLs stay."""
    text = source(
        "batch: date_trunc('hour', load_tstamp)\n  files: [events/*.parquet, /data/x.csv, 's3://b/*.parquet']\n"
        '  dedupe: event_id\n  fingerprint: true\n  vanished: keep\n  shrank: note\n  keys: [a, "lower(b)"]'
    )
    assert read(tmp_path, text).sources == (
        Source(
            table("atomic.events"),
            Expression("date_trunc('hour', load_tstamp)"),
            files=(f"{tmp_path}/events/*.parquet", "/data/x.csv", "s3://b/*.parquet"),
            dedupe=(Expression("event_id"),),
            fingerprint=True,
            vanished=Vanished.KEEP,
            shrank=Shrank.NOTE,
            keys=(Expression("a"), Expression("lower(b)")),
        ),
    )


def test_every_key_of_a_model(tmp_path: Path) -> None:
    """Optional keys of a model: keys by input, merges, checks, affected, and the rest."""
    text = model(
        """\
key: {d: {derived.a: "date(t)", Derived.B: u}, e: lower(x)}
unique: [d, e]
merge:
  lo: min
  hi: MAX
  landing: first(coalesce(page, 'by, (') by tstamp, event_id)
  exit: last( by by by )
  "on": "last(max(x) over (partition by y, z) BY a desc)"
checks: ["hi >= lo", "lo in (1, 2)"]
unproven: true
on_change: stop
affected: [{input: derived.a, keys: "select d from changed", rows: "d > 1"}]
description: 2024"""
    )
    assert read(tmp_path, text).models == (
        Model(
            table("derived.s"),
            Query("s.sql"),
            key=(
                KeyColumn(
                    "d", None, ((table("derived.a"), Expression("date(t)")), (table("derived.b"), Expression("u")))
                ),
                KeyColumn("e", Expression("lower(x)")),
            ),
            unique=("d", "e"),
            merge=(
                MergeColumn("lo", Fold.MIN),
                MergeColumn("hi", Fold.MAX),
                MergeColumn("landing", Fold.FIRST, "coalesce(page, 'by, (')", ("tstamp", "event_id")),
                MergeColumn("exit", Fold.LAST, "by", ("by",)),
                MergeColumn("on", Fold.LAST, "max(x) over (partition by y, z)", ("a desc",)),
            ),
            checks=(Expression("hi >= lo"), Expression("lo in (1, 2)")),
            unproven=True,
            on_change=OnChange.STOP,
            affected=(Affected(table("derived.a"), "select d from changed", "d > 1"),),
            description="2024",
        ),
    )


def test_bom_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    """A UTF-8 BOM and Windows line ends are as good as none, and lines are counted alike."""
    assert read(tmp_path, b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode()) == read(tmp_path, EXAMPLE)
    with pytest.raises(BadInput, match=r"web.yml:2: unknown key"):
        read(tmp_path, b"\xef\xbb\xbfqueries: [a.sql]\r\nnmae: x\r\n")


def test_the_name_comes_from_the_file(tmp_path: Path) -> None:
    """Without `name:` the file's stem is the name, under the same rule."""
    assert read(tmp_path, script()).name == "web"
    (tmp_path / "my.web.yml").write_text(script())
    with pytest.raises(BadInput, match=r"my.web.yml: the file's name .* not 'my.web'") as caught:
        load(tmp_path / "my.web.yml", {})
    assert len(caught.value.problems) == 1


def test_models_at_the_top_are_one_step(tmp_path: Path) -> None:
    """`models:` and `queries:` at the top make one step, which has the playbook's name."""
    assert read(tmp_path, top("queries: a.sql\nname: shop")).steps == (
        Step("shop", models=(Model(table("derived.s"), Query("s.sql")),), queries=(Query("a.sql"),)),
    )


def test_table_names_fold_unless_quoted(tmp_path: Path) -> None:
    """Unquoted parts are lower case; parts in double quotes keep what they are."""
    text = top("").replace("derived.s", """'Db."My ""x"".y".T'""")
    assert read(tmp_path, text).models[0].table == TableName(("db", 'My "x".y', "t"))


def test_sqlrunner_playbooks_are_recognised() -> None:
    """Colon keys or `targets:` at the start of a line make an SQL Runner playbook; ours never has them."""
    assert is_sqlrunner(":targets:\n- :name: x\n")
    assert is_sqlrunner("\ufeff# c\r\n:variables:\r\n  :x: 1\r\n:steps:\r\n")
    for text in ("targets:\n  - name: x\n", "targets: [{name: x}]\n", '"targets": &t []\n', "targets : []\n"):
        assert is_sqlrunner(text)
    assert not is_sqlrunner(EXAMPLE)
    assert not is_sqlrunner("description: |\n  targets:\n  :steps:\n")


def test_dialects_are_those_that_sqlglot_reads() -> None:
    """The list of dialects, kept here for the sake of import time, names no dialect that sqlglot does not know."""
    from sqlglot import Dialects

    from runner.playbook.kinds import DIALECTS

    assert set(DIALECTS) <= {dialect.value for dialect in Dialects}


def test_loading_is_quick_and_imports_no_parser() -> None:
    """Loading a playbook imports neither sqlglot nor a driver."""
    code = "import runner.playbook.load, sys; sys.exit(any(m in sys.modules for m in ('sqlglot', 'duckdb', 'jinja2')))"
    root = ROOT
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
