"""`playbooks/web.yml` unchanged on four engines: the shipped sample, in the same increments, gives the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from runner.errors import Place
from runner.porting import portable
from tests.engines.db import ALL, Db
from tests.kit import ROOT, driver
from tests.kit.project import Project
from tests.models import web_everywhere
from tests.models.web_everywhere import COLUMNS, TABLE

PLAYBOOK = ROOT / "playbooks" / "web.yml"
MODELS = ("page_views_base", "page_views", "sessions", "session_events", "users", "daily")
STEPS = ("2024-03-0[12]*", "2024-03-03*")  # files of the sample: two loads, and a run after each

Tables = dict[str, list[tuple[Any, ...]]]


def published(url: str) -> Tables:
    """The tables of the web playbook after a run on each load of the sample."""
    with Db(url) as db:
        db.execute(web_everywhere.ddl(db.engine))
    for files in STEPS:
        with Db(url) as db:
            db.load(TABLE, COLUMNS, web_everywhere.rows(f"{files}.parquet"))
        done = driver.command("run", str(PLAYBOOK), "--target", url)
        assert done.code == 0, done.text
    with Db(url) as db:
        return {model: rows_of(db, model) for model in MODELS}


def rows_of(db: Db, model: str) -> list[tuple[Any, ...]]:
    """A table's rows, columns by name."""
    where = f"lower(table_schema) = 'derived' and lower(table_name) = '{model}'"
    names = db.rows(f"select lower(column_name) from information_schema.columns where {where}")
    listed = ", ".join(sorted(str(name) for (name,) in names))
    return sorted((tuple(map(plain, row)) for row in db.rows(f"select {listed} from derived.{model}")), key=repr)


def plain(value: Any) -> Any:
    """A value as every engine gives it: numbers by what they are."""
    if isinstance(value, (Decimal, float)) and not isinstance(value, bool) and value == int(value):
        return int(value)
    return float(value) if isinstance(value, Decimal) else value


@pytest.fixture(scope="module")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """The tables on DuckDB, which reads the sample's files themselves (`files:` of the playbook) at first."""
    folder: Path = tmp_path_factory.mktemp("web")
    url = f"duckdb:///{folder / 'web.duckdb'}"
    for arguments in (["--until", "2024-03-03"], []):
        done = driver.command("run", str(PLAYBOOK), "--target", url, *arguments)
        assert done.code == 0, done.text
    with Db(url) as db:
        yield {model: rows_of(db, model) for model in MODELS}


@pytest.mark.parametrize("engine", ALL[1:])
def test_the_sample_gives_the_same_rows(request: pytest.FixtureRequest, engine: str, on_duckdb: Tables) -> None:
    """Row by row, column by column, as on DuckDB."""
    found = published(str(request.getfixturevalue(f"{engine}_url")))
    for model in MODELS:
        assert found[model] == on_duckdb[model], model
        assert found[model], model


@pytest.mark.parametrize("target", ["redshift://u@h/db", "snowflake://u@account/db/public"])
def test_what_does_not_port_is_said_before_a_run(target: str, tmp_path: Path) -> None:
    """`check --target` names file, line, construct and what to write, and connects to nothing."""
    assert driver.command("check", str(PLAYBOOK), "--target", target).code == 0
    (tmp_path / "s.sql").write_text(
        "select domain_sessionid,\n  count(*) filter (where page_url = '/x') as n,\n  arg_min(page_url, etl_tstamp) as p\n"
        "from atomic.events group by domain_sessionid\n"
    )
    model = "models:\n- {table: derived.s, sql: s.sql, key: domain_sessionid}\n"
    source = "source: {table: atomic.events, batch: etl_tstamp}\n"
    path = tmp_path / "p.yml"
    path.write_text(f"target: {target}\n{source}{model}")
    said = driver.command("check", str(path))
    assert said.code == 2
    assert "s.sql:2" in said.text
    assert "s.sql:3" in said.text
    assert "arg_min" in said.text.lower()
    path.write_text(f"target: {target}\ndialect: duckdb\n{source}{model}")
    said = driver.command("check", str(path))
    assert said.code == 2
    assert "arg_min" in said.text.lower()
    (tmp_path / "s.redshift.sql").write_text(
        "select domain_sessionid, count(*) as n from atomic.events group by domain_sessionid"
    )
    (tmp_path / "s.snowflake.sql").write_text((tmp_path / "s.redshift.sql").read_text())
    assert driver.command("check", str(path)).code == 0


