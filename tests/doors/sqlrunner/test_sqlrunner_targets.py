"""SQL Runner's playbooks on every engine, through the real drivers: one body, four targets."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.doors.sqlrunner.oldbooks import Book, runner, target
from tests.engines.db import ALL, Db, engine_of


@pytest.fixture(params=ALL)
def url(request: pytest.FixtureRequest) -> str:
    """An empty warehouse of every engine."""
    return str(request.getfixturevalue(f"{request.param}_url"))


def test_steps_templates_and_rows(url: str, tmp_path: Path) -> None:
    """A playbook of several statements a file, with templates: the same tables everywhere, parallel queries too."""
    book = Book(tmp_path, "postgresql://nobody@nowhere:1/none")
    book.steps(
        ("make", {"q": "create schema derived;\ncreate table derived.t (n integer, name varchar(20));\n"}),
        (
            "fill",
            {
                "a": "insert into derived.t values (1, '{{.a}}');\ninsert into derived.t values (2, 'it''s; so')",
                "b": "select 1",
            },
        ),
        ("change", {"q": "update derived.t set n = {{or .n 7}} where n = 1;\n-- the end\n"}),
        variables="a: x\nn: null\n",
    )
    code, said = runner("run", str(book.path), "--target", url, "--var", "a=yes")
    assert code == 0, said
    with Db(url) as db:
        assert db.rows("select n, name from derived.t order by n") == [(2, "it's; so"), (7, "yes")]


def test_a_file_that_fails(url: str, tmp_path: Path) -> None:
    """Exit code 6; what the file did before is taken back, but on Snowflake, where statements commit by themselves."""
    book = Book(tmp_path, "postgresql://nobody@nowhere:1/none")
    book.steps(
        ("a", {"q": "create schema derived; create table derived.t (n integer)"}),
        ("b", {"q": "insert into derived.t values (1); insert into derived.absent values (1)"}),
        ("c", {"q": "insert into derived.t values (3)"}),
    )
    code, said = runner("run", str(book.path), "--target", url)
    assert code == 6, said
    assert "c / q" in said
    assert "skipped" in said
    with Db(url) as db:
        assert db.rows("select n from derived.t") == ([(1,)] if engine_of(url) == "snowflake" else [])


def test_a_transaction_left_open(url: str, tmp_path: Path) -> None:
    """It is a failure on every engine, and its work is rolled back."""
    book = Book(tmp_path, "postgresql://nobody@nowhere:1/none")
    book.steps(
        ("a", {"q": "create schema derived; create table derived.t (n integer)"}),
        ("b", {"q": "begin; insert into derived.t values (1)"}),
    )
    code, said = runner("run", str(book.path), "--target", url)
    assert code == 6, said
    assert "ends within a transaction that it began" in said
    with Db(url) as db:
        assert db.rows("select n from derived.t") == []


def test_truncate_and_own_transactions(url: str, tmp_path: Path) -> None:
    """What old files do: BEGIN … COMMIT of their own, and TRUNCATE among other statements (which commits on Redshift)."""
    book = Book(tmp_path, "postgresql://nobody@nowhere:1/none")
    book.steps(
        ("a", {"q": "create schema derived; create table derived.t (n integer); insert into derived.t values (1)"}),
        ("b", {"q": "insert into derived.t values (2); truncate table derived.t; insert into derived.t values (3)"}),
        (
            "c",
            {
                "q": "begin; delete from derived.t where n = 9; insert into derived.t values (4); commit; insert into derived.t values (5)"
            },
        ),
    )
    code, said = runner("run", str(book.path), "--target", url)
    assert code == 0, said
    with Db(url) as db:
        assert db.rows("select n from derived.t order by n") == [(3,), (4,), (5,)]


def test_type_redshift(redshift_url: str, tmp_path: Path) -> None:
    """`type: redshift` goes through Amazon's driver, with the keys of the playbook."""
    parts = urlsplit(redshift_url)
    book = Book(tmp_path)
    book.steps(
        ("a", {"q": "begin;\ncreate schema derived;\ncreate table derived.t (n integer) distkey(n);\nend;"}),
        targets=target(redshift_url, type="Redshift", database=parts.path.lstrip("/")),
    )
    done = book.run()
    assert done.code == 0, done.text
    assert "SUCCESS: q (step a @ target db), ROWS AFFECTED: -1" in done.err
