"""Two tables compared by the text of their values, in the warehouse: only rows that are shown are fetched.

Each row is a hash of its texts, and rows whose hashes stand in different numbers differ. Of inexact numbers the last
digits hang on the order of additions: rows that differ in such columns alone are paired and compared to so many digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.algebra.texts import condition, ks
from runner.algebra.values import Planned
from runner.comparison.inputs import Sample
from runner.comparison.pairs import Row, differences
from runner.events import Difference
from runner.increment.work import Work
from runner.warehouse.values import Column

SHOWN = 10  # keys of a model; of one without a key, rows
ROWS_SHOWN = 20  # of a key, and of each side
LEAST = "1e-9"  # what is left of a difference of equal sums
LARGEST = "1e300"


@dataclass(frozen=True)
class Kept:
    """Which rows are compared: not those of skipped keys, only those of a sample."""

    skipped: str | None
    sample: Sample | None


@dataclass(frozen=True)
class Outcome:
    """How many keys (of a model without a key: rows) differ, and the first of them."""

    differing_count: int
    differences: tuple[Difference, ...]


class Comparison:
    """One model's stored rows beside recomputed ones."""

    def __init__(self, work: Work, planned: Planned, recomputed: str, kept: Kept) -> None:
        self._work, self._planned, self._kept = work, planned, kept
        self._engine, self._scratch = work.algebra.engine, work.algebra.scratch
        found = {column.name.lower(): column for column in work.warehouse.columns_of(recomputed)}
        stored = {column.name.lower() for column in planned.stored_columns}
        self.not_stored = tuple(column.name for name, column in found.items() if name not in stored)
        self._columns = tuple(column for column in planned.stored_columns if column.name.lower() in found)
        self._sides = (_Side(planned.table, {}), _Side(recomputed, found))
        self._key = tuple(name.lower() for name in planned.compiled.key_names)
        digits = dict(self._engine.inexact)
        self._inexact = {
            c.name: digits[c.type] for c in self._columns if c.type in digits and c.name.lower() not in self._key
        }

    @property
    def _width(self) -> int:
        return len(self._key)

    def count(self) -> int:
        """Stored rows that are compared."""
        return int(self._work.warehouse.execute("verify:rows", f"select count(*) {self._from(0)}").one()[0])

    def outcome(self) -> Outcome:
        """Compare, and fetch the first differences."""
        apart = self._scratch.apart(self._planned.number)
        self._make("apart", apart, self._apart())
        if self._inexact and self._any(apart):
            near = self._scratch.near(self._planned.number)
            self._make("near", near, self._near(apart))
            apart = near
        if not self._any(apart):
            return Outcome(0, ())
        listed = ", ".join(ks(self._width))
        counted = f"(select distinct {listed} from {apart}) runner_d" if listed else apart
        more = "sum(case when runner_was > runner_now then runner_was - runner_now else 0 end)"
        less = "sum(case when runner_now > runner_was then runner_now - runner_was else 0 end)"
        what = "count(*)" if listed else f"greatest({more}, {less})"
        count = self._work.warehouse.execute("verify:count", f"select cast({what} as bigint) from {counted}").one()[0]
        return Outcome(int(count), self._first(apart))

    def mended(self) -> str:
        """The recomputed rows under the stored columns, and of skipped keys the stored ones."""
        listed = [self._engine.quote(column.name) for column in self._planned.stored_columns]
        have = {column.name for column in self._columns}
        new = ", ".join(
            f"{self._value(1, c.name) if c.name in have else f'cast(null as {c.type})'} as {q}"
            for c, q in zip(self._planned.stored_columns, listed, strict=True)
        )
        old = ", ".join(f"runner_v.{name}" for name in listed)
        waiting = f" union all select {old} {self._from(0, waiting=True)}" if self._kept.skipped else ""
        return f"select {new} {self._from(1)}{waiting}"

    # -- which rows differ -------------------------------------------------------------------------------------------

    def _apart(self) -> str:
        """Hashes of rows that stand on both sides in different numbers."""
        names = ", ".join([*ks(self._width), "runner_h"])
        both = " union all ".join(
            f"select {self._keys(n)}{self._hash(n, self._columns)} as runner_h, {was} as runner_was, {1 - was} as runner_now"
            f" {self._from(n)}"
            for n, was in ((0, 1), (1, 0))
        )
        return (
            f"select {names}, cast(sum(runner_was) as bigint) as runner_was, cast(sum(runner_now) as bigint) as runner_now"
            f" from ({both}) runner_u group by {names} having sum(runner_was) <> sum(runner_now)"
        )

    def _near(self, apart: str) -> str:
        """Those of them that no row of the other side is near to.

        Rows with the same values in all other columns are paired in the order of their inexact numbers.
        """
        names = ks(self._width)
        exact = tuple(column for column in self._columns if column.name not in self._inexact)
        numbers = [f"runner_f{n}" for n in range(len(self._inexact))]
        order = ", ".join(f"{number} nulls last" for number in numbers)
        ranked = []
        for side in (0, 1):
            values = ", ".join(f"{self._value(side, c)} as {n}" for c, n in zip(self._inexact, numbers, strict=True))
            rest = self._hash(side, exact) if exact else "0"
            found = (
                f"select {self._keys(side)}{self._hash(side, self._columns)} as runner_h, {rest} as runner_r, {values}"
                f" {self._from(side)}"
            )
            ranked.append(
                f"(select {', '.join([*names, 'runner_h', 'runner_r', *numbers])},"
                f" row_number() over (partition by runner_r order by {order}) as runner_n from ({found}) runner_x"
                f" where runner_h in (select runner_h from {apart}))"
            )
        types = {column.name: column.type for column in self._columns}
        close = [
            self._close(f"a.{n}", f"b.{n}", types[c], d)
            for (c, d), n in zip(self._inexact.items(), numbers, strict=True)
        ]
        pairs = (
            f"select {''.join(f'coalesce(a.{k}, b.{k}) as {k}, ' for k in names)}a.runner_h as runner_a, b.runner_h as runner_b"
            f" from {ranked[0]} a full outer join {ranked[1]} b on a.runner_r = b.runner_r and a.runner_n = b.runner_n"
            f" where a.runner_h is null or b.runner_h is null or {' or '.join(f'{one} = 0' for one in close)}"
        )
        listed = "".join(f"{k}, " for k in names)
        return (
            f"with runner_p as ({pairs})"
            f" select {listed}runner_a as runner_h, 1 as runner_was, 0 as runner_now from runner_p where runner_a is not null"
            f" union all select {listed}runner_b, 0, 1 from runner_p where runner_b is not null"
        )

    def _close(self, one: str, other: str, type_: str, digits: int) -> str:
        """1 where two inexact numbers are the same to so many digits. A zero with a sign is another value."""
        double = self._engine.double_type
        least, largest = (f"cast('{text}' as {double})" for text in (LEAST, LARGEST))
        same = f"{self._engine.text_of(one, type_)} = {self._engine.text_of(other, type_)}"
        apart = f"abs({one} - {other})"
        allowed = f"cast('1e-{digits}' as {double}) * greatest(abs({one}), abs({other}))"
        return (
            f"(case when {one} is null or {other} is null then case when {one} is null and {other} is null then 1 else 0 end"
            f" when {one} = {other} then case when {same} then 1 else 0 end"
            f" when abs({one}) < {largest} and abs({other}) < {largest}"
            f" then case when {apart} < {least} then 1 when {apart} <= {allowed} then 1 else 0 end else 0 end)"
        )

    # -- what is shown of them ---------------------------------------------------------------------------------------

    def _first(self, apart: str) -> tuple[Difference, ...]:
        first = self._scratch.first(self._planned.number)
        keys = [f"{k} nulls last" for k in ks(self._width)]
        numbered = f"dense_rank() over (order by {', '.join(keys)})" if keys else "1"
        self._make(
            "first",
            first,
            f"select distinct runner_h, runner_g from (select runner_h, {numbered} as runner_g from {apart}) runner_d"
            f" where runner_g <= {SHOWN}",
        )
        rows = [self._fetched(side, first) for side in (0, 1)]
        model = self._planned.compiled
        named = {*self._key, *(name.lower() for name in model.model.unique)}
        naming = [n for n, column in enumerate(self._columns) if column.name.lower() in named]
        digits = {n: self._inexact[c.name] for n, c in enumerate(self._columns) if c.name in self._inexact}
        return differences(
            str(model.table),
            [column.name for column in self._columns],
            naming,
            rows[0],
            rows[1],
            by_key=bool(self._key),
            digits=digits,
        )

    def _fetched(self, side: int, first: str) -> list[Row]:
        """Rows of one side as texts, some of each key."""
        texts = [f"runner_t{n}" for n in range(len(self._columns))]
        selected = ", ".join(f"{self._text(side, c)} as {t}" for c, t in zip(self._columns, texts, strict=True))
        rows = f"select {self._hash(side, self._columns)} as runner_h, {selected} {self._from(side)}"
        order = ", ".join(f"{t} nulls last" for t in texts[:100])
        ranked = (
            f"select f.runner_g, row_number() over (partition by f.runner_g order by {order}) as runner_n, {', '.join(texts)}"
            f" from ({rows}) runner_x join {first} f on f.runner_h = runner_x.runner_h"
        )
        sql = f"select * from ({ranked}) runner_y where runner_n <= {ROWS_SHOWN} order by runner_g, runner_n"
        return [Row(int(group), values) for group, _, *values in self._work.warehouse.execute("verify:shown", sql).rows]

    # -- the two sides -----------------------------------------------------------------------------------------------

    def _from(self, side: int, *, waiting: bool = False) -> str:
        """FROM and WHERE: the rows of a side that are compared, or those of keys that are skipped, as runner_v."""
        joins, conditions = "", []
        if self._kept.skipped:
            joins += f" {'' if waiting else 'left '}join {self._on(self._kept.skipped, 'runner_s')}"
            conditions += [] if waiting else ["runner_s.recompute is null"]
        if self._kept.sample:
            joins += f" join {self._on(self._kept.sample.table, 'runner_k')}"
        return f"from {self._sides[side].table} runner_v{joins}{condition(conditions)}"

    def _on(self, table: str, alias: str) -> str:
        """A table of keys and the condition that joins it; NULL is a key like any other."""
        own = [f"runner_v.{self._engine.quote(name)}" for name in self._planned.compiled.key_names]
        types = self._planned.key_types
        same = [self._engine.same(f"{alias}.k{n}", e, t) for n, (e, t) in enumerate(zip(own, types, strict=True), 1)]
        return f"{table} {alias} on {' and '.join(same)}"

    def _value(self, side: int, name: str) -> str:
        """A column's value in the stored type."""
        column = next(column for column in self._columns if column.name == name)
        given = self._sides[side].columns.get(name.lower())
        text = f"runner_v.{self._engine.quote(given.name if given else name)}"
        return f"cast({text} as {column.type})" if given and given.type != column.type else text

    def _text(self, side: int, column: Column) -> str:
        return self._engine.text_of(self._value(side, column.name), column.type)

    def _hash(self, side: int, columns: Sequence[Column]) -> str:
        return self._engine.hash_of([self._text(side, column) for column in columns])

    def _keys(self, side: int) -> str:
        """The key as texts: k1 … kn, with a comma after each."""
        columns = {column.name.lower(): column for column in self._columns}
        texts = [self._text(side, columns[name]) for name in self._key]
        return "".join(f"{text} as k{n}, " for n, text in enumerate(texts, 1))

    def _any(self, table: str) -> bool:
        return bool(self._work.warehouse.execute("verify:differ", f"select 1 from {table} limit 1").rows)

    def _make(self, label: str, table: str, select: str) -> None:
        self._work.warehouse.execute("verify:drop", f"drop table if exists {table}")
        self._work.warehouse.execute(f"verify:{label}", self._engine.temporary_table(table, select))


@dataclass(frozen=True)
class _Side:
    table: str
    columns: dict[str, Column]
    """By their names in lower case; none for what is stored."""
