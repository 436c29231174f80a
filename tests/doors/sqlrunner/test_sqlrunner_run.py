"""SQL Runner's playbooks are run on a real Postgres: steps, queries, sessions; dry runs and templates only."""

from __future__ import annotations

import time

import pytest

from tests.doors.sqlrunner.oldbooks import Book, target
from tests.engines.db import Db


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
