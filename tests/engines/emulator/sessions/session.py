"""A session: a connection of DuckDB, what was set in it, its transaction, and the answer to each statement."""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.engines.emulator.errors import Refused, cancelled, qualified, refused
from tests.engines.emulator.names import Key, literal, quoted
from tests.engines.emulator.sessions.answers import Answer
from tests.engines.emulator.sessions.commands import special
from tests.engines.emulator.sessions.execution import carried_out, described
from tests.engines.emulator.sessions.parameters import DEFAULTS
from tests.engines.emulator.sessions.query import Query
from tests.engines.emulator.sessions.transaction import Transaction
from tests.engines.emulator.translation import functions
from tests.engines.emulator.translation.plan import Plan
from tests.engines.emulator.translation.statements import plan_of

if TYPE_CHECKING:
    from tests.engines.emulator.account.account import Account

PLANS = 2000  # that are kept


class Session:
    """One session of the account."""

    def __init__(self, account: Account, login: dict[str, str], parameters: dict[str, Any]) -> None:
        self.account, self.login = account, login
        self.number = next(account.numbers) + 10_000_000_000_000
        self.token = f"{self.number}-{uuid.uuid4().hex}"
        self.parameters = {name.upper(): str(value) for name, value in parameters.items()}
        self.database: str | None = None
        self.schema: str | None = None
        self.warehouse, self.role = login["warehouse"], login["role"]
        self.duck = account.cursor()
        self.fake: Any = None  # fakesnow's connection, made when needed
        self.working = threading.RLock()
        self.current: Query | None = None
        self.last = ""
        self.gone = False
        self.temps: dict[Key, Key] = {}
        self.transaction = Transaction(self)
        self.autocommit = self.parameter("AUTOCOMMIT").lower() != "false"

    def parameter(self, name: str) -> str:
        return self.parameters.get(name, DEFAULTS.get(name, ""))

    def truth(self, name: str) -> bool:
        return self.parameter(name).lower() == "true"

    def owned(self) -> bool:
        """Whether this thread is at work for it."""
        return bool(self.working._is_owned())  # type: ignore[attr-defined]

    def use(self, database: str, schema: str | None) -> None:
        """Where names without a database or a schema are looked up."""
        self.database, self.schema = database, schema
        self.duck.execute(f"SET schema = {literal(quoted(database, schema or 'main'))}")
        if self.fake is not None:
            self.fake.database, self.fake._schema = database, schema
            self.fake.database_set, self.fake.schema_set = True, schema is not None

    def run(self, query: Query) -> dict[str, Any]:
        """The answer to a statement; errors are answers, too."""
        with self.working:
            self.current = query
            try:
                if self.gone:
                    text = "Session no longer exists.  New login required to access the service."
                    raise Refused(390111, "08001", text)
                query.watched()
                answer = self._answer(query)
                query.status = "SUCCESS"
                return self._body(query, answer)
            except BaseException as error:
                return self._failed(query, error)
            finally:
                query.settled.set()
                self.last, self.current = query.id, None

    def _body(self, query: Query, answer: Answer) -> dict[str, Any]:
        data = {
            "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
            "rowtype": answer.columns,
            "queryId": query.id,
            "statementTypeId": answer.type_id,
            "finalDatabaseName": self.database,
            "finalSchemaName": self.schema,
            "finalWarehouseName": self.warehouse,
            "finalRoleName": self.role,
            "numberOfBinds": 0,
            "arrayBindSupported": False,
            "version": 1,
            **answer.data(),
            **answer.extra,
        }
        return {"data": data, "message": None, "code": None, "success": True}

    def _failed(self, query: Query, error: BaseException) -> dict[str, Any]:
        query.settled.set()
        found = cancelled() if query.cancelled and not isinstance(error, Refused) else refused(error)
        found = qualified(found, query.tables)
        if found.number == 603:
            print(f"{query.sql}\n{''.join(traceback.format_exception(error))}", file=sys.stderr, flush=True)
        query.error = found
        query.status = "FAILED_WITH_ERROR"
        with contextlib.suppress(Exception):
            self.transaction.after_error()
        body = found.body
        body["data"].update(queryId=query.id, line=-1, pos=-1, type="COMPILATION")
        return body

    def _answer(self, query: Query) -> Answer:
        self.account.inject(query.sql, "before")
        answer = special(self, query)
        if answer is None:
            if self.transaction.aborted:
                number = self.transaction.number
                raise Refused(615, "57014", f"Transaction '{number}' was aborted, SQL execution canceled.")
            plan = self._plan(query.sql)
            if query.body.get("describeOnly"):
                return described(self, plan, query)
            query.tables = plan.tables
            answer = carried_out(self, plan, query)
        self.account.inject(query.sql, "after")
        return answer

    def _plan(self, sql: str) -> Plan:
        plans = self.account.plans
        place = (sql, self.database, self.schema)
        plan = None if self.temps else plans.get(place)
        if plan is None:
            plan = plan_of(self, sql)
            if plan.lasting and not self.temps:
                plans[place] = plan
                if len(plans) > PLANS:
                    plans.clear()
        return plan

    def filled(self, sql: str, now: datetime) -> str:
        """The translated text with the time of the statement, and what the session is, put in."""
        values = {
            "NOW": now.strftime("%Y-%m-%d %H:%M:%S.%f"), "TODAY": now.strftime("%Y-%m-%d"), "SESSION": str(self.number),
            "USER": self.login["user"], "ROLE": self.role, "WAREHOUSE": self.warehouse,
            "TRANSACTION": self.transaction.number, "DATABASE": self.database, "SCHEMA": self.schema,
            "ACCOUNT": "EMULATOR", "REGION": "EMULATOR", "CLIENT": self.login["client"], "LAST": self.last,
            "VERSION": "10.0.0", "STATEMENT": self.current.sql if self.current else "",
        }  # fmt: skip
        return functions.filled(sql, values)

    def execute(self, query: Query, sql: str, params: Any = None) -> Any:
        """A statement of DuckDB, unless the query was cancelled."""
        query.watched()
        return self.duck.execute(sql, params) if params else self.duck.execute(sql)
