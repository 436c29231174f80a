"""SQL in another dialect is ported only where it means the same: what ports gives the same rows, else it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import BadInput, Place
from runner.playbook.load import load as load_playbook
from runner.porting.functions import FUNCTIONS
from runner.porting.transpile import transpile, transpile_expression
from runner.program.load import load as load_program
from tests.engines.db import Db
from tests.proof.test_portable import PLAYBOOK, load, refused

AT = Place(Path("m.sql"))


def flat(text: str, read: str, write: str, known: frozenset[str] = frozenset()) -> str:
    return " ".join(transpile(text, read, write, AT, known).split())


PORTED = [
    # nulls come last on DuckDB either way
    ("duckdb", "redshift", "select a from t order by a desc", "ORDER BY a DESC NULLS LAST"),
    ("duckdb", "snowflake", "select rank() over (order by a desc) from t", "OVER (ORDER BY a DESC NULLS LAST)"),
    ("postgres", "duckdb", "select a from t order by a desc", "ORDER BY a DESC NULLS FIRST"),
    ("postgres", "redshift", "select a from t order by a desc", "ORDER BY a DESC"),
    ("duckdb", "redshift", "select a || b from t", "a || b"),
    ("duckdb", "redshift", "select cast(a as double) / nullif(b, 0) from t", "CAST(a AS DOUBLE PRECISION) / NULLIF(b, 0)"),
    ("duckdb", "redshift", "select date_diff('month', a, b) from t", "DATEDIFF(MONTH, a, b)"),
    ("redshift", "duckdb", "select datediff(day, a, b) from t", "DATE_DIFF('DAY', "),
    ("duckdb", "postgres", "select date_diff('day', a, b) from t", "CAST(b AS DATE) - CAST(a AS DATE)"),
    ("duckdb", "snowflake", "select greatest(a, b) from t", "GREATEST_IGNORE_NULLS(a, b)"),
    ("duckdb", "snowflake", "select cast(a as timestamp) from t", "CAST(a AS TIMESTAMPNTZ)"),
    ("postgres", "snowflake", "select cast(a as timestamp) from t", "CAST(a AS TIMESTAMPNTZ)"),
    ("duckdb", "redshift", "select cast(a as varchar) from t", "CAST(a AS VARCHAR(MAX))"),
    ("duckdb", "snowflake", "select sum(a) filter (where b > 1) from t", "SUM(IFF(b > 1, a, NULL))"),
    ("duckdb", "snowflake", "select bool_and(a) from t", "BOOLAND_AGG(a)"),
    ("duckdb", "snowflake", "select strftime(a, '%Y-%m-%d') from t", "TO_CHAR(a, 'yyyy-mm-DD')"),
    ("duckdb", "redshift", "select x from (values (1), (2)) as v(x)", "SELECT 1 AS x UNION ALL SELECT 2"),
    ("duckdb", "redshift", "select a from t qualify rank() over (order by b) = 1", "QUALIFY RANK() OVER (ORDER BY b) = 1"),
    ("duckdb", "postgres", "select cast(a as decimal), cast(b as varchar(3)) from t", "AS DECIMAL(18, 3)), CAST(b AS TEXT)"),
    ("snowflake", "duckdb", "select iff(a > 1, b, c) from t", "CASE WHEN a > 1 THEN b ELSE c END"),
    ("duckdb", "redshift", "select floor(extract(epoch from a)) from t", "FLOOR(EXTRACT(EPOCH FROM a))"),
    ("duckdb", "snowflake", "select position('x' in a) from t", "CHARINDEX('x', a)"),
    ("duckdb", "redshift", "from t select a", "SELECT a FROM t"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "write", "text", "made"), PORTED)
def test_what_ports(read: str, write: str, text: str, made: str) -> None:
    """It comes out in the target's words, with what the source's defaults say written out."""
    assert made in flat(text, read, write)


REFUSED = [
    ("duckdb", "postgres", "a / b", "error on one engine", "nullif(b, 0)"),
    ("postgres", "duckdb", "a / 2", "whole numbers on one engine", "cast(a as double precision)"),
    ("duckdb", "redshift", "a // b", "not known", "floor("),
    ("duckdb", "postgres", "a % b", "error on one engine", "nullif(b, 0)"),
    ("duckdb", "redshift", "concat(a, b)", "skips nulls", "coalesce(a, '')"),
    ("duckdb", "snowflake", "log(a)", "not known", "ln(x) / ln(10.0)"),
    ("duckdb", "redshift", "a + interval (b) day", "not a number and a unit", "interval '1 day'"),
    ("duckdb", "redshift", "date_add(a, interval 1 day)", "not known", "x.redshift.sql"),
    ("duckdb", "redshift", "list(distinct a)", "not known", "x.redshift.sql"),
    ("duckdb", "snowflake", "arg_min(a, b)", "not known", "row_number()"),
    ("duckdb", "postgres", "first(a)", "not known", "row_number()"),
    ("duckdb", "redshift", "string_agg(a, ',' order by b)", "empty strings", "x.redshift.sql"),
    ("duckdb", "redshift", "count(*) filter (where a > 1)", "no filter", "count(case when"),
    ("duckdb", "redshift", "a is distinct from b", "no is [not] distinct", "a = b or"),
    ("duckdb", "postgres", "try_cast(a as int)", "not known", "case when"),
    ("duckdb", "snowflake", "date_trunc('week', a)", "WEEK_START", "x.snowflake.sql"),
    ("duckdb", "snowflake", "extract(dow from a)", "WEEK_START", "x.snowflake.sql"),
    ("duckdb", "redshift", "extract(epoch from a)", "fractions", "floor(extract(epoch"),
    ("duckdb", "postgres", "extract(second from a)", "fractions", "floor(extract(second"),
    ("duckdb", "redshift", "date_diff('week', a, b)", "other boundaries", "divided by 7"),
    ("duckdb", "postgres", "date_diff('hour', a, b)", "no counterpart", "extract"),
    ("duckdb", "postgres", "round(a, 2)", "halves", "decimal(38, 6)"),
    ("duckdb", "redshift", "avg(a)", "whole numbers on Redshift", "avg(cast("),
    ("snowflake", "duckdb", "greatest(a, b)", "is null on Snowflake", "case when"),
    ("duckdb", "postgres", "sum(a) over (order by b)", "no frame", "rows between"),
    ("duckdb", "snowflake", "last_value(a) over (order by b)", "no frame", "rows between"),
    ("duckdb", "postgres", "regexp_matches(a, 'x')", "not known", "x.postgres.sql"),
    ("duckdb", "postgres", "a ->> 'b'", "not known", "x.postgres.sql"),
    ("duckdb", "postgres", "[1, 2]", "not known", "x.postgres.sql"),
    ("duckdb", "postgres", "substring(a, -2)", "negative or 0", "substring(x, 1, n)"),
    ("duckdb", "postgres", "split_part(a, ',', b)", "negative or 0", "split_part"),
    ("duckdb", "postgres", "cast(a as timestamptz)", "type", "timestamp"),
    ("duckdb", "postgres", "cast(a as float)", "4 bytes", "double precision"),
    ("postgres", "duckdb", "cast(a as decimal)", "precision", "decimal(18, 2)"),
    ("postgres", "duckdb", "cast(a as varchar(3))", "cut to its length", "varchar"),
    ("duckdb", "postgres", "cast(1.5 as int)", "fractions", "floor"),
    ("duckdb", "postgres", "cast(cast(a as timestamp) as varchar)", "writes times", "format"),
    ("duckdb", "snowflake", "cast('2020-01-01 00:00:00+02' as timestamp)", "time zone", "UTC"),
    ("duckdb", "snowflake", "'a\\b'", "escape", "chr(92)"),
    ("duckdb", "postgres", '"Foo"', "in quotes", "without quotes"),
    ("postgres", "snowflake", '"foo"', "in quotes", "without quotes"),
    ("duckdb", "redshift", "* exclude (a)", "leaves out", "columns"),
    ("duckdb", "redshift", "no_such(a)", "not known", "x.redshift.sql"),
    ("duckdb", "redshift", "strftime(a, '%A')", "format", "years"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "write", "part", "why", "instead"), REFUSED)
def test_what_does_not_port(read: str, write: str, part: str, why: str, instead: str) -> None:
    """It is refused by the line of the original, with the reason, a form that ports, and x.<engine>.sql."""
    with pytest.raises(BadInput) as caught:
        transpile(f"select\n  k,\n  {part}\nfrom t", read, write, AT)
    [problem, *more] = caught.value.problems
    assert more == [] and problem.place == Place(AT.path, 3), str(caught.value)
    assert why in problem.what and instead in problem.hint and f"x.{write}.sql" in problem.hint


CLAUSES = [
    "select distinct on (a) a, b from t",
    "select a from t group by all",
    "select a from t union all by name select b as a from u",
    "select t.a from t semi join u using (a)",
    "select t.a from t natural join u",
    "select a from t using sample 10",
    "with recursive x as (select 1 as a union all select a + 1 from x where a < 3) select a from x",
    "select a from range(3) as r(a)",
    "select * from t pivot (sum(b) for a in (1, 2))",
    "select a, b from t order by all",
]


@pytest.mark.parametrize("text", CLAUSES)
@pytest.mark.parametrize("write", ["postgres", "redshift", "snowflake"])
def test_clauses_that_do_not_port(text: str, write: str) -> None:
    """What only DuckDB says, or each engine in its own way, never comes out as something else."""
    with pytest.raises(BadInput):
        transpile(text, "duckdb", write, AT)


def test_functions_of_ones_own_port() -> None:
    """With a schema, or by `functions:`, a function is the user's to keep on both engines."""
    assert flat("select my.f(a), g(a) from t", "duckdb", "redshift", frozenset({"g"})) == "SELECT my.f(a), G(a) FROM t"


