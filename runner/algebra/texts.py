"""The value that the algebra's functions share, and the small parts of which their SQL is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.algebra.scratch import Scratch
from runner.algebra.values import BoundSource
from runner.names import TableName
from runner.playbook.values import Playbook, Source
from runner.program.values import renamed
from runner.warehouse.engines import Engine
from runner.warehouse.values import Column

NO_TSTAMP = "timestamp '0001-01-01 00:00:00'"  # the batch of rows without an etl_tstamp


@dataclass(frozen=True)
class Algebra:
    """What the SQL of one run depends on besides its inputs: the engine, names of owned tables, the run's scratch."""

    engine: Engine
    playbook: Playbook
    scratch: Scratch

    def physical(self, table: TableName) -> str:
        """An owned table's name in the warehouse, quoted."""
        return self.engine.table(renamed(self.playbook, table))

    def quoted(self, names: Sequence[str], prefix: str = "") -> list[str]:
        """Column names, quoted."""
        return [prefix + self.engine.quote(name) for name in names]

    def listed(self, columns: Sequence[Column]) -> str:
        """Columns by name, quoted, with commas."""
        return ", ".join(self.quoted([column.name for column in columns]))

    def batch(self, source: Source) -> str:
        """A row's batch: its etl_tstamp in UTC, or the sentinel."""
        return f"coalesce(cast({source.batch.text} as timestamp), {NO_TSTAMP})"

    def from_source(self, source: BoundSource) -> str:
        """The source's rows under its own name."""
        return f"{source.rows} as {self.engine.quote(source.source.table.table)}"

    def is_in(
        self,
        expressions: Sequence[str],
        keys: str,
        where: str = "",
        types: Sequence[str] = (),
        *,
        has_null: bool = False,
    ) -> str:
        """True if the key is among the rows of a keys table. NULL is a key like any other.

        `has_null`: the key NULL may be among them. A key of several columns compares null-safe in any case.
        """
        if len(expressions) > 1:
            return self._exists("exists", expressions, keys, where, types)
        found = f"({expressions[0]}) in (select k1 from {keys}{condition([where] if where else [])})"
        return f"({found} or {self.is_null(expressions[0], keys, where)})" if has_null else found

    def is_null(self, expression: str, keys: str, where: str = "") -> str:
        """True for rows whose key is NULL, if the key NULL is among the rows of a keys table."""
        known = condition(["k1 is null", *([where] if where else [])])
        return f"(({expression}) is null and exists (select 1 from {keys}{known}))"

    def not_in(
        self, expressions: Sequence[str], keys: str, types: Sequence[str] = (), *, has_null: bool = False
    ) -> str:
        """True if the key is not among the rows of a keys table. Never NOT IN: one null would empty it."""
        absent = self._exists("not exists", expressions, keys, "", types)
        if len(expressions) == 1 and has_null:
            return f"({absent} and not {self.is_null(expressions[0], keys)})"
        return absent

    def _exists(self, exists: str, expressions: Sequence[str], keys: str, where: str, types: Sequence[str]) -> str:
        if any(map(self.engine.names_function, expressions)):
            those = f"select {_row(ks(len(expressions)))} from {keys}{condition([where] if where else [])}"
            return f"{exists.removesuffix('exists')}({_row(expressions)} in ({those}))"
        renamed_ks = ", ".join(f"{k} as runner_{k}" for k in ks(len(expressions)))  # k1 may be a user's column
        listed = f"(select {renamed_ks} from {keys}{condition([where] if where else [])}) runner_k"
        if len(expressions) == 1:
            return f"{exists} (select 1 from {listed} where runner_k.runner_k1 = ({expressions[0]}))"
        pairs = [
            self.engine.same(f"runner_k.runner_k{n}", f"({e})", types[n - 1] if types else "")
            for n, e in enumerate(expressions, 1)
        ]
        return f"{exists} (select 1 from {listed} where {' and '.join(pairs)})"

    def hash_of_rows(self, columns: Sequence[Column]) -> str:
        """An aggregate: an order-free hash of rows over these columns, as a text: SUM of a 60-bit piece of md5.

        A sum, not XOR: two equal rows must not cancel.
        """
        texts = [self.engine.text_of(self.engine.quote(column.name), column.type) for column in columns]
        parts = " || ".join(map(self.engine.piece, texts))
        return f"cast(sum({self.engine.hash_60(parts)}) as varchar(60))"

    # -- columns of any type -----------------------------------------------------------------------------------------

    def told_apart(self, columns: Sequence[Column]) -> list[str]:
        """What to order by, so that only rows which are the same fall together."""
        return [e for column in columns for e in self.engine.told_apart(self.engine.quote(column.name), column.type)]

    def grouped(self, columns: Sequence[Column]) -> list[str]:
        """The same, to group by: in as few expressions as a very wide row needs."""
        found = self.told_apart(columns)
        if self.engine.most_columns is None or len(found) <= self.engine.most_columns:
            return found
        own = set(self.quoted([column.name for column in columns]))
        texts = [expression for expression in found if expression not in own]
        return [*(expression for expression in found if expression in own), self.engine.together(texts)]

    def shown(self, columns: Sequence[Column]) -> list[str]:
        """The columns themselves, in a query that groups by what tells them apart."""
        quoted = [(self._has_equality(c), c.type, self.engine.quote(c.name)) for c in columns]
        return [q if has_equality else f"{self.engine.any_of(q, type_)} as {q}" for has_equality, type_, q in quoted]

    def groupable(self, columns: Sequence[Column]) -> Column:
        """The first column that can be grouped by, if there is any."""
        return next(filter(self._has_equality, columns), columns[0])

    def _has_equality(self, column: Column) -> bool:
        quoted = self.engine.quote(column.name)
        return quoted in self.engine.told_apart(quoted, column.type)


def ks(width: int) -> list[str]:
    """The names of a key's columns in the runner's own tables: k1 … kn."""
    return [f"k{n}" for n in range(1, width + 1)]


def as_ks(expressions: Sequence[str]) -> str:
    """A key's expressions under the names that they have in the runner's own tables."""
    return ", ".join(f"{e} as k{n}" for n, e in enumerate(expressions, 1))


def _row(values: Sequence[str]) -> str:
    """A row that is equal to one with nulls in the same places; never of one value, which would be no row."""
    return f"row({', '.join(f'({value})' for value in values)}, 0)"


def condition(conditions: Sequence[str]) -> str:
    """` where …`, or nothing."""
    return f" where {' and '.join(conditions)}" if conditions else ""
