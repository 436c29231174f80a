"""Target URLs of the warehouses that are reached over a network: their options, and what of them may be shown."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.engine import make_url


def options(url: str) -> dict[str, Any]:
    """What stands after `?`, as the driver's own arguments: `true`, numbers and JSON lists are read as such.

    The drivers have too many (IAM, single sign-on, proxies) to list them here: each is passed on under its own name.
    """
    return {name: _value(value) for name, value in make_url(url).query.items() if isinstance(value, str)}


def _value(text: str) -> Any:
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


def shown(url: str) -> str:
    """The URL as it may be shown: without its password and options."""
    return make_url(url).set(query={})._replace(password=None).render_as_string()
