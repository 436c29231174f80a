"""The engines, each as one pure value: no driver, no connection, no thread."""

from __future__ import annotations

from collections.abc import Mapping

from runner.warehouse.engines.base import Engine
from runner.warehouse.engines.duckdb import DUCKDB
from runner.warehouse.engines.postgres import POSTGRES
from runner.warehouse.engines.redshift import REDSHIFT
from runner.warehouse.engines.snowflake import SNOWFLAKE
from runner.warehouse.engines.written import BIGQUERY, DATABRICKS

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (DUCKDB, POSTGRES, REDSHIFT, SNOWFLAKE)}

__all__ = ["BIGQUERY", "DATABRICKS", "DUCKDB", "ENGINES", "POSTGRES", "REDSHIFT", "SNOWFLAKE", "Engine"]
