"""The derivation alone, on DuckDB in memory: tables change, derived keys are recomputed, all is compared.

Several inputs change in most rounds, and rows go from two at once.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb

from runner.errors import Place
from runner.joins.derive import derive
from runner.joins.values import DIFF, NOW, Derived, Input, Moves, filled
from runner.sql.references import parse_select
from runner.sql.select import Reference, Select, splice
from runner.warehouse.engines import DUCKDB
from tests.engines.db import Row
from tests.joins.shapes import Shape

COLUMNS = {
    "d.ev": "id integer, uid varchar, sku varchar, ts timestamp, amt integer",
    "d.us": "uid varchar, first_ts timestamp, cohort date, n integer",
    "d.dim": "sku varchar, n integer, price integer, name varchar",
    "d.orders": "oid integer, customer varchar, total integer, ordered timestamp",
    "d.firsts": "uid varchar, ts timestamp, n integer",
    "raw.events": "id integer, uid varchar, sku varchar, ts timestamp, amt integer",
    "raw.orders": "oid integer, customer varchar, total integer, ordered timestamp",
    "raw.products": "sku varchar, name varchar, price integer",
    "raw.prices": "sku varchar, valid_from timestamp, price integer",
    "raw.cats": "name varchar, cat varchar",
    "raw.days": "day date",
}
UNIQUE = {"d.firsts": 2, "raw.prices": 2}  # how many columns tell rows apart; one elsewhere
STILL = frozenset({"raw.days"})
DAY = datetime(2024, 1, 1)


@dataclass
class Tally:
    """What came of some rounds: keys that changed, keys that were found, those of them that SQL by hand has not, and
    rounds in which all were taken.
    """

    rounds: int = 0
    wrong: list[int] = field(default_factory=list)
    changed: int = 0
    found: int = 0
    whole: int = 0
    beyond: int = 0


@dataclass
class Play:
    """One SELECT, played. `forget` leaves out rows of what differs (a planted mistake), `was` reads old tables.

    `by_hand`: a SELECT of the keys that may be found, over `ever` (rows before and after a round) and `diff`.
    """

    shape: Shape
    moves: Moves
    seed: str
    forget: str = ""
    reads_old: bool = True
    by_hand: str = ""

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.shape.name} {self.seed}")
        self.key = self.shape.key.split(", ")
        self.select, self.derived = self._derived()
        self.tables = [str(table) for table in self.select.tables]
        self.rows: dict[str, list[Row]] = {}

    def _derived(self) -> tuple[Select, Derived]:
        select, tree = parse_select(self.shape.select, "duckdb", Place())
        inputs = {}
        for table in select.tables:
            columns = tuple(column.split()[0] for column in COLUMNS[str(table)].split(", "))
            inputs[table] = Input(columns, Moves.NOT if str(table) in STILL else self.moves)
        return select, derive(tree, select.references, self.key, inputs, DUCKDB)

    def rounds(self, count: int, *, stop: bool = False) -> Tally:
        """Play so many rounds; `stop` at the first that is wrong."""
        tally = Tally()
        with duckdb.connect() as con:
            self._begin(con)
            for number in range(count):
                self._round(con, number, tally)
                if stop and tally.wrong:
                    break
        return tally

    def _begin(self, con: duckdb.DuckDBPyConnection) -> None:
        con.execute(
            "set threads to 1; create schema d; create schema raw; create schema was; create schema diff; create schema ever"
        )
        for table in self.tables:
            con.execute(f"create table {table} ({COLUMNS[table]})")
            name = table.replace(".", "_")
            con.execute(
                f"create table was.{name} as from {table}; create table diff.{name} as select *, 1 as runner_sign from {table}"
            )
            con.execute(f"create view ever.{name} as from {table} union from was.{name}")
            self.rows[table] = days() if table in STILL else self._unique(table, [self._row(table) for _ in range(12)])
            fill(con, table, self.rows[table])
        con.execute(f"create table stored as {self.shape.select}")

    def _round(self, con: duckdb.DuckDBPyConnection, number: int, tally: Tally) -> None:
        moving = [table for table in self.tables if table not in STILL]
        chosen = [table for table in moving if self.dice.random() < 0.6] or [self.dice.choice(moving)]
        drop = self.dice.random() < 0.3
        for table in moving:
            name = table.replace(".", "_")
            con.execute(f"delete from was.{name}; insert into was.{name} from {table}; delete from diff.{name}")
            if table in chosen:
                before = Counter(self.rows[table])
                self.rows[table] = self._changed(table, drop=drop)
                after = Counter(self.rows[table])
                fill(con, f"diff.{name}", [(*row, -1) for row in (before - after).elements()])
                fill(con, f"diff.{name}", [(*row, 1) for row in (after - before).elements()])
                con.execute(f"delete from {table}")
                fill(con, table, self.rows[table])
        self._compare(con, number, tally)

    def _compare(self, con: duckdb.DuckDBPyConnection, number: int, tally: Tally) -> None:
        names = ", ".join(self.key)
        wanted = Counter(con.execute(self.shape.select).fetchall())
        stored = Counter(con.execute("from stored").fetchall())
        ks = [f"k{n}" for n in range(1, len(self.key) + 1)]
        listed = ", ".join(f"{name} as {k}" for name, k in zip(self.key, ks, strict=True))
        con.execute(f"create or replace table main.keys as select distinct {listed} from stored limit 0")
        everywhere = [str(table) for table in self.derived.everywhere]
        whole = any(con.execute(f"select 1 from diff.{t.replace('.', '_')} limit 1").fetchall() for t in everywhere)
        if whole:
            con.execute(
                f"insert into main.keys select {names} from stored union select {names} from ({self.shape.select}) q"
            )
        elif self.derived.pieces:
            pieces = " union ".join(
                f"select {', '.join(ks)} from ({filled(p.text, self._given)}) p" for p in self.derived.pieces
            )
            con.execute(f"insert into main.keys {pieces}")
        same = " and ".join(f"k.{k} is not distinct from r_x.{name}" for k, name in zip(ks, self.key, strict=True))
        affected = f"exists (select 1 from main.keys k where {same})"
        con.execute(
            f"create or replace table made as select * from stored r_x where not {affected}"
            f" union all select * from ({splice(self.select, self._cut, DUCKDB.quote)}) r_x where {affected}"
        )
        made = Counter(con.execute("from made").fetchall())
        tally.rounds += 1
        tally.whole += whole
        at = [[one[0] for one in con.execute("from stored limit 0").description].index(name) for name in self.key]
        tally.changed += len({tuple(row[n] for n in at) for row in (stored - wanted) | (wanted - stored)})
        tally.found += con.execute("select count(*) from main.keys").fetchall()[0][0]
        if self.by_hand:
            tally.beyond += len(con.execute(f"from main.keys except ({self.by_hand})").fetchall())
        if made != wanted:
            tally.wrong.append(number)
        con.execute(f"create or replace table stored as {self.shape.select}")

    def _given(self, kind: str, number: int) -> str:
        table = self.derived.tables[number]
        name = str(table).replace(".", "_")
        if kind == NOW:
            named = self.derived.named.get(number, {})
            more = "".join(f', {text} as "{label}"' for label, text in named.items())
            return f"(select *{more} from {table} as {table.table})"
        if kind != DIFF:
            return f"was.{name}" if self.reads_old else f"(select * from was.{name} limit 0)"
        where = f" where {self.forget}" if self.forget else ""
        if number in self.derived.values:
            listed = ", ".join(f"{text} as k{n}" for n, text in enumerate(self.derived.values[number], 1))
            return f"(select distinct {listed or '1 as one'} from diff.{name} as {table.table}{where})"
        return f"(select * from diff.{name}{where})"

    def _cut(self, reference: Reference) -> str | None:
        held = self.derived.cuts.get(self.select.references.index(reference), ())
        same = [f"k.k{n} is not distinct from ({text})" for n, text in enumerate(held, 1) if text]
        if not same:
            return None
        return f"(select * from {reference.table} where exists (select 1 from main.keys k where {' and '.join(same)}))"

    # -- rows --------------------------------------------------------------------------------------------------------

    def _changed(self, table: str, *, drop: bool) -> list[Row]:
        rows, dice = list(self.rows[table]), self.dice
        if drop and len(rows) > 2:
            rows.pop(dice.randrange(len(rows)))
        for _ in range(dice.randint(0 if drop else 1, 2)):
            if dice.random() < 0.5 or not rows:
                rows.append(self._row(table))
            else:
                at, other = dice.randrange(len(rows)), self._row(table)
                column = dice.randrange(len(other))
                rows[at] = (*rows[at][:column], other[column], *rows[at][column + 1 :])
        return self._unique(table, dice.sample(rows, 12) if len(rows) > 16 else rows)

    @staticmethod
    def _unique(table: str, rows: list[Row]) -> list[Row]:
        """What orders end in is unique, as the rule asks for it."""
        return list({row[: UNIQUE.get(table, 1)]: row for row in rows}.values())

    def _row(self, table: str) -> Row:
        return tuple(self._value(column) for column in COLUMNS[table].split(", "))

    def _value(self, column: str) -> Any:
        name, kind = column.split()
        dice = self.dice
        if kind == "timestamp":
            return self._some(DAY + timedelta(days=dice.randrange(14), hours=dice.choice((0, 6, 12))))
        if kind == "date":
            return self._some((DAY + timedelta(days=dice.randrange(5))).date())
        if kind == "integer":
            return dice.randrange(40) if name in ("id", "oid") else self._some(dice.randrange(7))
        letter = {"uid": "u", "customer": "u", "sku": "s", "name": "n", "cat": "c"}[name]
        return self._some(f"{letter}{dice.randrange(5)}")

    def _some(self, value: Any) -> Any:
        return None if self.dice.random() < 0.07 else value


def days() -> list[Row]:
    """Two weeks of a calendar."""
    return [((DAY + timedelta(days=n)).date(),) for n in range(16)]


def fill(con: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> None:
    """Append rows."""
    if rows:
        con.executemany(f"insert into {table} values ({', '.join('?' for _ in rows[0])})", rows)
