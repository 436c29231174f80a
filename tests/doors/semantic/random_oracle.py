"""What a random model means, in plain Python: dense days of every user, no SQL, nothing of the package under test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from tests.doors.semantic.oracle import Row
from tests.doors.semantic.random_models import Get, Kpi, Model, OfDays, OfEvents, OfOthers, OfRegistration, Term, Value

DAY = timedelta(days=1)
Cell = tuple[str, date]


def last_versions(rows: Iterable[Row]) -> list[Row]:
    """The newest version of each event of a table, but for those of nobody, of no time, and from the future."""
    newest: dict[tuple[bool, str], Row] = {}
    for row in rows:
        if row.event_id is not None:
            key = (row.kind == "login", row.event_id)
            if key not in newest or newest[key].etl < row.etl:
                newest[key] = row
    return [r for r in newest.values() if r.user_id is not None and r.time is not None and r.time <= r.etl + DAY]


def typed(value: Value, type_: str) -> Value:
    """A value as a property of a type has it: numbers rounded, halves away from zero."""
    if value is None or type_ not in ("NUMBER", "INTEGER"):
        return value
    return Decimal(value).quantize(Decimal("0.0001" if type_ == "NUMBER" else "1"), ROUND_HALF_UP)


def aggregate(function: str, values: Iterable[Value]) -> Value:
    """One value of several, in their order; nulls are passed over."""
    found = [value for value in values if value is not None]
    if function == "count":
        return len(found)
    if function in ("count_distinct", "distinct"):
        return len(set(found))
    if not found:
        return None
    if function in ("sum", "avg"):
        total = sum(map(Decimal, found), Decimal(0))
        return total if function == "sum" else total / len(found)
    chosen: dict[str, Callable[[], Value]] = {
        "min": lambda: min(found),
        "max": lambda: max(found),
        "first_value": lambda: found[0],
        "last_value": lambda: found[-1],
    }
    return chosen[function]()


@dataclass
class RandomOracle:
    """All values of all users on all dates."""

    model: Model
    rows: list[Row]
    days: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    of: dict[tuple[str, date], list[Row]] = field(default_factory=lambda: defaultdict(list))
    registered: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        model = self.model
        with_values = {one.kind.event for one in model.props.values() if isinstance(one.kind, OfEvents)}
        order = ["login", "other", "payment"]
        for row in sorted(self.rows, key=lambda r: (r.time or datetime.min, order.index(r.kind), r.event_id or "")):
            assert row.time is not None and row.user_id is not None
            if row.kind in model.registering:
                self.registered.setdefault(row.user_id, row)
            self.of[row.user_id, row.time.date()].append(row)
            if row.kind in model.activity | with_values:
                self.days[row.user_id].add(row.time.date())
        for user, row in self.registered.items():
            assert row.time is not None
            self.days[user].add(row.time.date())
        self.value: Callable[[str, str, date], Value] = cache(self._value)

    @property
    def dates(self) -> list[date]:
        every = [day for days in self.days.values() for day in days]
        return [min(every) + DAY * n for n in range((max(every) - min(every)).days + 1)] if every else []

    def grid(self) -> list[Cell]:
        """Every user on every date since his first."""
        return [(user, day) for user in self.days for day in self.dates if day >= min(self.days[user])]

    # -- properties --------------------------------------------------------------------------------------------------

    def _value(self, name: str, user: str, day: date) -> Value:
        one = self.model.props[name]
        if isinstance(one.kind, OfRegistration):
            row = self.registered.get(user)
            if row is None or row.time is None:
                return None
            return row.time.date() if one.kind.column == "date" else row.country
        if isinstance(one.kind, OfEvents):
            found = typed(self._of_events(one.kind, user, day, one.type), one.type)
            return typed(one.kind.default, one.type) if found is None else found
        if isinstance(one.kind, OfDays):
            return typed(self._of_days(one.kind, user, day), one.type)
        return typed(self._of_others(one.kind, user, day), one.type)

    def _of_events(self, kind: OfEvents, user: str, day: date, type_: str) -> Value:
        every = self.of.get((user, day), [])
        if kind.event == "entity_registrations":
            row = self.registered.get(user)
            return 1 if row and row.time and row.time.date() == day else None
        if kind.event == "entity_activity":
            return 1 if any(row.kind in self.model.activity for row in every) else None
        getters = [_getter(row) for row in every if row.kind == kind.event]
        if kind.where:
            getters = [get for get in getters if kind.where.value(get)]
        if not getters:
            return None
        if kind.whole:
            return kind.whole(getters)
        values = [get(kind.column.strip("{}")) for get in getters]
        if kind.function in ("min", "max", "first_value", "last_value"):
            values = [typed(value, type_) for value in values]
        return aggregate(kind.function, values)

    def _of_days(self, kind: OfDays, user: str, day: date) -> Value:
        first = min(self.days[user])
        if kind.kind == "sliding":
            since, until = day + DAY * kind.first, day + DAY * kind.last
        elif kind.kind == "fixed":
            since, until = kind.first, kind.last
        else:
            since, until = first, day
        since = max(since, first)
        days = [since + DAY * n for n in range((until - since).days + 1)]
        return aggregate(kind.function, [self.value(kind.source, user, one) for one in days])

    def _of_others(self, kind: OfOthers, user: str, day: date) -> Value:
        value = kind.formula.value(self._get(user, day))
        if not kind.mappings or value is None:
            return None if kind.mappings else value
        for rule in kind.mappings:
            if rule.constant is not None:
                fits = value == rule.constant
            else:
                fits = (rule.low is None or value >= rule.low) and (rule.high is None or value <= rule.high)
            if fits:
                return rule.new
        return None

    def _get(self, user: str, day: date) -> Get:
        return lambda name: day if name == "date" else self.value(name, user, day)

    # -- KPIs --------------------------------------------------------------------------------------------------------

    def over(self, axis: str, by: str) -> dict[tuple[Value, str | None], list[Cell]]:
        """Users and dates by place on an axis, and by group."""
        found: dict[tuple[Value, str | None], list[Cell]] = defaultdict(list)
        for user, day in self.grid():
            place: Value = day if axis == "date" else self.value("cohort_day", user, day)
            if place is not None and (axis == "date" or place >= 0):
                group = self.value(by, user, day) if by else None
                found[place, None if group is None else str(group)].append((user, day))
        return found

    def kpi(self, kpi: Kpi, cells: list[Cell]) -> Value:
        """A KPI over some users on some dates; those within it see the cells that its condition leaves."""
        if kpi.where:
            cells = [cell for cell in cells if kpi.where.value(self._get(*cell))]
        values = [self._term(term, cells) for term in kpi.terms]
        if len(values) == 1:
            return values[0]
        one, other = values
        if one is None or other is None:
            return None
        if kpi.join == "/":
            return Decimal(one) / Decimal(other) if other else None
        return Decimal(one) + Decimal(other) if kpi.join == "+" else Decimal(one) - Decimal(other)

    def _term(self, term: Term, cells: list[Cell]) -> Value:
        if term.function == "kpi":
            return self.kpi(self.model.kpis[term.name], cells)
        values = [self.value(term.name, user, day) for user, day in cells]
        if term.function == "countif":
            return sum(value is not None and value > 1 for value in values)
        found = aggregate(term.function, values)
        return 0 if found is None and term.function == "sum" and self.always(term.name) else found

    def always(self, name: str) -> bool:
        """Whether every user has a value on every day, whatever happens."""
        kind = self.model.props[name].kind
        if isinstance(kind, OfEvents):
            return kind.default is not None
        if isinstance(kind, OfOthers):
            formula = kind.formula
            default = formula.sql.startswith(("IFNULL", "IF("))
            return not kind.mappings and formula.always and (default or all(map(self.always, formula.names)))
        if isinstance(kind, OfDays):
            if kind.kind != "lifetime" and kind.function.startswith("count"):
                return True
            today = kind.kind == "lifetime" or (kind.kind == "sliding" and kind.first <= 0 <= kind.last)
            return today and self.always(kind.source)
        return False


def _getter(row: Row) -> Get:
    return lambda name: {"revenue": row.revenue, "product": row.product, "country": row.country}[name]
