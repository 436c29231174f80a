"""Redshift for tests: the real redshift_connector talks to a real Postgres through a small server in between.

`server` runs that server on a port of the loopback, in a thread of its own; `database` makes a database behind it and
gives its URL. What it does to the conversation, so that what works here has a chance to work on Redshift:

* start-up parameters that only Redshift knows are dropped; TLS if a certificate is given;
* Redshift's own words are taken out or put into Postgres' (`REWRITES`), and what Redshift has not is refused, although
  Postgres would take it (`REFUSALS`). Texts, quoted names and comments are never touched;
* every transaction has the isolation of the database, whatever a BEGIN asks for (r_BEGIN.html), and Postgres' 40001 is
  Redshift's error 1023;
* TRUNCATE commits the transaction it runs in (r_TRUNCATE.html);
* keys are not enforced (t_Defining_constraints.html), and TEXT is VARCHAR(256) (r_Character_types.html).

It says nothing about Redshift's planner, limits, locks on whole tables, or types of its own: only Redshift can.
Pages are of docs.aws.amazon.com/redshift/latest/dg/; "absent" means that the syntax on that page has no such clause.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
import redshift_connector

from tests.engines import postgres

PAGES = "https://docs.aws.amazon.com/redshift/latest/dg/"
TLS_REQUEST, GSS_REQUEST, CANCEL = 80877103, 80877104, 80877102
KEPT = {"user", "database", "application_name", "options", "client_encoding", "DateStyle", "TimeZone"}
VERSION = b"8.0.2"  # what Redshift says it is; redshift_connector counts rows by it
BEHIND = "RUNNER_TEST_REDSHIFT_"  # environment: with a shim's port, the URL of the Postgres behind it
RAISES = "do $shim$ begin raise exception 'shim'; end $shim$"  # fails where it is run, not where it is parsed
READY_S = 10.0
CLOSE_S = 1.0

# While a statement is read, its opaque parts are one private character each: texts, quoted names, comments.
TEXTS, NAMES, COMMENTS = range(0xF0000, 0xFC000), range(0xFC000, 0xFFFFE), range(0x100000, 0x10FFFE)
HIDDEN = re.compile("[\U000f0000-\U0010fffd]")
OPENS = re.compile(r"'|\"|--|/\*|(?<![\w$])\$(?:[A-Za-z_]\w*)?\$")
TEXT_ENDS = re.compile(r"(?:[^'\\]|\\.|'')*'?", re.DOTALL)  # a backslash escapes in Redshift
NAME_ENDS = re.compile(r'(?:[^"]|"")*"?')
LINE_ENDS = re.compile(r"[^\n]*")
BLOCK_PART = re.compile(r"/\*|\*/")
SPACES = "[\\s\U00100000-\U0010fffd]"


def _sql(pattern: str) -> re.Pattern[str]:
    r"""A pattern for a statement with its opaque parts hidden: `\s` takes comments too, `~` is a name."""
    spaces = pattern.replace(r"\s", SPACES)
    return re.compile(spaces.replace("~", "(?:\\w+|[\U000fc000-\U000ffffd])"), re.IGNORECASE | re.DOTALL)


def _word(pattern: re.Pattern[str]) -> str:
    """What a statement must contain for the pattern to be worth a search, which takes 100 times as long."""
    found = re.match(r"(?:\^\\s\*|\\b|\\\))([a-z_]{2,})(?![a-z_|?*])", pattern.pattern.replace(SPACES, r"\s"))
    return found[1] if found else ""


@dataclass(frozen=True)
class Fault:
    """An error as the server sends it."""

    code: str
    message: str
    detail: str = ""
    hint: str = ""

    def body(self) -> bytes:
        """The fields of an ErrorResponse; an internal error has the place in Redshift's source that is seen in reports."""
        fields = {"S": "ERROR", "C": self.code, "M": self.message, "D": self.detail, "H": self.hint}
        if self.code == "XX000":
            fields |= {"F": "/home/ec2-user/padb/src/sys/xen_execute.cpp", "L": "9797", "R": "pg_throw"}
        return b"".join(f"{key}{value}\0".encode() for key, value in fields.items() if value) + b"\0"


