"""Databricks: structures in columns of STRUCT and ARRAY<STRUCT>, as the lake loader makes them of Delta tables.

JSON is a text in a field of a struct: in JSON that holds the struct it is read (try_parse_json, Databricks Runtime 15.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.products.layouts.documents import Exists
from runner.doors.products.layouts.typed import TypedLayout
from runner.doors.products.values import BaseType, Property, Type
from runner.warehouse.engines import DATABRICKS, Engine

_FIRST_SIGN = {"object": "{", "array": "["}


@dataclass(frozen=True, kw_only=True)
class _Structs(TypedLayout):
    engine: Engine = DATABRICKS
    first: str = "0"
    safe_cast: str = "try_cast"

    @property
    def now(self) -> str:
        return "current_timestamp()"

    def type(self, type_: Type) -> str:
        return "int" if type_.base in (BaseType.SMALLINT, BaseType.INTEGER) else super().type(type_)

    def at(self, document: str, step: str, key: str) -> str:
        """An index in brackets has to be there."""
        return super().at(f"get({document}, {step})" if step else document, "", key)

    def ordered(self, column: str) -> str:
        return f"to_json({column})"

    def unquoted(self, at: str) -> str:
        """A scalar of JSON as a text; a text that is no JSON is itself."""
        text = f"cast({at} as string)"
        return f"coalesce(get_json_object({text}, '$'), nullif({text}, 'null'))"

    def json(self, at: str) -> str:
        return f"to_json({at})"

    def whole(self, at: str, one: Property) -> str:
        if self._is_text(one):
            return f"nullif(cast({at} as string), 'null')"
        return self.json(self._read(at, one, 0))

    def elements(self, column: str, properties: tuple[Property, ...]) -> str:
        every = Property("", Type(BaseType.JSON, only="object"), fields=properties)
        return self.json(self._read(column, Property("", Type(BaseType.JSON, only="array"), items=every), 0))

    def _is_text(self, one: Property) -> bool:
        return self.stored(one)[0].as_json

    def _has_texts(self, one: Property) -> bool:
        """Whether a struct or array holds a text of JSON somewhere."""
        if self._is_text(one):
            return True
        if one.type.only == "array":
            return one.items is None or self._has_texts(one.items)
        return any(map(self._has_texts, one.fields))

    def _read(self, value: str, one: Property, depth: int) -> str:
        """A struct or array with its texts of JSON read; what has none is itself."""
        if self._is_text(one):
            return f"coalesce(try_parse_json(cast({value} as string)), cast({value} as variant))"
        if not self._has_texts(one):
            return value
        if one.type.only == "array":
            name = f"x{depth}"
            item = one.items or Property("", Type(BaseType.TEXT, mixed=True))
            return f"transform({value}, {name} -> {self._read(name, item, depth + 1)})"
        read = [
            f"{self.engine.literal(self.key(field))}, {self._read(self.at(value, '', self.key(field)), field, depth)}"
            for field in self.merged(one.fields)
        ]
        return f"case when {value} is not null then named_struct({', '.join(read)}) end"

    def is_a(self, at: str, type_: Type, json_type: str) -> str | None:
        """Objects and arrays of JSON are told by their first sign; other values may be texts of older versions."""
        if type_.base is not BaseType.JSON or type_.only:
            return None
        return f"cast({at} as string) like '{_FIRST_SIGN[json_type]}%'"

    def length(self, column: str) -> str:
        return f"array_size({column})"

    def has_element(self, column: str, condition: str, number: int) -> Exists:
        """A subquery could not read the row that it stands in."""
        return Exists(f"coalesce(exists({column}, i -> {condition}), false)")

    def has_id(self, column: str, ids: str, number: int) -> Exists:
        return self.has_element(column, f"i.id in ({ids})", number)


STRUCTS = _Structs(name="struct")
