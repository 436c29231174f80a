"""DESCRIBE and GET_DDL: tables and views as Snowflake shows them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fakesnow import statement_type

from tests.engines.emulator.account.catalogue import columns_of
from tests.engines.emulator.errors import absent, unsupported
from tests.engines.emulator.names import DOTTED, Key, parts_of, plain
from tests.engines.emulator.sessions.answers import Answer, one_column, shown_type, strings

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.query import Query
    from tests.engines.emulator.sessions.session import Session

HEAD = ("name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment")
LENGTHS = """
select ext_column_name, ext_character_maximum_length from _fs_global._fs_information_schema._fs_columns_ext
where ext_table_catalog = ? and ext_table_schema = ? and ext_table_name = ?
"""
GET_DDL = re.compile(r"\(\s*'(\w+)'\s*,\s*'((?:[^']|'')*)'(?:\s*,\s*\w+)?\s*\)(?:\s+as\s+\w+)?", re.IGNORECASE)


def describe(session: Session, query: Query, rest: str) -> Answer | None:
    """Of a table or a view; None for anything else."""
    found = re.fullmatch(rf"(?:table|view)\s+({DOTTED})", rest, re.IGNORECASE)
    if found is None:
        return None
    session.transaction.fresh()
    key = whole(session, parts_of(found[1]))
    place = session.temps.get(key, key)
    if session.account.catalogue.kind_of(place) is None:
        raise absent("Table" if rest[:1].lower() == "t" else "View", ".".join(key))
    lengths = dict(session.duck.execute(LENGTHS, list(place)).fetchall())
    lines = [
        [name, shown_type(type_, lengths.get(name)), "COLUMN", null[:1], default, "N", "N", None, None, None]
        for name, type_, null, _, default, *_ in columns_of(session.duck, place)
    ]
    return strings(HEAD, lines, statement_type.DESCRIBE)


def get_ddl(session: Session, query: Query, rest: str) -> Answer:
    """The text of a view as it was written; a table's columns."""
    found = GET_DDL.fullmatch(rest)
    if found is None or found[1].upper() not in ("VIEW", "TABLE"):
        raise unsupported("GET_DDL of this")
    session.transaction.fresh()
    key = whole(session, parts_of(found[2].replace("''", "'")))
    place = session.temps.get(key, key)
    what = found[1].upper()
    catalogue = session.account.catalogue
    if catalogue.kind_of(place) != what:
        raise absent(what.title(), ".".join(key))
    names = columns_of(session.duck, place)
    name = plain(key[2])
    if what == "VIEW":
        columns = ",\n\t".join(plain(column) for column, *_ in names)
        text = f"create or replace view {name}(\n\t{columns}\n) as {catalogue.view_body(key)};"
    else:
        columns = ",\n\t".join(f"{plain(column)} {shown_type(type_, None)}" for column, type_, *_ in names)
        text = f"create or replace TABLE {name} (\n\t{columns}\n);"
    return one_column("GET_DDL", text)


def whole(session: Session, parts: list[str]) -> Key:
    """The name with the session's database and schema where it has none."""
    database, schema, name = [session.database or "", session.schema or ""][: 3 - len(parts)] + parts
    return database, schema, name
