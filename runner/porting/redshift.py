"""What Redshift does not have, although a Postgres in its place would take it without complaint."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from runner.porting.functions import AWS
from runner.porting.rules import (
    Rule,
    bare_call,
    correlated,
    has,
    holder,
    is_any_of_array,
    is_array_word,
    is_constant_table,
    is_inner_order,
    is_multiset,
    is_unframed,
    nodes,
    of_type,
    own_parts,
)

_CASE = "count(case when … then 1 end), sum(case when … then x end)"
_ROW_NUMBER = "row_number() over (partition by … order by …) in a CTE, and take 1"
_FEATURES = AWS + "c_unsupported-postgresql-features.html"
_FUNCTIONS = AWS + "c_unsupported-postgresql-functions.html"
_SELECT = AWS + "r_SELECT_synopsis.html"
_WINDOW = AWS + "c_Window_functions.html"
_MERGE = AWS + "r_MERGE.html"
_INSERT = AWS + "r_INSERT_30.html"
_SUBQUERY = AWS + "r_correlated_subqueries.html"
_SORTED = (exp.GroupConcat, exp.PercentileCont, exp.PercentileDisc, exp.Median)


def _frames(tree: exp.Expr) -> Iterator[exp.Expr]:
    for spec in tree.find_all(exp.WindowSpec):
        if str(spec.args.get("kind") or "").upper() != "ROWS" or spec.args.get("exclude"):
            yield spec.parent or spec


def _constant_order(tree: exp.Expr) -> Iterator[exp.Expr]:
    for window in tree.find_all(exp.Window):
        order = window.args.get("order")
        terms = [
            *(window.args.get("partition_by") or []),
            *(part.this for part in (order.expressions if order else [])),
        ]
        if any(isinstance(term, exp.Literal) for term in terms):
            yield window


def _sort_orders(tree: exp.Expr) -> Iterator[exp.Expr]:
    """The second of two sorting aggregates of a block whose orders differ."""
    for block in tree.find_all(exp.Select):
        seen: str | None = None
        for part in own_parts(block):
            order = _order_of(part)
            if order is None:
                continue
            if seen is not None and order != seen:
                yield part
                break
            seen = order


def _order_of(part: exp.Expr) -> str | None:
    if isinstance(part, exp.Median) and not isinstance(part.parent, exp.Window):
        return str(part.this.sql(dialect="redshift")).lower()
    if isinstance(part, exp.WithinGroup) and isinstance(part.this, _SORTED) and not isinstance(part.parent, exp.Window):
        return ", ".join(item.sql(dialect="redshift").lower() for item in part.expression.expressions)
    return None


def _limited_operands(tree: exp.Expr) -> Iterator[exp.Expr]:
    for union in tree.find_all(exp.SetOperation):
        for operand in (union.this, union.expression):
            inner = operand.unnest() if isinstance(operand, (exp.Subquery, exp.Paren)) else operand
            if inner.args.get("limit") or inner.args.get("offset"):
                yield inner


def _skipping(tree: exp.Expr) -> Iterator[exp.Expr]:
    yield from (column for column, level, _ in correlated(tree) if level > 1)


def _in_outer_join(tree: exp.Expr) -> Iterator[exp.Expr]:
    for column, _, block in correlated(tree):
        join = block.find_ancestor(exp.Join)
        on = join.args.get("on") if join is not None and join.side else None
        if on is not None and any(part is block for part in on.walk()):
            yield column


def _with_window(tree: exp.Expr) -> Iterator[exp.Expr]:
    yield from (
        column for column, _, block in correlated(tree) if any(isinstance(p, exp.Window) for p in own_parts(block))
    )


def _grouped_in(tree: exp.Expr) -> Iterator[exp.Expr]:
    for column, _, block in correlated(tree):
        aggregates = [part for part in own_parts(block) if isinstance(part, exp.AggFunc)]
        others = [part for part in aggregates if not isinstance(part, (exp.Min, exp.Max))]
        if isinstance(holder(block), exp.In) and block.args.get("group") and others:
            yield column


def _group_by_subquery(tree: exp.Expr) -> Iterator[exp.Expr]:
    blocks = {id(block) for _, _, block in correlated(tree)}
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        names = (
            {part.name.lower() for part in group.expressions if isinstance(part, (exp.Column, exp.Literal))}
            if group
            else set()
        )
        for number, item in enumerate(select.expressions, 1):
            query = item.find(exp.Select)
            if query is not None and id(query) in blocks and {item.alias.lower(), str(number)} & (names - {""}):
                yield item


def _merge_clauses(tree: exp.Expr) -> Iterator[exp.Expr]:
    for merge in tree.find_all(exp.Merge):
        whens = merge.args["whens"].expressions if merge.args.get("whens") else []
        kinds = [bool(when.args.get("matched")) for when in whens]
        odd = any(when.args.get("condition") or when.args.get("source") for when in whens)
        actions = [when.args.get("then") for when in whens]
        if (
            kinds.count(True) > 1
            or kinds.count(False) > 1
            or odd
            or any(isinstance(a, exp.Var) and a.name.upper() != "DELETE" for a in actions)
        ):
            yield merge


def _merge_source(tree: exp.Expr) -> Iterator[exp.Expr]:
    for merge in tree.find_all(exp.Merge):
        using = merge.args.get("using")
        if not isinstance(using, exp.Table) or merge.args.get("with_"):
            yield merge


def _ctas_if_not_exists(node: exp.Expr) -> bool:
    return bool(node.args.get("exists")) and isinstance(node.expression, exp.Query)


def _distinct_window(node: exp.Expr) -> bool:
    return isinstance(bare_call(node).this, exp.Distinct)


RULES = (
    Rule("redshift-array", "no array constructor: array[…]", "array(…), a value of type super", _FEATURES,
         nodes(exp.Array, where=is_array_word)),
    Rule("redshift-any-array", "no `= any(array)`", "x in (…), or a join", _FUNCTIONS,
         nodes(exp.Any, exp.All, where=is_any_of_array)),
    Rule("redshift-types", "no such type", "varchar for uuid, super for json and arrays, varbyte for bytea",
         AWS + "c_unsupported-postgresql-datatypes.html",
         of_type("ARRAY", "JSON", "JSONB", "UUID", "XML", "MONEY", "INET", "HSTORE", "SERIAL", "BIGSERIAL")),
    Rule("redshift-filter", "no filter (where …)", _CASE, AWS + "c_Aggregate_Functions.html", nodes(exp.Filter),
         by_syntax=True),
    Rule("redshift-distinct-from", "no is [not] distinct from", "a = b or (a is null and b is null)", _FUNCTIONS,
         nodes(exp.NullSafeEQ, exp.NullSafeNEQ)),
    Rule("redshift-values", "no VALUES as a table", "select … union all select …", _FEATURES,
         nodes(exp.Values, where=is_constant_table)),
    Rule("redshift-distinct-on", "no distinct on (…)", _ROW_NUMBER, _SELECT, nodes(exp.Distinct, where=has("on")),
         by_syntax=True),
    Rule("redshift-lateral", "no lateral", "a join with a subquery that is grouped by the key",
         AWS + "r_FROM_clause30.html", nodes(exp.Lateral), by_syntax=True),
    Rule("redshift-sample", "no tablesample", "where md5(id) < '1'", AWS + "r_FROM_clause30.html",
         nodes(exp.TableSample), by_syntax=True),
    Rule("redshift-aggregate-order", "no order by within an aggregate's parentheses",
         "listagg(x, ',') within group (order by y)", AWS + "r_LISTAGG.html", nodes(exp.Order, where=is_inner_order),
         by_syntax=True),
    Rule("redshift-one-sort-order", "listagg, median and percentile_cont of one select must sort by the same",
         "compute one of them in a CTE of its own, and join", AWS + "r_PERCENTILE_CONT.html", _sort_orders),
    Rule("redshift-window-frame", "an aggregate over (… order by …) needs a frame",
         "… order by … rows unbounded preceding", _WINDOW, nodes(exp.Window, where=is_unframed)),
    Rule("redshift-rows-frame", "no frames but rows between …",
         "rows between … and …; for a range of time, a self join", _WINDOW, _frames, by_syntax=True),
    Rule("redshift-constant-order", "no constants in partition by and order by of a window",
         "leave it out, or name a column", _WINDOW, _constant_order),
    Rule("redshift-distinct-window", "no distinct in a window function",
         "dense_rank() and its max, or count it in a CTE", AWS + "r_WF_COUNT.html",
         nodes(exp.Window, where=_distinct_window), by_syntax=True),
    Rule("redshift-named-window", "no window clause", "write the window out after each over", _SELECT,
         nodes(exp.Select, where=has("windows")), by_syntax=True),
    Rule("redshift-count-columns", "count(distinct …) takes one expression", "count(distinct a || '|' || b)",
         AWS + "r_COUNT.html",
         nodes(exp.Count, where=lambda node: isinstance(node.this, exp.Distinct) and len(node.this.expressions) > 1),
         by_syntax=True),
    Rule("redshift-set-all", "no except all and intersect all", "except, intersect, or count in a group by",
         AWS + "r_UNION.html", nodes(exp.SetOperation, where=is_multiset)),
    Rule("redshift-set-limit", "no limit within a set operation", "limit in a CTE, and use that", AWS + "r_UNION.html",
         _limited_operands),
    Rule("redshift-fetch", "no fetch first", "limit n", _SELECT, nodes(exp.Fetch), by_syntax=True),
    Rule("redshift-lock", "no for update", "leave it out: the runner's lease keeps runs apart", _SELECT,
         nodes(exp.Lock), by_syntax=True),
    Rule("redshift-materialized-cte", "no [not] materialized in with", "with x as (…)", AWS + "r_WITH_clause.html",
         nodes(exp.CTE, where=lambda node: node.args.get("materialized") is not None), by_syntax=True),
    Rule("redshift-skip-level", "a subquery may not name a table of a block further out than the next",
         "join the outer table within the middle block", _SUBQUERY, _skipping),
    Rule("redshift-outer-join-subquery", "no correlated subquery in the on of an outer join",
         "join a CTE that is grouped by the key", _SUBQUERY, _in_outer_join),
    Rule("redshift-subquery-window", "no window function in a correlated subquery", "compute it in a CTE, and join",
         _SUBQUERY, _with_window),
    Rule("redshift-subquery-group", "no correlated `in` over a subquery with group by and an aggregate but min and max",
         "join a CTE that is grouped", _SUBQUERY, _grouped_in),
    Rule("redshift-group-by-subquery", "no group by of a correlated subquery's result",
         "join a CTE that is grouped by the key", _SUBQUERY, _group_by_subquery),
    Rule("redshift-merge-clauses", "merge has one plain when matched and one plain when not matched",
         "delete and insert, or one merge for each case", _MERGE, _merge_clauses, by_syntax=True),
    Rule("redshift-merge-source", "merge takes a table: no subquery, no with", "create a table in {{ scratch }} first",
         _MERGE, _merge_source, by_syntax=True),
    Rule("redshift-merge-alias", "merge's target has no alias", "name the table itself", _MERGE,
         nodes(exp.Merge, where=lambda node: bool(node.this.alias)), by_syntax=True),
    Rule("redshift-on-conflict", "no on conflict", "delete and insert, or merge", _INSERT, nodes(exp.OnConflict),
         by_syntax=True),
    Rule("redshift-returning", "no returning", "select the rows first", _INSERT, nodes(exp.Returning), by_syntax=True),
    Rule("redshift-ctas", "create table … as has no if not exists",
         "drop table if exists first, or create, then insert", AWS + "r_CREATE_TABLE_AS.html",
         nodes(exp.Create, where=_ctas_if_not_exists),
         by_syntax=True),
    Rule("redshift-index", "no indexes", "a sort key and a distribution key", _FEATURES,
         nodes(exp.Create, where=lambda node: node.args.get("kind") == "INDEX")),
    Rule("redshift-truncate", "truncate commits, which would end the run's snapshot", "delete from …",
         AWS + "r_TRUNCATE.html", nodes(exp.TruncateTable)),
)  # fmt: skip
