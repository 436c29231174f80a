"""The incremental algebra: the SQL of an increment, as text; nothing in here runs a statement."""
