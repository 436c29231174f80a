"""Enrichments: events joined to tables beside them, whose changes reach the events, days, users and KPIs that have them."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from runner.cli.app import main
from tests.doors.semantic import model as semantic_model
from tests.doors.semantic.oracle import Row, counted
from tests.doors.semantic.world import DAY, START, World, same
from tests.kit.arena import first_seed

PRODUCTS = "table_name: app.products\ncolumns: {sku: {data_type: STRING}, weight: {data_type: NUMBER}, kind: {data_type: STRING}}\n"
RATES = (
    "table_name: app.rates\ncolumns: {code: {data_type: STRING}, day: {data_type: DATE}, rate: {data_type: NUMBER}}\n"
)
COUNTRIES = "table_name: app.countries\ncolumns: {code: {data_type: STRING}, region: {data_type: STRING}}\n"
LOGIN = f"{semantic_model.LOGIN}enrichments: [{{logical_table: countries, on: [{{source: country, target: code}}]}}]\n"
PAYMENT = f"""{semantic_model.PAYMENT}enrichments:
  - {{logical_table: products, on: [{{source: product, target: sku}}]}}
  - {{logical_table: rates, on: [{{source: product, target: code}}, {{source: date, target: day}}]}}
"""
PROPERTIES = """
properties:
  region: {data_type: STRING, can_group_by: true, registration_property: {source_column: region}}
  active: {data_type: INTEGER, event_property: {source_event: entity_activity, select: 1, aggregate_function: none, default_value: 0}}
  weighed: {data_type: NUMBER, event_property: {source_event: payment, select: '{revenue} * {products.weight}', aggregate_function: sum, default_value: 0}}
  liked: {data_type: INTEGER, event_property: {source_event: payment, select: 1, where: "{kind} = 'x' AND {products.sku} IS NOT NULL", aggregate_function: count, default_value: 0}}
  rated: {data_type: NUMBER, event_property: {source_event: payment, select: 'SUM({rates.rate})', aggregate_function: none}}
  weighed_lifetime: {data_type: NUMBER, lifetime_property: {source_property: weighed, merge_function: sum}}
"""
KPIS = """
kpis:
  weight: {select: 'SUM({property.weighed})', x_axis: {date: {}}}
  users: {select: 'SUM({property.active})', x_axis: {date: {}}}
