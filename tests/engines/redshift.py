"""Redshift for tests: the real redshift_connector talks to a real Postgres through a small server in between.

`server` runs that server on a port of the loopback, in a thread of its own; `database` makes a database behind it and
gives its URL. What it does to the conversation, so that what works here has a chance to work on Redshift:

* start-up parameters that only Redshift knows are dropped; TLS if a certificate is given;
* Redshift's own words are taken out or put into Postgres' (`shim/rewrites`), and what Redshift has not is refused,
  although Postgres would take it (`shim/refusals`). Texts, quoted names and comments are never touched;
* every transaction has the isolation of the database, whatever a BEGIN asks for (r_BEGIN.html), and Postgres' 40001 is
  Redshift's error 1023;
* TRUNCATE commits the transaction it runs in (r_TRUNCATE.html);
* keys are not enforced (t_Defining_constraints.html), and TEXT is VARCHAR(256) (r_Character_types.html).

It says nothing about Redshift's planner, limits, locks on whole tables, or types of its own: only Redshift can.
Pages are of docs.aws.amazon.com/redshift/latest/dg/.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import redshift_connector

from tests.engines import postgres
from tests.engines.shim.shim import Shim

__all__ = ["Shim", "connect", "database", "libpq", "server"]

BEHIND = "RUNNER_TEST_REDSHIFT_"  # environment: with a shim's port, the URL of the Postgres behind it


@contextmanager
def server(
    pg: postgres.Server, *, tls: tuple[Path, Path] | None = None, isolation: str = "repeatable read"
) -> Iterator[Shim]:
    """A Redshift before this Postgres until the end of the block; `tls` is the certificate and its key.

    `repeatable read` is Redshift's SNAPSHOT isolation, `serializable` the other one.
    """
    shim = Shim(pg, tls, isolation)
    shim.start()
    try:
        os.environ[f"{BEHIND}{shim.port}"] = pg.url  # for `libpq`, also in processes started from here
        yield shim
    finally:
        os.environ.pop(f"{BEHIND}{shim.port}", None)
        shim.stop()


@contextmanager
def database(shim: Shim, name: str) -> Iterator[str]:
    """The URL of a new database behind the shim, dropped at the end."""
    with postgres.database(shim.pg, name, shim.template()):
        user = urlsplit(shim.pg.url).username or "postgres"
        how = "ssl=true&sslmode=verify-ca" if shim.tls else "ssl=false"
        yield f"redshift://{user}@127.0.0.1:{shim.port}/{name}?{how}"


def connect(url: str) -> Any:
    """A client for who looks from outside, in autocommit; whoever asks closes it."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    driver = redshift_connector.connect(
        host=parts.hostname, port=parts.port, database=parts.path.strip("/"), user=parts.username,
        password=os.path.expandvars(parts.password or ""), ssl=options.get("ssl", "true") == "true",
        max_prepared_statements=0,  # a kept statement fails when a table changes
    )  # fmt: skip
    driver.autocommit = True
    return driver


def libpq(url: str) -> str:
    """The URL of the same database on the Postgres behind, to look at it from outside."""
    parts = urlsplit(url)
    return postgres.Server(os.environ[f"{BEHIND}{parts.port}"], "behind a shim").database(parts.path.lstrip("/"))
