# mypy: ignore-errors
"""A Snowflake emulator for tests: fakesnow's translation to DuckDB, behind Snowflake's own rules.

It runs in a venv of its own (see tests/engines/snowflake.py), as `python -P fakesnow_server.py PORT [--patience SECONDS]`; -P,
because `snowflake` and `concurrent` are modules beside it. It ends when its standard input does. From fakesnow come the
translation of SQL and SHOW; what fakesnow does otherwise than Snowflake is done here:

* logins, as the driver 5 sends them: a password, or a key pair whose JWT is verified;
* transactions: DDL commits, an error leaves the transaction open, BEGIN within one is ignored;
* locks: UPDATE, DELETE, MERGE and TRUNCATE lock their table to the end of the transaction, LOCK_TIMEOUT is kept;
* READ COMMITTED: DuckDB's snapshot is taken anew (the transaction's statements are run again) before a statement if
  another session committed meanwhile;
* AT (TIMESTAMP => …), temporary tables, retention, DESCRIBE, GET_DDL, cancelling, asynchronous statements.

No statement ends in an HTTP error, because the driver would try it again for a long time.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import importlib
import itertools
import json
import os
import re
import sys
import threading
import time
import traceback
import uuid
import warnings
from collections import Counter, OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import jwt
import pyarrow as pa
import pyarrow.compute as pc
import snowflake.connector.errors
import sqlglot
import uvicorn
from cryptography.hazmat.primitives import serialization
from fakesnow import arrow, macros, statement_type, transforms
from fakesnow import info_schema as fs_info
from fakesnow.converter import from_binding
from fakesnow.instance import FakeSnow
from fakesnow.rowtype import duckdb_to_sf_type
from fakesnow.transforms.merge import operations as merge_operations
from sqlglot import exp
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

bucket_upload = importlib.import_module("fakesnow.server").bucket_upload

warnings.filterwarnings("ignore")  # DuckDB's advice on Arrow
importlib.import_module("logging").getLogger("sqlglot").setLevel("ERROR")

PATIENCE_S = 45.0  # after this time the real one answers "in progress", too, and the driver asks for the result
LOCK_TIMEOUT_S = 43200
DONE = "Statement executed successfully."
HIDDEN = "_FS_HIDDEN"  # the schema, in each database, of temporary tables and of copies of the past
MARK = "\x01"  # begins and ends what is put into a translated text just before it is run
PARAMETERS = {  # those whose defaults a client may ask for
    "ABORT_DETACHED_QUERY": "false",
    "AUTOCOMMIT": "true",
    "CLIENT_SESSION_KEEP_ALIVE": "false",
    "ERROR_ON_NONDETERMINISTIC_MERGE": "true",
    "LOCK_TIMEOUT": str(LOCK_TIMEOUT_S),
    "QUERY_TAG": "",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
    "STATEMENT_TIMEOUT_IN_SECONDS": "172800",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
    "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "TIMEZONE": "America/Los_Angeles",
    "TRANSACTION_ABORT_ON_ERROR": "false",
    "TRANSACTION_DEFAULT_ISOLATION_LEVEL": "READ COMMITTED",
    "WEEK_START": "0",
}

# -- errors ------------------------------------------------------------------------------------------------------------


class Refused(Exception):  # noqa: N818 - the answer, not a fault of this program
    """An error that the client gets: Snowflake's number, SQLSTATE and text."""

    def __init__(self, number: int, state: str, text: str) -> None:
        super().__init__(text)
        self.number, self.state, self.text = number, state, text

    @property
    def body(self) -> dict[str, Any]:
        code = f"{self.number:06d}"
        data = {"errorCode": code, "sqlState": self.state, "internalError": False}
        return {"data": data, "code": code, "message": self.text, "success": False}


def cancelled() -> Refused:
    return Refused(604, "57014", "SQL execution canceled")


def compilation(number: int, state: str, text: str) -> Refused:
    return Refused(number, state, f"SQL compilation error:\n{text}")


def unsupported(what: str) -> Refused:
    return compilation(2, "0A000", f"Unsupported feature '{what}'.")


def absent(kind: str, name: str) -> Refused:
    return compilation(
        2003, "42S02" if kind == "Object" else "02000", f"{kind} '{name}' does not exist or not authorized."
    )


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


def qualified(found: Refused, plan: Plan | None) -> Refused:
    """Snowflake gives the full name of what it did not find."""
    name = re.search("Object '([^'.]+)' does not exist", found.text) if found.number == 2003 and plan else None
    if name:
        full = {".".join(map(plain, key)) for key in plan.tables if key[2].upper() == name[1].upper()}
        if len(full) == 1:
            return Refused(found.number, found.state, found.text.replace(name[1], full.pop(), 1))
    return found


# -- names -------------------------------------------------------------------------------------------------------------


def quoted(*parts: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
DOTTED = rf"{NAME}(?:\s*\.\s*{NAME}){{0,2}}"


def parts_of(text: str) -> list[str]:
    """The parts of a dotted name as Snowflake reads them."""
    found = re.findall(NAME, text)
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part.upper() for part in found]


Key = tuple[str, str, str]  # database, schema, table


# -- the translation ---------------------------------------------------------------------------------------------------


def md5_half(node: exp.Expr, part: str) -> exp.Expr:
    half = part.format(exp.MD5(this=node.this).sql("duckdb"))
    return parsed_duck(f"CAST('0x' || {half} AS UBIGINT)")


def json_type(node: exp.Expr) -> exp.Expr:
    """TYPEOF of a VARIANT, which DuckDB's own calls JSON."""
    whole = "CASE WHEN JSON_TYPE(v) IN ('BIGINT', 'UBIGINT') THEN 'INTEGER' ELSE JSON_TYPE(v) END"
    return parsed_duck(whole).transform(lambda part: node.this.copy() if isinstance(part, exp.Column) else part)


MINE = {
    exp.Typeof: json_type,
    exp.MD5NumberLower64: lambda node: md5_half(
        node, "substr({}, 17)"
    ),  # DuckDB's own has the bytes in the other order
    exp.MD5NumberUpper64: lambda node: md5_half(node, "substr({}, 1, 16)"),
}
NOW = {
    "sysdate": f"CAST('{MARK}NOW{MARK}' AS TIMESTAMP)",
    "current": f"CAST('{MARK}NOW{MARK}+00:00' AS TIMESTAMPTZ)",
    "date": f"CAST('{MARK}TODAY{MARK}' AS DATE)",
}
CONTEXT = {  # functions without arguments whose answer is the session's
    "CURRENTSESSION": "SESSION", "CURRENTUSER": "USER", "CURRENTROLE": "ROLE", "CURRENTWAREHOUSE": "WAREHOUSE",
    "CURRENTTRANSACTION": "TRANSACTION", "CURRENTDATABASE": "DATABASE", "CURRENTSCHEMA": "SCHEMA",
    "CURRENTACCOUNT": "ACCOUNT", "CURRENTREGION": "REGION", "CURRENTCLIENT": "CLIENT", "LASTQUERYID": "LAST",
    "CURRENTVERSION": "VERSION", "CURRENTSTATEMENT": "STATEMENT", "CURRENTACCOUNTNAME": "ACCOUNT",
}  # fmt: skip
FUNCTIONS = (exp.Func, exp.BitwiseRightShift)  # what Translator._function looks at
INT_TYPES = (exp.DataType.Type.INT, exp.DataType.Type.SMALLINT, exp.DataType.Type.TINYINT)
JSON_TYPES = (exp.DataType.Type.ARRAY, exp.DataType.Type.OBJECT, exp.DataType.Type.VARIANT)
STAMPS = (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ)
NUMERIC_AGGS = (exp.Sum, exp.Avg)


def types_pass(node: exp.Expr) -> exp.Expr:
    """What five of fakesnow's passes do to types."""
    if not isinstance(node, exp.DataType):
        return node
    kind = node.this
    if kind in JSON_TYPES:
        return exp.DataType(this=exp.DataType.Type.JSON, nested=False)
    if kind == exp.DataType.Type.TIMESTAMPNTZ:
        return exp.DataType(this=exp.DataType.Type.TIMESTAMP)
    if kind == exp.DataType.Type.FLOAT:
        node.set("this", exp.DataType.Type.DOUBLE)
    elif kind in INT_TYPES:
        return exp.DataType(this=exp.DataType.Type.BIGINT, nested=False, prefix=False)
    elif kind == exp.DataType.Type.DECIMAL:
        sizes = [part.name for part in node.expressions]
        if not sizes or sizes in (["38"], ["38", "0"]):
            return exp.DataType(this=exp.DataType.Type.BIGINT, nested=False, prefix=False)
    return node


def stamp_pass(node: exp.Expr) -> exp.Expr:
    """A cast of a text to a timestamp stays one: fakesnow's macro, which takes numbers too, would be slow."""
    if isinstance(node, exp.Cast) and node.to.this in STAMPS:
        inner = node.this
        plain = (exp.CurrentTimestamp, exp.ConvertTimezone, exp.Cast, exp.AtTimeZone)
        if (isinstance(inner, exp.Literal) and inner.is_string) or isinstance(inner, plain):
            return node
    return transforms.to_timestamp(node)


def json_pass(node: exp.Expr) -> exp.Expr:
    for step in (transforms.indices_to_json_extract, transforms.json_extract_cast_as_varchar):
        node = step(node)
    return node


# fakesnow's passes in its order, each with the types of nodes it acts on; a pass without them is left out
PASSES: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    (lambda e: transforms.identifier(e, None), (exp.DynamicIdentifier, exp.Anonymous)),
    (transforms.extract_comment_on_table, (exp.SchemaCommentProperty, exp.Comment)),
    (transforms.extract_comment_on_columns, (exp.AlterColumn,)),
    (transforms.drop_schema_cascade, (exp.Drop,)),
    (transforms.tag, (exp.AlterSet,)),
    (transforms.try_parse_json, (exp.Anonymous,)),
    (transforms.split, (exp.Split,)),
    (transforms.trim_cast_varchar, (exp.Trim,)),
    (transforms.indices_to_json_extract, (exp.Bracket,)),
    (transforms.json_extract_cast_as_varchar, (exp.JSONExtract,)),
    (transforms.json_extract_cased_as_varchar, (exp.JSONExtract,)),
    (transforms.json_extract_precedence, (exp.JSONExtract, exp.JSONExtractScalar)),
    (transforms.flatten_value_cast_as_varchar, (exp.Explode,)),
    (transforms.flatten, (exp.Lateral, exp.TableFromRows)),
    (transforms.regex_replace, (exp.RegexpReplace,)),
    (transforms.regex_substr, (exp.RegexpExtract,)),
    (transforms.values_columns, (exp.Values,)),
    (transforms.to_date, (exp.Anonymous,)),
    (transforms.timestamp_offsets, (exp.Cast,)),
    (transforms.to_decimal, (exp.ToNumber,)),
    (stamp_pass, (exp.Cast, exp.UnixToTime, exp.Anonymous)),
    (transforms.to_variant, (exp.ToVariant,)),
    (transforms.object_construct, (exp.StarMap, exp.Struct, exp.JSONObject)),
    (types_pass, (exp.DataType,)),
    (transforms.extract_text_length, (exp.DataTypeParam,)),
    (transforms.sample, (exp.TableSample,)),
    (transforms.array_size, (exp.ArraySize,)),
    (transforms.random, (exp.Rand,)),
    (transforms.array_agg_within_group, (exp.ArrayAgg,)),
    (transforms.array_agg, (exp.ArrayAgg,)),
    (transforms.object_agg, (exp.ObjectAgg,)),
    (transforms.array_construct_etc, (exp.Array, exp.ArrayConstructCompact, exp.ArrayConcat)),
    (transforms.dateadd_date_cast, (exp.DateAdd,)),
    (transforms.dateadd_string_literal_timestamp_cast, (exp.DateAdd,)),
    (transforms.datediff_string_literal_timestamp_cast, (exp.DateDiff,)),
    (transforms.haversine, (exp.Anonymous,)),
    (transforms.hex_string, (exp.HexString,)),
    (transforms.sha256, (exp.SHA2, exp.SHA2Digest, exp.Anonymous)),
    (transforms.create_clone, (exp.Clone,)),
    (transforms.alias_in_join, (exp.Join,)),
    (transforms.alias_in_where, (exp.Anonymous,)),
)


def passed(tree: exp.Expr) -> exp.Expr:
    """The tree after those of fakesnow's passes that can act on it."""
    present = {type(node) for node in tree.walk()}
    for step, wanted in PASSES:
        if not present.isdisjoint(wanted):
            tree = tree.transform(step, copy=False)
            present = {type(node) for node in tree.walk()}
    return tree


