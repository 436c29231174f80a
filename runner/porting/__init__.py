"""SQL that goes to more than one engine: what an engine documents and what it does not, and SQL written for another one.

`portable` says what an engine would refuse, from `functions`, `redshift` and `snowflake`; `transpile` turns SQL
of one dialect into another's where every part of it is known to mean the same there.
"""
