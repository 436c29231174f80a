"""Engines that SQL is written for, and that nothing here runs on: BigQuery and Databricks.

They are none of ENGINES. Pages: cloud.google.com/bigquery/docs/reference/standard-sql (lexical: names in backticks, a quote
within a text is escaped, doubled it ends the text; data-types: NUMERIC has 9 digits behind the point, BIGNUMERIC 38),
docs.databricks.com/en/sql/language-manual (identifiers, string types: the same; data types).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.warehouse.engines.base import Engine

# So that no quote stands within quotes.
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\u0027", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, kw_only=True)
class _Written(Engine):
    """What only engines that run are asked for is left at no."""

    transactional_ddl: bool = False
    snapshots: bool = False
    file_lock: bool = False
    indexes: bool = False
    reads_files: bool = False
    analyze: bool = False
    replaces_views: bool = True
    array_windows: bool = False
    infinite_dates: bool = False
    text_type: str = "string"

    def quote(self, part: str) -> str:
        return "`" + part.replace("`", "\\`") + "`"

    def literal(self, value: str | float | bool | None) -> str:
        if isinstance(value, str) and "\0" not in value:
            return "'" + value.translate(_ESCAPES) + "'"
        return super().literal(value)


BIGQUERY = _Written(
    name="bigquery",
    title="BigQuery",
    default_schema="derived",
    name_bytes=300,
    json_type="json",
    double_type="float64",
    dashed_databases=True,  # lexical, table names: of projects
    whole_type="bignumeric",
    same_if_equal=re.compile("INT64|STRING|BOOL|DATE|TIMESTAMP"),
    reserved=frozenset(
        (
            "assert_rows_modified at contains cube define enum escape exclude extract groups hash if lookup merge no of"
            " over proto range recursive rollup struct treat unbounded unnest within"
        ).split()
    ),
)
DATABRICKS = _Written(
    name="databricks",
    title="Databricks",
    default_schema="default",
    name_bytes=255,
    json_type="string",
    same_if_equal=re.compile("(TINY|SMALL|BIG)?INT|STRING|BOOLEAN|DATE|TIMESTAMP"),
    reserved=frozenset("anti array lateral semi unnest".split()),
)
