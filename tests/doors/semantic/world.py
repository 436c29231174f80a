"""An upstream of logins and payments that does everything upstreams do.

And a model over it that is compared with the oracle after every update.
"""

from __future__ import annotations

import io
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from runner.cli.app import main
from tests.doors.semantic import model as semantic_model
from tests.doors.semantic.oracle import COHORT_KPIS, DATE_KPIS, GROUPS, PROPERTIES, Oracle, Row, counted
from tests.engines.db import Db
from tests.kit.project import Said

START = datetime(2026, 1, 1)
DAY = timedelta(days=1)
DDL = """
create schema if not exists app;
create table app.login (event_id varchar(40), user_id varchar(40), time timestamp, etl_tstamp timestamp, country varchar(9));
create table app.events (event_id varchar(40), user_id varchar(40), time timestamp, etl_tstamp timestamp,
    event_name varchar(20), revenue decimal(18,4), product varchar(9))
"""
LOGIN = ("event_id", "user_id", "time", "etl_tstamp", "country")
EVENTS = ("event_id", "user_id", "time", "etl_tstamp", "event_name", "revenue", "product")
KPI_NAMES = ("daily_revenue", "dau", "wau_users", "ltv", "retention_d1", "login_count", "countries")


@dataclass
class World:
    """Rows upstream, the folder of the model, and the command line over both."""

    url: str
    folder: Path
    rows: list[Row] = field(default_factory=list)
    made: int = 0
    batches: int = 0
    changes: dict[str, str] = field(default_factory=dict)
    processed: dict[tuple[bool, datetime], Counter[Row]] = field(default_factory=dict)
    _db: Db | None = None

    def __post_init__(self) -> None:
        self.db.execute(DDL)
        self.write()

    @property
    def db(self) -> Db:
        """A connection of our own."""
        if self._db is None:
            self._db = Db(self.url)
        return self._db

    def close(self) -> None:
        """Close it: another process, or one that only reads, opens the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def write(self, **changes: str) -> None:
        """The model's files; `changes` are kept."""
        self.changes |= {name.replace("__", "/").replace("_yml", ".yml"): text for name, text in changes.items()}
        semantic_model.write(self.folder, self.changes)

    def run(self, *args: str, code: int = 0) -> Said:
        """`runner model …`."""
        if self.url.startswith("duckdb") and args[0] in ("plan", "status", "query", "explain"):
            self.close()
        out, err = io.StringIO(), io.StringIO()
        found = main(["model", args[0], str(self.folder), *args[1:], "--target", self.url], out=out, err=err)
        assert found == code, f"exit {found}, not {code}\n{out.getvalue()}{err.getvalue()}"
        return Said(found, out.getvalue(), err.getvalue())

    # -- upstream --------------------------------------------------------------------------------------------------

    def load(self, *rows: Row) -> None:
        """Append rows."""
        self.rows += rows
        self.db.load(
            "app.login", LOGIN, [(r.event_id, r.user_id, r.time, r.etl, r.country) for r in rows if r.kind == "login"]
        )
        others = [r for r in rows if r.kind != "login"]
        self.db.load(
            "app.events",
            EVENTS,
            [(r.event_id, r.user_id, r.time, r.etl, r.kind, r.revenue, r.product) for r in others],
        )

    def replace_all(self, rows: list[Row]) -> None:
        """The tables hold exactly these rows."""
        self.db.execute("delete from app.login")
        self.db.execute("delete from app.events")
        self.rows = []
        self.load(*rows)

    def row(self, rng: Random, day: int, etl: datetime) -> Row:
        """A new event."""
        self.made += 1
        kind = rng.choice(("login", "login", "payment", "payment", "other"))
        time = START + DAY * day + timedelta(minutes=rng.randrange(1440))
        return Row(
            kind,
            None if rng.random() < 0.04 else f"e{self.made}",
            None if rng.random() < 0.05 else f"u{rng.randrange(7)}",
            time if rng.random() > 0.03 else None,
            etl,
            country=rng.choice(("DE", "FR", None)) if kind == "login" else None,
            revenue=Decimal(rng.choice((1, 3, 5, 8))) if kind != "login" and rng.random() > 0.1 else None,
            product=rng.choice(("a", "b", "c", None)) if kind != "login" else None,
        )

    def step(self, rng: Random) -> str:
        """One thing that upstreams do; gives what."""
        what = rng.choice(
            (
                "batch",
                "batch",
                "batch",
                "late",
                "grow",
                "correct",
                "correct",
                "delete",
                "gone",
                "jump",
                "future",
                "copy",
            )
        )
        getattr(self, f"_{what}")(rng)
        return what

    def _next(self) -> datetime:
        self.batches += 1
        return START + DAY * self.batches

    def _batch(self, rng: Random, day: int | None = None, most: int = 6) -> None:
        etl = self._next()
        newest = self.batches - 1
        self.load(*(self.row(rng, newest if day is None else day, etl) for _ in range(rng.randint(1, most))))

    def _late(self, rng: Random) -> None:
        """Events of long ago: first touches among them."""
        self._batch(rng, rng.randint(-3, max(0, self.batches - 3)), 3)

    def _grow(self, rng: Random) -> None:
        batches = sorted({row.etl for row in self.rows}) or [self._next()]
        self.load(self.row(rng, rng.randint(0, self.batches), rng.choice(batches)))

    def _correct(self, rng: Random) -> None:
        """New versions of events: another user, day, amount or kind."""
        known = [row for row in self.rows if row.event_id is not None]
        etl = self._next()
        fixed: dict[tuple[bool, str | None], Row] = {}
        for old in rng.sample(known, min(2, len(known))):
            change = rng.choice(("user", "day", "amount", "country"))
            new = replace(old, etl=etl)
            if change == "user":
                new = replace(new, user_id=f"u{rng.randrange(7)}")
            elif change == "day":
                new = replace(new, time=START + DAY * rng.randint(0, self.batches))
            elif change == "amount" and old.kind != "login":
                new = replace(new, revenue=Decimal(rng.choice((2, 6))))
            elif old.kind == "login":
                new = replace(new, country=rng.choice(("US", None)))
            fixed[new.kind == "login", new.event_id] = new
        self.load(*fixed.values())

    def _delete(self, rng: Random) -> None:
        """Rows leave their batches."""
        gone = set(rng.sample(range(len(self.rows)), min(len(self.rows), rng.randint(1, 3))))
        self.replace_all([row for number, row in enumerate(self.rows) if number not in gone])

    def _gone(self, rng: Random) -> None:
        """A whole batch vanishes."""
        etls = sorted({row.etl for row in self.rows})
        if len(etls) > 2:
            gone = rng.choice(etls)
            self.replace_all([row for row in self.rows if row.etl != gone])

    def _jump(self, rng: Random) -> None:
        """Nothing for some days, then one event: the clock moves on."""
        self.batches += rng.randint(1, 5)
        self._batch(rng, None, 1)

    def _future(self, rng: Random) -> None:
        """An event with a bad clock."""
        self._batch(rng, self.batches + rng.randint(3, 60), 1)

    def _copy(self, rng: Random) -> None:
        """Rows that come twice."""
        if self.rows:
            old = rng.choice(self.rows)
            if old.event_id is not None:
                self.load(old)

    def batches_now(self) -> dict[tuple[bool, datetime], Counter[Row]]:
        """The rows of each batch of each table."""
        found: dict[tuple[bool, datetime], Counter[Row]] = {}
        for row in self.rows:
            found.setdefault((row.kind == "login", row.etl), Counter())[row] += 1
        return found

    def remember(self) -> None:
        """All that is there has been processed."""
        self.processed = self.batches_now()

    def reveal(self, rng: Random) -> None:
        """Add a row to batches whose rows changed and whose count did not: no runner could know, nor does ours promise it."""
        for (is_login, etl), rows in self.batches_now().items():
            before = self.processed.get((is_login, etl), rows)
            if rows != before and rows.total() == before.total():
                new = self.row(rng, rng.randint(0, self.batches), etl)
                while (new.kind == "login") != is_login:
                    new = self.row(rng, rng.randint(0, self.batches), etl)
                self.load(new)

    def exchange(self, rng: Random) -> tuple[date, date] | None:
        """Rows changed in place, in batches whose counts stay: only a rewind can tell. Gives the days that were touched."""
        known = [n for n, row in enumerate(self.rows) if row.event_id and row.time]
        if not known:
            return None
        number = rng.choice(known)
        old = self.rows[number]
        assert old.time is not None
        moved = replace(old, time=START + DAY * rng.randint(0, self.batches), user_id=f"u{rng.randrange(7)}")
        copies = [replace(r, time=moved.time, user_id=moved.user_id) if r == old else r for r in self.rows]
        self.replace_all(copies)
        assert moved.time is not None
        day = rng.choice((old.time.date(), moved.time.date()))
        return day, day

    # -- the comparison --------------------------------------------------------------------------------------------

    def check(self, kpis: tuple[str, ...] = (), users: bool = True, without: tuple[str, ...] = ()) -> None:
        """Every property of every user on every date, and every KPI over every axis and group."""
        oracle = Oracle(counted(self.rows))
        if users:
            self._check_users(oracle, tuple(name for name in PROPERTIES if name not in without))
        for axis, known in (("date", DATE_KPIS), ("cohort_day", COHORT_KPIS)):
            for name in known:
                if not kpis or name in kpis:
                    self._check_kpi(oracle, name, axis)

    def _check_users(self, oracle: Oracle, properties: tuple[str, ...]) -> None:
        columns = ", ".join(properties)
        found = {
            (user, day): rest for user, day, *rest in self.db.rows(f"select user_id, date, {columns} from sl.v_totals")
        }
        assert set(found) == set(oracle.grid()), "users and dates"
        for (user, day), values in found.items():
            for name, value in zip(properties, values, strict=True):
                expected = oracle.value(name, user, day)
                assert same(value, expected), f"{name} of {user} on {day}: {value!r}, not {expected!r}"

    def _check_kpi(self, oracle: Oracle, name: str, axis: str) -> None:
        view = f"sl.v_kpi_{name}{'_cohort' if axis == 'cohort_day' else ''}"
        found = {
            (place, dim, value): kpi
            for place, dim, value, kpi in self.db.rows(f"select {axis}, dimension, value, {name} from {view}")
        }
        for by in ("", *GROUPS):
            for (place, group), cells in oracle.over(axis, by).items():
                text = None if group is None else str(group)
                value, expected = found.get((place, by, text)), oracle.kpi(name, cells)
                if by and (place, by, text) not in found and not expected:
                    continue  # nothing counts there
                assert same(value, expected), f"{name} over {axis} {place}, {by}={text}: {value!r}, not {expected!r}"
        over = oracle.over(axis)
        for (place, dim, _), value in found.items():
            if dim == "" and (place, None) not in over:
                assert not value, f"{name} over {axis} {place}: {value!r} where nobody is"


def same(one: Any, other: Any) -> bool:
    """Equal, numbers to four places."""
    if isinstance(one, (int, float, Decimal)) and isinstance(other, (int, float, Decimal)):
        return math.isclose(float(one), float(other), abs_tol=0.000_06, rel_tol=1e-9)
    return bool(one == other)
