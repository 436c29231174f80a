"""What a request of the driver holds."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

from tests.engines.emulator.account.account import Account


def account_of(request: Any) -> Account:
    account: Account = request.app.state.account
    return account


async def body_of(request: Any) -> dict[str, Any]:
    raw = await request.body()
    if request.headers.get("content-encoding") == "gzip":
        raw = gzip.decompress(raw)
    found: dict[str, Any] = json.loads(raw) if raw else {}
    return found


def token_of(request: Any) -> str:
    """Whose request it is."""
    found = re.search(r'Token="([^"]*)"', request.headers.get("authorization", ""))
    return found[1].removeprefix("m-") if found else ""
