"""The Snowflake emulator keeps Snowflake's rules, as the real driver sees them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.engines import snowflake as emulator

Connection = snowflake.connector.SnowflakeConnection
LONG = "select count(*) from table(generator(rowcount => 900000)) a, table(generator(rowcount => 900000)) b"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[emulator.Server]:
    """One emulator for the module."""
    try:
        with emulator.server() as running:
            yield running
    except emulator.NoSnowflake as missing:
        pytest.skip(str(missing))


@pytest.fixture
def url(server: emulator.Server) -> Iterator[str]:
    """A new database."""
    with emulator.database(server, f"EMULATED_{next(_numbers)}") as found:
        yield found


@pytest.fixture
def a(url: str) -> Iterator[Connection]:
    """A session."""
    with emulator.closing(url) as session:
        yield session


@pytest.fixture
def b(url: str) -> Iterator[Connection]:
    """Another one."""
    with emulator.closing(url) as session:
        yield session


def ask(session: Connection, *statements: str) -> list[Any]:
    """The rows of the last statement."""
    rows: list[Any] = []
    for statement in statements:
        with session.cursor() as cursor:
            rows = list(cursor.execute(statement).fetchall())
    return rows


def refused(session: Connection, statement: str) -> snowflake.connector.Error:
    """The error of a statement."""
    with pytest.raises(snowflake.connector.Error) as caught:
        ask(session, statement)
    return caught.value


def beside(work: Any) -> threading.Thread:
    """The work in a thread of its own, with the time to begin."""
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.2)
    return thread


def kept(session: Connection, statement: str) -> list[Any]:
    """A place for what becomes of a statement in a thread."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(ask(session, statement))
        except snowflake.connector.Error as error:
            found.append(error)

    found.append(beside(work))
    return found


# -- logins and sessions ------------------------------------------------------------------------------------------------


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


# -- transactions -------------------------------------------------------------------------------------------------------


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


# -- locks --------------------------------------------------------------------------------------------------------------


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


# -- time travel --------------------------------------------------------------------------------------------------------


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


# -- cancelling ---------------------------------------------------------------------------------------------------------


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


# -- errors, names and values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "number", "state", "text"),
    [
        ("select * from nowhere", 2003, "42S02", "PUBLIC.NOWHERE' does not exist or not authorized"),
        ("select * from nowhere.t", 2003, "02000", "NOWHERE' does not exist or not authorized"),
        ("select c from t", 904, "42000", "invalid identifier 'C'"),
        ("create table t (k int)", 2002, "42710", "already exists"),
        ("selec 1", 1003, "42000", "syntax error"),
        ("select 1; select 2", 8, "0A000", "statement count 2 did not match"),
        ("insert into t values (null)", 100072, "22000", "NULL result in a non-nullable column"),
        ("select (select k from t union all select 2)", 90150, "22000", "Single-row subquery"),
        ("merge into t using (select 1 as k union all select 1) s on t.k = s.k when matched then update set k = 2",
         100090, "42P18", "Duplicate row detected"),
        ("create table d as select 1 as k, 2 as k", 2025, "42S21", "duplicate column name 'K'"),
        ("call p()", 2, "0A000", "Unsupported feature"),
        ("create procedure p() returns int as 'x'", None, None, ""),
        ("select no_such_function(1)", 2140, "42601", "Unknown function"),
        ("drop table nowhere", 2003, "02000", "does not exist"),
        ("use schema nowhere", 2043, "02000", "does not exist"),
    ],
)  # fmt: skip
def test_errors_come_at_once(a: Connection, statement: str, number: int | None, state: str, text: str) -> None:
    """With Snowflake's numbers, and never as an HTTP error, after which the driver would try for 13 s."""
    ask(a, "create table t (k int not null)", "insert into t values (1)")
    begun = time.monotonic()
    error = refused(a, statement)
    assert time.monotonic() - begun < 3
    if number is not None:
        assert (error.errno, error.sqlstate) == (number, state)
        assert text in str(error.msg)


def test_keys_are_not_enforced(a: Connection) -> None:
    """Snowflake takes a second row of the same primary key."""
    ask(a, "create table t (k int primary key, l int unique)", "insert into t values (1, 1), (1, 1)")
    assert ask(a, "select count(*) from t") == [(2,)]


def test_names(a: Connection) -> None:
    """Upper case unless quoted, and quoted ones exactly."""
    ask(a, 'create table "Mixed" ("lower" int, upper int, "UP" int)', 'insert into "Mixed" values (1, 2, 3)')
    with a.cursor() as cursor:
        cursor.execute('select "lower", Upper, up, "UPPER" as "Alias", 1 as one from "Mixed"')
        assert [column.name for column in cursor.description or ()] == ["lower", "UPPER", "UP", "Alias", "ONE"]
    assert [row[0] for row in ask(a, 'describe table "Mixed"')] == ["lower", "UPPER", "UP"]
    sql = "select column_name from information_schema.columns where table_name = 'Mixed' order by ordinal_position"
    assert ask(a, sql) == [("lower",), ("UPPER",), ("UP",)]
    for wrong in ("select 1 from mixed", "select 1 from MIXED"):
        assert refused(a, wrong).errno == 2003
    for wrong in ("lower", '"upper"', '"Up"'):
        assert refused(a, f'select {wrong} from "Mixed"').errno == 904