def test_the_same_dialect_and_plain_columns_stay() -> None:
    """Nothing is rewritten that need not be; what is no SELECT, is for its reader to say."""
    text = "select  A -- as it is\nfrom t"
    assert transpile(text, "duckdb", "duckdb", AT) == text
    assert transpile_expression("Etl_Tstamp", "duckdb", "snowflake", AT) == "Etl_Tstamp"
    assert transpile("delete from t", "duckdb", "snowflake", AT) == "delete from t"


# ---- playbooks ------------------------------------------------------------------------------------------------------


def test_a_model_in_another_dialect(tmp_path: Path) -> None:
    """`dialect:` says what the SQL is written in; the file that ends in the target's name is taken as it is."""
    select = "select k, iff(max(a) > 1, 1, 0) as n from atomic.events group by k"
    program = load(tmp_path, "postgres", select, "dialect: snowflake\n")
    assert "CASE WHEN MAX(a) > 1" in program.models[0].select.text
    own = "select k, max(a) as n from atomic.events group by k"
    program = load(tmp_path, "postgres", select, "dialect: snowflake\n", s__postgres__sql=own)
    assert program.models[0].select.text == own


def test_expressions_are_ported_too(tmp_path: Path) -> None:
    """Keys and checks are in the playbook's dialect; a fault has the playbook's line."""
    text = PLAYBOOK.replace("key: k", "key: {day: \"date_trunc('day', t)\"}") + "dialect: duckdb\n"
    (tmp_path / "web.yml").write_text(text)
    (tmp_path / "s.sql").write_text("select date_trunc('day', t) as day, count(*) as n from atomic.events group by 1")
    program = load_program(load_playbook(tmp_path / "web.yml", {}), "snowflake", "snowflake")
    assert program.models[0].source_keys[0].texts == ("DATE_TRUNC('DAY', t)",)
    (tmp_path / "web.yml").write_text(text.replace("'day'", "'week'"))
    with pytest.raises(BadInput) as caught:
        load_program(load_playbook(tmp_path / "web.yml", {}), "snowflake", "snowflake")
    [fault] = [problem for problem in caught.value.problems if problem.place.line == 4]
    assert "WEEK_START" in fault.what