# Catalogue and session functions: not for models, so not on the list of runner.porting.portable; and clauses that look like calls.
OWN = {
    # docs.aws.amazon.com/redshift/latest/dg/: PG_GET_VIEWDEF, PG_BACKEND_PID, PG_CANCEL_BACKEND, PG_TERMINATE_BACKEND;
    # format_type is what sqlalchemy-redshift's own reflection asks for
    "redshift": frozenset(
        [
            "pg_get_viewdef",
            "pg_backend_pid",
            "pg_cancel_backend",
            "pg_terminate_backend",
            "format_type",
            "distkey",
            "varchar",
        ]
    ),
    # docs.snowflake.com/en/sql-reference/functions/ and constructs/at-before
    "snowflake": frozenset({"get_ddl", "at", "varchar"}),
}


def everything_the_runner_says(url: str, folder: Path) -> set[str]:
    """The statements of runs with all strategies, look-ups, copies, fingerprints, and of all other commands."""
    project = Project(url, folder)
    seen: set[str] = set()
    project.watch = lambda when, label, sql: seen.add(sql)
    project.db.execute("create schema crm; create table crm.pages (page_url varchar(40), title varchar(40))")
    project.source |= {
        "dedupe": ["event_id", "domain_sessionid"],
        "order_by": ["collector_tstamp"],
        "fingerprint": True,
    }
    project.standard("sessions", "users", "totals")
    pairs = "select domain_sessionid, domain_userid, count(*) as n from atomic.events group by 1, 2"
    project.model("pairs", pairs, key=["domain_sessionid", "domain_userid"], unique="n", checks=["n > 0"])
    project.model("pairs", unique=["domain_sessionid", "domain_userid"])
    titled = "select s.domain_sessionid, max(p.title) as title from {} left join crm.pages p on p.page_url = s.page_url"
    joined = titled.format("atomic.events s") + " group by s.domain_sessionid"
    project.model("titled", joined, key="domain_sessionid")
    project.db.execute("create table crm.kinds (page_url varchar(40), kind varchar(9))")
    project.top["lookups"] = {"crm.kinds": {"key": "page_url"}}
    project.db.load("crm.kinds", ("page_url", "kind"), [("/p", "a"), ("/q", "b"), (None, "c")])
    kinds = joined.replace("crm.pages", "crm.kinds").replace("title", "kind")
    project.model("kinds", kinds, key="domain_sessionid")
    project.model("shown", "select domain_sessionid, kind from derived.kinds where kind <> 'x'", **{"as": "view"})
    project.model("counted", "select count(*) as n from derived.shown")
    least = "select domain_userid, min(collector_tstamp) as first_seen from atomic.events group by domain_userid"
    project.model("least", least, key="domain_userid", merge={"first_seen": "min"})
    project.models["least"] |= {
        "redshift": {"distkey": "domain_userid"},
        "snowflake": {"cluster_by": ["domain_userid"]},
    }
    project.add(0, "s1 u1 1", "s1 - 1", "s2 u2 2 e2", "s2 u2 2 e2")
    project.run()
    project.add(1, "s1 u1 3", "s3 u3 3", "s2 u3 2 e2")
    project.add(2, "s4 u1 3")
    project.db.execute("update crm.kinds set kind = 'z' where page_url = '/p'")
    project.run("--chunk", "1")
    project.db.execute("delete from crm.kinds where page_url is null")
    project.add(0, "s2 u2 4")
    project.add(3, "s5 u5 5")
    project.run("--until", "2024-03-01T02:30", "--model", "sessions")
    project.drop(1)
    project.source["vanished"] = "retract"
    project.run()
    project.command("rewind", "--since", "2024-03-01", "--by", "collector_tstamp")
    project.command("rewind", "--since", "2024-03-01", "--model", "users")
    for words in (["plan"], ["status"], ["history"], ["verify"], ["verify", "--sample", "2"], ["unlock"], ["run"]):
        project.command(*words)
    project.close()
    return seen


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
def test_what_the_runner_sends_is_documented(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> None:
    """The runner's own statements pass the rules that models must pass: documented functions and limits."""
    wrong = set()
    for text in everything_the_runner_says(str(request.getfixturevalue(f"{engine}_url")), tmp_path):
        trees = [tree for tree in sqlglot.parse(text, read=engine) if tree is not None]
        found = [
            *portable.unlisted(text, trees, engine, Place(), OWN[engine]),
            *portable.limits(text, trees, engine, Place()),
        ]
        wrong |= {f"{problem} in {text}" for problem in found}
    assert not wrong, "\n".join(sorted(wrong))
