"""What Redshift and Snowflake would refuse is refused before a run, by line and with what to write instead.

One row per rule: a statement that the engine takes, then one that it does not, whose fault is in its last line.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot

from runner.errors import BadInput, Place, show
from runner.playbook.load import load as load_playbook
from runner.playbook.values import Phase
from runner.porting import portable
from runner.porting.functions import FUNCTIONS, INSTEAD, LISTS
from runner.program.load import load as load_program
from runner.program.values import Program
from runner.warehouse.engines import ENGINES
from tests.kit import ROOT

AT = Place(Path("m.sql"))
MERGE = "merge into t using s on t.a = s.a "
BOTH = "when matched then update set b = s.b when not matched then insert (a, b) values (s.a, s.b)"

REDSHIFT = {
    "redshift-array": ("select array(1, 2) from t", "select\narray[1, 2] from t"),
    "redshift-any-array": ("select 1 from t where a = any (select b from u)", "select 1 from t where\na = any(b)"),
    "redshift-types": ("select cast(a as super) from t", "select\ncast(a as jsonb) from t"),
    "redshift-filter": ("select count(case when a > 1 then 1 end) from t", "select\ncount(*) filter (where a > 1) from t"),
    "redshift-distinct-from": ("select a = b or a is null from t", "select\na is not distinct from b from t"),
    "redshift-values": ("insert into t values (1), (2)", "select x from\n(values (1), (2)) as v(x)"),
    "redshift-distinct-on": ("select distinct a, b from t", "select\ndistinct on (a) a, b from t"),
    "redshift-lateral": ("select t.a from t, u", "select t.a from t,\nlateral (select b from u where u.a = t.a) as x"),
    "redshift-sample": ("select a from t", "select a from\nt tablesample bernoulli (10)"),
    "redshift-aggregate-order": (
        "select listagg(a, ',') within group (order by b) from t",
        "select\nlistagg(a, ',' order by b) from t",
    ),
    "redshift-one-sort-order": (
        "select median(a), percentile_cont(0.9) within group (order by a) from t",
        "select median(a),\npercentile_cont(0.9) within group (order by b) from t",
    ),
    "redshift-window-frame": (
        "select sum(a) over (partition by b), rank() over (order by a), sum(a) over (order by b rows 1 preceding) from t",
        "select\nsum(a) over (partition by b order by c) from t",
    ),
    "redshift-rows-frame": (
        "select sum(a) over (order by b rows between 2 preceding and current row) from t",
        "select\nsum(a) over (order by b range between 2 preceding and current row) from t",
    ),
    "redshift-constant-order": ("select rank() over (order by a) from t", "select\nrank() over (order by 1) from t"),
    "redshift-distinct-window": (
        "select count(a) over (partition by b) from t", "select\ncount(distinct a) over (partition by b) from t",
    ),
    "redshift-named-window": ("select a from t", "select\nrank() over w from t window w as (order by a)"),
    "redshift-count-columns": ("select count(distinct a) from t", "select\ncount(distinct a, b) from t"),
    "redshift-set-all": ("select a from t union all select a from u", "select\na from t except all select a from u"),
    "redshift-set-limit": (
        "select a from t union all select a from u limit 1", "select 1 as x union all (\nselect a from u limit 1)",
    ),
    "redshift-fetch": ("select a from t limit 1", "select a from t\nfetch first 1 rows only"),
    "redshift-lock": ("select a from t", "select\na from t for update"),
    "redshift-materialized-cte": ("with x as (select 1 as a) select a from x", "with\nx as materialized (select 1 as a) select a from x"),
    "redshift-skip-level": (
        "select a from t where exists (select 1 from u where u.a = t.a)",
        "select a from t where exists (select 1 from u where exists (select 1 from v where\nv.a = t.a))",
    ),
    "redshift-outer-join-subquery": (
        "select t.a from t left join u on t.a = u.a",
        "select t.a from t left join u on t.a = u.a and u.b = (select max(v.b) from v where\nv.a = u.a)",
    ),
    "redshift-subquery-window": (
        "select a from t where b in (select sum(u.b) over () from u)",
        "select a from t where b in (select sum(u.b) over () from u where\nu.a = t.a)",
    ),
    "redshift-subquery-group": (
        "select a from t where b in (select max(u.b) from u where u.a = t.a group by u.c)",
        "select a from t where b in (select sum(u.b) from u where\nu.a = t.a group by u.c)",
    ),
    "redshift-group-by-subquery": (
        "select t.a, (select count(*) from u where u.a = t.a) as n from t",
        "select t.a,\n(select count(u.b) from u where u.a = t.a) as n from t group by n, t.a",
    ),
    "redshift-merge-clauses": (MERGE + BOTH, "\n" + MERGE + "when matched and s.b > 1 then delete " + BOTH),
    "redshift-merge-source": (MERGE + BOTH, "\nmerge into t using (select 1 as a, 2 as b) as s on t.a = s.a " + BOTH),
    "redshift-merge-alias": (MERGE + BOTH, "\nmerge into t as x using s on x.a = s.a " + BOTH),
    "redshift-on-conflict": ("insert into t (a) select 1", "insert into t (a) select 1\non conflict (a) do nothing"),
    "redshift-returning": ("insert into t (a) select 1", "insert into t (a) select 1 returning\na"),
    "redshift-ctas": ("create table t as select 1 as a", "\ncreate table if not exists t as select 1 as a"),
    "redshift-index": ("create table t (a int)", "\ncreate index i on t (a)"),
    "redshift-truncate": ("delete from t", "\ntruncate table t"),
}  # fmt: skip

SNOWFLAKE = {
    "snowflake-filter": ("select count_if(a > 1) from t", "select\ncount(*) filter (where a > 1) from t"),
    "snowflake-distinct-on": ("select distinct a from t", "select\ndistinct on (a) a, b from t"),
    "snowflake-any-array": ("select a from t where a like any ('x', 'y')", "select a from t where\na = any(b)"),
    "snowflake-types": ("select cast(a as variant) from t", "select\ncast(a as json) from t"),
    "snowflake-aggregate-order": (
        "select array_agg(a) within group (order by b)[0] from t", "select\n(array_agg(a order by b))[1] from t",
    ),
    "snowflake-set-all": ("select a from t except select a from u", "select\na from t intersect all select a from u"),
    "snowflake-offset": ("select a from t limit 1 offset 2", "select\na from t offset 2"),
    "snowflake-groups-frame": (
        "select sum(a) over (order by b range between unbounded preceding and current row) from t",
        "select\nsum(a) over (order by b groups between 1 preceding and current row) from t",
    ),
    "snowflake-materialized-cte": ("with x as (select 1 as a) select a from x", "with\nx as materialized (select 1 as a) select a from x"),
    "snowflake-similar-to": ("select a from t where a like 'x%'", "select a from t where\na similar to 'x%'"),
    "snowflake-scalar-subquery": (
        "select (select max(u.b) from u where u.a = t.a) from t where exists (select 1 from u where u.a = t.a)",
        "select (select u.b from u where\nu.a = t.a) from t",
    ),
    "snowflake-subquery-limit": (
        "select a from t where b = (select c from u order by c limit 1)",
        "select a from t where exists (select 1 from u where\nu.a = t.a limit 1)",
    ),
    "snowflake-subquery-flatten": (
        "select t.a, f.value from t, lateral flatten(input => t.a) as f",
        "select (select count(*) from u, lateral flatten(input =>\nt.a) as f) from t",
    ),
    "snowflake-merge-by-source": (MERGE + BOTH, "\n" + MERGE + BOTH + " when not matched by source then delete"),
    "snowflake-on-conflict": ("insert into t (a) select 1", "insert into t (a) select 1\non conflict (a) do nothing"),
}  # fmt: skip

CASES = [(rule, *texts) for cases in (REDSHIFT, SNOWFLAKE) for rule, texts in cases.items()]


def found(text: str, engine: str, known: frozenset[str] = frozenset()) -> list[tuple[int, str, str]]:
    trees = [tree for tree in sqlglot.parse(text, read=engine) if tree is not None]
    problems = portable.check_script(text, trees, engine, Phase.STAGE, AT, known)
    assert all(problem.place.path == AT.path for problem in problems)
    return [(problem.place.line, problem.what, problem.hint) for problem in problems]


@pytest.mark.parametrize(("rule", "taken", "refused"), CASES, ids=[rule for rule, *_ in CASES])
def test_a_limit(rule: str, taken: str, refused: str) -> None:
    """What the engine has is taken; what it has not is refused at its line, with the way to write it and the page."""
    engine = rule.split("-", maxsplit=1)[0]
    stated = next(one for one in portable.RULES[engine] if one.id == rule)
    assert found(taken, engine) == []
    lines = {line for line, what, hint in found(refused, engine) if stated.what in what and f"({rule}, " in hint}
    assert lines == {refused.count("\n") + 1}, found(refused, engine)


def test_every_rule_is_tried_and_has_its_page() -> None:
    """No rule without a row above; each has an id of its own, an instead and a page of the engine's manual."""
    rules = [rule for engine in portable.RULES.values() for rule in engine]
    assert [rule.id for rule in rules] == [rule for rule, *_ in CASES]
    for rule in rules:
        assert rule.instead and re.match(r"https://docs\.(aws\.amazon|snowflake)\.com/\S+$", rule.source)