def test_faults_name_the_file_of_a_ported_model(tmp_path: Path) -> None:
    """What the key-wise rule refuses then has no line: the lines that it sees are not the user's."""
    select = "select k,\n  count(*) as n,\n  row_number() over (order by count(*)) as x\nfrom atomic.events group by k"
    [problem, *_] = refused(tmp_path, "postgres", select, "dialect: duckdb\n")
    assert problem[:2] == ("s.sql", 0)


def test_scripts_are_not_ported(tmp_path: Path) -> None:
    """A script in another dialect is refused, unless there is one in the target's own."""
    text = "dialect: duckdb\nqueries: [a.sql]\n"
    (tmp_path / "web.yml").write_text(text)
    (tmp_path / "a.sql").write_text("select 1")
    playbook = load_playbook(tmp_path / "web.yml", {})
    with pytest.raises(BadInput) as caught:
        load_program(playbook, "redshift", "redshift")
    [problem] = caught.value.problems
    assert "scripts are not transpiled" in problem.what and "a.redshift.sql" in problem.hint
    (tmp_path / "a.redshift.sql").write_text("select 1")
    assert load_program(playbook, "redshift", "redshift")


def test_only_known_dialects(tmp_path: Path) -> None:
    """How other dialects differ is not known here."""
    [(_, _, what, _)] = refused(tmp_path, "duckdb", "select k from atomic.events group by k", "dialect: tsql\n")
    assert "not transpiled from tsql" in what


