"""Connections through the shim: cancelling, ends, TLS."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redshift_connector

from tests.engines import postgres, redshift
from tests.engines.shim.certificates import DRIVERS_TLS, certificate
from tests.engines.shim.client import LATER_S, Client, fresh, outside


def test_a_second_connection_cancels_by_process_id(client: Client, url: str) -> None:
    ((pid,),) = client.run("select pg_backend_pid()")
    with Client(url) as side:
        timer = threading.Timer(0.2, side.run, (f"select pg_cancel_backend({pid})",))
        timer.start()
        assert client.error("select pg_sleep(10)")["C"] == "57014"
        timer.join()
    assert client.run("select 1") == [(1,)]


def test_a_cancel_request_is_passed_on(url: str) -> None:
    there = redshift.libpq(url).rpartition("@")[2].partition("/")[0]
    with psycopg.connect(redshift.libpq(url).replace(there, f"127.0.0.1:{urlsplit(url).port}")) as connection:
        timer = threading.Timer(0.2, connection.cancel_safe)  # `cancel` would hold up the shim, a thread of ours
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select pg_sleep(10)")
        timer.join()


def test_a_session_that_is_ended_is_a_lost_connection(client: Client, url: str) -> None:
    ((pid,),) = client.run("select pg_backend_pid()")
    outside(url, f"select pg_terminate_backend({pid})")
    with pytest.raises(Exception, match=r"57P01|BrokenPipe|communication|reset|closed") as caught:
        client.run("select 1")
    assert isinstance(caught.value, (redshift_connector.error.Error, OSError, AttributeError))


def test_a_client_that_goes_takes_its_session_along(url: str) -> None:
    with Client(url) as client:
        client.run("create table t (a integer)", "begin", "insert into t values (1)")
        ((pid,),) = client.run("select pg_backend_pid()")
        client.driver._usock.shutdown(2)  # the network goes, there is no goodbye
    until = time.monotonic() + LATER_S
    while outside(url, f"select count(*) from pg_stat_activity where pid = {pid}") != [(0,)]:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert outside(url, "select count(*) from t") == [(0,)]


def test_the_end_of_the_shim_is_the_end_of_its_connections(postgres_server: postgres.Server) -> None:
    with redshift.server(postgres_server) as other, fresh(other) as url:
        client = Client(url)
        there = redshift.libpq(url)
    assert there == postgres_server.database(urlsplit(url).path[1:])
    with client, pytest.raises(Exception, match=r"57P01|BrokenPipe|communication|reset|closed"):
        client.run("select 1")
    with pytest.raises(redshift_connector.error.InterfaceError):
        Client(url)


def test_another_process_finds_the_postgres_behind(url: str) -> None:
    code = f"from tests.engines import redshift; print(redshift.libpq({url!r}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == redshift.libpq(url)


def test_without_a_certificate_there_is_no_tls(url: str) -> None:
    with pytest.raises(redshift_connector.error.InterfaceError, match="refuses SSL"), pytest.warns(DeprecationWarning):
        Client(url, ssl=True)


@DRIVERS_TLS
def test_the_certificate_is_verified(
    postgres_server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = certificate(tmp_path, "localhost")
    with redshift.server(postgres_server, tls=pair) as secure, fresh(secure) as url:
        assert url.endswith("?ssl=true&sslmode=verify-ca")
        with pytest.raises(redshift_connector.error.InterfaceError):  # nobody knows who signed it
            Client(url, ssl=True, sslmode="verify-ca")
        monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
        with Client(url, ssl=True, sslmode="verify-ca") as client:
            assert client.run("select 1") == [(1,)]
        with Client(url, ssl=True, sslmode="verify-full", host="localhost") as client:
            client.run("create table t (a integer)", "begin", "insert into t values (1)", "truncate t")
            assert client.run("select repeat('x', 100000)") == [("x" * 100000,)]
        with pytest.raises(redshift_connector.error.InterfaceError) as caught:
            Client(url, ssl=True, sslmode="verify-full", host="127.0.0.1")
        assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
