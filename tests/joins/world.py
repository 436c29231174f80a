"""Random batches for the shapes: rows that are new, late, corrected, moved to another key, deleted; on every input."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.engines.db import Db, Row

DAY = datetime(2024, 1, 1)


@dataclass
class World:
    """Both sources as they are, written as a whole after each round."""

    db: Db
    dice: random.Random
    events: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    products: dict[str, tuple[str, int]] = field(default_factory=dict)
    cats: dict[str, str] = field(default_factory=dict)
    prices: dict[tuple[str, datetime], int] = field(default_factory=dict)
    number: int = 0
    batch: int = 0

    def fill(self) -> None:
        """The look-ups, and a first batch or two."""
        days = [(DAY.date() + timedelta(days=n),) for n in range(16)]
        self.db.load("raw.days", ("day",), days)
        self.products = {f"s{n}": (f"n{n % 3}", n) for n in range(4)}
        self.cats = {"n0": "c0", "n1": "c1"}
        self.prices = {(f"s{n % 4}", DAY + timedelta(days=n)): n for n in range(10)}
        for _ in range(2):
            self.batch += 1
            self.events += [self._event(self.batch) for _ in range(7)]
            self.orders += [self._order(self.batch) for _ in range(3)]
        self.write()

    def step(self) -> None:
        """Some changes, most often in both sources at once; deletes in both on purpose."""
        dice = self.dice
        self.batch += 1
        kind = dice.randrange(4)
        if kind in (0, 1):
            self.events += [self._event(dice.choice([self.batch, self.batch, 1])) for _ in range(dice.randint(1, 3))]
        if kind in (0, 2):
            self.orders += [self._order(dice.choice([self.batch, 1])) for _ in range(dice.randint(1, 2))]
        if kind == 3 or dice.random() < 0.3:
            for rows in (self.events, self.orders):
                if len(rows) > 3:
                    rows.pop(dice.randrange(len(rows)))
        if dice.random() < 0.6:
            self._correct(self.events, self._event, 1)
        if dice.random() < 0.5:  # a correction: a copy with other values, in a batch before or after
            first = dice.choice(self.events)
            self.events.append((first[0], *self._event(dice.choice([self.batch, 1]))[1:]))
        if dice.random() < 0.4:
            self._correct(self.orders, self._order, 1)
        if dice.random() < 0.5:
            self._look_up()
        self.write()

    def _look_up(self) -> None:
        """A row of each look-up comes, changes or goes."""
        dice = self.dice
        sku, name = f"s{dice.randrange(5)}", f"n{dice.randrange(3)}"
        at = (sku, DAY + timedelta(days=dice.randrange(14)))
        if self.products.pop(sku, None) is None or dice.random() < 0.7:
            self.products[sku] = (name, dice.randrange(9))
        if self.cats.pop(name, None) is None or dice.random() < 0.7:
            self.cats[name] = f"c{dice.randrange(3)}"
        if self.prices.pop(at, None) is None or dice.random() < 0.5:
            self.prices[at] = dice.randrange(9)

    def _correct(self, rows: list[Row], made: Any, first: int) -> None:
        """A row with one other value: it may move to another key, and stays in its batch."""
        at = self.dice.randrange(len(rows))
        other = made(0)
        column = self.dice.randrange(first, len(other) - 1)
        rows[at] = (*rows[at][:column], other[column], *rows[at][column + 1 :])

    def _some(self, value: Any) -> Any:
        return None if self.dice.random() < 0.07 else value

    def _event(self, batch: int) -> Row:
        self.number += 1
        dice = self.dice
        ts = DAY + timedelta(days=dice.randrange(14), hours=dice.choice((0, 6, 12)))
        who, what = self._some(f"u{dice.randrange(5)}"), self._some(f"s{dice.randrange(5)}")
        return (self.number, who, what, self._some(ts), self._some(dice.randrange(8)), self.tstamp(batch))

    def _order(self, batch: int) -> Row:
        self.number += 1
        dice = self.dice
        at = DAY + timedelta(days=dice.randrange(14), hours=3)
        return (self.number, self._some(f"u{dice.randrange(6)}"), dice.randrange(7), at, self.tstamp(batch))

    @staticmethod
    def tstamp(batch: int) -> datetime:
        return datetime(2024, 3, 1) + timedelta(hours=batch)

    def write(self) -> None:
        for table in ("raw.events", "raw.orders", "raw.products", "raw.cats", "raw.prices"):
            self.db.execute(f"delete from {table}")
        self.db.load("raw.products", ("sku", "name", "price"), [(k, *v) for k, v in self.products.items()])
        self.db.load("raw.cats", ("name", "cat"), list(self.cats.items()))
        prices = [(*key, price) for key, price in self.prices.items()]
        self.db.load("raw.prices", ("sku", "valid_from", "price"), prices)
        self.db.load("raw.events", ("id", "uid", "sku", "ts", "amt", "etl_tstamp"), self.events)
        self.db.load("raw.orders", ("oid", "customer", "total", "ordered", "etl_tstamp"), self.orders)
