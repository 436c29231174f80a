"""Target URLs: read as SQLAlchemy reads them, refused where a part could be taken for another, shown without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from runner.commands.loaded import load
from runner.files.schema import Wrong
from runner.session.session import Session
from runner.warehouse.engines import ENGINES
from runner.warehouse.target import SCHEMES, Target, display

HERE = Path("/data")
READ = (
    "postgresql://",
    "postgresql:///",
    "postgresql:///db",
    "postgresql://h",
    "postgresql://h/",
    "postgresql://u@h/d",
    "postgresql://u@/d?host=/tmp",
    "postgresql:///d?host=/var/run/postgresql&port=5433",
    "postgresql://u:p@h:5432/d?sslmode=require&connect_timeout=3",
    "postgresql+psycopg://u:p@h:5432/d",
    "POSTGRES://u:p@h/d",
    "postgres://u%40x:a/hunter2@h/d",
    "postgresql://%75:p%3A%2F%40%20%25%3F@h:5/d%2Fe?sslmode=require",
    "postgresql://a+b:c+d@h/e+f?g+h=i+j&k=%2B",
    "postgresql://u:@h/d",
    "postgresql://:p@h/d",
    "postgresql://@h/d",
    "postgresql://u:a?b/c@h/d",
    "postgresql://u:${PGPASSWORD}@h/d",
    "postgresql://[::1]:5432/d",
    "postgresql://u:p@[2001:db8::7%25eth0]/d",
    "postgresql://h.example-1.com:05432/d",
    "postgresql://u@h1,h2/d",
    "postgresql://u@/d?host=h1:5432&host=h2:5433",
    "postgresql://u@/d?host=h1,h2&port=5432,5433",
    "postgresql://h/d?a=&b&c=1&c=2&c=3&d=%ff",
    "postgresql://h/d?a=1;b=2",
    "postgresql://h/d?",
    "postgresql://h?sslmode=require",
    "postgresql://h/d?options=-c%20search_path%3Dx&application_name=Zo%C3%AB",
    "postgresql://jürgen:pässword@hôst/dätabase?ä=ö",
    "postgresql://u:a\nb@h/d",
    "postgresql://h:5439/d?token=a@hunter2",
    "redshift://u:p%40w@c.eu-west-1.redshift.amazonaws.com:5439/dev?iam=true&db_groups=[%22x%22]",
    "redshift+redshift_connector://u@h/dev",
    "snowflake://u:p@acc.eu-central-1/DB/SCHEMA?warehouse=WH&role=R",
    "snowflake://u@acc/%22d/b%22/s?authenticator=oauth&token=a%40b",
    "snowflake://u@acc/db/",
    "snowflake:///?connection_name=x",
)
REFUSED = (
    "postgresql://u:a@hunter2@h/d",  # SQLAlchemy: the host hunter2@h
    "redshift://u:a@hunter2@h/d",
    "postgresql://h:port/d",
    "postgresql://h:/d",
    "postgresql://u:p:q/d",
    "postgresql://h:5439/d?token=a@b:c",
    "snowflake://u@[::1/db",
    "web.duckdb",
    "://h/d",
    "mysql://u@h/d",
    "postgresql+psycopg2://u@h/d",
)


@pytest.mark.parametrize("url", READ)
def test_a_url_means_what_it_means_to_sqlalchemy(url: str) -> None:
    """The same user, password, host, port, database and options; an empty part is as good as none."""
    ours, theirs = Target.parse(url, HERE), make_url(url)
    named = (theirs.username or "", theirs.password or "", theirs.host or "", theirs.port, theirs.database or "")
    assert (ours.user, ours.password, ours.host, ours.port, ours.database) == named
    assert dict(ours.query) == dict(theirs.query)
    assert ours.url == url


@pytest.mark.parametrize("url", REFUSED)
def test_what_cannot_be_read_is_refused(url: str) -> None:
    """With a hint and without a word of the URL. SQLAlchemy refuses it too, or would go to another host or engine."""
    with pytest.raises(Wrong) as caught:
        Target.parse(url, HERE)
    assert "://" in caught.value.hint
    assert "hunter2" not in f"{caught.value.what}{caught.value.hint}"
    try:
        theirs = make_url(url)
    except (ArgumentError, ValueError):
        return
    assert "@" in (theirs.host or "") or theirs.drivername not in SCHEMES


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        ("duckdb:///web.duckdb", "/data/web.duckdb", {}),
        ("duckdb:///x/../web.duckdb?threads=1", "/data/web.duckdb", {"threads": "1"}),
        ("duckdb:////srv/a%20b@c:d.duckdb", "/srv/a%20b@c:d.duckdb", {}),
        ("duckdb:////srv/w?temp_directory=%2Fa%20b&memory_limit=2GB", "/srv/w", {"temp_directory": "/a b", "memory_limit": "2GB"}),
        ("duckdb:///:memory:", ":memory:", {}),
        ("duckdb:///:memory:?threads=2", ":memory:", {"threads": "2"}),
        ("duckdb://", "", {}),
    ],
)  # fmt: skip
def test_a_duckdb_url_is_a_path(url: str, path: str, query: dict[str, str]) -> None:
    """Relative to a folder, and as it is; its options are decoded."""
    target = Target.parse(url, HERE)
    assert (target.engine, target.database, dict(target.query)) == ("duckdb", path, query)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("duckdb://web.duckdb", "three slashes"),
        ("duckdb:///folder/", "names no file"),
        ("duckdb:///w.duckdb?access_mode=READ_ONLY", "access_mode, which is no option"),
        ("duckdb:///w.duckdb?threads=1&threads=2", "threads twice"),
    ],
)
def test_what_a_duckdb_url_cannot_say(url: str, what: str) -> None:
    """Two slashes, no file, and options that are not ours to set."""
    with pytest.raises(Wrong, match=what):
        Target.parse(url, HERE)


def test_a_target_does_not_show_its_secrets() -> None:
    """Not where a value is printed, in a traceback or a failed test."""
    shown = repr(Target.parse("redshift://u:hunter2@h/d?token=hunter2", HERE))
    assert "'u'" in shown
    assert "hunter2" not in shown


def test_options_of_a_url_are_the_drivers_own() -> None:
    """Numbers, flags and lists are read as such; texts are decoded; what is shown has neither password nor options."""
    url = 'snowflake://u:p%40@a/d/s?login_timeout=5&iam=true&db_groups=["x"]&role=A%20B&account_id=007'
    target = Target.parse(url, HERE)
    assert target.options == {
        "login_timeout": 5, "iam": True, "db_groups": ["x"], "role": "A B", "account_id": "007"
    }  # fmt: skip
    assert target.shown == "snowflake://u@a/d/s"


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("postgresql://u:hunter2@h:5432/d?sslmode=require", "postgresql://u@h:5432/d"),
        ("postgresql://:hunter2@h/d", "postgresql://@h/d"),
        ("postgresql+psycopg://u%40x:a/hunter2@h/d", "postgresql+psycopg://u%40x@h/d"),
        ("postgresql://u:a@hunter2@h/d", "postgresql://u@h/d"),
        ("redshift://u:a\nhunter2#@h/d?user=a@b", "redshift://u@h/d"),
        ("redshift://u:a?hunter2@h/d", "redshift://u"),
        ("redshift://h:5439/d?token=a@hunter2", "redshift://h"),
        ("redshift://h:5439/d?token=hunter2", "redshift://h:5439/d"),
        ("snowflake://a/d/s?token=a@hunter2", "snowflake://a/d/s"),
        ("duckdb:////data/a@b:c.duckdb?temp_directory=/x@y", "/data/a@b:c.duckdb"),
        ("duckdb:///", "memory"),
    ],
)
def test_what_is_shown_of_a_target(target: str, shown: str) -> None:
    """Neither password nor options, also where a character of theirs should have been encoded."""
    assert display(target) == shown


OPEN = (
    "postgresql://u@db.example.com/d",
    "postgresql://10.0.0.7/d",
    "postgresql:///d?host=localhost,db",
    "postgres://h/d?x=1",
)
CLOSED = (
    "postgresql://u@db.example.com/d?sslmode=require",
    "postgresql://u@db.example.com/d?sslmode=disable",  # its user has said so
    "postgresql://localhost/d",
    "postgresql://127.0.0.1:5433/d",
    "postgresql://[::1]/d",
    "postgresql:///d",
    "postgresql:///d?host=/var/run/postgresql",
    "postgresql://db/d?service=mine",
    "redshift://u@cluster.example.com/d",
    "snowflake://u@account/d",
    "duckdb:///x.duckdb",
)


@pytest.mark.parametrize("url", OPEN + CLOSED)
def test_a_session_that_may_go_in_the_clear(url: str) -> None:
    """Of Postgres on another machine, where nothing says what TLS has to be; the environment may say both."""
    target = Target.parse(url, HERE)
    option = ENGINES[target.engine].tls_option
    assert target.may_go_in_the_clear(option, {}) == (url in OPEN)
    assert not target.may_go_in_the_clear(option, {"PGSSLMODE": "verify-full"})
    away = target.may_go_in_the_clear(option, {"PGHOST": "db.example.com"})
    assert away == (url in OPEN or url == "postgresql:///d")


def test_a_session_that_may_go_in_the_clear_is_told(tmp_path: Path) -> None:
    """By `check` already, without connecting, and without the password."""
    path = tmp_path / "web.yml"
    path.write_text("target: postgresql://u:${RUNNER_TEST_WORD}@db.example.com/d\nqueries: [a.sql]\n")
    (tmp_path / "a.sql").write_text("select 1")
    loaded = load(Session({"RUNNER_TEST_WORD": "hunter2", "RUNNER_CACHE": ""}), path)
    said = str(loaded.check(live=False))
    assert "u@db.example.com/d: without sslmode" in said
    assert "hunter2" not in said
