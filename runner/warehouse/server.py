"""Warehouses that are reached over a network, through a SQLAlchemy engine: what they have in common.

SQLAlchemy gives the URL, the TLS options and the pooling rules that users know, and opens the connection; statements go
to the driver raw, so that `%`, `:` and `::` in a user's SQL mean what they mean in an editor.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from contextlib import suppress
from typing import Any, ClassVar, Self

import sqlalchemy
from sqlalchemy.engine import make_url

from runner.errors import BadInput, CannotConnect, Place
from runner.secrets import NO_SECRETS, Secrets
from runner.warehouse.base import Warehouse
from runner.warehouse.target import Target
from runner.warehouse.values import Trouble, WarehouseError, Watch

RETRY = {"40001", "40P01", "55P03"}
FULL = {"53100", "53200", "53400"}
DEPENDED_ON = "2BP01"
LOST = {"57P01", "57P02", "57P03", "25P03"}


class Server(Warehouse):
    """One session of a warehouse reached over a network."""

    drivername: ClassVar[str]
    """What SQLAlchemy calls the engine and its driver."""
    passing: ClassVar[re.Pattern[str]]
    """What drivers say of a failed connect that may be over in a moment."""
    private: ClassVar[str]
    """The private scratch place of every session."""
    schemas: ClassVar[str] = "select nspname from pg_namespace"
    """A query for the names of all schemas."""

    def __init__(
        self,
        target: Target,
        application: str = "runner",
        timeout_s: float | None = None,
        watch: Watch | None = None,
        secrets: Secrets = NO_SECRETS,
        *,
        plain: bool = False,
    ) -> None:
        super().__init__(timeout_s, watch, secrets)
        self._target, self._application, self._plain = target, application, plain
        arguments = self._arguments({n: v for n, v in target.options.items() if not isinstance(v, tuple)})
        address = make_url(target.url).set(drivername=self.drivername).difference_update_query(arguments)
        self._engine = sqlalchemy.create_engine(
            address, poolclass=sqlalchemy.NullPool, pool_reset_on_return=None, connect_args=arguments
        )
        try:
            self._connect()
        except Exception:
            self._worker.stop()
            raise

    def _connect(self) -> None:
        """Open a session and make it this one's. Raises CannotConnect."""
        try:
            self._pooled = self._engine.raw_connection()
            self._driver: Any = self._pooled.driver_connection
            self._session = self._introduce()
        except CannotConnect:
            raise
        except Exception as error:  # the drivers' sign-on plug-ins have errors of their own
            failed = getattr(error, "orig", None) or error
            what = f"cannot connect to {self._target.shown}: {self.secrets.masked(self._text(failed))}"
            raise CannotConnect(what, passing=self.passing.search(str(failed)) is not None) from None

    def another(self) -> Self:
        return type(self)(self._target, self._application, self.timeout_s, self.watch, self.secrets, plain=self._plain)

    def reopened(self) -> Self:
        """The lost connection is replaced, so that what is left of the run (`after`, the lease, scratch) has one.

        What its session still holds at the server would only make us wait, so it is ended.
        """
        old = self._session
        with suppress(Exception):
            self._pooled.invalidate()
        self._connect()
        self._stuck = False
        second = self.another()
        with suppress(WarehouseError):
            second.end_session(old)
        return second

    def _close(self) -> None:
        self._pooled.invalidate()
        self._engine.dispose()

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

    @abstractmethod
    def _arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """What the driver is told besides what SQLAlchemy's dialect makes of the URL; `given` are the URL's options."""

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
        return Trouble.LOST if state.startswith("08") or state in LOST else Trouble.REFUSED

    # -- scratch -------------------------------------------------------------------------------------------------------

    def open_scratch(self, playbook: str, run_id: str) -> str:
        name = f"{_scratch_prefix(playbook)}{re.sub('[^0-9a-z]', '', run_id.lower())}"
        scratch = self.engine.quote(name[: self.engine.name_bytes])
        self._create_scratch(scratch)
        return scratch

    def _create_scratch(self, scratch: str) -> None:
        self.execute("scratch:create", f"create schema {scratch}")

    def sweep_scratch(self, playbook: str) -> None:
        """A live run that lost its lease loses its scratch too: it is fenced anyway."""
        ours = re.compile(f"{_scratch_prefix(playbook)}[0-9a-z]+")
        for (found,) in self.execute("scratch:list", self.schemas).rows:
            if ours.fullmatch(name := self._name(found)):
                self.execute("scratch:sweep", f"drop schema if exists {self.engine.quote(name)} cascade")

    def _name(self, found: object) -> str:
        """A name out of the catalogue, as the core has it."""
        return str(found)

    def open_private_scratch(self) -> str:
        return self.private

    def drop_scratch(self, scratch: str) -> None:
        if scratch != self.private:
            self.execute("scratch:drop", f"drop schema if exists {scratch} cascade")


def _scratch_prefix(playbook: str) -> str:
    return f"runner_scratch_{playbook.lower().replace('-', '_')[:23]}_"
