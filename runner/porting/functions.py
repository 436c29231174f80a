"""Which functions an engine documents, list by list with its page: a call of any other is refused.

The refusal says what to write instead.
The engines themselves answer for SQL that is written for DuckDB and Postgres; their lists are for what was transpiled.
Left out on purpose, although they can be called: on Redshift, functions of the leader node (they fail as soon as the
query reads a table), and those of administration; on Snowflake, table functions over its own metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

AWS = "https://docs.aws.amazon.com/redshift/latest/dg/"
SNOW = "https://docs.snowflake.com/en/sql-reference/"
DUCK = "https://duckdb.org/docs/stable/sql/functions/"
POSTGRES = "https://www.postgresql.org/docs/current/"


@dataclass(frozen=True)
class Listed:
    """Functions in lower case, and the page that documents them."""

    source: str
    names: frozenset[str]


def _listed(source: str, names: str) -> Listed:
    return Listed(source, frozenset(names.split()))


_CASTS = "cast try_cast"

REDSHIFT = (
    _listed(
        AWS + "c_Aggregate_Functions.html",
        "any_value avg count listagg max median min percentile_cont percentile_disc stddev stddev_samp stddev_pop sum "
        "variance var_samp var_pop",
    ),
    _listed(AWS + "c_bitwise_aggregate_functions.html", "bit_and bit_or bool_and bool_or"),
    _listed(
        AWS + "hyperloglog-functions.html", "hll hll_cardinality hll_combine hll_combine_sketches hll_create_sketch"
    ),
    _listed(AWS + "r_GROUP_BY_aggregation-extensions.html", "grouping grouping_id"),
    _listed(
        AWS + "c_Window_functions.html",
        "cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank ratio_to_report "
        "row_number",
    ),
    _listed(AWS + "c_conditional_expressions.html", "coalesce decode greatest least nullif nvl nvl2"),
    _listed(
        AWS + "String_functions_header.html",
        "ascii bpcharcmp btrim bttext_pattern_cmp char_length character_length charindex chr collate concat crc32 "
        "difference initcap left len length lower lpad ltrim octet_length octetindex position quote_ident "
        "quote_literal regexp_count regexp_instr regexp_replace regexp_substr repeat replace replicate reverse right "
        "rpad rtrim soundex split_part strpos strtol substr substring textlen translate trim upper",
    ),
    _listed(
        AWS + "Math_functions.html",
        "abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees dexp dlog1 dlog10 exp floor ln log mod pi pow "
        "power radians random round sign sin sqrt tan to_hex trunc",
    ),
    _listed(
        AWS + "Date_functions_header.html",
        "add_months convert_timezone current_date date_add date_cmp date_cmp_timestamp date_cmp_timestamptz date_diff "
        "date_part date_part_year date_trunc dateadd datediff extract getdate interval_cmp last_day months_between "
        "next_day sysdate timeofday timestamp_cmp timestamp_cmp_date timestamp_cmp_timestamptz timestamptz_cmp "
        "timestamptz_cmp_date timestamptz_cmp_timestamp timezone to_timestamp trunc",
    ),
    _listed(
        AWS + "r_Data_type_formatting.html",
        f"{_CASTS} convert text_to_int_alt text_to_numeric_alt to_char to_date to_number",
    ),
    _listed(
        AWS + "json-functions.html",
        "can_json_parse is_valid_json is_valid_json_array json_array_length json_extract_array_element_text "
        "json_extract_path_text json_parse json_serialize json_serialize_to_varbyte",
    ),
    _listed(
        AWS + "c_Array_Functions.html",
        "array array_concat array_flatten get_array_length split_to_array subarray",
    ),
    _listed(
        AWS + "c_Type_Info_Functions.html",
        "decimal_precision decimal_scale is_array is_bigint is_boolean is_char is_decimal is_float is_integer "
        "is_object is_scalar is_smallint is_varchar json_size json_typeof",
    ),
    _listed(
        AWS + "Object_Functions.html",
        "get_number_attributes lower_attribute_names object object_transform size upper_attribute_names",
    ),
    _listed(
        AWS + "hash-functions.html",
        "checksum farmfingerprint64 farmhash64 fnv_hash func_sha1 md5 murmur3_32_hash sha sha1 sha2",
    ),
    _listed(AWS + "varbyte-functions.html", "from_hex from_varbyte getbit to_hex to_varbyte"),
)  # fmt: skip

SNOWFLAKE = (
    _listed(
        SNOW + "functions-aggregation",
        "any_value approx_count_distinct approx_percentile approx_percentile_accumulate approx_percentile_combine "
        "approx_percentile_estimate approx_top_k approx_top_k_accumulate approx_top_k_combine approx_top_k_estimate "
        "approximate_count_distinct approximate_jaccard_index approximate_similarity array_agg array_union_agg "
        "array_unique_agg arrayagg avg bit_and_agg bit_or_agg bit_xor_agg bitand_agg bitmap_bit_position "
        "bitmap_bucket_number bitmap_construct_agg bitmap_count bitmap_or_agg bitor_agg bitxor_agg booland_agg "
        "boolor_agg boolxor_agg corr count count_if covar_pop covar_samp grouping grouping_id hash_agg hll "
        "hll_accumulate hll_combine hll_estimate hll_export hll_import kurtosis listagg max max_by median min min_by "
        "minhash minhash_combine mode object_agg objectagg percentile_cont percentile_disc regr_avgx regr_avgy "
        "regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy skew stddev stddev_pop stddev_samp "
        "sum var_pop var_samp variance variance_pop variance_samp",
    ),
    _listed(
        SNOW + "functions-window",
        "conditional_change_event conditional_true_event cume_dist dense_rank first_value lag last_value lead "
        "nth_value ntile percent_rank rank ratio_to_report row_number",
    ),
    _listed(
        SNOW + "expressions-conditional",
        "booland boolnot boolor boolxor coalesce decode equal_null greatest greatest_ignore_nulls iff ifnull "
        "is_null_value least least_ignore_nulls nullif nullifzero nvl nvl2 regr_valx regr_valy zeroifnull",
    ),
    _listed(
        SNOW + "functions-string",
        "ascii base64_decode_binary base64_decode_string base64_encode bit_length char char_length character_length "
        "charindex chr collate collation compress concat concat_ws contains decompress_binary decompress_string "
        "editdistance endswith hex_decode_binary hex_decode_string hex_encode ilike initcap insert "
        "jarowinkler_similarity left len length like lower lpad ltrim md5 md5_binary md5_hex md5_number_lower64 "
        "md5_number_upper64 octet_length parse_ip parse_url position regexp regexp_count regexp_instr regexp_like "
        "regexp_replace regexp_substr regexp_substr_all repeat replace reverse right rlike rpad rtrim rtrimmed_length "
        "sha1 sha1_binary sha1_hex sha2 sha2_binary sha2_hex soundex soundex_p123 space split split_part startswith "
        "strtok strtok_to_array substr substring translate trim try_base64_decode_binary try_base64_decode_string "
        "try_hex_decode_binary try_hex_decode_string unicode upper uuid_string",
    ),
    _listed(
        SNOW + "functions-numeric",
        "abs acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh cot degrees div0 div0null exp factorial floor "
        "haversine ln log mod pi pow power radians round sign sin sinh sqrt square tan tanh trunc truncate "
        "width_bucket bitand bitnot bitor bitshiftleft bitshiftright bitxor bit_and bit_not bit_or bit_shiftleft "
        "bit_shiftright bit_xor getbit",
    ),
    _listed(
        SNOW + "functions-date-time",
        "add_months convert_timezone current_date current_time current_timestamp date date_from_parts date_part "
        "date_trunc dateadd datediff datefromparts day dayname dayofmonth dayofweek dayofweekiso dayofyear extract "
        "getdate hour last_day localtime localtimestamp minute month monthname months_between next_day previous_day "
        "quarter second sysdate systimestamp time time_from_parts time_slice timeadd timediff timefromparts "
        "timestamp_from_parts timestamp_ltz_from_parts timestamp_ntz_from_parts timestamp_tz_from_parts timestampadd "
        "timestampdiff timestampfromparts timestampltzfromparts timestampntzfromparts timestamptzfromparts trunc week "
        "weekiso weekofyear year yearofweek yearofweekiso",
    ),
    _listed(
        SNOW + "functions-conversion",
        f"{_CASTS} to_array to_binary to_boolean to_char to_date to_decimal to_double to_geography to_geometry to_json "
        "to_number to_numeric to_object to_time to_timestamp to_timestamp_ltz to_timestamp_ntz to_timestamp_tz "
        "to_varchar to_variant to_xml try_to_binary try_to_boolean try_to_date try_to_decimal try_to_double "
        "try_to_geography try_to_geometry try_to_number try_to_numeric try_to_time try_to_timestamp "
        "try_to_timestamp_ltz try_to_timestamp_ntz try_to_timestamp_tz",
    ),
    _listed(
        SNOW + "functions-semistructured",
        "array_append array_cat array_compact array_construct array_construct_compact array_contains array_distinct "
        "array_except array_flatten array_generate_range array_insert array_intersection array_max array_min "
        "array_position array_prepend array_remove array_remove_at array_size array_slice array_sort array_to_string "
        "arrays_overlap arrays_to_object arrays_zip as_array as_binary as_boolean as_char as_date as_decimal as_double "
        "as_integer as_number as_object as_real as_time as_timestamp_ltz as_timestamp_ntz as_timestamp_tz as_varchar "
        "check_json check_xml filter flatten get get_ignore_case get_path is_array is_binary is_boolean is_char "
        "is_date is_date_value is_decimal is_double is_integer is_object is_real is_time is_timestamp_ltz "
        "is_timestamp_ntz is_timestamp_tz is_varchar json_extract_path_text map_cat map_contains_key map_delete "
        "map_insert map_keys map_pick map_size object_construct object_construct_keep_null object_delete "
        "object_insert object_keys object_pick parse_json parse_xml reduce strip_null_value transform try_parse_json "
        "typeof xmlget",
    ),
    _listed(SNOW + "functions-hash-scalar", "hash"),
    _listed(SNOW + "functions-table", "generator result_scan split_to_table strtok_split_to_table"),
    _listed(SNOW + "functions-data-generation", "normal random randstr seq1 seq2 seq4 seq8 uniform zipf"),
    _listed(
        SNOW + "functions-geospatial",
        "st_area st_asgeojson st_astext st_aswkt st_azimuth st_centroid st_contains st_coveredby st_covers st_distance "
        "st_dwithin st_geogfromtext st_geographyfromtext st_geographyfromwkt st_geohash st_intersects st_length "
        "st_makeline st_makepoint st_point st_within st_x st_y h3_latlng_to_cell h3_latlng_to_cell_string "
        "h3_point_to_cell h3_point_to_cell_string h3_cell_to_parent h3_cell_to_point",
    ),
    _listed(
        SNOW + "functions-context",
        "current_account current_database current_region current_role current_schema current_session current_user "
        "current_version current_warehouse",
    ),
)

DUCKDB = (
    _listed(
        DUCK + "aggregates",
        "any_value arg_max arg_min avg bool_and bool_or corr count count_if covar_pop covar_samp first last list "
        "listagg max max_by median min min_by mode quantile_cont quantile_disc stddev stddev_pop stddev_samp "
        "string_agg sum var_pop var_samp variance",
    ),
    _listed(
        DUCK + "window_functions",
        "cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number",
    ),
    _listed(DUCK + "overview", f"{_CASTS} coalesce greatest if ifnull least md5 nullif sha256"),
    _listed(
        DUCK + "text",
        "ascii chr concat concat_ws contains ends_with instr left length lower lpad ltrim position regexp_extract "
        "regexp_matches regexp_replace repeat replace reverse right rpad rtrim split_part starts_with string_split "
        "strpos substr substring translate trim unicode upper",
    ),
    _listed(
        DUCK + "numeric",
        "abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees exp floor ln log log10 log2 mod pi pow power "
        "radians round sign sin sqrt tan trunc",
    ),
    _listed(
        DUCK + "timestamp",
        "current_date date_add date_diff date_part date_sub date_trunc datediff day dayofweek dayofyear epoch epoch_ms "
        "extract hour isodow last_day make_date make_timestamp minute month quarter second strftime strptime "
        "to_timestamp week weekofyear year",
    ),
)

POSTGRESQL = (
    _listed(
        POSTGRES + "functions-aggregate.html",
        "array_agg avg bool_and bool_or corr count covar_pop covar_samp every grouping max min mode percentile_cont "
        "percentile_disc stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance",
    ),
    _listed(
        POSTGRES + "functions-window.html",
        "cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number",
    ),
    _listed(POSTGRES + "functions-conditional.html", "cast coalesce greatest least nullif"),
    _listed(
        POSTGRES + "functions-string.html",
        "ascii btrim char_length chr concat concat_ws format initcap left length lower lpad ltrim md5 octet_length "
        "overlay position regexp_match regexp_replace repeat replace reverse right rpad rtrim split_part starts_with "
        "strpos substr substring to_hex translate trim upper",
    ),
    _listed(
        POSTGRES + "functions-math.html",
        "abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees div exp floor ln log log10 mod pi power radians "
        "round sign sin sqrt tan trunc width_bucket",
    ),
    _listed(
        POSTGRES + "functions-datetime.html",
        "age current_date date_bin date_part date_trunc extract make_date make_interval make_time make_timestamp "
        "to_char to_date to_number to_timestamp",
    ),
)

LISTS: Mapping[str, tuple[Listed, ...]] = {
    "duckdb": DUCKDB,
    "postgres": POSTGRESQL,
    "redshift": REDSHIFT,
    "snowflake": SNOWFLAKE,
}
FUNCTIONS: Mapping[str, frozenset[str]] = {
    engine: frozenset(name for listed in lists for name in listed.names) for engine, lists in LISTS.items()
}

_LISTAGG = "listagg(x, ',') within group (order by …)"
_ROW_NUMBER = "row_number() over (partition by … order by …) in a CTE, and take 1"
_COUNT_CASE = "count(case when … then 1 end)"

# engine: function: what does the same there, for the hints of portable.py
INSTEAD: Mapping[str, Mapping[str, str]] = {
    "redshift": {
        **dict.fromkeys(("string_agg", "group_concat", "array_to_string"), _LISTAGG),
        **dict.fromkeys(("array_agg", "list"), _LISTAGG + ", or split_to_array() of it"),
        **dict.fromkeys(("first", "last", "arg_min", "arg_max", "min_by", "max_by"), _ROW_NUMBER),
        **dict.fromkeys(("now", "current_timestamp", "clock_timestamp", "localtimestamp", "current_time"), "getdate()"),
        **dict.fromkeys(("count_if", "countif"), _COUNT_CASE),
        **dict.fromkeys(("generate_series", "generate_subscripts"), "a table of numbers (leader node only)"),
        **dict.fromkeys(("unnest", "flatten"), "from t, t.super_column as x (PartiQL)"),
        "age": "datediff(day, a, b)", "date": "cast(x as date)", "every": "bool_and(x)",
        "date_bin": "date_trunc(…)", "concat_ws": "a || ',' || b", "if": "case when … then … end",
        "iff": "case when … then … end", "ifnull": "nvl(a, b)", "regexp_matches": "regexp_substr(…)",
        "regexp_like": "x ~ 'pattern'", "sha256": "sha2(x, 256)", "to_json": "json_serialize(x)",
        "parse_json": "json_parse(x)", "approx_count_distinct": "approximate count(distinct x)",
        "epoch": "extract(epoch from t)", "make_date": "to_date(…, 'YYYY-MM-DD')",
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
        "bool_or": "boolor_agg(x)", "if": "iff(…)", "strpos": "position('x' in a)",
        "instr": "position('x' in a)", "age": "datediff('day', a, b)", "btrim": "trim(x)", "ceiling": "ceil(x)",
        "list": "array_agg(x)", "date_bin": "time_slice(…)", "make_date": "date_from_parts(y, m, d)",
        "strftime": "to_char(t, 'YYYY-MM-DD')", "sha256": "sha2(x, 256)", "json_parse": "parse_json(x)",
        "date_diff": "datediff('day', a, b)", "to_hex": "hex_encode(x)",
        "epoch": "extract(epoch_second from t)", "log10": "log(10, x)",
    },
}  # fmt: skip
