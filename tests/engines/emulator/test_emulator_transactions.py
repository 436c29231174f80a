"""Transactions, locks and time travel of the emulator are Snowflake's, as the real driver sees them."""

from __future__ import annotations

import pytest

from tests.engines import snowflake as emulator
from tests.engines.emulator.client import Connection, ask, kept, refused


def test_ddl_commits(a: Connection, b: Connection) -> None:
    """The open transaction, and itself; TRUNCATE is not DDL."""
    ask(a, "create table t (k int)", "create schema s", "use schema public")
    ddl = ("create table u as select 1 as c", "create temporary table x (c int)", "create view v as select 1 as c",
           "alter table t add column d int", "comment on table t is 'x'", "grant select on table t to role r",
           "drop view v", "drop schema s")  # fmt: skip
    for number, statement in enumerate(ddl, 1):
        ask(a, "begin", f"insert into t (k) values ({number})", statement, "rollback")
        assert ask(b, "select max(k) from t") == [(number,)], statement
    ask(a, "begin", "truncate table t")
    assert ask(a, "select count(*) from t") == [(0,)]
    assert ask(a, "rollback", "select count(*) from t") == [(len(ddl),)]


def test_an_error_leaves_the_transaction_open(a: Connection, b: Connection) -> None:
    """With what it did before."""
    ask(a, "create table t (k int)", "begin", "begin transaction", "insert into t values (1)")
    assert refused(a, "select * from nowhere").errno == 2003
    assert refused(a, "insert into t select 'x'::int").errno == 100038
    ask(a, "insert into t values (2)")
    assert (ask(a, "select count(*) from t"), ask(b, "select count(*) from t")) == ([(2,)], [(0,)])
    assert ask(a, "commit") and ask(b, "select count(*) from t") == [(2,)]


def test_an_error_aborts_the_transaction_if_asked(a: Connection) -> None:
    """TRANSACTION_ABORT_ON_ERROR: nothing goes until the transaction is ended."""
    ask(a, "create table t (k int)", "alter session set transaction_abort_on_error = true")
    ask(a, "begin", "insert into t values (1)")
    assert refused(a, "select * from nowhere").errno == 2003
    assert "was aborted" in str(refused(a, "select 1").msg)
    assert ask(a, "rollback", "select count(*) from t") == [(0,)]


def test_without_autocommit_a_change_begins_a_transaction(url: str, b: Connection) -> None:
    """And the driver's own methods end it."""
    with emulator.closing(url, autocommit=False) as session:
        ask(session, "create table t (k int)", "insert into t values (1)")
        assert ask(b, "select count(*) from t") == [(0,)]
        session.rollback()
        ask(session, "insert into t values (2)")
        session.commit()
    assert ask(b, "select k from t") == [(2,)]


def test_a_change_waits_for_the_lock(a: Connection, b: Connection) -> None:
    """And then sees what the other one committed; inserts and readers do not wait."""
    ask(a, "create table t (k int)", "insert into t values (1)", "begin", "update t set k = k + 1")
    ask(b, "begin", "insert into t values (10)", "commit")
    assert ask(b, "select k from t order by k") == [(1,), (10,)]
    ask(b, "begin")
    waits = kept(b, "update t set k = k * 2 where k = 2")
    assert waits[0].is_alive()
    ask(a, "commit")
    waits[0].join()
    assert waits[1] == [(1, 0)]
    assert ask(b, "commit", "select k from t order by k") == [(4,), (10,)]


@pytest.mark.parametrize("change", ["update t set k = 3", "delete from t", "truncate table t",
                                    "merge into t using (select 1 as k) s on t.k = s.k when matched then delete"])  # fmt: skip
def test_a_lock_is_waited_for_as_long_as_said(a: Connection, b: Connection, change: str) -> None:
    """LOCK_TIMEOUT, then the real one's error."""
    ask(a, "create table t (k int)", "insert into t values (1)", "begin", "delete from t where k = 1")
    ask(b, "alter session set lock_timeout = 0", "begin")
    error = refused(b, change)
    assert (error.errno, error.sqlstate) == (625, "57014")
    assert "has locked table 'T' in transaction" in str(error.msg) and "not yet been released" in str(error.msg)
    ask(a, "rollback")
    assert ask(b, change, "commit")