@dataclass
class Plan:
    """What is to be done for one statement."""

    kind: str  # query, insert, update, delete, merge, truncate, create, drop, alter, other
    steps: list[str]
    type_id: int = 0
    target: Key | None = None  # the table that a DML statement changes or a DDL statement makes
    locks: bool = False
    message: str = DONE
    lasting: bool = True  # another session with the same database and schema may use it, too
    moment: bool = False  # a SELECT of the time alone: an instant that AT may name later
    what: str = ""  # TABLE, VIEW, SCHEMA or DATABASE
    note: str | None = None  # kept as the comment of the new table or view
    text_lengths: list[tuple[str, int]] | None = None
    tree: Any = None
    binds: int = 0
    temporary: bool = False
    operations: tuple[str, ...] = ()
    renamed: Key | None = None
    swapped: Key | None = None
    tables: list[Key] = field(default_factory=list)
    check: str = ""  # a query of which a row means that a MERGE is ambiguous


class Translator:
    """From a statement of Snowflake to statements of DuckDB."""

    def __init__(self, session: Session, sql: str) -> None:
        self.session, self.sql = session, sql
        self.fleeting = False
        self.stays = False  # a view or a default: its time is that of its use
        self.tables: list[Key] = []

    def plan(self) -> Plan:
        trees = [tree for tree in parsed(self.sql) if tree is not None and not isinstance(tree, exp.Semicolon)]
        if not trees:
            raise Refused(900, "42601", "SQL compilation error:\nEmpty SQL statement.")
        if len(trees) > 1:
            text = f"Actual statement count {len(trees)} did not match the desired statement count 1."
            raise Refused(8, "0A000", text)
        tree = trees[0]
        binds = sum(1 for _ in tree.find_all(exp.Placeholder))
        type_id = statement_type.statement_type_id(tree)
        method = getattr(self, f"_{type(tree).__name__.lower()}", None)
        if isinstance(tree, exp.Query):
            method = self._query
        plan = method(tree) if method else Plan("other", [], tree=tree, lasting=False)
        plan.type_id = plan.type_id or type_id
        plan.lasting = plan.lasting and not self.fleeting
        plan.tables = self.tables
        plan.binds = binds
        return plan

    # -- parts of a tree

    def named(self, tree: exp.Expr) -> exp.Expr:
        """Names in upper case, tables qualified and looked up, functions of the session and of the time marked."""
        outer = tree.expression if isinstance(tree, exp.Create) else tree
        names = {id(node): node.sql("snowflake").upper() for node in self._projections(outer)}
        nodes = list(tree.walk())
        known = {node.alias.upper() for node in nodes if isinstance(node, exp.CTE)}
        mixed, doubtful = EMULATOR.mixed, False
        for node in nodes:
            if isinstance(node, exp.Identifier):
                name = node.this
                if not node.args.get("quoted") and isinstance(name, str):
                    name = name.upper()
                    node.set("this", name)
                    node.set("quoted", True)
                elif isinstance(name, str) and name != name.upper():
                    doubtful = True
                    if isinstance(tree, (exp.Create, exp.Alter)):
                        mixed.add(name.upper())
                doubtful = doubtful or name in mixed
            elif isinstance(node, exp.Values):
                self._values(node)
            elif isinstance(node, (exp.Sum, exp.Avg)) and isinstance(node.this, exp.Literal) and node.this.is_string:
                node.set("this", exp.cast(node.this, "double"))
        for node in nodes:
            if isinstance(node, exp.Table):
                self._table(node, known)
        self._there(tree)
        if doubtful:
            self._exact(tree)
        for node in self._projections(outer):
            if id(node) in names:
                node.replace(exp.alias_(node.copy(), names[id(node)], quoted=True))
        # from the leaves up: what replaces a node may hold others
        for node in reversed([node for node in tree.walk() if isinstance(node, FUNCTIONS)]):
            new = self._function(node)
            if new is not node:
                node.replace(new)
        return tree

    def _projections(self, tree: exp.Expr | None) -> list[exp.Expr]:
        while isinstance(tree, (exp.SetOperation, exp.Subquery)):
            tree = tree.this
        if not isinstance(tree, exp.Select):
            return []
        plain = (exp.Alias, exp.Column, exp.Star, exp.Dot, exp.Aliases, exp.Placeholder)
        return [node for node in tree.expressions if not isinstance(node, plain)]

    def _there(self, tree: exp.Expr) -> None:
        """What is read is there, under exactly this name: DuckDB does not tell "a" from "A"."""
        made = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        for key in self.tables:
            new = isinstance(tree, exp.Create) and made.args.get("db") and key == self.key(made)
            if key not in EMULATOR.relations and not new:
                if not EMULATOR.has_schema(key):
                    raise absent("Schema", ".".join(map(plain, key[:2])))
                raise absent("Object", ".".join(map(plain, key)))

    def _exact(self, tree: exp.Expr) -> None:
        """The same for columns, as far as it can be seen without types."""
        mixed = EMULATOR.mixed
        lists = [node.this for node in tree.find_all(exp.Insert) if isinstance(node.this, exp.Schema)]
        named = [*tree.find_all(exp.Column), *(node for found in lists for node in found.expressions)]
        doubtful = {n.name for n in named if n.name != n.name.upper() or n.name.upper() in mixed}
        if not doubtful or not self.tables or tree.find(exp.Lateral, exp.TableFromRows):
            return
        known = {n.alias for n in tree.find_all(exp.Alias)}
        known |= {c.name for a in tree.find_all(exp.TableAlias) for c in a.args.get("columns") or ()}
        there = (key for key in self.tables if key in EMULATOR.relations)  # not the table that is being made
        for key in [*there, *self.session.temps.values()]:
            known |= {name for name, *_ in columns_of(self.session.duck, key)}
        for name in doubtful - known:
            if name.upper() in {other.upper() for other in known}:
                raise compilation(904, "42000", f"error line 1 at position 0\ninvalid identifier '{plain(name)}'")

    def _values(self, node: exp.Values) -> None:
        """(VALUES …) AS v has the columns COLUMN1, COLUMN2 …"""
        holder = node.parent if isinstance(node.parent, exp.Subquery) else node
        alias = holder.args.get("alias")
        first = node.expressions[0] if node.expressions else None
        if alias is not None and not alias.args.get("columns") and isinstance(first, exp.Tuple):
            alias.set(
                "columns", [exp.to_identifier(f"COLUMN{n + 1}", quoted=True) for n in range(len(first.expressions))]
            )

    def key(self, table: exp.Table) -> Key:
        database = table.catalog or self.session.database
        schema = table.db or self.session.schema
        if not database:
            raise self._homeless("database", 90105)
        if not schema:
            raise self._homeless("schema", 90106)
        return database, schema, table.name

    def _homeless(self, what: str, number: int) -> Refused:
        verb = (self.sql.split() or ["statement"])[0].upper()
        use = f"Call 'USE {what.upper()}', or use a qualified name."
        return Refused(number, "22000", f"Cannot perform {verb}. This session does not have a current {what}. {use}")

    def _table(self, table: exp.Table, known: set[str]) -> None:
        if not isinstance(table.this, exp.Identifier):
            return
        at = table.args.get("when")
        if not table.db and table.name in known:
            if at is not None:
                raise compilation(1003, "42000", f"syntax error: unexpected 'at' after '{table.name}'.")
            return
        database, schema, name = key = self.key(table)
        if schema == "INFORMATION_SCHEMA":
            view = {"TABLES", "COLUMNS", "VIEWS", "SCHEMATA", "LOAD_HISTORY"}
            self._put(table, (database, "_FS_INFORMATION_SCHEMA", f"_FS_{name}" if name in view else name))
            return
        if key in self.session.temps:
            if at is not None:
                raise self.session.no_past(name)
            self.fleeting = True
            self._put(table, self.session.temps[key], alias=name)
        elif at is not None:
            self.fleeting = True
            table.set("when", None)
            self._at(table, key, at)
        else:
            self.tables.append(key)
            self._put(table, key)

    def _at(self, table: exp.Table, key: Key, at: exp.Expr) -> None:
        kind, value = str(at.args.get("kind")).upper(), at.args.get("expression")
        if str(at.this).upper() != "AT" or kind not in ("TIMESTAMP", "OFFSET"):
            raise unsupported(f"{at.this}({kind})")
        instant = self.session.instant(kind, value)
        body = self.session.view_body(key)
        if body is None:
            self._put(table, self.session.past(key, instant), alias=key[2])
            return
        # as the real one does: the view of today over the tables of then
        inner = parsed(body)[0]
        known = {cte.alias.upper() for cte in inner.find_all(exp.CTE)}
        for found in inner.find_all(exp.Table):
            if (found.db or found.name.upper() not in known) and not found.args.get("when"):
                found.set("when", at.copy())
        view = Translator(self.session, body)
        view.home = key[:2]
        inner = view.named(inner)
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(key[2], quoted=True))
        table.replace(exp.Subquery(this=inner, alias=alias.copy()))

    def _put(self, table: exp.Table, key: Key, alias: str = "") -> None:
        database, schema, name = (exp.to_identifier(part, quoted=True) for part in key)
        table.set("this", name)
        table.set("db", schema)
        table.set("catalog", database)
        # what a name without an alias was called by; a target of INSERT has none
        parent = table.parent
        if (
            alias
            and not table.args.get("alias")
            and not isinstance(parent, (exp.Insert, exp.Schema, exp.Create, exp.Drop))
        ):
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))

    def _function(self, node: exp.Expr) -> exp.Expr:
        if self.stays and isinstance(node, (exp.CurrentTimestamp, exp.Localtimestamp, exp.CurrentDate)):
            return node
        if isinstance(node, exp.CurrentTimestamp):
            return parsed_duck(NOW["sysdate" if node.args.get("sysdate") else "current"])
        if isinstance(node, (exp.Localtimestamp, exp.CurrentDate)):
            return parsed_duck(NOW["date" if isinstance(node, exp.CurrentDate) else "sysdate"])
        if type(node) in MINE:
            return MINE[type(node)](node)
        if isinstance(node, exp.Extract) and node.name.upper() in ("EPOCH", "EPOCH_SECOND"):
            return exp.cast(exp.Floor(this=exp.Extract(this=exp.var("EPOCH"), expression=node.expression)), "bigint")
        if isinstance(node, exp.Anonymous) and node.name.upper() in ("GETDATE", "SYSTIMESTAMP"):
            return parsed_duck(NOW["current"])
        if isinstance(node, exp.BitwiseRightShift):
            node.set("requires_int128", None)  # a 64-bit number is not made wider: its type would be lost to the client
            return node
        if isinstance(node, exp.TimeToStr) and isinstance(node.args.get("format"), exp.Literal):
            pattern = node.args["format"].this
            if "%f_" in pattern or "%n" in pattern:  # fractions of 3, 6 and 9 digits
                for name, digits in (("%f_three", "%g"), ("%f_six", "%f"), ("%f_nine", "%n")):
                    pattern = pattern.replace(name, digits)
                return exp.Anonymous(this="strftime", expressions=[node.this, exp.Literal.string(pattern)])
            return node
        name = node.name.upper() if isinstance(node, exp.Anonymous) else type(node).__name__.upper()
        mark = CONTEXT.get(name.replace("_", ""))
        if mark and isinstance(node, exp.Func):
            return exp.Literal.string(f"{MARK}{mark}{MARK}")
        return node

    # -- kinds of statements

    def _query(self, tree: exp.Expr) -> Plan:
        tree = self.named(tree)
        marked = tree.find(exp.Table) is None
        sql = translated(tree)
        return Plan("query", [sql], type_id=statement_type.SELECT, moment=marked and f"{MARK}NOW{MARK}" in sql)

    def _target(self, tree: exp.Expr) -> tuple[Key, Key | None]:
        """(the table as it is named, the hidden table that stands for it)."""
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if not isinstance(table, exp.Table):
            raise unsupported(f"{type(tree).__name__} into {table}")
        copy = table.copy()
        for node in copy.find_all(exp.Identifier):
            if not node.args.get("quoted"):
                node.set("this", node.this.upper())
        key = self.key(copy)
        return key, self.session.temps.get(key)

    def _dml(self, kind: str, tree: exp.Expr, locks: bool = True) -> Plan:
        key, _ = self._target(tree)
        if self.session.view_body(key) is not None:
            raise compilation(1106, "42601", f"Object '{'.'.join(key)}' is a view, and cannot be changed.")
        tree = self.named(tree)
        return Plan(kind, [translated(tree)], target=key, locks=locks, tree=tree)

    def _insert(self, tree: exp.Insert) -> Plan:
        if not tree.args.get("overwrite"):
            return self._dml("insert", tree, locks=False)
        tree.set("overwrite", None)
        plan = self._dml("insert", tree)
        table = plan.tree.this.this if isinstance(plan.tree.this, exp.Schema) else plan.tree.this
        plan.steps.insert(0, f"DELETE FROM {table.sql('duckdb')}")
        return plan

    def _update(self, tree: exp.Update) -> Plan:
        for change in tree.expressions:  # DuckDB wants the column alone
            if isinstance(change, exp.EQ) and isinstance(change.this, exp.Column):
                change.set("this", exp.Column(this=change.this.this.copy()))
        return self._dml("update", tree)

    def _delete(self, tree: exp.Delete) -> Plan:
        return self._dml("delete", tree)

    def _truncatetable(self, tree: exp.TruncateTable) -> Plan:
        delete = exp.Delete(this=tree.expressions[0])
        plan = self._dml("truncate", delete)
        plan.type_id = statement_type.DDL
        return plan

    def _merge(self, tree: exp.Merge) -> Plan:
        done = tuple(name for name, which in merge_operations(tree).items() if which)
        matched = any(when.args.get("matched") for when in tree.args["whens"].expressions)
        for change in tree.find_all(exp.Update):
            for pair in change.expressions:
                if isinstance(pair, exp.EQ) and isinstance(pair.this, exp.Column):
                    pair.set("this", exp.Column(this=pair.this.this.copy()))
        plan = self._dml("merge", tree)
        plan.operations = done
        target, source, on = (plan.tree.args[name].copy() for name in ("this", "using", "on"))
        if matched:
            name = quoted(target.alias_or_name)
            parts = (part.sql("duckdb") for part in (target, source, on))
            plan.check = "select 1 from {} join {} on {} group by {}.rowid having count(*) > 1 limit 1".format(
                *parts, name
            )
        plan.steps = [plan.steps[0] + " RETURNING merge_action"]
        return plan

    def _create(self, tree: exp.Create) -> Plan:
        kind = str(tree.args.get("kind") or "").upper()
        if kind not in ("TABLE", "VIEW", "SCHEMA", "DATABASE"):
            return Plan("other", [], tree=tree, lasting=False)
        transient, temporary, retention = self._properties(tree)
        if kind == "DATABASE":
            name = parts_of(tree.this.sql("snowflake"))[-1]
            return Plan("create", [], what=kind, target=(name, "", ""), tree=tree, lasting=False)
        tree.set("properties", None)
        if kind == "SCHEMA":
            parts = parts_of(tree.this.sql("snowflake"))
            if not self.session.database and len(parts) == 1:
                raise self._homeless("database", 90105)
            key = (parts[0] if len(parts) == 2 else self.session.database, parts[-1], "")
            note = f"{int(transient)} {1 if retention is None else retention}"
            return Plan("create", [], what=kind, target=key, note=note, tree=tree, lasting=False)
        schema = tree.this if isinstance(tree.this, exp.Schema) else None
        if schema is not None and kind == "TABLE":
            self._without_keys(schema)
        clone = tree.args.get("clone")
        key, hidden = self._target(tree)
        sql_body = self._body() if kind == "VIEW" else ""
        steps = []
        if schema is not None and kind == "TABLE" and tree.expression is None:
            split = transforms.create_table_autoincrement(tree)
            if len(split) > 1:
                steps.append(self._sequence(split, key))
                tree = split[1]
        if isinstance(tree.expression, exp.Query) or clone is not None:
            self._no_duplicates(tree.expression)
        self.stays = not (kind == "TABLE" and isinstance(tree.expression, exp.Query))
        tree = self.named(tree)
        if temporary:
            hidden = self.session.hidden(key)
        if hidden:
            for table in (tree.this.this if isinstance(tree.this, exp.Schema) else tree.this,):
                table.args.pop("alias", None)
                self._put(table, hidden)
        tree = passed(tree)
        if kind == "TABLE" and isinstance(tree.expression, exp.Query) and isinstance(tree.this, exp.Schema):
            tree = transforms.create_table_as(tree, self.session.duck)
        plan = Plan(
            "create", [*steps, tree.sql("duckdb", copy=False)], what=kind, target=key, tree=tree, temporary=temporary
        )
        plan.text_lengths = [pair for pair in tree.args.get("text_lengths") or [] if pair[1] != 16777216]
        plan.lasting = False
        plan.note = sql_body if kind == "VIEW" else self.session.note(key, transient, retention)
        plan.message = f"{kind.title()} {key[2]} successfully created."
        return plan

    def _sequence(self, split: list[exp.Expr], key: Key) -> str:
        """The sequence behind an AUTOINCREMENT column, in the table's own schema."""
        name = split[0].this.name
        full = quoted(key[0], key[1], name)
        for call in split[1].find_all(exp.Anonymous):
            if call.name.upper() == "NEXTVAL":
                call.set("expressions", [exp.Literal.string(full)])
        return split[0].sql("duckdb").replace(split[0].this.sql("duckdb"), full, 1)

    def _properties(self, tree: exp.Create) -> tuple[bool, bool, int | None]:
        transient = temporary = False
        retention = None
        for node in tree.args["properties"].expressions if tree.args.get("properties") else ():
            transient |= isinstance(node, exp.TransientProperty)
            temporary |= isinstance(node, exp.TemporaryProperty)
            if isinstance(node, exp.Property) and node.name.upper() == "DATA_RETENTION_TIME_IN_DAYS":
                retention = int(node.args["value"].name)
        if retention is not None and retention > 1 and (transient or temporary):
            raise compilation(1003, "22023", f"invalid value [{retention}] for parameter 'DATA_RETENTION_TIME_IN_DAYS'")
        return transient, temporary, retention

    def _without_keys(self, schema: exp.Schema) -> None:
        """Snowflake keeps primary keys and the like as a remark, and does not watch over them."""
        keys = (
            exp.PrimaryKey,
            exp.ForeignKey,
            exp.Constraint,
            exp.UniqueColumnConstraint,
            exp.PrimaryKeyColumnConstraint,
        )
        kept = []
        for node in schema.expressions:
            if isinstance(node, keys):
                continue
            if isinstance(node, exp.ColumnDef):
                dropped = (*keys, exp.Reference, exp.CommentColumnConstraint)
                constraints = node.args.get("constraints") or []
                node.set("constraints", [c for c in constraints if not isinstance(c.args.get("kind"), dropped)])
            kept.append(node)
        schema.set("expressions", kept)

    def _no_duplicates(self, query: exp.Expr | None) -> None:
        seen = set()
        while isinstance(query, (exp.SetOperation, exp.Subquery)):
            query = query.this
        for node in query.expressions if isinstance(query, exp.Select) else ():
            found = (
                node.args.get("alias")
                if isinstance(node, exp.Alias)
                else node.this
                if isinstance(node, exp.Column)
                else None
            )
            if isinstance(found, exp.Identifier):
                name = found.this if found.args.get("quoted") else found.this.upper()
                if name in seen:
                    raise compilation(2025, "42S21", f"duplicate column name '{name}'")
                seen.add(name)

    def _body(self) -> str:
        """The text of a view after its AS, as GET_DDL gives it back."""
        tokens = sqlglot.tokenize(self.sql, read="snowflake")
        depth, seen = 0, False
        for token in tokens:
            word = token.text.upper()
            depth += {"(": 1, ")": -1}.get(word, 0)
            seen = seen or word == "VIEW"
            if seen and depth == 0 and word == "AS":
                return self.sql[token.end + 1 :].strip().rstrip(";")
        raise compilation(1003, "42000", "syntax error: a view without AS")

    def _drop(self, tree: exp.Drop) -> Plan:
        kind = str(tree.args.get("kind") or "").upper()
        if kind not in ("TABLE", "VIEW", "SCHEMA", "DATABASE"):
            return Plan("other", [], tree=tree, lasting=False)
        found = tree.this or (tree.args.get("tables") or [None])[0]
        parts = parts_of(found.sql("snowflake"))
        home = [self.session.database or "", self.session.schema or ""]
        if kind == "DATABASE":
            key = (parts[0], "", "")
        elif kind == "SCHEMA":
            key = (parts[0] if len(parts) == 2 else home[0], parts[-1], "")
        else:
            key = (*home[: 3 - len(parts)], *parts)
        return Plan("drop", [], what=kind, target=key, tree=tree, lasting=False)

    def _alter(self, tree: exp.Alter) -> Plan:
        kind = str(tree.args.get("kind") or "").upper()
        if kind not in ("TABLE", "VIEW"):
            return Plan("other", [], tree=tree, lasting=False)
        key, hidden = self._target(tree)
        name = quoted(*(hidden or key))
        retention = re.search(r"\bset\s+data_retention_time_in_days\s*=\s*(\d+)", self.sql, re.IGNORECASE)
        plan = Plan("alter", [], what=kind, target=key, tree=tree, lasting=False, locks=True)
        if retention:
            plan.note = self.session.note(key, self.session.is_transient(key), int(retention[1]))
            return plan
        actions = tree.args.get("actions") or []
        if len(actions) == 1 and isinstance(actions[0], exp.SwapTable):
            other = self.key(self._upper(actions[0].this.copy()))
            if other[:2] != key[:2]:
                raise unsupported("SWAP WITH a table of another schema (of this emulator)")
            plan.swapped = other
            third = f"SWAP_{uuid.uuid4().hex[:8]}"
            a, b = quoted(key[2]), quoted(other[2])
            plan.steps = [
                f"ALTER TABLE {quoted(*key)} RENAME TO {third}",
                f"ALTER TABLE {quoted(*other)} RENAME TO {a}",
                f"ALTER TABLE {quoted(*key[:2])}.{third} RENAME TO {b}",
            ]
            return plan
        if len(actions) == 1 and isinstance(actions[0], exp.AlterRename):
            to = plan.renamed = self.key(self._upper(actions[0].this.copy()))
            if to[:2] != key[:2]:
                moved = f"CREATE TABLE {quoted(*to)} AS SELECT * FROM {quoted(*key)}"
                plan.steps = [moved, f"DROP TABLE {quoted(*key)}"]
            else:
                plan.steps = [f"ALTER {kind} {name} RENAME TO {quoted(to[2])}"]
            return plan
        if transforms.alter_table_strip_cluster_by(tree) is transforms.SUCCESS_NOP or re.search(
            r"\b(cluster\s+by|recluster|set\s+comment|set\s+tag|clustering\s+key|set\s+change_tracking)\b",
            self.sql,
            re.IGNORECASE,
        ):
            return plan
        for part in transforms.alter_table_add_multiple_columns(tree):
            part = passed(self.named(part.copy()))
            plan.steps.append(part.sql("duckdb"))
        return plan

    def _upper(self, table: exp.Table) -> exp.Table:
        for node in table.find_all(exp.Identifier):
            if not node.args.get("quoted"):
                node.set("this", node.this.upper())
        return table


