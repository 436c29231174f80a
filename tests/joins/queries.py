"""Random SELECTs over the tables of `play.py`: joins of all kinds, derived sides, subqueries.

Grouped (in sets, too), distinct or numbered on top; the key has one column or two. `python -m tests.joins.queries SECONDS [SEED]` plays them until the time is up.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass

import duckdb

from runner.joins.values import Moves
from tests.joins.play import COLUMNS, Play
from tests.joins.play import Tally as Played
from tests.joins.shapes import LOCAL, Shape
from tests.kit.tally import Tally

KIN = (
    {"uid", "customer"},
    {"sku"},
    {"name"},
    {"n", "total", "price", "amt"},
    {"ts", "first_ts", "ordered"},
    {"cat"},
    {"id", "oid"},
)
NUMBERS = KIN[3]
TABLES = [table for table in COLUMNS if table not in ("raw.days", "raw.prices", "d.firsts")]
Column = tuple[str, str]  # as it is written, and its bare name


def shape_of(seed: str) -> Shape:
    """A SELECT of this seed."""
    maker = Maker(random.Random(seed))
    select = maker.query()
    return Shape(f"random {seed}", maker.key, select, LOCAL)


def names_of(table: str) -> list[str]:
    return [column.split()[0] for column in COLUMNS[table].split(", ")]


def are_kin(one: str, other: str) -> bool:
    return any(one in kin and other in kin for kin in KIN)


@dataclass
class Maker:
    """Writes one SELECT."""

    dice: random.Random
    key: str = "k"

    def query(self, *, nested: bool = False) -> str:
        dice = self.dice
        first, names = ("d.ev", names_of("d.ev")) if dice.random() < 0.6 else self._side()
        text, have = f"{first} a0", [(f"a0.{name}", name) for name in names]
        for number in range(1, dice.choice([2, 3, 3, 4])):
            joined = self._join(number, have)
            if joined:
                text += joined[0]
                have += joined[1]
        conditions = " and ".join(self._predicate(have) for _ in range(dice.choice([0, 0, 1, 1, 2])))
        where = f" where {conditions}" if conditions else ""
        return self._outputs(text + where, have, nested=nested)

    def _join(self, number: int, have: list[Column]) -> tuple[str, list[Column]] | None:
        for _ in range(8):
            side, names = self._side()
            new = [(f"a{number}.{name}", name) for name in names]
            condition = self._condition(have, new)
            if condition:
                kinds = [
                    "join",
                    "join",
                    "left join",
                    "left join",
                    "left join",
                    "right join",
                    "full join",
                    "semi join",
                    "anti join",
                ]
                kind = self.dice.choice(kinds)
                return f" {kind} {side} a{number} on {condition}", [] if kind in ("semi join", "anti join") else new
        return None

    def _side(self) -> tuple[str, list[str]]:
        """An item of a FROM clause, and its columns."""
        dice = self.dice
        table = dice.choice(TABLES)
        names = names_of(table)
        by, kind = dice.choice(names), dice.random()
        number = next((name for name in names if name in NUMBERS), None)
        if kind < 0.55:
            return table, names
        if kind < 0.7:
            value = f"max({number})" if number else "count(*)"
            having = dice.choice(["", "", " having count(*) > 1"])
            return f"(select {by}, {value} as n from {table} group by {by}{having})", list(dict.fromkeys([by, "n"]))
        if kind < 0.78:
            return f"(select distinct {by} from {table})", [by]
        if kind < 0.86:
            order = ", ".join(names)
            return f"(select * from {table} qualify row_number() over (partition by {by} order by {order}) = 1)", names
        others = [(o, c) for o in TABLES for c in names_of(o) if are_kin(by, c)]
        if not others:
            return table, names
        other, column = dice.choice(others)
        if kind < 0.93:
            word = dice.choice(["union", "union all", "except", "intersect"])
            return f"(select {by} from {table} {word} select {column} from {other})", [by]
        joined = f"{table} a left join {other} b on b.{column} = a.{by}"
        return f"(select a.{by} as {by}, count(b.{column}) as c from {joined} group by a.{by})", [by]

    def _condition(self, have: list[Column], new: list[Column]) -> str:
        pairs = [(x, y) for x in have for y in new if are_kin(x[1], y[1])]
        if not pairs:
            return ""
        dice = self.dice
        x, y = dice.choice(pairs)
        same = [other for other, _ in pairs if other[0] != x[0] and are_kin(other[1], x[1])]
        left = f"coalesce({x[0]}, {dice.choice(same)[0]})" if same and dice.random() < 0.15 else x[0]
        found = [f"{y[0]} = {left}"]
        numbers = [(a, b) for a, b in pairs if a[1] in NUMBERS]
        if numbers and dice.random() < 0.3:
            a, b = dice.choice(numbers)
            found.append(f"{a[0]} {dice.choice(['<', '>=', '<>'])} {b[0]}")
        alone = [column for column, name in [*have, *new] if name in NUMBERS]
        if alone and dice.random() < 0.25:
            found.append(f"{dice.choice(alone)} {dice.choice(['>', '<', '<>'])} {dice.randrange(5)}")
        if dice.random() < 0.12:
            found.append(self._predicate([*have, *new]))
        return " and ".join(found)

    def _predicate(self, have: list[Column]) -> str:
        dice, roll = self.dice, self.dice.random()
        numbers = [column for column, name in have if name in NUMBERS]
        if numbers and roll < 0.35:
            return f"{dice.choice(numbers)} {dice.choice(['>', '<', '<>'])} {dice.randrange(5)}"
        if roll < 0.45:
            return f"{dice.choice(have)[0]} is {dice.choice(['', 'not '])}null"
        if numbers and roll < 0.55:
            return f"(coalesce({dice.choice(numbers)}, 0) > {dice.randrange(3)} or {dice.choice(have)[0]} is null)"
        table = dice.choice(TABLES)
        pairs = [(x[0], f"z.{name}") for x in have for name in names_of(table) if are_kin(x[1], name)]
        if not pairs:
            return "true"
        x, y = dice.choice(pairs)
        more = "".join(
            f" and z.{n} > {dice.randrange(4)}" for n in names_of(table) if n in NUMBERS and dice.random() < 0.4
        )
        if roll < 0.75:
            return f"{x} {dice.choice(['in', 'in', 'not in'])} (select {y} from {table} z where true{more})"
        if roll < 0.9:
            return f"{dice.choice(['', 'not '])}exists (select 1 from {table} z where {y} = {x}{more})"
        return f"(select count(*) from {table} z where {y} = {x}{more}) > {dice.randrange(2)}"

    def _outputs(self, text: str, have: list[Column], *, nested: bool) -> str:
        dice = self.dice
        key, name = dice.choice(have)
        same = [column for column, other in have if are_kin(other, name) and column != key]
        if same and dice.random() < 0.25:
            key = f"coalesce({key}, {dice.choice(same)})"
        rest, roll = dice.sample(have, min(len(have), 3)), dice.random()
        second = "" if nested or dice.random() < 0.6 else f", {dice.choice(have)[0]} as j"
        self.key = "k, j" if second else "k"
        if roll < 0.35:
            listed = ", ".join(f"{column} as v{n}" for n, (column, _) in enumerate(rest))
            who = next((column for column, other in have if other in KIN[0]), None)
            scalar = f", (select max(z.total) from d.orders z where z.customer = {who}) as s" if who else ""
            return f"select {key} as k{second}, {listed}{scalar if dice.random() < 0.3 else ''} from {text}"
        if roll < 0.75:
            values = f"count(*) as c, max({rest[0][0]}) as v, count(distinct {rest[-1][0]}) as d"
            return f"select {key} as k{second}, {values} from {text} group by {self._groups(key, second)}"
        if roll < 0.85:
            return f"select distinct {key} as k{second}, {rest[0][0]} as v from {text}"
        if roll < 0.95 or nested:
            order = ", ".join(column for column, _ in have)
            return f"select {key} as k{second}, {rest[0][0]} as v, row_number() over (partition by {key} order by {order}) as r from {text}"
        self.key = "k"
        inner = self.query(nested=True)
        return f"with q as ({inner}) select q.k, u.n, count(*) as c from q left join d.us u on u.uid = cast(q.k as varchar) group by 1, 2"

    def _groups(self, key: str, second: str) -> str:
        """What is grouped by, one time in four in several sets."""
        if self.dice.random() < 0.75:
            return "1, 2" if second else "1"
        other = second.removeprefix(", ").removesuffix(" as j") or key
        both, sets = f"{key}, {other}", f"grouping sets (({key}, {other}), ({self.dice.choice([key, other])}))"
        return self.dice.choice([f"rollup ({both})", f"cube ({both})", sets, f"{other}, rollup ({key})"])


def played(shape: Shape, moves: Moves, seed: str) -> Played | None:
    """Twelve rounds; None for a query on which the engine's own assertions fail."""
    try:
        return Play(shape, moves, seed).rounds(12)
    except duckdb.InternalException:
        return None


