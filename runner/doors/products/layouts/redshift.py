"""Redshift: structures in tables of their own.

Columns of loaders are cast as they are: TRY_CAST refuses some pairs of types, and a column's type cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.doors.products.layouts.tables import COPIES, TableLayout, chunks
from runner.doors.products.values import BaseType, Type
from runner.warehouse.engines import REDSHIFT, Engine

CENTS = 2  # digits behind the point


@dataclass(frozen=True, kw_only=True)
class _Tables(TableLayout):
    engine: Engine = REDSHIFT
    target: str = "redshift://localhost:5439/snowplow"
    json_typeof: str = "json_typeof"
    materializes: bool = False

    @property
    def now(self) -> str:
        return self.engine.now

    def loaded(self, type_: Type) -> str:
        """Decimals are those of multiples of 0.01 alone; JSON is a text, and several types are one."""
        if type_.base is BaseType.JSON:
            return self.engine.text_type
        other = type_.base is BaseType.DECIMAL and type_.scale != CENTS
        return self.engine.double_type if other else self.type(type_)

    def typed(self, column: str, type_: Type) -> str:
        if type_.base is BaseType.JSON:
            return f"case when can_json_parse({column}) then json_parse({column}) end"
        return f"cast({column} as {self.type(type_)})"

    def member(self, column: str, type_: Type) -> str:
        """JSON has no times: they are texts."""
        return self.text(column) if type_.base in (BaseType.TSTAMP, BaseType.DATE) else self.typed(column, type_)

    def first_events(self, names: Sequence[str], same: int) -> list[str]:
        rows, listed = (", ".join(f"{alias}.{name}" for name in names) for alias in "rn")
        by, order = (", ".join(f"r.{name}" for name in some) for some in (names[:same], names[same:]))
        return [
            (
                f"event_numbers as (\n    select {rows},\n        {COPIES} as copies,\n"
                f"        row_number() over (partition by {by} order by {order}) as copy_number\n"
                "    from event_rows as r\n)"
            ),
            (
                f"events as (\n    select {listed}, cast(n.copies as bigint) as copies\n"
                "    from event_numbers as n\n    where n.copy_number = 1\n)"
            ),
        ]

    def first_rows(self, number: int, columns: Sequence[str]) -> str:
        listed = ", ".join(f"v.{name}" for name in columns)
        return (
            f"structure_{number} as (\n    select v.root_id, v.root_tstamp, {listed},\n"
            f"        row_number() over (partition by v.root_id, v.root_tstamp order by {listed}) as nth_row\n"
            f"    from rows_{number} as v\n)"
        )

    def is_first(self, number: int) -> str:
        return f" and s{number}.nth_row = 1"

    def element(self, pairs: Sequence[str]) -> str:
        """As a text: values of SUPER can be neither grouped nor ordered by, nor two of them joined to one."""
        texts = [f"json_serialize(object({chunk}))" for chunk in chunks(pairs)]
        open_texts = [f"regexp_replace({text}, '[}}]$', ',')" for text in texts[:-1]]
        first, *others = [*open_texts, texts[-1]]
        return " || ".join([first, *(f"substring({text}, 2)" for text in others)])

    def serialized(self, document: str) -> str:
        return f"json_serialize({document})"

    def document(self, pairs: Sequence[str]) -> str:
        parts = chunks(pairs)
        return f"object({parts[0]})" if len(parts) == 1 else f"json_parse({self.element(pairs)})"

    def array(self, times: str) -> str:
        elements = f"repeat(c.element || ',', cast({times} as integer))"
        return f"json_parse('[' || rtrim(listagg({elements}) within group (order by c.element), ',') || ']')"

    def repeated(self, times: str) -> str:
        return ""


REDSHIFT_TABLES = _Tables()
