"""Snowflake's protocol as the driver speaks it."""
