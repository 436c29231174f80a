"""The Redshift of the tests is what it says: each way in which it differs from the Postgres behind it, seen from outside.

Everything goes through the real redshift_connector. That real Redshift does the same is not shown here; the pages are
in `tests.engines.redshift`.
"""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.engines import postgres, redshift

redshift_connector = pytest.importorskip("redshift_connector")

_numbers = itertools.count(1)
# What the driver itself does: `ssl.SSLContext()` and a context without TLS 1.2 as its least.
DRIVERS_TLS = pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning")
LATER_S = 10.0

Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def shim(postgres_server: postgres.Server) -> Iterator[redshift.Shim]:
    """A Redshift with SNAPSHOT isolation."""
    with redshift.server(postgres_server) as running:
        yield running


@pytest.fixture
def url(shim: redshift.Shim) -> Iterator[str]:
    """A new database of it; nothing is seen and nothing fails any more."""
    shim.forget()
    with fresh(shim) as made:
        yield made


@contextmanager
def fresh(shim: redshift.Shim) -> Iterator[str]:
    """A new database."""
    with redshift.database(shim, f"shim_{os.getpid()}_{next(_numbers)}") as made:
        yield made


class Client:
    """A connection of the driver in autocommit: transactions begin with `begin`."""

    def __init__(self, url: str, **how: Any) -> None:
        parts = urlsplit(url)
        given = {"host": parts.hostname, "port": parts.port, "user": parts.username, "password": "", "ssl": False}
        self.driver = redshift_connector.connect(**{**given, "database": parts.path[1:], **how})
        self.driver.autocommit = True
        self.count = -1

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(Exception):
            self.driver.close()

    def run(self, *statements: str) -> list[Row]:
        """The rows of the last one."""
        rows: list[Row] = []
        for statement in statements:
            with self.driver.cursor() as cursor:
                cursor.execute(statement)
                self.count = cursor.rowcount
                rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        return rows

    def error(self, statement: str) -> dict[str, str]:
        """The fields of the server's error."""
        with pytest.raises(redshift_connector.error.Error) as caught:
            self.run(statement)
        (fields,) = caught.value.args
        assert isinstance(fields, dict)
        return fields


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A connection."""
    with Client(url) as made:
        yield made


def outside(url: str, sql: str) -> list[Row]:
    """What Postgres itself says."""
    with psycopg.connect(redshift.libpq(url), autocommit=True) as connection:
        return connection.execute(sql.encode()).fetchall()


# -- the words -------------------------------------------------------------------------------------------------------


def test_tables_are_made_written_and_read(client: Client, shim: redshift.Shim) -> None:
    create = 'create table t (a bigint encode az64, b varchar(max)) backup no diststyle key distkey("a") compound sortkey (a, b)'
    client.run(create)
    client.run("insert into t values (1, 'x'), (2, 'y')")
    assert client.count == 2
    client.run("create temp table u sortkey auto as select * from t")
    assert client.count == -1
    assert client.run("select * from u order by 1") == [(1, "x"), (2, "y")]
    assert client.count == -1  # no count of rows with a SELECT, as from Postgres 8.0
    assert shim.seen[0] == create


def test_values_have_the_types_of_python(client: Client) -> None:
    (row,) = client.run(
        "select 1::bigint, 1.50::numeric(9,2), timestamp '2026-01-02 03:04:05.5', date '2026-01-02', true, null, 1.5::float8"
    )
    assert row == (
        1,
        decimal.Decimal("1.50"),
        datetime.datetime(2026, 1, 2, 3, 4, 5, 500000),  # noqa: DTZ001
        datetime.date(2026, 1, 2),
        True,
        None,
        1.5,
    )


@pytest.mark.parametrize(
    ("wrote", "sent"),
    [
        ("select 'getdate() sysdate super' , sysdate", "select 'getdate() sysdate super' , (localtimestamp)"),
        ('select "nvl(" , nvl(a, 1) -- nvl(', 'select "nvl(" , coalesce(a, 1) -- nvl('),
        (r"select 'it''s \' nvl(', nvl(1, 2)", r"select 'it''s \' nvl(', coalesce(1, 2)"),
        ("select /* nvl( /* nvl( */ nvl( */ nvl(1, 2)", "select /* nvl( /* nvl( */ nvl( */ coalesce(1, 2)"),
        ("select $$nvl($$, $a$nvl($a$, nvl($1, 2)", "select $$nvl($$, $a$nvl($a$, coalesce($1, 2)"),
        ("select 'open nvl(", "select 'open nvl("),
        ("select dateadd( day , 1, x)", "select dateadd('day', 1, x)"),
        ("select 1::decimal, cast(a as numeric)", "select 1::numeric(18,0), cast(a as numeric(18,0))"),
        ("create table t (a super)", "create table t (a jsonb)"),
        ("create table t (a varchar, b text)", "create table t (a varchar(256), b varchar(256))"),
        ("create table t as select a::text as text from u", "create table t as select a::text as text from u"),
        ("begin", "begin isolation level repeatable read"),
        ("/* x */ begin work read only;", "/* x */ begin work isolation level repeatable read read only;"),
        ("start transaction -- go", "start transaction isolation level repeatable read -- go"),
        ("begin isolation level serializable", "begin isolation level repeatable read "),
        ("set query_group to 'x'", "set redshift.query_group to 'x'"),
    ],
)
def test_only_words_are_rewritten(wrote: str, sent: str) -> None:
    assert redshift.translated(wrote, "repeatable read").upstream == sent


REFUSED = (
    "select string_agg(a, ',') from t", "select array_agg(a) from t", "select pg_try_advisory_lock(1)",
    "select 1 is not distinct from 2", "select * from generate_series(1, 3)", "select clock_timestamp()", "savepoint x",
    "select '{1}'::int[]", "select array[1, 2]", "select array(select 1)", "select * from (values (1)) as x (a)", "with x as (values (1)) select 1",
    "create index i on t (a)", "create table x (a int check (a > 0))", "select '{}'::jsonb", "select cast('{}' as json)",
    "create table x (a int, b uuid not null)", "create table x (a varchar(10)[])", "select a -> 'b' from t",
    "select count(*) filter /* all */ (where a > 1) from t", "select distinct on (a) * from t",
    "select * from t, lateral (select 1) as x", "select * from t for update", "select * from t fetch first 1 rows only",
    "select starts_with('ab', 'a')", "select to_regclass('t')", "insert into t values (1) on conflict do nothing",
    "insert into t values (1) returning a", "create unlogged table x (a int)",
    "create temp table x (a int) on commit drop", "create table if not exists x as select 1 as a",
    "create table x as select 1 as a with no data", "alter table t add b int, add c int",
    "alter table t add column if not exists b int", "set lock_timeout to 1000",
    "merge into t using (select 1 as a) as s on t.a = s.a when matched then delete when not matched then insert values (1)",
    "with s as (select 1 as a) merge into t using s on t.a = s.a when matched then delete when not matched then insert values (1)",
    "merge into t as x using s on x.a = s.a when matched then delete when not matched then insert values (1)",
    "merge into t using s on t.a = s.a when matched and s.a > 1 then delete when not matched then insert values (1)",
    "merge into t using s on t.a = s.a when matched then do nothing when not matched then insert values (1)",
    "merge into t using s on t.a = s.a when matched then delete when matched then delete when not matched then insert values (1)",
    "merge into t using s on t.a = s.a when not matched then insert values (s.a)",
)  # fmt: skip


def test_what_redshift_has_not_is_refused(client: Client) -> None:
    client.run("create table t (a integer)", "create table s (a integer)")
    for statement in REFUSED:
        fields = client.error(statement)
        assert fields["C"] == ("42704" if statement.startswith("set") else "0A000"), statement
        assert "html" in fields["H"] or "github.com" in fields["H"] or "[not verified]" in fields["H"]
    assert client.run("select count(*) from t") == [(0,)]


def test_every_refusal_is_tried() -> None:
    hidden = [redshift._hide(statement)[0] for statement in REFUSED]
    assert [r.what for r in redshift.REFUSALS if not any(r.pattern.search(code) for code in hidden)] == []


def test_what_looks_like_it_is_not_refused(client: Client) -> None:
    client.run("create table t (a integer)", "create table s (a integer)", "insert into s values (1), (2)")
    assert (
        client.run('select \'array[1] -> for update\', "x -> y" from (select 1 as "x -> y") as q -- (values (1))') != []
    )
    client.run(
        "merge into t using s as q on t.a = q.a when matched then update set a = 1 when not matched then insert (a) values (q.a)"
    )
    client.run("create table if not exists t (a integer)", "update t set a = 3 where a in (select a from s)")
    assert client.run("select count(distinct a) from t order by 1 limit 1") == [(1,)]


def test_a_refusal_aborts_the_transaction(client: Client) -> None:
    client.run("begin")
    assert client.error("select array[1]")["C"] == "0A000"
    assert client.error("select 1")["C"] == "25P02"
    assert client.error("select array[1]")["C"] == "25P02"
    client.run("rollback")
    assert client.run("select 1") == [(1,)]


def test_one_statement_at_a_time(client: Client) -> None:
    assert "multiple commands" in client.error("select 1; select 2")["M"]


def test_keys_are_only_information(client: Client) -> None:
    client.run(
        "create table t (a bigint primary key, b integer unique, c integer, unique (b, c), primary key (a), foreign key (c) references t (a))"
    )
    client.run("insert into t values (1, 1, 7), (1, 1, 7)")
    assert client.error("insert into t values (null, 2, 2)")["C"] == "23502"


def test_text_is_short_and_a_backslash_escapes(client: Client) -> None:
    client.run("create table t (a text, n numeric)")
    assert client.error("insert into t values (repeat('x', 257), 1)")["C"] == "22001"
    client.run("insert into t values ('a\\'b\\\\', 1.6)")
    assert client.run("select a, n from t") == [("a'b\\", decimal.Decimal(2))]


def test_functions_of_redshift(client: Client) -> None:
    assert client.run(
        "select strtol('ff', 16), strtol('-z', 36), strtol(substring(md5('a'), 1, 15), 16), len('abc')"
    ) == [(255, -35, 0x0CC175B9C0F1B6A, 3)]
    assert "not valid" in client.error("select strtol('xyz', 16)")["M"]
    assert client.run("select nvl(null, 'a'), nvl2(1, 'a', 'b'), nvl2(null::int, 1, 2)") == [("a", "a", 2)]
    one = '{"a": {"b": "x"}, "c": [1, 2]}'
    assert client.run(
        f"select json_extract_path_text('{one}', 'a', 'b'), json_extract_path_text('{one}', 'z'),"
        f" json_extract_path_text('{{', 'a', 'b', true), json_extract_array_element_text('[1, 2]', 1), is_valid_json('{{')"
    ) == [("x", None, None, "2", False)]
    assert client.run(
        "select dateadd(month, -1, date '2026-03-01'), datediff(day, timestamp '2026-01-01 23:00', timestamp '2026-01-03'),"
        " datediff(hour, timestamp '2026-01-01 00:59', timestamp '2026-01-01 01:00')"
    ) == [(datetime.datetime(2026, 2, 1), 2, 1)]  # noqa: DTZ001
    assert "no such unit" in client.error("select datediff(week, getdate(), getdate())")["M"]
    ((now, stamp),) = client.run("select getdate(), sysdate")
    assert now.microsecond == 0
    assert abs(now - stamp) < datetime.timedelta(seconds=5)


def test_system_views_of_redshift(client: Client, url: str) -> None:
    client.run("create schema elsewhere", "set search_path to elsewhere", "create table t (a varchar(7))")
    ((starttime, user, name, timeout),) = client.run(
        "select starttime, trim(user_name), trim(db_name), timeout_sec from stv_sessions where process = pg_backend_pid()"
    )
    assert (user, name, timeout) == (urlsplit(url).username, urlsplit(url).path[1:], 0)
    assert abs(starttime - datetime.datetime.now(datetime.UTC).replace(tzinfo=None)) < datetime.timedelta(minutes=1)
    assert client.run("select trim(isolation_level) from stv_db_isolation_level") == [("Snapshot Isolation",)]
    assert client.run("select data_type, character_maximum_length from svv_columns where table_name = 't'") == [
        ("character varying", 7)
    ]


# -- transactions ----------------------------------------------------------------------------------------------------


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


# -- errors on purpose -----------------------------------------------------------------------------------------------


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


# -- connections -----------------------------------------------------------------------------------------------------


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
    with pytest.raises(redshift_connector.InterfaceError):
        Client(url)


def test_another_process_finds_the_postgres_behind(url: str) -> None:
    code = f"from tests import redshift; print(redshift.libpq({url!r}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == redshift.libpq(url)


def test_without_a_certificate_there_is_no_tls(url: str) -> None:
    with pytest.raises(redshift_connector.InterfaceError, match="refuses SSL"), pytest.warns(DeprecationWarning):
        Client(url, ssl=True)


# -- TLS -------------------------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate signed by itself for a host, and its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    try:
        host: Any = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        host = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(names)
        .issuer_name(names)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    return paths


@DRIVERS_TLS
def test_the_certificate_is_verified(
    postgres_server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = certificate(tmp_path, "localhost")
    with redshift.server(postgres_server, tls=pair) as secure, fresh(secure) as url:
        assert url.endswith("?ssl=true&sslmode=verify-ca")
        with pytest.raises(redshift_connector.InterfaceError):  # nobody knows who signed it
            Client(url, ssl=True, sslmode="verify-ca")
        monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
        with Client(url, ssl=True, sslmode="verify-ca") as client:
            assert client.run("select 1") == [(1,)]
        with Client(url, ssl=True, sslmode="verify-full", host="localhost") as client:
            client.run("create table t (a integer)", "begin", "insert into t values (1)", "truncate t")
            assert client.run("select repeat('x', 100000)") == [("x" * 100000,)]
        with pytest.raises(redshift_connector.InterfaceError) as caught:
            Client(url, ssl=True, sslmode="verify-full", host="127.0.0.1")
        assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
