"""Snowflake's protocol over HTTP: statements, their results, cancelling, the end of sessions."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
import uuid
from typing import Any

from fakesnow.server import bucket_upload
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.engines.emulator.account.account import Account
from tests.engines.emulator.errors import Refused
from tests.engines.emulator.server.control import control
from tests.engines.emulator.server.login import login
from tests.engines.emulator.server.requests import account_of, body_of, token_of
from tests.engines.emulator.sessions.query import Query


def lost(code: str, text: str) -> JSONResponse:
    return JSONResponse({"data": None, "code": code, "message": text, "success": False})


def gone() -> JSONResponse:
    return lost("390111", "Session no longer exists.  New login required to access the service.")


async def statement(request: Any) -> JSONResponse:
    """A new statement, or one that the driver sent again."""
    account = account_of(request)
    session = account.sessions.get(token_of(request))
    if session is None:
        return lost("390104", "User must login again to access the service.")
    if session.gone:
        return gone()
    body = await body_of(request)
    asked = request.query_params.get("requestId") or str(uuid.uuid4())
    query = account.requests.get(asked)
    if query is None:
        query = Query(session, str(body.get("sqlText") or ""), body)
        account.remember(asked, query)
        query.future = asyncio.get_running_loop().run_in_executor(account.workers, session.run, query)
    return await outcome(query, 0.0 if body.get("asyncExec") else account.patience)


async def outcome(query: Query, patience: float) -> JSONResponse:
    """The answer, or after a while that there is none yet."""
    if patience:
        with contextlib.suppress(TimeoutError):
            return JSONResponse(await asyncio.wait_for(asyncio.shield(query.future), patience))
    code = "333333" if patience else "333334"
    data = {
        "queryId": query.id, "getResultUrl": f"/queries/{query.id}/result", "queryAbortsAfterSecs": 300,
        "progressDesc": None,
    }  # fmt: skip
    return JSONResponse({"data": data, "code": code, "message": "Query execution in progress.", "success": True})


async def result(request: Any) -> JSONResponse:
    account = account_of(request)
    query = account.queries.get(request.path_params["id"])
    if query is None:
        return JSONResponse(Refused(709, "02000", f"Statement {request.path_params['id']} not found").body)
    return await outcome(query, account.patience)


async def abort_statement(request: Any) -> JSONResponse:
    """By query id, or by request id in the body."""
    account = account_of(request)
    body = await body_of(request)
    query = account.queries.get(request.path_params.get("id", "")) or account.requests.get(str(body.get("requestId")))
    if query is None or query.status != "RUNNING":
        return lost("000605", "Identified SQL statement is not currently executing.")
    query.cancel()
    return await nothing(request)


async def monitoring(request: Any) -> JSONResponse:
    """How a statement stands."""
    query = account_of(request).queries.get(request.path_params["id"])
    if query is None:
        return JSONResponse({"data": {"queries": []}, "success": True})
    entry = {
        "id": query.id, "status": query.status, "state": query.status, "sqlText": query.sql,
        "sessionId": query.session.number, "startTime": int(query.started * 1000), "endTime": 0, "totalDuration": 0,
        "errorCode": f"{query.error.number:06d}" if query.error else None,
        "errorMessage": query.error.text if query.error else None,
    }  # fmt: skip
    return JSONResponse({"data": {"queries": [entry]}, "success": True})


async def session_request(request: Any) -> JSONResponse:
    """A heartbeat, or the end."""
    account = account_of(request)
    session = account.sessions.get(token_of(request))
    if session is None or session.gone:
        return gone()
    if request.query_params.get("delete"):
        await asyncio.get_running_loop().run_in_executor(account.workers, account.end, session)
        account.sessions.pop(session.token, None)
    return await nothing(request)


async def nothing(request: Any) -> JSONResponse:
    return JSONResponse({"data": None, "code": None, "message": None, "success": True})


async def fault(error: Exception) -> JSONResponse:
    """Not HTTP 500, which the driver would try again."""
    traceback.print_exception(error)
    return JSONResponse(Refused(603, "XX000", f"emulator: {type(error).__name__}: {error}").body)


class NoFault:
    """Starlette's own handler of the last resort answers 500."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["path"] = scope.get("path", "").replace("//", "/")  # the driver asks for /monitoring/queries//ID
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            await (await fault(error))(scope, receive, send)


ROUTES = [
    Route("/session/v1/login-request", login, methods=["POST"]),
    Route("/session/token-request", nothing, methods=["POST"]),
    Route("/session/heartbeat", session_request, methods=["POST"]),
    Route("/session", session_request, methods=["POST"]),
    Route("/queries/v1/query-request", statement, methods=["POST"]),
    Route("/queries/v1/abort-request", abort_statement, methods=["POST"]),
    Route("/queries/{id}/abort-request", abort_statement, methods=["POST"]),
    Route("/queries/{id}/result", result, methods=["GET", "POST"]),
    Route("/monitoring/queries/{id}", monitoring, methods=["GET"]),
    Route("/telemetry/send", nothing, methods=["POST"]),
    Route("/telemetry/send/sessionless", nothing, methods=["POST"]),
    Route("/fs_bucket/{path:path}", bucket_upload, methods=["PUT"]),
    Route("/runner/{what}", control, methods=["GET", "POST"]),
]


def application(account: Account) -> NoFault:
    """The account behind its protocol."""
    routes = Starlette(routes=ROUTES)
    routes.state.account = account
    return NoFault(routes)
