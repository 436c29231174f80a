"""Amazon Redshift, as far as it can be known without a connection.

Pages (docs.aws.amazon.com/redshift/latest/dg/): no indexes, arrays, string_agg, IS DISTINCT FROM, CREATE TABLE IF NOT
EXISTS … AS (c_unsupported-postgresql-*.html, r_CREATE_TABLE_AS.html); CTAS is analysed by itself
(t_Analyzing_tables.html); VARCHAR without a length has 256 bytes; TRUNCATE commits (r_TRUNCATE.html).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from runner.names import PLAIN, Layout
from runner.warehouse.engines import casts
from runner.warehouse.engines.base import Engine

PRIVATE = "runner_look"  # what the temporary tables of a command that only looks begin with
LONGEST_BYTES = 65535  # of a VARCHAR
UNORDERED = ("super", "geometry", "geography", "hllsketch", "varbyte", "json")
EXACT = re.compile(
    r"smallint|integer|bigint|numeric(\(.*\))?|boolean|date|time(stamp)?( with(out)? time zone)?|oid|name",
    re.IGNORECASE,
)
NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double")
TEXTS = ("character", "varchar", "char", "bpchar", "text")


class _Redshift(Engine):
    def literal(self, value: str | float | bool | None) -> str:
        r"""A backslash may or may not escape within '…' here: it is kept out of literals."""
        plain = super().literal
        if not isinstance(value, str) or "\\" not in value:
            return plain(value)
        return f"({' || chr(92) || '.join(plain(part) for part in value.split(chr(92)))})"

    def scratch_table(self, scratch: str, name: str) -> str:
        return f"{PRIVATE}_{name}" if scratch == PRIVATE else super().scratch_table(scratch, name)

    def temporary_table(self, name: str, select: str, layout: Layout = PLAIN) -> str:
        if name.startswith(PRIVATE):
            return f"create temporary table {name} as {select}"
        return f"create table {name} backup no{self._attributes(layout)} as {select}"

    def derived_table(self, name: str, select: str, layout: Layout) -> str:
        return f"create table {name}{self._attributes(layout)} as {select}"

    def _attributes(self, layout: Layout) -> str:
        parts = [f" diststyle {layout.diststyle}"] if layout.diststyle else []
        parts += [f" distkey ({self.quote(layout.distkey)})"] if layout.distkey else []
        parts += [f" sortkey ({', '.join(self.quote(c) for c in layout.sortkey)})"] if layout.sortkey else []
        return "".join(parts)

    def retyped(self, table: str, column: str, type_: str) -> str:
        """Only a VARCHAR's length can be changed (r_ALTER_TABLE.html)."""
        return ""

    def text_up_to(self, length: int) -> str:
        """A VARCHAR is measured in bytes, of which a character has four at most."""
        return f"varchar({min(4 * length, LONGEST_BYTES)})"

    @property
    def now(self) -> str:
        return "getdate()"

    def try_cast(self, value: str, type_: str) -> str:
        return casts.on_redshift(value, type_, self.text_type)

    def text_of(self, column: str, type_: str) -> str:
        if type_ == "super":
            return f"json_serialize({column})"
        if type_.startswith("varbyte"):
            return f"from_varbyte({column}, 'hex')"
        if type_ == "boolean":  # has no cast to a text
            return f"case when {column} then 'true' when not {column} then 'false' end"
        return super().text_of(column, type_)

    def hash_60(self, text: str) -> str:
        return f"strtol(substring(md5({text}), 1, 15), 16)"

    def piece(self, text: str) -> str:
        """One value may be as long as the longest VARCHAR, and beside it nothing would fit."""
        return f"coalesce(md5({text}), '-')"

    def hash_of(self, texts: Sequence[str]) -> str:
        """Of texts in full a row would soon be longer than a VARCHAR can be."""
        return super().hash_of([f"md5({text})" for text in texts])

    def kind(self, type_: str) -> str | None:
        """A text is cast to a number, row by row, and the first that is none ends the statement."""
        return "text" if type_.startswith(TEXTS) else "number" if type_.startswith(NUMBERS) else None

    def _same(self, left: str, right: str) -> str:
        return f"({left} = {right} or ({left} is null and {right} is null))"

    def differs(self, left: str, right: str) -> str:
        return f"(({left} <> {right}) or (({left} is null) <> ({right} is null)))"

    def told_apart(self, column: str, type_: str) -> tuple[str, ...]:
        """Texts that end in blanks are equal to those without, and so are those of both cases in some databases."""
        if type_.startswith(TEXTS):
            return column, f"md5({column})"
        return (self.text_of(column, type_),) if type_ in UNORDERED else super().told_apart(column, type_)

    def any_of(self, column: str, type_: str) -> str:
        return f"any_value({column})"

    def _in_zone(self, tstamp: str, zone: str) -> str:
        return f"convert_timezone('UTC', '{zone}', {tstamp})"

    def seconds_later(self, tstamp: str, seconds: int) -> str:
        return f"dateadd(second, {seconds}, {tstamp})"


REDSHIFT = _Redshift(
    name="redshift",
    title="Redshift",
    default_schema="public",
    tells_rights=True,
    bare_functions=frozenset({"user", "current_role", "current_catalog", "current_schema"}),
    name_bytes=127,
    transactional_ddl=True,
    snapshots=True,
    file_lock=False,
    indexes=False,
    reads_files=False,
    analyze=False,  # CREATE TABLE AS analyses what it makes
    replaces_views=False,
    binds_views=True,
    json_type="super",
    double_type="double precision",
    dots_call=True,
    array_windows=False,  # arrays are SUPER values, and ARRAY_AGG is none of the functions over windows
    infinite_dates=False,
    trial_s=60.0,
    tried_by_runs=False,
    text_type=f"varchar({LONGEST_BYTES})",  # without a length it has 256 bytes
    nested_field="{column}.{field}",
    lenient_tstamp="case when {text} ~ '^[12][0-9]{{3}}-[01][0-9]-[0-3][0-9]' then cast({text} as timestamp) end",
    varying_text=re.compile(r"(?:character varying|varchar)(?:\((\d+)\))?", re.IGNORECASE),
    same_if_equal=EXACT,
    most_columns=1600,
    commits=re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(truncate|vacuum)\b", re.IGNORECASE | re.DOTALL),
    stand_ins=(  # there is no IS NOT DISTINCT FROM
        (re.compile(r"^(character|varchar|char|bpchar|text|name)"), "''"),
        (re.compile(r"^(smallint|integer|bigint|numeric|real|double)"), "0"),
        (re.compile(r"^timestamp"), "timestamp '0001-01-01'"),
        (re.compile(r"^date"), "date '0001-01-01'"),
        (re.compile(r"^boolean"), "false"),
    ),
)