# Seen in github.com/aws/aws-sdk-pandas/issues/665, there too through redshift_connector.
CONFLICT = Fault(
    "XX000",
    "1023",
    "Serializable isolation violation on table - 100, transactions forming the cycle are: 327, 328 (pid:19017)",
)


@dataclass(frozen=True)
class Refusal:
    """What Redshift has not: how it is written, what is said of it, where that is documented."""

    pattern: re.Pattern[str]
    what: str
    page: str
    code: str = "0A000"

    def fault(self) -> Fault:
        """The error."""
        page = self.page if self.page.startswith(("http", "[")) else PAGES + self.page
        return Fault(self.code, self.what if self.code != "0A000" else f"{self.what} is not supported", hint=page)


_FUNCTIONS, _FEATURES = "c_unsupported-postgresql-functions.html", "c_unsupported-postgresql-features.html"
_TYPES, _SELECT, _FROM = "c_unsupported-postgresql-datatypes.html", "r_SELECT_synopsis.html", "r_FROM_clause30.html"
_INSERT, _MERGE, _CREATE, _ALTER = "r_INSERT_30.html", "r_MERGE.html", "r_CREATE_TABLE_NEW.html", "r_ALTER_TABLE.html"
_SETTINGS = "cm_chap_ConfigurationRef.html"
_FOREIGN_TYPES = r"(?:jsonb?|uuid|bytea|xml|money|hstore|inet|cidr|(?:small|big)?serial)"
_ARRAY = r"\s*(?:\([^()]*\)\s*)?\[\s*\d*\s*\]"
_CREATES_TABLE = r"^\s*create\s+(?:(?:local\s+)?temp(?:orary)?\s+)?table\b"
_OTHER_SETTING = r"(?:lock_timeout|idle_\w+_timeout|client_connection_check_interval|tcp_keepalives_\w+)"

