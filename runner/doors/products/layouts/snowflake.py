"""Snowflake: structures in columns of OBJECT and ARRAY, with the schema's keys, or as a table of a lake has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from runner.doors.products.layouts.documents import JSON_TYPES, DocumentLayout, Exists
from runner.doors.products.values import Type
from runner.warehouse.engines import SNOWFLAKE, Engine

_TYPES = JSON_TYPES | {"number": "'INTEGER', 'DECIMAL', 'DOUBLE'"}  # as typeof calls them


@dataclass(frozen=True, kw_only=True)
class _OnSnowflake(DocumentLayout):
    """A place is the value itself."""

    engine: Engine = SNOWFLAKE
    target: str = "snowflake://account/snowplow"
    first: str = "[0]"

    @property
    def now(self) -> str:
        return self.engine.now

    def loaded(self, column: str) -> str:
        return f"a.{column}"

    def joined(self, arrays: Sequence[str]) -> str:
        lists = [f"coalesce({one}, array_construct())" for one in arrays]
        found = reduce(lambda first, second: f"array_cat({first}, {second})", lists)
        return f"case when coalesce({', '.join(arrays)}) is not null then {found} end"

    def at(self, document: str, step: str, key: str) -> str:
        escaped = key.replace('"', '""')
        return f'{document}{step}:"{escaped}"'

    def text(self, at: str) -> str:
        return f"cast({at} as {self.engine.text_type})"

    def unquoted(self, at: str) -> str:
        return self.text(at)

    def json(self, at: str) -> str:
        return f"strip_null_value({at})"

    def length(self, column: str) -> str:
        return f"array_size({column})"

    def has_element(self, column: str, condition: str, number: int) -> Exists:
        """A flatten that hangs on a row stands in FROM here, so that the events with such an element are a CTE."""
        name = f"elements_{number}"
        cte = (
            f"{name} as (\n    select e.event_id, e.collector_tstamp\n"
            f"    from loaded as e, lateral flatten(input => {column}) as i\n"
            f"    where {condition}\n    group by e.event_id, e.collector_tstamp\n)"
        )
        tied = "l.event_id = e.event_id and l.collector_tstamp = e.collector_tstamp"
        return Exists(f"exists (select 1 from {name} as l where {tied})", cte)

    def has_id(self, column: str, ids: str, number: int) -> Exists:
        return self.has_element(column, f"{self.text(self.at('i.value', '', 'id'))} in ({ids})", number)

    def utc(self, text: str) -> str:
        return f"cast(convert_timezone('UTC', try_cast({text} as timestamp_tz)) as {self.engine.timestamp_type})"

    def number(self, text: str) -> str:
        return f"try_cast({text} as {self.engine.double_type})"


class _Objects(_OnSnowflake):
    def is_a(self, at: str, type_: Type, json_type: str) -> str | None:
        return f"typeof({at}) in ({_TYPES[json_type]})"


class _Lake(_OnSnowflake):
    def unquoted(self, at: str) -> str:
        """A field holds the JSON as a text."""
        text = self.text(at)
        return f"coalesce(cast(strip_null_value(try_parse_json({text})) as {self.engine.text_type}), nullif({text}, 'null'))"

    def json(self, at: str) -> str:
        """As a text where no struct could be made of it."""
        return f"strip_null_value(iff(typeof({at}) = 'VARCHAR', try_parse_json({self.text(at)}), {at}))"

    def is_a(self, at: str, type_: Type, json_type: str) -> str | None:
        """A field has one type: of several a text was made."""
        return None


OBJECTS = _Objects(name="objects", snake_keys=False)
LAKE = _Lake(name="lake", snake_keys=True)