FUNCTION_CASES = [
    ("redshift", "string_agg(a, ',')", "listagg(x, ',') within group"),
    ("redshift", "array_agg(a)", "split_to_array"),
    ("redshift", "now()", "getdate()"),
    ("redshift", "current_timestamp", "getdate()"),
    ("redshift", "count_if(a)", "count(case when"),
    ("redshift", "date_bin('1 hour', a, b)", "date_trunc"),
    ("redshift", "generate_series(1, 3)", "leader node"),
    ("redshift", "no_such(a)", "functions: [no_such]"),
    ("snowflake", "string_agg(a, ',')", "listagg"),
    ("snowflake", "bool_or(a)", "boolor_agg"),
    ("snowflake", "now()", "current_timestamp()"),
    ("snowflake", "strpos(a, 'x')", "position"),
    ("snowflake", "no_such(a)", "x.snowflake.sql"),
]


@pytest.mark.parametrize(("engine", "call", "instead"), FUNCTION_CASES)
def test_a_function_that_the_engine_does_not_have(engine: str, call: str, instead: str) -> None:
    """It is named as it was written, with its line, what does the same, and how to let one's own through."""
    name = call.split("(", maxsplit=1)[0]
    [(line, what, hint)] = found(f"select\n  a,\n  {call}\nfrom t", engine)
    assert (line, what) == (3, f"{show(name)} is not a function of {portable.TITLES[engine]}")
    assert instead in hint and f"functions: [{name}]" in hint