REFUSALS = tuple(
    Refusal(_sql(pattern), *rest)
    for pattern, *rest in (
        (r"\bstring_agg\s*\(", "STRING_AGG", _FUNCTIONS),
        (r"\barray_agg\s*\(", "ARRAY_AGG", _FUNCTIONS),
        (r"\bpg_(?:try_)?advisory_\w+\s*\(", "an advisory lock function", _FUNCTIONS),
        (r"\bis\s+(?:not\s+)?distinct\s+from\b", "IS DISTINCT FROM", _FUNCTIONS),
        (r"\b(?:generate_series|generate_subscripts)\s*\(", "GENERATE_SERIES", _FUNCTIONS),  # but on the leader alone
        (r"\b(?:clock|transaction)_timestamp\s*\(", "CLOCK_TIMESTAMP", _FUNCTIONS),
        (r"^\s*(?:savepoint|release|rollback\s+to)\b", "SAVEPOINT", _FUNCTIONS),
        (r"\barray\s*\[", "an array constructor", _FEATURES),
        (r"\barray\s*\(\s*(?:select|with)\b", "ARRAY(SELECT ...)", "r_array.html"),  # array(1, 2) makes a SUPER
        (r"\(\s*values\b|^\s*values\b", "a VALUES list used as a constant table", _FEATURES),
        (r"^\s*create\s+(?:unique\s+)?index\b", "CREATE INDEX", _FEATURES),
        (r"\bcheck\s*\(", "a CHECK constraint", _FEATURES),
        (r"::\s*" + _FOREIGN_TYPES, "this data type", _TYPES),
        (r"::\s*\w+" + _ARRAY, "an array type", _TYPES),
        (r"\bas\s+" + _FOREIGN_TYPES + r"\s*\)", "this data type", _TYPES),
        (_CREATES_TABLE + r"[^()]*\((?:[^()]|\([^()]*\))*\s" + _FOREIGN_TYPES + r"(?:\s|,|\))", "this column type", _TYPES),
        (_CREATES_TABLE + r"(?!.*\bas\s*\(?\s*(?:select|with)\b).*\s\w+" + _ARRAY, "a column of an array type", _TYPES),
        (r"->", "an operator of the type JSON", _TYPES),
        (r"\)\s*filter\s*\(\s*where\b", "FILTER (WHERE ...)", "https://github.com/jazzband/django-redshift-backend/pull/74"),
        (r"\bselect\s+distinct\s+on\b", "SELECT DISTINCT ON", "r_SELECT_list.html"),  # absent; its words: github.com/jakob/Postico/issues/420
        (r"\blateral\b", "LATERAL", _FROM),  # absent
        (r"\bfor\s+(?:no\s+key\s+)?(?:key\s+)?(?:update|share)\b", "SELECT FOR UPDATE", _SELECT),  # absent
        (r"\bfetch\s+(?:first|next)\b.*\b(?:only|ties)\b", "FETCH FIRST", "r_ORDER_BY_clause.html"),  # absent
        (r"\bstarts_with\s*\(", "STARTS_WITH", "https://github.com/tobymao/sqlglot/pull/3194"),
        (r"\bto_reg\w+\s*\(", "TO_REGCLASS", "[not verified] Redshift is made from Postgres 8.0, which has it not"),
        (r"\bon\s+conflict\b", "ON CONFLICT", "https://github.com/jazzband/django-redshift-backend/issues/102"),
        (r"^\s*(?:with|insert|update|delete|merge)\b.*\breturning\b", "RETURNING", _INSERT + " [not verified] absent"),
        (r"^\s*create\s+unlogged\b", "UNLOGGED", _CREATE),  # absent
        (_CREATES_TABLE + r".*\)\s*on\s+commit\b", "ON COMMIT", _CREATE),  # absent
        (_CREATES_TABLE + r"\s+if\s+not\s+exists\b.*\bas\s*\(?\s*(?:select|with)\b", "CREATE TABLE IF NOT EXISTS ... AS", "r_CREATE_TABLE_AS.html"),
        (_CREATES_TABLE + r".*\bwith\s+(?:no\s+)?data\b", "WITH NO DATA", "r_CREATE_TABLE_AS.html"),  # absent
        (r"^\s*alter\s+table\b.*\badd\b.*,\s*add\b", "more than one column in an ALTER TABLE", "c_redshift-sql-implementated-differently.html"),
        (r"^\s*alter\s+table\b.*\bcolumn\s+if\s+(?:not\s+)?exists\b", "IF [NOT] EXISTS of a column", _ALTER + " [not verified]"),
        (r"^\s*(?:set|show|reset)\s+(?:(?:session|local)\s+)?" + _OTHER_SETTING, "unrecognized configuration parameter", _SETTINGS + " [not verified]", "42704"),
        # MERGE INTO target USING source [[AS] alias] ON ... WHEN MATCHED THEN ... WHEN NOT MATCHED THEN INSERT ...
        (r"\bmerge\s+into\b.*?\busing\s*\(", "MERGE from a subquery", _MERGE),
        (r"^\s*with\b.*\bmerge\s+into\b", "MERGE with a WITH clause", _MERGE),
        (r"\bmerge\s+into\s+(?:~\s*\.\s*){0,2}~\s+(?!using\b)", "an alias of MERGE's target", _MERGE),
        (r"\bmerge\s+into\b.*\bmatched\s+(?:and|by)\b", "MERGE with a condition in WHEN", _MERGE),
        (r"\bmerge\s+into\b.*\bthen\s+do\s+nothing\b", "MERGE with DO NOTHING", _MERGE),
        (r"\bmerge\s+into\b.*\bwhen\s+matched\b.*\bwhen\s+matched\b", "MERGE with WHEN MATCHED twice", _MERGE),
        (r"\bmerge\s+into\b(?=.*\bwhen\b)(?!.*\bwhen\s+matched\b.*\bwhen\s+not\s+matched\b)", "MERGE without WHEN MATCHED ... WHEN NOT MATCHED", _MERGE),
    )
)  # fmt: skip

WORDS = tuple((_word(refusal.pattern), refusal) for refusal in REFUSALS)


