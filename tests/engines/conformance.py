"""The conformance suite: which tests run on all four engines, and what an engine truly lacks.

The same tests with the same bodies for every engine. A test that an engine cannot pass is listed here with the reason,
as a strict xfail: it fails the suite when it begins to pass. Environment: RUNNER_TEST_CONFORMANCE=all takes the modules
of `MORE` too.
"""

from __future__ import annotations

import os

import pytest

# Modules whose tests on `warehouse_url` run on all engines: the commands, strategies and flags, the state.
MODULES = {"test_run", "test_commands", "test_state", "test_shapes", "test_semantic_formulas"}
MORE = {"test_vanished", "test_rebuilds", "test_affected", "test_tables"}
if os.environ.get("RUNNER_TEST_CONFORMANCE") == "all":
    MODULES |= MORE

_ONE_TYPE = "Snowflake has one type of whole numbers: INTEGER and BIGINT are NUMBER(38, 0)"
_COLUMNS = "DDL commits on Snowflake: a table's columns cannot change within the publish, so the run stops and says so"
_VARCHAR = "Redshift's ALTER COLUMN … TYPE changes the length of a VARCHAR only"
_QUOTED = "a quoted name in lower case is another column than the unquoted one on Snowflake"
LACKS: dict[tuple[str, str], str] = {
    ("redshift", "test_a_source_column_that_changes_its_type"): _VARCHAR,
    ("snowflake", "test_a_source_column_that_changes_its_type"): _ONE_TYPE,
    ("snowflake", "test_a_table_with_rows_that_is_not_ours"): _COLUMNS,
    ("snowflake", "test_a_type_that_changes"): _COLUMNS,
    ("snowflake", "test_a_definition_that_differs_in_quotes_only"): _QUOTED,
}


def mark(item: pytest.Item) -> None:
    """Mark a test that its engine cannot pass."""
    function = getattr(item, "originalname", item.name)
    engine = getattr(getattr(item, "callspec", None), "params", {}).get("warehouse_url", "")
    if reason := LACKS.get((engine, function)):
        item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
