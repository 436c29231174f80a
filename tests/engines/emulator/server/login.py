"""Logins as the driver sends them: a password, or a key pair whose JWT is verified."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from starlette.responses import JSONResponse

from tests.engines.emulator.account.account import Account
from tests.engines.emulator.names import upper
from tests.engines.emulator.server.requests import account_of, body_of
from tests.engines.emulator.sessions.session import Session


async def login(request: Any) -> JSONResponse:
    account = account_of(request)
    given = (await body_of(request))["data"]
    user, kind = str(given.get("LOGIN_NAME") or ""), str(given.get("AUTHENTICATOR") or "").upper()
    if kind == "SNOWFLAKE_JWT":
        token = str(given.get("TOKEN") or "")
        fault = await asyncio.to_thread(key_pair_fault, account.public_key, token, user)
        if fault:
            return wrong_login("390144", f"JWT token is invalid. [{uuid.uuid4()}] ({fault})")
    elif given.get("PASSWORD") == "wrong":
        return wrong_login("390100", "Incorrect username or password was specified.")
    workers = asyncio.get_running_loop().run_in_executor
    session = await workers(account.workers, opened, account, given, request.query_params)
    return JSONResponse({"data": accepted(session), "code": None, "message": None, "success": True})


def wrong_login(code: str, text: str) -> JSONResponse:
    data = {"nextAction": "RETRY_LOGIN", "errorCode": code, "sqlState": "08001"}
    return JSONResponse({"data": data, "code": code, "message": text, "success": False})


def key_pair_fault(public_key: bytes, token: str, user: str) -> str:
    """What is wrong with a login by key pair."""
    if not public_key:
        return "the user has no public key"
    key: Any = serialization.load_pem_public_key(public_key)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    try:
        claims = jwt.decode(token, key, algorithms=["RS256"], options={"require": ["exp", "iss", "sub"]})
    except jwt.PyJWTError as error:
        return str(error)
    name = claims["sub"].rpartition(".")[2]
    if claims["iss"] != f"{claims['sub']}.{fingerprint}" or name.upper() != user.upper():
        return "another issuer"
    return ""


def opened(account: Account, given: dict[str, Any], asked: Any) -> Session:
    """The session of a login, in the database and the schema that the driver asked for, where they are there."""
    environment = given.get("CLIENT_ENVIRONMENT") or {}
    details = {
        "user": str(given.get("LOGIN_NAME") or "").upper(),
        "role": upper(asked.get("roleName")) or "PUBLIC",
        "warehouse": upper(asked.get("warehouse")) or "",
        "application": str(environment.get("APPLICATION") or ""),
        "client": f"{given.get('CLIENT_APP_ID')} {given.get('CLIENT_APP_VERSION')}",
        "authenticator": str(given.get("AUTHENTICATOR") or "").upper() or "SNOWFLAKE",
    }
    session = Session(account, details, given.get("SESSION_PARAMETERS") or {})
    database, schema = upper(asked.get("databaseName")), upper(asked.get("schemaName"))
    if database and account.catalogue.has_database(database):
        if schema and not account.catalogue.has_schema((database, schema, "")):
            session.use(database, None)
        else:
            session.use(database, schema or "PUBLIC")
    account.sessions[session.token] = session
    return session


def accepted(session: Session) -> dict[str, Any]:
    """What the driver is told of its session."""
    sent = {
        "AUTOCOMMIT": session.autocommit, "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": 3600,
        "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0, "TIMEZONE": "Etc/UTC", "CLIENT_TELEMETRY_ENABLED": False,
    }  # fmt: skip
    return {
        "token": session.token, "masterToken": f"m-{session.token}", "validityInSeconds": 3600,
        "masterValidityInSeconds": 14400, "sessionId": session.number, "displayUserName": session.login["user"],
        "serverVersion": "10.0.0", "firstLogin": False, "remMeToken": None, "remMeValidityInSeconds": 0,
        "healthCheckInterval": 45, "newClientForUpgrade": None, "idToken": None, "idTokenValidityInSeconds": 0,
        "mfaToken": None, "parameters": [{"name": name, "value": value} for name, value in sent.items()],
        "sessionInfo": {
            "databaseName": session.database, "schemaName": session.schema,
            "warehouseName": session.warehouse or None, "roleName": session.role,
        },
    }  # fmt: skip