def _rewrites(*pairs: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    return tuple((_word(_sql(pattern)), _sql(pattern), to) for pattern, to in pairs)


_OWN_SETTING = (
    r"(?:query_group|wlm_query_slot_count|enable_result_cache_for_session|enable_case_sensitive_\w+"
    r"|error_on_nondeterministic_update|enable_numeric_rounding|json_serialization_\w+|\w+_super_null_on_error"
    r"|downcase_delimited_identifier|describe_field_name_in_uppercase|analyze_threshold_percent)\b"
)
REWRITES = _rewrites(
    (r"\bsysdate\b", "(localtimestamp)"),
    (r"\bsuper\b", "jsonb"),
    (r"\bnvl\s*\(", "coalesce("),
    (r"\bformat_type\s*\(", "redshift_type("),
    (r"\b(dateadd|datediff|date_part)\s*\(\s*(\w+)\s*,", r"\1('\2',"),  # the unit needs no quotes there
    (r"\b(n?varchar|character\s+varying)\s*\(\s*max\s*\)", "varchar(65535)"),
    (r"(::\s*|\bas\s+)(?:numeric|decimal)\b(?!\s*\()", r"\1numeric(18,0)"),
    (r"^(\s*(?:set|show|reset)\s+(?:(?:session|local)\s+)?)(" + _OWN_SETTING + ")", r"\1redshift.\2"),
)
ATTRIBUTES = _rewrites(  # of a table and its columns
    (r"\bdiststyle\s+(?:all|even|key|auto)\b", ""),
    (r"\bdistkey\b(?:\s*\(\s*~\s*\))?", ""),
    (r"\b(?:(?:compound|interleaved)\s+)?sortkey\b(?:\s+auto\b|\s*\([^()]*\))?", ""),
    (r"\bencode\s+(?:auto|raw|az64|bytedict|delta(?:32k)?|lzo|mostly(?:8|16|32)|runlength|text(?:255|32k)|zstd)\b", ""),
    (r"\bbackup\s+(?:yes|no)\b", ""),
)
COLUMNS = _rewrites(  # types by their defaults in Redshift; keys, which are only information there
    (r"(\s)(?:text|n?varchar|character\s+varying)\b(?!\s*\()", r"\1varchar(256)"),
    (r"(\s)(?:numeric|decimal)\b(?!\s*\()", r"\1numeric(18,0)"),
    (r"(?:\bgenerated\s+by\s+default\s+as\s+)?\bidentity\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)",
     r"generated by default as identity (start with \1 increment by \2)"),
    (r"\breferences\s+~(?:\s*\.\s*~)?(?:\s*\([^()]*\))?", ""),
    (r",\s*(?:constraint\s+~\s+)?(?:primary\s+key|unique|foreign\s+key)\s*\([^()]*\)", ""),
    (r"\bprimary\s+key\b(?!\s*\()", "not null"),
    (r"\bunique\b(?!\s*\()", ""),
)  # fmt: skip
DEFINES = _sql(r"^\s*(?:create|alter)\b")
DEFINES_COLUMNS = _sql(rf"{_CREATES_TABLE}(?!.*\bas\s*\(?\s*(?:select|with)\b)|^\s*alter\s+table\b.*\badd\b")
BEGINS = _sql(r"^(\s*(?:begin(?:\s+(?:work|transaction))?|start\s+transaction))\b")
LEVEL = _sql(r"\bisolation\s+level\s+(?:serializable|repeatable\s+read|read\s+(?:un)?committed)\b")
SETS_LEVEL = _sql(r"^\s*set\b")
COMMITS = _sql(r"^\s*(?:commit|end)\b")
TRUNCATES = _sql(r"^\s*truncate\b")


@dataclass(frozen=True)
class Statement:
    """One statement: as the client wrote it, as Postgres gets it."""

    text: str
    upstream: str
    refused: Fault | None
    commits: bool
    truncates: bool


@lru_cache(maxsize=4096)
def translated(text: str, isolation: str) -> Statement:
    """A statement in Postgres' words."""
    code, hidden = _hide(text)
    lower = code.lower()
    for word, refusal in WORDS:
        if word in lower and refusal.pattern.search(code):
            return Statement(text, RAISES, refusal.fault(), commits=False, truncates=False)
    commits, truncates = bool(COMMITS.match(code)), bool(TRUNCATES.match(code))
    if BEGINS.match(code):
        code = BEGINS.sub(rf"\1 isolation level {isolation}", LEVEL.sub("", code))
    elif SETS_LEVEL.match(code):
        code = LEVEL.sub(f"isolation level {isolation}", code)
    rules = REWRITES
    if DEFINES.match(code):
        rules = (*ATTRIBUTES, *(COLUMNS if DEFINES_COLUMNS.match(code) else ()), *rules)
    for word, pattern, to in rules:
        if word in lower:
            code = pattern.sub(to, code)
    shown = HIDDEN.sub(lambda found: hidden.get(found[0], found[0]), code)
    return Statement(text, shown, None, commits, truncates)


def _hide(text: str) -> tuple[str, dict[str, str]]:
    """The statement with every text, quoted name and comment as one private character, and what these stand for."""
    hidden: dict[str, str] = {}
    places = {kind: iter(kind) for kind in (TEXTS, NAMES, COMMENTS)}
    parts, at = [], 0
    while opened := OPENS.search(text, at):
        end, kind = _closed(text, opened[0], opened.end())
        place = next(places[kind], None)
        if place is None:  # more than fit: what is left goes as it is
            break
        parts += [text[at : opened.start()], chr(place)]
        hidden[chr(place)] = text[opened.start() : end]
        at = end
    return "".join([*parts, text[at:]]), hidden


def _closed(text: str, opened: str, at: int) -> tuple[int, range]:
    """Where an opaque part ends that has begun before `at`, and which kind it is."""
    if opened == "--":
        return _end(LINE_ENDS, text, at), COMMENTS
    if opened == "/*":
        depth = 1
        for part in BLOCK_PART.finditer(text, at):
            depth += 1 if part[0] == "/*" else -1
            if not depth:
                return part.end(), COMMENTS
        return len(text), COMMENTS
    if opened == '"':
        return _end(NAME_ENDS, text, at), NAMES
    if opened == "'":
        return _end(TEXT_ENDS, text, at), TEXTS
    closing = text.find(opened, at)
    return (len(text) if closing < 0 else closing + len(opened)), TEXTS


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


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
                await _Session(self, reader, writer).run()
        finally:
            self._sessions.discard(task)


class _Session:
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


SUPER_USER = b"select usesuper from pg_user where usename = current_user"
FUNCTIONS = (  # name and arguments, result, language and how it behaves, body
    ("getdate()", "timestamp", "sql stable", "select date_trunc('second', statement_timestamp()::timestamp)"),
    ("redshift_type(oid, integer)", "text", "sql stable", """
        select case when $1 = 'text'::regtype or ($1 = 'varchar'::regtype and $2 = -1) then 'character varying(256)'
            when $1 = 'numeric'::regtype and $2 = -1 then 'numeric(38,10)' else format_type($1, $2) end"""),
    ("len(text)", "integer", "sql immutable strict", "select length($1)"),
    ("nvl2(anyelement, anycompatible, anycompatible)", "anycompatible", "sql immutable",
     "select case when $1 is not null then $2 else $3 end"),
    ("strtol(digits text, base integer)", "bigint", "plpgsql immutable strict", """
        declare known text := left('0123456789abcdefghijklmnopqrstuvwxyz', base); total numeric := 0; digit text;
        begin
          if base = 16 and digits ~ '^[0-9a-fA-F]{1,15}$' then  -- what nearly all calls are
            return ('x' || lpad(digits, 16, '0'))::bit(64)::bigint;
          end if;
          foreach digit in array string_to_array(lower(ltrim(digits, '-')), null) loop
            if strpos(known, digit) = 0 then
              raise exception 'The input % is not valid to be converted to base %', digits, base;
            end if;
            total := total * base + strpos(known, digit) - 1;
          end loop;
          return case when digits like '-%' then -total else total end;
        end"""),
    ("json_extract_path_text(text, variadic text[])", "varchar", "sql immutable",
     "select pg_catalog.json_extract_path_text($1::json, variadic $2::text[])"),
    ("json_extract_array_element_text(text, integer)", "varchar", "sql immutable",
     "select case when $2 >= 0 then $1::json ->> $2 end"),
    ("is_valid_json(text)", "boolean", "plpgsql immutable strict",
     "begin return $1::json is not null; exception when others then return false; end"),
    ("is_valid_json_array(text)", "boolean", "plpgsql immutable strict",
     "begin return json_typeof($1::json) = 'array'; exception when others then return false; end"),
    ("json_extract_array_element_text(text, integer, boolean)", "varchar", "plpgsql immutable", """
        begin return case when $2 >= 0 then $1::json ->> $2 end;
        exception when invalid_text_representation then if $3 then return null; end if; raise; end"""),
    *((f"json_extract_path_text(text, {'text, ' * depth}boolean)", "varchar", "plpgsql immutable", f"""
        begin return pg_catalog.json_extract_path_text($1::json, {', '.join(f'${n + 2}' for n in range(depth))});
        exception when invalid_text_representation then if ${depth + 2} then return null; end if; raise; end""")
      for depth in range(1, 6)),
    ("json_parse(text)", "jsonb", "sql immutable strict", "select $1::jsonb"),
    ("json_serialize(jsonb)", "varchar", "sql immutable strict", "select $1::text"),
    ("dateadd(unit text, many bigint, at timestamp)", "timestamp", "sql immutable strict", """
        select at + many * case when unit like 'q%' then interval '3 months' else ('1 ' || unit)::interval end"""),
    ("datediff(unit text, since timestamp, until timestamp)", "bigint", "plpgsql immutable strict", """
        begin
          return case
            when unit in ('year', 'years', 'yr', 'y') then date_part('year', until) - date_part('year', since)
            when unit in ('quarter', 'quarters', 'qtr') then 4 * (date_part('year', until) - date_part('year', since))
              + date_part('quarter', until) - date_part('quarter', since)
            when unit in ('month', 'months', 'mon') then 12 * (date_part('year', until) - date_part('year', since))
              + date_part('month', until) - date_part('month', since)
            when unit in ('day', 'days', 'd') then until::date - since::date
            when unit in ('hour', 'hours', 'hr', 'h', 'minute', 'minutes', 'min', 'm', 'second', 'seconds', 'sec', 's')
              then extract(epoch from date_trunc(unit, until) - date_trunc(unit, since))
                / extract(epoch from ('1 ' || unit)::interval)
            else ('no such unit here: ' || unit)::bigint  -- an error: weeks begin where we do not know
            end;
        end"""),
)  # fmt: skip
VIEWS = (
    ("stv_sessions", """
        select backend_start at time zone 'UTC' as starttime, pid as process, usename::text::char(50) as user_name,
               datname::text::char(50) as db_name, 0 as timeout_sec
        from pg_stat_activity where backend_type = 'client backend'"""),
    ("stv_db_isolation_level", """
        select datname::text::char(128) as db_name, '{isolation}'::char(20) as isolation_level
        from pg_database where datname = current_database()"""),
    ("svv_columns", """
        select table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable,
               data_type, character_maximum_length, numeric_precision, numeric_scale, datetime_precision
        from information_schema.columns"""),
)  # fmt: skip


def prepared(isolation: str, superuser: bool) -> Iterator[str]:
    """What makes an empty Postgres database look like one of Redshift: functions and system views."""
    home = "pg_catalog" if superuser else "public"  # found whatever the search path, where we may
    if superuser:
        yield "set allow_system_table_mods = on"
    for head, result, how, body in FUNCTIONS:
        yield f"create function {home}.{head} returns {result} language {how} as $body$ {body} $body$"
    level = "Serializable" if isolation == "serializable" else "Snapshot Isolation"
    for name, query in VIEWS:
        yield f"create view {home}.{name} as {query.replace('{isolation}', level)}"
        yield f"grant select on {home}.{name} to public"