def translated(tree: exp.Expr) -> str:
    return passed(tree).sql("duckdb", copy=False)


def parsed(sql: str) -> list[exp.Expr]:
    """Parsed anew: copying a tree takes as long, and plans are kept already."""
    return sqlglot.parse(sql, read="snowflake")


def parsed_duck(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, read="duckdb")


# -- answers -----------------------------------------------------------------------------------------------------------


def column_info(name: str, type_: str) -> dict[str, Any]:
    """How the driver is told of a column of a DuckDB type."""
    base = type_.partition("(")[0]
    kind = duckdb_to_sf_type.get("DECIMAL" if base == "DECIMAL" else type_) or MORE_TYPES.get(type_, "text")
    info: dict[str, Any] = {
        "name": name, "database": "", "schema": "", "table": "", "nullable": True, "type": kind,
        "byteLength": None, "length": None, "scale": None, "precision": None, "collation": None,
    }  # fmt: skip
    if base == "DECIMAL":
        precision, scale = re.findall(r"\d+", type_) or ("38", "0")
        info.update(precision=int(precision), scale=int(scale))
    elif kind == "fixed":
        info.update(precision=38, scale=0)
    elif kind == "text":
        info.update(byteLength=16777216, length=16777216)
    elif kind.startswith("time"):
        info.update(precision=0, scale=9)
    elif kind == "binary":
        info.update(byteLength=8388608, length=8388608)
    return info


MORE_TYPES = {
    "TINYINT": "fixed", "SMALLINT": "fixed", "UTINYINT": "fixed", "USMALLINT": "fixed", "UINTEGER": "fixed",
    "UHUGEINT": "fixed", "FLOAT": "real", "TIMESTAMP_MS": "timestamp_ntz", "TIMESTAMP_S": "timestamp_ntz",
}  # fmt: skip
SHOWN = {
    "BIGINT": "NUMBER(38,0)", "INTEGER": "NUMBER(38,0)", "SMALLINT": "NUMBER(38,0)", "TINYINT": "NUMBER(38,0)",
    "HUGEINT": "NUMBER(38,0)", "UBIGINT": "NUMBER(38,0)", "UINTEGER": "NUMBER(38,0)", "DOUBLE": "FLOAT",
    "FLOAT": "FLOAT", "TIMESTAMP": "TIMESTAMP_NTZ(9)", "TIMESTAMP_NS": "TIMESTAMP_NTZ(9)", "JSON": "VARIANT",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ(9)", "TIME": "TIME(9)", "BLOB": "BINARY(8388608)",
}  # fmt: skip


