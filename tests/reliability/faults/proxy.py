"""A TCP proxy before a real Postgres, which cuts a run's connection at the COMMIT of its publish transaction.

It reads what the client sends (start-up, then type and length; our SQL comes as simple queries) and knows the publish
by its INSERT into `runs`. What happens at its COMMIT is a `Plan`; `landed` is set once nothing of that COMMIT is on
its way any more: from then on the server's answer, if it gave one, is the truth for ever.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

ENCRYPTION = {80877103, 80877104}  # asks for TLS or GSS; answered with one byte, and the start-up comes again
CANCEL = 80877102
PUBLISHES = re.compile(rb"\binsert\s+into\s+\S*\bruns\b.*'published'", re.IGNORECASE | re.DOTALL)
ANSWER_S = 20.0


class Cut(Enum):
    """What happens at the COMMIT."""

    DROP = "the server never gets it; both sides are closed"
    DROP_ANSWER = "the server commits, its answer is thrown away, the client's side is closed"
    LATE = "the client's side is closed at once, the server gets the COMMIT some time later"
    HOLD = "nothing goes either way for a while; then the server gets the COMMIT"
    HOLD_ANSWER = "the server commits, and the client hears nothing for a while"


@dataclass(frozen=True)
class Plan:
    """One cut: at which publish (1 is the first), how late the COMMIT comes or how long nothing goes either way."""

    cut: Cut
    publish: int = 1
    delay_s: float = 0.0
    away_s: float | None = 0.0
    """How long the server cannot be reached afterwards; None: for ever."""
    deaf: bool = False
    """While it holds, new connections (a cancel request, a reconnect) hear nothing either."""
    reset: bool = False
    """The client's side ends with a reset, not in good order."""


class Proxy:
    """Listens on a port of the loopback; passes everything on until a plan is armed and its publish comes by."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sessions: list[_Session] = []
        self._lock = threading.Lock()
        self._closed = False
        self.arm(None)

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self.back.set()
        self.over.set()
        _end(self._listener)
        for session in self._all():
            session.close()

    def url(self, server_url: str) -> str:
        """The URL of a database of the server, through here."""
        parts = urlsplit(server_url)
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        return urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{self.port}"))

    def arm(self, plan: Plan | None) -> None:
        """Cut as planned from now on, once; None: only pass on."""
        self.plan = plan
        self.publishes = 0
        self.answer: str | None = None
        """The server's answer to the cut COMMIT, the tag or the error; None: it never gave one."""
        self.struck, self.landed = threading.Event(), threading.Event()
        self.over = threading.Event()  # a hold has ended
        self.back = threading.Event()  # the server can be reached
        self.back.set()

    def strikes(self) -> Plan | None:
        """Called at the COMMIT of a publish: the plan, if it is for this one."""
        with self._lock:
            self.publishes += 1
            if self.plan is None or self.struck.is_set() or self.publishes != self.plan.publish:
                return None
            if self.plan.away_s != 0:
                self.back.clear()
            self.struck.set()
            return self.plan

    def settle(self) -> None:
        """The last thing about the cut COMMIT has happened."""
        self.over.set()
        self.landed.set()

    def leave(self, but: _Session) -> None:
        """The server goes away: for connections that are open, and for a time also for new ones."""
        plan = self.plan
        if plan is None or plan.away_s == 0:
            return
        for session in self._all():
            if session is not but:
                session.close()
        if plan.away_s is not None:
            timer = threading.Timer(plan.away_s, self.back.set)
            timer.daemon = True
            timer.start()

    def _all(self) -> list[_Session]:
        with self._lock:
            return list(self._sessions)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self.back.is_set() or self._closed:
                _end(client, reset=True)
                continue
            threading.Thread(target=self._open, args=(client,), name="proxy", daemon=True).start()

    def _open(self, client: socket.socket) -> None:
        if self.plan is not None and self.plan.deaf and self.struck.is_set():
            self.over.wait(ANSWER_S)
        try:
            server = socket.create_connection(self._server, ANSWER_S)
        except OSError:
            _end(client)
            return
        server.settimeout(None)
        session = _Session(self, client, server)
        with self._lock:
            self._sessions.append(session)
        threading.Thread(target=session.answers, name="proxy", daemon=True).start()
        session.asks()


