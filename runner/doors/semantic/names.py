"""How the generated tables and views are called; columns are those of docs/semantic-layer.md."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from runner.names import TableName


@dataclass(frozen=True)
class Names:
    """The objects of one schema."""

    schema: str

    def _of(self, name: str) -> TableName:
        return TableName((self.schema, name))

    def events(self, event: str) -> TableName:
        """One row an event: last version, typed."""
        return self._of(f"ev_{event}")

    def days(self, event: str) -> TableName:
        """One row a user and day with such events."""
        return self._of(f"day_{event}")

    @property
    def registrations(self) -> TableName:
        """One row a user who has registered."""
        return self._of("registrations")

    @property
    def sums(self) -> TableName:
        """One row a user and part of his life with events."""
        return self._of("user_sums")

    @property
    def parts(self) -> TableName:
        """One row a user and part of his life."""
        return self._of("user_parts")

    @property
    def spans(self) -> TableName:
        """One row a user and change of a property."""
        return self._of("user_spans")

    @property
    def calendar(self) -> TableName:
        """One row a date that has values."""
        return self._of("calendar")

    def kpi_table(self, base: str) -> TableName:
        """Components by date, cohort and group; base '' is that of all users."""
        return self._of(f"kpi_{base or 'totals'}")

    def users(self, what: str) -> TableName:
        """The views of users and days: totals, daily, active, cohort."""
        return self._of(f"v_{what}")

    def kpi_view(self, name: str, cohort: bool) -> TableName:
        """A KPI's view over dates or over cohort days."""
        return self._of(f"v_kpi_{name}{'_cohort' if cohort else ''}")

    @property
    def unreadable(self) -> TableName:
        """The view of events with values that could not be read."""
        return self._of("v_unreadable")

    @property
    def quarantine(self) -> TableName:
        """The view of events that come from the future."""
        return self._of("v_quarantine")


def bad_of(name: str) -> str:
    """The helper column that counts rows without a value of a property or component. No property is called so."""
    return f"_bad_{hashlib.sha256(name.encode()).hexdigest()[:12]}"
