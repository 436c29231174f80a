"""What Redshift writes otherwise, and what it has not: statements as clients send them.

Everything goes through the real redshift_connector. That real Redshift does the same is not shown here; the pages are
in `refusals`.
"""

from __future__ import annotations

import datetime
import decimal
from urllib.parse import urlsplit

import pytest

from tests.engines import redshift
from tests.engines.shim.client import Client
from tests.engines.shim.patterns import hide
from tests.engines.shim.refusals import REFUSALS
from tests.engines.shim.rewrites import translated


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
        datetime.datetime(2026, 1, 2, 3, 4, 5, 500000),
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
    assert translated(wrote, "repeatable read").upstream == sent


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
    hidden = [hide(statement)[0] for statement in REFUSED]
    assert [r.what for r in REFUSALS if not any(r.pattern.search(code) for code in hidden)] == []


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
    ) == [(datetime.datetime(2026, 2, 1), 2, 1)]
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
