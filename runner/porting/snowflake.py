"""What Snowflake does not have, although a DuckDB or a Postgres in its place would take it without complaint."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from runner.porting.functions import SNOW
from runner.porting.rules import (
    Rule,
    correlated,
    has,
    holder,
    is_any_of_array,
    is_inner_order,
    is_multiset,
    nodes,
    of_type,
    own_parts,
)

_SELECT = SNOW + "sql/select"
_SUBQUERY = "https://docs.snowflake.com/en/user-guide/querying-subqueries"
_CONDITIONS = (exp.In, exp.Exists, exp.Any, exp.All)


def _frames(tree: exp.Expr) -> Iterator[exp.Expr]:
    for spec in tree.find_all(exp.WindowSpec):
        if str(spec.args.get("kind") or "").upper() == "GROUPS" or spec.args.get("exclude"):
            yield spec.parent or spec


def _offset_alone(node: exp.Expr) -> bool:
    return bool(node.args.get("offset")) and not node.args.get("limit")


def _several_rows(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Correlated subqueries that stand for a value and are not plainly one row: an aggregate without GROUP BY is."""
    for column, _, block in correlated(tree):
        up = holder(block)
        if isinstance(up, (*_CONDITIONS, exp.From, exp.Join, exp.Lateral, exp.CTE, exp.Table, exp.SetOperation)):
            continue
        if up is not None and isinstance(up, exp.Not):
            continue
        item = block.expressions[0] if block.expressions else None
        one = item is not None and any(isinstance(part, exp.AggFunc) for part in item.walk())
        if (not one or block.args.get("group")) and not isinstance(up, exp.Subquery):
            yield column


def _limited(tree: exp.Expr) -> Iterator[exp.Expr]:
    yield from (column for column, _, block in correlated(tree) if block.args.get("limit"))


def _with_flatten(tree: exp.Expr) -> Iterator[exp.Expr]:
    for column, _, block in correlated(tree):
        if any(isinstance(part, (exp.Explode, exp.Unnest)) for part in own_parts(block)) and column.find_ancestor(
            exp.Explode, exp.Unnest
        ):
            yield column


def _by_source(node: exp.Expr) -> bool:
    whens = node.args["whens"].expressions if node.args.get("whens") else []
    return any(when.args.get("source") for when in whens)


RULES = (
    Rule("snowflake-filter", "no filter (where …)", "count_if(…), sum(iff(…, x, null))",
         SNOW + "functions-aggregation",
         nodes(exp.Filter), by_syntax=True),
    Rule("snowflake-distinct-on", "no distinct on (…)", "qualify row_number() over (… order by …) = 1",
         _SELECT, nodes(exp.Distinct, where=has("on")), by_syntax=True),
    Rule("snowflake-any-array", "no `= any(array)`", "array_contains(x::variant, a), or x in (…)",
         SNOW + "operators-subquery", nodes(exp.Any, exp.All, where=is_any_of_array), by_syntax=True),
    Rule("snowflake-types", "no such type", "variant, and parse_json(x) to fill it; varchar for uuid",
         SNOW + "intro-summary-data-types",
         of_type("JSON", "JSONB", "XML", "MONEY", "INET", "HSTORE", "SERIAL", "BIGSERIAL"), by_syntax=True),
    Rule("snowflake-aggregate-order", "no order by within an aggregate's parentheses",
         "array_agg(x) within group (order by y); listagg too. Subscripts count from 0", SNOW + "functions/array_agg",
         nodes(exp.Order, where=is_inner_order), by_syntax=True),
    Rule("snowflake-set-all", "no except all and intersect all", "except, intersect, or count in a group by",
         SNOW + "operators-query", nodes(exp.SetOperation, where=is_multiset), by_syntax=True),
    Rule("snowflake-offset", "offset needs limit", "limit n offset m", SNOW + "constructs/limit",
         nodes(exp.Query, where=_offset_alone), by_syntax=True),
    Rule("snowflake-groups-frame", "no frames but rows and range", "rows between … and …",
         SNOW + "functions-window-syntax", _frames, by_syntax=True),
    Rule("snowflake-materialized-cte", "no [not] materialized in with", "with x as (…)", SNOW + "constructs/with",
         nodes(exp.CTE, where=lambda node: node.args.get("materialized") is not None), by_syntax=True),
    Rule("snowflake-similar-to", "no similar to", "regexp_like(x, 'pattern'), which matches the whole text",
         SNOW + "functions-regexp", nodes(exp.SimilarTo), by_syntax=True),
    Rule("snowflake-scalar-subquery", "a correlated subquery must give one row: an aggregate, without group by",
         "max(x), or join a CTE that is grouped by the key", _SUBQUERY, _several_rows),
    Rule("snowflake-subquery-limit", "no limit in a correlated subquery",
         "max(x), or qualify row_number() in a CTE, and join", _SUBQUERY, _limited),
    Rule("snowflake-subquery-flatten", "no correlation within flatten of a subquery",
         "lateral flatten(input => x) in from", _SUBQUERY, _with_flatten),
    Rule("snowflake-merge-by-source", "merge has no when not matched by source",
         "delete the others in a statement of its own", SNOW + "sql/merge", nodes(exp.Merge, where=_by_source),
         by_syntax=True),
    Rule("snowflake-on-conflict", "no on conflict", "merge", SNOW + "sql/insert", nodes(exp.OnConflict),
         by_syntax=True),
)  # fmt: skip
