"""The server between redshift_connector and Postgres, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.engines import postgres
from tests.engines.shim.prepared import SUPER_USER, prepared
from tests.engines.shim.refusals import Fault
from tests.engines.shim.session import Session

READY_S = 10.0


@dataclass
class _Strike:
    """An error that the next `times` statements like `pattern` get."""

    pattern: re.Pattern[str]
    fault: Fault
    times: int


class Shim:
    """The server between redshift_connector and Postgres; `server` makes one."""

    def __init__(self, pg: postgres.Server, tls: tuple[Path, Path] | None, isolation: str) -> None:
        self.pg, parts = pg, urlsplit(pg.url)
        self.behind = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self.isolation = isolation
        self.tls: ssl.SSLContext | None = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.port = 0
        self.seen: list[str] = []
        """Every statement that a client had run, in its own words; appended to by the shim's thread only."""
        self._strikes: list[_Strike] = []
        self._lock = threading.Lock()
        self._sessions: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._template: str | None = None
        self._made = ExitStack()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="redshift", daemon=True)

    def fail(self, pattern: str, message: str, times: int = 1, code: str = "XX000") -> None:
        """The next statements that match get this error from the server, and are not run.

        What comes after ` DETAIL: ` is the error's detail, as in `1023 DETAIL: Serializable isolation violation on …`.
        A COMMIT that fails has rolled back.
        """
        main, _, detail = message.partition(" DETAIL: ")
        with self._lock:
            self._strikes.append(_Strike(re.compile(pattern, re.IGNORECASE), Fault(code, main, detail), times))

    def forget(self) -> None:
        """As if nothing had been seen, and nothing were to fail."""
        with self._lock:
            self.seen.clear()
            self._strikes.clear()

    def struck(self, text: str) -> Fault | None:
        """The error that this statement gets by `fail`, if any."""
        with self._lock:
            for strike in self._strikes:
                if strike.times > 0 and strike.pattern.search(text):
                    strike.times -= 1
                    return strike.fault
        return None

    def template(self) -> str:
        """A database with what Redshift has and Postgres has not, to copy; made once."""
        with self._lock:
            if self._template is None:
                name = f"redshift_{os.getpid()}_{self.port}"
                url = self._made.enter_context(postgres.database(self.pg, name))
                with psycopg.connect(url, autocommit=True) as admin:
                    for statement in prepared(self.isolation, bool(admin.execute(SUPER_USER).fetchall()[0][0])):
                        admin.execute(statement.encode())
                self._template = name
            return self._template

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        if not self._ready.wait(READY_S):
            raise RuntimeError("the Redshift shim did not start")

    def stop(self) -> None:
        """Close every connection and the port."""
        if self._loop is not None and self._over is not None:
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(READY_S)
        self._made.close()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        listening = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        listening.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await Session(self, reader, writer).run()
        finally:
            self._sessions.discard(task)
