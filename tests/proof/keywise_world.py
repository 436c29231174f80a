"""Small tables full of ties, nulls and several keys, and the splice that restricts tracked tables to affected keys."""

from __future__ import annotations

import datetime
import random
from collections import Counter

import duckdb
import sqlglot
from sqlglot import exp

from runner.names import TableName
from runner.proof.keywise import Tracked

EVENTS = TableName(("s", "events"))
SESSIONS = TableName(("s", "sessions"))
ORDERS = TableName(("s", "orders"))
PAIRS = TableName(("s", "pairs"))
NOTES = TableName(("s", "notes"))
BY_K = {
    EVENTS: Tracked(("k",), (("event_id", "k"),)),
    SESSIONS: Tracked(("k",), (("k",),)),
    ORDERS: Tracked(("k",), ()),
}
BY_DAY = {
    EVENTS: Tracked(("cast(t as date)",), (("event_id",),)),
    SESSIONS: Tracked(("d",), (("k",),)),
}
BY_PAIR = {PAIRS: Tracked(("k", "g"), (("pair_id",),)), NOTES: Tracked(("k", "g"), (("k", "g"),))}
KEYS_OF: dict[tuple[int, int], list[tuple[object, ...]]] = {}
DDL = {
    "events": "event_id int, k varchar, t timestamp, page varchar, x int, items int[]",
    "sessions": "k varchar, u varchar, d date, n int",
    "orders": "order_id int, k varchar, t timestamp, amount int, page varchar",
    "pairs": "pair_id int, k varchar, g int, x int",
    "notes": "k varchar, g int, note varchar",
    "lookup": "id int, k varchar, name varchar, page varchar",
}


def rows(seed: int) -> dict[str, list[tuple[object, ...]]]:
    """A data set: few distinct values, so that every tie and every unmatched row comes up."""
    pick = random.Random(seed)
    keys = ["a", "b", "c", "d", None]
    times = ["2024-01-01 10:00", "2024-01-01 11:00", "2024-01-02 10:00", "2024-01-03 10:00", None]
    pages, numbers = ["p", "q", "r", None], [1, 2, 3, None]

    def items() -> list[int]:
        return [pick.randint(1, 3) for _ in range(pick.randint(0, 2))]

    one = pick.choice
    pairs = [(k, g) for k in keys for g in (1, 2, None)]
    return {
        "events": [(n, one(keys), one(times), one(pages), one(numbers), items()) for n in range(18)],
        "sessions": [
            (k, one(["u", "v"]), "2024-01-0" + one("123"), one(numbers)) for k in keys[:4] if pick.random() < 0.8
        ],
        "orders": [(one([1, 2, 3]), one(keys), one(times), one(numbers), one(pages)) for n in range(10)],
        "pairs": [(n, one(keys[2:]), one([1, 2, None]), one(numbers)) for n in range(14)],
        "notes": [(k, g, one(pages)) for k, g in pairs if pick.random() < 0.6],
        "lookup": [(n, one(["a", "b", "z", None]), one(["L", "M"]), one(pages)) for n in (1, 2, 2, 3)],
    }


def world(seed: int, backwards: bool = False) -> duckdb.DuckDBPyConnection:
    """The data set in DuckDB; `backwards`, inserted in the other order."""
    warehouse = duckdb.connect(config={"threads": 1})
    warehouse.execute("create schema s")
    for table, lines in rows(seed).items():
        warehouse.execute(f"create table s.{table} ({DDL[table]})")
        marks = ", ".join("?" * len(lines[0])) if lines else ""
        for line in reversed(lines) if backwards else lines:
            warehouse.execute(f"insert into s.{table} values ({marks})", line)
    warehouse.execute("create sequence s.seq")
    return warehouse


def restricted(sql: str, tracked: dict[TableName, Tracked]) -> str:
    """The query with each tracked table replaced by its rows of the keys in table `affected`."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    for table in list(tree.find_all(exp.Table)):
        one = tracked.get(TableName(tuple(part.name.lower() for part in table.parts)))
        if one is not None:
            same = " and ".join(f"({text}) is not distinct from affected.k{at}" for at, text in enumerate(one.key))
            text = f"select * from {table.db}.{table.name} where exists (select 1 from affected where {same})"
            inner = exp.Subquery(this=sqlglot.parse_one(text, read="duckdb"), alias=table.args.get("alias"))
            if inner.args.get("alias") is None:
                inner.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            inner.set("sample", table.args.get("sample"))
            inner.set("pivots", table.args.get("pivots"))
            if table.args.get("joins"):
                inner.set("joins", table.args["joins"])
            table.replace(inner)
    return tree.sql(dialect="duckdb")


def fetch(
    warehouse: duckdb.DuckDBPyConnection, sql: str, key: tuple[str, ...]
) -> dict[tuple[object, ...], Counter[str]]:
    """The rows of a query as a multiset for each key; null is a key like any other."""
    found = warehouse.execute(sql)
    names = [column[0].lower() for column in found.description]
    places = [names.index(name) for name in key]
    groups: dict[tuple[object, ...], Counter[str]] = {}
    for row in found.fetchall():
        groups.setdefault(tuple(row[place] for place in places), Counter())[repr(row)] += 1
    return groups


def affected(keys: list[tuple[object, ...]]) -> str:
    """The affected keys as a relation."""

    def literal(value: object) -> str:
        return "null" if value is None else f"date '{value}'" if isinstance(value, datetime.date) else repr(value)

    lines = ", ".join(f"({', '.join(map(literal, key))})" for key in keys)
    return f"from (values {lines}) as affected({', '.join(f'k{at}' for at in range(len(keys[0])))})"


def keys_of(warehouse: duckdb.DuckDBPyConnection, tracked: dict[TableName, Tracked]) -> list[tuple[object, ...]]:
    """All keys that any tracked table has."""
    known = KEYS_OF.get((id(warehouse), id(tracked)))
    if known is not None:
        return known
    found: set[tuple[object, ...]] = set()
    for table, one in tracked.items():
        found |= set(warehouse.execute(f"select distinct {', '.join(one.key)} from {table}").fetchall())
    known = sorted(found, key=lambda key: (any(part is not None for part in key), repr(key)))  # null comes first
    return KEYS_OF.setdefault((id(warehouse), id(tracked)), known)


def differences(
    sql: str, key: tuple[str, ...], tracked: dict[TableName, Tracked], worlds: list[duckdb.DuckDBPyConnection]
) -> str:
    """Where the restricted query differs from the full one: '' if nowhere."""
    spliced = restricted(sql, tracked)
    for number, warehouse in enumerate(worlds):
        full = fetch(warehouse, sql, key)
        every = keys_of(warehouse, tracked)
        for keys in (
            [every[number % len(every)]],
            [every[(number + 1) % len(every)], every[(number + 2) % len(every)]],
        ):
            some = fetch(warehouse, spliced.replace("SELECT 1 FROM affected ", f"SELECT 1 {affected(keys)} "), key)
            wanted = {at: lines for at, lines in full.items() if at in set(keys)}
            if some != wanted:
                return f"data set {number}, keys {keys}: restricted {some}, full {wanted}"
    return ""
