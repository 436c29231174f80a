"""DuckDB, as far as it can be known without a connection."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.names import TableName
from runner.warehouse.engines.base import Engine
from runner.warehouse.values import FileMark

FUNCTION_NAMES = re.compile(
    r"\b(current_(catalog|date|role|schema|time|timestamp|user)|localtime|localtimestamp|session_user|user)\b",
    re.IGNORECASE,
)

EXACT = re.compile(
    r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|BIGNUM|DECIMAL\(.*?\)|BOOLEAN|DATE|TIME.*?|UUID|BLOB|BIT|JSON|VARCHAR|ENUM\(.*?\))(\[\d*\])*"
)
FLOATS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True, kw_only=True)
class _DuckDB(Engine):
    """`database` is the name that the open database has; '' before one is open."""

    database: str = ""

    def table(self, name: TableName) -> str:
        """With its database: `shop.orders` means something else in a file called shop.duckdb."""
        full = name.within(self.default_schema).parts
        parts = (self.database, *full) if self.database and len(full) < 3 else full
        return ".".join(self.quote(part) for part in parts)

    def schema(self, name: str) -> str:
        return f"{self.quote(self.database)}.{self.quote(name)}" if self.database else self.quote(name)

    def comment_of(self, view: TableName) -> str:
        schema, name = (self.literal(part) for part in view.within(self.default_schema).parts[-2:])
        where = f"database_name = current_database() and schema_name = {schema} and view_name = {name}"
        return f"select comment from duckdb_views() where {where}"

    def matches(self, text: str, pattern: str) -> str:
        return f"regexp_matches({text}, {self.literal(pattern)})"

    def hash_60(self, text: str) -> str:
        return f"(md5_number_lower({text}) >> 4)"

    def told_apart(self, column: str, type_: str) -> tuple[str, ...]:
        """A text may have a collation, which no catalogue names; where it has none, `encode` costs nothing."""
        if type_ == "VARCHAR":
            return column, f"encode({column})"
        if type_ in FLOATS:
            return column, f"signbit({column})"
        if _kind_of(type_):  # the column itself tells what its value is
            return column, super().text_of(column, type_)
        return super().told_apart(column, type_)

    def try_cast(self, value: str, type_: str) -> str:
        """A float becomes a whole number by way of an exact one: its halves would go to even ones."""
        inner = super().try_cast(value, "decimal(38, 9)") if type_ == "bigint" else value
        return super().try_cast(inner, type_)

    def or_null(self, value: str) -> str:
        return f"try({value})"

    def operand(self, value: str) -> str:
        return f"cast({value} as hugeint)"

    def text_of(self, column: str, type_: str) -> str:
        """With what a value of several types is: 1 and '1' have one text."""
        kind, text = _kind_of(type_), super().text_of(column, type_)
        return f"(cast({kind}({column}) as varchar) || ':' || {text})" if kind else text

    def names_function(self, expression: str) -> bool:
        return bool(FUNCTION_NAMES.search(expression))

    def distinct_count(self, array: str) -> str:
        return f"len(list_distinct({array}))"

    def dates(self, select: str, first: str, last: str, relation: str) -> str:
        number = f"cast(unnest(range(0, ({last}) - ({first}) + 1)) as integer)"
        return f"select {f'{select}, ' if select else ''}{first} + {number} as date from {relation}"

    def files(self, marks: tuple[FileMark, ...]) -> str:
        texts = any(re.search(r"\.(csv|tsv)(\.\w+)?$", mark.path, re.IGNORECASE) for mark in marks)
        listed = ", ".join(self.literal(mark.path) for mark in marks)
        return f"{'read_csv' if texts else 'read_parquet'}([{listed}], union_by_name=true)"


def _kind_of(type_: str) -> str:
    """The function that tells what a value of several types is; '' for other types."""
    return {"VARIANT": "variant_typeof", "UNION": "union_tag"}.get(type_.partition("(")[0], "")


DUCKDB = _DuckDB(
    name="duckdb",
    title="DuckDB",
    default_schema="main",
    transactional_ddl=True,
    snapshots=True,
    file_lock=True,  # one read-write process per file
    row_id="rowid",
    skips_blocks=True,  # zone maps, and filters that a join pushes down to the scan
    indexes=False,  # ART indexes slow down bulk deletes and are not used for joins; zone maps find the rows
    reads_files=True,
    analyze=False,
    replaces_views=True,
    counts_at_once=True,
    json_type="json",
    array_windows=True,
    infinite_dates=True,
    same_if_equal=EXACT,
    inexact=(("DOUBLE", 9), ("FLOAT", 6)),
    boolean_max="max",
    boolean_min="min",
)
