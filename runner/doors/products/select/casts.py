"""A value in the type that its schema asks for, or NULL where it is no such value: it is to harm no other event.

DuckDB and Snowflake try a cast. Postgres does not before version 16: there a pattern says first what the cast will take,
and columns that have the type already, as loaders make them, are told by their type and cost nothing. On Redshift the
columns of loaders are cast as they are: its TRY_CAST refuses some pairs of types, and it cannot ask for a column's.
"""

from __future__ import annotations

from runner.doors.products.layouts import Engine
from runner.doors.products.values import Kind, Type

NUMBER = Type(Kind.NUMBER)
TEXT = Type(Kind.TEXT)
_WHOLE = ("smallint", "integer", "bigint")
_TIMES = ("timestamp", "timestamptz", "date")
_NATIVE = {  # types of Postgres from which the cast cannot fail
    Kind.SMALLINT: _WHOLE[:1],
    Kind.INTEGER: _WHOLE[:2],
    Kind.BIGINT: _WHOLE,
    Kind.HUGE: (*_WHOLE, "numeric"),
    Kind.NUMBER: (*_WHOLE, "real", "double precision"),
    Kind.TSTAMP: _TIMES,
    Kind.DATE: _TIMES,
}
_BITS = {Kind.SMALLINT: 15, Kind.INTEGER: 31, Kind.BIGINT: 63}
# So long and with so small an exponent that no engine finds the number too large or too small.
_NUMBER = "^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,2})?$"
_NUMBER_LENGTH = 200
_INTEGER = "^[+-]?[0-9]{1,38}([.]0*)?$"  # casts would round other numbers
_ZONE = "( ?([Zz]|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?))"
_DAY = "(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = f"^{_DAY}([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?{_ZONE}?)?$"
_ZONED = "^.*:[0-9.:]+ ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$"  # Snowflake matches the whole text


def from_text(text: str, type_: Type, engine: Engine) -> str:
    """SQL for a text as a value of `type_`. A time without an offset is UTC, whatever zone the reader's session has."""
    made = engine.type(type_)
    if type_.kind is Kind.TEXT:
        return text
    if engine.name == "postgres":
        return _on_postgres(text, type_.kind, made)
    if engine.name == "redshift":
        return f"case when {_is_number(text)} then cast({text} as {made}) end"
    return _tried(text, type_.kind, made, engine.name == "snowflake")


def _tried(text: str, kind: Kind, made: str, snowflake: bool) -> str:
    """On DuckDB and Snowflake, where a cast may be tried; what it would round or zone by itself is told before."""
    tried, matches = f"try_cast({text} as {made})", "regexp_like" if snowflake else "regexp_matches"
    if kind in (*_BITS, Kind.HUGE):
        return f"case when {matches}({text}, '{_INTEGER}') then {tried} end"
    if kind is Kind.NUMBER and not snowflake:
        return f"case when isfinite({tried}) then {tried} end"
    if kind is not Kind.TSTAMP:
        return tried
    if snowflake:
        utc = f"cast(convert_timezone('UTC', try_cast({text} as timestamp_tz)) as {made})"
    else:
        utc = f"cast(try_cast({text} as timestamptz) at time zone 'UTC' as {made})"
    return f"case when {matches}({text}, '{_ZONED}') then {utc} else {tried} end"


def from_column(column: str, type_: Type, engine: Engine) -> str:
    """SQL for a column of a structure's table as a value of `type_`."""
    made = engine.type(type_)
    if engine.name == "redshift" and type_.kind is Kind.JSON:
        return f"case when can_json_parse({column}) then json_parse({column}) end"
    if engine.name != "postgres" or type_.kind in (Kind.TEXT, Kind.JSON):
        return f"cast({column} as {made})"
    text = from_text(f"cast({column} as text)", type_, engine)
    native = ", ".join(f"'{name}'::regtype" for name in _NATIVE.get(type_.kind, ()))
    return (
        f"case when pg_typeof({column}) in ({native}) then cast({column} as {made}) else {text} end" if native else text
    )


def _on_postgres(text: str, kind: Kind, made: str) -> str:
    if kind is Kind.BOOLEAN:
        return f"case lower({text}) when 'true' then true when 'false' then false end"
    if kind is Kind.NUMBER:
        return f"case when {_is_number(text)} then cast({text} as {made}) end"
    if kind in (Kind.TSTAMP, Kind.DATE):
        # of the days 29 to 31 a pattern cannot tell whether their month has them; jsonpath can, without an error
        day = f"jsonb_path_exists(to_jsonb(left({text}, 10)), '$.datetime(\"YYYY-MM-DD\")', silent => true)"
        utc = f"cast({text} as timestamptz) at time zone 'UTC'"
        value = f"case when {text} ~ ':.*{_ZONE}$' then {utc} else cast({text} as timestamp) end"
        return f"case when {text} ~ '{_TIME}' and {day} then cast({value} as {made}) end"
    number = f"cast({text} as numeric)"
    if kind in _BITS:
        low, high = -(2 ** _BITS[kind]), 2 ** _BITS[kind] - 1
        number = f"case when {number} between {low} and {high} then cast({number} as {made}) end"
    return f"case when {text} ~ '{_INTEGER}' then {number} end"


def _is_number(text: str) -> str:
    return f"{text} ~ '{_NUMBER}' and length({text}) <= {_NUMBER_LENGTH}"
