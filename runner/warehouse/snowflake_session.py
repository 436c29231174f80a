"""What Snowflake's connector is told of a target, and what a session there has of its own from the start."""

from __future__ import annotations

import re
from typing import Any

from runner.errors import CannotConnect
from runner.warehouse.target import Target

HINT = "snowflake://USER@ACCOUNT/DATABASE/SCHEMA?warehouse=WAREHOUSE&role=ROLE"
HOSTS = ".snowflakecomputing.com"
SLASH = re.compile(r'/(?=(?:[^"]*"[^"]*")*[^"]*$)')  # in quotes it is a part of a name
# https://docs.snowflake.com/en/sql-reference/parameters says what each means
SESSION: dict[str, Any] = {
    "TIMEZONE": "UTC",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF6",
    "LOCK_TIMEOUT": 60,  # seconds
    "ABORT_DETACHED_QUERY": True,  # a run that died does not work on
    "TRANSACTION_ABORT_ON_ERROR": True,
    "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
    "ERROR_ON_NONDETERMINISTIC_MERGE": True,
}


def arguments(target: Target, application: str, *, plain: bool) -> dict[str, Any]:
    """What the connector is told of a target. Over TLS, with the certificate verified, unless the URL says
    protocol=http: its own default. Raises CannotConnect for a path that is not DATABASE or DATABASE/SCHEMA.
    """
    names = SLASH.split(target.database)
    if len(names) > 2:
        raise CannotConnect(f"{target.shown} names more than a database and its schema", HINT)
    return {
        **target.named(),
        **dict(zip(("database", "schema"), names if target.database else (), strict=False)),
        **_account(target),
        "application": "runner",
        "login_timeout": 30,
        "enable_server_session_keep_alive_auto_detection": False,  # a run that ends leaves no query behind
        **target.options,
        "autocommit": True,
        "session_parameters": {
            **session_parameters(application, plain=plain),
            **({} if plain else {"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False}),
        },
    }


def session_parameters(application: str, *, plain: bool) -> dict[str, Any]:
    """What a session has of its own from the start; a plain one has the account's settings, and a name."""
    return {**({} if plain else SESSION), "QUERY_TAG": application}


def _account(target: Target) -> dict[str, Any]:
    """The account that stands in a host's place, and its host; a whole name of a host, or one with a port, is one."""
    if HOSTS in target.host or target.port or not target.host:
        return {}
    first, *rest = target.host.split(".")
    account = first[: first.rfind("-")] if rest[:1] == ["global"] else first
    return {"account": account, "host": f"{target.host}{HOSTS}", "port": "443"}
