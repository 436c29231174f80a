"""A real PgBouncer before a throw-away Postgres: one port, in session or in transaction mode."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import psycopg

from tests.engines import postgres

START_S = 10.0
# It resets nothing between clients: what one leaves behind, the next one finds.
SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = trust
auth_file = {where}/users
pool_mode = {mode}
server_reset_query =
logfile = {where}/log
"""


class NoPgbouncer(Exception):
    """It is not installed here."""


@contextmanager
def pooler(url: str, mode: str) -> Iterator[str]:
    """The URL of a database, by way of a pooler. Raises NoPgbouncer."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if program is None:
        raise NoPgbouncer("no PgBouncer: apt-get install pgbouncer")
    place, own, where = urlsplit(url), postgres.free_port(), postgres.home()
    with (where / "users").open("w") as users:
        users.write(f'"{place.username}" ""\n')
    file = where / "pgbouncer.ini"
    file.write_text(SETTINGS.format(host=place.hostname, port=place.port, own=own, where=where, mode=mode))
    user = postgres.server_user()
    if user:
        shutil.chown(where, user["user"], user["group"])
    process = subprocess.Popen([program, "--quiet", file], cwd=where, **user)
    try:
        pooled = place._replace(netloc=f"{place.username}@127.0.0.1:{own}").geturl()
        until = time.monotonic() + START_S
        while process.poll() is None and time.monotonic() < until:
            with suppress(psycopg.OperationalError):
                psycopg.connect(pooled).close()
                break
            time.sleep(0.05)
        yield pooled
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(where, ignore_errors=True)
