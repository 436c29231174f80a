"""What the model of semantic_model.py means, in plain Python over raw rows: no SQL, nothing of the package under test.

A user's days begin with the first event that counts and end with the last date of anybody's; every property has a value
on each of them, and a KPI adds these up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

DAY = timedelta(days=1)
COHORT_DAYS = (0, 1, 3, 7)
GROUPS = ("registration_country", "last_country", "segment", "days_active")
Value = Any


@dataclass(frozen=True)
class Row:
    """A row of app.login (`kind` login) or of app.events."""

    kind: str  # 'login', 'payment' or another event_name
    event_id: str | None
    user_id: str | None
    time: datetime | None
    etl: datetime
    country: str | None = None
    revenue: Decimal | None = None
    product: str | None = None


def counted(rows: Iterable[Row]) -> list[Row]:
    """The last version of each event, without those of nobody, of no time, and from the future."""
    last: dict[tuple[bool, str], Row] = {}
    for row in rows:
        if row.event_id is None:
            continue
        key = (row.kind == "login", row.event_id)
        if key not in last or last[key].etl < row.etl:
            last[key] = row
    fit = [r for r in last.values() if r.user_id is not None and r.time is not None and r.time <= r.etl + DAY]
    return [row for row in fit if row.kind in ("login", "payment")]


@dataclass
class Oracle:
    """All values of all users on all dates."""

    rows: list[Row]
    by_day: dict[tuple[str, date], list[Row]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for row in sorted(self.rows, key=lambda r: (r.time or datetime.min, r.event_id or "")):
            assert row.time is not None and row.user_id is not None
            self.by_day[row.user_id, row.time.date()].append(row)
        self.days: dict[str, list[date]] = defaultdict(list)
        for user, day in sorted(self.by_day):
            self.days[user].append(day)
        dates = [day for _, day in self.by_day]
        self.first: date | None = min(dates, default=None)
        self.last: date | None = max(dates, default=None)
        self.value: Callable[[str, str, date], Value] = cache(self._value)

    @property
    def dates(self) -> list[date]:
        """Every date that has values."""
        if self.first is None or self.last is None:
            return []
        return [self.first + DAY * n for n in range((self.last - self.first).days + 1)]

    def grid(self) -> Iterator[tuple[str, date]]:
        """Every user on every date since his first."""
        for user, days in self.days.items():
            for day in self.dates:
                if day >= days[0]:
                    yield user, day

    # -- properties ----------------------------------------------------------------------------------------------

    def _registration(self, user: str) -> Row | None:
        logins = [r for day in self.days[user] for r in self.by_day[user, day] if r.kind == "login"]
        return logins[0] if logins else None

    def _of_day(self, user: str, day: date, kind: str = "payment") -> list[Row]:
        return [row for row in self.by_day.get((user, day), []) if row.kind == kind]

    def _window(self, name: str, user: str, first: date, last: date) -> list[Value]:
        start = max(first, self.days[user][0])
        values = (self.value(name, user, start + DAY * n) for n in range((last - start).days + 1))
        return [value for value in values if value is not None]

    def _value(self, name: str, user: str, day: date) -> Value:
        registration = self._registration(user)
        payments = self._of_day(user, day)
        paid = [row.revenue for row in payments if row.revenue is not None]
        since = self.days[user][0]
        if name in ("registration_date", "registered_on"):
            return registration.time.date() if registration and registration.time else None
        if name == "registration_country":
            return registration.country if registration else None
        if name == "dau_active":
            return int((user, day) in self.by_day)
        if name == "registered":
            return int(self.value("registration_date", user, day) == day)
        if name == "logins":
            return len(self._of_day(user, day, "login"))
        if name == "revenue":
            return sum(paid, Decimal(0))
        if name == "best":
            return max(paid, default=None)
        if name == "mean":
            return sum(paid) / len(paid) if paid else None
        if name == "first_product":
            fit = (row.product for row in payments if row.revenue is not None and row.revenue > 2)
            return next((product for product in fit if product is not None), None)
        if name == "products":
            return len({row.product for row in payments} - {None}) if payments else None
        if name == "payer":
            return int(bool(payments))
        if name == "big_revenue":
            big = [revenue for revenue in paid if revenue > 4]
            return sum(big) if big else None
        if name == "wau":
            return max(self._window("dau_active", user, day - 4 * DAY, day))
        if name == "days_active":
            return sum(self._window("dau_active", user, day - 4 * DAY, day))
        if name == "returns":
            return sum(self._window("dau_active", user, day + DAY, day + 2 * DAY))
        if name == "peak":
            return max(self._window("days_active", user, day - 2 * DAY, day))
        if name == "tried":
            return len(set(self._window("first_product", user, day - 4 * DAY, day - DAY)))
        if name == "mean_revenue":
            values = self._window("revenue", user, day - DAY, day)
            return sum(values) / len(values)
        if name == "launch_revenue":
            values = self._window("revenue", user, date(2026, 1, 2), date(2026, 1, 4))
            return sum(values) if values else None
        if name == "revenue_lifetime":
            return sum(self._window("revenue", user, since, day))
        if name == "payer_ever":
            return max(self._window("payer", user, since, day))
        if name in ("first_country", "last_country"):
            return self._country(user, day, first=name == "first_country")
        if name == "spender":
            return int(self.value("revenue", user, day) > 4)
        if name == "spender_days":
            return sum(self._window("spender", user, day - 2 * DAY, day))
        if name == "segment":
            spent = self.value("revenue_lifetime", user, day)
            return "none" if spent <= 0 else "some" if spent <= 9 else "much"
        if name == "cohort_day":
            registered = self.value("registration_date", user, day)
            return (day - registered).days if registered else None
        if name == "cohort_size":
            return 1
        if name == "last_activity_date":
            return max(d for d in self.days[user] if d <= day)
        if name == "days_since_last_active":
            return (day - self.value("last_activity_date", user, day)).days
        raise KeyError(name)

    def _country(self, user: str, day: date, *, first: bool) -> str | None:
        logins = [r for d in self.days[user] if d <= day for r in self._of_day(user, d, "login")]
        countries = [row.country for row in logins if row.country is not None]
        return (countries[0] if first else countries[-1]) if countries else None

    # -- KPIs ----------------------------------------------------------------------------------------------------

    def kpi(self, name: str, cells: list[tuple[str, date]]) -> Value:
        """A KPI over some users on some dates."""

        def values(of: str, where: Callable[[str, date], bool] = lambda u, d: True) -> list[Value]:
            found = (self.value(of, user, day) for user, day in cells if where(user, day))
            return [value for value in found if value is not None]

        def total(of: str, where: Callable[[str, date], bool] = lambda u, d: True) -> Value:
            found = values(of, where)
            return sum(found) if found else None

        if name.startswith("retention_d"):
            return self._ratio(cells, "dau_active", int(name.removeprefix("retention_d")))
        simple = {"login_count": "logins", "daily_revenue": "revenue", "dau": "dau_active", "wau_users": "wau"}
        if name in simple:
            return total(simple[name]) or 0
        if name == "arpdau":
            return self._divided(total("revenue"), total("dau_active"))
        if name == "payer_dau":
            return total("dau_active", lambda u, d: self.value("payer_ever", u, d) > 0) or 0
        if name == "registrations":
            return total("cohort_size", lambda u, d: self.value("cohort_day", u, d) == 0) or 0
        if name == "retention":
            return self._ratio(cells, "dau_active", None)
        if name == "ltv":
            return self._divided(total("revenue_lifetime"), total("cohort_size"))
        if name == "lost":
            return total("cohort_size", lambda u, d: self.value("days_since_last_active", u, d) == 3) or 0
        if name == "mean_lifetime":
            found = values("revenue_lifetime")
            return self._divided(sum(found), len(found))
        if name == "top_lifetime":
            return max(values("revenue_lifetime"), default=None)
        if name == "countries":
            return len(set(values("last_country")))
        if name == "active_countries":
            active = [(u, d) for u, d in cells if self.value("dau_active", u, d) > 0]
            countries = {self.value("last_country", u, d) for u, d in active} - {None}
            logins = [self.value("logins", u, d) for u, d in active]
            return len(countries) + sum(logins)
        if name == "spread":
            return (total("revenue") or 0) - (total("logins") or 0)
        raise KeyError(name)

    def _ratio(self, cells: list[tuple[str, date]], of: str, age: int | None) -> Value:
        fit = [(u, d) for u, d in cells if age is None or self.value("cohort_day", u, d) == age]
        active = sum(self.value(of, u, d) for u, d in fit)
        return self._divided(active * 100, len(fit)) if fit else None

    @staticmethod
    def _divided(above: Value, below: Value) -> Value:
        return None if not below or above is None else above / below

    def over(self, axis: str, by: str = "") -> dict[tuple[Value, Value], list[tuple[str, date]]]:
        """Users and dates by place on an axis, and by group."""
        found: dict[tuple[Value, Value], list[tuple[str, date]]] = defaultdict(list)
        for user, day in self.grid():
            place: Value = day if axis == "date" else self.value("cohort_day", user, day)
            if axis == "date" or (place is not None and place >= 0):
                found[place, self.value(by, user, day) if by else None].append((user, day))
        return found


DATE_KPIS = (
    "login_count", "daily_revenue", "dau", "wau_users", "arpdau", "payer_dau", "registrations", "lost", "mean_lifetime",
    "top_lifetime", "countries", "active_countries", "spread", *(f"retention_d{n}" for n in COHORT_DAYS),
)  # fmt: skip
COHORT_KPIS = ("login_count", "daily_revenue", "dau", "arpdau", "retention", "ltv", "top_lifetime")
PROPERTIES = (
    "registration_date", "registration_country", "dau_active", "registered", "logins", "revenue", "best", "mean",
    "first_product", "products", "payer", "big_revenue", "wau", "days_active", "returns", "peak", "tried",
    "mean_revenue", "launch_revenue", "revenue_lifetime", "payer_ever", "first_country", "last_country", "spender",
    "spender_days", "segment", "cohort_day", "cohort_size", "last_activity_date", "days_since_last_active",
)  # fmt: skip
