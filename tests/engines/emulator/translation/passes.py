"""fakesnow's translation of a statement: those of its passes that can act on it."""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from fakesnow import transforms
from sqlglot import exp

INT_TYPES = (exp.DataType.Type.INT, exp.DataType.Type.SMALLINT, exp.DataType.Type.TINYINT)
JSON_TYPES = (exp.DataType.Type.ARRAY, exp.DataType.Type.OBJECT, exp.DataType.Type.VARIANT)
STAMPS = (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ)


def types_pass(node: exp.Expr) -> exp.Expr:
    """What five of fakesnow's passes do to types."""
    if not isinstance(node, exp.DataType):
        return node
    kind = node.this
    if kind in JSON_TYPES:
        return exp.DataType(this=exp.DataType.Type.JSON, nested=False)
    if kind == exp.DataType.Type.TIMESTAMPNTZ:
        return exp.DataType(this=exp.DataType.Type.TIMESTAMP)
    if kind == exp.DataType.Type.FLOAT:
        node.set("this", exp.DataType.Type.DOUBLE)
    elif kind in INT_TYPES:
        return exp.DataType(this=exp.DataType.Type.BIGINT, nested=False, prefix=False)
    elif kind == exp.DataType.Type.DECIMAL:
        sizes = [part.name for part in node.expressions]
        if not sizes or sizes in (["38"], ["38", "0"]):
            return exp.DataType(this=exp.DataType.Type.BIGINT, nested=False, prefix=False)
    return node


def stamp_pass(node: exp.Expr) -> exp.Expr:
    """A cast of a text to a timestamp stays one: fakesnow's macro, which takes numbers too, would be slow."""
    if isinstance(node, exp.Cast) and node.to.this in STAMPS:
        inner = node.this
        plain = (exp.CurrentTimestamp, exp.ConvertTimezone, exp.Cast, exp.AtTimeZone)
        if (isinstance(inner, exp.Literal) and inner.is_string) or isinstance(inner, plain):
            return node
    found: exp.Expr = transforms.to_timestamp(node)
    return found


# fakesnow's passes in its order, each with the types of nodes it acts on; a pass without them is left out
PASSES: tuple[tuple[Callable[[exp.Expr], exp.Expr], tuple[type[exp.Expr], ...]], ...] = (
    (lambda e: transforms.identifier(e, None), (exp.DynamicIdentifier, exp.Anonymous)),
    (transforms.extract_comment_on_table, (exp.SchemaCommentProperty, exp.Comment)),
    (transforms.extract_comment_on_columns, (exp.AlterColumn,)),
    (transforms.drop_schema_cascade, (exp.Drop,)),
    (transforms.tag, (exp.AlterSet,)),
    (transforms.try_parse_json, (exp.Anonymous,)),
    (transforms.split, (exp.Split,)),
    (transforms.trim_cast_varchar, (exp.Trim,)),
    (transforms.indices_to_json_extract, (exp.Bracket,)),
    (transforms.json_extract_cast_as_varchar, (exp.JSONExtract,)),
    (transforms.json_extract_cased_as_varchar, (exp.JSONExtract,)),
    (transforms.json_extract_precedence, (exp.JSONExtract, exp.JSONExtractScalar)),
    (transforms.flatten_value_cast_as_varchar, (exp.Explode,)),
    (transforms.flatten, (exp.Lateral, exp.TableFromRows)),
    (transforms.regex_replace, (exp.RegexpReplace,)),
    (transforms.regex_substr, (exp.RegexpExtract,)),
    (transforms.values_columns, (exp.Values,)),
    (transforms.to_date, (exp.Anonymous,)),
    (transforms.timestamp_offsets, (exp.Cast,)),
    (transforms.to_decimal, (exp.ToNumber,)),
    (stamp_pass, (exp.Cast, exp.UnixToTime, exp.Anonymous)),
    (transforms.to_variant, (exp.ToVariant,)),
    (transforms.object_construct, (exp.StarMap, exp.Struct, exp.JSONObject)),
    (types_pass, (exp.DataType,)),
    (transforms.extract_text_length, (exp.DataTypeParam,)),
    (transforms.sample, (exp.TableSample,)),
    (transforms.array_size, (exp.ArraySize,)),
    (transforms.random, (exp.Rand,)),
    (transforms.array_agg_within_group, (exp.ArrayAgg,)),
    (transforms.array_agg, (exp.ArrayAgg,)),
    (transforms.object_agg, (exp.ObjectAgg,)),
    (transforms.array_construct_etc, (exp.Array, exp.ArrayConstructCompact, exp.ArrayConcat)),
    (transforms.dateadd_date_cast, (exp.DateAdd,)),
    (transforms.dateadd_string_literal_timestamp_cast, (exp.DateAdd,)),
    (transforms.datediff_string_literal_timestamp_cast, (exp.DateDiff,)),
    (transforms.haversine, (exp.Anonymous,)),
    (transforms.hex_string, (exp.HexString,)),
    (transforms.sha256, (exp.SHA2, exp.SHA2Digest, exp.Anonymous)),
    (transforms.create_clone, (exp.Clone,)),
    (transforms.alias_in_join, (exp.Join,)),
    (transforms.alias_in_where, (exp.Anonymous,)),
)


def passed(tree: exp.Expr) -> exp.Expr:
    """The tree after those of fakesnow's passes that can act on it."""
    present = {type(node) for node in tree.walk()}
    for step, wanted in PASSES:
        if not present.isdisjoint(wanted):
            tree = tree.transform(step, copy=False)
            present = {type(node) for node in tree.walk()}
    return tree


def translated(tree: exp.Expr) -> str:
    """The tree as DuckDB reads it."""
    return passed(tree).sql("duckdb", copy=False)


def parsed(sql: str) -> list[exp.Expr | None]:
    """Parsed anew: copying a tree takes as long, and plans are kept already."""
    return sqlglot.parse(sql, read="snowflake")


def parsed_duck(sql: str) -> exp.Expr:
    """A piece of DuckDB's own SQL."""
    return sqlglot.parse_one(sql, read="duckdb")