def shown_type(type_: str, length: int | None) -> str:
    """A DuckDB type as DESCRIBE TABLE names it."""
    if type_.startswith("DECIMAL"):
        return "NUMBER" + type_.removeprefix("DECIMAL")
    if type_ == "VARCHAR":
        return f"VARCHAR({length or 16777216})"
    return SHOWN.get(type_, type_)


@dataclass
class Answer:
    """The result of a statement."""

    columns: list[dict[str, Any]]
    table: Any = None  # Arrow
    rows: list[list[Any]] | None = None  # instead
    type_id: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        if self.rows is not None:
            texts = [[None if value is None else str(value) for value in row] for row in self.rows]
            return {"queryResultFormat": "json", "rowset": texts, "total": len(texts), "returned": len(texts)}
        result = {"queryResultFormat": "arrow", "rowsetBase64": "", "total": 0, "returned": 0}
        if self.table is not None:
            table = fitted(self.table, self.columns)
            raw = arrow.to_ipc(for_driver(table, self.columns))
            result.update(rowsetBase64=base64.b64encode(raw).decode(), total=table.num_rows, returned=table.num_rows)
        return result


def fitted(table: Any, columns: list[dict[str, Any]]) -> Any:
    """Types that the driver knows, and names that differ (Arrow's own functions want them so)."""
    arrays = []
    for found in table.columns:
        kind = found.type
        if pa.types.is_uint64(kind):
            found = found.cast(pa.decimal128(38, 0))
        elif pa.types.is_unsigned_integer(kind):
            found = found.cast(pa.int64())
        elif pa.types.is_float32(kind):
            found = found.cast(pa.float64())
        elif pa.types.is_timestamp(kind) and kind.unit != "us":
            found = found.cast(pa.timestamp("us", kind.tz), safe=False)
        elif pa.types.is_nested(kind) or pa.types.is_interval(kind):
            found = pa.array(
                [None if v is None else json.dumps(v, default=str) for v in found.to_pylist()], pa.string()
            )
        if isinstance(found.type, pa.TimestampType) and found.type.tz:
            found = found.cast(pa.timestamp("us", "UTC"))
        arrays.append(found)
    return pa.table(arrays, names=[column["name"] for column in columns])


def for_driver(table: Any, columns: list[dict[str, Any]]) -> Any:
    """The table as Snowflake sends it: timestamps are structs, and each field tells its type."""
    arrays, fields = [], []
    for found, column in zip(table.columns, columns, strict=True):
        kind, made = found.type, found
        if pa.types.is_timestamp(kind):
            made = stamps(found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found, bool(kind.tz))
        elif pa.types.is_time(kind):
            made = pc.multiply(found.cast(pa.int64()), 1000)
        elif pa.types.is_null(kind):
            made = found.cast(pa.string())
        told = {
            "logicalType": column["type"].upper(), "precision": str(column["precision"] or 38),
            "scale": str(column["scale"] or 0), "charLength": str(column["length"] or 0),
        }  # fmt: skip
        arrays.append(made)
        fields.append(pa.field(column["name"], made.type, metadata=told))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def stamps(found: Any, zoned: bool) -> Any:
    none = pc.is_null(found)
    micros = pc.fill_null(found.cast(pa.timestamp("us")).cast(pa.int64()), 0)
    epoch = pc.divide(micros, 1_000_000)  # towards zero, but a fraction counts from the second before
    rest = pc.subtract(micros, pc.multiply(epoch, 1_000_000))
    below = pc.less(rest, 0).cast(pa.int64())
    epoch, rest = pc.subtract(epoch, below), pc.add(rest, pc.multiply(below, 1_000_000))
    fraction = pc.multiply(rest, 1000).cast(pa.int32())
    parts = [epoch, fraction]
    names = [pa.field("epoch", pa.int64(), nullable=False), pa.field("fraction", pa.int32(), nullable=False)]
    if zoned:
        parts.append(pa.array([1440] * len(found), pa.int32()))
        names.append(pa.field("timezone", pa.int32(), nullable=False))
    return pa.StructArray.from_arrays(
        parts, fields=names, mask=none.combine_chunks() if isinstance(none, pa.ChunkedArray) else none
    )


def one_column(name: str, value: str) -> Answer:
    return Answer([column_info(name, "VARCHAR")], rows=[[value]])


def changed(kind: str, counts: dict[str, int], type_id: int) -> Answer:
    columns = [column_info(f"number of rows {name}", "BIGINT") for name in counts]
    rows = [list(counts.values())]
    if kind == "update":
        columns.append(column_info("number of multi-joined rows updated", "BIGINT"))
        rows[0].append(0)
    return Answer(columns, rows=rows, type_id=type_id)


DONE_WORDS = {"insert": "inserted", "update": "updated", "delete": "deleted"}

# -- statements and sessions -------------------------------------------------------------------------------------------


class Query:
    """One statement that a client sent."""

    def __init__(self, session: Session, sql: str, request: str, body: dict[str, Any]) -> None:
        self.id = str(uuid.uuid4())
        self.session, self.sql, self.request, self.body = session, sql, request, body
        self.cancelled = False
        self.settled = threading.Event()  # DuckDB works for it no more, so that an interrupt would hit another
        self.started = time.time()
        self.status = "RUNNING"
        self.error: Refused | None = None
        self.answer: dict[str, Any] | None = None
        self.future: Any = None
        self.plan: Plan | None = None

    def cancel(self) -> None:
        """Stop it; an interrupt between two statements of DuckDB is lost, so it is said again."""
        self.cancelled = True
        with EMULATOR.locked:
            EMULATOR.locked.notify_all()
        threading.Thread(target=self._interrupt, daemon=True).start()

    def _interrupt(self) -> None:
        while not self.settled.is_set():
            if self.session.current is self:
                self.session.duck.interrupt()
            self.settled.wait(0.02)

    def watched(self) -> None:
        if self.cancelled:
            raise cancelled()


