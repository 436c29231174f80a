"""DuckDB: structures in columns of JSON (or its text), or of structs, of which all is read as JSON."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.products.layouts.documents import JSON_TYPES, DocumentLayout, Exists
from runner.doors.products.values import BaseType, Type
from runner.warehouse.engines import DUCKDB, Engine

_TYPES = JSON_TYPES | {"number": "'BIGINT', 'UBIGINT', 'DOUBLE'"}  # as json_type calls them


@dataclass(frozen=True, kw_only=True)
class _OnDuckDB(DocumentLayout):
    """A place is the arguments of json_extract: a document and a JSON pointer."""

    engine: Engine = DUCKDB
    target: str = "duckdb:///{name}.duckdb"
    first: str = "/0"

    def loaded(self, column: str) -> str:
        return f"try_cast(a.{column} as json) as {column}"

    def at(self, document: str, step: str, key: str) -> str:
        escaped = key.replace("~", "~0").replace("/", "~1")  # in a path with $ a * would be any key
        return f"{document}, {self.engine.literal(f'{step}/{escaped}')}"

    def text(self, at: str) -> str:
        return f"json_extract_string({at})"

    def length(self, column: str) -> str:
        return f"json_array_length({column})"

    def has_element(self, column: str, condition: str, number: int) -> Exists:
        return Exists(f"exists (select 1 from json_each({column}) as i where {condition})")

    def has_id(self, column: str, ids: str, number: int) -> Exists:
        return Exists(f"list_has_any(json_extract_string({column}, '$[*].id'), [{ids}])")

    def utc(self, text: str) -> str:
        return f"cast(try_cast({text} as timestamptz) at time zone 'UTC' as {self.engine.timestamp_type})"

    def number(self, text: str) -> str:
        """A number too large is infinite here."""
        tried = f"try_cast({text} as {self.engine.double_type})"
        return f"case when isfinite({tried}) then {tried} end"


class _Json(_OnDuckDB):
    def json(self, at: str) -> str:
        return f"case when json_type({at}) <> 'NULL' then json_extract({at}) end"

    def is_a(self, at: str, type_: Type, json_type: str) -> str | None:
        return f"json_type({at}) in ({_TYPES[json_type]})"


class _Struct(_OnDuckDB):
    def json(self, at: str) -> str:
        """A struct's field may hold the JSON as a text."""
        return f"try_cast({self.text(at)} as json)"

    def is_a(self, at: str, type_: Type, json_type: str) -> str | None:
        """A field has one type: of several a text was made."""
        return f"json_type({self.json(at)}) in ({_TYPES[json_type]})" if type_.base is BaseType.JSON else None


JSON = _Json(name="json", snake_keys=False)
STRUCT = _Struct(name="struct", snake_keys=True)
