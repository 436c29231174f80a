"""Snowflake, as far as it can be known without a connection.

Pages (docs.snowflake.com/en/): every DDL statement commits the open transaction (sql-reference/transactions); unquoted
names are in upper case (sql-reference/identifiers-syntax); a backslash escapes within '…' (sql-reference/data-types-text).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from runner.names import PLAIN, Layout, TableName, turned
from runner.warehouse.engines.base import Engine

PRIVATE = "runner_look"  # what the temporary tables of a command that only looks begin with
NESTED = ("VARIANT", "OBJECT", "ARRAY", "MAP")
UNORDERED = ("GEOGRAPHY", "GEOMETRY", "VECTOR")
TEXTS = ("VARCHAR", "TEXT", "STRING", "CHAR")
NUMBERS = ("NUMBER", "FLOAT", "DECFLOAT")
EXACT = re.compile(r"(NUMBER|VARCHAR|BOOLEAN|DATE|TIME|TIMESTAMP_NTZ|TIMESTAMP_LTZ|BINARY)(\([\d, ]+\))?")


class _Snowflake(Engine):
    def quote(self, part: str) -> str:
        return '"' + turned(part).replace('"', '""') + '"'

    def column(self, name: str) -> str:
        """Names of one case are those that are written without quotes, whichever case it is."""
        return self.quote(name.lower() if name.isupper() else name)

    def literal(self, value: str | float | bool | None) -> str:
        return super().literal(value.replace("\\", "\\\\") if isinstance(value, str) else value)

    def scratch_table(self, scratch: str, name: str) -> str:
        if scratch == PRIVATE:
            return f"{self.schema(self.default_schema)}.{PRIVATE}_{name}"
        return super().scratch_table(scratch, name)

    def temporary_table(self, name: str, select: str, layout: Layout = PLAIN) -> str:
        kind = "temporary" if f".{PRIVATE}_" in name else "transient"
        return f"create {kind} table {name} as {select}"

    def derived_table(self, name: str, select: str, layout: Layout) -> str:
        cluster = f" cluster by ({', '.join(self.quote(c) for c in layout.cluster_by)})" if layout.cluster_by else ""
        return f"create {'transient ' if layout.transient else ''}table {name}{cluster} as {select}"

    def comment_of(self, view: TableName) -> str:
        schema, name = (self.literal(turned(part)) for part in view.within(self.default_schema).parts[-2:])
        return f"select comment from information_schema.views where table_schema = {schema} and table_name = {name}"

    @property
    def now(self) -> str:
        return "sysdate()"

    def try_cast(self, value: str, type_: str) -> str:
        """TRY_CAST takes texts only; a time's text may have lost its last digits, so that it tells no more than whether."""
        if type_ == self.text_type:
            return f"cast({value} as {type_})"
        return f"case when try_cast(cast({value} as varchar) as {type_}) is not null then cast({value} as {type_}) end"

    def text_of(self, column: str, type_: str) -> str:
        return f"to_json({column})" if type_.startswith(NESTED) else super().text_of(column, type_)

    def matches(self, text: str, pattern: str) -> str:
        return f"regexp_like({text}, {self.literal(pattern)})"

    def hash_60(self, text: str) -> str:
        return f"bitshiftright(md5_number_lower64({text}), 4)"

    def piece(self, text: str) -> str:
        """One value may be as long as the longest VARCHAR, and beside it nothing would fit."""
        return f"coalesce(md5({text}), '-')"

    def hash_of(self, texts: Sequence[str]) -> str:
        return super().hash_of([f"md5({text})" for text in texts])

    def kind(self, type_: str) -> str | None:
        """A text is cast to a number, row by row, and the first that is none ends the statement."""
        return "text" if type_.startswith(TEXTS) else "number" if type_.startswith(NUMBERS) else None

    def _same(self, left: str, right: str) -> str:
        return f"equal_null({left}, {right})"

    def told_apart(self, column: str, type_: str) -> tuple[str, ...]:
        """A cast of a text keeps its collation."""
        if type_.startswith("VARCHAR") and "COLLATE" in type_:
            return column, f"to_binary({column}, 'UTF-8')"
        nested = type_.startswith((*NESTED, *UNORDERED))
        return (self.text_of(column, type_),) if nested else super().told_apart(column, type_)

    def any_of(self, column: str, type_: str) -> str:
        return f"any_value({column})"

    def _in_zone(self, tstamp: str, zone: str) -> str:
        return f"convert_timezone('UTC', '{zone}', {tstamp})"

    def seconds_later(self, tstamp: str, seconds: int) -> str:
        return f"dateadd(second, {seconds}, {tstamp})"

    def days_later(self, date: str, days: str) -> str:
        return f"cast(dateadd(day, {days}, {date}) as date)"


SNOWFLAKE = _Snowflake(
    name="snowflake",
    title="Snowflake",
    default_schema="public",  # until a session says which one is its own
    name_bytes=255,
    transactional_ddl=False,
    snapshots=False,
    file_lock=False,
    skips_blocks=True,  # micro-partitions are pruned by what a join finds on its other side
    indexes=False,
    reads_files=False,
    analyze=False,
    replaces_views=True,
    json_type="variant",
    whole_type="number(38, 0)",
    array_windows=False,  # ARRAY_AGG takes no frame
    infinite_dates=False,
    trial_s=60.0,
    tried_by_runs=False,
    timestamp_type="timestamp_ntz",
    nested_field="{column}:{field}",
    lenient_tstamp="try_to_timestamp_ntz({text})",
    varying_text=re.compile(r"(?:VARCHAR|TEXT)(?:\((\d+)\))?", re.IGNORECASE),
    same_if_equal=EXACT,
    inexact=(("FLOAT", 9),),
    instant_type="timestamp_ltz",
    boolean_max="boolor_agg",
    boolean_min="booland_agg",
    keeps_names=True,  # sql-reference/udf-overview: names of built-ins are refused
    commits=re.compile(
        r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(create|drop|alter|undrop|comment|grant|revoke|use|execute|call)\b",
        re.IGNORECASE | re.DOTALL,
    ),
    stand_ins=(  # a correlated subquery joins by equality only
        (re.compile(r"^(VARCHAR|TEXT|STRING|CHAR)"), "''"),
        (re.compile(r"^(NUMBER|FLOAT|DECFLOAT)"), "0"),
        (re.compile(r"^TIMESTAMP_NTZ"), "timestamp '0001-01-01 00:00:00'"),
        (re.compile(r"^DATE"), "date '0001-01-01'"),
        (re.compile(r"^BOOLEAN"), "false"),
    ),
)
