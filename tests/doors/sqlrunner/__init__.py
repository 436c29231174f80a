"""The drop-in for SQL Runner."""
