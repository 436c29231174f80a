"""Errors as Snowflake tells them: its number, SQLSTATE and text for what DuckDB, sqlglot or fakesnow say."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import snowflake.connector.errors
import sqlglot

from tests.engines.emulator.names import Key, dotted


class Refused(Exception):
    """An error that the client gets: Snowflake's number, SQLSTATE and text."""

    def __init__(self, number: int, state: str, text: str) -> None:
        super().__init__(text)
        self.number, self.state, self.text = number, state, text

    @property
    def body(self) -> dict[str, Any]:
        """The answer's body."""
        code = f"{self.number:06d}"
        data = {"errorCode": code, "sqlState": self.state, "internalError": False}
        return {"data": data, "code": code, "message": self.text, "success": False}


def cancelled() -> Refused:
    """Of a statement that somebody cancelled."""
    return Refused(604, "57014", "SQL execution canceled")


def compilation(number: int, state: str, text: str) -> Refused:
    """Of a statement that is wrong as it is written."""
    return Refused(number, state, f"SQL compilation error:\n{text}")


def unsupported(what: str) -> Refused:
    """Of what Snowflake, or this emulator, has not."""
    return compilation(2, "0A000", f"Unsupported feature '{what}'.")


def absent(kind: str, name: str) -> Refused:
    """Of what is not there."""
    state = "42S02" if kind == "Object" else "02000"
    return compilation(2003, state, f"{kind} '{name}' does not exist or not authorized.")


LOST_COLUMN = re.compile(
    r'(?:Referenced column|column) "?([^"\n]+?)"? (?:not found|was not found)|does not have a column named "([^"]+)"'
    r'|Referenced table "([^"]+)" not found'
)
MESSAGES = (  # what DuckDB says, and what Snowflake would
    (r"(?:Table|View|Object) with name (\S+?) does not exist", 2003, "42S02", "Object '{0}' does not exist or not authorized."),
    (r"Table with name (\S+?) does not exist", 2003, "42S02", "Object '{0}' does not exist or not authorized."),
    (r"Schema with name (\S+?) does not exist", 2003, "02000", "Schema '{0}' does not exist or not authorized."),
    (r'(?:Catalog|Database) "?(\S+?)"? does not exist', 2003, "02000", "Database '{0}' does not exist or not authorized."),
    (r'(?:Table|View|Schema|Index|Sequence) with name "?(.+?)"? already exists', 2002, "42710", "Object '{0}' already exists."),
    (r'database with name "?(.+?)"? already exists', 2002, "42710", "Object '{0}' already exists."),
    (r"(?:Scalar|Aggregate|Table|Macro) (?:Function|Macro|function) with name (\S+?) does not exist", 2140, "42601", "Unknown function {0}"),
    (r'No function matches the given name and argument types \'?"?([^("]+)', 1044, "42P13", "Invalid argument types for function '{0}'"),
    (r'Ambiguous reference to column name "([^"]+)"', 2026, "42601", "ambiguous column name '{0}'"),
    (r'table "?.*?"? has (\d+) columns? but (\d+) values? were supplied', 2020, "21S01", "Insert value list does not match column list expecting {0} but got {1}"),
)  # fmt: skip
RUNNING = (  # the same for errors while it runs
    (r"NOT NULL constraint failed: \S*?([^.\s]+)$", 100072, "22000", "NULL result in a non-nullable column"),
    (r"More than one row returned by a subquery", 90150, "22000", "Single-row subquery returns more than one row."),
    (r"[Cc]ould not convert string '(.*?)' to (?:U?(?:BIG|HUGE|SMALL|TINY)?INT|DECIMAL|DOUBLE|FLOAT)", 100038, "22018", "Numeric value '{0}' is not recognized"),
    (r"[Cc]ould not convert string '(.*?)' to (?:INT\d+|DECIMAL)", 100038, "22018", "Numeric value '{0}' is not recognized"),
    (r'date field value out of range|invalid date field format: "(.*?)"', 100040, "22007", "Date '{0}' is not recognized"),
    (r'timestamp field value out of range|invalid timestamp field format: "(.*?)"', 100035, "22007", "Timestamp '{0}' is not recognized"),
    (r"Malformed JSON", 100069, "22P02", "Error parsing JSON"),
)  # fmt: skip


def refused(error: BaseException) -> Refused:
    """The answer for an error of DuckDB, sqlglot or fakesnow."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, snowflake.connector.errors.Error):
        return Refused(error.errno or 9999, error.sqlstate or "99999", error.raw_msg or error.msg or str(error))
    text = str(error).split("\n\n")[0].split("\nLINE ")[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
    if isinstance(error, duckdb.InterruptException):
        return cancelled()
    if isinstance(error, (duckdb.ParserException, sqlglot.errors.SqlglotError)):
        where = (getattr(error, "errors", None) or [{}])[0]
        place = f"line {where.get('line') or 1} at position {where.get('col') or 0}"
        return compilation(1003, "42000", f"syntax error {place} unexpected '{where.get('highlight') or text}'.")
    if isinstance(error, duckdb.TransactionException):
        return Refused(625, "57014", f"Statement was aborted: its table is locked by another transaction. [{text}]")
    for pattern, number, state, answer in MESSAGES:
        found = re.search(pattern, text)
        if found:
            return compilation(number, state, answer.format(*[str(part).strip('"') for part in found.groups()]))
    found = LOST_COLUMN.search(text)
    if found and isinstance(error, duckdb.BinderException):
        name = next(part for part in found.groups() if part)
        return compilation(904, "42000", f"error line 1 at position 0\ninvalid identifier '{name}'")
    for pattern, number, state, answer in RUNNING:
        found = re.search(pattern, text)
        if found:
            return Refused(number, state, answer.format(*[str(part) for part in (*found.groups(), "")]))
    if isinstance(error, duckdb.ConversionException):
        return Refused(100038, "22018", text)
    if isinstance(error, duckdb.OutOfRangeException):
        return Refused(100046, "22003", f"Number out of representable range [{text}]")
    if isinstance(error, (duckdb.BinderException, duckdb.CatalogException)):
        return compilation(2043, "02000", text)
    if isinstance(error, (NotImplementedError, duckdb.NotImplementedException, sqlglot.errors.UnsupportedError)):
        return unsupported(text)
    return Refused(603, "XX000", f"SQL execution internal error: {type(error).__name__}: {text}")


def qualified(found: Refused, tables: list[Key]) -> Refused:
    """Snowflake gives the full name of what it did not find."""
    name = re.search("Object '([^'.]+)' does not exist", found.text) if found.number == 2003 else None
    if name:
        full = {dotted(key) for key in tables if key[2].upper() == name[1].upper()}
        if len(full) == 1:
            return Refused(found.number, found.state, found.text.replace(name[1], full.pop(), 1))
    return found
