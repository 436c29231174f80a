"""From a statement of Snowflake to a plan: statements of DuckDB, and what is to be known of them."""
