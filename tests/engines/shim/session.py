"""One connection through the shim: what the client sends and the server answers, message by message."""

from __future__ import annotations

import asyncio
import contextlib
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.engines.shim.refusals import CONFLICT, Fault
from tests.engines.shim.rewrites import RAISES, Statement, translated

if TYPE_CHECKING:
    from tests.engines.shim.shim import Shim

TLS_REQUEST, GSS_REQUEST, CANCEL = 80877103, 80877104, 80877102
KEPT = {"user", "database", "application_name", "options", "client_encoding", "DateStyle", "TimeZone"}
VERSION = b"8.0.2"  # what Redshift says it is; redshift_connector counts rows by it
CLOSE_S = 1.0
CREATES_DATABASE = re.compile(r"\s*create\s+database\s", re.IGNORECASE)


class Session:
    """One connection: the client's side and the server's."""

    def __init__(self, shim: Shim, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._shim = shim
        self._reader, self._writer = reader, writer
        self._up_reader: asyncio.StreamReader
        self._up_writer: asyncio.StreamWriter | None = None
        self._statements: dict[bytes, Statement] = {}
        self._unused: set[bytes] = set()  # parsed and noted, not yet bound
        # what the statement under way is to come to; until the server is ready for the next
        self._fault: Fault | None = None
        self._truncates = False
        self._own_parses = 0  # parsed for us, not for the client
        self._committing = False

    async def run(self) -> None:
        """From the first byte to the last."""
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                first = await self._start()
                self._up_reader, self._up_writer = await asyncio.open_connection(*self._shim.behind)
                self._up_writer.write(first)
                sides = [asyncio.create_task(self._asks()), asyncio.create_task(self._answers())]
                try:
                    await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for side in sides:
                        side.cancel()
                    await asyncio.gather(*sides, return_exceptions=True)
        finally:
            for writer in (self._up_writer, self._writer):
                await _close(writer)

    async def _start(self) -> bytes:
        """The first message to the server; a request for TLS before it is answered here."""
        while True:
            head = await self._reader.readexactly(8)
            size, code = struct.unpack("!ii", head)
            body = await self._reader.readexactly(size - 8)
            if code == CANCEL:
                return head + body
            if code not in (TLS_REQUEST, GSS_REQUEST):
                break
            encrypts = code == TLS_REQUEST and self._shim.tls is not None
            self._writer.write(b"S" if encrypts else b"N")
            await self._writer.drain()
            if encrypts and self._shim.tls is not None:
                await self._writer.start_tls(self._shim.tls)
        words = body.rstrip(b"\0").split(b"\0")
        given = {key: value for key, value in zip(words[::2], words[1::2], strict=False) if key.decode() in KEPT}
        given = {
            b"TimeZone": b"UTC",
            **given,
            b"default_transaction_isolation": self._shim.isolation.encode(),
            b"standard_conforming_strings": b"off",  # as in Postgres 8.0: a backslash escapes
            b"escape_string_warning": b"off",
        }
        out = b"".join(key + b"\0" + value + b"\0" for key, value in given.items()) + b"\0"
        return struct.pack("!ii", len(out) + 8, code) + out

    async def _asks(self) -> None:
        """What the client sends."""
        assert self._up_writer is not None
        await _pass(self._reader, self._up_writer, b"PBQC", self._asked)

    async def _answers(self) -> None:
        """What the server sends."""
        await _pass(self._up_reader, self._writer, b"1CESZ", self._answered)

    def _asked(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"Q":
            statement = self._read(body[:-1])
            return _message(b"Q", self._run(statement).encode() + b"\0")
        if kind == b"P":
            name, sql, rest = body.split(b"\0", 2)
            self._statements[name] = statement = self._read(sql)
            self._unused.add(name)
            return _message(b"P", b"\0".join((name, statement.upstream.encode(), rest)))
        if kind == b"C":
            if body[:1] == b"S":
                self._statements.pop(body[1:-1], None)
            return _message(kind, body)
        portal, name, _ = body.split(b"\0", 2)
        bound = self._statements.get(name)
        if bound is None:
            return _message(kind, body)
        if name not in self._unused:  # the driver keeps what it has once parsed
            self._shim.seen.append(bound.text)
        self._unused.discard(name)
        text = self._run(bound)
        if text == bound.upstream:
            return _message(kind, body)
        self._own_parses += 1
        if not name:
            self._statements.pop(name)
        return _message(b"P", b"\0" + text.encode() + b"\0\0\0") + _message(b"B", portal + b"\0\0" + bytes(6))

    def _read(self, sql: bytes) -> Statement:
        statement = translated(sql.decode(), self._shim.isolation)
        if CREATES_DATABASE.match(statement.upstream):  # every one has what Redshift has
            statement = replace(statement, upstream=f"{statement.upstream} template {self._shim.template()}")
        self._shim.seen.append(statement.text)
        return statement

    def _run(self, statement: Statement) -> str:
        """What the server gets to run, now that the client wants this run."""
        struck = self._shim.struck(statement.text)
        self._fault = struck or statement.refused
        self._truncates = statement.truncates and self._fault is None
        if struck is None:
            return statement.upstream
        return "rollback" if statement.commits else RAISES

    def _answered(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"Z":
            return self._is_ready(body)
        if kind == b"E":
            return _message(kind, self._error(body))
        if kind == b"S" and body.startswith(b"server_version\0"):
            return _message(kind, b"server_version\0" + VERSION + b"\0")
        if kind == b"1" and self._own_parses:
            self._own_parses -= 1
            return b""
        if kind == b"C":
            if self._committing:
                return b""
            if self._fault is not None and body == b"ROLLBACK\0":
                return _message(b"E", self._fault.body())
            if body.startswith(b"SELECT "):
                return _message(kind, b"SELECT\0")  # Postgres 8.0 counts no rows there
        return _message(kind, body)

    def _is_ready(self, status: bytes) -> bytes:
        self._fault, self._own_parses, self._committing = None, 0, False
        if self._truncates and status == b"T":
            assert self._up_writer is not None
            self._truncates, self._committing = False, True
            self._up_writer.write(_message(b"Q", b"commit\0"))
            return b""
        self._truncates = False
        return _message(b"Z", status)

    def _error(self, body: bytes) -> bytes:
        fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
        if fields.get(b"C") == b"40001":
            return CONFLICT.body()
        if self._fault is not None and fields.get(b"C") == b"P0001":
            return self._fault.body()
        fields.pop(b"V", None)  # newer than Postgres 8.0
        return b"".join(key + value + b"\0" for key, value in fields.items()) + b"\0"


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kinds: bytes, change: Callable[[bytes, bytes], bytes]
) -> None:
    """Pass messages on until the end, those of some kinds changed."""
    buffer = bytearray()
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 18):
            buffer += data
            out, kept, at, there = bytearray(), 0, 0, len(buffer)
            while there - at >= 5:
                end = at + 1 + int.from_bytes(buffer[at + 1 : at + 5], "big")
                if end > there:
                    break
                if buffer[at] in kinds:
                    out += buffer[kept:at]
                    out += change(bytes(buffer[at : at + 1]), bytes(buffer[at + 5 : end]))
                    kept = end
                at = end
            out += buffer[kept:at]
            del buffer[:at]
            writer.write(out)
            await writer.drain()


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


async def _close(writer: asyncio.StreamWriter | None) -> None:
    if writer is None:
        return
    writer.close()
    with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.CancelledError):
        await asyncio.wait_for(writer.wait_closed(), CLOSE_S)
    writer.transport.abort()
