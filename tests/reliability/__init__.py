"""The promise under attack."""
