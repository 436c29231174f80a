"""A Redshift for tests before a Postgres: what it does to the conversation."""