@pytest.mark.parametrize("engine", sorted(portable.CHECKED))
@pytest.mark.parametrize(
    "text",
    [
        "select my_schema.no_such(a) from t",
        "select cast(a as varchar(20)), a::numeric(10, 2), left(a, 2), count(*) from t as x(a, b) group by 1, 2, 3",
        "with c(a, b) as (select 1, 2) select a, b from c where a in (1, 2) and exists (select 1 from t) and not (a = b)",
        "select no_such from t where no_such > 1 -- no_such(1)",
        "select 'no_such(1)' as a, extract(epoch from b), current_date from t",
        "insert into no_such (a, b) select 1, 2",
        "select row_number() over (partition by (a) order by b) from t join u using (a)",
    ],
)
def test_what_is_no_call_of_an_unknown_function(text: str, engine: str) -> None:
    """Types, CTEs, aliases, words, strings and comments are no calls; one with a schema is the user's own."""
    assert found(text, engine) == []


def test_operators_on_json() -> None:
    """`->>` is no operator of either; a lambda's arrow on Snowflake is none."""
    for engine in portable.CHECKED:
        [(line, what, _)] = found("select a,\nb ->> 'c' from t", engine)
        assert line == 2 and "no ->> operator" in what
    assert found("select filter(a, x -> x > 1), a:b.c::varchar from t", "snowflake") == []


def test_only_phases_that_share_the_run() -> None:
    """A script of phase setup or after is the engine's to judge; and so is all that is written for the other two."""
    text = "select no_such(1) from t"
    trees = sqlglot.parse(text)
    for phase in (Phase.SETUP, Phase.AFTER):
        assert portable.check_script(text, trees, "redshift", phase, AT) == []  # type: ignore[arg-type]
    for engine in ("duckdb", "postgres"):
        assert portable.check_select(text, trees[0], engine, AT) == []  # type: ignore[arg-type]


# ---- the lists ------------------------------------------------------------------------------------------------------

