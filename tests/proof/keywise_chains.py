"""Random chains of CTEs in which names wander: what is called k at the end may be anything.

Each step takes columns by star, drops, replaces, renames and lists them, before and after the star, renames them by a
column list, joins by USING, unites, groups and numbers. All columns are known here, so every query is about to run.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import duckdb

from runner.names import TableName
from runner.proof.keywise import Tracked

ROWS, OTHERS, LOOK = TableName(("c", "rows")), TableName(("c", "others")), TableName(("c", "look"))
KEYS = {
    "k": "k",
    "c": "coalesce(k, '-')",
    "l": "lower(k)",
    "d": "cast(t as date)",
    "p": "payload.k",
}
COLUMNS = {
    ROWS: ("event_id", "k", "t", "page", "x", "payload"),
    OTHERS: ("k", "t", "page", "x"),
    LOOK: ("name", "look_id"),
}
DDL = (
    "create schema c",
    "create table c.rows (event_id int, k varchar, t timestamp, page varchar, x int, payload struct(k varchar, t timestamp))",
    "create table c.others (k varchar, t timestamp, page varchar, x int)",
    "create table c.look as select 'a' as name, 1 as look_id union all select 'B', 2",
)


def tracked(name: str) -> dict[TableName, Tracked]:
    """The inputs, by the key of this name; `others` has no payload."""
    one = {ROWS: Tracked((KEYS[name],), (("event_id",),))}
    return one if name == "p" else {**one, OTHERS: Tracked((KEYS[name],), ())}


def chain_world(seed: int, *, backwards: bool = False) -> duckdb.DuckDBPyConnection:
    """Rows whose values pass for one another's: pages that are keys, times around midnight and the month's end."""
    pick = random.Random(seed)
    names = ["a", "A", "b", "B", "-", None]
    times = ["2024-01-31 22:30", "2024-01-31 23:30", "2024-02-01 00:10", "2024-02-01 12:00", "2024-02-29 23:00", None]
    one = pick.choice
    rows = [
        (n, one(names), one(times), one(names), one([1, 2, 3, None]), {"k": one(names), "t": one(times)})
        for n in range(24)
    ]
    others = [(one(names), one(times), one(names), one([1, 2])) for _ in range(8)]
    warehouse = duckdb.connect(config={"threads": 1})
    for text in DDL:
        warehouse.execute(text)
    for table, lines in (("c.rows", rows), ("c.others", others)):
        for line in reversed(lines) if backwards else lines:
            warehouse.execute(f"insert into {table} values ({', '.join('?' * len(line))})", line)
    return warehouse


@dataclass(frozen=True)
class Step:
    """A relation that has been written: its name, and its columns with their kinds (s, t, n, o for structs)."""

    name: str
    columns: tuple[tuple[str, str], ...]

    def of(self, kind: str) -> list[str]:
        return [name for name, its in self.columns if its == kind]


START = Step("c.rows", (("event_id", "n"), ("k", "s"), ("t", "t"), ("page", "s"), ("x", "n"), ("payload", "o")))


class ChainAuthor:
    """Writes one chain; `key` is the name of one of `KEYS`."""

    def __init__(self, seed: int, key: str) -> None:
        self.pick, self.key, self.ctes = random.Random(seed), key, 0

    def one(self, *choices: str) -> str:
        return self.pick.choice(choices)

    def query(self) -> str:
        """The whole text."""
        step, texts = START, []
        for _ in range(self.pick.randint(0, 3)):
            step, text = self._cte(step)
            texts.append(text)
        with_ = f"with {', '.join(texts)} " if texts else ""
        return with_ + self._last(step)

    def _value(self, step: Step, kind: str) -> str:
        """An expression of this kind over a row: a column, or something made of one."""
        names = step.of(kind)
        name = self.pick.choice(names) if names else ""
        plain = {"k": "s", "c": "s", "l": "s", "d": "t", "p": "s"}[self.key] == kind and name
        if plain and self.pick.random() < 0.45:
            return "k" if kind == "s" and "k" in names else "t" if kind == "t" and "t" in names else name
        if step.of("o") and kind in "st" and self.pick.random() < 0.25:
            return f"payload.{'k' if kind == 's' else 't'}"
        if not names:
            return {"s": "'a'", "t": "timestamp '2024-02-01 00:00'", "n": "1", "o": "null"}[kind]
        forms = {
            "s": (name, name, f"lower({name})", f"coalesce({name}, '-')", f"upper({name})"),
            "t": (
                name,
                name,
                f"{name} + interval 2 hour",
                f"date_trunc('month', {name})",
                f"date_trunc('day', {name})",
            ),
            "n": (name, name, f"{name} + 1"),
            "o": (name,),
        }[kind]
        return self.pick.choice(forms)

    def _star(self, step: Step) -> tuple[str, list[tuple[str, str]]]:
        """A select list with a star, and what it puts out; second columns of a name are not used any more."""
        name, kind = self.pick.choice(step.columns)
        value = self._value(step, kind)
        others = [column for column in step.columns if column[0] != name]
        same = [column[0] for column in step.columns if column[1] == kind and column[0] != name]
        shape = self.pick.randint(0, 9)
        if shape == 9 and step.of("o"):  # a struct unnested gives columns of its fields' names, before others or after
            fields, own = [("k", "s"), ("t", "t")], [c for c in step.columns if c[0] not in {"k", "t", "payload"}]
            rest = ", ".join(column[0] for column in own) or "1"
            if self.pick.random() < 0.5:
                return f"unnest(payload), {rest}", [*fields, *own]
            return f"k, unnest(payload), {rest}", [fields[0], fields[1], *own]
        if shape == 0:
            return f"* exclude ({name})", others
        if shape == 1:
            return f"* exclude ({name}), {value} as {name}", [*others, (name, kind)]
        if shape == 2:
            return f"{value} as {name}, * exclude ({name})", [(name, kind), *others]
        if shape == 3:
            return f"{value} as {name}, *", [(name, kind), *others]
        if shape == 4:
            return f"*, {value} as {name}", list(step.columns)
        if shape == 5:
            return f"* replace ({value} as {name})", list(step.columns)
        if shape == 6 and same:
            other = self.pick.choice(same)
            return f"* rename ({name} as {other}, {other} as {name})", [
                (other, kind) if c[0] == name else (name, kind) if c[0] == other else c for c in step.columns
            ]
        if shape == 7:
            return f"* rename ({name} as {name}_old), {value} as {name}", [
                *((f"{name}_old", kind) if c[0] == name else c for c in step.columns),
                (name, kind),
            ]
        return "*", list(step.columns)

    def _list(self, step: Step) -> tuple[str, list[tuple[str, str]]]:
        columns = [column for column in step.columns if self.pick.random() < 0.9] or list(step.columns)
        self.pick.shuffle(columns)
        items = [f"{name if self.pick.random() < 0.6 else self._value(step, kind)} as {name}" for name, kind in columns]
        return ", ".join(items), columns

    def _cte(self, step: Step) -> tuple[Step, str]:
        self.ctes += 1
        name = f"w{self.ctes}"
        shape = self.pick.random()
        items, columns = self._star(step) if self.pick.random() < 0.65 else self._list(step)
        body = f"select {items} from {step.name}"
        if shape < 0.1:
            items, columns = self._list(step)
            order = [column[1] for column in columns]
            other, others = self._list(step)
            more = ", ".join(
                next((o[0] for o in others if o[1] == kind), "null") if others else "null" for kind in order
            )
            second = f"select {more} from (select {other} from {step.name})"
            body = f"select {items} from {step.name} {self.one('union all', 'union', 'except')} {second}"
        elif shape < 0.2:
            body = f"select distinct {items} from {step.name}"
        elif shape < 0.35 and columns:
            part = self.one(self._key_of(step), self._key_of(step), self._value(step, "s"))
            by = ", ".join(n for n in ("t", "event_id", "x", "page") if n in dict(step.columns)) or "1"
            body = f"select {items}, row_number() over (partition by {part} order by {by}) as rn{self.ctes} from {step.name}"
            columns = [*columns, (f"rn{self.ctes}", "n")]
        elif shape < 0.45 and step.of("s") and "k" in dict(step.columns):
            join = self.one("join", "left join", "join", "full join")
            body = f"select * from {step.name} {join} (select k, max(x) as most from c.others group by k) using (k)"
            columns = [*step.columns, ("most", "n")]
        elif shape < 0.55 and step.of("s"):
            body = f"select e.* from {step.name} e {self.one('join', 'left join')} c.others o on o.k = e.{self.pick.choice(step.of('s'))}"
            columns = list(step.columns)
        if not columns:
            body, columns = f"select * from {step.name}", list(step.columns)
        if self.pick.random() < 0.25:
            body, columns, name_ = self._renamed(body, columns, name)
            return Step(name, tuple(columns)), f"{name_} as ({body})"
        return Step(name, tuple(dict.fromkeys(columns))), f"{name} as ({body})"

    def _renamed(self, body: str, columns: list[tuple[str, str]], name: str) -> tuple[str, list[tuple[str, str]], str]:
        """A column list: columns of one kind may take each other's names."""
        wanted = [column[0] for column in columns]
        for kind in "stn":
            places = [at for at, column in enumerate(columns) if column[1] == kind]
            names = [wanted[at] for at in places]
            self.pick.shuffle(names)
            for at, new in zip(places, names, strict=True):
                wanted[at] = new
        if len(set(wanted)) < len(wanted):
            return body, columns, name
        return (
            body,
            [(new, kind) for new, (_, kind) in zip(wanted, columns, strict=True)],
            f"{name}({', '.join(wanted)})",
        )

    def _key_of(self, step: Step) -> str:
        """The key, written over this step's columns as over the source's."""
        names = dict(step.columns)
        if self.key == "p":
            return "payload.k" if "payload" in names else self._value(step, "s")
        if self.key == "d":
            return "cast(t as date)" if names.get("t") == "t" else f"cast({self._value(step, 't')} as date)"
        name = "k" if names.get("k") == "s" else self._value(step, "s")
        return KEYS[self.key].replace("k", name, 1) if self.key != "c" else f"coalesce({name}, '-')"

    def _last(self, step: Step) -> str:
        key = self._key_of(step)
        if self.pick.random() < 0.1:
            key = f"cast({self._value(step, 't')} as date)" if self.key == "d" else self._value(step, "s")
        number = self.pick.choice([*step.of("n"), "1"])
        text = self.pick.choice([*step.of("s"), "'a'"])
        order = ", ".join(n for n in ("t", "event_id") if n in dict(step.columns))
        path = f", string_agg(x::varchar, ',' order by {order})" if order and "x" in dict(step.columns) else ""
        shape = self.pick.randint(0, 6)
        if shape == 0:
            return f"select {key} as key, {text} as a, {number} as b from {step.name}"
        if shape == 1:
            return f"select distinct {key} as key, {text} as a from {step.name}"
        if shape == 2:
            return f"select {key} as key, {text} as a, count(*) as n from {step.name} group by {self.one(f'grouping sets (({key}, {text}), ({key}))', f'{key}, rollup ({text})', f'cube ({key}, {text})')}"
        if shape == 3:
            return f"select {key} as key, {number} as a, sum({number}) over (partition by {key}) as n from {step.name}"
        group = self.one("1", "1", key, text)
        return f"select {key} as key, count(*) as n, max({text}) as a, sum({number}) as b{path} from {step.name} group by {group}"
