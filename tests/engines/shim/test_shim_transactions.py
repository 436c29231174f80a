"""Transactions through the shim: isolation, write conflicts, TRUNCATE that commits, errors on purpose."""

from __future__ import annotations

import threading

import pytest

from tests.engines import postgres, redshift
from tests.engines.shim.client import LATER_S, Client, fresh, outside


def test_definitions_take_part_in_a_transaction(client: Client) -> None:
    client.run("create table t (a integer)", "begin", "create table u (a integer)", "drop table t", "rollback")
    assert client.run("select count(*) from t") == [(0,)]
    assert client.error("select * from u")["C"] == "42P01"


def test_a_transaction_keeps_its_snapshot_whatever_it_asks_for(client: Client, url: str) -> None:
    client.run("create table t (a integer)", "begin isolation level read committed")
    assert client.run("select count(*) from t") == [(0,)]
    outside(url, "insert into t values (1) returning a")
    assert client.run("select count(*) from t") == [(0,)]
    client.run("commit")
    assert client.run("select count(*) from t") == [(1,)]


def test_a_lock_comes_before_the_snapshot(client: Client, url: str) -> None:
    client.run("create table t (a integer)", "begin", "lock t")
    with Client(url) as other:
        other.run("begin")
        waits = threading.Thread(target=other.run, args=("lock t",))
        waits.start()
        client.run("insert into t values (1)", "commit")
        waits.join(LATER_S)
        assert other.run("select count(*) from t") == [(1,)]
        other.run("commit")


def test_a_lost_race_is_error_1023(client: Client, url: str) -> None:
    client.run("create table t (a integer)", "insert into t values (1)", "begin")
    assert client.run("select * from t") == [(1,)]
    with Client(url) as other:
        other.run("update t set a = 2")
    fields = client.error("update t set a = 3")
    assert (fields["S"], fields["C"], fields["M"]) == ("ERROR", "XX000", "1023")
    assert fields["D"].startswith(
        "Serializable isolation violation on table - 100, transactions forming the cycle are: "
    )
    assert client.driver.in_transaction
    client.run("rollback", "update t set a = 3")


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_only_serializable_sees_two_that_read_what_the_other_writes(
    postgres_server: postgres.Server, isolation: str
) -> None:
    with (
        redshift.server(postgres_server, isolation=isolation) as other,
        fresh(other) as url,
        Client(url) as one,
        Client(url) as two,
    ):
        one.run("create table a (x integer)", "create table b (x integer)")
        for client, reads, writes in ((one, "a", "b"), (two, "b", "a")):
            client.run("begin", f"select * from {reads}", f"insert into {writes} values (1)")
        one.run("commit")
        if isolation == "serializable":
            assert two.error("commit")["M"] == "1023"
        else:
            two.run("commit")
        assert not two.driver.in_transaction
        assert one.run("select trim(isolation_level) from stv_db_isolation_level") == [
            ("Serializable" if isolation == "serializable" else "Snapshot Isolation",)
        ]


@pytest.mark.parametrize("kept", [0, 1000])
def test_truncate_commits(url: str, kept: int) -> None:
    with Client(url, max_prepared_statements=kept) as client:
        client.run("create table t (a integer)", "create table u (a integer)", "insert into u values (1)")
        for turn in range(2):
            client.run("begin", f"insert into t values ({turn})")
            assert outside(url, "select count(*) from t") == [(turn,)]
            client.run("truncate table u")
            assert not client.driver.in_transaction
            client.driver.rollback()
            client.run("rollback")
            assert outside(url, "select count(*), (select count(*) from u) from t") == [(turn + 1, 0)]
        assert client.driver.notices[-1][b"C"] == b"25P01"
        assert client.run("select count(*) from t") == [(2,)]


def test_a_truncate_that_fails_commits_nothing(client: Client, url: str) -> None:
    client.run("create table t (a integer)", "begin", "insert into t values (1)")
    assert client.error("truncate missing")["C"] == "42P01"
    client.run("rollback", "truncate t")
    assert outside(url, "select count(*) from t") == [(0,)]


def test_a_statement_fails_on_purpose(client: Client, shim: redshift.Shim) -> None:
    client.run("create table t (a integer)", "insert into t values (1)")
    shim.fail(r"^INSERT into t\b", "1023 DETAIL: Serializable isolation violation on table - 1234", times=2)
    client.run("begin")
    fields = client.error("insert into t values (1)")
    assert (fields["C"], fields["M"], fields["D"]) == (
        "XX000", "1023", "Serializable isolation violation on table - 1234"
    )  # fmt: skip
    assert client.error("select 1")["C"] == "25P02"
    client.run("rollback")
    assert client.error("insert into t values (2)")["M"] == "1023"
    client.run("insert into t values (2)")
    assert client.run("select count(*) from t") == [(2,)]


@pytest.mark.parametrize("kept", [0, 1000])
def test_a_commit_that_fails_has_rolled_back(url: str, shim: redshift.Shim, kept: int) -> None:
    with Client(url, max_prepared_statements=kept) as client:
        client.run("create table t (a integer)", "begin", "insert into t values (1)", "commit")
        shim.fail("^commit", "1023")
        client.run("begin", "insert into t values (2)")
        assert client.error("commit")["M"] == "1023"
        assert not client.driver.in_transaction
        client.run("begin", "insert into t values (3)", "commit")
        assert client.run("select * from t order by 1") == [(1,), (3,)]


def test_what_the_driver_has_prepared_is_seen_each_time(client: Client, shim: redshift.Shim) -> None:
    client.run("select 1", "select 1", "select 1")
    assert shim.seen == ["select 1"] * 3
    shim.fail("select 1", "gone", code="57P01")
    assert client.error("select 1")["C"] == "57P01"
    shim.fail("select 1", "gone")
    shim.forget()
    assert shim.seen == []
    assert client.run("select 1") == [(1,)]
