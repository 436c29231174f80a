"""`--apply`: looks at what the target has, and makes the View where nothing of others is in the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.doors.products.choose.present import RECOVERED
from runner.doors.products.choose.wide import Present
from runner.doors.products.generate import Generated
from runner.doors.products.layouts import EVENTS
from runner.doors.products.output.files import MADE, Plan, marking, statements
from runner.errors import Exit, StatementFailed
from runner.names import TableName
from runner.warehouse.target import Target
from runner.warehouse.values import WarehouseError

if TYPE_CHECKING:
    from runner.warehouse.base import Warehouse

Make = Callable[[Callable[[Sequence[str]], Sequence[Present]]], Generated]


@dataclass(frozen=True)
class Applying:
    """A View on its way into a target that is open."""

    warehouse: Warehouse
    target: Target

    def look(self, tables: Sequence[str]) -> Sequence[Present]:
        """Those of the tables that are there, and those that hold what has not fitted into them."""
        named = {TableName(tuple(table.split("."))): table for table in (*tables, *self._recovered(tables))}
        found = self.warehouse.describe(named)
        return [Present(named[name], frozenset(one.names)) for name, one in found.items()]

    def _recovered(self, tables: Sequence[str]) -> list[str]:
        found = []
        for schema, _, name in (table.partition(".") for table in tables if table != EVENTS):
            listed = self.warehouse.tables(schema, f"{name}_")
            found += [f"{schema}.{one}" for one in listed if re.fullmatch(re.escape(name) + RECOVERED, one)]
        return found

    def apply(self, plan: Plan) -> None:
        """Make it, all or nothing."""
        self._clear(plan)
        try:
            if self.warehouse.engine.transactional_ddl:
                with self.warehouse.transaction("view"):
                    self._send(plan)
            else:
                self._send(plan)
        except WarehouseError as error:
            if error.exit_code is not Exit.FAILED:
                raise
            what = f"{plan.view} cannot be created in {self.target.shown}: {error.what}"
            raise StatementFailed(what, _hint(error.what)) from None

    def _send(self, plan: Plan) -> None:
        for number, text in enumerate((*statements(plan), marking(plan)), 1):
            self.warehouse.execute(f"view:{number}", text)

    def _clear(self, plan: Plan) -> None:
        """Raises StatementFailed where something of others has the name."""
        name = TableName(tuple(plan.view.split(".")))
        there = self.warehouse.describe([name]).get(name)
        if there is None:
            return
        what = f"{plan.view} is in the way in {self.target.shown}: "
        if not there.is_view:
            raise StatementFailed(f"{what}it is a table", "rename the table, or the data product")
        rows = self.warehouse.execute("catalogue:comment", self.warehouse.engine.comment_of(name)).rows
        comment = str(rows[0][0] or "") if rows else ""
        if comment == plan.mark:
            return
        of = re.search(rf"{MADE} view of data product (.*)", comment)
        if of:
            whose = f"it is the view of data product {of[1]}"
            raise StatementFailed(what + whose, "give one of the two products another name")
        whose = "it is a view that runner generate has not made, or not marked"
        hint = f"drop or rename it; if it came from a file of runner generate, mark it: {marking(plan)}"
        raise StatementFailed(what + whose, hint)


def _hint(what: str) -> str:
    """What to do about an error of the engine."""
    if "depend" in what:
        return "drop what reads the view, or make the view under another name: rename the data product"
    if "permission" in what.lower() or "privilege" in what.lower():
        return "grant this role CREATE on the database or schema, and SELECT on the events"
    return "runner generate view … --list says which structures it reads; --event and --entity leave some out"