"""
CHANGES = {
    "events/login.yml": LOGIN,
    "events/payment.yml": PAYMENT,
    "events/products.yml": PRODUCTS,
    "events/rates.yml": RATES,
    "events/countries.yml": COUNTRIES,
    "properties/all.yml": PROPERTIES,
    "kpis/all.yml": KPIS,
}
DDL = """
create table app.products (sku varchar(9), weight decimal(18,4), kind varchar(9), note varchar(9));
create table app.rates (code varchar(9), day date, rate decimal(18,4));
create table app.countries (code varchar(9), region varchar(9))
"""


@dataclass
class Shop:
    """The world with tables beside its events, and what they must come to, in plain Python."""

    world: World
    products: dict[str, tuple[Decimal | None, str | None]] = field(default_factory=dict)
    rates: dict[tuple[str, date], Decimal] = field(default_factory=dict)
    countries: dict[str, str] = field(default_factory=dict)

    def begin(self, rng: Random) -> None:
        """Some rows of each, applied."""
        self.world.db.execute(DDL)
        self.change(rng)
        self.world._batch(rng)
        self.world._batch(rng)
        self.world.run("apply")
        self.check()

    def change(self, rng: Random) -> None:
        """Rows of the tables beside come, go, or become others; some stay for ever without one."""
        for sku in rng.sample(("a", "b", "c", "d"), 2):
            if rng.random() < 0.3:
                self.products.pop(sku, None)
            else:
                weight = None if rng.random() < 0.2 else Decimal(rng.randint(1, 9))
                self.products[sku] = (weight, rng.choice(("x", "y", None)))
        day = (START + DAY * rng.randint(0, max(1, self.world.batches))).date()
        self.rates[rng.choice("abc"), day] = Decimal(rng.randint(1, 9))
        self.countries[rng.choice(("DE", "FR", "US"))] = rng.choice(("east", "west"))
        self.write()

    def write(self) -> None:
        """The tables hold these rows; a sku without a value is nobody's, however often it stands."""
        products = [(sku, weight, kind, "n") for sku, (weight, kind) in self.products.items()]
        db = self.world.db
        for table in ("products", "rates", "countries"):
            db.execute(f"delete from app.{table}")
        db.load(
            "app.products", ("sku", "weight", "kind", "note"), [*products, (None, 1, "x", "n"), (None, 2, "x", "n")]
        )
        db.load("app.rates", ("code", "day", "rate"), [(*key, rate) for key, rate in self.rates.items()])
        db.load("app.countries", ("code", "region"), list(self.countries.items()))

    def check(self) -> None:
        """Properties of every user and day with events, and the KPIs of each date."""
        rows = counted(self.world.rows)
        days: dict[tuple[str, date], list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda r: (r.time, r.event_id)):
            assert row.user_id is not None and row.time is not None
            days[row.user_id, row.time.date()].append(row)
        columns = "region, weighed, liked, rated"
        found = {
            (u, d): rest for u, d, *rest in self.world.db.rows(f"select user_id, date, {columns} from sl.v_totals")
        }
        for (user, day), listed in days.items():
            expected = (self._region(rows, user), *self._values(listed, day))
            assert all(map(same, found[user, day], expected)), f"{user} {day}: {found[user, day]}, not {expected}"
        per_date: dict[date, Decimal] = defaultdict(Decimal)
        for (_, day), listed in days.items():
            per_date[day] += self._values(listed, day)[0]
        stored: dict[date, Decimal] = dict(
            self.world.db.rows("select date, weight from sl.v_kpi_weight where dimension = ''")
        )
        assert all(same(stored[day], weight) for day, weight in per_date.items())

    def _values(self, rows: list[Row], day: date) -> tuple[Decimal, int, Decimal | None]:
        paid = [row for row in rows if row.kind == "payment"]
        goods = [self.products.get(row.product or "", (None, None)) for row in paid]
        weights = ((row.revenue, weight) for row, (weight, _) in zip(paid, goods, strict=True))
        weighed = sum((revenue * weight for revenue, weight in weights if revenue and weight), Decimal())
        rates = [rate for row in paid if (rate := self.rates.get((row.product or "", day))) is not None]
        return weighed, sum(kind == "x" for _, kind in goods), sum(rates, Decimal()) if rates else None

    def _region(self, rows: list[Row], user: str) -> str | None:
        logins = [row for row in rows if row.kind == "login" and row.user_id == user]
        first = min(logins, key=lambda r: (r.time, r.event_id), default=None)
        return self.countries.get(first.country or "") if first else None


def play(url: str, folder: Path, seed: int, steps: int) -> None:
    """Changes of both sides, and every command that changes the tables; at the end nothing that is stored is wrong."""
    rng, shop = Random(seed), Shop(World(url, folder, changes=dict(CHANGES)))
    world = shop.world
    shop.begin(rng)
    for _ in range(steps):
        for _ in range(rng.randint(0, 2)):
            world.step(rng)
        world.reveal(rng)
        if rng.random() < 0.8:
            shop.change(rng)
        if rng.random() < 0.2:
            world.run("update", "--kpi", rng.choice(("weight", "users")))
            shop.change(rng)
        if rng.random() < 0.2:
            world.run("rewind", "--from", "2026-01-01")
        world.run("update")
        world.remember()
        shop.check()
    assert "every row compared equals" in world.run("verify").out
    world.close()


