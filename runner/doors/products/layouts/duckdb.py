"""DuckDB: structures in columns of JSON (or its text), or of structs, of which all is read as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runner.doors.products.layouts.documents import JSON_TYPES, DocumentLayout, Exists
from runner.doors.products.values import BaseType, Property, Type
from runner.warehouse.engines import DUCKDB, Engine

_TYPES = JSON_TYPES | {"number": "'BIGINT', 'UBIGINT', 'DOUBLE'"}  # as json_type calls them


@dataclass(frozen=True, kw_only=True)
class _OnDuckDB(DocumentLayout):
    """A place is the arguments of json_extract: a document and a JSON pointer."""

    engine: Engine = DUCKDB
    target: str = "duckdb:///{name}.duckdb"
    first: str = "/0"

    def loaded(self, column: str) -> str:
        return f"try_cast(a.{column} as json)"

    def joined(self, arrays: Sequence[str]) -> str:
        lists = ", ".join(f"coalesce(try_cast({one} as json[]), cast([] as json[]))" for one in arrays)
        return f"case when coalesce({', '.join(arrays)}) is not null then to_json(flatten([{lists}])) end"

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
        """A number too large is infinite here; a text that is read once is planned once."""
        made = f"try_cast({text} as {self.engine.double_type})"
        for other in ("nan", "inf", "-inf"):
            made = f"nullif({made}, '{other}'::{self.engine.double_type})"
        return made

    def matching(self, text: str, pattern: str, type_: Type) -> str:
        """What does not match is an empty text, which is no number."""
        return f"try_cast(regexp_extract({text}, {self.engine.literal(pattern)}) as {self.type(type_)})"


class _Json(_OnDuckDB):
    def unquoted(self, at: str) -> str:
        return self.text(at)

    def json(self, at: str) -> str:
        return f"case when json_type({at}) <> 'NULL' then json_extract({at}) end"

    def is_a(self, at: str, type_: Type, json_type: str) -> str | None:
        return f"json_type({at}) in ({_TYPES[json_type]})"


class _Struct(_OnDuckDB):
    """Fields of several types hold JSON as a text, in the depth of a structure, too."""

    def unquoted(self, at: str) -> str:
        text = self.text(at)
        return f"coalesce(json_extract_string(try_cast({text} as json), '$'), nullif({text}, 'null'))"

    def json(self, at: str) -> str:
        """A struct's field may hold the JSON as a text."""
        return f"try_cast({self.text(at)} as json)"

    def whole(self, at: str, one: Property) -> str:
        return self._read(self.json(at), one, 0) if self._has_texts(one) else self.json(at)

    def elements(self, column: str, properties: tuple[Property, ...]) -> str:
        every = Property("", Type(BaseType.JSON, only="object"), fields=properties)
        whole = Property("", Type(BaseType.JSON, only="array"), items=every)
        return self._read(column, whole, 0) if self._has_texts(whole) else column

    def _is_text(self, one: Property) -> bool:
        return self.stored(one)[0].as_json

    def _object(self, fields: Iterable[tuple[Property, str]]) -> str:
        """An object of JSON with these fields."""
        pairs = ", ".join(f"{self.engine.literal(self.key(field))}, {found}" for field, found in fields)
        return f"json_object({pairs})"

    def _has_texts(self, one: Property) -> bool:
        """Whether a struct or list holds a text of JSON somewhere."""
        if one.fields:
            return any(self._is_text(field) or self._has_texts(field) for field in one.fields)
        if one.type.only == "array":
            return one.items is None or self._is_text(one.items) or self._has_texts(one.items)
        return False

    def _read(self, value: str, one: Property, depth: int) -> str:
        """JSON as the struct or list has it → with its texts of JSON read; other keys and values as they are."""
        if one.fields:
            fields = [(field, self._field(value, field, depth)) for field in self.merged(one.fields)]
            texts = [pair for pair in fields if self._is_text(pair[0]) or self._has_texts(pair[0])]
            keys = ", ".join(self.engine.literal(self.key(field)) for field, _ in fields)
            return (
                f"case when json_type({value}) <> 'OBJECT' then {value}"
                f" when list_has_all(json_keys({value}), [{keys}]) then {self._object(fields)}"
                f" else json_merge_patch({value}, {self._object(texts)}) end"  # a column older than some property
            )
        element = one.items or Property("", Type(BaseType.TEXT, mixed=True))
        name = f"x{depth}"
        inner = self._text_read(name) if self._is_text(element) else self._read(name, element, depth + 1)
        listed = f"list_transform(try_cast({value} as json[]), lambda {name} : {inner})"
        return f"case when json_type({value}) = 'ARRAY' then to_json({listed}) else {value} end"

    def _field(self, value: str, field: Property, depth: int) -> str:
        at = f"json_extract({self.at(value, '', self.key(field))})"
        if self._is_text(field):
            return self._text_read(at)
        return self._read(at, field, depth) if self._has_texts(field) else at

    def _text_read(self, value: str) -> str:
        """The JSON in a text, or the text where it is none."""
        read = f"try_cast(json_extract_string({value}, '$') as json)"
        return f"case when json_type({value}) = 'VARCHAR' then coalesce({read}, {value}) else {value} end"

    def is_a(self, at: str, type_: Type, json_type: str) -> str | None:
        """A field has one type: of several a text was made."""
        return f"json_type({self.json(at)}) in ({_TYPES[json_type]})" if type_.base is BaseType.JSON else None


JSON = _Json(name="json", snake_keys=False)
STRUCT = _Struct(name="struct", snake_keys=True)
