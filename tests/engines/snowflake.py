"""A Snowflake emulator for tests, and clients of it.

`server` runs tests/engines/emulator on a port of the loopback, `database` makes a database there and gives its URL.
The emulator needs a venv of its own, since fakesnow cannot be installed beside snowflake-connector-python 5. It is
found in this order:

1. the python at RUNNER_TEST_SNOWFLAKE_PYTHON;
2. a venv in the user's cache folder, built at the first use (half a minute), once for all processes.

The server ends with this process: it reads a pipe of which we hold the other end.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import snowflake.connector

from tests.engines.postgres import free_port
from tests.kit import ROOT

PACKAGES = ("fakesnow[server]==0.12.1", "snowflake-connector-python<5", "sqlglot[c]", "httptools")
START_S = 60.0
MODULE = "tests.engines.emulator"
SETTINGS: dict[str, Any] = {
    "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
    "TIMEZONE": "UTC",
}


PASSWORD = "RUNNER_TEST_SNOWFLAKE_PASSWORD"


class NoSnowflake(Exception):
    """No way to an emulator here; the text says why."""


@dataclass(frozen=True)
class Server:
    """A running emulator."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def control(self, what: str, **values: Any) -> Any:
        """Ask the emulator itself: `sessions`, `locks`, `queries`, `state`; or tell it: `faults`, `public_key` …"""
        body = json.dumps(values).encode() if values else None
        address = f"http://127.0.0.1:{self.port}/runner/{what}"
        asked = urllib.request.Request(address, data=body, method="POST" if values else "GET")
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(asked, timeout=60) as answer:
            return json.load(answer)

    def url(self, database: str, **options: str) -> str:
        """The URL of one of its databases."""
        given = {"host": "127.0.0.1", "port": str(self.port), "protocol": "http", "warehouse": "wh", "role": "sysadmin"}
        query = "&".join(f"{name}={value}" for name, value in {**given, **options}.items())
        return f"snowflake://runner:${{{PASSWORD}}}@emulator/{database}/public?{query}"


def environment() -> Path:
    """The python of the emulator's venv, which is built if it is not there; else NoSnowflake."""
    given = os.environ.get("RUNNER_TEST_SNOWFLAKE_PYTHON")
    if given:
        return Path(given)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sql-model-runner"
    venv = home / f"fakesnow-0.12.1-py{sys.version_info.major}.{sys.version_info.minor}"
    python, ready = venv / "bin" / "python", venv / "ready"
    if ready.exists():
        return python
    try:
        home.mkdir(parents=True, exist_ok=True)
        with (home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready.exists():  # nobody else built it while we waited
                shutil.rmtree(venv, ignore_errors=True)
                build(venv)
                ready.touch()  # last, so that a half-built one is never used
    except OSError as error:
        raise NoSnowflake(f"no venv for the Snowflake emulator in {home}: {error}") from None
    return python


def build(venv: Path) -> None:
    """The venv with fakesnow in it."""
    steps = (
        [sys.executable, "-m", "venv", str(venv)],
        [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
            raise NoSnowflake(f"no venv for the Snowflake emulator: {' '.join(step[1:4])} failed: {last}")


@contextmanager
def server(patience: float = 45.0) -> Iterator[Server]:
    """An emulator until the end of the block; `patience` is how long it keeps a client waiting for an answer."""
    python = environment()
    os.environ.setdefault(PASSWORD, "none")  # any will do; no URL may have one written in it
    with tempfile.TemporaryDirectory(prefix="runner_snowflake_") as folder:
        log = Path(folder) / "log"
        running = started(python, log, patience)
        try:
            yield running
        finally:
            stop(running.process)


def started(python: Path, log: Path, patience: float) -> Server:
    """The emulator, when it answers."""
    port = free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "FAKESNOW_PUBLIC_KEY") if name in os.environ}
    kept["PYTHONPATH"] = str(ROOT)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [python, "-P", "-u", "-m", MODULE, str(port), "--patience", str(patience)],
            stdin=subprocess.PIPE, stdout=out, stderr=out, env=kept, cwd=log.parent, start_new_session=True,
        )  # fmt: skip
    found = Server(port, process, log)
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            found.control("state")
            return found
        time.sleep(0.05)
    stop(process)
    raise NoSnowflake(f"the Snowflake emulator did not start: {log.read_text(errors='replace').strip()[-2000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the emulator; what it held is thrown away."""
    process.kill()
    process.communicate()  # closes the pipe, too


@contextmanager
def database(on: Server, name: str) -> Iterator[str]:
    """The URL of a new database with the schema PUBLIC, dropped at the end."""
    with closing(on.url("")) as admin:
        admin.cursor().execute(f"create database {name}")
    try:
        yield on.url(name)
    finally:
        with closing(on.url("")) as admin:
            admin.cursor().execute(f"drop database if exists {name}")


def connect(url: str, **options: Any) -> snowflake.connector.SnowflakeConnection:
    """A client of its own for who looks from outside, in autocommit; whoever asks closes it."""
    parts = urlsplit(url)
    folders = [part for part in parts.path.split("/") if part]
    given: dict[str, Any] = dict(parse_qsl(parts.query))
    given |= dict(zip(("database", "schema"), folders, strict=False)) if len(folders) > 1 else {}
    password = {} if "authenticator" in {**given, **options} else {"password": parts.password or "none"}
    settings = {**SETTINGS, **options.pop("session_parameters", {})}
    arguments = {"autocommit": True, "enable_server_session_keep_alive_auto_detection": False, **password, **given}
    return snowflake.connector.connect(
        account=parts.hostname, user=parts.username, session_parameters=settings, **{**arguments, **options}
    )


@contextmanager
def closing(url: str, **options: Any) -> Iterator[snowflake.connector.SnowflakeConnection]:
    """The same, closed at the end."""
    connection = connect(url, **options)
    try:
        yield connection
    finally:
        connection.close()