SPECIAL = re.compile(
    r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
    r"(?P<verb>begin|start\s+transaction|commit|rollback|alter\s+session|show\s+parameters|show\s+transactions"
    r"|show\s+locks|use|describe|desc|grant|revoke|comment|call|execute\s+immediate|undrop|explain|set|unset"
    r"|select\s+system\$\w+|select\s+get_ddl)\b\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
SETTING = re.compile(r"([\w$]+)\s*=\s*('(?:[^']|'')*'|[^\s,]+)")


class Session:
    """One session: a connection of DuckDB, what it set, and its transaction."""

    def __init__(self, number: int, login: dict[str, str], parameters: dict[str, Any]) -> None:
        self.number, self.login = number, login
        self.token = f"{number}-{uuid.uuid4().hex}"
        self.parameters = {name.upper(): str(value) for name, value in parameters.items()}
        self.defaults = dict(self.parameters)
        self.database: str | None = None
        self.schema: str | None = None
        self.warehouse, self.role = login["warehouse"], login["role"]
        self.duck = EMULATOR.fake.duck_conn.cursor()
        self.conn = None  # of fakesnow, made when needed
        self.working = threading.RLock()
        self.current: Query | None = None
        self.last = ""
        self.gone = False
        self.temps: dict[Key, Key] = {}
        self.began = ""  # the number of the open transaction
        self.open = False  # DuckDB's transaction, which begins with the first change
        self.aborted = False
        self.seen = 0  # of EMULATOR.commits, when DuckDB's transaction began
        self.log: list[tuple[str, Any, int]] = []
        self.touched: set[str] = set()  # databases
        self.autocommit = self.parameter("AUTOCOMMIT").lower() != "false"

    def parameter(self, name: str) -> str:
        return self.parameters.get(name, PARAMETERS.get(name, ""))

    def truth(self, name: str) -> bool:
        return self.parameter(name).lower() == "true"

    # -- one statement

    def run(self, query: Query) -> dict[str, Any]:
        """The answer to a statement; errors are answers, too."""
        with self.working:
            self.current = query
            try:
                if self.gone:
                    raise Refused(
                        390111, "08001", "Session no longer exists.  New login required to access the service."
                    )
                query.watched()
                answer = self._answer(query)
                query.status = "SUCCESS"
                return self._body(query, answer)
            except BaseException as error:
                query.settled.set()
                found = cancelled() if query.cancelled and not isinstance(error, Refused) else refused(error)
                found = qualified(found, query.plan)
                if found.number == 603:
                    print(f"{query.sql}\n{''.join(traceback.format_exception(error))}", file=sys.stderr, flush=True)
                query.error = found
                query.status = "FAILED_WITH_ERROR"
                with contextlib.suppress(Exception):
                    self._after_error()
                body = found.body
                body["data"].update(queryId=query.id, line=-1, pos=-1, type="COMPILATION")
                return body
            finally:
                query.settled.set()
                self.last, self.current = query.id, None

    def _body(self, query: Query, answer: Answer) -> dict[str, Any]:
        data = {
            "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
            "rowtype": answer.columns,
            "queryId": query.id,
            "statementTypeId": answer.type_id,
            "finalDatabaseName": self.database,
            "finalSchemaName": self.schema,
            "finalWarehouseName": self.warehouse,
            "finalRoleName": self.role,
            "numberOfBinds": 0,
            "arrayBindSupported": False,
            "version": 1,
            **answer.data(),
            **answer.extra,
        }
        return {"data": data, "message": None, "code": None, "success": True}

    def _answer(self, query: Query) -> Answer:
        sql = query.sql
        EMULATOR.inject(sql, "before")
        found = SPECIAL.match(sql)
        if found:
            verb = re.sub(r"\W+", "_", found["verb"].lower())
            method = getattr(self, f"_do_{verb}", None) or (self._do_select_system if "system" in verb else None)
            if method is not None:
                answer = method(sql, found["rest"].strip().rstrip(";").strip())
                if answer is not None:
                    EMULATOR.inject(sql, "after")
                    return answer
        if self.aborted:
            raise Refused(615, "57014", f"Transaction '{self.began}' was aborted, SQL execution canceled.")
        plan = self._plan(sql)
        if query.body.get("describeOnly"):
            return self._describe_only(plan, query)
        query.plan = plan
        answer = self._planned(plan, query)
        EMULATOR.inject(sql, "after")
        return answer

    def _plan(self, sql: str) -> Plan:
        place = (sql, self.database, self.schema)
        plan = None if self.temps else EMULATOR.plans.get(place)
        if plan is None:
            plan = Translator(self, sql).plan()
            if plan.lasting and not self.temps:
                EMULATOR.plans[place] = plan
                if len(EMULATOR.plans) > 2000:
                    EMULATOR.plans.clear()
        return plan

    def _filled(self, sql: str, now: datetime) -> str:
        """The text with the time of the statement, and what the session is, put in."""
        if MARK not in sql:
            return sql
        values = {
            "NOW": now.strftime("%Y-%m-%d %H:%M:%S.%f"), "TODAY": now.strftime("%Y-%m-%d"), "SESSION": str(self.number),
            "USER": self.login["user"], "ROLE": self.role, "WAREHOUSE": self.warehouse, "TRANSACTION": self.began,
            "DATABASE": self.database, "SCHEMA": self.schema, "ACCOUNT": "EMULATOR", "REGION": "EMULATOR",
            "CLIENT": self.login["client"], "LAST": self.last, "VERSION": "10.0.0",
            "STATEMENT": self.current.sql if self.current else "",
        }  # fmt: skip

        def put(found: re.Match[str]) -> str:
            value = values[found[1]]
            return literal(f"{value}{found[2]}") if value else "NULL"

        return re.sub(rf"'{MARK}(\w+){MARK}([^']*)'", put, sql)

    def _planned(self, plan: Plan, query: Query) -> Answer:
        now = EMULATOR.now()
        params, batch = bindings(query.body.get("bindings"))
        steps = [self._filled(step, now) for step in plan.steps]
        if plan.kind == "query":
            self._fresh()
            if plan.moment and self.database:
                EMULATOR.hold(self.database, now)
            return self._selected(query, steps[0], params, plan.type_id)
        if plan.kind in ("insert", "update", "delete", "merge", "truncate"):
            return self._change(plan, query, steps, batch if batch is not None else [params])
        if plan.kind in ("create", "drop", "alter"):
            return self._define(plan, query, steps, params)
        return self._other(query, params)

    def _execute(self, query: Query, sql: str, params: Any = None) -> Any:
        query.watched()
        return self.duck.execute(sql, params) if params else self.duck.execute(sql)

    def _selected(self, query: Query, sql: str, params: Any, type_id: int) -> Answer:
        done = self._execute(query, sql, params)
        columns = [column_info(name, str(type_)) for name, type_, *_ in done.description]
        table = done.to_arrow_table()
        query.settled.set()
        return Answer(columns, table=table, type_id=type_id)

    # -- transactions

    @property
    def in_transaction(self) -> bool:
        return bool(self.began)

    def _begin(self) -> None:
        self.began = str(time.time_ns())

    def _commit(self) -> None:
        try:
            if self.open:
                self.duck.execute("commit")
        finally:
            touched = list(self.touched)
            self._closed()
            EMULATOR.commits.update(touched)

    def _rollback(self) -> None:
        try:
            if self.open:
                self.duck.execute("rollback")
        finally:
            self._closed()

    def _closed(self) -> None:
        if self.open:
            with contextlib.suppress(duckdb.Error):
                self.duck.execute("rollback")  # of a commit that failed
        self.began, self.open, self.aborted = "", False, False
        self.log.clear()
        self.touched.clear()
        EMULATOR.release(self)

    def _fresh(self) -> None:
        """READ COMMITTED: what others committed since DuckDB's snapshot is seen by the next statement."""
        if self.open and self.seen != EMULATOR.commits[self.database]:
            self._again()

    def _again(self) -> None:
        """A new DuckDB transaction in the place of the old one, with the same changes."""
        self.duck.execute("rollback")
        self.seen = EMULATOR.commits[self.database]
        self.duck.execute("begin")
        for number, (sql, params, count) in enumerate(self.log):
            done = self.duck.execute(sql, params) if params else self.duck.execute(sql)
            (again,) = done.fetchone() or (0,)
            if isinstance(again, int) and again != count:
                EMULATOR.divergent += 1  # it read what another session changed meanwhile; the real one keeps the first
                self.log[number] = (sql, params, again)

    def _after_error(self) -> None:
        if not self.in_transaction:
            EMULATOR.release(self)
            with contextlib.suppress(duckdb.Error):
                self.duck.execute("rollback")
            return
        if self.gone:
            self._rollback()
        elif self.truth("TRANSACTION_ABORT_ON_ERROR"):
            began = self.began
            self._rollback()
            self.began, self.aborted = began, True
        elif self.open:
            self._again()

    def _change(self, plan: Plan, query: Query, steps: list[str], rows: list[Any]) -> Answer:
        """INSERT, UPDATE, DELETE, MERGE, TRUNCATE."""
        if not self.autocommit and not self.in_transaction:
            self._begin()
        if plan.locks:
            EMULATOR.acquire(self, plan.target, query)
        several = len(steps) * len(rows) > 1 or bool(plan.check)
        if self.in_transaction:
            if not self.open:
                self.seen = EMULATOR.commits[self.database]
                self.duck.execute("begin")
                self.open = True
            else:
                self._fresh()
        elif several:
            self.duck.execute("begin")
        counts: dict[str, int] = {}
        logged = []
        if plan.check and self.truth("ERROR_ON_NONDETERMINISTIC_MERGE") and self._execute(query, plan.check).fetchone():
            raise Refused(100090, "42P18", "Duplicate row detected during DML action")
        for params in rows:
            for step in steps:
                done = self._retried(query, step, params if "?" in step else None)
                if plan.kind == "merge":
                    actions = [row[0] for row in done.fetchall()]
                    for name in plan.operations:
                        word = {"inserted": "INSERT", "updated": "UPDATE", "deleted": "DELETE"}[name]
                        counts[name] = counts.get(name, 0) + actions.count(word)
                    count: Any = actions[0] if actions else None
                else:
                    (count,) = done.fetchone()
                logged.append((step, params if "?" in step else None, count))
            if plan.kind in DONE_WORDS:
                counts[DONE_WORDS[plan.kind]] = counts.get(DONE_WORDS[plan.kind], 0) + count
        query.settled.set()
        if self.in_transaction:
            self.log += logged
            self.touched.add(plan.target[0])
        else:
            if several:
                self.duck.execute("commit")
            EMULATOR.commits[plan.target[0]] += 1
            EMULATOR.release(self)
        if plan.kind == "truncate":
            return one_column("status", DONE)
        return changed(plan.kind, counts, plan.type_id)

    def _retried(self, query: Query, step: str, params: Any) -> Any:
        """Once more where DuckDB saw a conflict, as Snowflake knows none within the lock."""
        for attempt in itertools.count():
            try:
                return self._execute(query, step, params)
            except duckdb.TransactionException:
                if attempt == 5:
                    raise
                if self.open:
                    self._again()
                else:
                    with contextlib.suppress(duckdb.Error):
                        self.duck.execute("rollback")
                time.sleep(0.01 * (attempt + 1))

    # -- definitions

    def _define(self, plan: Plan, query: Query, steps: list[str], params: Any) -> Answer:
        """CREATE, DROP, ALTER: the open transaction is committed first, and each is its own."""
        self._commit()
        method = getattr(self, f"_{plan.kind}_{plan.what.lower()}", None)
        message = method(plan) if method else self._define_relation(plan, query, steps, params)
        query.settled.set()
        EMULATOR.commits[plan.target[0]] += 1
        answer = one_column("status", message)
        answer.type_id = statement_type.DDL
        return answer

    def _define_relation(self, plan: Plan, query: Query, steps: list[str], params: Any) -> str:
        key, tree = plan.target, plan.tree
        hidden = self.hidden(key) if plan.temporary else self.temps.get(key)
        exists = EMULATOR.kind_of(hidden or key)
        if plan.kind == "create":
            if not EMULATOR.has_schema(key):
                raise absent("Schema", ".".join(key[:2]))
            if exists and tree.args.get("exists"):
                return f"{key[2]} already exists, statement succeeded."
            if exists and not tree.args.get("replace"):
                raise compilation(2002, "42710", f"Object '{'.'.join(key)}' already exists.")
            if exists and exists != plan.what:
                raise compilation(1998, "42710", f"Object '{key[2]}' already exists as {exists}.")
        elif not exists:
            if tree.args.get("exists"):
                return DONE
            raise absent(plan.what.title() if plan.kind == "drop" else "Object", ".".join(key))
        if exists and not plan.temporary:
            EMULATOR.acquire(self, key, query)
        name = quoted(*(hidden or key))
        if plan.note is not None and (plan.note != "0 1" or plan.kind == "alter"):
            steps = [*steps, f"COMMENT ON {plan.what} {name} IS {literal(plan.note)}"]
        for attempt in itertools.count():
            try:
                if len(steps) > 1:
                    self.duck.execute("begin")
                for step in steps:
                    self._execute(query, step, params if "?" in step else None)
                if len(steps) > 1:
                    self.duck.execute("commit")
                break
            except duckdb.TransactionException:
                with contextlib.suppress(duckdb.Error):
                    self.duck.execute("rollback")
                if attempt == 20:
                    raise
                time.sleep(0.02)
            except duckdb.Error:
                with contextlib.suppress(duckdb.Error):
                    self.duck.execute("rollback")
                raise
        EMULATOR.release(self)
        if plan.text_lengths:
            self.duck.execute(fs_info.insert_text_lengths_sql(*(hidden or key), plan.text_lengths))
        self._remember(plan, hidden or key)
        if plan.temporary and hidden:
            self.temps[key] = hidden
        return plan.message

    def _remember(self, plan: Plan, key: Key) -> None:
        """What there is now."""
        known = EMULATOR.relations
        if plan.note is not None:
            serial = known[key].serial if plan.kind == "alter" else next(EMULATOR.numbers)
            known[key] = Relation(plan.what, plan.note, serial)
        if plan.renamed is not None:
            known[plan.renamed] = known.pop(key)
        if plan.swapped is not None:
            known[key], known[plan.swapped] = known[plan.swapped], known[key]

    def _drop_table(self, plan: Plan) -> str:
        return self._drop_relation(plan, "TABLE")

    def _drop_view(self, plan: Plan) -> str:
        return self._drop_relation(plan, "VIEW")

    def _drop_relation(self, plan: Plan, what: str) -> str:
        key = plan.target
        hidden = self.temps.get(key)
        found = EMULATOR.kind_of(hidden or key)
        if found is None:
            if plan.tree.args.get("exists"):
                return f"Drop statement executed successfully ({key[2]} already dropped)."
            raise absent(what.title(), ".".join(key))
        if found != what:
            raise compilation(1998, "42601", f"Object '{'.'.join(key)}' is a {found}, not a {what}.")
        if not hidden:
            EMULATOR.acquire(self, key, self.current)
        self._conflicts(f"DROP {what} {quoted(*(hidden or key))}")
        EMULATOR.release(self)
        EMULATOR.relations.pop(hidden or key, None)
        self.temps.pop(key, None)
        return f"{key[2]} successfully dropped."

    def _conflicts(self, sql: str) -> None:
        for attempt in itertools.count():
            try:
                self.duck.execute(sql)
                return
            except duckdb.TransactionException:
                if attempt == 50:
                    raise
                time.sleep(0.02)

    def _create_schema(self, plan: Plan) -> str:
        database, schema, _ = plan.target
        EMULATOR.need_database(database)
        tree = plan.tree
        if EMULATOR.has_schema(plan.target):
            if tree.args.get("exists"):
                return f"{schema} already exists, statement succeeded."
            if not tree.args.get("replace"):
                raise compilation(2002, "42710", f"Object '{database}.{schema}' already exists.")
            self._conflicts(f"DROP SCHEMA {quoted(database, schema)} CASCADE")
            EMULATOR.forget((database, schema))
        self._conflicts(f"CREATE SCHEMA {quoted(database, schema)}")
        EMULATOR.homes.add((database, schema))
        EMULATOR.schemas[database, schema] = plan.note
        EMULATOR.keep_schemas()
        self._at_home(database, schema)
        return f"Schema {schema} successfully created."

    def _drop_schema(self, plan: Plan) -> str:
        database, schema, _ = plan.target
        if not EMULATOR.has_schema(plan.target):
            if plan.tree.args.get("exists"):
                return f"Drop statement executed successfully ({schema} already dropped)."
            raise absent("Schema", f"{database}.{schema}")
        if (self.database, self.schema) == (database, schema):
            self._at_home(database, None)
        self._conflicts(f"DROP SCHEMA {quoted(database, schema)} CASCADE")
        EMULATOR.forget((database, schema))
        EMULATOR.schemas.pop((database, schema), None)
        EMULATOR.keep_schemas()
        return f"{schema} successfully dropped."

    def _create_database(self, plan: Plan) -> str:
        name = plan.target[0]
        if EMULATOR.has_database(name):
            if plan.tree.args.get("exists"):
                return f"{name} already exists, statement succeeded."
            raise compilation(2002, "42710", f"Object '{name}' already exists.")
        EMULATOR.make_database(name)
        self._at_home(name, "PUBLIC")
        return f"Database {name} successfully created."

    def _drop_database(self, plan: Plan) -> str:
        name = plan.target[0]
        if not EMULATOR.has_database(name):
            if plan.tree.args.get("exists"):
                return f"Drop statement executed successfully ({name} already dropped)."
            raise absent("Database", name)
        EMULATOR.drop_database(name)
        return f"{name} successfully dropped."

    def _at_home(self, database: str, schema: str | None) -> None:
        self.database, self.schema = database, schema
        self.duck.execute(f"SET schema = {literal(quoted(database, schema or 'main'))}")
        if self.conn is not None:
            self.conn.database, self.conn._schema = database, schema
            self.conn.database_set, self.conn.schema_set = True, schema is not None

    # -- tables that are not what they seem

    def hidden(self, key: Key) -> Key:
        """Where a temporary table of this name lies."""
        return key[0], HIDDEN, f"S{self.number}_{key[1]}.{key[2]}"

    def note(self, key: Key, transient: bool, retention: int | None) -> str:
        """Transient or not, and the days of time travel: what is kept as the table's comment."""
        home = EMULATOR.schemas.get(key[:2], "0 1").split()
        days = int(home[1]) if retention is None else retention
        return f"{int(transient or home[0] == '1')} {days}"

    def is_transient(self, key: Key) -> bool:
        return (EMULATOR.note_of(key) or "0 1").startswith("1")

    def view_body(self, key: Key) -> str | None:
        return EMULATOR.note_of(key, "VIEW")

    def no_past(self, name: str) -> Refused:
        text = "The requested time is either beyond the allowed time travel period or before the object creation time."
        return Refused(707, "02000", f"Time travel data is not available for table {name}. {text}")

    def instant(self, kind: str, value: exp.Expr) -> datetime:
        now = EMULATOR.now()
        sql = self._filled(translated(Translator(self, "").named(value.copy())), now)
        if kind == "OFFSET":
            sql = f"CAST('{now:%Y-%m-%d %H:%M:%S.%f}' AS TIMESTAMP) + to_microseconds(({sql} * 1000000)::BIGINT)"
        duck = EMULATOR.fake.duck_conn.cursor()
        try:
            (found,) = duck.execute(f"select cast(({sql}) as timestamp)").fetchone()
        finally:
            duck.close()
        return found

    def past(self, key: Key, instant: datetime) -> Key:
        """The copy of a table as it was."""
        if EMULATOR.kind_of(key) is None:
            raise absent("Object", ".".join(key))
        if int((EMULATOR.note_of(key) or "0 1").split()[1]) == 0:
            raise self.no_past(key[2])
        found = EMULATOR.past(key[0], instant)
        copy = found.copy(key) if found else None
        if copy is None:
            raise self.no_past(key[2])
        return copy

    # -- what fakesnow answers, and what needs no translation

    def _other(self, query: Query, params: Any) -> Answer:
        """SHOW and the like, as fakesnow does them."""
        tree = parsed(query.sql)[0]
        if isinstance(tree, exp.Command):
            raise unsupported(query.sql.split()[0].upper())
        if not isinstance(tree, exp.Show):
            self._commit()
        if self.conn is None:
            self.conn = EMULATOR.fake.connect(self.database, self.schema)
            self.conn._duck_conn.close()
            self.conn._duck_conn = self.duck
        self._fresh()
        cursor = self.conn.cursor()
        cursor.execute(query.sql, binding_params=params, server=True)
        table = cursor._arrow_table
        if table is None:
            return one_column("status", DONE)
        for name in {"schema_name", "name"} & set(table.column_names):
            if pa.types.is_string(table[name].type):
                table = table.filter(pc.invert(pc.fill_null(pc.starts_with(table[name], "_FS_"), False)))
        columns = [column_info(f.name, from_arrow(f.type)) for f in table.schema]
        return Answer(columns, table=table, type_id=statement_type.statement_type_id(tree))

    def _describe_only(self, plan: Plan, query: Query) -> Answer:
        extra = {"numberOfBinds": plan.binds, "arrayBindSupported": plan.kind == "insert"}
        if plan.kind == "query":
            sql = re.sub(r"\?(?=(?:[^']*'[^']*')*[^']*$)", "NULL", self._filled(plan.steps[0], EMULATOR.now()))
            self._fresh()
            columns = [column_info(row[0], row[1]) for row in self.duck.execute(f"DESCRIBE {sql}").fetchall()]
            return Answer(columns, type_id=plan.type_id, extra=extra)
        if plan.kind in DONE_WORDS:
            answer = changed(plan.kind, {DONE_WORDS[plan.kind]: 0}, plan.type_id)
        elif plan.kind == "merge":
            answer = changed(plan.kind, dict.fromkeys(plan.operations, 0), plan.type_id)
        elif plan.kind == "other":
            return self._other(query, None)
        else:
            answer = one_column("status", DONE)
        return Answer(answer.columns, rows=[], type_id=plan.type_id, extra=extra)

    def _do_begin(self, sql: str, rest: str) -> Answer | None:
        if not re.fullmatch(r"(work|transaction)?\s*(name\s+\w+)?", rest, re.IGNORECASE):
            raise unsupported("BEGIN … END")  # of Snowflake Scripting
        if not self.in_transaction:
            self._begin()
        return Answer([column_info("status", "VARCHAR")], rows=[[DONE]], type_id=statement_type.TCL)

    def _do_start_transaction(self, sql: str, rest: str) -> Answer | None:
        return self._do_begin(sql, "")

    def _do_commit(self, sql: str, rest: str) -> Answer:
        self.current.watched()
        self._commit()
        return Answer([column_info("status", "VARCHAR")], rows=[[DONE]], type_id=statement_type.TCL)

    def _do_rollback(self, sql: str, rest: str) -> Answer:
        self._rollback()
        return Answer([column_info("status", "VARCHAR")], rows=[[DONE]], type_id=statement_type.TCL)

    def _do_alter_session(self, sql: str, rest: str) -> Answer:
        verb, _, items = rest.partition(" ")
        if verb.lower() == "unset":
            for name in re.findall(r"[\w$]+", items.upper()):
                self.parameters.pop(name, None)
        else:
            for name, value in SETTING.findall(items):
                text = value[1:-1].replace("''", "'") if value.startswith("'") else value
                if name.upper() == "LOCK_TIMEOUT" and not text.isdigit():
                    raise compilation(1008, "22023", f"invalid value [{value}] for parameter '{name.upper()}'")
                self.parameters[name.upper()] = text
                if name.upper() == "AUTOCOMMIT":
                    self._commit()
                    self.autocommit = text.lower() == "true"
        return one_column("status", DONE)

    def _do_show_parameters(self, sql: str, rest: str) -> Answer:
        like = re.search(r"like\s+'((?:[^']|'')*)'", rest, re.IGNORECASE)
        pattern = re.escape(like[1]).replace("%", ".*").replace("_", ".") if like else ".*"
        names = sorted({*PARAMETERS, *self.parameters})
        rows = [
            [
                name,
                self.parameter(name),
                PARAMETERS.get(name, ""),
                "SESSION" if name in self.parameters else "",
                "",
                "STRING",
            ]
            for name in names
            if re.fullmatch(pattern, name, re.IGNORECASE)
        ]
        head = ("key", "value", "default", "level", "description", "type")
        return Answer([column_info(name, "VARCHAR") for name in head], rows=rows, type_id=statement_type.SHOW)

    def _do_show_transactions(self, sql: str, rest: str) -> Answer:
        head = ("id", "user", "session", "name", "started_on", "state", "scope")
        rows = [
            [s.began, s.login["user"], s.number, "", datetime.fromtimestamp(int(s.began) / 1e9, UTC), "running", "0"]
            for s in EMULATOR.alive()
            if s.began
        ]
        return Answer([column_info(name, "VARCHAR") for name in head], rows=rows, type_id=statement_type.SHOW)

    def _do_show_locks(self, sql: str, rest: str) -> Answer:
        head = (
            "resource",
            "type",
            "transaction",
            "transaction_started_on",
            "status",
            "acquired_on",
            "query_id",
            "session",
        )
        with EMULATOR.locked:
            rows = [
                [".".join(key), "PARTITIONS", lock.session.began, "", "HOLDING", "", lock.query, lock.session.number]
                for key, lock in EMULATOR.locks.items()
            ]
        return Answer([column_info(name, "VARCHAR") for name in head], rows=rows, type_id=statement_type.SHOW)

    def _do_use(self, sql: str, rest: str) -> Answer:
        found = re.fullmatch(
            rf"(?:(warehouse|role|secondary\s+roles|database|schema)\s+)?({DOTTED})", rest, re.IGNORECASE
        )
        if found is None:
            raise compilation(1003, "42000", f"syntax error: USE {rest}")
        what, parts = (found[1] or ("schema" if "." in rest else "database")).lower(), parts_of(found[2])
        if what == "warehouse":
            self.warehouse = parts[-1]
        elif what == "role":
            self.role = parts[-1]
        elif what == "database":
            EMULATOR.need_database(parts[0])
            self._at_home(parts[0], "PUBLIC" if EMULATOR.has_schema((parts[0], "PUBLIC", "")) else None)
        elif what == "schema":
            database = parts[0] if len(parts) > 1 else self.database
            if not database or not EMULATOR.has_schema((database, parts[-1], "")):
                raise compilation(2043, "02000", "Object does not exist, or operation cannot be performed.")
            self._at_home(database, parts[-1])
        return Answer([column_info("status", "VARCHAR")], rows=[[DONE]], type_id=statement_type.USE)

    def _do_desc(self, sql: str, rest: str) -> Answer | None:
        return self._do_describe(sql, rest)

    def _do_describe(self, sql: str, rest: str) -> Answer | None:
        found = re.fullmatch(rf"(?:table|view)\s+({DOTTED})", rest, re.IGNORECASE)
        if found is None:
            return None
        self._fresh()
        parts = parts_of(found[1])
        key = (*(self.database, self.schema)[: 3 - len(parts)], *parts)
        place = self.temps.get(key, key)
        if EMULATOR.kind_of(place) is None:
            raise absent("Table" if rest[:1].lower() == "t" else "View", ".".join(map(str, key)))
        sql = "select ext_column_name, ext_character_maximum_length from _fs_global._fs_information_schema._fs_columns_ext"
        sql += " where ext_table_catalog = ? and ext_table_schema = ? and ext_table_name = ?"
        lengths = dict(self.duck.execute(sql, list(place)).fetchall())
        rows = columns_of(self.duck, place)
        head = (
            "name",
            "type",
            "kind",
            "null?",
            "default",
            "primary key",
            "unique key",
            "check",
            "expression",
            "comment",
        )
        lines = [
            [name, shown_type(type_, lengths.get(name)), "COLUMN", null[:1], default, "N", "N", None, None, None]
            for name, type_, null, _, default, *_ in rows
        ]
        return Answer([column_info(name, "VARCHAR") for name in head], rows=lines, type_id=statement_type.DESCRIBE)

    def _do_grant(self, sql: str, rest: str) -> Answer:
        self._commit()
        return one_column("status", DONE)

    _do_revoke = _do_comment = _do_grant

    def _do_call(self, sql: str, rest: str) -> Answer:
        raise unsupported(sql.split()[0].upper())

    _do_execute_immediate = _do_undrop = _do_explain = _do_set = _do_unset = _do_call

    def _do_select_get_ddl(self, sql: str, rest: str) -> Answer | None:
        found = re.fullmatch(
            r"\(\s*'(\w+)'\s*,\s*'((?:[^']|'')*)'(?:\s*,\s*\w+)?\s*\)(?:\s+as\s+\w+)?", rest, re.IGNORECASE
        )
        if found is None or found[1].upper() not in ("VIEW", "TABLE"):
            raise unsupported("GET_DDL of this")
        self._fresh()
        parts = parts_of(found[2].replace("''", "'"))
        key = (*(self.database, self.schema)[: 3 - len(parts)], *parts)
        what = found[1].upper()
        if EMULATOR.kind_of(self.temps.get(key, key)) != what:
            raise absent(what.title(), ".".join(map(str, key)))
        names = columns_of(self.duck, self.temps.get(key, key))
        name = plain(key[2])
        if what == "VIEW":
            columns = ",\n\t".join(plain(column) for column, *_ in names)
            text = f"create or replace view {name}(\n\t{columns}\n) as {self.view_body(key)};"
        else:
            columns = ",\n\t".join(f"{plain(column)} {shown_type(type_, None)}" for column, type_, *_ in names)
            text = f"create or replace TABLE {name} (\n\t{columns}\n);"
        return one_column("GET_DDL", text)

    def _do_select_system(self, sql: str, rest: str) -> Answer:
        name = re.search(r"system\$(\w+)", sql, re.IGNORECASE)[1].lower()
        found = re.fullmatch(r"\(\s*'?([^')]*)'?\s*(?:,[^)]*)?\)(?:\s+as\s+\w+)?", rest)
        value = found[1].strip() if found else ""
        if name == "cancel_query":
            query = EMULATOR.queries.get(value)
            if query is None or query.status != "RUNNING":
                text = "Identified SQL statement is not currently executing."
            else:
                query.cancel()
                text = f"query [{value}] terminated."
        elif name == "cancel_all_queries":
            session = EMULATOR.by_number(value)
            for query in [q for q in EMULATOR.queries.values() if q.session is session and q.status == "RUNNING"]:
                if query is not self.current:
                    query.cancel()
            text = "All executing statements for this session are canceled." if session else "Session does not exist."
        elif name == "abort_session":
            session = EMULATOR.by_number(value)
            if session is None:
                raise Refused(391911, "22023", f"Session {value} does not exist or is not active.")
            EMULATOR.end(session)
            text = f"Session with id [{value}] is aborted."
        elif name == "abort_transaction":
            session = next((s for s in EMULATOR.alive() if s.began == value), None)
            if session is None:
                raise Refused(393002, "02000", f"Transaction {value} does not exist.")
            if session is self:
                self._rollback()
            else:
                EMULATOR.stop(session)
                with session.working:
                    session._rollback()
            text = f"Aborted transaction id: {value}."
        elif name == "wait":
            seconds = float(value or 0) * (60 if "minutes" in rest.lower() else 1)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                self.current.watched()
                time.sleep(0.02)
            text = f"waited {seconds:g} seconds"
        elif name == "typeof":
            return None
        else:
            raise compilation(2140, "42601", f"Unknown function SYSTEM${name.upper()}")
        return one_column(f"SYSTEM${name.upper()}({rest[1:-1]})", text)


def columns_of(duck: Any, key: Key) -> list[Any]:
    """(name, type, YES or NO, key, default …) of each column."""
    return duck.execute(f"DESCRIBE {quoted(*key)}").fetchall()


def plain(name: str) -> str:
    return name if re.fullmatch(r"[A-Z_][A-Z0-9_$]*", name) else quoted(name)


def from_arrow(kind: Any) -> str:
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_integer(kind):
        return "BIGINT"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_floating(kind):
        return "DOUBLE"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    return "DATE" if pa.types.is_date(kind) else "VARCHAR"


def bindings(given: dict[str, Any] | None) -> tuple[Any, list[Any] | None]:
    """(the values of one statement, or the rows of many)."""
    if not given:
        return None, None
    if not all(name.isdigit() for name in given):
        return {name: from_binding(value) for name, value in given.items()}, None
    ordered = [given[str(place)] for place in range(1, len(given) + 1)]
    if any(isinstance(value["value"], list) for value in ordered):
        columns = [[one_binding({**value, "value": item}) for item in value["value"]] for value in ordered]
        return None, [list(row) for row in zip(*columns, strict=True)]
    return [one_binding(value) for value in ordered], None


def one_binding(value: dict[str, Any]) -> Any:
    return None if value["value"] is None else from_binding(value)


# -- the emulator ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Relation:
    """A table and what its note says, or a view and its text; the serial is another for one made anew."""

    kind: str
    note: str
    serial: int


@dataclass
class Lock:
    session: Session
    query: str


class Past:
    """An instant: a transaction of DuckDB that began then, and copies of the tables that were asked for."""

    def __init__(self, database: str, instant: datetime) -> None:
        self.database, self.instant, self.used = database, instant, False
        self.copies: dict[Key, Key | None] = {}
        self.working = threading.Lock()
        self.known = dict(EMULATOR.relations)
        self.duck = EMULATOR.fake.duck_conn.cursor()
        self.duck.execute("begin")
        self.duck.execute(f'select 1 from {quoted(database)}."_fs_information_schema"."_fs_load_history" limit 0')

    def copy(self, key: Key) -> Key | None:
        """Where the copy is; None where there was no such table then."""
        with self.working:
            self.used = True
            then, now = self.known.get(key), EMULATOR.relations.get(key)
            if then is None or now is None or then.serial != now.serial:
                return None  # there was none, or another of the name
            if key not in self.copies:
                self.copies[key] = self._copied(key)
            return self.copies[key]

    def _copied(self, key: Key) -> Key | None:
        seen = [(name, type_) for name, type_, *_ in columns_of(self.duck, key)]
        rows = self.duck.execute(f"select * from {quoted(*key)}").to_arrow_table()
        place = (self.database, HIDDEN, f"P{next(EMULATOR.numbers)}_{key[2]}")
        writer = EMULATOR.fake.duck_conn.cursor()
        try:
            writer.register("past_rows", rows)
            columns = ", ".join(f"{quoted(name)} {type_}" for name, type_ in seen)
            writer.execute(f"create table {quoted(*place)} ({columns})")
            writer.execute(f"insert into {quoted(*place)} select * from past_rows")
        finally:
            writer.close()
        EMULATOR.commits[self.database] += 1
        return place

    def close(self) -> None:
        with self.working:
            self.duck.close()
            writer = EMULATOR.fake.duck_conn.cursor()
            for place in self.copies.values():
                if place:
                    with contextlib.suppress(duckdb.Error):
                        writer.execute(f"drop table if exists {quoted(*place)}")
            writer.close()


class Emulator:
    """The account: its databases, sessions, locks and statements."""

    def __init__(self) -> None:
        self.fake = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)
        self.admin = self.fake.duck_conn.cursor()
        self.admin.execute(SCHEMAS_TABLE)
        self.admin.execute(
            "set global threads = 1"
        )  # each session has a thread; on small tables a second one only costs
        self.patience = PATIENCE_S
        self.numbers = itertools.count(1)
        self.sessions: dict[str, Session] = {}
        self.queries: OrderedDict[str, Query] = OrderedDict()
        self.requests: OrderedDict[str, Query] = OrderedDict()
        self.plans: dict[tuple[Any, ...], Plan] = {}
        self.locked = threading.Condition()
        self.locks: dict[Key, Lock] = {}
        self.waiting: dict[Session, Key] = {}
        self.commits: Counter[str | None] = Counter()  # of each database
        self.divergent = 0
        self.schemas: dict[tuple[str, str], str] = {}  # those that are transient or keep no history
        self.pasts: dict[str, OrderedDict[datetime, Past]] = {}
        self.faults: list[dict[str, Any]] = []
        self.relations: dict[Key, Relation] = {}
        self.homes: set[tuple[str, str]] = set()  # the schemas of the databases
        self.mixed: set[str] = set()  # names, in upper case, of what was made with a name in other letters
        self.past_guard = threading.RLock()
        self.clock, self.latest = threading.Lock(), datetime.min
        self.workers = ThreadPoolExecutor(256)  # whoever waits for a lock keeps one
        path = os.environ.get("FAKESNOW_PUBLIC_KEY")
        self.public_key = Path(path).read_bytes() if path else b""

    def now(self) -> datetime:
        """The time, never twice the same."""
        with self.clock:
            found = datetime.now(UTC).replace(tzinfo=None)
            self.latest = found if found > self.latest else self.latest.replace() + MICROSECOND
            return self.latest

    # -- sessions

    def alive(self) -> list[Session]:
        return [session for session in list(self.sessions.values()) if not session.gone]

    def by_number(self, text: str) -> Session | None:
        return next((session for session in self.alive() if str(session.number) == text), None)

    def stop(self, session: Session) -> None:
        """Cancel what it does."""
        query = session.current
        if query is not None:
            query.cancel()

    def end(self, session: Session) -> None:
        """Its transaction is rolled back, its locks and temporary tables are gone."""
        session.gone = True
        own = session.current is not None and session.working._is_owned()
        if not own:
            self.stop(session)
        with session.working:
            with contextlib.suppress(duckdb.Error):
                session._rollback()
            for place in session.temps.values():
                with contextlib.suppress(duckdb.Error):
                    session.duck.execute(f"drop table if exists {quoted(*place)}")
            session.temps.clear()
            if not own:
                session.duck.close()

    # -- locks

    def acquire(self, session: Session, key: Key, query: Query) -> None:
        """The table's lock for the session, which waits for it as long as its LOCK_TIMEOUT says."""
        limit = int(session.parameter("LOCK_TIMEOUT") or 0)
        until = time.monotonic() + limit
        with self.locked:
            while True:
                query.watched()
                lock = self.locks.get(key)
                if lock is None or lock.session is session:
                    self.locks.setdefault(key, Lock(session, query.id))
                    return
                left = until - time.monotonic()
                self.waiting[session] = key
                try:
                    if left <= 0 or self._circle(session):
                        why = f"the lock timeout of {limit} seconds was exceeded" if left <= 0 else "of a deadlock"
                        raise Refused(
                            625,
                            "57014",
                            f"Statement '{lock.query}' has locked table '{key[2]}' in transaction {lock.session.began or lock.query}"
                            f" and this lock has not yet been released.\nYour statement '{query.id}' was aborted because {why}.",
                        )
                    self.locked.wait(min(left, 1.0))
                finally:
                    self.waiting.pop(session, None)

    def _circle(self, session: Session) -> bool:
        seen = session
        for _ in range(len(self.waiting) + 1):
            lock = self.locks.get(self.waiting.get(seen, ("", "", "")))
            if lock is None:
                return False
            seen = lock.session
            if seen is session:
                return True
        return False

    def release(self, session: Session) -> None:
        with self.locked:
            held = [key for key, lock in self.locks.items() if lock.session is session]
            for key in held:
                del self.locks[key]
            if held:
                self.locked.notify_all()

    # -- the past

    def hold(self, database: str, instant: datetime) -> Past:
        with self.past_guard:
            found = Past(database, instant)
            own = self.pasts.setdefault(database, OrderedDict())
            own[instant] = found
            others = sorted((past for past in own.values() if past is not found), key=lambda past: past.instant)
            for old in others[: max(0, len(own) - PASTS)]:
                del own[old.instant]
                old.close()
            return found

    def past(self, database: str, instant: datetime) -> Past | None:
        """The instant that a client was told, to the millisecond; one never told begins now."""
        with self.past_guard:
            own = self.pasts.setdefault(database, OrderedDict())
            if instant in own:
                return own[instant]
            short = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
            near = [past for at, past in own.items() if at.replace(microsecond=at.microsecond // 1000 * 1000) == short]
            return near[-1] if near else self.hold(database, instant)

    # -- the catalogue

    def has_database(self, name: str) -> bool:
        return (name, "PUBLIC") in self.homes or any(home[0] == name for home in self.homes)

    def need_database(self, name: str) -> None:
        if not self.has_database(name):
            raise absent("Database", name)

    def has_schema(self, key: tuple[str, ...]) -> bool:
        return key[:2] in self.homes

    def kind_of(self, key: Key) -> str | None:
        """TABLE, VIEW or None."""
        found = self.relations.get(key)
        return found.kind if found else None

    def note_of(self, key: Key, kind: str = "TABLE") -> str | None:
        found = self.relations.get(key)
        return found.note if found and found.kind == kind else None

    def forget(self, inside: tuple[str, ...]) -> None:
        """A schema or a database is gone."""
        self.relations = {key: kept for key, kept in self.relations.items() if key[: len(inside)] != inside}
        self.homes = {home for home in self.homes if home[: len(inside)] != inside}

    def make_database(self, name: str) -> None:
        with self.past_guard:
            self.admin.execute(f"ATTACH ':memory:' AS {quoted(name)}")
            self.admin.execute(fs_info.per_db_creation_sql(quoted(name)).replace(f"'{quoted(name)}'", literal(name)))
            self.admin.execute(macros.creation_sql(quoted(name)))
            self.admin.execute(f"CREATE SCHEMA {quoted(name, 'PUBLIC')}; CREATE SCHEMA {quoted(name, HIDDEN)}")
            self.admin.execute(VIEWS.replace("$DB", quoted(name)).replace("$NAME", literal(name)))
            self.homes |= {(name, "PUBLIC"), (name, "INFORMATION_SCHEMA")}

    def drop_database(self, name: str) -> None:
        for session in self.alive():
            session.temps = {key: at for key, at in session.temps.items() if key[0] != name}
            if session.database != name:
                continue
            if not session.working._is_owned():
                self.stop(session)
            with session.working:
                session._rollback()
                session.duck.execute("SET schema = 'memory.main'")
                session.database = session.schema = None
        with self.past_guard:
            for past in self.pasts.pop(name, {}).values():
                past.duck.close()
            self.schemas = {key: note for key, note in self.schemas.items() if key[0] != name}
            self.keep_schemas()
            self.admin.execute(f"DETACH {quoted(name)}")
            self.forget((name,))
            self.plans.clear()

    def keep_schemas(self) -> None:
        with self.past_guard:
            self.admin.execute("delete from _fs_global._fs_information_schema._runner_schemas")
            for (database, schema), note in list(self.schemas.items()):
                sql = "insert into _fs_global._fs_information_schema._runner_schemas values (?, ?, ?)"
                self.admin.execute(sql, [database, schema, note])

    def inject(self, sql: str, when: str) -> None:
        """An error that a test asked for."""
        for fault in self.faults:
            if (
                fault.get("when", "before") == when
                and fault["times"] > 0
                and re.search(fault["pattern"], sql, re.IGNORECASE | re.DOTALL)
            ):
                fault["times"] -= 1
                raise Refused(int(fault["code"]), fault.get("sqlstate", "XX000"), fault["message"])


MICROSECOND = datetime(1, 1, 1, microsecond=1) - datetime(1, 1, 1)
PASTS = 8  # instants of a database that are kept
SCHEMAS_TABLE = """
create table _fs_global._fs_information_schema._runner_schemas (catalog varchar, name varchar, note varchar)
"""
VIEWS = """
create or replace view $DB._fs_information_schema._fs_tables as
select database_name as "TABLE_CATALOG", schema_name as "TABLE_SCHEMA", table_name as "TABLE_NAME",
    'SYSADMIN' as "TABLE_OWNER", 'BASE TABLE' as "TABLE_TYPE",
    case when comment like '1 %' then 'YES' else 'NO' end as "IS_TRANSIENT", null::varchar as "CLUSTERING_KEY",
    estimated_size as "ROW_COUNT", 0 as "BYTES", coalesce(split_part(comment, ' ', 2)::int, 1) as "RETENTION_TIME",
    to_timestamp(0)::timestamptz as "CREATED", to_timestamp(0)::timestamptz as "LAST_ALTERED", null::varchar as "COMMENT",
    'NO' as "IS_TEMPORARY"
from duckdb_tables() where database_name = $NAME and schema_name not like '\\_fs\\_%' escape '\\'
    and schema_name not like '\\_FS\\_%' escape '\\'
union all
select database_name, schema_name, view_name, 'SYSADMIN', 'VIEW', null, null, null, null, null,
    to_timestamp(0)::timestamptz, to_timestamp(0)::timestamptz, null, 'NO'
from duckdb_views() where database_name = $NAME and not internal and schema_name not like '\\_fs\\_%' escape '\\';
create or replace view $DB._fs_information_schema._fs_schemata as
select catalog_name as "CATALOG_NAME",
    case when schema_name = '_fs_information_schema' then 'INFORMATION_SCHEMA' else schema_name end as "SCHEMA_NAME",
    'SYSADMIN' as "SCHEMA_OWNER", case when note like '1 %' then 'YES' else 'NO' end as "IS_TRANSIENT",
    coalesce(split_part(note, ' ', 2)::int, 1) as "RETENTION_TIME",
    to_timestamp(0)::timestamptz as "CREATED", to_timestamp(0)::timestamptz as "LAST_ALTERED", null::varchar as "COMMENT"
from system.information_schema.schemata
left join _fs_global._fs_information_schema._runner_schemas r on r.catalog = catalog_name and r.name = schema_name
where catalog_name = $NAME and schema_name not in ('main', 'pg_catalog', '_FS_HIDDEN');
create or replace view $DB._fs_information_schema._fs_views as
select database_name as "TABLE_CATALOG", schema_name as "TABLE_SCHEMA", view_name as "TABLE_NAME",
    'SYSADMIN' as "TABLE_OWNER", 'create or replace view ' || view_name || ' as ' || comment as "VIEW_DEFINITION"
from duckdb_views() where database_name = $NAME and not internal and schema_name != '_fs_information_schema';
"""

# -- HTTP --------------------------------------------------------------------------------------------------------------


async def body_of(request: Any) -> dict[str, Any]:
    raw = await request.body()
    if request.headers.get("content-encoding") == "gzip":
        raw = gzip.decompress(raw)
    return json.loads(raw) if raw else {}


def token_of(request: Any) -> str:
    found = re.search(r'Token="([^"]*)"', request.headers.get("authorization", ""))
    return found[1].removeprefix("m-") if found else ""


def wrong_login(code: str, text: str) -> JSONResponse:
    data = {"nextAction": "RETRY_LOGIN", "errorCode": code, "sqlState": "08001"}
    return JSONResponse({"data": data, "code": code, "message": text, "success": False})


def key_pair_fault(token: str, user: str) -> str:
    """What is wrong with a login by key pair."""
    if not EMULATOR.public_key:
        return "the user has no public key"
    key = serialization.load_pem_public_key(EMULATOR.public_key)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    print_ = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    try:
        claims = jwt.decode(token, key, algorithms=["RS256"], options={"require": ["exp", "iss", "sub"]})
    except jwt.PyJWTError as error:
        return str(error)
    name = claims["sub"].rpartition(".")[2]
    if claims["iss"] != f"{claims['sub']}.{print_}" or name.upper() != user.upper():
        return "another issuer"
    return ""


async def login(request: Any) -> JSONResponse:
    given = (await body_of(request))["data"]
    ask = request.query_params
    user, kind = str(given.get("LOGIN_NAME") or ""), str(given.get("AUTHENTICATOR") or "").upper()
    if kind == "SNOWFLAKE_JWT":
        fault = await asyncio.to_thread(key_pair_fault, str(given.get("TOKEN") or ""), user)
        if fault:
            return wrong_login("390144", f"JWT token is invalid. [{uuid.uuid4()}] ({fault})")
    elif given.get("PASSWORD") == "wrong":
        return wrong_login("390100", "Incorrect username or password was specified.")
    environment = given.get("CLIENT_ENVIRONMENT") or {}
    parameters = given.get("SESSION_PARAMETERS") or {}
    details = {
        "user": user.upper(),
        "role": upper(ask.get("roleName")) or "PUBLIC",
        "warehouse": upper(ask.get("warehouse")) or "",
        "application": str(environment.get("APPLICATION") or ""),
        "client": f"{given.get('CLIENT_APP_ID')} {given.get('CLIENT_APP_VERSION')}",
        "authenticator": kind or "SNOWFLAKE",
    }

    def opened() -> Session:
        session = Session(next(EMULATOR.numbers) + 10_000_000_000_000, details, parameters)
        database, schema = upper(ask.get("databaseName")), upper(ask.get("schemaName"))
        if database and EMULATOR.has_database(database):
            there = schema and EMULATOR.has_schema((database, schema, ""))
            session._at_home(database, schema if there else None if schema else "PUBLIC")
        EMULATOR.sessions[session.token] = session
        return session

    session = await asyncio.get_running_loop().run_in_executor(EMULATOR.workers, opened)
    sent = {"AUTOCOMMIT": session.autocommit, "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": 3600}
    sent |= {"CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0, "TIMEZONE": "Etc/UTC", "CLIENT_TELEMETRY_ENABLED": False}
    data = {
        "token": session.token, "masterToken": f"m-{session.token}", "validityInSeconds": 3600,
        "masterValidityInSeconds": 14400, "sessionId": session.number, "displayUserName": details["user"],
        "serverVersion": "10.0.0", "firstLogin": False, "remMeToken": None, "remMeValidityInSeconds": 0,
        "healthCheckInterval": 45, "newClientForUpgrade": None, "idToken": None, "idTokenValidityInSeconds": 0,
        "mfaToken": None, "parameters": [{"name": name, "value": value} for name, value in sent.items()],
        "sessionInfo": {
            "databaseName": session.database, "schemaName": session.schema,
            "warehouseName": session.warehouse or None, "roleName": session.role,
        },
    }  # fmt: skip
    return JSONResponse({"data": data, "code": None, "message": None, "success": True})


def upper(name: str | None) -> str | None:
    return parts_of(name)[0] if name else None


def lost(code: str = "390104", text: str = "User must login again to access the service.") -> JSONResponse:
    return JSONResponse({"data": None, "code": code, "message": text, "success": False})


def gone() -> JSONResponse:
    return lost("390111", "Session no longer exists.  New login required to access the service.")


async def statement(request: Any) -> JSONResponse:
    session = EMULATOR.sessions.get(token_of(request))
    if session is None:
        return lost()
    if session.gone:
        return gone()
    body = await body_of(request)
    asked = request.query_params.get("requestId") or str(uuid.uuid4())
    query = EMULATOR.requests.get(asked)  # the driver sent it again
    if query is None:
        query = Query(session, str(body.get("sqlText") or ""), asked, body)
        EMULATOR.queries[query.id] = EMULATOR.requests[asked] = query
        for known in (EMULATOR.queries, EMULATOR.requests):
            while len(known) > 500:
                known.popitem(last=False)
        query.future = asyncio.get_running_loop().run_in_executor(EMULATOR.workers, session.run, query)
    return await outcome(query, 0.0 if body.get("asyncExec") else EMULATOR.patience)


async def outcome(query: Query, patience: float) -> JSONResponse:
    """The answer, or after a while that there is none yet."""
    if patience:
        with contextlib.suppress(TimeoutError):
            return JSONResponse(await asyncio.wait_for(asyncio.shield(query.future), patience))
    code = "333333" if patience else "333334"
    data = {
        "queryId": query.id, "getResultUrl": f"/queries/{query.id}/result", "queryAbortsAfterSecs": 300,
        "progressDesc": None,
    }  # fmt: skip
    return JSONResponse({"data": data, "code": code, "message": "Query execution in progress.", "success": True})


async def result(request: Any) -> JSONResponse:
    query = EMULATOR.queries.get(request.path_params["id"])
    if query is None:
        return JSONResponse(Refused(709, "02000", f"Statement {request.path_params['id']} not found").body)
    return await outcome(query, EMULATOR.patience)


async def abort_statement(request: Any) -> JSONResponse:
    """By query id, or by request id in the body."""
    body = await body_of(request)
    query = EMULATOR.queries.get(request.path_params.get("id", "")) or EMULATOR.requests.get(str(body.get("requestId")))
    if query is None or query.status != "RUNNING":
        text = "Identified SQL statement is not currently executing."
        return JSONResponse({"data": None, "code": "000605", "message": text, "success": False})
    query.cancel()
    return JSONResponse({"data": None, "code": None, "message": None, "success": True})


async def monitoring(request: Any) -> JSONResponse:
    query = EMULATOR.queries.get(request.path_params["id"])
    if query is None:
        return JSONResponse({"data": {"queries": []}, "success": True})
    entry = {
        "id": query.id, "status": query.status, "state": query.status, "sqlText": query.sql,
        "sessionId": query.session.number, "startTime": int(query.started * 1000), "endTime": 0, "totalDuration": 0,
        "errorCode": f"{query.error.number:06d}" if query.error else None,
        "errorMessage": query.error.text if query.error else None,
    }  # fmt: skip
    return JSONResponse({"data": {"queries": [entry]}, "success": True})


async def session_request(request: Any) -> JSONResponse:
    session = EMULATOR.sessions.get(token_of(request))
    if session is None or session.gone:
        return gone()
    if request.query_params.get("delete"):
        await asyncio.get_running_loop().run_in_executor(EMULATOR.workers, EMULATOR.end, session)
        EMULATOR.sessions.pop(session.token, None)
    return JSONResponse({"data": None, "code": None, "message": None, "success": True})


async def nothing(request: Any) -> JSONResponse:
    return JSONResponse({"data": None, "code": None, "message": None, "success": True})


async def control(request: Any) -> JSONResponse:
    """What tests ask of the emulator itself."""
    what = request.path_params["what"]
    body = await body_of(request) if request.method == "POST" else {}
    if what == "sessions":
        found = [
            {**session.login, "id": session.number, "database": session.database, "schema": session.schema,
             "role": session.role, "warehouse": session.warehouse, "parameters": session.parameters,
             "query_tag": session.parameter("QUERY_TAG"), "transaction": session.began, "gone": session.gone,
             "running": session.current.sql if session.current else None}
            for session in list(EMULATOR.sessions.values())
        ]  # fmt: skip
        return JSONResponse(found)
    if what == "queries":
        rows = [
            {"id": q.id, "sql": q.sql, "status": q.status, "session": q.session.number}
            for q in EMULATOR.queries.values()
        ]
        return JSONResponse(rows)
    if what == "locks":
        with EMULATOR.locked:
            return JSONResponse({".".join(key): lock.session.number for key, lock in EMULATOR.locks.items()})
    if what == "state":
        return JSONResponse(
            {"commits": EMULATOR.commits.total(), "divergent": EMULATOR.divergent, "plans": len(EMULATOR.plans)}
        )
    if what == "public_key":
        EMULATOR.public_key = str(body.get("pem") or "").encode()
    elif what == "patience":
        EMULATOR.patience = float(body["seconds"])
    elif what == "faults":
        EMULATOR.faults = [{"times": 1, **fault} for fault in body.get("faults", ())]
    elif what == "kill":
        session = EMULATOR.by_number(str(body.get("session")))
        if session is not None:
            await asyncio.get_running_loop().run_in_executor(EMULATOR.workers, EMULATOR.end, session)
    else:
        return JSONResponse({"error": "no such control"}, status_code=404)
    return JSONResponse({"ok": True})


async def fault(request: Any, error: Exception) -> JSONResponse:
    """Not HTTP 500, which the driver would try again."""
    traceback.print_exception(error)
    return JSONResponse(Refused(603, "XX000", f"emulator: {type(error).__name__}: {error}").body)


class NoFault:
    """Starlette's own handler of the last resort answers 500."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["path"] = scope.get("path", "").replace("//", "/")  # the driver asks for /monitoring/queries//ID
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            await (await fault(None, error))(scope, receive, send)


ROUTES = [
    Route("/session/v1/login-request", login, methods=["POST"]),
    Route("/session/token-request", nothing, methods=["POST"]),
    Route("/session/heartbeat", session_request, methods=["POST"]),
    Route("/session", session_request, methods=["POST"]),
    Route("/queries/v1/query-request", statement, methods=["POST"]),
    Route("/queries/v1/abort-request", abort_statement, methods=["POST"]),
    Route("/queries/{id}/abort-request", abort_statement, methods=["POST"]),
    Route("/queries/{id}/result", result, methods=["GET", "POST"]),
    Route("/monitoring/queries/{id}", monitoring, methods=["GET"]),
    Route("/telemetry/send", nothing, methods=["POST"]),
    Route("/telemetry/send/sessionless", nothing, methods=["POST"]),
    Route("/fs_bucket/{path:path}", bucket_upload, methods=["PUT"]),
    Route("/runner/{what}", control, methods=["GET", "POST"]),
]

EMULATOR = Emulator()


def until_end_of_input() -> None:
    """Whoever started this holds the other end of the pipe: with him it ends, however he ends."""
    with contextlib.suppress(Exception):
        while sys.stdin.buffer.read(1):
            pass
    os._exit(0)


def main() -> None:
    arguments = sys.argv[1:]
    port = int(arguments[0])
    if "--patience" in arguments:
        EMULATOR.patience = float(arguments[arguments.index("--patience") + 1])
    if "--stay" not in arguments:
        threading.Thread(target=until_end_of_input, daemon=True).start()
    app = NoFault(Starlette(routes=ROUTES))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, timeout_keep_alive=300)


if __name__ == "__main__":
    main()
