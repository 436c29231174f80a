"""One KPI within a query: from what its value is made there, and the SQL of it over columns that branches give."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from runner.doors.semantic.commands.query.periods import Grain
from runner.doors.semantic.commands.query.request import Request
from runner.doors.semantic.commands.query.users import counts_users
from runner.doors.semantic.compile.kpi_tables import merge
from runner.doors.semantic.compile.playbook import Compiled
from runner.doors.semantic.components import USERS, Term, Unfolded, cell_dimensions
from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.values import Total

_RATIO = Formula("SAFE_DIVIDE({total}, {count})")


class Way(Enum):
    """What a KPI's value is made from."""

    CELLS = "the stored components"
    USERS = "users and days"
    DAYS = "its own values on days"


@dataclass(frozen=True)
class Part:
    """The KPI of a number. Columns of terms and totals begin with its name."""

    compiled: Compiled
    request: Request
    number: int
    unfolded: Unfolded

    @property
    def name(self) -> str:
        """What the KPI is called within the SELECT."""
        return f"k{self.number}"

    @property
    def total(self) -> Total | None:
        """How the values of days become one, where they do."""
        return self.request.total(self.unfolded.kpi)

    @property
    def way(self) -> Way:
        """What its value is made from."""
        if self.total is not None:
            return Way.DAYS
        by = self.request.options.by
        stored = {one.name for one in cell_dimensions(self.compiled.config)}
        fits = not by or (len(by) == 1 and by[0] in stored and not self.request.options.cohort)
        is_plain = not (self.unfolded.holistic or self.request.where or self.counts_users)
        return Way.CELLS if fits and is_plain else Way.USERS

    @property
    def counts_users(self) -> bool:
        """Whether users are counted who would be counted once a day if days were added up."""
        is_long = self.request.options.grain is not Grain.DAY
        return is_long and self.total is None and counts_users(self.compiled.config, self.unfolded)

    @property
    def bases(self) -> tuple[str, ...]:
        """The bases of the KPI tables that are read."""
        terms = self.unfolded.terms if self.way is Way.CELLS else ()
        return tuple(dict.fromkeys(term.component.base for term in terms))

    # -- columns of branches -----------------------------------------------------------------------------------------

    def columns(self) -> dict[str, str]:
        """Each column, and what it is in a branch that does not give it."""
        if self.way is Way.DAYS:
            return dict.fromkeys(self.of_days(""), "null")
        return {self._column(term): f"cast(null as {self._type(term)})" for term in self.unfolded.terms}

    def of_cells(self, base: str) -> dict[str, str]:
        """What the KPI table of a base gives."""
        terms = self.unfolded.terms if self.way is Way.CELLS else ()
        views = self.compiled.views
        return {self._column(t): self._cast(views.merged(t), t) for t in terms if t.component.base == base}

    def of_users(self) -> dict[str, str]:
        """What users and days give."""
        if self.way is not Way.USERS:
            return {}
        views = self.compiled.views
        value = views.users_of if self.counts_users else views.raw
        return {self._column(term): self._cast(value(term), term) for term in self.unfolded.terms}

    def of_days(self, value: str) -> dict[str, str]:
        """What the days of a period give, by their values."""
        added = {Total.SUM: ("sum",), Total.AVG: ("sum", "count"), Total.COUNT: ("count",)}
        functions = added.get(self.total, (str(self.total),)) if self.total else ()
        return {f"{self.name}_{function}": f"{function}({value})" for function in functions}

    def _column(self, term: Term) -> str:
        return f"{self.name}_{term.name}"

    def _type(self, term: Term) -> str:
        return "bigint" if self.counts_users else self.compiled.views.type_of(term)

    def _cast(self, value: str, term: Term) -> str:
        if self.counts_users:
            return f"cast({value} as {self._type(term)})"
        return self.compiled.views.typed(term, value)

    # -- the value ---------------------------------------------------------------------------------------------------

    def value(self) -> str:
        """Its value at a place, over all rows that branches gave."""
        if self.way is Way.DAYS:
            return self._over_days()
        terms = {term.name: term for term in self.unfolded.terms}
        return self.unfolded.formula.sql(self.compiled.views.dialect.engine, lambda name: self._merged(terms[name]))

    def _merged(self, term: Term) -> str:
        column = self._column(term)
        if self.unfolded.holistic or self.counts_users:
            merged = f"max({column})"
        else:
            merged = merge(self.compiled.views.dialect, self.compiled.config, term.component, column)
        return f"coalesce({merged}, 0)" if term.component.zero or self.counts_users else merged

    def _over_days(self) -> str:
        """The total of the days. On a day on which nobody is asked about, the value is what nobody gives."""
        total, empty = self.total, self._of_nobody()
        found = f"max({self.name}_{'sum' if total is Total.AVG else total})"
        count = f"max({self.name}_count)"
        if self.request.is_sparse:
            missing = "coalesce(max(missing), 1)"
            count = f"coalesce({count}, 0) + case when {empty} is null then 0 else {missing} end"
            if total in (Total.MIN, Total.MAX):
                sign = "<" if total is Total.MIN else ">"
                other = f"{found} is null or {empty} {sign} {found}"
                return f"case when {missing} > 0 and ({other}) then {empty} else {found} end"
            found = f"coalesce({found} + coalesce({empty}, 0) * {missing}, {empty})"
        if total is Total.AVG:
            return _RATIO.sql(self.compiled.views.dialect.engine, {"total": found, "count": count}.__getitem__)
        return count if total is Total.COUNT else found

    def _of_nobody(self) -> str:
        """The value where there are no users: sums over all of them are 0 there, those of an event's days as it says."""
        terms = {term.name: term for term in self.unfolded.terms}
        views = self.compiled.views

        def nothing(name: str) -> str:
            component = terms[name].component
            if component.zero or (component.base == USERS and component.function == "sum"):
                return "0"
            return f"cast(null as {views.type_of(terms[name])})"

        return f"({self.unfolded.formula.sql(views.dialect.engine, nothing)})"
