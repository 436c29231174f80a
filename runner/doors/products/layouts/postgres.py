"""Postgres: structures in tables of their own, whose columns have the types that loaders give them, or text.

A cast cannot be tried before version 16: a pattern says first what the cast will take. Columns that have the type already
are told by their type and cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.doors.products.layouts.base import ATOMIC, WHOLE_PATTERN, decimal_pattern
from runner.doors.products.layouts.tables import COPIES, TableLayout, chunks
from runner.doors.products.values import BaseType, Type
from runner.warehouse.engines import POSTGRES, Engine

_WHOLE = ("smallint", "integer", "bigint")
_TIMES = ("timestamp", "timestamptz", "date")
_NATIVE = {  # types from which the cast cannot fail
    BaseType.SMALLINT: _WHOLE[:1],
    BaseType.INTEGER: _WHOLE[:2],
    BaseType.BIGINT: _WHOLE,
    BaseType.HUGE: (*_WHOLE, "numeric"),
    BaseType.NUMBER: (*_WHOLE, "real", "double precision"),
    BaseType.TSTAMP: _TIMES,
    BaseType.DATE: _TIMES,
}
_BITS = {BaseType.SMALLINT: 15, BaseType.INTEGER: 31, BaseType.BIGINT: 63}
_ZONE = "( ?([Zz]|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?))"
_DAY = "(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME_PATTERN = f"^{_DAY}([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?{_ZONE}?)?$"


@dataclass(frozen=True, kw_only=True)
class _Tables(TableLayout):
    engine: Engine = POSTGRES
    target: str = "postgresql://localhost/snowplow"
    json_typeof: str = "jsonb_typeof"
    materializes: bool = True
    chains: bool = True
    atomic: tuple[str, ...] = tuple(name for name in ATOMIC if name != "load_tstamp")  # its loader has none

    def loaded(self, type_: Type) -> str:
        """What fits no type is JSON; there are no decimals."""
        if type_.mixed or type_.base is BaseType.JSON:
            return self.engine.json_type
        return self.engine.double_type if type_.base is BaseType.DECIMAL else self.type(type_)

    def unquoted(self, column: str) -> str:
        """A text of JSON has quotes, that of a table which another has made has none."""
        return f"to_jsonb({column}) #>> '{{}}'"

    def typed(self, column: str, type_: Type) -> str:
        if type_.mixed:
            return self.unquoted(column)
        cast = f"cast({column} as {self.type(type_)})"
        if type_.base in (BaseType.TEXT, BaseType.JSON):
            return cast
        value = self._value(self.text(column), type_)
        native = ", ".join(f"'{name}'::regtype" for name in _NATIVE.get(type_.base, ()))
        return f"case when pg_typeof({column}) in ({native}) then {cast} else {value} end" if native else value

    def member(self, column: str, type_: Type) -> str:
        return f"to_jsonb({column})" if type_.mixed else self.typed(column, type_)

    def _value(self, text: str, type_: Type) -> str:
        """A text in a type; NULL where it is no such value. A time without a zone is UTC."""
        if type_.base is BaseType.DECIMAL:
            well_formed = self.engine.matches(text, decimal_pattern(type_.scale))
            return f"case when {well_formed} then cast({text} as {self.type(type_)}) end"
        if type_.base is BaseType.BOOLEAN:
            return f"case lower({text}) when 'true' then true when 'false' then false end"
        if type_.base is BaseType.NUMBER:
            return self.number(text)
        if type_.base in (BaseType.TSTAMP, BaseType.DATE):
            return self._time(text, type_)
        number = f"cast({text} as numeric)"
        if type_.base in _BITS:
            low, high = -(2 ** _BITS[type_.base]), 2 ** _BITS[type_.base] - 1
            made = f"cast({number} as {self.type(type_)})"
            number = f"case when {number} between {low} and {high} then {made} end"
        return f"case when {self.engine.matches(text, WHOLE_PATTERN)} then {number} end"

    def _time(self, text: str, type_: Type) -> str:
        """Of the days 29 to 31 a pattern cannot tell whether their month has them; jsonpath can, without an error."""
        day = f"jsonb_path_exists(to_jsonb(left({text}, 10)), '$.datetime(\"YYYY-MM-DD\")', silent => true)"
        utc = f"cast({text} as timestamptz) at time zone 'UTC'"
        value = f"case when {text} ~ ':.*{_ZONE}$' then {utc} else cast({text} as timestamp) end"
        well_formed = self.engine.matches(text, _TIME_PATTERN)
        return f"case when {well_formed} and {day} then cast({value} as {self.type(type_)}) end"

    def first_events(self, names: Sequence[str], same: int) -> list[str]:
        """Not by row_number, of which the planner would take `= 1` for one row in all."""
        listed, by = (", ".join(f"r.{name}" for name in some) for some in (names, names[:same]))
        first = (
            f"events as (\n    select distinct on ({by}) {listed},\n"
            f"        cast({COPIES} as bigint) as copies\n"
            f"    from event_rows as r\n    order by {listed}\n)"
        )
        return [first]

    def first_rows(self, number: int, columns: Sequence[str]) -> str:
        listed = ", ".join(f"v.{name}" for name in columns)
        return (
            f"structure_{number} as (\n"
            f"    select distinct on (v.root_id, v.root_tstamp) v.root_id, v.root_tstamp, {listed}\n"
            f"    from rows_{number} as v\n    order by v.root_id, v.root_tstamp, {listed}\n)"
        )

    def is_first(self, number: int) -> str:
        return ""

    def element(self, pairs: Sequence[str]) -> str:
        return " || ".join(f"jsonb_build_object({chunk})" for chunk in chunks(pairs))

    def document(self, pairs: Sequence[str]) -> str:
        return self.element(pairs)

    def array(self, times: str) -> str:
        return "jsonb_agg(c.element order by c.element)"

    def gathered(self, element: str) -> str:
        return f"jsonb_agg({element} order by {element}) filter (where {element} is not null)"

    def uncopied(self, array: str, copies: str) -> str:
        numbered = (
            "select u.v, row_number() over (partition by u.v) as nth, count(*) over (partition by u.v) as n"
            f" from jsonb_array_elements({array}) as u(v)"
        )
        once = f"select jsonb_agg(x.v order by x.v) from ({numbered}) as x where x.nth <= greatest(x.n / {copies}, 1)"
        return f"case when {copies} = 1 then {array} else ({once}) end"

    def repeated(self, times: str) -> str:
        return f"\n    cross join lateral generate_series(1, {times}) as g(n)"


POSTGRES_TABLES = _Tables()
