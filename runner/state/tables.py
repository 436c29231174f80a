"""The tables of a playbook's state in the warehouse: made, looked for, and told about where they are gone or another's.

What stands in them is `manifest`'s. Queries are in state/state.sql.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from runner import actions
from runner.errors import Damaged, RunnerError, Stopped
from runner.names import TableName
from runner.state import names
from runner.state.queries import Value, queries
from runner.state.whole import FOUND_AGAIN, shared_tables
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Trouble, WarehouseError

STATE_VERSION = 3  # of the tables in state.sql


class StateTables:
    """The tables of one playbook, and the queries that are sent to them."""

    def __init__(self, warehouse: Warehouse, playbook: str, schema: str) -> None:
        self.warehouse, self.playbook, self.schema = warehouse, playbook, schema
        self.lost: tuple[str, ...] = ()  # of the tables that all playbooks share, when they were looked at
        self.present = True  # False: nothing has run here yet, and a command that only reads makes nothing
        self.state_table = names.fence(playbook)

    @cached_property
    def _own(self) -> dict[str, Value]:
        """What every query may ask for; made late, since the warehouse may be asked for it."""
        return {
            "s": self.warehouse.engine.schema(self.schema),
            "playbook": self.playbook,
            "state_table": self.warehouse.engine.quote(self.state_table),
            "now": self.warehouse.engine.now,
        }

    def sql(self, name: str, /, **given: Value) -> str:
        """A named query of state.sql, filled with what it is `given` and with the playbook's own."""
        return queries()[name].filled(self.warehouse.engine.literal, self._own, given)

    def _do(self, name: str, label: str = "", /, **given: Value) -> int:
        return self.warehouse.execute(label or f"state:{name}", self.sql(name, **given)).row_count

    def _rows(self, name: str, /, **given: Value) -> Sequence[tuple[Any, ...]]:
        return self.warehouse.execute(f"state:{name}", self.sql(name, **given)).rows

    def table(self, name: str) -> str:
        """A table of the state schema, quoted."""
        return f"{self._own['s']}.{self.warehouse.engine.quote(name)}"

    @property
    def table_names(self) -> tuple[str, ...]:
        """The tables that all playbooks of the schema share, and the playbook's own."""
        return (*shared_tables(), self.state_table)

    # -- whether they are there ------------------------------------------------------------------------------------

    def written_by(self) -> int | None:
        """The version of the runner's tables, or of the playbook's own part where that is another; None: no tables."""
        shared = shared_tables()
        found = {name.table for name in self.warehouse.describe(map(self._named, (*shared, self.state_table)))}
        self.present = self.state_table in found
        self.lost = tuple(name for name in shared if name not in found)
        version = self._version_of("meta-read") if "meta" in found else None
        return self._version_of("part-read") if version == STATE_VERSION and self.present else version

    def _named(self, table: str) -> TableName:
        return TableName((self.schema, table))

    def _has_past(self) -> bool:
        """Whether anything is known of the playbook, though it has no fence."""
        past = (name for name in ("runs", "manifest", "models") if name not in self.lost)
        return any(self._rows("past-read", table=name) for name in past)

    def _check_lost(self) -> None:
        """Raises Damaged where a table is gone."""
        lost = list(self.lost)
        if "key_index" not in lost:
            indexes = [str(table) for _, _, table, _ in self._rows("indexes-read")]
            found = self.warehouse.describe(map(self._named, indexes))
            lost += [name for name in indexes if self._named(name) not in found]
        if lost:
            hint = actions.Run() if FOUND_AGAIN.issuperset(lost) else actions.Renew()
            raise self.damaged(f"{', '.join(lost)} {'is' if len(lost) == 1 else 'are'} gone", hint)

    def damaged(self, what: str, hint: actions.Hint = "") -> Damaged:
        """The state is not what the last run has left."""
        what = f"the state of playbook {self.playbook} in schema {self.schema} is not whole: {what}"
        return Damaged(what, hint or actions.Renew())

    def explained(self, error: WarehouseError) -> RunnerError:
        """The error, or what it comes of where a table of the state is gone."""
        if error.trouble is not Trouble.REFUSED:
            return error
        try:
            self.written_by()
            if self.present:
                self._check_lost()
        except Damaged as damaged:
            return damaged
        except RunnerError:
            return error
        return error

    # -- making them ---------------------------------------------------------------------------------------------------

    def ensure(self) -> tuple[str, ...]:
        """Create the state tables; idempotent, and safe if two runners do it at once. Gives those that were lost.

        Raises Stopped; see `_check`.
        """
        try:
            meta, part, rows, *_ = self._rows("whole-read")[0]
        except WarehouseError as error:
            if error.trouble is not Trouble.REFUSED:
                raise
            return self._make()
        for version in (meta, part):
            self._check(None if version is None else int(str(version)))
        if rows != 1:
            raise self.damaged(f"its fence, {self.state_table}, has no row")
        return ()

    def _make(self) -> tuple[str, ...]:
        """Create what is not there. Raises Damaged for a playbook with a past that has lost its fence."""
        self._check(self.written_by())
        if not self.present and self._has_past():
            self.written_by()  # once more: another runner may just have made it
            if not self.present:
                raise self.damaged(f"its fence, {self.state_table}, is gone")
        self._guarded(lambda: self.warehouse.create_schema("state:create-schema", str(self._own["s"])))
        self.create_tables()
        self._do("meta-insert", version=STATE_VERSION)
        self.create_fence(STATE_VERSION)
        lost, self.present = self.lost if self.present else (), True
        return lost

    def create_tables(self) -> None:
        """Those of the schema that all its playbooks share."""
        for name in queries():
            if name.startswith("create-"):
                self._guarded(lambda: self._do(name))  # noqa: B023 - called at once

    def create_fence(self, state_version: int) -> None:
        """The playbook's own table."""
        table, first = self.table(self.state_table), self.sql("first-state", state_version=state_version)
        self._guarded(lambda: self.warehouse.create_once("state:create-state", table, first))

    def _guarded(self, create: Callable[[], object]) -> None:
        """IF NOT EXISTS does not help two sessions that create at the same instant: the second tries once more."""
        try:
            create()
        except WarehouseError as error:
            if error.trouble is Trouble.LOST:
                raise
            create()

    def _version_of(self, name: str) -> int | None:
        rows = self._rows(name)
        return int(str(rows[0][0])) if rows and rows[0][0] is not None else None

    def _check(self, version: int | None) -> None:
        """Raises Stopped for the version of another runner: what it wrote may mean something else."""
        if version is None or version == STATE_VERSION:
            return
        who, hint = ("an older", actions.Renew()) if version < STATE_VERSION else ("a newer", "upgrade this runner")
        what = f"the state of playbook {self.playbook} in schema {self.schema} was written by {who} runner"
        raise Stopped(f"{what} (version {version}, this one writes {STATE_VERSION})", hint)