SPECIAL = {
    "cast": "cast(a as int)", "try_cast": "try_cast(a as int)", "extract": "extract(year from a)",
    "position": "position('x' in a)", "current_date": "current_date", "convert": "convert(integer, a)",
    "overlay": "overlay(a placing 'x' from 1)", "sysdate": "sysdate", "insert": "insert(a, 1, 2, b)", "collate": "collate(a, 'x')",
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_every_listed_function_parses(engine: str) -> None:
    """An entry is a name that can be called in that dialect, listed once, under a page."""
    for listed in LISTS[engine]:
        assert listed.source.startswith("https://")
        for name in listed.names:
            forms = (SPECIAL.get(name), f"{name}(a)", f"{name}(a, b)", f"{name}(a, b, c)", f"{name}()")
            assert any(form and _parses(f"select {form} from t", engine) for form in forms), name


def _parses(text: str, engine: str) -> bool:
    try:
        return len(sqlglot.parse(text, read=engine)) == 1
    except (sqlglot.errors.SqlglotError, LookupError):
        return False


def test_what_is_written_instead_is_there() -> None:
    """No hint names a function that is on the list already, or one that is not known."""
    for engine, hints in INSTEAD.items():
        assert not set(hints) & FUNCTIONS[engine]


def test_the_common_functions_of_the_web_models() -> None:
    """Every function that the shipped web models call is on all four lists."""
    for file in sorted((ROOT / "sql" / "web").glob("*.sql")):
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        names = {call.name for call in portable.calls(text, [], "duckdb")} - {"derived", "starts"}
        assert names
        for engine in ENGINES:
            assert names <= FUNCTIONS[engine], (file.name, engine)


# ---- playbooks ------------------------------------------------------------------------------------------------------

PLAYBOOK = """\
name: web
source: {table: atomic.events, batch: etl_tstamp}
models:
  - {table: derived.s, sql: s.sql, key: k}
"""


def load(tmp_path: Path, engine: str, select: str, extra: str = "", **files: str) -> Program:
    (tmp_path / "web.yml").write_text(PLAYBOOK + extra)
    (tmp_path / "s.sql").write_text(select)
    for name, text in files.items():
        (tmp_path / name.replace("__", ".")).write_text(text)
    return load_program(load_playbook(tmp_path / "web.yml", {}), engine, engine)


def refused(tmp_path: Path, *args: str, **files: str) -> list[tuple[str, int, str, str]]:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, *args, **files)
    return [(p.place.path.name if p.place.path else "", p.place.line, p.what, p.hint) for p in caught.value.problems]


def test_a_model_is_checked_when_it_is_loaded(tmp_path: Path) -> None:
    """`runner check` says it with file and line; DuckDB takes the same file."""
    select = "select k,\n  count(*) filter (where a > 1) as n,\n  no_such(k) as x\nfrom atomic.events group by k"
    [first, second] = refused(tmp_path, "redshift", select)
    assert first[:2] == ("s.sql", 2) and "no filter" in first[2]
    assert second[:2] == ("s.sql", 3) and "'no_such' is not a function of Redshift" in second[2]
    assert load(tmp_path, "duckdb", select.replace("no_such", "max"))


def test_functions_of_ones_own(tmp_path: Path) -> None:
    """`functions:` lets a name through, however it is written; it must be a name."""
    select = "select k, My_Udf(a) as n from atomic.events"
    assert refused(tmp_path, "snowflake", select)[0][2] == "'my_udf' is not a function of Snowflake"
    assert load(tmp_path, "snowflake", select, "functions: [MY_UDF]\n")
    assert "must be the name of a function" in refused(tmp_path, "snowflake", select, "functions: [a.b]\n")[0][2]


def test_expressions_of_the_playbook_are_checked(tmp_path: Path) -> None:
    """A key, a batch, a check: each at its line of the playbook."""
    extra = '    checks: ["bool_or(n > 0)"]\n'
    playbook = PLAYBOOK.replace(
        "{table: derived.s, sql: s.sql, key: k}", "table: derived.s\n    sql: s.sql\n    key: k"
    )
    (tmp_path / "s.sql").write_text("select k, count(*) as n from atomic.events group by k")
    (tmp_path / "web.yml").write_text(playbook + extra)
    with pytest.raises(BadInput) as caught:
        load_program(load_playbook(tmp_path / "web.yml", {}), "snowflake", "snowflake")
    [problem] = caught.value.problems
    assert problem.place.line == 7 and "'bool_or' is not a function of Snowflake" in problem.what


def test_a_script_is_checked(tmp_path: Path) -> None:
    """In the phases that share the run's snapshot or transaction: truncate would end it on Redshift."""
    steps = "source: {table: atomic.events, batch: etl_tstamp}\nsteps:\n  - {name: a, phase: stage, queries: [a.sql]}\n"
    (tmp_path / "web.yml").write_text(steps)
    (tmp_path / "a.sql").write_text("create table {{ scratch }}.x as select 1 as a;\n\ntruncate table {{ scratch }}.x;")
    playbook = load_playbook(tmp_path / "web.yml", {})
    assert load_program(playbook, "snowflake", "snowflake")
    with pytest.raises(BadInput) as caught:
        load_program(playbook, "redshift", "redshift")
    [problem] = caught.value.problems
    assert problem.place.line == 3 and "truncate commits" in problem.what and "delete from" in problem.hint
