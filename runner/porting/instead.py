"""What to write instead of a function that another engine has: the hints of portable.py."""

from __future__ import annotations

from collections.abc import Mapping

_LISTAGG = "listagg(x, ',') within group (order by …)"
_ROW_NUMBER = "row_number() over (partition by … order by …) in a CTE, and take 1"
_COUNT_CASE = "count(case when … then 1 end)"

# engine: function: what does the same there
INSTEAD: Mapping[str, Mapping[str, str]] = {
    "redshift": {
        **dict.fromkeys(("string_agg", "group_concat", "array_to_string"), _LISTAGG),
        **dict.fromkeys(("array_agg", "list"), _LISTAGG + ", or split_to_array() of it"),
        **dict.fromkeys(("first", "last", "arg_min", "arg_max", "min_by", "max_by"), _ROW_NUMBER),
        **dict.fromkeys(("now", "current_timestamp", "clock_timestamp", "localtimestamp", "current_time"), "getdate()"),
        **dict.fromkeys(("count_if", "countif"), _COUNT_CASE),
        **dict.fromkeys(("generate_series", "generate_subscripts"), "a table of numbers (leader node only)"),
        **dict.fromkeys(("unnest", "flatten"), "from t, t.super_column as x (PartiQL)"),
        "age": "datediff(day, a, b)",
        "date": "cast(x as date)",
        "every": "bool_and(x)",
        "date_bin": "date_trunc(…)",
        "concat_ws": "a || ',' || b",
        "if": "case when … then … end",
        "iff": "case when … then … end",
        "ifnull": "nvl(a, b)",
        "regexp_matches": "regexp_substr(…)",
        "regexp_like": "x ~ 'pattern'",
        "sha256": "sha2(x, 256)",
        "to_json": "json_serialize(x)",
        "parse_json": "json_parse(x)",
        "approx_count_distinct": "approximate count(distinct x)",
        "epoch": "extract(epoch from t)",
        "make_date": "to_date(…, 'YYYY-MM-DD')",
        "strftime": "to_char(t, 'YYYY-MM-DD')",
    },
    "snowflake": {
        **dict.fromkeys(("string_agg", "group_concat"), _LISTAGG),
        **dict.fromkeys(("first", "arg_min"), "min_by(x, order)"),
        **dict.fromkeys(("last", "arg_max"), "max_by(x, order)"),
        **dict.fromkeys(("now", "clock_timestamp", "transaction_timestamp"), "current_timestamp()"),
        **dict.fromkeys(("generate_series", "generate_subscripts"), "table(generator(rowcount => …))"),
        **dict.fromkeys(("unnest", "json_array_elements", "jsonb_array_elements"), "lateral flatten(input => x)"),
        **dict.fromkeys(("bool_and", "every"), "booland_agg(x)"),
        "bool_or": "boolor_agg(x)",
        "if": "iff(…)",
        "strpos": "position('x' in a)",
        "instr": "position('x' in a)",
        "age": "datediff('day', a, b)",
        "btrim": "trim(x)",
        "ceiling": "ceil(x)",
        "list": "array_agg(x)",
        "date_bin": "time_slice(…)",
        "make_date": "date_from_parts(y, m, d)",
        "strftime": "to_char(t, 'YYYY-MM-DD')",
        "sha256": "sha2(x, 256)",
        "json_parse": "parse_json(x)",
        "date_diff": "datediff('day', a, b)",
        "to_hex": "hex_encode(x)",
        "epoch": "extract(epoch_second from t)",
        "log10": "log(10, x)",
    },
}  # fmt: skip
