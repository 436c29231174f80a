"""What tests ask of the emulator itself, and tell it."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import JSONResponse

from tests.engines.emulator.account.account import Account
from tests.engines.emulator.server.requests import account_of, body_of
from tests.engines.emulator.sessions.session import Session


async def control(request: Any) -> JSONResponse:
    """`sessions`, `queries`, `locks`, `state` are asked; `public_key`, `patience`, `faults`, `kill` are told."""
    account, what = account_of(request), request.path_params["what"]
    if what in ASKED:
        return JSONResponse(ASKED[what](account))
    body = await body_of(request) if request.method == "POST" else {}
    if what == "public_key":
        account.public_key = str(body.get("pem") or "").encode()
    elif what == "patience":
        account.patience = float(body["seconds"])
    elif what == "faults":
        account.faults = [{"times": 1, **fault} for fault in body.get("faults", ())]
    elif what == "kill":
        session = account.by_number(str(body.get("session")))
        if session is not None:
            await asyncio.get_running_loop().run_in_executor(account.workers, account.end, session)
    else:
        return JSONResponse({"error": "no such control"}, status_code=404)
    return JSONResponse({"ok": True})


def sessions(account: Account) -> list[dict[str, Any]]:
    return [one_session(session) for session in list(account.sessions.values())]


def one_session(session: Session) -> dict[str, Any]:
    return {
        **session.login, "id": session.number, "database": session.database, "schema": session.schema,
        "role": session.role, "warehouse": session.warehouse, "parameters": session.parameters,
        "query_tag": session.parameter("QUERY_TAG"), "transaction": session.transaction.number, "gone": session.gone,
        "running": session.current.sql if session.current else None,
    }  # fmt: skip


def queries(account: Account) -> list[dict[str, Any]]:
    return [
        {"id": query.id, "sql": query.sql, "status": query.status, "session": query.session.number}
        for query in account.queries.values()
    ]


def locks(account: Account) -> dict[str, int]:
    with account.locks.changed:
        return {".".join(key): lock.session.number for key, lock in account.locks.held.items()}


def state(account: Account) -> dict[str, int]:
    return {"commits": account.commits.total(), "divergent": account.divergent, "plans": len(account.plans)}


ASKED = {"sessions": sessions, "queries": queries, "locks": locks, "state": state}
