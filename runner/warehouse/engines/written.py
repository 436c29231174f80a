"""Engines that SQL is written for, and that nothing here runs on: BigQuery and Databricks.

They are none of ENGINES. Pages: cloud.google.com/bigquery/docs/reference/standard-sql (lexical: names in backticks, a quote
within a text is escaped, doubled it ends the text; data-types: NUMERIC has 9 digits behind the point, BIGNUMERIC 38),
docs.databricks.com/en/sql/language-manual (identifiers, string types: the same; data types).
"""

from __future__ import annotations

import re

from runner.warehouse.engines.base import Engine

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\u0027", "\n": "\\n", "\r": "\\r"}
)  # so that no quote stands within quotes


class _Written(Engine):
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
    transactional_ddl=False,
    snapshots=False,
    file_lock=False,
    indexes=False,
    reads_files=False,
    analyze=False,
    replaces_views=True,
    json_type="json",
    array_windows=False,
    infinite_dates=False,
    text_type="string",
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
    transactional_ddl=False,
    snapshots=False,
    file_lock=False,
    indexes=False,
    reads_files=False,
    analyze=False,
    replaces_views=True,
    json_type="string",
    array_windows=False,
    infinite_dates=False,
    text_type="string",
    same_if_equal=re.compile("(TINY|SMALL|BIG)?INT|STRING|BOOLEAN|DATE|TIMESTAMP"),
    reserved=frozenset("anti array lateral semi unnest".split()),
)