def test_of_a_deadlock_one_is_refused(a: Connection, b: Connection) -> None:
    """The last to come, and its transaction lives on."""
    ask(a, "create table t as select 1 as k", "create table u as select 1 as k", "begin", "update t set k = 2")
    ask(b, "begin", "update u set k = 3")
    waits = kept(a, "update u set k = 4")
    assert refused(b, "update t set k = 5").errno == 625
    ask(b, "commit")
    waits[0].join()
    assert ask(a, "commit", "select t.k, u.k from t, u") == [(2, 4)]


def test_reads_are_of_what_is_committed(a: Connection, b: Connection) -> None:
    """Also within a transaction that changed something."""
    ask(a, "create table t (k int)", "create table u (k int)", "begin", "insert into t values (1)")
    ask(b, "insert into u values (1)")
    assert ask(a, "select (select count(*) from t), (select count(*) from u)") == [(1, 1)]
    assert ask(a, "rollback", "select count(*) from t") == [(0,)]


def test_tables_are_read_as_they_were(a: Connection, b: Connection) -> None:
    """All of them as of the instant that a client was told; a view over the tables of then."""
    ask(a, "create table t as select 1 as k", "create table u as select 1 as k", "create view v as select k from t")
    ((then,),) = ask(a, "select to_varchar(current_timestamp(), 'YYYY-MM-DD HH24:MI:SS.FF9')")
    ask(b, "insert into t values (2)", "delete from u", "create table late as select 1 as k")
    at = f"at (timestamp => '{then}'::timestamp_ltz)"
    assert ask(b, f"select t.k, x.k from t {at}, u {at} as x") == [(1, 1)]
    assert ask(b, f"create transient table c as select * from t {at}", "select k from c") == [(1,)]
    assert ask(b, f"select k from v {at}") == [(1,)]
    assert ask(b, "select count(*) from t") == [(2,)]
    ask(b, "create or replace table t as select 7 as k")
    for name in ("late", "t"):
        error = refused(a, f"select * from {name} {at}")
        assert (error.errno, error.sqlstate) == (707, "02000")
        assert f"Time travel data is not available for table {name.upper()}" in str(error.msg)


def test_an_instant_never_told_begins_at_its_first_use(a: Connection) -> None:
    """As the brief of the runner's tests has it."""
    ask(a, "create table t as select 1 as k")
    query = "select k from t at (timestamp => '2020-01-01 00:00:00'::timestamp_ntz)"
    assert ask(a, query) == [(1,)]
    assert ask(a, "insert into t values (2)", query) == [(1,)]


def test_retention(a: Connection) -> None:
    """Of transient schemas and tables; without it there is no past."""
    ask(a, "create transient schema scratch data_retention_time_in_days = 0", "create table s1 as select 1 as k")
    ask(
        a,
        "use schema public",
        "create table t (k int)",
        "create transient table u (k int)",
        "create view v as select 1 as c",
    )
    ask(a, "create transient table w cluster by (k) data_retention_time_in_days = 0 as select 1 as k")
    assert ask(a, "select table_name, table_type, is_transient, retention_time from information_schema.tables order by 1") == [
        ("S1", "BASE TABLE", "YES", 0), ("T", "BASE TABLE", "NO", 1), ("U", "BASE TABLE", "YES", 1),
        ("V", "VIEW", None, None), ("W", "BASE TABLE", "YES", 0),
    ]  # fmt: skip
    sql = "select is_transient, retention_time from information_schema.schemata where schema_name = 'SCRATCH'"
    assert ask(a, sql) == [("YES", 0)]
    assert refused(a, "select * from w at (timestamp => '2020-01-01'::timestamp_ntz)").errno == 707
    ask(a, "alter table w set data_retention_time_in_days = 1")
    assert ask(a, "select retention_time from information_schema.tables where table_name = 'W'") == [(1,)]
