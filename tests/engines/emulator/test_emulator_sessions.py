"""Logins, sessions and cancelling are Snowflake's, as the real driver sees them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import snowflake.connector
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.engines import snowflake as emulator
from tests.engines.emulator.client import LONG, Connection, ask, kept, refused


def test_the_server_knows_who_is_there(server: emulator.Server, url: str) -> None:
    """Application, role, warehouse and what the session set."""
    with emulator.closing(url, application="runner", session_parameters={"QUERY_TAG": "t1", "LOCK_TIMEOUT": 60}) as own:
        (found,) = (row for row in server.control("sessions") if row["query_tag"] == "t1")
        assert (found["application"], found["user"], found["role"], found["warehouse"]) == (
            "runner", "RUNNER", "SYSADMIN", "WH",
        )  # fmt: skip
        assert found["parameters"]["LOCK_TIMEOUT"] == "60"
        ask(own, "alter session set query_tag = 'other', timestamp_output_format = 'YYYY'")
        assert ask(own, "show parameters like 'QUERY_TAG' in session")[0][:2] == ("QUERY_TAG", "other")
        ask(own, "alter session unset query_tag")
        assert ask(own, "show parameters like 'QUERY_TAG' in session")[0][1] == ""
        ((session, user, role, warehouse, transaction),) = ask(
            own,
            "select current_session(), current_user(), current_role(), current_warehouse(), current_transaction()",
        )
        assert (session, user, role, warehouse, transaction) == (str(found["id"]), "RUNNER", "SYSADMIN", "WH", None)


def test_a_wrong_password_is_refused(url: str) -> None:
    """With the real one's number and text."""
    with pytest.raises(snowflake.connector.Error, match="Incorrect username or password was specified") as caught:
        emulator.connect(url, password="wrong")
    assert "390100" in str(caught.value)


def test_key_pairs_are_verified(server: emulator.Server, url: str, tmp_path: Path) -> None:
    """The right key opens, another one does not."""
    right, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    public = right.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    server.control("public_key", pem=public.decode())
    files = {}
    for name, key in (("right", right), ("other", other)):
        files[name] = tmp_path / f"{name}.p8"
        files[name].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    options = {"authenticator": "SNOWFLAKE_JWT"}
    with emulator.closing(url, private_key_file=str(files["right"]), **options) as session:
        assert ask(session, "select 1") == [(1,)]
    with pytest.raises(snowflake.connector.Error, match="JWT token is invalid") as caught:
        emulator.connect(url, private_key_file=str(files["other"]), **options)
    assert "390144" in str(caught.value)


@pytest.mark.parametrize("how", ["system$cancel_all_queries({session})", "system$cancel_query('{query}')"])
def test_a_statement_is_cancelled(server: emulator.Server, a: Connection, b: Connection, how: str) -> None:
    """The client is told so, and its session goes on."""
    ((session,),) = ask(a, "select current_session()")
    ask(a, "create table t (k int)", "begin", "insert into t values (1)")
    waits = kept(a, LONG)
    (query,) = (row["id"] for row in server.control("queries") if row["status"] == "RUNNING")
    ask(b, "select " + how.format(session=session, query=query))
    waits[0].join()
    assert (waits[1].errno, waits[1].sqlstate) == (604, "57014")
    assert ask(a, "select count(*) from t") == [(1,)]


def test_who_waits_for_a_lock_is_cancelled(a: Connection, b: Connection, url: str) -> None:
    """Without having changed anything."""
    ((session,),) = ask(b, "select current_session()")
    ask(a, "create table t as select 1 as k", "begin", "delete from t")
    waits = kept(b, "delete from t")
    with emulator.closing(url) as third:
        ask(third, f"select system$cancel_all_queries({session})")
    waits[0].join()
    assert waits[1].errno == 604


def test_a_session_is_aborted(a: Connection, b: Connection, server: emulator.Server) -> None:
    """Its transaction is rolled back, its locks are free, and it knows no more statements."""
    ((session,),) = ask(a, "select current_session()")
    ask(a, "create table t as select 1 as k", "begin", "delete from t")
    ask(b, f"select system$abort_session({session})")
    assert refused(a, "select 1").errno == 390111
    assert ask(b, "update t set k = 2", "select k from t") == [(2,)]
    assert server.control("locks") == {}


def test_a_transaction_is_aborted(a: Connection, b: Connection) -> None:
    """By its number."""
    ask(a, "create table t as select 1 as k", "begin", "delete from t")
    ((number,),) = ask(a, "select current_transaction()")
    assert ask(b, "show transactions")[0][0] == number
    ask(b, f"select system$abort_transaction({number})")
    assert ask(a, "commit", "select k from t") == [(1,)]


def test_asynchronous_statements(a: Connection) -> None:
    """Their id is known at once, and the driver's own abort_query works with it."""
    with a.cursor() as cursor:
        query = str(cursor.execute_async("select 5")["queryId"])
        cursor.get_results_from_sfqid(query)
        assert cursor.fetchall() == [(5,)]
        query = str(cursor.execute_async(LONG)["queryId"])
        assert cursor.sfqid == query and a.is_still_running(a.get_query_status(query))
        assert cursor.abort_query(query)
        until = time.monotonic() + 10
        while a.is_still_running(a.get_query_status(query)) and time.monotonic() < until:
            time.sleep(0.02)
        assert a.is_an_error(a.get_query_status(query))


def test_a_slow_answer_is_asked_for_again(server: emulator.Server, a: Connection) -> None:
    """As with the real one, which answers `in progress` after 45 s."""
    server.control("patience", seconds=0.1)
    try:
        assert ask(a, "select system$wait(1)") == [("waited 1 seconds",)]
    finally:
        server.control("patience", seconds=45)


def test_errors_on_demand(server: emulator.Server, a: Connection) -> None:
    """Before a statement, or after it was done."""
    ask(a, "create table t (k int)")
    fault = {"pattern": "insert into t", "code": 625, "sqlstate": "57014", "message": "locked", "when": "after"}
    server.control("faults", faults=[fault])
    assert refused(a, "insert into t values (1)").errno == 625
    assert ask(a, "select count(*) from t") == [(1,)]


def test_it_is_fast(a: Connection) -> None:
    """A trivial statement takes a few milliseconds (5 on an idle machine)."""
    taken = []
    for number in range(30):
        begun = time.perf_counter()
        ask(a, f"select {number} as k")
        taken.append(time.perf_counter() - begun)
    assert sorted(taken)[10] < 0.05


def test_it_ends_with_its_pipe() -> None:
    """However whoever started it ends."""
    with emulator.server() as running:
        assert running.process.stdin is not None
        running.process.stdin.close()
        assert running.process.wait(10) == 0
        running.process.stdin = None
