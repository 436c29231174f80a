"""A Snowflake emulator for tests: fakesnow's translation to DuckDB, behind Snowflake's own rules.

It runs in a venv of its own (see tests/engines/snowflake.py), as `python -P -m tests.engines.emulator PORT [--patience
SECONDS]` with the repository on PYTHONPATH, and ends when its standard input does. From fakesnow come the translation
of SQL and SHOW; what fakesnow does otherwise than Snowflake is done here:

* `server`: logins as the driver 5 sends them, a password or a key pair whose JWT is verified; statements, also
  asynchronous ones; cancelling; what tests ask of the emulator itself;
* `sessions`: a statement is answered by a command of ours, or by its plan. DDL commits, an error leaves the transaction
  open, BEGIN within one is ignored; READ COMMITTED: DuckDB's snapshot is taken anew (the transaction's statements are
  run again) before a statement if another session committed meanwhile;
* `translation`: names are compared exactly, temporary tables and AT (TIMESTAMP => …) put in their place, the time is
  the statement's;
* `account`: locks, which UPDATE, DELETE, MERGE and TRUNCATE hold to the end of the transaction, with LOCK_TIMEOUT;
  the catalogue; the past, with retention.

No statement ends in an HTTP error, because the driver would try it again for a long time.
"""