class _Session:
    """One connection: the client's side and the server's."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._publishing = False
        self._cut: Plan | None = None
        self._rest = bytearray()  # what the server said after the cut
        self._answered = threading.Event()

    def close(self) -> None:
        """End both sides."""
        _end(self._client)
        _end(self._server)

    def asks(self) -> None:
        """Pass on what the client sends, message by message, until the cut."""
        buffer, started = bytearray(), False
        try:
            while self._cut is None and (data := self._client.recv(65536)):
                buffer += data
                while self._cut is None and (size := _size(buffer, started)):
                    message = bytes(buffer[:size])
                    del buffer[:size]
                    if not started:
                        started = struct.unpack("!I", message[4:8])[0] not in ENCRYPTION
                    elif message[:1] == b"Q" and self._cuts(message):
                        return
                    self._server.sendall(message)
        except OSError:
            pass
        self.close()

    def answers(self) -> None:
        """Pass on what the server sends; after the cut, keep it."""
        try:
            while data := self._server.recv(65536):
                if self._cut is None:
                    self._client.sendall(data)
                    continue
                self._rest += data
                if self._answer(done=False):
                    break
        except OSError:
            pass
        if self._cut is None:
            self.close()
        self._answer(done=True)
        self._answered.set()

    def _cuts(self, message: bytes) -> bool:
        """True if this is the COMMIT to cut; then it is done by a thread of its own."""
        text = message[5:-1]
        word = text.split(None, 1)[0].lower().rstrip(b";") if text.strip() else b""
        if word in (b"begin", b"rollback"):
            self._publishing = False
        self._publishing |= bool(PUBLISHES.search(text))
        if word != b"commit" or not self._publishing:
            return False
        self._publishing = False
        self._cut = self._proxy.strikes()
        if self._cut is None:
            return False
        threading.Thread(target=self._strike, args=(self._cut, message), name="proxy", daemon=True).start()
        return True

    def _strike(self, plan: Plan, commit: bytes) -> None:
        proxy = self._proxy
        proxy.leave(self)
        if plan.cut in (Cut.DROP, Cut.LATE):
            _end(self._client, plan.reset)
        if plan.cut in (Cut.DROP_ANSWER, Cut.HOLD_ANSWER):
            self._deliver(commit)
        if plan.cut in (Cut.LATE, Cut.HOLD, Cut.HOLD_ANSWER):
            proxy.over.wait(plan.delay_s)
            proxy.over.set()
        if plan.cut in (Cut.LATE, Cut.HOLD):
            self._deliver(commit)
        _end(self._client, plan.reset)
        _end(self._server)
        proxy.settle()

    def _deliver(self, commit: bytes) -> None:
        with contextlib.suppress(OSError):  # the runner had this session ended at the server
            self._server.sendall(commit)
            self._answered.wait(ANSWER_S)

    def _answer(self, done: bool) -> bool:
        """Note the server's answer; True once it is whole. A session that was ended before says so on its own."""
        place = 0
        while (size := _size(self._rest[place:], started=True)) > 0:
            kind, body = self._rest[place : place + 1], bytes(self._rest[place + 5 : place + size])
            place += size
            if kind in b"CE" and self._proxy.answer is None:
                self._proxy.answer = body.replace(b"\0", b" ").decode(errors="replace").strip()
            if kind in b"Z":
                return True
        return done


def _size(buffer: bytes | bytearray, started: bool) -> int:
    """The length of the first message, 0 if it is not there in full; before the start-up it has no type."""
    head = 5 if started else 4
    if len(buffer) < head or (not started and len(buffer) < 8):
        return 0
    size: int = struct.unpack("!I", buffer[head - 4 : head])[0] + head - 4
    return size if len(buffer) >= size else 0


def _end(connection: socket.socket, reset: bool = False) -> None:
    """Close a socket that another thread may be reading."""
    with contextlib.suppress(OSError):
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.shutdown(socket.SHUT_RDWR)
    connection.close()
