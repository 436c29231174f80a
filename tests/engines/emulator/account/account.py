"""The account: its databases, sessions, locks and statements, and the faults that tests ask for."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import threading
from collections import Counter, OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from fakesnow.instance import FakeSnow

from tests.engines.emulator.account.catalogue import Catalogue
from tests.engines.emulator.account.locks import Locks
from tests.engines.emulator.account.past import Pasts
from tests.engines.emulator.errors import Refused
from tests.engines.emulator.names import quoted

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.query import Query
    from tests.engines.emulator.sessions.session import Session
    from tests.engines.emulator.translation.plan import Plan

PATIENCE_S = 45.0  # after this time the real one answers "in progress", too, and the driver asks for the result
STATEMENTS = 500  # that are remembered
MICROSECOND = timedelta(microseconds=1)


class Account:
    """All that the sessions share."""

    def __init__(self) -> None:
        self.fake: Any = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)
        self.admin = self.cursor()
        self.guard = threading.RLock()  # of databases as a whole, and of their pasts
        self.catalogue = Catalogue(self.admin, self.guard)
        # each session has a thread; on small tables a second one only costs
        self.admin.execute("set global threads = 1")
        self.patience = PATIENCE_S
        self.numbers = itertools.count(1)
        self.sessions: dict[str, Session] = {}
        self.queries: OrderedDict[str, Query] = OrderedDict()
        self.requests: OrderedDict[str, Query] = OrderedDict()
        self.plans: dict[tuple[str, str | None, str | None], Plan] = {}
        self.locks = Locks()
        self.pasts = Pasts(self)
        self.commits: Counter[str | None] = Counter()  # of each database
        self.divergent = 0
        self.faults: list[dict[str, Any]] = []
        self.clock, self.latest = threading.Lock(), datetime.min
        self.workers = ThreadPoolExecutor(256)  # whoever waits for a lock keeps one
        path = os.environ.get("FAKESNOW_PUBLIC_KEY")
        self.public_key = Path(path).read_bytes() if path else b""

    def cursor(self) -> Any:
        """A connection of DuckDB of its own."""
        return self.fake.duck_conn.cursor()

    def now(self) -> datetime:
        """The time, never twice the same."""
        with self.clock:
            found = datetime.now(UTC).replace(tzinfo=None)
            self.latest = found if found > self.latest else self.latest + MICROSECOND
            return self.latest

    def alive(self) -> list[Session]:
        return [session for session in list(self.sessions.values()) if not session.gone]

    def by_number(self, text: str) -> Session | None:
        return next((session for session in self.alive() if str(session.number) == text), None)

    def remember(self, request: str, query: Query) -> None:
        """A statement that came with a request, for who asks for it later."""
        self.queries[query.id] = self.requests[request] = query
        for known in (self.queries, self.requests):
            while len(known) > STATEMENTS:
                known.popitem(last=False)

    def stop(self, session: Session) -> None:
        """Cancel what it does."""
        query = session.current
        if query is not None:
            query.cancel()

    def end(self, session: Session) -> None:
        """Its transaction is rolled back, its locks and temporary tables are gone."""
        session.gone = True
        own = session.current is not None and session.owned()
        if not own:
            self.stop(session)
        with session.working:
            with contextlib.suppress(duckdb.Error):
                session.transaction.rollback()
            for place in session.temps.values():
                with contextlib.suppress(duckdb.Error):
                    session.duck.execute(f"drop table if exists {quoted(*place)}")
            session.temps.clear()
            if not own:
                session.duck.close()

    def make_database(self, name: str) -> None:
        with self.guard:
            self.catalogue.add_database(name)

    def drop_database(self, name: str) -> None:
        """With its temporary tables, its past and the plans of statements; sessions in it are nowhere."""
        for session in self.alive():
            session.temps = {key: at for key, at in session.temps.items() if key[0] != name}
            if session.database != name:
                continue
            if not session.owned():
                self.stop(session)
            with session.working:
                session.transaction.rollback()
                session.duck.execute("SET schema = 'memory.main'")
                session.database = session.schema = None
        with self.guard:
            self.pasts.drop(name)
            self.catalogue.drop_database(name)
            self.plans.clear()

    def inject(self, sql: str, when: str) -> None:
        """An error that a test asked for."""
        for fault in self.faults:
            due = fault.get("when", "before") == when and fault["times"] > 0
            if due and re.search(fault["pattern"], sql, re.IGNORECASE | re.DOTALL):
                fault["times"] -= 1
                raise Refused(int(fault["code"]), fault.get("sqlstate", "XX000"), fault["message"])
