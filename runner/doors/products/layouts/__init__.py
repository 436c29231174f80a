"""How loaders lay out the events: one value a layout, in a module of its engine; the SELECT asks it for its SQL."""

from __future__ import annotations

from collections.abc import Mapping

from runner.doors.products.layouts.base import EVENTS, ORDER, SPECIFICATIONS, EventLayout
from runner.doors.products.layouts.bigquery import RECORDS
from runner.doors.products.layouts.databricks import STRUCTS
from runner.doors.products.layouts.documents import DocumentLayout
from runner.doors.products.layouts.duckdb import JSON, STRUCT
from runner.doors.products.layouts.postgres import POSTGRES_TABLES
from runner.doors.products.layouts.redshift import REDSHIFT_TABLES
from runner.doors.products.layouts.snowflake import LAKE, OBJECTS
from runner.doors.products.layouts.stored import Stored
from runner.doors.products.layouts.tables import TableLayout

LAYOUTS: Mapping[str, tuple[DocumentLayout | TableLayout, ...]] = {  # by engine; the first is its default
    layouts[0].engine.name: layouts
    for layouts in ((JSON, STRUCT), (POSTGRES_TABLES,), (REDSHIFT_TABLES,), (OBJECTS, LAKE), (RECORDS,), (STRUCTS,))
}

__all__ = ["EVENTS", "LAYOUTS", "ORDER", "SPECIFICATIONS", "DocumentLayout", "EventLayout", "Stored", "TableLayout"]
