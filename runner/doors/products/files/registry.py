"""Schemas of an Iglu registry that is asked over HTTP, one request a schema that is referred to.

A static registry and an Iglu Server have them below /schemas, the server below /api/schemas, too.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from runner.doors.products.files.documents import entry, text_of
from runner.doors.products.values import Uri
from runner.errors import BadInput, Place, Problems
from runner.files import json
from runner.files.yaml import Node

SECONDS = 10.0  # for one schema
LARGEST = 4_000_000  # bytes of one schema; Iglu Central's largest has 60,000
_URL = re.compile(r"https?://[^\s?#]+")


class _Unreachable(Exception):
    """The registry does not answer, or not as one."""


@dataclass
class Registry:
    """One registry, by its URL."""

    url: str
    limit_s: float = SECONDS
    _failed: bool = field(default=False)

    @staticmethod
    def is_url(text: str) -> bool:
        return bool(_URL.fullmatch(text))

    def __str__(self) -> str:
        return self.url

    def fetched(self, uri: Uri, problems: Problems) -> Node | None:
        """A schema, or None where the registry has none of it; no answer is a problem, told once."""
        if self._failed:
            return None
        base = self.url.rstrip("/").removesuffix("/schemas")
        path = f"schemas/{uri.vendor}/{uri.name}/jsonschema/{uri.version}"
        bases = [base] if base.endswith("/api") else [base, f"{base}/api"]
        try:
            for address in (f"{one}/{path}" for one in bases):
                text = _get(address, self.limit_s)
                if text is not None:
                    return _schema(text, address, uri, problems)
        except _Unreachable as error:
            self._failed = True
            hint = f"it was asked for {uri}; try: curl {bases[0]}/{path}"
            problems.add(Place(), f"the registry {self.url} cannot be asked: {error}", hint)
        return None


def _get(address: str, limit_s: float) -> str | None:
    """What stands at an address; None for a 404."""
    from urllib.error import HTTPError  # here, since most commands ask no registry
    from urllib.request import Request, urlopen

    until = time.monotonic() + limit_s
    try:
        request = Request(address, headers={"Accept": "application/json"})  # noqa: S310  (http or https: see _URL)
        with urlopen(request, timeout=limit_s) as answer:  # noqa: S310
            parts: list[bytes] = []
            while part := answer.read1(65536):
                parts.append(part)
                if time.monotonic() > until:
                    raise _Unreachable(f"no whole answer within {limit_s:g} seconds")
                if sum(map(len, parts)) > LARGEST:
                    raise _Unreachable(f"an answer of more than {LARGEST:,} bytes")
    except HTTPError as error:
        error.close()
        if error.code == 404:
            return None
        keyed = "; it wants a key: download its schemas into a folder" if error.code in (401, 403) else ""
        raise _Unreachable(f"it answers {error.code} {error.reason}{keyed}") from None
    except TimeoutError:
        raise _Unreachable(f"no answer within {limit_s:g} seconds") from None
    except (OSError, HTTPException, ValueError) as error:
        raise _Unreachable(str(getattr(error, "reason", error)) or type(error).__name__) from None
    return b"".join(parts).decode("utf-8", "replace")


def _schema(text: str, address: str, uri: Uri, problems: Problems) -> Node | None:
    """A registry's answer as a schema; a page that is none is no schema of this registry."""
    path = Path(address.partition("://")[2])
    try:
        tree = json.parse(text, path, own := Problems())
    except BadInput:
        raise _Unreachable(f"what it has at {address} is no JSON") from None
    parts = [text_of(entry(tree, "self", name)) for name in ("vendor", "name", "version")]
    if parts != [uri.vendor, uri.name, str(uri.version)]:
        raise _Unreachable(f"what it has at {address} is another schema, or none")
    for problem in own.found:
        problems.add(problem.place, problem.what, problem.hint)
    return tree