def soak(size: int, seed: int) -> list[Tally]:
    """Check 25: so many queries of 12 rounds; odd seeds with old rows known, even ones with values of batches alone."""
    bad = []
    for number in range(seed, seed + size):
        tally = played(shape_of(str(number)), [Moves.VALUES, Moves.SIGNED][number % 2], str(number))
        if tally is not None and tally.wrong:
            bad.append(f"seed {number}: {shape_of(str(number)).select}")
    return [Tally(25, "random joins", "duckdb", size, 0, len(bad), seeds=str(seed), notes=tuple(bad))]


def main() -> None:
    """Play queries until the time is up; say of each that is wrong its seed and text."""
    end, seed = time.monotonic() + float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "1"
    number = wrong = rounds = changed = found = failed = 0
    while time.monotonic() < end:
        number += 1
        shape = shape_of(f"{seed}-{number}")
        tally = played(shape, [Moves.SIGNED, Moves.VALUES][number % 2], seed)
        if tally is None:
            failed += 1
            continue
        rounds, changed, found = rounds + tally.rounds, changed + tally.changed, found + tally.found
        if tally.wrong:
            wrong += 1
            print(f"WRONG seed {seed}-{number}: {shape.select}", flush=True)
    print(f"{number} queries, {rounds} rounds, {wrong} queries wrong; keys changed {changed:,}, found {found:,}")
    print(f"{failed} queries on which an assertion of the engine failed")


if __name__ == "__main__":
    main()
