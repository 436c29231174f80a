"""Warehouses that are reached over a network: what they have in common.

Statements go to the driver raw, so that `%`, `:` and `::` in a user's SQL mean what they mean in an editor.
"""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Self

from runner.errors import BadInput, CannotConnect, Place
from runner.names import TableName
from runner.secrets import NO_SECRETS, Secrets
from runner.warehouse.base import Warehouse
from runner.warehouse.engines import grants
from runner.warehouse.target import Target
from runner.warehouse.values import Right, Trouble, WarehouseError, Watch

RETRY = {"40001", "40P01", "55P03"}
FULL = {"53100", "53200", "53400"}
DEPENDED_ON = "2BP01"
TOO_LONG = "54000"  # program_limit_exceeded: of an index row, where a statement changes rows
SHARED = re.compile(r'"(?P<schema>(?:[^"]|"")+)"\.(?P<prefix>r_\w+_)')
LOST = {"57P01", "57P02", "57P03", "25P03"}


class Server(Warehouse):
    """One session of a warehouse reached over a network."""

    passing: ClassVar[re.Pattern[str]]
    """What drivers say of a failed connect that may be over in a moment."""
    private: ClassVar[str]
    """The private scratch place of every session."""
    schemas: ClassVar[str] = "select nspname from pg_namespace"
    """A query for the names of all schemas."""

    def __init__(
        self,
        open_connection: Callable[[], Any],
        shown: str,
        application: str = "runner",
        timeout_s: float | None = None,
        watch: Watch | None = None,
        secrets: Secrets = NO_SECRETS,
        *,
        plain: bool = False,
    ) -> None:
        """`open_connection` gives a connection of the driver's, which is this session's own from then on; `shown` is
        what errors call the place.
        """
        super().__init__(timeout_s, watch, secrets)
        self._open_connection, self._shown = open_connection, shown
        self._application, self._plain = application, plain
        try:
            self._connect()
        except Exception:
            self._worker.stop()
            raise

    def _connect(self) -> None:
        """Open a session and make it this one's. Raises CannotConnect."""
        opened = None
        try:
            opened = self._open_connection()
            self._driver: Any = opened
            self._session = self._introduce()
        except BaseException as error:
            end(opened)
            if isinstance(error, CannotConnect) or not isinstance(error, Exception):
                raise
            failed = getattr(error, "orig", None) or error  # the driver's own, where SQLAlchemy has wrapped it
            what = f"cannot connect to {self._shown}: {self.secrets.masked(self._text(failed))}"
            raise CannotConnect(what, passing=self.passing.search(str(failed)) is not None) from None

    def another(self) -> Self:
        return type(self)(
            self._open_connection,
            self._shown,
            self._application,
            self.timeout_s,
            self.watch,
            self.secrets,
            plain=self._plain,
        )

    def in_database(self, name: str) -> Self:
        """A session of its own like this one, in another database. Raises WarehouseError where we only borrow ours."""
        if not isinstance(self._open_connection, partial):
            what = "its connections come from a pool of this database, and made-up rows need another"
            raise WarehouseError("trial:ground", what, Trouble.REFUSED)
        opener = partial(self._open_connection, database=name)
        return type(self)(opener, self._shown, self._application, self.timeout_s, secrets=self.secrets)

    def reopened(self) -> Self:
        """The lost connection is replaced, so that what is left of the run (`after`, the lease, scratch) has one.

        What its session still holds at the server would only make us wait, so it is ended.
        """
        old = self._session
        end(self._driver)
        self._connect()
        self._stuck = False
        second = self.another()
        try:
            with suppress(WarehouseError):
                if old != self._session:  # a pooler may have given it to us once more
                    second.end_session(old)
        except BaseException:  # a signal
            second.close()
            raise
        return second

    def _close(self) -> None:
        end(self._driver)

    def _statements(self, label: str, script: str) -> list[str]:
        """A script's statements, for a driver that takes one at a time. Raises WarehouseError."""
        from runner.sql.parser import split  # late: the parser is not needed to connect

        try:
            return split(script, self.engine.name, Place())
        except BadInput as error:  # at load it was another text
            raise WarehouseError(label, self.secrets.masked(error.problems[0].what), Trouble.REFUSED) from None

    @property
    def session(self) -> str:
        return self.engine.literal(self._session)

    # -- what a server provides besides ------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def opener(cls, target: Target, application: str, *, plain: bool) -> Callable[[], Any]:
        """How the driver opens a connection to a target, as `open_connection`."""

    @classmethod
    def adopt(cls, connection: Any, application: str, *, plain: bool) -> None:
        """Give a connection that another has opened what `opener` says at once."""

    @abstractmethod
    def _introduce(self) -> str:
        """Make the new session ours: autocommit, UTC, who we are. Gives the text that names it to a later run.

        A plain session keeps the server's own settings: time zone, time-outs.
        """

    # -- errors --------------------------------------------------------------------------------------------------------

    def _said(self, error: BaseException) -> str:
        """What the driver says of an error; its first line is shown."""
        return str(error)

    def _text(self, error: BaseException) -> str:
        return next((line.strip() for line in self._said(error).splitlines() if line.strip()), type(error).__name__)

    def _message(self, error: Exception) -> str:
        state = self._state(error)
        return f"{self._text(error)}{f' (SQLSTATE {state})' if state else ''}"

    def _trouble(self, error: Exception) -> Trouble:
        state = self._state(error)
        if state in RETRY:
            return Trouble.RETRY
        if state in FULL:
            return Trouble.FULL
        if state == DEPENDED_ON:
            return Trouble.DEPENDED_ON
        if state == TOO_LONG:
            return Trouble.TOO_LONG
        return Trouble.LOST if state.startswith("08") or state in LOST else Trouble.REFUSED

    # -- rights and schemas ------------------------------------------------------------------------------------------

    def lacking(self, rights: Iterable[Right]) -> tuple[str, ...]:
        wanted = list(rights)
        if not (wanted and self.engine.tells_rights):
            return ()
        role = self.execute("catalogue:role", grants.ROLE).one()
        held = self.execute("catalogue:rights", grants.held(self.engine, wanted)).rows
        return grants.missing(self.engine, wanted, role, held)

    def create_schema(self, label: str, schema: str) -> None:
        """Only one that is not there: to say IF NOT EXISTS takes the right to make schemas even where nothing is made."""
        if schema not in map(self.engine.quote, self.schema_names(label)):
            super().create_schema(label, schema)

    # -- scratch -------------------------------------------------------------------------------------------------------

    def open_scratch(self, playbook: str, run_id: str) -> str:
        name = f"{_scratch_prefix(playbook)}{re.sub('[^0-9a-z]', '', run_id.lower())}"
        scratch = self.engine.quote(name[: self.engine.name_bytes])
        self._create_scratch(scratch)
        return scratch

    def _create_scratch(self, scratch: str) -> None:
        self.execute("scratch:create", f"create schema {scratch}")

    def open_scratch_within(self, schema: str, playbook: str, run_id: str) -> str:
        self.create_schema("scratch:schema", self.engine.schema(schema))
        ours = f"r_{hashlib.sha256(playbook.encode()).hexdigest()[:10]}_"
        self._drop_tables(schema, ours)
        run = re.sub("[^0-9a-z]", "", run_id.lower())
        return f"{self.engine.schema(schema)}.{ours}{run[:6]}{run[-4:]}_"

    def _drop_tables(self, schema: str, prefix: str) -> None:
        for name in self.tables(schema, prefix):
            table = self.engine.table(TableName((schema, name)))
            self.execute("scratch:drop-table", f"drop table if exists {table} cascade")

    def sweep_scratch(self, playbook: str) -> None:
        """A live run that lost its lease loses its scratch too: it is fenced anyway."""
        ours = re.compile(f"{_scratch_prefix(playbook)}[0-9a-z]+")
        for name in self.schema_names():
            if ours.fullmatch(name):
                self.execute("scratch:sweep", f"drop schema if exists {self.engine.quote(name)} cascade")

    def schema_names(self, label: str = "scratch:list") -> tuple[str, ...]:
        """The schemas of this database."""
        return tuple(self._name(found) for (found,) in self.execute(label, self.schemas).rows)

    def _name(self, found: object) -> str:
        """A name out of the catalogue, as the core has it."""
        return str(found)

    def open_private_scratch(self) -> str:
        return self.private

    def drop_scratch(self, scratch: str) -> None:
        if within := SHARED.fullmatch(scratch):
            self._drop_tables(self._name(within["schema"].replace('""', '"')), within["prefix"])
        elif scratch != self.private:
            self.execute("scratch:drop", f"drop schema if exists {scratch} cascade")


def end(connection: Any) -> None:
    """Close a connection of the driver's, whatever state it is in; None for one that was not opened."""
    with suppress(Exception):
        if connection is not None:
            connection.close()


def _scratch_prefix(playbook: str) -> str:
    return f"runner_scratch_{playbook.lower().replace('-', '_')[:23]}_"
