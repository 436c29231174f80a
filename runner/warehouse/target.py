"""Where a warehouse is: a target URL, as SQLAlchemy writes them, taken apart once.

It means what it means to `sqlalchemy.engine.make_url` (a test compares both), but for two things. What cannot be read
whole is refused, since a piece of a password would be taken for a host. And the path of a DuckDB file stands as it is:
nothing in it is encoded.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from runner.files.schema import Wrong
from runner.secrets import looks_secret

SCHEMES = {  # how a URL begins → its engine
    "duckdb": "duckdb",
    "postgres": "postgres",
    "postgresql": "postgres",
    "postgresql+psycopg": "postgres",
    "redshift": "redshift",
    "redshift+redshift_connector": "redshift",
    "snowflake": "snowflake",
}
EXAMPLES = {
    "duckdb": "duckdb:///file.duckdb",
    "postgres": "postgresql://user:${PGPASSWORD}@host:5432/database",
    "redshift": "redshift://user:${REDSHIFT_PASSWORD}@host:5439/database",
    "snowflake": "snowflake://user:${SNOWFLAKE_PASSWORD}@account/database/schema?warehouse=WH",
}
DUCKDB_OPTIONS = ("memory_limit", "threads", "temp_directory")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://")
# The user's part is atomic: it is not read otherwise because something after it cannot be read.
_SERVER = re.compile(
    r"""(?>(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?)
    (?:\[(?P<address>[^/?\]]+)\]|(?P<host>[^/:?@]+))?
    (?::(?P<port>\d+))?
    (?:/(?P<database>[^?]*))?
    (?:\?(?P<query>.*))?""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_LOCAL = re.compile(r"(?:(?:localhost|127(?:\.\d+){3}|::1)(?::\d*)?|[/@].*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """A warehouse that a URL names; an empty part is as good as one that is not there."""

    engine: str
    url: str = field(repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: int | None = None
    database: str = ""  # of DuckDB the path of its file, absolute; "" or ":memory:" for none
    query: tuple[tuple[str, str | tuple[str, ...]], ...] = field(default=(), repr=False)
    """What stands after `?`, decoded; a name that is given several times has several values."""

    @classmethod
    def parse(cls, url: str, folder: Path) -> Target:
        """A relative DuckDB file lies in `folder`. Raises Wrong, which never shows the URL: it may hold secrets."""
        scheme = _SCHEME.match(url)
        if scheme is None:
            hint = "such as duckdb:///web.duckdb or postgresql://user:${PGPASSWORD}@host/database"
            raise Wrong("must be a URL", hint)
        engine = SCHEMES.get(scheme[1].lower())
        if engine is None:
            what = f"is for {scheme[1].lower()!r}, which is not an engine that this version knows"
            raise Wrong(what, ", ".join(EXAMPLES.values()))
        rest = url[scheme.end() :]
        return _duckdb(rest, folder) if engine == "duckdb" else _server(engine, url, rest)

    @property
    def shown(self) -> str:
        """The target as it may be shown: no password, no options."""
        return display(self.url)

    def named(self, *, database: str = "database") -> dict[str, Any]:
        """Its parts, under the names that drivers have for them; those that are empty are left out."""
        parts = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            database: self.database,
        }
        return {name: part for name, part in parts.items() if part}

    def may_go_in_the_clear(self, option: str, env: Mapping[str, str]) -> bool:
        """Whether its host is another machine, and neither it nor libpq's environment says `option`."""
        query = dict(self.query)
        if not option or "service" in query or query.get(option) or env.get(f"PG{option.upper()}"):
            return False
        given = query.get("hostaddr") or query.get("host") or self.host or env.get("PGHOST", "")
        hosts = given if isinstance(given, tuple) else given.split(",")
        return not all(_LOCAL.fullmatch(host) for host in hosts)

    @property
    def options(self) -> Mapping[str, Any]:
        """What stands after `?`, as the driver's own arguments: `true`, numbers and JSON lists are read as such.

        The drivers have too many (IAM, single sign-on, proxies) to list them: each is passed on under its own name.
        """
        return {
            name: value if isinstance(value, tuple) or looks_secret(name) else _typed(value)
            for name, value in self.query
        }


def display(url: str) -> str:
    """A target URL as it may be shown, whether or not it can be read: no password, no options."""
    head, _, options = url.partition("?")
    user = r"^([\w+.-]+://[^:/]*):"
    if "@" in options and "@" not in head:  # a ? in the password or an @ in the options: who can tell?
        shown = re.sub(f"{user}.*", r"\1", head, flags=re.DOTALL)
    else:
        shown = re.sub(f"{user}.*@", r"\1@", head, flags=re.DOTALL)
    return re.sub(r"^duckdb:///", "", shown) or "memory"


def _server(engine: str, url: str, rest: str) -> Target:
    found = _SERVER.fullmatch(rest)
    if found is None:
        hint = f"{EXAMPLES[engine]}; written out, an @ in a password is %40 and a % is %25"
        raise Wrong("has a host or port that cannot be read", hint)
    return Target(
        engine,
        url,
        user=unquote(found["user"] or ""),
        password=unquote(found["password"] or ""),
        host=found["address"] or found["host"] or "",
        port=int(found["port"]) if found["port"] else None,
        database=unquote(found["database"] or ""),
        query=_query(found["query"] or ""),
    )


def _duckdb(rest: str, folder: Path) -> Target:
    path, question, parameters = rest.partition("?")
    query = _query(parameters)
    for name, value in query:
        if name not in DUCKDB_OPTIONS or isinstance(value, tuple):
            what = (
                f"gives {name} twice" if name in DUCKDB_OPTIONS else f"has {name}, which is no option of a DuckDB URL"
            )
            raise Wrong(what, "duckdb:///web.duckdb?memory_limit=2GB&threads=2&temp_directory=/scratch")
    if path not in ("", "/:memory:"):
        if not path.startswith("/"):
            raise Wrong("must have three slashes before a relative path", "write duckdb:///file.duckdb; four: absolute")
        if path.endswith("/"):
            raise Wrong("names no file", "write duckdb:///file.duckdb, or duckdb:///:memory:")
        path = f"/{os.path.normpath(folder / path[1:])}"
    return Target("duckdb", f"duckdb://{path}{question}{parameters}", database=path[1:], query=query)


def _query(text: str) -> tuple[tuple[str, str | tuple[str, ...]], ...]:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(text):
        values.setdefault(name, []).append(value)
    return tuple((name, tuple(found) if len(found) > 1 else found[0]) for name, found in values.items())


def _typed(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.isascii() and text.isdigit() and not (len(text) > 1 and text.startswith("0")):
        return int(text)
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


MEMORY = Target("duckdb", "duckdb:///:memory:", database=":memory:")