# ---- the same rows --------------------------------------------------------------------------------------------------

TABLE = """
create table t (id int, g varchar, a int, b int, x double precision, d decimal(12, 4), s varchar, ts timestamp);
insert into t values
  (1, 'p', 7, 2, 2.5, 1.2345, 'ab,cd', timestamp '2024-01-01 00:00:00'),
  (2, 'p', -7, 2, -2.5, 2.5, '', timestamp '2024-02-29 23:59:59'),
  (3, 'p', null, 0, null, null, null, null),
  (4, 'q', 3, null, 0.5, -0.5, 'Straße', timestamp '2023-12-31 12:30:15'),
  (5, 'q', 3, 5, 1e10, 99.9999, ' x ', timestamp '2024-01-07 06:00:00'),
  (6, null, 0, 3, 3.5, 0.0, 'a''b', timestamp '1999-12-31 23:00:00');
"""

SAME = [
    "select id from t order by a desc, id",
    "select id from t order by g, s desc, id",
    "select id, row_number() over (partition by g order by a desc, id) from t order by id",
    "select id, cast(a as double) / nullif(b, 0), a % nullif(b, 0) from t order by id",
    "select id, round(cast(d as decimal(12, 4)), 1), floor(x), ceil(x), sqrt(abs(x)) from t order by id",
    ("select g, count(*), count(a), count(distinct a), sum(a), min(s), max(ts), avg(cast(a as double)) from t group by g "
    "order by g"),
    "select g, count(*) filter (where a > 0), sum(a) filter (where b > 0) from t group by g order by g",
    "select id, date_trunc('month', ts), date_trunc('week', ts), date_trunc('hour', ts) from t order by id",
    "select id, extract(year from ts), extract(month from ts), extract(day from ts), extract(dow from ts) from t order by id",
    "select id, floor(extract(epoch from ts)), floor(extract(second from ts)), year(ts) from t order by id",
    "select id, date_diff('day', timestamp '2023-12-31 23:00:00', ts), ts + interval '1 month' from t order by id",
    "select id, cast(ts as date), strftime(ts, '%Y-%m-%d %H:%M:%S') from t order by id",
    "select id, coalesce(a, b, -1), nullif(a, 3), greatest(a, b), least(a, b) from t order by id",
    "select id, concat(s, '-', g), s || '-' || g, concat(null, s) from t order by id",
    "select id, lower(s), upper(g), length(s), trim(s), substring(s, 2, 2), left(s, 1), right(s, 2) from t order by id",
    "select id, split_part(s, ',', 2), replace(s, 'a', 'z'), position('b' in s), reverse(s), md5(s) from t order by id",
    "select id, lpad(s, 4, '*'), repeat(s, 2), s like '%b%', s ilike 'S%' from t order by id",
    ("select id, lag(a) over (order by id), lead(a, 2, 0) over (order by id), "
    "sum(b) over (partition by g order by id rows between 1 preceding and current row), "
    "first_value(a) over (partition by g order by id rows between unbounded preceding and current row) from t order by id"),
    "select id, rank() over (order by b), dense_rank() over (order by b desc), ntile(2) over (order by id) from t order by id",
    "select id, case when a > 0 then 'p' when a is null then 'n' else 'm' end, if(b > 2, 1, 0) from t order by id",
    "select id, cast(a as bigint), cast(d as double), cast(s as varchar), cast(b as varchar) as bs from t order by id",
    "select id, a is distinct from b, a is not distinct from 3, g in ('p', 'q'), a between 0 and 5 from t order by id",
    "select id, g from t qualify row_number() over (partition by g order by id desc) = 1 order by id",
    "select g, string_agg(s, ';' order by id) from t group by g order by g",
    ("select x.g, x.n, y.id from (select g, count(*) as n from t group by g) as x left join t as y on y.g = x.g and y.a = 3 "
    "order by 1, 2, 3"),
    "with c as (select a from t where a > 0 union all select b from t) select a, count(*) from c group by a order by a",
    "select a from t except select b from t order by a",
    "select bool_and(a > -10), bool_or(a > 5) from t",
    "select id, (select max(u.b) from t as u where u.g = t.g), exists (select 1 from t as u where u.a = t.b) from t order by id",
    "select id, exp(1), ln(2.0), 2 ^ 3, -a, a * b, a + b - 1 from t order by id",
    "select v.x, v.y from (values (1, 'a'), (2, null)) as v(x, y) order by 1",
]  # fmt: skip


