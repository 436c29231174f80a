"""BigQuery: structures in columns of RECORD and REPEATED RECORD, as the second version of its loader makes them.

A repeated field is never null: no array and an empty one are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.products.layouts.documents import Exists
from runner.doors.products.layouts.typed import TypedLayout
from runner.doors.products.values import BaseType, Property, Type
from runner.warehouse.engines import BIGQUERY, Engine

NUMERIC_SCALE = 9  # digits behind the point that NUMERIC has
_TYPES = {
    BaseType.SMALLINT: "int64",
    BaseType.INTEGER: "int64",
    BaseType.BIGINT: "int64",
    BaseType.BOOLEAN: "bool",
}


@dataclass(frozen=True, kw_only=True)
class _Records(TypedLayout):
    engine: Engine = BIGQUERY
    first: str = "[safe_offset(0)]"
    safe_cast: str = "safe_cast"

    @property
    def now(self) -> str:
        return "current_timestamp()"

    def type(self, type_: Type) -> str:
        if type_.base is BaseType.DECIMAL:
            return "numeric" if type_.scale <= NUMERIC_SCALE else "bignumeric"
        return _TYPES.get(type_.base) or super().type(type_)

    def ordered(self, column: str) -> str:
        return f"to_json_string({column})"

    def forgets(self, one: Property) -> bool:
        return one.type.only == "array"

    def unquoted(self, at: str) -> str:
        """A scalar as a text; an object or array as its JSON."""
        return f"coalesce(json_value(to_json({at})), nullif(to_json_string({at}), 'null'))"

    def json(self, at: str) -> str:
        """The JSON null, which to_json makes of NULL, is none."""
        return f"case when to_json_string({at}) <> 'null' then to_json({at}) end"

    def elements(self, column: str, properties: tuple[Property, ...]) -> str:
        return f"case when {self.length(column)} > 0 then to_json({column}) end"

    def is_a(self, at: str, type_: Type, json_type: str) -> str | None:
        return f"json_type(to_json({at})) = '{json_type}'"

    def length(self, column: str) -> str:
        return f"array_length({column})"

    def has_element(self, column: str, condition: str, number: int) -> Exists:
        return Exists(f"exists (select 1 from unnest({column}) as i where {condition})")

    def has_id(self, column: str, ids: str, number: int) -> Exists:
        return self.has_element(column, f"i.id in ({ids})", number)


RECORDS = _Records(name="record")
