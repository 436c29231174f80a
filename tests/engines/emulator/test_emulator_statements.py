"""Errors, names and values of the emulator are Snowflake's, as the real driver sees them."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.engines.emulator.client import Connection, ask, refused


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