def test_the_same_rows_on_both_engines(duckdb_url: str, postgres_url: str) -> None:
    """What is ported from DuckDB to Postgres gives there what it gives here: nulls, order, halves and edges of days."""
    with Db(duckdb_url) as duck, Db(postgres_url) as post:
        for db in (duck, post):
            db.execute(TABLE)
        wrong = []
        for text in SAME:
            made = transpile(text, "duckdb", "postgres", AT)
            there, here = post.rows(made), duck.rows(text)
            if [tuple(map(plain, row)) for row in here] != [tuple(map(plain, row)) for row in there]:
                wrong.append((text, here, there))
        assert wrong == []


SYNTAX = {
    "cast", "try_cast", "coalesce", "extract", "position", "nullif", "greatest", "least", "if", "ifnull", "current_date",
    "cume_dist", "dense_rank", "first_value", "lag", "last_value", "lead", "nth_value", "ntile", "percent_rank", "rank",
    "row_number", "overlay", "substring", "trim", "grouping", "date_add", "count_if",
}  # fmt: skip


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_the_engines_have_what_is_listed(request: pytest.FixtureRequest, engine: str) -> None:
    """Every function on the lists of DuckDB and Postgres is in their catalogue, but for what is syntax."""
    queries = {"duckdb": "select function_name from duckdb_functions()", "postgres": "select proname from pg_proc"}
    with Db(request.getfixturevalue(f"{engine}_url")) as db:
        there = {str(name) for (name,) in db.rows(queries[engine])}
    assert FUNCTIONS[engine] - SYNTAX - there == set()


def plain(value: object) -> object:
    """A value without its type: 1, 1.0 and Decimal(1) are the same; times without their kind, too."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    try:
        return round(float(value), 9)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value).removesuffix("+00:00")