@pytest.mark.parametrize(("engine", "steps"), [("duckdb", 2), ("postgres", 1)])
def test_changes_of_both_sides(engine: str, steps: int, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Whatever comes, changes and goes among events and among what they are joined to, all is as if built anew."""
    play(request.getfixturevalue(f"{engine}_url"), tmp_path / "model", first_seed() + 7, steps)


SIGNUP = """
table_name: app.signups
columns:
  event_id: {data_type: STRING, tags: [event_id_column]}
  user_id: {data_type: STRING, tags: [entity_id_column]}
  time: {data_type: DATETIME, tags: [event_timestamp_column]}
  etl_tstamp: {data_type: DATETIME, tags: [etl_timestamp_column]}
  plan: {data_type: STRING}
"""
OF_PLANS = """
properties:
  signups: {data_type: INTEGER, event_property: {source_event: signup, select: 1, aggregate_function: count}}
  paid: {data_type: NUMBER, event_property: {source_event: payment, select: '{revenue}', where: "{signup.plan} = 'gold'", aggregate_function: sum, default_value: 0}}
"""
PAID = "kpis:\n  paid: {select: 'SUM({property.paid})', x_axis: {date: {}}}\n  signups: {select: 'SUM({property.signups})', x_axis: {date: {}}}\n"


def test_joined_to_another_event(warehouse_url: str, tmp_path: Path) -> None:
    """Of another event its rows as they count are joined, the last versions; two for one row stop the run (exit 6).

    A condition of the event may name joined columns.
    """
    payment = f"{semantic_model.PAYMENT}enrichments: [{{logical_table: signup, on: [{{source: user_id, target: user_id}}]}}]\n"
    payment = payment.replace("= 'payment'", "= 'payment' AND IFNULL({plan}, '') <> 'test'")
    changes = {"events/payment.yml": payment, "events/signup.yml": SIGNUP, "properties/all.yml": OF_PLANS}
    world = World(warehouse_url, tmp_path / "model", changes={**changes, "kpis/all.yml": PAID})
    columns = ("event_id", "user_id", "time", "etl_tstamp", "plan")
    world.db.execute(
        "create table app.signups (event_id varchar(9), user_id varchar(9), time timestamp, etl_tstamp timestamp, plan varchar(9))"
    )
    world.load(
        Row("payment", "p1", "ann", START, START, revenue=Decimal(5)),
        Row("payment", "p2", "bob", START, START, revenue=Decimal(3)),
    )
    world.db.load("app.signups", columns, [("s1", "ann", START, START, "free")])
    world.run("apply")
    paid = "select sum(paid) from sl.v_kpi_paid where dimension = ''"
    assert world.db.rows(paid) == [(0,)]
    world.db.load(
        "app.signups", columns, [("s1", "ann", START, START + DAY, "gold"), ("s2", "bob", START, START + DAY, "free")]
    )
    assert "ev_payment           2 keys   +0 ~2 -0" in world.run("update").out
    assert world.db.rows(paid) == [(5,)]
    world.db.load("app.signups", columns, [("s2", "bob", START, START + 2 * DAY, "test")])
    assert "ev_payment           1 keys   +0 ~0 -1" in world.run("update").out  # its condition holds no more
    assert "every row compared equals" in world.run("verify").out
    world.db.load("app.signups", columns, [("s3", "bob", START, START + 3 * DAY, "gold")])
    said = world.run("update", code=6).err
    assert "user_id is not unique: bob would stand 2 times" in said and "under enrichments:" in said
    assert world.db.rows(paid) == [(5,)]
    world.close()


def test_rows_of_one_key(duckdb_url: str, tmp_path: Path) -> None:
    """Two rows of a table for one row of an event stop the run with the key named; once mended it goes on. Old words do."""
    payment = PAYMENT.replace("logical_table: products", "datasource: products")
    world = World(duckdb_url, tmp_path / "model", changes={**CHANGES, "events/payment.yml": payment})
    shop = Shop(world, {"a": (Decimal(2), "x")})
    world.db.execute(DDL)
    shop.write()
    world.load(
        Row("login", "l1", "ann", START, START),
        Row("payment", "p1", "ann", START, START, revenue=Decimal(5), product="a"),
    )
    world.run("apply")
    shop.check()
    world.db.load("app.products", ("sku", "weight"), [("a", 3), ("b", 1)])
    said = world.run("update", code=6).err
    line = payment.splitlines().index("  - {datasource: products, on: [{source: product, target: sku}]}")
    assert f"payment.yml:{line}: app.products: sku is not unique: a stands 2 times" in said
    assert "join one row of it to an event" in said
    world.db.execute("delete from app.products where sku = 'a' and weight = 2")
    shop.products["a"] = (Decimal(3), None)
    assert "rows of app.products: 1 added, 1 changed" in world.run("plan").out
    world.run("update")
    shop.check()
    explained = world.run("explain", "--kpi", "weight", "--date", "2026-01-01").out
    assert "payment is joined to app.products where product = sku" in explained
    world.close()


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
def test_other_engines(engine: str, tmp_path: Path) -> None:
    """The SQL of joined events is what every engine's compiler and the rule for keys take."""
    semantic_model.write(tmp_path, CHANGES)
    urls = {"redshift": "redshift://me@host/db", "snowflake": "snowflake://me@account/db/sl"}
    out = io.StringIO()
    assert main(["config", "validate", str(tmp_path), "--target", urls[engine]], out=out, err=out) == 0, out.getvalue()
