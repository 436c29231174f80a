"""Random queries against the key-wise rule: whatever it accepts must be right, on data and in any order of rows."""

from __future__ import annotations

import random

import duckdb
import pytest
import sqlglot

from runner.proof.keywise import check
from tests.proof.keywise_world import BY_K, differences, fetch, world

SEEDS = (3, 5)
QUERIES = 30  # for more certainty: 3000 take some minutes


class Author:
    """Writes queries that are often wrong: every clause may or may not keep to the key."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.aliases = 0

    def one(self, *choices: str) -> str:
        return self.pick.choice(choices)

    def maybe(self, text: str, chance: float = 0.5) -> str:
        return text if self.pick.random() < chance else ""

    def alias(self) -> str:
        self.aliases += 1
        return f"r{self.aliases}"

    def table(self, depth: int) -> str:
        """A relation with columns k, a, b."""
        if depth and self.pick.random() < 0.5:
            return f"({self.query(depth - 1)})"
        return self.one(
            "(select k, x as a, page as b, event_id as i from s.events)",
            "(select k, n as a, u as b, n as i from s.sessions)",
            "(select k, amount as a, page as b, order_id as i from s.orders)",
            "(select k, id as a, page as b, id as i from s.lookup)",
            "(select k, max(event_id) as a, min(page) as b, count(*) as i from s.events group by k)",
            "(select distinct k, x as a, page as b, x as i from s.events)",
            "(select page as k, x as a, k as b, event_id as i from s.events)",
        )

    def condition(self, left: str, right: str) -> str:
        same = self.one("=", "=", "=", "=", "is not distinct from", ">=")
        key = f"{left}.{self.one('k', 'k', 'k', 'k', 'b')} {same} {right}.{self.one('k', 'k', 'k', 'k', 'b')}"
        return key + self.maybe(f" and {left}.a = {right}.a", 0.2)

    def source(self, depth: int) -> tuple[str, list[str]]:
        names = [self.alias()]
        text = f"{self.table(depth)} {names[0]}"
        while self.pick.random() < 0.5 and len(names) < 3:
            name = self.alias()
            join = self.one("join", "left join", "left join", "right join", "full join", "semi join", "anti join")
            text += f" {join} {self.table(depth)} {name} on {self.condition(self.pick.choice(names), name)}"
            if join not in {"semi join", "anti join"}:
                names.append(name)
        return text, names

    def where(self, name: str, depth: int) -> str:
        inner = self.alias()
        subquery = f"{self.one('exists', 'not exists')} (select 1 from {self.table(0)} {inner} where {self.condition(inner, name)})"
        kept = f"{name}.{self.one('k', 'k', 'b')} {self.one('in', 'in', 'in', 'not in')} (select k from {self.table(0)} {inner})"
        null = self.one(f"{name}.k is not null", f"not ({name}.b = 'p' and {name}.a > 1)", f"coalesce({name}.a, 2) = 2")
        either = f"({name}.a > 1 or {self.one(f'{name}.b is null', f'lower({name}.b) <> {name}.k', '1 = 2')})"
        return " where " + self.one(
            f"{name}.a > 1", f"{name}.b = 'p'", subquery, subquery, kept, "1 = 1", null, null, either
        )

    def query(self, depth: int) -> str:
        if depth and self.pick.random() < 0.15:
            word = self.one("union", "union all", "except", "intersect")
            return f"({self.query(depth - 1)}) {word} ({self.query(depth - 1)})"
        text, names = self.source(depth)
        name = self.pick.choice(names)
        key = self.one(f"{names[0]}.k", f"{names[0]}.k", f"{name}.k", f"coalesce({', '.join(f'{n}.k' for n in names)})")
        where = self.maybe(self.where(name, depth))
        shape = self.pick.random()
        if shape < 0.35:
            group = self.one(key, key, f"{key}, {name}.a", f"{name}.a", f"{names[0]}.k")
            order = self.one(f"{name}.i", f"{name}.b", f"{name}.a, {name}.i", f"{name}.a")
            a = self.one(f"max({name}.a)", "count(*)", f"first({name}.a order by {order})", f"sum({name}.i)")
            shown = self.one(key, key, f"max({key})", f"any_value({key})")
            return f"select {shown} as k, {a} as a, min({name}.b) as b, max({name}.i) as i from {text}{where} group by {group}"
        if shape < 0.6:
            part = self.one(key, key, f"{key}, {name}.b", f"{name}.b", f"{names[0]}.k")
            order = self.one(f"{name}.i", f"{name}.a", f"{name}.a, {name}.i", f"{name}.b, {name}.i")
            call = self.one(
                "row_number()", "rank()", f"sum({name}.a)", f"first_value({name}.b)", f"lag({name}.i)", "count(*)"
            )
            over = f"{call} over (partition by {part} order by {order})"
            if call == "row_number()" and self.pick.random() < 0.5:
                return f"select {key} as k, {name}.a as a, {name}.b as b, {name}.i as i from {text}{where} qualify {over} = 1"
            return f"select {key} as k, {name}.a as a, {name}.b as b, {over} as i from {text}{where}"
        distinct = self.one("", "", "distinct ", f"distinct on ({key}) ")
        last = f" order by {key}, {self.one(f'{name}.i', f'{name}.a')}" if " on " in distinct else ""
        return f"select {distinct}{key} as k, {name}.a as a, {name}.b as b, {name}.i as i from {text}{where}{last}"


@pytest.mark.parametrize("seed", range(2))
def test_accepted_is_right(seed: int) -> None:
    """No random query is accepted that gives other rows when restricted, or when rows come in another order."""
    worlds, backwards = [world(at) for at in SEEDS], [world(at, backwards=True) for at in SEEDS]
    accepted = 0
    for number in range(QUERIES):
        sql = Author(seed * 100_000 + number).query(2)
        if check(sqlglot.parse_one(sql, read="duckdb"), ("k",), BY_K, "duckdb").refusals:  # type: ignore[arg-type]
            continue
        try:
            assert differences(sql, ("k",), BY_K, worlds) == "", sql
            for one, other in zip(worlds, backwards, strict=True):
                assert fetch(one, sql, ("k",)) == fetch(other, sql, ("k",)), sql
        except duckdb.Error:
            continue  # types that do not fit: no query of the rule's
        accepted += 1
    assert accepted > QUERIES / 20, accepted
