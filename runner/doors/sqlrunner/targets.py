"""A target of an SQL Runner playbook → a target of the runner, or what is wrong with it.

What is wrong is found before anything is connected, for every target by itself: SQL Runner calls it a target
initialization failure (exit code 5).
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlencode

from runner.doors.sqlrunner.files.playbook import OldTarget
from runner.warehouse.target import Target

NEEDED = {
    "postgres": ("host", "port", "username", "database"),
    "redshift": ("host", "port", "username", "database"),
    "snowflake": ("account", "username", "database", "warehouse"),
}
ENGINE_OF = {"postgres": "postgres", "postgresql": "postgres", "redshift": "redshift", "snowflake": "snowflake"}
_HOST = re.compile(r"[\w.:-]+", re.ASCII)
_ACCOUNT = re.compile(r"[\w.-]+", re.ASCII)
APP_NAME = "SNOWPLOW_SQL_RUNNER_SNOWFLAKE_APP_NAME"


def errors_of(target: OldTarget) -> list[str]:
    """Why a target cannot be used; nothing if it can."""
    engine = ENGINE_OF.get(target.type)
    if target.type == "bigquery":
        engines = "postgres, redshift, snowflake or duckdb"
        return [f"bigquery is not supported here: run its playbooks with SQL Runner, or move the models to {engines}"]
    if engine is None:
        return [f"Database type is unsupported: {target['type']}"]
    missing = [key for key in NEEDED[engine] if not target[key]]
    if missing:
        listed = ", ".join(NEEDED[engine])
        return [f"{target.place}: {' and '.join(missing)} missing: a target of type {target.type} needs {listed}"]
    if engine != "snowflake" and not (target["port"].isascii() and target["port"].isdigit()):
        return [f"{target.place}: port: {target['port']} is not a number"]
    if engine != "snowflake" and not _HOST.fullmatch(target["host"]):
        return [f"{target.place}: host: {target['host']} is not the name or address of a host"]
    if engine == "snowflake" and not _ACCOUNT.fullmatch(target["account"]):
        return [f"{target.place}: account: {target['account']} is not the name of an account"]
    return []


def target_of(target: OldTarget, application: str = "") -> Target:
    """Where a target is that has no errors. `application` is the name that Snowflake is told."""
    return Target.parse(url_of(target, application), Path())


def url_of(target: OldTarget, application: str = "") -> str:
    """The same as a URL. Its `ssl: true` asks for TLS and, as in SQL Runner, not for a certificate that is verified:
    `sslmode: verify-full` (and `sslrootcert`) does.
    """
    engine = ENGINE_OF[target.type]
    if engine == "snowflake":
        return _snowflake(target, application)
    options: dict[str, str] = {}
    if engine == "postgres":
        options["sslmode"] = target["sslmode"] or ("require" if target.ssl else "prefer")
        if target["sslrootcert"]:
            options["sslrootcert"] = target["sslrootcert"]
    elif target.ssl or target["sslmode"]:
        options["sslmode"] = target["sslmode"] or "verify-ca"  # the driver has no TLS without a look at it
    else:
        options["ssl"] = "false"
    scheme = "postgresql" if engine == "postgres" else engine
    host = f"[{target['host']}]" if ":" in target["host"] else target["host"]
    return f"{scheme}://{_user(target)}@{host}:{target['port']}/{_quoted(target['database'])}?{_query(options)}"


def _snowflake(target: OldTarget, application: str) -> str:
    options = {"warehouse": target["warehouse"]}
    for key, option in (
        ("role", "role"),
        ("private_key_path", "private_key_file"),
        ("private_key_passphrase", "private_key_file_pwd"),
    ):
        if target[key]:
            options[option] = target[key]
    if application:
        options["application"] = application
    # The region is a part of the account's name; us-west-1 was SQL Runner's word for the default.
    region = target["region"] if target["region"] not in ("", "us-west-1") else ""
    account = f"{target['account']}.{region}" if region and "." not in target["account"] else target["account"]
    schema = f"/{_quoted(target['schema'])}" if target["schema"] else ""
    return f"snowflake://{_user(target)}@{account}/{_quoted(target['database'])}{schema}?{_query(options)}"


def _user(target: OldTarget) -> str:
    password = f":{_quoted(target['password'])}" if target["password"] else ""
    return f"{_quoted(target['username'])}{password}"


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _query(options: dict[str, str]) -> str:
    return urlencode(options, quote_via=quote)


def address(target: OldTarget) -> str:
    """What messages of a dry run call the place."""
    return target["account"] if target.type == "snowflake" else f"{target['host']}:{target['port']}"
