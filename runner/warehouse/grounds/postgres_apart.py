"""A session in the user's own Postgres database whose every schema is called otherwise, for who must not touch his.

What would name one of his schemas all the same is not sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Self

from runner.warehouse.engines.postgres import Apart, apart
from runner.warehouse.postgres import Postgres
from runner.warehouse.values import Result, Trouble, WarehouseError


class PostgresApart(Postgres):
    """Its schemas begin with a prefix."""

    engine: Apart
    _forbidden: tuple[str, ...] = ()

    @classmethod
    def beside(cls, home: Postgres, prefix: str, forbidden: Iterable[str]) -> Self:
        """A session of its own like `home`; `forbidden` are the schemas of the user's."""
        session = cls(home._open_connection, home._shown, home._application, home.timeout_s, secrets=home.secrets)
        session.engine = apart(Postgres.engine, prefix)
        session._forbidden = tuple(f"{Postgres.engine.quote(name)}." for name in forbidden)
        return session

    def another(self) -> Self:
        made = super().another()
        made.engine, made._forbidden = self.engine, self._forbidden
        return made

    def _send(self, label: str, sql: str, run: Callable[[str], tuple[Result, ...]] | None = None) -> tuple[Result, ...]:
        if named := next((name for name in self._forbidden if name in sql), None):
            raise WarehouseError(label, f"it would be sent with {named[:-1]}, which is not ours", Trouble.REFUSED)
        return super()._send(label, sql, run)

    def tables(self, schema: str, prefix: str) -> tuple[str, ...]:
        return super().tables(self.engine.place(schema), prefix)

    def open_scratch(self, playbook: str, run_id: str) -> str:
        scratch = self.engine.schema(re.sub("[^0-9a-z]", "", run_id.lower()))
        self._create_scratch(scratch)
        return scratch

    def sweep_scratch(self, playbook: str) -> None:
        """Whoever made this session drops all of its schemas."""