def test_values(a: Connection) -> None:
    """What Python gets, with nulls, old times and large numbers."""
    ask(
        a,
        "create table t (i int, n number(12, 3), f float, s varchar(9), b boolean, d date, ts timestamp_ntz, v variant)",
    )
    ask(a, "insert into t select 1, 2.5, 0.5, 'x', true, '2020-01-02', '0001-01-01 00:00:00.5', parse_json('[1]')")
    ask(a, "insert into t (i) values (null)")
    full, empty = ask(a, "select * from t order by i nulls last")
    assert full == (1, Decimal("2.500"), 0.5, "x", True, date(2020, 1, 2), datetime(1, 1, 1, 0, 0, 0, 500000), "[1]")
    assert set(empty) == {None}
    ((number, shifted, now, clock),) = ask(
        a,
        "select md5_number_lower64('Snowflake'), bitshiftright(md5_number_lower64('Snowflake'), 4), current_timestamp(), sysdate()",
    )
    assert (number, shifted) == (9203306159527282910, 9203306159527282910 >> 4)
    assert now.utcoffset() is not None and abs((datetime.now(UTC) - now).total_seconds()) < 60
    assert clock == now.astimezone(UTC).replace(tzinfo=None)
    with a.cursor() as cursor:
        assert [(c.name, c.precision, c.scale) for c in cursor.describe("select i, n from t") or ()] == [
            ("I", 38, 0), ("N", 12, 3),
        ]  # fmt: skip
    assert [row[1] for row in ask(a, "describe table t")] == [
        "NUMBER(38,0)", "NUMBER(12,3)", "FLOAT", "VARCHAR(9)", "BOOLEAN", "DATE", "TIMESTAMP_NTZ(9)", "VARIANT",
    ]  # fmt: skip


def test_counts_of_rows(a: Connection) -> None:
    """Of each kind of change."""
    ask(a, "create table t (k int, v varchar)")
    changes = {
        "insert into t values (1, 'a'), (2, 'b'), (3, 'c')": 3,
        "update t set v = 'z' where k > 1": 2,
        "delete from t where exists (select 1 from (select 3 as r) q where q.r = t.k)": 1,
        "merge into t using (select 1 as k union all select 9) s on t.k = s.k"
        " when matched then update set v = 'm' when not matched then insert (k) values (s.k)": 2,
        "insert overwrite into t select 5, 'o'": 1,
    }
    for statement, count in changes.items():
        with a.cursor() as cursor:
            assert cursor.execute(statement).rowcount == count, statement
    with a.cursor() as cursor:
        cursor.executemany("insert into t values (%s, %s)", [(6, "it's"), (7, None)])
        assert cursor.rowcount == 2
    assert ask(a, "select * from t order by k") == [(5, "o"), (6, "it's"), (7, None)]


def test_the_time_is_the_statement_s(a: Connection) -> None:
    """Not the transaction's, as in DuckDB."""
    ask(
        a,
        "create table t (at timestamp_ntz)",
        "begin",
        "insert into t select sysdate()",
        "insert into t select sysdate()",
    )
    assert ask(a, "select count(distinct at) from t") == [(2,)]


def test_temporary_tables(a: Connection, b: Connection) -> None:
    """Seen by their own session only, before a table of the same name; gone with the session."""
    ask(a, "create table t as select 1 as k", "create temporary table t as select 2 as k", "insert into t values (3)")
    assert (ask(a, "select k from t order by k"), ask(b, "select k from t")) == ([(2,), (3,)], [(1,)])
    assert ask(a, "drop table t", "select k from t") == [(1,)]
    assert ask(a, "select table_name from information_schema.tables") == [("T",)]


def test_views_give_their_text_back(a: Connection) -> None:
    """As it was written."""
    ask(a, "create schema s", "create view s.v as select 1 as c, 'as' as d -- why\n from (select 2)")
    ((ddl,),) = ask(a, "select get_ddl('view', 's.v')")
    assert ddl == "create or replace view V(\n\tC,\n\tD\n) as select 1 as c, 'as' as d -- why\n from (select 2);"
    assert ask(a, "select * from s.v") == [(1, "as")]


def test_what_the_runner_sends(a: Connection) -> None:
    """Forms that are not in fakesnow."""
    ask(a, "create table t as select column1 as a, column2 as b from values (1, 'x'), (2, null)")
    assert ask(a, "select a from t order by b nulls last limit null offset 1") == [(2,)]
    assert ask(a, "select count_if(equal_null(b, null)), count_if(b is not distinct from 'x') from t") == [(1, 1)]
    assert ask(a, "select x.a, y.a from t x full outer join (select 5 as a) y on x.a = y.a order by 1 nulls last") == [
        (1, None), (2, None), (None, 5),
    ]  # fmt: skip
    assert ask(a, "select a, row_number() over (order by b nulls last) from t order by 1") == [(1, 1), (2, 2)]
    ((one, two, three),) = ask(
        a,
        "select convert_timezone('UTC', current_timestamp())::timestamp_ntz - interval '60 seconds',"
        " extract(epoch from timestamp '1970-01-02 00:00:00'), parse_json('[{\"id\":\"7\"}]')[0]:id::varchar",
    )
    assert isinstance(one, datetime) and (two, three) == (86400, "7")
    assert ask(a, "select cast(sum(a) as bigint), sum(a) from t") == [(3, 3)]
    ask(a, 'alter table t add column "C" number(38,0)', "update t set c = 9")
    assert ask(a, "select last_query_id() is not null, c from t limit 1") == [(True, 9)]
    assert [row[1] for row in ask(a, "show tables in schema public")] == ["T"]


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
